"""Names that PyTorch users type daily: questions about tensors and types, and what is not here."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import clownpiece as cp

torch = pytest.importorskip("torch")

DTYPES = ["float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool"]


def ones(library, dtype="float32", shape=(2, 3)):
    return library.ones(shape, dtype=getattr(library, dtype))


def told(function, library):
    """What it gives, in the words of either library, or the class of its error."""
    try:
        return str(function(library)).replace("clownpiece.", "torch.")
    except (RuntimeError, TypeError) as error:
        return type(error)


@pytest.mark.parametrize("pair", list(itertools.product(DTYPES, DTYPES)), ids="-".join)
def test_types_are_promoted_and_cast_as_in_pytorch(pair):
    def run(library):
        left, right = (getattr(library, name) for name in pair)
        mixed = library.result_type(ones(library, pair[0]), library.tensor(1, dtype=right))
        return library.promote_types(left, right), library.can_cast(left, right), mixed

    assert told(run, cp) == told(run, torch)


QUESTIONS = [
    lambda library: library.result_type(ones(library, "int64"), 1.5),
    lambda library: library.result_type(ones(library, "bool"), True),
    lambda library: library.result_type(2, ones(library, "uint8")),
    lambda library: library.is_tensor(ones(library)),
    lambda library: library.is_tensor(np.ones(2)),
    lambda library: library.numel(ones(library)),
    lambda library: library.is_floating_point(ones(library, "int64")),
    lambda library: library.is_complex(ones(library)),
    lambda library: library.is_nonzero(library.tensor([0.5])),
    lambda library: library.is_nonzero(ones(library)),
    lambda library: library.is_same_size(ones(library), ones(library, "bool")),
    lambda library: library.broadcast_shapes((2, 1), (3,)),
    lambda library: library.broadcast_shapes((2, 1), (3, 3)),
    lambda library: ones(library, "uint8").is_signed(),
    lambda library: ones(library).is_complex(),
    lambda library: ones(library).ndimension(),
    lambda library: ones(library).get_device(),
    lambda library: [ones(library).is_cuda, ones(library).is_sparse, ones(library).is_quantized],
    lambda library: ones(library).char().dtype,
    lambda library: 1 in ones(library),
    lambda library: 2.5 in ones(library),
    lambda library: ones(library)[0] in ones(library),
    lambda library: "one" in ones(library),
    lambda library: [int(each) for each in reversed(library.arange(3))],
    lambda library: reversed(library.tensor(4)),
    lambda library: (library.arange(4) << 2).tolist(),
    lambda library: (library.arange(9) >> library.tensor(1)).tolist(),
    lambda library: (1 << library.arange(4)).tolist(),
    lambda library: ones(library).new_zeros(2, 2, requires_grad=True, device="cpu"),
    lambda library: ones(library).new_full((2,), 3, dtype=library.int64),
    lambda library: ones(library).new_tensor([1, 2], requires_grad=True),
    lambda library: library.full_like(ones(library), 2, dtype=library.int64, device="cpu"),
    lambda library: library.rand_like(ones(library), device="cpu", requires_grad=True).shape,
    lambda library: library.randn_like(ones(library), dtype=library.float64).dtype,
    lambda library: library.randint_like(ones(library), 2, 3, dtype=library.int64),
    lambda library: library.zeros_like(
        ones(library), memory_format=library.preserve_format if library is torch else None
    ),
    lambda library: library.eye(2, device="cpu"),
]


@pytest.mark.parametrize("number", range(len(QUESTIONS)))
def test_questions_are_answered_as_in_pytorch(number):
    assert told(QUESTIONS[number], cp) == told(QUESTIONS[number], torch)


def test_memory_is_shared_with_numpy_and_pytorch_in_both_directions():
    ours = cp.arange(6.0).reshape(2, 3)
    theirs = torch.from_dlpack(ours)
    array = np.from_dlpack(ours)
    back = cp.from_dlpack(theirs)
    ours.transpose_(0, 1)
    ours[2, 1] = 50
    for other in (theirs, array, back):
        assert float(other[1, 2]) == 50
    assert np.shares_memory(np.asarray(ours), array)
    assert np.asarray(ours, dtype=np.float64).dtype == np.float64
    assert torch.as_tensor(np.asarray(ours)).tolist() == ours.tolist()
    with pytest.raises(RuntimeError, match="requires grad"):
        np.asarray(ours.clone().requires_grad_())


@pytest.mark.parametrize(
    "ask",
    [
        lambda: cp.ones(2).half(),
        lambda: cp.ones(2).bfloat16(),
        lambda: cp.ones(2).cfloat(),
        lambda: cp.ones(2).to_sparse(),
        lambda: cp.float16,
        lambda: cp.complex64,
        lambda: cp.sparse_coo_tensor,
        lambda: cp.quantize_per_tensor,
        lambda: cp.ones(2).cuda(),
        lambda: cp.ones(2, dtype="float16"),
        lambda: cp.tensor([1 + 2j]),
        lambda: cp.from_numpy(np.ones(2, np.float16)),
    ],
)
def test_what_is_out_of_scope_says_so_and_what_to_do(ask):
    with pytest.raises((NotImplementedError, AttributeError, TypeError, RuntimeError)) as error:
        ask()
    assert any(word in str(error.value) for word in ("clownpiece", "real numbers"))
    assert len(str(error.value).split()) > 8
