"""Linear algebra: inverses, systems of equations, powers, determinants.

All work on the last two dimensions and take the ones before as a batch. The gradients are the
classic ones; M. Giles, "An extended collection of matrix derivative results for forward and
reverse mode algorithmic differentiation" (2008), derives most of them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .composition import composition, named_result
from .matrices import diag_embed, diagonal
from .products import matmul
from .record import op
from .reductions import any
from .samples import S, positive_definite, well_conditioned
from .selection import nothing, where
from .shape import squeeze, transpose, unsqueeze

__all__ = [
    "LinAlgError",
    "check_matrix",
    "det",
    "inv",
    "matrix_power",
    "pinv",
    "slogdet",
    "solve",
]


class LinAlgError(RuntimeError):
    """There is no answer for this matrix: it is singular, or not positive definite."""


SlogDet = named_result("slogdet", "sign", "logabsdet")


def check_matrix(name: str, x: Any, square: bool = True) -> None:
    """Refuse what is no floating (square) matrix."""
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
    check_matrix("inv", x)
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
    samples=[S(well_conditioned(3, 3)), S(well_conditioned(2, 3, 3))],
    expose="linalg",
)

inverse = composition(
    "inverse",
    lambda x: inv(x),
    latex=r"x^{-1}",
    doc="The inverse of square matrices: `linalg.inv`.",
    samples=[S(well_conditioned(3, 3))],
)


def _is_vector(x: Any, b: Any) -> bool:
    """Whether the right side is one vector a matrix, not a matrix."""
    return b.ndim == 1 or (b.ndim == x.ndim - 1 and b.shape == x.shape[:-1])


def _solve(x: Any, b: Any) -> Any:
    check_matrix("solve", x)
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
    alike="x b",
    latex=r"x^{-1} b",
    doc="The solution of `x @ y = b`, for vectors or matrices `b`, without inverting `x`.",
    samples=[
        S(well_conditioned(3, 3), (3,)),
        S(well_conditioned(3, 3), (3, 2)),
        S(well_conditioned(2, 3, 3), (2, 3, 2)),
        S(well_conditioned(2, 3, 3), (2, 3)),
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
    check_matrix("pinv", x, square=False)
    return np.linalg.pinv(x)


pinv = op(
    "linalg.pinv",
    _pinv,
    grad={"x": _pinv_slope},
    latex=r"x^{+}",
    doc="The pseudo-inverse of Moore and Penrose: the inverse as far as there is one.",
    samples=[S(well_conditioned(4, 3)), S(well_conditioned(2, 2, 3)), S(well_conditioned(3, 3))],
    expose="linalg",
)


def _matrix_power(x: Any, n: int) -> Any:
    check_matrix("matrix_power", getattr(x, "array", x))
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
    samples=[S(well_conditioned(3, 3), n=n) for n in (0, 1, 3, -2)],
    expose="linalg method function",
)

# -- determinants ----------------------------------------------------------------------------


def _det(x: Any) -> Any:
    check_matrix("det", x)
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
    samples=[S(well_conditioned(3, 3))],
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
    samples=[S(well_conditioned(3, 3)), S(well_conditioned(2, 3, 3))],
    expose="linalg method function",
)


def _slogdet(x: Any) -> Any:
    check_matrix("slogdet", x)
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
    samples=[S(well_conditioned(3, 3)), S(well_conditioned(2, 3, 3))],
    expose="linalg method function",
)

logdet = composition(
    "logdet",
    lambda x: where(slogdet(x)[0] > 0, slogdet(x)[1], math.nan),
    latex=r"\ln \det x",
    doc="The logarithm of the determinant; NaN where that is negative.",
    samples=[S(positive_definite(3, 3))],
)
