"""What is easy to get wrong: gradients where functions break, results with names, refusals."""

from __future__ import annotations

import math
import re
import warnings

import numpy as np
import pytest

import clownpiece as cp
from clownpiece.autograd import grad
from clownpiece.ops import REGISTRY
from clownpiece.ops.record import op
from clownpiece.ops.samples import S, bools, floats, ints, permutations, positive_definite


def gradient(function, *values):
    leaves = [cp.tensor(value, requires_grad=True) for value in values]
    return [each.tolist() for each in grad(function(*leaves).sum(), leaves)]


# -- gradients where functions break ---------------------------------------------------------


def test_equal_extremes_share_their_gradient():
    assert gradient(cp.maximum, [1.0, 2.0], [1.0, 0.0]) == [[0.5, 1.0], [0.5, 0.0]]
    assert gradient(lambda x: x.max(), [3.0, 1.0, 3.0]) == [[0.5, 0.0, 0.5]]
    assert gradient(lambda x: x.amin(0), [1.0, 1.0, 1.0, 1.0]) == [[0.25] * 4]


def test_the_maximum_along_a_dimension_goes_to_the_first_of_equals():
    assert gradient(lambda x: x.max(0).values, [3.0, 1.0, 3.0]) == [[1.0, 0.0, 0.0]]


def test_a_root_behind_a_clamp_has_no_gradient_of_nan():
    assert gradient(lambda x: x.clamp(min=0.0).sqrt(), [-1.0, 4.0]) == [[0.0, 0.25]]
    assert gradient(lambda x: cp.maximum(x, cp.zeros(2)).sqrt(), [-1.0, 4.0]) == [[0.0, 0.25]]


def test_the_branch_that_was_not_taken_gets_exact_zeros():
    steep = cp.tensor([1.0, math.inf])
    assert gradient(lambda x: cp.where(x > 0, x, 0.0) * steep, [1.0, -1.0]) == [[1.0, 0.0]]
    assert gradient(lambda x: x.masked_fill(x < 0, 0.0) * steep, [1.0, -1.0]) == [[1.0, 0.0]]


@pytest.mark.parametrize(
    "function",
    [lambda x: x.norm(), lambda x: x.norm(3), lambda x: x.std(), lambda x: x.norm(math.inf)],
)
def test_norms_and_spreads_of_zeros_have_the_gradient_zero(function):
    assert gradient(function, [0.0, 0.0, 0.0]) == [[0.0, 0.0, 0.0]]


def test_zero_to_the_power_of_zero_and_of_a_variable():
    assert gradient(lambda x: x**0, [0.0, 2.0]) == [[0.0, 0.0]]
    assert gradient(lambda x, n: x**n, [0.0], [0.0]) == [[0.0], [0.0]]
    assert gradient(lambda n: 0.0**n, [2.0]) == [[0.0]]


def test_what_is_flat_between_its_jumps_has_zeros_not_nothing():
    for name in ("floor", "ceil", "round", "trunc", "sign"):
        assert gradient(getattr(cp, name), [0.3, -1.7]) == [[0.0, 0.0]]


def test_an_index_named_twice_collects_twice():
    twice = cp.tensor([0, 0, 2])
    assert gradient(lambda x: x[twice], [1.0, 1.0, 1.0]) == [[2.0, 0.0, 1.0]]
    assert gradient(lambda x: x.gather(0, twice), [1.0, 1.0, 1.0]) == [[2.0, 0.0, 1.0]]
    assert gradient(lambda x: x.index_select(0, twice), [1.0, 1.0, 1.0]) == [[2.0, 0.0, 1.0]]


def test_inf_and_nan_are_answers_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = cp.tensor([0.0, -1.0, 1e38], requires_grad=True)
        y = x.log() + 1 / x + x * x * 10 + (x / 0).exp()
        y.sum().backward()
        assert not cp.isfinite(y).any()
        assert np.isnan(x.grad.numpy()).any()
        x.detach().clone().mul_(1e38).sqrt_()


# -- views -----------------------------------------------------------------------------------


VIEWS = {
    "reshape": lambda x: x.reshape(3, 2),
    "view": lambda x: x.view(-1),
    "flatten": lambda x: x.flatten(),
    "unflatten": lambda x: x.unflatten(1, (3, 1)),
    "transpose": lambda x: x.transpose(0, 1),
    "permute": lambda x: x.permute(1, 0),
    "movedim": lambda x: x.movedim(0, 1),
    "squeeze": lambda x: x.squeeze(),
    "unsqueeze": lambda x: x.unsqueeze(0),
    "narrow": lambda x: x.narrow(1, 1, 2),
    "select": lambda x: x.select(0, 1),
    "diagonal": lambda x: x.diagonal(),
    "getitem": lambda x: x[:, 1:],
    "one element": lambda x: x[1, 2],
    "split": lambda x: x.split(1)[1],
    "chunk": lambda x: x.chunk(2)[1],
    "unbind": lambda x: x.unbind(1)[2],
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_shares_memory_both_ways(name):
    x = cp.zeros(2, 3)
    view = VIEWS[name](x)
    x.fill_(5)
    assert (view == 5).all()
    view.fill_(7) if name not in ("split", "chunk", "unbind") else view.detach().fill_(7)
    assert (x == 7).any()


COPIES = {
    "flip": lambda x: x.flip(0),
    "roll": lambda x: x.roll(1),
    "repeat": lambda x: x.repeat(1, 1),
    "clone": lambda x: x.clone(),
    "index": lambda x: x[[0, 1]],
    "mask": lambda x: x[x == 0],
    "cat": lambda x: cp.cat([x]),
    "tril": lambda x: x.tril(),
    "where": lambda x: cp.where(x == 0, x, x),
    "pow 1": lambda x: x**1,
    "abs": lambda x: x.abs(),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_does_not_share_memory(name):
    x = cp.zeros(2, 3)
    COPIES[name](x).fill_(7)
    assert (x == 0).all()


# -- results with names ----------------------------------------------------------------------


def test_results_of_several_tensors_can_be_read_by_name():
    x = cp.tensor([[3.0, 1.0, 2.0]])
    for function in (cp.max, cp.min, cp.sort, cp.cummax):
        found = function(x, 1)
        assert type(found).__name__ == function.name
        assert found.values is found[0] and found.indices is found[1]
    assert cp.topk(x, 1)._fields == ("values", "indices")
    assert cp.linalg.svd(x)._fields == ("U", "S", "Vh")
    values, indices = x.max(dim=1)
    assert values.tolist() == [3.0] and indices.tolist() == [0]


# -- refusals --------------------------------------------------------------------------------

REFUSED = [
    (lambda: cp.ones(2, 3) + cp.ones(2, 4), RuntimeError, r"\(2, 3\) and \(2, 4\)"),
    (lambda: cp.ones(2, 3) @ cp.ones(2, 3), RuntimeError, r"\(2, 3\) and \(2, 3\)"),
    (lambda: cp.ones(2, 3) @ cp.ones(3, 2).double(), RuntimeError, "same dtype"),
    (lambda: cp.ones(2, 3).reshape(4, 2), RuntimeError, "invalid for input of size 6"),
    (lambda: cp.ones(2, 3).t().view(6), RuntimeError, r"\.reshape"),
    (lambda: cp.ones(2, 3).sum(2), IndexError, "out of range"),
    (lambda: cp.ones(2, 3).permute(0), RuntimeError, "number of dimensions"),
    (lambda: cp.ones(2, 3).expand(2, 4), RuntimeError, r"\(2, 3\) cannot be expanded"),
    (lambda: cp.cat([cp.ones(2, 3), cp.ones(3, 4)]), RuntimeError, r"\(2, 3\) and \(3, 4\)"),
    (lambda: cp.stack([cp.ones(2), cp.ones(3)]), RuntimeError, r"\(2,\) at entry 0 and \(3,\)"),
    (lambda: cp.ones(5).split([2, 2]), RuntimeError, "sum exactly to 5"),
    (lambda: cp.ones(2)["a"], IndexError, "valid"),
    (lambda: cp.ones(2)[0.5], IndexError, "valid"),
    (lambda: cp.ones(3)[::-1], ValueError, "flip"),
    (lambda: cp.ones(2)[cp.tensor([0.5])], IndexError, "int or bool"),
    (lambda: cp.ones(3).__setitem__(slice(0, 2), cp.ones(3)), RuntimeError, r"\(3,\).*\(2,\)"),
    (lambda: cp.ones(2, 3).gather(1, cp.tensor([[3]])), RuntimeError, "index 3 is out of bounds"),
    (lambda: cp.ones(2).index_select(0, cp.tensor([2])), IndexError, "size 2"),
    (lambda: cp.arange(3).mean(), RuntimeError, r"\.float\(\)"),
    (lambda: cp.arange(3).div_(2), RuntimeError, "without the underscore"),
    (lambda: cp.arange(3) // 0, RuntimeError, "ZeroDivisionError"),
    (lambda: -(cp.ones(2) > 0), RuntimeError, "logical_not"),
    (lambda: cp.where(cp.arange(2), 1.0, 0.0), RuntimeError, "boolean"),
    (lambda: cp.ones(2).masked_fill(cp.arange(2), 0.0), RuntimeError, "boolean masks"),
    (lambda: cp.zeros(0).max(), RuntimeError, "non-zero size"),
    (lambda: cp.ones(2, 3).topk(4), RuntimeError, "out of range"),
    (lambda: cp.linalg.inv(cp.zeros(2, 2)), RuntimeError, "singular"),
    (lambda: cp.linalg.cholesky(-cp.ones(2, 2)), RuntimeError, "positive-definite"),
    (lambda: cp.linalg.det(cp.ones(2, 3)), RuntimeError, "2 by 3"),
    (lambda: cp.einsum("ij,jk->il", cp.ones(2, 2), cp.ones(2, 2)), RuntimeError, "labels"),
    (lambda: cp.einsum("ij,jk", cp.ones(2, 3), cp.ones(2, 2)), RuntimeError, "'j' has size 3"),
    (lambda: cp.ones(2).add(1, beta=2), TypeError, "unexpected argument 'beta'"),
    (lambda: cp.ones(2).sum(0, False, None, 3), TypeError, "positional"),
    (lambda: cp.ones(2) + "a", TypeError, "unsupported operand"),
    (lambda: cp.add(cp.ones(2), "a"), TypeError, "Tensor or number"),
]


@pytest.mark.parametrize("call, kind, said", REFUSED)
def test_a_refusal_says_what_was_given_and_what_to_do(call, kind, said):
    with pytest.raises(kind, match=said):
        call()


WRONG_KINDS = [
    (lambda x: x.sum(dim=0.5), "argument 'dim' must be int or a tuple of ints or None, not float"),
    (lambda x: x.sum(0, keepdim=1), "argument 'keepdim' must be bool, not int"),
    (lambda x: x.cumsum(True), "argument 'dim' must be int, not bool"),
    (lambda x: x.sum(dtype="complex64"), "not an element type of clownpiece"),
    (lambda x: cp.maximum(x, 2), "argument 'other' (position 2) must be Tensor, not int"),
    (lambda x: cp.exp(2.0), "argument 'input' (position 1) must be Tensor, not float"),
    (lambda x: cp.cat(x), "argument 'tensors' must be tuple of Tensors, not Tensor"),
    (lambda x: cp.cat([x, 2]), "must be Tensor, not int"),
    (lambda x: x.chunk(), "missing a required argument: 'chunks'; it takes x, chunks, dim"),
    (lambda x: cp.nn.functional.elu(x, "a lot"), "argument 'alpha' must be a number, not str"),
]


@pytest.mark.parametrize("call, said", WRONG_KINDS)
def test_an_argument_of_a_wrong_kind_is_named(call, said):
    with pytest.raises(TypeError, match=re.escape(said)):
        call(cp.ones(2, 3))


def test_a_tensor_of_one_number_may_stand_for_a_number():
    x = cp.arange(6).reshape(2, 3).float()
    assert cp.equal(x.sum(cp.tensor(0)), x.sum(0))
    assert cp.equal(x.narrow(1, 0, cp.tensor(2)), x[:, :2])
    assert cp.equal(cp.nn.functional.elu(x, cp.tensor(2.0)), cp.nn.functional.elu(x, 2.0))


# -- records and samples ---------------------------------------------------------------------


def test_keywords_may_be_spelled_as_numpy_spells_them():
    x = cp.arange(6).reshape(2, 3).float()
    assert cp.equal(x.sum(axis=0, keepdims=True), x.sum(dim=0, keepdim=True))
    assert cp.equal(cp.sum(input=x), x.sum())
    assert cp.equal(cp.cat([x, x], axis=1), cp.cat([x, x], 1))
    assert cp.equal(x.max(axis=1).values, x.max(1).values)
    assert cp.equal(cp.add(x, other=x), x + x)


def test_a_name_is_given_to_one_operation_only():
    with pytest.raises(ValueError, match="already"):
        op("exp", np.exp)
    assert REGISTRY["exp"] is cp.exp


def test_samples_draw_what_they_describe():
    rng = np.random.default_rng(0)
    sample = S((2, 3), ints((4,), 3), [(1,), (2,)], bools((5,)), 2.5, None, dim=1)
    x, index, several, mask, number, missing = sample.draw(rng, np.float32, domain=(0, 1))
    assert x.dtype == np.float32 and ((x > 0) & (x < 1)).all()
    assert index.dtype == np.int64 and set(index.tolist()) <= {0, 1, 2}
    assert [each.shape for each in several] == [(1,), (2,)]
    assert mask.dtype == bool and number == 2.5 and missing is None
    assert sample.params == {"dim": 1}
    assert repr(sample) == (
        "S((2, 3), ints((4,)), [(1,), (2,)], bools((5,)), 2.5, None, dim=1)"
    )


def test_samples_of_other_kinds_keep_their_promises():
    rng = np.random.default_rng(0)
    (low,), (high,) = (S((100,)).draw(rng, domain=d) for d in ((2, math.inf), (-math.inf, -2)))
    assert low.min() > 2 and high.max() < -2
    (between,) = S(floats((100,), -1, 1)).draw(rng, np.float32)
    assert between.dtype == np.float32 and abs(between).max() <= 1
    (order,) = S(permutations((3, 4), 1)).draw(rng)
    assert (np.sort(order, 1) == np.arange(4)).all()
    (matrix,) = S(positive_definite(2, 3, 3)).draw(rng)
    np.testing.assert_allclose(np.linalg.eigvalsh(matrix), [[1, 2, 3]] * 2)
