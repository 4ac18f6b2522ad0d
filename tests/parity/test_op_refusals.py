"""What PyTorch refuses is refused here: every record, called wrongly as its samples suggest.

The same call goes to both. Where PyTorch raises, an error of the same class must come, in a
sentence; where it answers, the same answer. What may differ is written down in this file.
"""

from __future__ import annotations

import warnings

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

from clownpiece.ops import REGISTRY, Op

torch = pytest.importorskip("torch")

OURS = (RuntimeError, ValueError, TypeError, IndexError, AssertionError)
SAMPLES_A_RECORD = 2


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


def difference(call: BadCall) -> str | None:
    """What differs between the two libraries, or None."""
    inputs = call.draw()
    theirs = answer(call_torch, call.case, nested(as_torch, inputs))
    mine = answer(call.case, tensors_of(inputs))
    refused, refuses = isinstance(theirs, Exception), isinstance(mine, Exception)
    if refuses and (not isinstance(mine, OURS) or len(str(mine)) < 20):
        return f"no sentence: {mine!r}"
    if names_a_wrong_kind(mine):
        return None
    if refused and refuses:
        fits = isinstance(mine, type(theirs)) or fell_over(theirs)
        return None if fits else f"PyTorch says {theirs!r}, we {mine!r}"
    if refused:
        # An answer where PyTorch has no arithmetic for a dtype is no fault.
        tolerated = fell_over(theirs) or (call.dtype is not None and not strict(call.case.record))
        return None if tolerated else f"PyTorch says {theirs!r}, we answer"
    if refuses:
        return f"PyTorch answers, we say {mine!r}"
    try:
        assert_same_answer(mine, theirs)
    except (AssertionError, ValueError, RuntimeError) as error:
        return f"other values: {str(error).strip()[:200]}"
    return None


def strict(record: Op) -> bool:
    """Whether the record itself says which dtypes it refuses."""
    return bool(record.alike or record.refuses)


# Record → the arguments of which some wrong value is treated otherwise here. Each was looked at:
# several things are wrong at once and the other is named first; PyTorch passes a numpy-like int
# (`dims=-7`) only as a tuple; it averages or clips whole numbers in integers; it asks for less
# (an empty image, a norm of a negative p); or the kernels disagree about what is empty.
DIFFERS: dict[str, str] = {
    "adaptive_avg_pool1d": "output_size",
    "adaptive_avg_pool2d": "output_size x",
    "adaptive_avg_pool3d": "output_size x",
    "adaptive_max_pool1d_with_indices": "output_size",
    "adaptive_max_pool2d_with_indices": "output_size x",
    "adaptive_max_pool3d_with_indices": "output_size x",
    "affine_grid": "size theta",
    "all": "dim",
    "aminmax": "dim",
    "any": "dim",
    "argmax": "x",
    "argmin": "x",
    "avg_pool1d": "x",
    "avg_pool2d": "x",
    "avg_pool3d": "kernel_size x",
    "baddbmm": "batch2",
    "bilinear": "bias",
    "binary_cross_entropy_with_logits": "target",
    "bincount": "weights x",
    "bucketize": "boundaries",
    "clone": "memory_format",
    "conv2d": "x",
    "conv3d": "x",
    "conv_transpose1d": "bias weight x",
    "conv_transpose2d": "bias weight x",
    "conv_transpose3d": "weight x",
    "cross_entropy": "label_smoothing target x",
    "embedding_bag": "padding_idx weight x",
    "flip": "dims",
    "fliplr": "x",
    "fmod": "x",
    "grid_sample": "x",
    "hardtanh": "x",
    "hinge_embedding_loss": "input",
    "histc": "max",
    "huber_loss": "input",
    "index_add": "dim index x",
    "index_copy": "index source x",
    "index_fill": "index x",
    "index_put": "x",
    "index_select": "index x",
    "kl_div": "input target",
    "kthvalue": "x",
    "linalg.matrix_norm": "dim ord x",
    "linalg.matrix_power": "x",
    "linalg.norm": "dim ord",
    "local_response_norm": "x",
    "logsumexp": "dim",
    "lp_pool1d": "x",
    "lp_pool2d": "x",
    "lp_pool3d": "kernel_size x",
    "masked_select": "mask",
    "max_pool1d": "x",
    "max_pool1d_with_indices": "x",
    "max_pool2d": "x",
    "max_pool2d_with_indices": "x",
    "max_pool3d": "x",
    "max_pool3d_with_indices": "x",
    "max_unpool1d": "kernel_size output_size padding stride",
    "max_unpool2d": "kernel_size output_size",
    "max_unpool3d": "kernel_size output_size padding",
    "median": "x",
    "meshgrid": "indexing",
    "movedim": "destination source",
    "multi_head_attention_forward": "dropout_p in_proj_bias in_proj_weight",
    "multilabel_margin_loss": "target",
    "multilabel_soft_margin_loss": "input target",
    "narrow": "start x",
    "nll_loss": "target x",
    "norm": "dim p",
    "normalize": "p",
    "pad": "value",
    "pairwise_distance": "p",
    "pixel_unshuffle": "x",
    "quantile": "q",
    "repeat_interleave": "output_size repeats",
    "rms_norm": "normalized_shape",
    "roll": "dims",
    "scaled_dot_product_attention": "scale value",
    "searchsorted": "side sorted_sequence",
    "soft_margin_loss": "input target",
    "split": "split_size_or_sections",
    "take": "index",
    "take_along_dim": "indices x",
    "tanhshrink": "x",
    "tensor_split": "indices_or_sections",
    "tensordot": "dims x",
    "threshold": "x",
    "tile": "dims",
    "topk": "x",
    "triplet_margin_loss": "p",
    "unfold": "x",
    "unfold_windows": "x",
    "view": "size",
}


@pytest.mark.parametrize("name", TRIED)
def test_a_wrong_call_is_refused_as_pytorch_refuses_it(name: str):
    accepted = DIFFERS.get(name, "").split()
    found: dict[str, str] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in TRIED[name]:
            for call in bad_calls(case):
                if call.argument not in accepted and call.argument not in found:
                    said = difference(call)
                    if said is not None:
                        found[call.argument] = f"{call}: {said}"
    assert not found, "\n".join(found.values())


def test_differences_are_of_records_and_arguments_that_exist():
    for name, arguments in DIFFERS.items():
        record = REGISTRY[name]
        assert set(arguments.split()) <= {*record.inputs, *record.parameters}, name
