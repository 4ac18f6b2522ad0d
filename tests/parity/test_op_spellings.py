"""The same lines of code in both libraries: how operations are spelled, and what they refuse.

Each line is a function of the library. It must give the same values, dtypes and structure, or
an error of the same class.
"""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

import clownpiece as cp

torch = pytest.importorskip("torch")

A = np.array([[1.0, -2.0, 3.0], [0.5, 5.0, -6.0]], np.float32)
B = np.array([[2.0, 1.0, 0.5], [4.0, -1.0, 2.0]], np.float32)
N = np.array([[3, 1, 2], [2, 0, 1]])
NAN = np.array([1.0, np.nan, -np.inf, 2.0], np.float32)


def a(lib):
    return lib.tensor(A)


def b(lib):
    return lib.tensor(B)


def n(lib):
    return lib.tensor(N)


def gaps(lib):
    return lib.tensor(NAN)


ARITHMETIC = [
    lambda lib: a(lib) + b(lib) - 1 + (2 - a(lib)) * 3 / b(lib),
    lambda lib: 1 / a(lib),
    lambda lib: 2 ** a(lib),
    lambda lib: a(lib) ** 3,
    lambda lib: a(lib) // b(lib),
    lambda lib: a(lib) % b(lib),
    lambda lib: -7 // n(lib).add(1),
    lambda lib: 7 % -n(lib).add(1),
    lambda lib: n(lib) / 2,
    lambda lib: n(lib) // 2,
    lambda lib: n(lib) * 2.5,
    lambda lib: n(lib) + True,
    lambda lib: n(lib) ** 2,
    lambda lib: n(lib) ** -1,
    lambda lib: n(lib) // 0,
    lambda lib: n(lib) % lib.zeros(3, dtype=lib.int64),
    lambda lib: a(lib).add(b(lib), alpha=0.5),
    lambda lib: lib.add(a(lib), 2, alpha=3),
    lambda lib: lib.sub(a(lib), b(lib), alpha=2),
    lambda lib: a(lib).add_(b(lib), alpha=-0.1),
    lambda lib: a(lib).div(b(lib), rounding_mode="floor"),
    lambda lib: a(lib).div(b(lib), rounding_mode="trunc"),
    lambda lib: n(lib).div(2, rounding_mode="trunc"),
    lambda lib: n(lib).div(2, rounding_mode="floor"),
    lambda lib: a(lib).div(b(lib), rounding_mode="up"),
    lambda lib: a(lib).div_(2, rounding_mode="floor"),
    lambda lib: n(lib).div_(2),
    lambda lib: n(lib).add_(1.5),
    lambda lib: lib.addcmul(a(lib), a(lib), b(lib), value=2),
    lambda lib: a(lib).addcdiv_(a(lib), b(lib), value=0.5),
    lambda lib: a(lib).lerp(b(lib), 0.25),
    lambda lib: -(a(lib) > 0),
    lambda lib: ~(a(lib) > 0),
    lambda lib: ~a(lib),
    lambda lib: ~n(lib),
    lambda lib: (a(lib) > 0) & (b(lib) > 0) | (n(lib) == 1),
    lambda lib: (a(lib) > 0) ^ True,
    lambda lib: a(lib) & 1,
    lambda lib: n(lib) & 1,
    lambda lib: (a(lib) > 0) - (b(lib) > 0),
    lambda lib: (a(lib) > 0) + (b(lib) > 0),
    lambda lib: (a(lib) > 0) * 2,
    lambda lib: abs(a(lib)),
    lambda lib: +a(lib),
    lambda lib: lib.true_divide(n(lib), 2),
    lambda lib: lib.clamp(a(lib), -1, 1),
    lambda lib: a(lib).clamp(min=0),
    lambda lib: a(lib).clamp(max=b(lib)),
    lambda lib: a(lib).clamp(),
    lambda lib: a(lib).clamp_(0, 1),
    lambda lib: a(lib).clip(0, 2),
    lambda lib: n(lib).clamp(1, 2),
    lambda lib: n(lib).clamp(0.5, 2),
    lambda lib: lib.round(a(lib) / 3, decimals=2),
    lambda lib: n(lib).float().sqrt_(),
    lambda lib: n(lib).sqrt_(),
    lambda lib: n(lib).exp(),
    lambda lib: lib.maximum(a(lib), b(lib)),
    lambda lib: lib.float_power(n(lib), 2),
    lambda lib: lib.nan_to_num(gaps(lib)),
    lambda lib: lib.nan_to_num(gaps(lib), 0.5, neginf=-9.0),
    lambda lib: lib.isnan(gaps(lib)) | lib.isinf(gaps(lib)),
    lambda lib: lib.isclose(gaps(lib), gaps(lib), equal_nan=True),
    lambda lib: lib.allclose(a(lib), a(lib) + 1e-9),
    lambda lib: lib.equal(a(lib), b(lib)),
    lambda lib: lib.where(a(lib) > 0, a(lib), 0.0),
    lambda lib: lib.where(a(lib) > 0, a(lib), n(lib)),
    lambda lib: lib.where(a(lib) > 0, 1, 0),
    lambda lib: lib.where(a(lib) > 0),
    lambda lib: a(lib).where(a(lib) > 0, b(lib)),
    lambda lib: lib.where(n(lib), a(lib), b(lib)),
    lambda lib: a(lib).masked_fill(a(lib) > 0, -1),
    lambda lib: a(lib).masked_fill(a(lib) > 0, float("-inf")),
    lambda lib: a(lib).masked_fill(n(lib), 0.0),
    lambda lib: a(lib).masked_fill_(lib.tensor([True, False, True]), 9),
    lambda lib: n(lib).masked_fill(n(lib) > 1, 0.5),
    lambda lib: a(lib) == b(lib),
    lambda lib: a(lib) != 1,
    lambda lib: 1 < a(lib),  # noqa: SIM300
    lambda lib: a(lib).eq(n(lib)),
    lambda lib: a(lib).logical_not(),
    lambda lib: lib.logical_and(n(lib), a(lib)),
]

REDUCTIONS = [
    lambda lib: a(lib).sum(),
    lambda lib: a(lib).sum(0),
    lambda lib: a(lib).sum(dim=(0, 1)),
    lambda lib: a(lib).sum([0], True),
    lambda lib: a(lib).sum(-1, keepdim=True),
    lambda lib: a(lib).sum(dim=0, dtype=lib.float64),
    lambda lib: a(lib).sum((0, 0)),
    lambda lib: n(lib).sum(),
    lambda lib: n(lib).int().sum(1),
    lambda lib: (a(lib) > 0).sum(),
    lambda lib: a(lib).sum(axis=0),
    lambda lib: a(lib).mean(1),
    lambda lib: n(lib).mean(),
    lambda lib: n(lib).mean(dtype=lib.float32),
    lambda lib: lib.zeros(0).mean(),
    lambda lib: lib.zeros(0).sum(),
    lambda lib: a(lib).var(),
    lambda lib: a(lib).var(1),
    lambda lib: a(lib).var(1, False),
    lambda lib: a(lib).var(False),
    lambda lib: a(lib).var(unbiased=False),
    lambda lib: a(lib).var(dim=1, correction=2),
    lambda lib: a(lib).std(0, keepdim=True),
    lambda lib: lib.var_mean(a(lib), 1),
    lambda lib: lib.std_mean(a(lib)),
    lambda lib: n(lib).std(),
    lambda lib: a(lib).prod(),
    lambda lib: a(lib).prod(1),
    lambda lib: n(lib).prod(0, True),
    lambda lib: a(lib).max(),
    lambda lib: a(lib).max(1),
    lambda lib: a(lib).max(1).values,
    lambda lib: a(lib).max(dim=0, keepdim=True).indices,
    lambda lib: lib.max(a(lib), b(lib)),
    lambda lib: a(lib).min(-1)[1],
    lambda lib: gaps(lib).max(),
    lambda lib: gaps(lib).argmax(),
    lambda lib: lib.zeros(0).max(),
    lambda lib: lib.zeros(0, 3).max(1),
    lambda lib: lib.zeros(2, 0).max(1),
    lambda lib: a(lib).amax((0, 1)),
    lambda lib: a(lib).amin(1, keepdim=True),
    lambda lib: lib.aminmax(a(lib), dim=1),
    lambda lib: a(lib).argmax(),
    lambda lib: a(lib).argmax(1),
    lambda lib: a(lib).argmin(0, True),
    lambda lib: a(lib).all(),
    lambda lib: (a(lib) > 0).any(1),
    lambda lib: lib.all(a(lib) > -9, dim=0),
    lambda lib: lib.count_nonzero(n(lib), 1),
    lambda lib: a(lib).logsumexp(1),
    lambda lib: lib.logsumexp(a(lib), (0, 1), True),
    lambda lib: lib.tensor([float("-inf"), float("-inf")]).logsumexp(0),
    lambda lib: a(lib).norm(),
    lambda lib: a(lib).norm(1, 1),
    lambda lib: a(lib).norm(p=3, dim=0, keepdim=True),
    lambda lib: n(lib).norm(),
    lambda lib: lib.norm(a(lib), float("inf")),
    lambda lib: lib.linalg.norm(a(lib)),
    lambda lib: lib.linalg.norm(a(lib), 2),
    lambda lib: lib.linalg.norm(a(lib), "nuc"),
    lambda lib: lib.linalg.vector_norm(a(lib), 1, 1),
    lambda lib: lib.linalg.matrix_norm(a(lib), float("inf")),
    lambda lib: a(lib).median(),
    lambda lib: a(lib).median(1),
    lambda lib: lib.nanmean(gaps(lib)[[0, 1, 3]]),
    lambda lib: lib.nansum(gaps(lib)[[0, 1, 3]]),
    lambda lib: a(lib).quantile(0.3),
    lambda lib: a(lib).quantile(lib.tensor([0.1, 0.9]), dim=1),
    lambda lib: a(lib).quantile(2.0),
    lambda lib: a(lib).cumsum(1),
    lambda lib: n(lib).cumsum(0),
    lambda lib: a(lib).cumprod(-1),
    lambda lib: a(lib).cummax(1),
    lambda lib: gaps(lib).cummin(0),
    lambda lib: a(lib).diff(),
    lambda lib: lib.diff(a(lib), dim=0, prepend=lib.zeros(1, 3)),
    lambda lib: lib.bincount(n(lib).flatten()),
    lambda lib: lib.bincount(n(lib)),
    lambda lib: lib.histc(a(lib), 4, -6, 6),
    lambda lib: a(lib).sum(5),
    lambda lib: a(lib).max(5),
    lambda lib: a(lib).cumsum(2),
]

SHAPES = [
    lambda lib: a(lib).reshape(3, 2),
    lambda lib: a(lib).reshape((-1,)),
    lambda lib: a(lib).reshape(-1, 4),
    lambda lib: a(lib).reshape([6]),
    lambda lib: lib.reshape(a(lib), (1, 6)),
    lambda lib: a(lib).view(6),
    lambda lib: a(lib).t().view(6),
    lambda lib: a(lib).view(-1, 1, 3),
    lambda lib: a(lib).view_as(lib.zeros(3, 2)),
    lambda lib: a(lib).view(lib.int32),
    lambda lib: a(lib).flatten(),
    lambda lib: a(lib).unsqueeze(0).flatten(0, 1),
    lambda lib: lib.tensor(1.0).flatten(),
    lambda lib: a(lib).flatten(1, 0),
    lambda lib: a(lib).unflatten(1, (3, 1)),
    lambda lib: a(lib).unflatten(1, (2, 2)),
    lambda lib: a(lib).permute(1, 0),
    lambda lib: a(lib).permute((1, 0)),
    lambda lib: a(lib).permute(0),
    lambda lib: a(lib).permute(0, 0),
    lambda lib: a(lib).transpose(0, -1),
    lambda lib: a(lib).swapaxes(0, 1),
    lambda lib: a(lib).transpose(0, 2),
    lambda lib: a(lib).t(),
    lambda lib: a(lib).T,
    lambda lib: a(lib).mT,
    lambda lib: lib.zeros(2, 3, 4).t(),
    lambda lib: lib.zeros(2, 3, 4).movedim(0, -1),
    lambda lib: lib.movedim(lib.zeros(2, 3, 4), (0, 1), (1, 2)),
    lambda lib: a(lib).unsqueeze(1).squeeze(),
    lambda lib: a(lib).squeeze(0),
    lambda lib: a(lib)[None].squeeze(0),
    lambda lib: a(lib).unsqueeze(3),
    lambda lib: a(lib).unsqueeze(-1),
    lambda lib: a(lib).expand(2, 2, 3),
    lambda lib: a(lib).expand(4, -1, -1),
    lambda lib: a(lib).expand(2, 4),
    lambda lib: a(lib).expand(-1, 2, 3),
    lambda lib: a(lib)[:1].expand_as(b(lib)),
    lambda lib: lib.broadcast_to(lib.tensor([1, 2]), (3, 2)),
    lambda lib: lib.broadcast_tensors(lib.zeros(3, 1), lib.zeros(2)),
    lambda lib: a(lib).repeat(2, 1),
    lambda lib: a(lib).repeat(2),
    lambda lib: a(lib).repeat((1, 2, 1)),
    lambda lib: a(lib).tile(2),
    lambda lib: a(lib).tile((2, 1)),
    lambda lib: a(lib).repeat_interleave(2),
    lambda lib: a(lib).repeat_interleave(2, dim=0),
    lambda lib: a(lib).repeat_interleave(lib.tensor([1, 2]), dim=0),
    lambda lib: a(lib).roll(1),
    lambda lib: a(lib).roll(1, 0),
    lambda lib: a(lib).roll((1, 2), (0, 1)),
    lambda lib: a(lib).flip(0),
    lambda lib: a(lib).flip(0, 1),
    lambda lib: a(lib).flip((1,)),
    lambda lib: lib.fliplr(a(lib)),
    lambda lib: lib.rot90(a(lib)),
    lambda lib: lib.rot90(a(lib), -1, (1, 0)),
    lambda lib: lib.cat([a(lib), b(lib)]),
    lambda lib: lib.cat((a(lib), b(lib)), dim=1),
    lambda lib: lib.cat([a(lib), n(lib)], -1),
    lambda lib: lib.cat([a(lib), b(lib)], axis=1),
    lambda lib: lib.cat([a(lib), b(lib)[:, :2]]),
    lambda lib: lib.cat([lib.tensor([]), a(lib)]),
    lambda lib: lib.stack([a(lib), b(lib)], 1),
    lambda lib: lib.stack([a(lib), b(lib)[0]]),
    lambda lib: lib.hstack([a(lib)[0], b(lib)[1]]),
    lambda lib: lib.vstack([a(lib)[0], b(lib)]),
    lambda lib: lib.dstack([a(lib), b(lib)]),
    lambda lib: a(lib).split(2, 1),
    lambda lib: a(lib).split([1, 2], dim=1),
    lambda lib: a(lib).split([1, 1], dim=1),
    lambda lib: lib.split(a(lib), 1),
    lambda lib: a(lib).chunk(2, -1),
    lambda lib: a(lib).chunk(0),
    lambda lib: lib.tensor_split(a(lib), 2, 1),
    lambda lib: lib.tensor_split(a(lib), (1,), 1),
    lambda lib: a(lib).unbind(1),
    lambda lib: list(a(lib)),
    lambda lib: lib.meshgrid(lib.arange(2), lib.arange(3), indexing="ij"),
    lambda lib: a(lib).narrow(1, 1, 2),
    lambda lib: a(lib).narrow(1, 2, 2),
    lambda lib: a(lib).select(1, -1),
    lambda lib: a(lib).select(1, 3),
    lambda lib: lib.arange(7).unfold(0, 3, 2),
    lambda lib: a(lib).unfold(1, 4, 1),
    lambda lib: lib.diag(lib.tensor([1, 2])),
    lambda lib: lib.diag(a(lib), 1),
    lambda lib: a(lib).diagonal(-1),
    lambda lib: lib.diag_embed(a(lib)),
    lambda lib: a(lib).tril(),
    lambda lib: a(lib).triu(1),
    lambda lib: a(lib).trace(),
    lambda lib: a(lib).clone(),
    lambda lib: a(lib).t().contiguous(),
]

INDICES = [
    lambda lib: a(lib)[1],
    lambda lib: a(lib)[-1, 0],
    lambda lib: a(lib)[:, 1:],
    lambda lib: a(lib)[..., None, 0],
    lambda lib: a(lib)[::2, ::2],
    lambda lib: a(lib)[::-1],
    lambda lib: a(lib)[2],
    lambda lib: a(lib)[0, 0, 0],
    lambda lib: a(lib)[1.0],
    lambda lib: a(lib)[lib.tensor([0, 1, 0])],
    lambda lib: a(lib)[lib.tensor(1)],
    lambda lib: a(lib)[[1, 0]],
    lambda lib: a(lib)[:, [2, 0]],
    lambda lib: a(lib)[[0, 1], [2, 0]],
    lambda lib: a(lib)[lib.tensor([[0], [1]]), lib.tensor([0, 2])],
    lambda lib: a(lib)[a(lib) > 0],
    lambda lib: a(lib)[lib.tensor([True, False])],
    lambda lib: a(lib)[lib.tensor([True, False]), 1:],
    lambda lib: a(lib)[lib.tensor([True, False, True])],
    lambda lib: a(lib)[lib.tensor([5])],
    lambda lib: a(lib)[lib.tensor([0.5])],
    lambda lib: a(lib)[True],
    lambda lib: a(lib)[None, False],
    lambda lib: a(lib)[lib.tensor([], dtype=lib.int64)],
    lambda lib: a(lib)[:, lib.tensor(0) : lib.tensor(2)],
    lambda lib: lib.arange(24).reshape(2, 3, 4)[0, :, lib.tensor([1, 3])],
    lambda lib: lib.arange(24).reshape(2, 3, 4)[lib.tensor([0, 1]), :, lib.tensor([1, 3])],
    lambda lib: lib.arange(24).reshape(2, 3, 4)[lib.tensor([0, 1]), :, 1],
    lambda lib: lib.arange(24).reshape(2, 3, 4)[:, lib.tensor([[0, 1], [2, 0]])],
    lambda lib: lib.arange(24).reshape(2, 3, 4)[0, lib.tensor([True, False, True]), 1],
    lambda lib: lib.tensor(3.0)[None],
    lambda lib: lib.tensor(3.0)[()],
    lambda lib: lib.tensor(3.0)[0],
    lambda lib: a(lib).gather(1, n(lib).clamp(max=2)),
    lambda lib: lib.gather(a(lib), 0, lib.tensor([[1, 0, 1]])),
    lambda lib: a(lib).gather(1, n(lib)),
    lambda lib: a(lib).gather(1, a(lib)),
    lambda lib: a(lib).gather(1, lib.tensor([0, 1])),
    lambda lib: lib.zeros(2, 4).scatter(1, n(lib), a(lib)),
    lambda lib: lib.zeros(2, 4).scatter_(1, n(lib), 1.0),
    lambda lib: lib.zeros(2, 4).scatter(1, n(lib), a(lib), reduce="add"),
    lambda lib: lib.zeros(2, 4).scatter_add(1, n(lib), a(lib)),
    lambda lib: lib.zeros(2, 4).scatter_add_(1, n(lib) * 0, a(lib)),
    lambda lib: lib.ones(2, 4).scatter_reduce(1, n(lib), a(lib), reduce="amax"),
    lambda lib: lib.ones(2, 4).scatter_reduce(1, n(lib), a(lib), "mean", include_self=False),
    lambda lib: a(lib).index_select(1, lib.tensor([2, 0])),
    lambda lib: lib.index_select(a(lib), 0, lib.tensor([2])),
    lambda lib: lib.zeros(3, 3).index_add(0, lib.tensor([0, 0]), a(lib)),
    lambda lib: lib.zeros(3, 3).index_add_(0, lib.tensor([0, 2]), a(lib), alpha=2),
    lambda lib: lib.zeros(3, 3).index_copy(0, lib.tensor([2, 0]), a(lib)),
    lambda lib: a(lib).index_fill(1, lib.tensor([0]), -1),
    lambda lib: lib.zeros(3, 3).index_put((lib.tensor([0, 1]),), lib.tensor(1.0)),
    lambda lib: a(lib).masked_select(a(lib) > 0),
    lambda lib: a(lib).take(lib.tensor([5, 0])),
    lambda lib: lib.take_along_dim(a(lib), n(lib).clamp(max=2), 1),
    lambda lib: n(lib).nonzero(),
    lambda lib: n(lib).nonzero(as_tuple=True),
    lambda lib: lib.argwhere(n(lib) == 1),
    lambda lib: a(lib).sort(),
    lambda lib: a(lib).sort(0, descending=True),
    lambda lib: lib.sort(gaps(lib)),
    lambda lib: lib.sort(gaps(lib), descending=True),
    lambda lib: n(lib).sort(stable=True, dim=1, descending=True),
    lambda lib: a(lib).argsort(1),
    lambda lib: a(lib).topk(2),
    lambda lib: a(lib).topk(1, 0, largest=False),
    lambda lib: a(lib).topk(4),
    lambda lib: a(lib).kthvalue(2),
    lambda lib: lib.searchsorted(lib.tensor([1, 3, 5]), n(lib)),
    lambda lib: lib.bucketize(a(lib), lib.tensor([0.0, 1.0]), right=True),
    lambda lib: n(lib).unique(),
    lambda lib: lib.unique(n(lib), return_inverse=True),
    lambda lib: lib.unique(n(lib), return_counts=True),
    lambda lib: lib.unique(n(lib), dim=0),
    lambda lib: lib.unique_consecutive(lib.tensor([1, 1, 2, 1]), return_counts=True),
    lambda lib: lib.isin(n(lib), lib.tensor([1, 3])),
]

PRODUCTS = [
    lambda lib: a(lib) @ b(lib).t(),
    lambda lib: a(lib) @ a(lib)[0],
    lambda lib: lib.matmul(a(lib)[0], a(lib)[1]),
    lambda lib: a(lib) @ 2,
    lambda lib: a(lib) @ lib.tensor(2.0),
    lambda lib: a(lib) @ n(lib).t(),
    lambda lib: a(lib).mm(b(lib).t()),
    lambda lib: a(lib).mm(b(lib)),
    lambda lib: a(lib).mm(a(lib)[0]),
    lambda lib: lib.bmm(a(lib)[None], b(lib).t()[None]),
    lambda lib: a(lib).mv(a(lib)[0]),
    lambda lib: a(lib)[0].dot(b(lib)[0]),
    lambda lib: lib.dot(a(lib), b(lib)),
    lambda lib: lib.outer(a(lib)[0], b(lib)[1]),
    lambda lib: lib.inner(a(lib), b(lib)),
    lambda lib: lib.addmm(lib.ones(2), a(lib), b(lib).t(), beta=2, alpha=0.5),
    lambda lib: lib.tensordot(a(lib), b(lib), dims=2),
    lambda lib: lib.tensordot(a(lib), b(lib), dims=([1], [1])),
    lambda lib: lib.einsum("ij,kj->ik", a(lib), b(lib)),
    lambda lib: lib.einsum("ij,kj->ik", [a(lib), b(lib)]),
    lambda lib: lib.einsum("ij -> ji", a(lib)),
    lambda lib: lib.einsum("ij,jk", a(lib), b(lib)),
    lambda lib: lib.einsum("ij,ik", a(lib), b(lib)),
    lambda lib: lib.einsum("i...->...", a(lib)),
    lambda lib: lib.einsum("ij->k", a(lib)),
    lambda lib: lib.cdist(a(lib), b(lib)),
    lambda lib: lib.dist(a(lib), b(lib), 1),
    lambda lib: lib.linalg.inv(lib.tensor([[2.0, 1.0], [1.0, 3.0]])),
    lambda lib: lib.linalg.inv(lib.zeros(2, 2)),
    lambda lib: lib.linalg.inv(a(lib)),
    lambda lib: lib.linalg.solve(lib.tensor([[2.0, 1.0], [1.0, 3.0]]), lib.tensor([1.0, 2.0])),
    lambda lib: lib.linalg.det(lib.tensor([[2.0, 1.0], [1.0, 3.0]])),
    lambda lib: lib.tensor([[2.0, 1.0], [1.0, 3.0]]).det(),
    lambda lib: lib.linalg.slogdet(lib.tensor([[2.0, 1.0], [1.0, -3.0]])),
    lambda lib: lib.linalg.cholesky(lib.tensor([[2.0, 1.0], [1.0, 3.0]])),
    lambda lib: lib.linalg.cholesky(-lib.ones(2, 2)),
    lambda lib: lib.linalg.pinv(a(lib)),
    lambda lib: lib.linalg.svdvals(a(lib)),
    lambda lib: lib.linalg.eigvalsh(lib.tensor([[2.0, 1.0], [1.0, 3.0]])),
    lambda lib: lib.linalg.matrix_power(lib.tensor([[2.0, 1.0], [1.0, 3.0]]), 3),
    lambda lib: lib.matrix_power(lib.tensor([[2.0, 1.0], [1.0, 3.0]]), -1),
]


def plain(result):
    """A result as nested lists of (dtype, shape, values), and the names of its fields."""
    if hasattr(result, "_fields") or type(result).__module__ == "torch.return_types":
        names = getattr(result, "_fields", None) or [
            name
            for name in dir(result)
            if not name.startswith(("_", "n_")) and name not in ("count", "index")
        ]
        return {name: plain(getattr(result, name)) for name in sorted(names)}
    if isinstance(result, (list, tuple)):
        return [plain(each) for each in result]
    if isinstance(result, (torch.Tensor, cp.Tensor)):
        kind = str(result.dtype).rpartition(".")[2]
        return kind, tuple(result.shape), np.asarray(result.tolist())
    return result


def same(mine, theirs):
    if isinstance(mine, dict):
        return mine.keys() == theirs.keys() and all(same(mine[k], theirs[k]) for k in mine)
    if isinstance(mine, list):
        return len(mine) == len(theirs) and all(map(same, mine, theirs))
    if isinstance(mine, tuple):
        close = np.allclose(mine[2], theirs[2], rtol=1e-5, atol=1e-6, equal_nan=True)
        return mine[:2] == theirs[:2] and close
    return mine == theirs


def outcome(line, lib):
    try:
        return plain(line(lib))
    except Exception as error:
        return error


def spelled(line):
    """The line as it stands in the file."""
    found = re.search(r"lambda lib: (.*?),?\n", inspect.getsource(line))
    return found.group(1) if found else "line"


@pytest.mark.parametrize("line", ARITHMETIC + REDUCTIONS + SHAPES + INDICES + PRODUCTS, ids=spelled)
@pytest.mark.filterwarnings("ignore:.*")
def test_a_line_means_the_same_in_both(line):
    mine, theirs = outcome(line, cp), outcome(line, torch)
    if isinstance(theirs, Exception):
        kind = cp.linalg.LinAlgError if "LinAlg" in type(theirs).__name__ else type(theirs)
        assert isinstance(mine, kind), f"PyTorch: {theirs!r}; here: {mine!r}"
    else:
        assert not isinstance(mine, Exception), f"PyTorch: {theirs}; here: {mine!r}"
        assert same(mine, theirs), f"PyTorch: {theirs}; here: {mine}"


WRITES = [
    lambda x, lib: x.__setitem__(0, 1.0),
    lambda x, lib: x.__setitem__((slice(None), 1), lib.tensor([7.0, 8.0])),
    lambda x, lib: x.__setitem__((slice(None), slice(1, None)), 0),
    lambda x, lib: x.__setitem__(x > 0, -1.0),
    lambda x, lib: x.__setitem__(x > 0, lib.arange(int((x > 0).sum())).float()),
    lambda x, lib: x.__setitem__(lib.tensor([1, 0]), lib.ones(3)),
    lambda x, lib: x.__setitem__(([0, 1], [2, 0]), lib.tensor([5.0, 6.0])),
    lambda x, lib: x.__setitem__(..., lib.zeros(1, 2, 3)),
    lambda x, lib: x.__setitem__(0, lib.ones(4)),
    lambda x, lib: x.__setitem__(3, 0),
    lambda x, lib: x.__setitem__((slice(None), slice(None, None, -1)), 0),
    lambda x, lib: x[0].fill_(4),
    lambda x, lib: x[:, 1].zero_(),
    lambda x, lib: x.copy_(lib.ones(3, dtype=lib.int64)),
    lambda x, lib: x.copy_(lib.ones(4)),
    lambda x, lib: x.t()[0].add_(1).mul_(2),
    lambda x, lib: x.diagonal().fill_(0),
    lambda x, lib: x.unbind(0)[1].exp_(),
    lambda x, lib: x.view(-1)[::2].neg_(),
    lambda x, lib: x.add_(lib.ones(2, 2, 3)),
    lambda x, lib: x.tril_(),
]


@pytest.mark.parametrize("write", WRITES, ids=lambda f: spelled_write(f))
def test_writing_into_a_tensor_means_the_same_in_both(write):
    outcomes = []
    for lib in (cp, torch):
        x = lib.tensor(A)
        try:
            write(x, lib)
            outcomes.append(np.asarray(x.tolist()))
        except Exception as error:
            outcomes.append(error)
    mine, theirs = outcomes
    if isinstance(theirs, Exception):
        assert isinstance(mine, type(theirs)), f"PyTorch: {theirs!r}; here: {mine!r}"
    else:
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)


def spelled_write(line):
    found = re.search(r"lambda x, lib: (.*?),?\n", inspect.getsource(line))
    return found.group(1) if found else "line"
