"""Matrices as products of simpler ones: Cholesky, QR, eigenvectors, singular values.

All work on the last two dimensions and take the ones before as a batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .composition import composition, named_result
from .linalg import LinAlgError, check_matrix, inv
from .matrices import diag_embed, diagonal, tril
from .products import matmul
from .record import op
from .samples import S, positive_definite, well_conditioned
from .selection import where
from .shape import transpose, unsqueeze

__all__ = ["cholesky", "eigh", "eigvalsh", "qr", "svd", "svdvals"]

QR = named_result("qr", "Q", "R")
SVD = named_result("svd", "U", "S", "Vh")
EigH = named_result("eigh", "eigenvalues", "eigenvectors")


def _cholesky(x: Any, upper: bool = False) -> Any:
    check_matrix("cholesky", x)
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
    check_matrix("qr", x, square=False)
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
    samples=[S(well_conditioned(3, 3)), S(well_conditioned(2, 4, 3))],
    expose="linalg",
    torch="",
)


def _gaps(values: Any) -> Any:
    """One over the differences of all pairs, and 0 on the diagonal."""
    apart = unsqueeze(values, -2) - unsqueeze(values, -1)
    return where(apart == 0, 0.0, 1 / where(apart == 0, 1.0, apart))


def _eigh(x: Any, UPLO: Any = "L") -> Any:
    check_matrix("eigh", x)
    if UPLO not in ("L", "U"):
        raise RuntimeError(f"linalg.eigh: expected UPLO to be 'L' or 'U', but got {UPLO!r}")
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
    check_matrix("svd", x, square=False)
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
        S(well_conditioned(3, 3), full_matrices=False),
        S(well_conditioned(2, 4, 3), full_matrices=False),
        S(well_conditioned(3, 4), full_matrices=False),
    ],
    expose="linalg",
    torch="",
)

svdvals = composition(
    "linalg.svdvals",
    lambda x: svd(x, False)[1],
    latex=r"\sigma(x)",
    doc="The singular values, falling.",
    samples=[S(well_conditioned(3, 3)), S(well_conditioned(4, 3))],
    expose="linalg",
)
