"""Changes in place: the same tensor afterwards, its values, history and refusals as PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest

import clownpiece as cp

torch = pytest.importorskip("torch")

CELLS = np.arange(4.0).reshape(2, 2) + 0.5


def cells(library, **kwargs):
    return library.tensor(CELLS, **kwargs)


def mask(library):
    return library.tensor([[True, False], [False, True]])


# What is called on a 2×2 float64 tensor: a name, and its arguments in either library.
CALLS = {
    "squeeze_": lambda library: (),
    "unsqueeze_": lambda library: (1,),
    "transpose_": lambda library: (0, 1),
    "swapaxes_": lambda library: (0, -1),
    "swapdims_": lambda library: (1, 0),
    "t_": lambda library: (),
    "eq_": lambda library: (1.5,),
    "not_equal_": lambda library: (1.5,),
    "lt_": lambda library: (cells(library).T,),
    "less_equal_": lambda library: (2,),
    "gt_": lambda library: (2,),
    "ge_": lambda library: (1.5,),
    "addmm_": lambda library: (cells(library), cells(library) - 2),
    "float_power_": lambda library: (2,),
    "index_put_": lambda library: ((library.tensor([0, 0]),), cells(library) * 3),
    "put_": lambda library: (library.tensor([2, 2]), cells(library)[0], True),
    "masked_scatter_": lambda library: (mask(library), cells(library) * 5),
    "fill_diagonal_": lambda library: (7,),
    "renorm_": lambda library: (2, 0, 1.0),
}
NAMES = list(CALLS)


def changed(library, name, x):
    return getattr(x, name)(*CALLS[name](library))


def facts(x):
    return [tuple(x.shape), x.stride(), str(x.dtype).split(".")[-1], x._version, x.tolist()]


def same(ours, theirs):
    assert ours[:-1] == theirs[:-1]
    assert np.allclose(ours[-1], theirs[-1], rtol=1e-6)


def weighed(library, x):
    """A number whose gradient is another one in every cell, in the order of the shape."""
    count = int(np.prod(x.shape))
    return (x * library.arange(1.0, count + 1, dtype=library.float64).reshape(x.shape)).sum()


@pytest.mark.parametrize("name", NAMES)
def test_the_tensor_itself_is_changed_and_its_version_counts(name):
    def run(library):
        x = cells(library)
        assert changed(library, name, x) is x
        return facts(x)

    same(run(cp), run(torch))


@pytest.mark.parametrize("name", NAMES)
def test_the_history_goes_on_through_the_change(name):
    def run(library):
        leaf = cells(library, requires_grad=True)
        x = leaf * 2
        changed(library, name, x)
        weighed(library, x).backward()
        return [*facts(x), leaf.grad.tolist()]

    same(run(cp), run(torch))


@pytest.mark.parametrize("name", NAMES)
def test_a_view_that_is_changed_carries_the_change_into_its_base(name):
    def run(library):
        leaf = library.arange(8.0, dtype=library.float64).reshape(2, 2, 2).requires_grad_()
        base = leaf * 2
        view = base[1]
        changed(library, name, view)
        view.mul_(3)
        (weighed(library, base) + weighed(library, view)).backward()
        return [*facts(view), tuple(base.shape), leaf.grad.tolist()]

    same(run(cp), run(torch))


@pytest.mark.parametrize("name", NAMES)
def test_views_taken_before_remain_views_of_the_same_memory(name):
    def run(library):
        leaf = cells(library, requires_grad=True)
        base = leaf * 2
        row = base[0]
        changed(library, name, base)
        row.mul_(3)
        later = base.reshape(-1)
        later.add_(row.sum())
        weighed(library, base).backward()
        return [*facts(base), row.tolist(), leaf.grad.tolist()]

    same(run(cp), run(torch))


@pytest.mark.parametrize("name", NAMES)
def test_what_was_saved_before_the_change_is_missed_in_backward(name):
    for library in (cp, torch):
        x = cells(library, requires_grad=True) * 2
        squared = x * x
        changed(library, name, x)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            squared.sum().backward()


@pytest.mark.parametrize("name", NAMES)
def test_a_leaf_is_changed_under_no_grad_only(name):
    def run(library):
        leaf = cells(library, requires_grad=True)
        with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
            changed(library, name, leaf)
        with library.no_grad():
            changed(library, name, leaf)
        assert leaf.is_leaf
        assert leaf.requires_grad
        weighed(library, leaf).backward()
        return [*facts(leaf), leaf.grad.tolist()]

    same(run(cp), run(torch))


@pytest.mark.parametrize("accumulate", [False, True])
def test_index_put_reads_its_arguments_as_pytorch_does(accumulate):
    def run(library):
        leaf = cells(library, requires_grad=True)
        values = library.tensor([1.0, 2.0, 4.0], dtype=library.float64, requires_grad=True)
        x = leaf * 1
        index = (library.tensor([0, 1, 0]), library.tensor([1, 1, 1]))
        if not accumulate:
            index = tuple(each[:2] for each in index)
            x.index_put_(index, values[:2])
        else:
            x.index_put_(index, values, accumulate=True)
        weighed(library, x).backward()
        return x.tolist(), leaf.grad.tolist(), values.grad.tolist()

    assert run(cp) == run(torch)


def test_masked_scatter_differentiates_both_and_broadcasts():
    def run(library):
        leaf = cells(library, requires_grad=True)
        source = library.arange(5.0, dtype=library.float64).requires_grad_()
        result = leaf.masked_scatter(library.tensor([[[True, False]], [[False, True]]]), source)
        weighed(library, result).backward()
        return result.tolist(), leaf.grad.tolist(), source.grad.tolist()

    assert run(cp) == run(torch)


REFUSED = [
    lambda library: library.ones(2).eq_(library.ones(3, 2)),
    lambda library: library.ones(2).float_power_(2),
    lambda library: library.ones(2).addmm_(library.ones(2, 3), library.ones(3, 2)),
    lambda library: library.ones(2, 2, 2).t_(),
    lambda library: library.ones(2, 2).transpose_(0, 2),
    lambda library: library.ones(2, 2).unsqueeze_(1.5),
    lambda library: library.ones(2).index_put_((library.tensor([5]),), library.ones(1)),
    lambda library: library.ones(5).masked_scatter_(library.ones(5), library.ones(5)),
    lambda library: library.ones(5).masked_scatter_(library.ones(5) > 0, library.ones(3)),
    lambda library: library.ones(2, 2).masked_scatter_(mask(library), cells(library)),
    lambda library: library.ones(5).fill_diagonal_(0),
    lambda library: library.ones(2, 3, 2).fill_diagonal_(0),
    lambda library: library.ones(2).index_add_(0, library.tensor([0]), cells(library)[0, :1]),
    lambda library: library.ones(2).random_(5, 2),
    lambda library: library.ones(2, dtype=library.uint8).random_(300),
    lambda library: library.ones(2).exponential_(0.0),
    lambda library: library.ones(2, dtype=library.int64).exponential_(),
    lambda library: library.ones(2, dtype=library.int64).normal_(),
    lambda library: library.ones(2, dtype=library.int64).uniform_(),
    lambda library: library.ones(2).uniform_(2, 1),
    lambda library: library.ones(2).normal_(0, -1),
    lambda library: library.ones(2).log_normal_(0, -1),
    lambda library: library.ones(2).cauchy_(0, -1),
    lambda library: library.ones(2).geometric_(1),
    lambda library: library.ones(2).bernoulli_(1.5),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_pytorch_refuses_is_refused_and_changes_nothing(number):
    kinds = RuntimeError, TypeError, IndexError
    with pytest.raises(kinds) as theirs:
        REFUSED[number](torch)
    with pytest.raises(kinds) as ours:
        REFUSED[number](cp)
    assert issubclass(ours.type, theirs.type)


# -- random numbers --------------------------------------------------------------------------

MANY = 20_000
DRAWN = {
    "random_": (7,),
    "exponential_": (2.0,),
    "geometric_": (0.3,),
    "log_normal_": (0.5, 0.25),
    "normal_": (1.0, 2.0),
    "uniform_": (-1.0, 3.0),
    "bernoulli_": (0.3,),
    "cauchy_": (1.0, 0.5),
}


@pytest.mark.parametrize("name", DRAWN)
def test_random_numbers_have_pytorch_s_distribution(name):
    def quantiles(library):
        x = library.empty(MANY, dtype=library.float64)
        generator = library.Generator().manual_seed(3)
        assert getattr(x, name)(*DRAWN[name], generator=generator) is x
        return np.quantile(x.numpy(), np.linspace(0.05, 0.95, 7))

    spread = quantiles(torch)
    assert np.allclose(quantiles(cp), spread, atol=0.04 * (spread.max() - spread.min()) + 1e-9)


@pytest.mark.parametrize("name", DRAWN)
def test_the_history_ends_where_random_numbers_are_written(name):
    leaf = cells(cp, requires_grad=True)
    x = leaf * 2
    getattr(x, name)(*DRAWN[name])
    x.sum().backward()
    assert leaf.grad.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int8", "int64", "bool"])
def test_random_without_bounds_stays_in_what_the_dtype_holds(dtype):
    x = cp.empty(200, dtype=dtype).random_()
    largest = int(x.max()) if dtype != "bool" else int(x.any())
    limits = {"float32": 2**24, "float64": 2**53, "bool": 1}
    limit = limits[dtype] if dtype in limits else cp.iinfo(dtype).max
    assert limit // 2 < largest <= limit
