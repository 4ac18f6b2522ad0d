"""Matrix products and what is made of them: dot, outer, einsum, tensordot."""

from __future__ import annotations

import math
from typing import Any

from .composition import composition
from .dims import axis_of
from .matrices import diagonal
from .record import op
from .reductions import sum
from .samples import S
from .shape import permute, reshape, squeeze, transpose, unsqueeze

__all__ = [
    "addmm",
    "baddbmm",
    "bmm",
    "dot",
    "einsum",
    "inner",
    "matmul",
    "mm",
    "mv",
    "outer",
    "tensordot",
]


def _check_dtypes(name: str, x: Any, other: Any) -> None:
    if x.dtype != other.dtype:
        raise RuntimeError(
            f"{name}: both must have the same dtype, but got {x.dtype} and {other.dtype}; "
            "convert one, for example with .to(other.dtype)"
        )


def _matmul(x: Any, other: Any) -> Any:
    if not (hasattr(x, "ndim") and hasattr(other, "ndim")):
        raise TypeError(
            f"unsupported operand type(s) for @: {type(x).__name__} and {type(other).__name__}; "
            "a matrix product needs two tensors, and * multiplies by a number"
        )
    if not x.ndim or not other.ndim:
        raise RuntimeError(
            "both arguments to matmul need to be at least 1D, but they are "
            f"{x.ndim}D and {other.ndim}D"
        )
    if x.dtype != other.dtype:
        _check_dtypes("matmul", x, other)
    if x.shape[-1] != other.shape[-2 if other.ndim > 1 else 0]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied: {tuple(x.shape)} and "
            f"{tuple(other.shape)}; the last size of the first must be the "
            f"{'second last' if other.ndim > 1 else 'only'} size of the other"
        )
    if x.ndim > 2 and other.ndim == 2:
        # One large product instead of a batch of small ones.
        rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
        return (rows @ other).reshape(*x.shape[:-1], other.shape[-1])
    try:
        return x @ other
    except ValueError:
        raise RuntimeError(
            "matmul: the batch dimensions must match where neither is 1; got shapes "
            f"{tuple(x.shape)} and {tuple(other.shape)}"
        ) from None


def _matmul_by_x(g: Any, x_shape: tuple[int, ...], other: Any) -> Any:
    if other.ndim == 1:
        return unsqueeze(g, -1) * other if len(x_shape) > 1 else g * other
    if len(x_shape) == 1:
        return squeeze(matmul(other, unsqueeze(g, -1)), -1)
    return matmul(g, transpose(other, -1, -2))


def _matmul_by_other(g: Any, x: Any, other_shape: tuple[int, ...]) -> Any:
    if x.ndim == 1:
        return unsqueeze(x, -1) * unsqueeze(g, -2) if len(other_shape) > 1 else g * x
    if len(other_shape) == 1:
        rows = reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))
        return matmul(reshape(g, (rows.shape[0],)), rows)
    if x.ndim > 2 and len(other_shape) == 2:
        count = math.prod(x.shape[:-1])
        rows = reshape(x, (count, x.shape[-1]))
        return matmul(transpose(rows, 0, 1), reshape(g, (count, other_shape[-1])))
    return matmul(transpose(x, -1, -2), g)


def _matmul_flops(x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> int:
    return 2 * math.prod(y_shape) * x_shape[-1]


matmul = op(
    "matmul",
    _matmul,
    inputs="x other",
    grad={"x": _matmul_by_x, "other": _matmul_by_other},
    latex=r"x \, other",
    doc="""The matrix product over the last two dimensions; the ones before are broadcast.

    A vector is a row on the left and a column on the right, and its dimension disappears.

    >>> import clownpiece as cp
    >>> (cp.ones(5, 2, 3) @ cp.ones(3, 4)).shape
    clownpiece.Size([5, 2, 4])
    """,
    flops=_matmul_flops,
    samples=[
        S((3, 4), (4, 2)),
        S((4,), (4,)),
        S((3, 4), (4,)),
        S((4,), (4, 2)),
        S((2, 3, 4), (4, 5)),
        S((2, 3, 4), (2, 4, 5)),
        S((2, 1, 3, 4), (5, 4, 2)),
        S((2, 3, 4), (4,)),
        S((4,), (2, 4, 3)),
        S((3, 4), (2, 4, 5)),
    ],
)


def _checked(name: str, *ndims: int) -> Any:
    def multiply(x: Any, other: Any) -> Any:
        if (x.ndim, other.ndim) != ndims:
            raise RuntimeError(
                f"{name} takes a {ndims[0]}D and a {ndims[1]}D tensor; got shapes "
                f"{tuple(x.shape)} and {tuple(other.shape)}; matmul takes any"
            )
        if ndims == (3, 3) and x.shape[0] != other.shape[0]:
            raise RuntimeError(
                f"{name}: both must have the same batch size; got shapes {tuple(x.shape)} and "
                f"{tuple(other.shape)}"
            )
        return matmul(x, other)

    return multiply


mm = composition(
    "mm",
    _checked("mm", 2, 2),
    inputs="x other",
    latex=r"x \, other",
    doc="The product of two matrices.",
    samples=[S((3, 4), (4, 2))],
)

bmm = composition(
    "bmm",
    _checked("bmm", 3, 3),
    inputs="x other",
    latex=r"x_b \, other_b",
    doc="The products of two batches of matrices, one by one.",
    samples=[S((2, 3, 4), (2, 4, 5))],
)

mv = composition(
    "mv",
    _checked("mv", 2, 1),
    inputs="x other",
    latex=r"x \, other",
    doc="A matrix times a vector.",
    samples=[S((3, 4), (4,))],
)

dot = composition(
    "dot",
    _checked("dot", 1, 1),
    inputs="x other",
    latex=r"\sum_i x_i \, other_i",
    doc="The inner product of two vectors.",
    samples=[S((4,), (4,))],
    aliases=("vdot",),
)


def _outer(x: Any, other: Any) -> Any:
    for each in (x, other):
        if each.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D arguments, but got shape {tuple(each.shape)}")
    return unsqueeze(x, -1) * other


outer = composition(
    "outer",
    _outer,
    inputs="x other",
    latex=r"x_i \, other_j",
    doc="All products of an element of the one vector with one of the other.",
    samples=[S((3,), (4,))],
    aliases=("ger",),
)

inner = composition(
    "inner",
    lambda x, other: tensordot(x, other, ((-1,), (-1,))) if x.ndim and other.ndim else x * other,
    inputs="x other",
    latex=r"\sum_k x_{ik} \, other_{jk}",
    doc="Inner products over the last dimension of both.",
    samples=[S((4,), (4,)), S((2, 3, 4), (5, 4)), S((), (3,))],
)

addmm = composition(
    "addmm",
    lambda x, mat1, mat2, *, beta=1, alpha=1: _blend(x, beta, mm(mat1, mat2), alpha),
    inputs="x mat1 mat2",
    alike="x mat1 mat2",
    latex=r"\beta x + \alpha \, mat1 \, mat2",
    doc="`beta * x + alpha * (mat1 @ mat2)` on matrices; `x` is broadcast.",
    samples=[S((3, 5), (3, 4), (4, 5)), S((5,), (3, 4), (4, 5), beta=0.5, alpha=2.0)],
    inplace=True,
)

baddbmm = composition(
    "baddbmm",
    lambda x, batch1, batch2, *, beta=1, alpha=1: _blend(x, beta, bmm(batch1, batch2), alpha),
    inputs="x batch1 batch2",
    alike="x batch1 batch2",
    latex=r"\beta x + \alpha \, batch1_b \, batch2_b",
    doc="`beta * x + alpha * (batch1 @ batch2)` on batches of matrices; `x` is broadcast.",
    samples=[S((2, 3, 5), (2, 3, 4), (2, 4, 5)), S((5,), (2, 3, 4), (2, 4, 5), beta=0.5)],
    inplace=True,
)


addmv = composition(
    "addmv",
    lambda x, mat, vec, *, beta=1, alpha=1: _blend(x, beta, mv(mat, vec), alpha),
    inputs="x mat vec",
    alike="x mat vec",
    latex=r"\beta x + \alpha \, mat \, vec",
    doc="`beta * x + alpha * (mat @ vec)` of a matrix and a vector; `x` is broadcast.",
    samples=[S((3,), (3, 4), (4,)), S((1,), (3, 4), (4,), beta=0.5, alpha=2.0)],
    inplace=True,
)

addr = composition(
    "addr",
    lambda x, vec1, vec2, *, beta=1, alpha=1: _blend(x, beta, outer(vec1, vec2), alpha),
    inputs="x vec1 vec2",
    latex=r"\beta x + \alpha \, vec1_i \, vec2_j",
    doc="`beta * x + alpha * outer(vec1, vec2)` of two vectors; `x` is broadcast.",
    samples=[S((3, 4), (3,), (4,)), S((4,), (3,), (4,), beta=0.5, alpha=2.0)],
    inplace=True,
)


def _blend(x: Any, beta: float, product: Any, alpha: float) -> Any:
    """With beta 0 `x` is not read at all: it may hold NaN."""
    if x.ndim > product.ndim:
        raise RuntimeError(
            f"addmm, addmv, addr, baddbmm: x of shape {tuple(x.shape)} has more dimensions than "
            f"the product of shape {tuple(product.shape)}, to which it is broadcast"
        )
    scaled = product if alpha == 1 else alpha * product
    if beta == 0:
        return scaled
    return (x if beta == 1 else beta * x) + scaled


# -- contractions ----------------------------------------------------------------------------


def _tensordot(x: Any, other: Any, dims: Any = 2) -> Any:
    if isinstance(dims, int):
        if not 0 <= dims <= min(x.ndim, other.ndim):
            raise RuntimeError(
                f"tensordot expects 0 <= dims <= ndim of both, but got dims={dims} for shapes "
                f"{tuple(x.shape)} and {tuple(other.shape)}"
            )
        taken = range(x.ndim - dims, x.ndim), range(dims)
    else:
        if not isinstance(dims, (tuple, list)) or len(dims) != 2:
            raise RuntimeError(
                "tensordot expects dims to be an int or a pair of lists of dimensions, but got "
                f"dims={dims!r}"
            )
        taken = tuple(
            [[each] if isinstance(each, int) else list(each) for each in dims]  # type: ignore
        )
    left = [axis_of(dim, x.ndim) for dim in taken[0]]
    right = [axis_of(dim, other.ndim) for dim in taken[1]]
    if [x.shape[dim] for dim in left] != [other.shape[dim] for dim in right]:
        raise RuntimeError(
            f"tensordot: contracted dimensions need to match, but got shapes {tuple(x.shape)} over "
            f"{left} and {tuple(other.shape)} over {right}"
        )
    rows = [dim for dim in range(x.ndim) if dim not in left]
    columns = [dim for dim in range(other.ndim) if dim not in right]
    size = math.prod([x.shape[dim] for dim in left])
    kept = [x.shape[dim] for dim in rows], [other.shape[dim] for dim in columns]
    x = reshape(permute(x, (*rows, *left)), (math.prod(kept[0]), size))
    other = reshape(permute(other, (*right, *columns)), (size, math.prod(kept[1])))
    return reshape(matmul(x, other), (*kept[0], *kept[1]))


tensordot = composition(
    "tensordot",
    _tensordot,
    inputs="x other",
    latex=r"\sum_k x_{ik} \, other_{kj}",
    doc="The product summed over dimensions: the last and first `dims`, or two lists of them.",
    samples=[S((2, 3, 4), (3, 4, 5)), S((2, 3, 4), (4, 2), dims=((0, 2), (1, 0)))],
    expose="function",
)


def _einsum(equation: str, *operands: Any) -> Any:
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = tuple(operands[0])
    if not isinstance(equation, str):
        raise TypeError(
            f"einsum(): argument 'equation' must be str, not {type(equation).__name__}"
        )
    if not operands:
        raise ValueError("einsum(): expected at least one operand after the equation")
    terms, result = _labels(equation, operands)
    left, x = _without_repeats(terms[0], operands[0])
    for at in range(1, len(operands)):
        right, other = _without_repeats(terms[at], operands[at])
        later = set(result).union(*terms[at + 1 :])
        left, x = _contract(left, x, right, other, later)
    gone = tuple([dim for dim, label in enumerate(left) if label not in result])
    if gone:
        x = sum(x, gone)
        left = [label for label in left if label in result]
    order = tuple([left.index(label) for label in result])
    return x if order == tuple(range(len(order))) else permute(x, order)


def _labels(equation: str, operands: Any) -> tuple[list[list[str]], list[str]]:
    """The labels of each operand and of the result; dimensions under `...` are "0", "1", …"""
    spelled, arrow, wanted = equation.replace(" ", "").partition("->")
    terms = spelled.split(",")
    if len(terms) != len(operands):
        raise RuntimeError(
            f"einsum(): the equation {equation!r} has {len(terms)} terms, but there are "
            f"{len(operands)} operands"
        )
    read = [_read_term(term, each.ndim, equation) for term, each in zip(terms, operands)]
    dots = max([[label for label in term if label.isdigit()] for term in read], key=len)
    dots = sorted(dots, key=int, reverse=True)
    if arrow:
        before, ellipsis, after = wanted.partition("...")
        result = [*before, *(dots if ellipsis else []), *after]
    else:
        named = [label for term in read for label in term if not label.isdigit()]
        result = dots + sorted(label for label in set(named) if named.count(label) == 1)
    unknown = set(result).difference(*read)
    if unknown or len(set(result)) < len(result):
        raise RuntimeError(
            f"einsum(): the labels of the result must come once and from an operand; {equation!r}"
        )
    return read, result


def _read_term(term: str, ndim: int, equation: str) -> list[str]:
    before, ellipsis, after = term.partition("...")
    hidden = ndim - len(before) - len(after)
    if hidden < 0 or (hidden and not ellipsis) or not (before + after + "a").isalpha():
        raise RuntimeError(
            f"einsum(): the term {term!r} of {equation!r} does not fit an operand with {ndim} "
            "dimensions; write one letter a dimension, or ... for several"
        )
    # Counted from the right, as broadcasting does.
    return [*before, *map(str, reversed(range(hidden))), *after]


def _without_repeats(labels: list[str], x: Any) -> tuple[list[str], Any]:
    """An operand in which a label comes twice, reduced to its diagonal."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            x = diagonal(x, 0, first, second)
            labels = [each for at, each in enumerate(labels) if at not in (first, second)]
            labels.append(label)
    return labels, x


def _contract(
    left: list[str], x: Any, right: list[str], other: Any, later: set[str]
) -> tuple[list[str], Any]:
    """Two operands into one by a batched matrix product, summed over what nobody needs later."""
    left, x = _summed_alone(left, x, right, later)
    right, other = _summed_alone(right, other, left, later)
    shared = [label for label in left if label in right]
    batch = [label for label in shared if label in later]
    summed = [label for label in shared if label not in later]
    rows = [label for label in left if label not in right]
    columns = [label for label in right if label not in left]
    sizes = _sizes(left, x, right, other)
    x = _arranged(x, left, [batch, rows, summed])
    other = _arranged(other, right, [batch, summed, columns])
    labels = batch + rows + columns
    return labels, reshape(matmul(x, other), tuple([sizes[label] for label in labels]))


def _summed_alone(
    labels: list[str], x: Any, others: list[str], later: set[str]
) -> tuple[list[str], Any]:
    alone = [label for label in labels if label not in others and label not in later]
    if not alone:
        return labels, x
    x = sum(x, tuple([labels.index(label) for label in alone]))
    return [label for label in labels if label not in alone], x


def _sizes(left: list[str], x: Any, right: list[str], other: Any) -> dict[str, int]:
    sizes = dict(zip(left, x.shape, strict=True))
    for label, size in zip(right, other.shape, strict=True):
        known = sizes.get(label, 1)
        if 1 not in (known, size) and known != size:
            raise RuntimeError(
                f"einsum(): the label {label!r} has size {known} in one operand and {size} in "
                "another"
            )
        sizes[label] = size if known == 1 else known
    return sizes


def _arranged(x: Any, labels: list[str], groups: list[list[str]]) -> Any:
    """The dimensions in groups, each group as one; a batch stays as it is, to be broadcast."""
    batch, first, _ = groups
    x = permute(x, tuple([labels.index(label) for group in groups for label in group]))
    shape = x.shape
    at, cut = len(batch), len(batch) + len(first)
    return reshape(x, (*shape[:at], math.prod(shape[at:cut]), math.prod(shape[cut:])))


einsum = composition(
    "einsum",
    _einsum,
    inputs="",
    latex=r"\sum x_{ij\ldots} y_{jk\ldots}",
    doc="""Products of tensors summed as the equation says, by batched matrix products.

    One letter names a dimension; letters that are not behind `->` are summed over.

    >>> import clownpiece as cp
    >>> cp.einsum("bij,bjk->bik", cp.ones(2, 3, 4), cp.ones(2, 4, 5)).shape
    clownpiece.Size([2, 3, 5])
    """,
    samples=[
        S("ij,jk->ik", (3, 4), (4, 2)),
        S("bhqd,bhkd->bhqk", (2, 3, 4, 5), (2, 3, 6, 5)),
        S("...ij,...jk->...ik", (2, 3, 4), (4, 5)),
        S("ii->i", (3, 3)),
        S("ii", (3, 3)),
        S("ij->", (3, 4)),
        S("i,j,k->kji", (2,), (3,), (4,)),
        S("ij,ij->i", (3, 4), (3, 4)),
        S("bn,anm,bm->ba", (2, 3), (4, 3, 5), (2, 5)),
    ],
    expose="function",
)
