"""What PyTorch refuses is refused here: every record, called wrongly as its samples suggest.

The same call goes to both. Where PyTorch raises, an error of the same class must come, in a
sentence; where it answers, the same answer. What may differ is written down in this file.
"""

from __future__ import annotations

import traceback
import warnings
from typing import Any, NamedTuple

import pytest
from support.bad_calls import BadCall, bad_calls
from support.records import Case, cases, tensors_of
from support.torch_records import (
    answer,
    as_torch,
    assert_same_answer,
    call_torch,
    has_counterpart,
    nested,
)

from clownpiece.ops import Op

torch = pytest.importorskip("torch")

OURS = (RuntimeError, ValueError, TypeError, IndexError, AssertionError)
SAMPLES_A_RECORD = 2

# The kinds of differences; which of them are known stands below.
FELL_OVER = "an error that nobody wrote"
SHAPE = "another shape"
CLASS = "another class of error"
ANSWERED = "an answer where PyTorch refuses"
REFUSED = "a refusal where PyTorch answers"
VALUES = "other values or another dtype"


def by_record() -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for case in cases(has_counterpart):
        found.setdefault(case.record.name, []).append(case)
    return {name: several[:SAMPLES_A_RECORD] for name, several in found.items()}


TRIED = by_record()


def names_a_wrong_kind(error: object) -> bool:
    """Whether this is our refusal of an argument by its type, the same for every record.

    PyTorch's functions in Python do without it: they fail somewhere further in, with any
    class, or take `reduce="nonsense"` for true.
    """
    return isinstance(error, TypeError) and "argument" in str(error) and "must be" in str(error)


def fell_over(error: object) -> bool:
    """Whether PyTorch did not refuse, but ran into something: a kernel it lacks, Python's own."""
    if isinstance(error, (NotImplementedError, AttributeError, AssertionError, ZeroDivisionError)):
        return True
    phrases = ("to unpack", "tuple index out of range", "unexpected keyword", "not implemented")
    return any(phrase in str(error) for phrase in phrases)


class Difference(NamedTuple):
    """How a call ends otherwise here than in PyTorch, and the two ends in words."""

    kind: str
    said: str


def difference(call: BadCall) -> Difference | None:
    """What differs between the two libraries, or None."""
    inputs = call.draw()
    theirs = answer(call_torch, call.case, nested(as_torch, inputs))
    mine = answer(call.case, tensors_of(inputs))
    refused, refuses = isinstance(theirs, Exception), isinstance(mine, Exception)
    if refuses and not is_a_sentence(mine):
        return Difference(FELL_OVER, repr(mine))
    if names_a_wrong_kind(mine):
        return None
    if refused and refuses:
        fits = isinstance(mine, type(theirs)) or fell_over(theirs)
        return None if fits else Difference(CLASS, f"PyTorch says {theirs!r}, we {mine!r}")
    if refused:
        # An answer where PyTorch has no arithmetic for a dtype is no fault.
        tolerated = fell_over(theirs) or (call.dtype is not None and not strict(call.case.record))
        return None if tolerated else Difference(ANSWERED, f"PyTorch says {theirs!r}")
    if refuses:
        return Difference(REFUSED, repr(mine))
    if shapes(mine) != shapes(theirs):
        return Difference(SHAPE, f"PyTorch gives {shapes(theirs)}, we {shapes(mine)}")
    try:
        assert_same_answer(mine, theirs)
    except (AssertionError, ValueError, RuntimeError) as error:
        return Difference(VALUES, str(error).strip()[:200])
    return None


def is_a_sentence(error: Exception) -> bool:
    """Whether an error was raised here on purpose, rather than by what a wrong value ran into."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    on_purpose = "clownpiece" in place.filename and (place.line or "").startswith("raise")
    return isinstance(error, OURS) and len(str(error)) >= 20 and on_purpose


def shapes(result: Any) -> Any:
    """The shapes of what came out, nested as it is."""
    if isinstance(result, (tuple, list)):
        return [shapes(each) for each in result]
    return tuple(getattr(result, "shape", ()))


def strict(record: Op) -> bool:
    """Whether the record itself says which dtypes it refuses."""
    return bool(record.alike or record.refuses)


# What may differ, by its kind: record → arguments of which some wrong value is treated
# otherwise here. The test demands that every entry is needed.
DIFFERS: dict[str, dict[str, str]] = {
    # Both refuse. Several things are wrong and the other is named first, or PyTorch passes the
    # value on to a kernel in C++ or to a line of Python that has its own class of error.
    CLASS: {
        "adaptive_avg_pool2d": "output_size x",
        "adaptive_avg_pool3d": "output_size x",
        "adaptive_max_pool2d_with_indices": "output_size x",
        "adaptive_max_pool3d_with_indices": "output_size x",
        "argmax": "x",
        "argmin": "x",
        "avg_pool2d": "x",
        "baddbmm": "batch2",
        "cross_entropy": "target x",
        "diag_embed": "x",
        "embedding_bag": "weight x",
        "flip": "dims",
        "fliplr": "x",
        "index_add": "dim index x",
        "index_copy": "index source x",
        "index_fill": "index x",
        "index_put": "x",
        "index_select": "index x",
        "kthvalue": "x",
        "linalg.matrix_norm": "ord x",
        "linalg.norm": "ord",
        "max_unpool1d": "output_size",
        "max_unpool2d": "output_size",
        "max_unpool3d": "output_size",
        "median": "x",
        "movedim": "destination source",
        "nll_loss": "target x",
        "norm": "dim p",
        "pad": "value",
        "repeat_interleave": "repeats",
        "rms_norm": "normalized_shape",
        "scatter": "src",
        "scatter_add": "src",
        "scatter_reduce": "src",
        "searchsorted": "side",
        "tensordot": "dims x",
        "tile": "dims",
        "unfold_windows": "x",
        "view": "size",
    },
    # We answer: an int where PyTorch wants a tuple, bags without words, a bias for all outputs, a
    # `memory_format` that means nothing on NumPy.
    ANSWERED: {
        "bilinear": "bias",
        "clone": "memory_format",
        "embedding_bag": "x",
        "flip": "dims",
        "logsumexp": "dim",
        "tile": "dims",
        "view": "size",
    },
    # We refuse what PyTorch takes: nonsense (a norm of negative p, smoothing below 0), numbers of
    # another dtype beside weights, targets out of the range of the classes.
    REFUSED: {
        "bincount": "x",
        "conv_transpose1d": "bias",
        "conv_transpose2d": "bias",
        "cross_entropy": "label_smoothing",
        "embedding_bag": "x",
        "index_add": "x",
        "linalg.matrix_power": "x",
        "max_unpool1d": "kernel_size padding",
        "max_unpool2d": "kernel_size",
        "multilabel_soft_margin_loss": "input target",
        "normalize": "p",
        "pairwise_distance": "p",
        "roll": "dims",
        "take_along_dim": "indices",
        "triplet_margin_loss": "p",
    },
    # Both answer. Boundaries that are not sorted, equal numbers, of which any may be named; whole
    # numbers beside fractions; float32 targets beside float64; rows that nothing attends to.
    VALUES: {
        "binary_cross_entropy_with_logits": "target",
        "bucketize": "boundaries",
        "hardtanh": "x",
        "hinge_embedding_loss": "input",
        "histc": "max",
        "huber_loss": "input",
        "kl_div": "input target",
        "kthvalue": "x",
        "scaled_dot_product_attention": "scale",
        "searchsorted": "sorted_sequence",
        "tanhshrink": "x",
        "topk": "x",
    },
    # PyTorch takes no dims for no reduction here, and for all of them in `sum`; and it hands an
    # image without pixels back.
    SHAPE: {
        "all": "dim",
        "any": "dim",
        "pixel_unshuffle": "x",
    },
    # The record below `x[index]` gets an index that `normalize_index` has made plain.
    FELL_OVER: {
        "getitem": "index",
    },
}


@pytest.mark.parametrize("name", TRIED)
def test_a_wrong_call_is_refused_as_pytorch_refuses_it(name: str):
    accepted = {kind: table.get(name, "").split() for kind, table in DIFFERS.items()}
    needed: set[tuple[str, str]] = set()
    faults: dict[tuple[str, str], str] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in TRIED[name]:
            for call in bad_calls(case):
                found = difference(call)
                if found is not None and call.argument in accepted.get(found.kind, ()):
                    needed.add((found.kind, call.argument))
                elif found is not None:
                    faults.setdefault((found.kind, call.argument), f"{call}: {found}")
    assert not faults, "\n".join(faults.values())
    listed = {(kind, argument) for kind, arguments in accepted.items() for argument in arguments}
    assert listed == needed, f"{name} differs no longer in {listed - needed}; take it off the list"


def test_differences_are_of_records_that_are_tried():
    assert {name for table in DIFFERS.values() for name in table} <= set(TRIED)
