"""Linear algebra: inverses, systems, determinants, factorizations.

All work on the last two dimensions and take the ones before as a batch. The gradients are the
classic ones; M. Giles, "An extended collection of matrix derivative results for forward and
reverse mode algorithmic differentiation" (2008), derives most of them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .arithmetic import abs
from .composition import composition, named_result
from .dims import axis_of
from .extrema import amax, amin
from .matrices import diag_embed, diagonal, tril
from .norms import vector_norm
from .products import matmul
from .record import op
from .reductions import any, sum
from .samples import S, drawn, positive_definite
from .selection import nothing, where
from .shape import movedim, squeeze, transpose, unsqueeze

__all__ = [
    "LinAlgError",
    "cholesky",
    "det",
    "eigh",
    "inv",
    "matrix_norm",
    "matrix_power",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
]


class LinAlgError(RuntimeError):
    """There is no answer for this matrix: it is singular, or not positive definite."""


SlogDet = named_result("slogdet", "sign", "logabsdet")
QR = named_result("qr", "Q", "R")
SVD = named_result("svd", "U", "S", "Vh")
EigH = named_result("eigh", "eigenvalues", "eigenvectors")


def _well_conditioned(*shape: int) -> Any:
    """Random matrices whose singular values lie well above zero and well apart."""

    def make(rng: np.random.Generator) -> np.ndarray:
        u, _, vh = np.linalg.svd(rng.standard_normal(shape), full_matrices=False)
        return u * np.linspace(1.0, 3.0, u.shape[-1]) @ vh

    return drawn(shape, make)


def _check_matrix(name: str, x: Any, square: bool = True) -> None:
    if x.ndim < 2:
        raise RuntimeError(
            f"linalg.{name}: The input tensor must have at least 2 dimensions; got {tuple(x.shape)}"
        )
    if square and x.shape[-1] != x.shape[-2]:
        raise RuntimeError(
            f"linalg.{name}: x must be batches of square matrices, but they are "
            f"{x.shape[-2]} by {x.shape[-1]} matrices"
        )
    if x.dtype.kind != "f":
        raise RuntimeError(
            f"linalg.{name}: Expected a floating point tensor as input. Got {x.dtype}; convert it "
            "first, for example with .float()"
        )


# -- systems ---------------------------------------------------------------------------------


def _inv(x: Any) -> Any:
    _check_matrix("inv", x)
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        raise LinAlgError("linalg.inv: There is no inverse: x is singular") from None


inv = op(
    "linalg.inv",
    _inv,
    grad={"x": lambda g, y: -matmul(transpose(y, -1, -2), matmul(g, transpose(y, -1, -2)))},
    latex=r"x^{-1}",
    doc="The inverse of square matrices; an error if one is singular.",
    samples=[S(_well_conditioned(3, 3)), S(_well_conditioned(2, 3, 3))],
    expose="linalg",
)

inverse = composition(
    "inverse",
    lambda x: inv(x),
    latex=r"x^{-1}",
    doc="The inverse of square matrices: `linalg.inv`.",
    samples=[S(_well_conditioned(3, 3))],
)


def _is_vector(x: Any, b: Any) -> bool:
    """Whether the right side is one vector a matrix, not a matrix."""
    return b.ndim == 1 or (b.ndim == x.ndim - 1 and b.shape == x.shape[:-1])


def _solve(x: Any, b: Any) -> Any:
    _check_matrix("solve", x)
    vector = _is_vector(x, b)
    try:
        found = np.linalg.solve(x, b[..., None] if vector else b)
    except np.linalg.LinAlgError:
        raise LinAlgError("linalg.solve: The solver failed because x is singular") from None
    return found[..., 0] if vector else found


def _solve_by_b(g: Any, x: Any, b_shape: tuple[int, ...]) -> Any:
    if len(b_shape) == 1 and x.ndim > 2:
        return squeeze(solve(transpose(x, -1, -2), unsqueeze(g, -1)), -1)
    return solve(transpose(x, -1, -2), g)


def _solve_by_x(g: Any, x: Any, b_shape: tuple[int, ...], y: Any) -> Any:
    to_b = _solve_by_b(g, x, b_shape)
    if y.ndim == x.ndim - 1:
        return -unsqueeze(to_b, -1) * unsqueeze(y, -2)
    return -matmul(to_b, transpose(y, -1, -2))


solve = op(
    "linalg.solve",
    _solve,
    inputs="x b",
    grad={"x": _solve_by_x, "b": _solve_by_b},
    latex=r"x^{-1} b",
    doc="The solution of `x @ y = b`, for vectors or matrices `b`, without inverting `x`.",
    samples=[
        S(_well_conditioned(3, 3), (3,)),
        S(_well_conditioned(3, 3), (3, 2)),
        S(_well_conditioned(2, 3, 3), (2, 3, 2)),
        S(_well_conditioned(2, 3, 3), (2, 3)),
    ],
    expose="linalg",
)


def _pinv_slope(g: Any, x: Any, y: Any) -> Any:
    """From the derivative of Golub and Pereyra (1973), for matrices of constant rank."""
    yt, gt = transpose(y, -1, -2), transpose(g, -1, -2)
    left, right = matmul(gt, matmul(y, yt)), matmul(matmul(yt, y), gt)
    return (
        left
        - matmul(x, matmul(y, left))
        + right
        - matmul(matmul(right, y), x)
        - matmul(yt, matmul(g, yt))
    )


def _pinv(x: Any) -> Any:
    _check_matrix("pinv", x, square=False)
    return np.linalg.pinv(x)


pinv = op(
    "linalg.pinv",
    _pinv,
    grad={"x": _pinv_slope},
    latex=r"x^{+}",
    doc="The pseudo-inverse of Moore and Penrose: the inverse as far as there is one.",
    samples=[S(_well_conditioned(4, 3)), S(_well_conditioned(2, 2, 3)), S(_well_conditioned(3, 3))],
    expose="linalg",
)


def _matrix_power(x: Any, n: int) -> Any:
    _check_matrix("matrix_power", getattr(x, "array", x))
    if n < 0:
        x, n = inv(x), -n
    result = diag_embed(nothing(diagonal(x, 0, -2, -1)) + 1) if n == 0 else None
    while n:
        if n % 2:
            result = x if result is None else matmul(result, x)
        n //= 2
        if n:
            x = matmul(x, x)
    return result


matrix_power = composition(
    "linalg.matrix_power",
    _matrix_power,
    latex=r"x^n",
    doc="A square matrix multiplied n times with itself; its inverse if `n` is negative.",
    samples=[S(_well_conditioned(3, 3), n=n) for n in (0, 1, 3, -2)],
    expose="linalg method function",
)

# -- determinants ----------------------------------------------------------------------------


def _det(x: Any) -> Any:
    _check_matrix("det", x)
    return np.linalg.det(x)


def _cofactors(x: Any) -> Any:
    """The slopes of the determinant, also where it is 0: det(U) det(V) U (Π others) Vᵀ."""
    u, s, vh = np.linalg.svd(x)
    size = s.shape[-1]
    others = np.where(np.eye(size, dtype=bool), 1, s[..., None, :]).prod(-1)
    orientation = np.linalg.det(u) * np.linalg.det(vh)
    return ((u * (orientation[..., None, None] * others[..., None, :])) @ vh).astype(x.dtype)


cofactors = op(
    "cofactors",
    _cofactors,
    latex=r"\partial \det(x)",
    doc="The cofactors of square matrices, singular ones too.",
    samples=[S(_well_conditioned(3, 3))],
    expose="",
)


def _det_slope(g: Any, x: Any, y: Any) -> Any:
    per_cell = unsqueeze(unsqueeze(g, -1), -1)
    # Products of singular values are exact at 0, but only y * inv(x) has slopes of its own.
    if bool(any(y == 0)):
        return per_cell * cofactors(x)
    return per_cell * (unsqueeze(unsqueeze(y, -1), -1) * transpose(inv(x), -1, -2))


det = op(
    "linalg.det",
    _det,
    grad={"x": _det_slope},
    latex=r"\det x",
    doc="The determinant of square matrices.",
    samples=[S(_well_conditioned(3, 3)), S(_well_conditioned(2, 3, 3))],
    expose="linalg method function",
)


def _slogdet(x: Any) -> Any:
    _check_matrix("slogdet", x)
    return SlogDet(*np.linalg.slogdet(x))


slogdet = op(
    "linalg.slogdet",
    _slogdet,
    grad={
        "x": lambda g, x: unsqueeze(unsqueeze(g[1], -1), -1) * transpose(inv(x), -1, -2),
    },
    outputs=2,
    latex=r"(\text{sign}, \ln |\det x|)",
    doc="Sign and logarithm of the determinant, where the determinant itself would overflow.",
    samples=[S(_well_conditioned(3, 3)), S(_well_conditioned(2, 3, 3))],
    expose="linalg method function",
)

logdet = composition(
    "logdet",
    lambda x: where(slogdet(x)[0] > 0, slogdet(x)[1], math.nan),
    latex=r"\ln \det x",
    doc="The logarithm of the determinant; NaN where that is negative.",
    samples=[S(positive_definite(3, 3))],
)

# -- factorizations --------------------------------------------------------------------------


def _cholesky(x: Any, upper: bool = False) -> Any:
    _check_matrix("cholesky", x)
    try:
        lower = np.linalg.cholesky(x)
    except np.linalg.LinAlgError:
        raise LinAlgError(
            "linalg.cholesky: The factorization could not be completed: x is not positive-definite"
        ) from None
    return np.swapaxes(lower, -1, -2).copy() if upper else lower


def _cholesky_slope(g: Any, y: Any, upper: bool) -> Any:
    lower, g = (transpose(y, -1, -2), transpose(g, -1, -2)) if upper else (y, g)
    inner = tril(matmul(transpose(lower, -1, -2), g))
    inner = inner - 0.5 * diag_embed(diagonal(inner, 0, -2, -1))
    inverse = inv(lower)
    whole = matmul(transpose(inverse, -1, -2), matmul(inner, inverse))
    return 0.5 * (whole + transpose(whole, -1, -2))


cholesky = op(
    "linalg.cholesky",
    _cholesky,
    grad={"x": _cholesky_slope},
    latex=r"x = L L^{T}",
    doc="The lower triangle L with `L @ L.mT = x`, for positive-definite matrices.",
    samples=[S(positive_definite(3, 3)), S(positive_definite(2, 3, 3), upper=True)],
    expose="linalg",
)


def _qr(x: Any, mode: Any = "reduced") -> Any:
    _check_matrix("qr", x, square=False)
    if mode not in ("reduced", "complete"):
        raise RuntimeError(f"qr received unrecognized mode {mode!r}; it is 'reduced' or 'complete'")
    return QR(*np.linalg.qr(x, mode))


def _qr_slope(g: Any, y: Any, x_shape: tuple[int, ...], mode: str) -> Any:
    (gq, gr), (q, r) = g, y
    if x_shape[-2] < x_shape[-1] or (mode == "complete" and x_shape[-2] > x_shape[-1]):
        raise RuntimeError(
            "linalg.qr has a gradient for matrices with at least as many rows as columns, in mode "
            f"'reduced'; got shape {tuple(x_shape)} in mode {mode!r}"
        )
    inner = matmul(r, transpose(gr, -1, -2)) - matmul(transpose(gq, -1, -2), q)
    below = tril(inner, -1)
    mirrored = below + transpose(below, -1, -2) + diag_embed(diagonal(inner, 0, -2, -1))
    return matmul(gq + matmul(q, mirrored), transpose(inv(r), -1, -2))


qr = op(
    "linalg.qr",
    _qr,
    grad={"x": _qr_slope},
    outputs=2,
    latex=r"x = Q R",
    doc="Orthonormal columns Q and an upper triangle R with `Q @ R = x`: (Q, R).",
    samples=[S(_well_conditioned(3, 3)), S(_well_conditioned(2, 4, 3))],
    expose="linalg",
    torch="",
)


def _gaps(values: Any) -> Any:
    """One over the differences of all pairs, and 0 on the diagonal."""
    apart = unsqueeze(values, -2) - unsqueeze(values, -1)
    return where(apart == 0, 0.0, 1 / where(apart == 0, 1.0, apart))


def _eigh(x: Any, UPLO: Any = "L") -> Any:
    _check_matrix("eigh", x)
    return EigH(*np.linalg.eigh(x, UPLO))


def _eigh_slope(g: Any, y: Any) -> Any:
    (gw, gv), (w, v) = g, y
    vt = transpose(v, -1, -2)
    inner = _gaps(w) * matmul(vt, gv) + diag_embed(gw)
    return matmul(v, matmul(inner, vt))


eigh = op(
    "linalg.eigh",
    _eigh,
    grad={"x": _eigh_slope},
    outputs=2,
    latex=r"x = V \Lambda V^{T}",
    doc="""Eigenvalues, rising, and eigenvectors, in columns, of symmetric matrices.

    Only the lower triangle is read. The gradient needs eigenvalues that differ.
    """,
    samples=[S(positive_definite(3, 3)), S(positive_definite(2, 3, 3))],
    expose="linalg",
    torch="",
)

eigvalsh = composition(
    "linalg.eigvalsh",
    lambda x, UPLO="L": eigh(x, UPLO)[0],
    latex=r"\lambda(x)",
    doc="The eigenvalues of symmetric matrices, rising.",
    samples=[S(positive_definite(3, 3))],
    expose="linalg",
)


def _svd(x: Any, full_matrices: bool = True) -> Any:
    _check_matrix("svd", x, square=False)
    return SVD(*np.linalg.svd(x, full_matrices))


def _svd_slope(g: Any, y: Any, x_shape: tuple[int, ...], full_matrices: bool) -> Any:
    if full_matrices and x_shape[-1] != x_shape[-2]:
        raise RuntimeError(
            "linalg.svd with full_matrices=True has no gradient for matrices that are not square, "
            f"got {tuple(x_shape)}: the further columns are arbitrary; pass full_matrices=False"
        )
    (gu, gs, gvh), (u, s, vh) = g, y
    ut, v, gv = transpose(u, -1, -2), transpose(vh, -1, -2), transpose(gvh, -1, -2)
    gaps = _gaps(s * s)
    turned_u, turned_v = matmul(ut, gu), matmul(vh, gv)
    rows, columns = unsqueeze(s, -1), unsqueeze(s, -2)
    inner = (
        gaps * (turned_u - transpose(turned_u, -1, -2)) * columns
        + rows * (gaps * (turned_v - transpose(turned_v, -1, -2)))
        + diag_embed(gs)
    )
    outside_u = (gu - matmul(u, turned_u)) / columns
    outside_v = transpose((gv - matmul(v, turned_v)) / columns, -1, -2)
    return matmul(matmul(u, inner) + outside_u, vh) + matmul(u, outside_v)


svd = op(
    "linalg.svd",
    _svd,
    grad={"x": _svd_slope},
    outputs=3,
    latex=r"x = U \, \text{diag}(S) \, V^{T}",
    doc="""The singular value decomposition (U, S, Vh), the singular values falling.

    The gradient needs singular values that differ, and `full_matrices=False`.
    """,
    samples=[
        S(_well_conditioned(3, 3), full_matrices=False),
        S(_well_conditioned(2, 4, 3), full_matrices=False),
        S(_well_conditioned(3, 4), full_matrices=False),
    ],
    expose="linalg",
    torch="",
)

svdvals = composition(
    "linalg.svdvals",
    lambda x: svd(x, False)[1],
    latex=r"\sigma(x)",
    doc="The singular values, falling.",
    samples=[S(_well_conditioned(3, 3)), S(_well_conditioned(4, 3))],
    expose="linalg",
)

# -- norms of matrices -----------------------------------------------------------------------


def _matrix_norm(
    x: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, dtype: Any = None
) -> Any:
    if ord == "fro":
        return vector_norm(x, 2, tuple(dim), keepdim, dtype)
    first, second = [axis_of(each, x.ndim) for each in dim]
    if 0 in (x.shape[first], x.shape[second]) and ord not in (-1, -2, -math.inf):
        return vector_norm(x, 2, tuple(dim), keepdim, dtype)  # without cells: 0
    if ord in ("nuc", 2, -2):
        values = svdvals(movedim(x, (first, second), (-2, -1)))
        reduce = {"nuc": sum, 2: amax, -2: amin}[ord]
        found = reduce(values, -1)
        for axis in sorted((first, second)) if keepdim else ():
            found = unsqueeze(found, axis)
        return found
    if ord not in (1, -1, math.inf, -math.inf):
        raise RuntimeError(
            f"linalg.matrix_norm: Order {ord} not supported: it is 'fro', 'nuc', ±1, ±2 or ±inf"
        )
    added, taken = (first, second) if ord in (1, -1) else (second, first)
    sums = sum(abs(x), added, True)
    found = (amax if ord > 0 else amin)(sums, taken, True)
    return found if keepdim else squeeze(found, (first, second))


matrix_norm = composition(
    "linalg.matrix_norm",
    _matrix_norm,
    latex=r"\|x\|",
    doc="""The size of matrices: `ord` "fro" (Frobenius), "nuc" (nuclear), ±1, ±2 or ±inf.""",
    samples=[
        S(_well_conditioned(3, 4)),
        *[S(_well_conditioned(2, 3, 4), ord=ord) for ord in ("nuc", 1, -1, 2, -2)],
        S(_well_conditioned(3, 4), ord=math.inf, keepdim=True),
        S(_well_conditioned(2, 3, 4), ord="nuc", dim=(0, 2), keepdim=True),
    ],
    expose="linalg",
)


def _linalg_norm(
    x: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Any:
    pair = isinstance(dim, (tuple, list)) and len(dim) == 2
    if ord is not None and (pair or (dim is None and x.ndim == 2)):
        return matrix_norm(x, ord, dim if pair else (-2, -1), keepdim, dtype)
    if ord is not None and dim is None and x.ndim != 1:
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. "
            f"Got {x.ndim}D."
        )
    if isinstance(ord, str):
        raise RuntimeError(f"linalg.norm: ord {ord!r} is for matrices; got dim {dim}")
    return vector_norm(x, 2 if ord is None else ord, dim, keepdim, dtype)


linalg_norm = composition(
    "linalg.norm",
    _linalg_norm,
    latex=r"\|x\|",
    doc="`matrix_norm` of matrices when `ord` is given, else `vector_norm`.",
    samples=[S((3, 4)), S((3, 4), dim=1), S(_well_conditioned(3, 4), ord=2), S((4,), ord=1)],
    expose="linalg",
)
