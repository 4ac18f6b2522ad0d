"""A tensor prints, converts, promotes and indexes as PyTorch's does."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import clownpiece as cp

torch = pytest.importorskip("torch")

from support.stories import assert_told_alike  # noqa: E402

RNG = np.random.default_rng(0)
PRINTED = {
    "scalar": np.float32(3.14159),
    "whole floats": np.arange(4, dtype=np.float32),
    "fractions": np.array([0.1, -2.5, 3.0], np.float32),
    "matrix": RNG.standard_normal((3, 4)).astype(np.float32),
    "float64": RNG.standard_normal((2, 2)),
    "wide spread": np.array([1e-5, 1.0, 1e5], np.float32),
    "tiny": np.array([1e-9, 2e-9], np.float32),
    "huge": np.array([1e10, 1.0], np.float32),
    "large whole": np.array([100000.0, 2.0], np.float32),
    "not finite": np.array([np.nan, np.inf, -np.inf, 1.5], np.float32),
    "only nan": np.array([np.nan], np.float32),
    "zeros": np.zeros((2, 3), np.float32),
    "ints": np.array([[1, -20], [300, 4]]),
    "int32": np.array([1, 2], np.int32),
    "bools": np.array([[True, False], [False, True]]),
    "cube": RNG.standard_normal((2, 2, 3)).astype(np.float32),
    "long": np.arange(30, dtype=np.float32) / 7,
    "folded": np.arange(2000, dtype=np.float32),
    "folded matrix": RNG.standard_normal((50, 40)).astype(np.float32),
    "folded cube": RNG.integers(0, 9, (7, 8, 30)),
    "empty": np.zeros((0,), np.float32),
    "empty matrix": np.zeros((0, 3), np.float32),
    "empty ints": np.zeros((2, 0), np.int64),
    "many columns": RNG.standard_normal((2, 30)).astype(np.float32),
}


def as_ours(text: str) -> str:
    return text.replace("torch.", "clownpiece.")


@pytest.mark.parametrize("name", PRINTED)
def test_repr_is_pytorch_s(name):
    array = np.asarray(PRINTED[name])
    ours, theirs = cp.from_numpy(array.copy()), torch.from_numpy(array.copy())
    assert repr(ours) == as_ours(repr(theirs))
    if array.dtype.kind == "f":
        assert repr(ours.requires_grad_()) == as_ours(repr(theirs.requires_grad_()))


def test_repr_of_a_result_names_its_node_as_pytorch_does():
    for compute in (lambda x: x * 2, lambda x: x.sum(), lambda x: x.exp(), lambda x: x + x):
        ours = compute(cp.ones(3, requires_grad=True))
        theirs = compute(torch.ones(3, requires_grad=True))
        assert repr(ours) == repr(theirs)


DTYPES = ["float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool"]
NUMBERS = [True, 2, 0.5]


@pytest.mark.parametrize("left", DTYPES)
def test_type_promotion_is_pytorch_s(left):
    for right, shapes in itertools.product(DTYPES, [((2,), (2,)), ((2,), ()), ((), (2,))]):
        pair = [np.ones(shape, name) for shape, name in zip(shapes, (left, right), strict=True)]
        for compute in (lambda a, b: a * b, lambda a, b: a / b, lambda a, b: a == b):
            ours = compute(*map(cp.tensor, pair))
            theirs = compute(*(torch.tensor(each) for each in pair))
            assert repr(ours.dtype) == as_ours(repr(theirs.dtype)), (left, right, shapes)
    for number in NUMBERS:
        ours, theirs = cp.tensor(np.ones(2, left)), torch.tensor(np.ones(2, left))
        assert repr((ours * number).dtype) == as_ours(repr((theirs * number).dtype))
        assert repr((number * ours).dtype) == as_ours(repr((number * theirs).dtype))


@pytest.mark.parametrize(
    "data", [1, 1.5, True, [1, 2], [1, 2.5], [[True]], [], [[]], [np.float64(1.0)], [np.int32(2)]]
)
def test_tensor_takes_what_pytorch_takes_and_gives_its_dtype(data):
    try:
        theirs = torch.tensor(data)
    except (ValueError, TypeError) as error:
        with pytest.raises(type(error)):
            cp.tensor(data)
        return
    ours = cp.tensor(data)
    assert repr(ours.dtype) == as_ours(repr(theirs.dtype))
    assert ours.tolist() == theirs.tolist() and tuple(ours.shape) == tuple(theirs.shape)


@pytest.mark.parametrize("bad", ["text", [1, "a"], None, [[1, 2], [3]], object(), 1j])
def test_what_is_no_tensor_is_refused(bad):
    with pytest.raises((TypeError, ValueError, RuntimeError)):
        cp.tensor(bad)


@pytest.mark.parametrize(
    "args, kwargs",
    [((5,), {}), ((1, 4), {}), ((0, 1, 0.25), {}), ((3, 0, -1), {}), ((2,), {"dtype": "float32"})],
)
def test_arange_is_pytorch_s(args, kwargs):
    ours = cp.arange(*args, **kwargs)
    theirs = torch.arange(*args, **{k: getattr(torch, v) for k, v in kwargs.items()})
    assert ours.tolist() == theirs.tolist()
    assert repr(ours.dtype) == as_ours(repr(theirs.dtype))


def test_order_of_hooks_in_a_diamond_is_pytorch_s():
    def events(lib):
        log = []
        x = lib.ones(2, requires_grad=True)
        a, b = x * 2, x.exp()
        c = (a * b).sum()
        for name, each in {"x": x, "a": a, "b": b, "c": c}.items():
            each.register_hook(lambda g, name=name: log.append(name))
        x.register_post_accumulate_grad_hook(lambda t: log.append("accumulated"))
        c.backward()
        return log

    assert events(cp) == events(torch)


MISTAKES = [
    lambda lib: (lib.ones(2, requires_grad=True) * 2).backward(),
    lambda lib: lib.ones(2).sum().backward(),
    lambda lib: lib.ones(2, 3) @ lib.ones(2, 3),
    lambda lib: lib.ones(2, 3) + lib.ones(2, 4),
    lambda lib: lib.ones(2).reshape(3),
    lambda lib: lib.ones(2, 3).expand(3, 2),
    lambda lib: lib.ones(2, requires_grad=True).add_(1),
    lambda lib: lib.ones(2, requires_grad=True).numpy(),
    lambda lib: lib.ones(2, 2).item(),
    lambda lib: lib.ones(2)[5],
    lambda lib: lib.ones(2)[0, 0],
    lambda lib: lib.ones(2).sum(3),
    lambda lib: bool(lib.ones(2)),
    lambda lib: len(lib.tensor(1.0)),
    lambda lib: lib.zeros(-1),
    lambda lib: lib.ones(2).int().requires_grad_(),
    lambda lib: lib.cat([]),
    lambda lib: lib.ones(2).transpose(0, 5),
    lambda lib: lib.ones(2).squeeze(4),
    lambda lib: lib.ones(2) + "a",
]


@pytest.mark.parametrize("number", range(len(MISTAKES)))
def test_mistakes_raise_pytorch_s_error_classes(number):
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        MISTAKES[number](torch)
    with pytest.raises(theirs.type):
        MISTAKES[number](cp)


def test_creation_takes_a_dtype_a_device_and_whether_a_gradient_is_wanted():
    def tell(library, log):
        log(library.logspace(0, 2, 3, base=2.0, device="cpu"))
        for name in ("tril_indices", "triu_indices"):
            indices = getattr(library, name)
            log(indices(3, 4, -1), indices(2, 2, dtype=library.int32, device="cpu"))
        floating = {"dtype": library.float32, "requires_grad": True}
        for made in (
            library.randint(2, 3, (2,), **floating),
            library.randint_like(library.ones(2), 2, 3, **floating),
            library.randperm(1, **floating),
        ):
            log(made)
        log.attempt(lambda: library.randint(3, (2,), requires_grad=True))
        log.attempt(lambda: library.randperm(3, requires_grad=True))
        log.attempt(lambda: library.logspace(0, 1, 2, device="nowhere"))

    assert_told_alike(tell)
