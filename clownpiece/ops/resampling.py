"""Making tensors larger and smaller: interpolation, sampling at given places, pixel shuffling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..kernels import resampling as kernel
from ..kernels.grid import TAPS, corners, places, sample, sample_backward
from .arguments import Ints
from .composition import composition
from .pooling import gather_cells
from .record import op
from .samples import S, drawn
from .shape import permute, reshape

__all__ = [
    "affine_grid",
    "area_matrices",
    "channel_shuffle",
    "grid_sample",
    "interpolate",
    "pixel_shuffle",
    "pixel_unshuffle",
    "resample",
    "transposed",
]

Matrices = tuple[np.ndarray, ...]


def area_matrices(size: Sequence[int], out: Sequence[int], dtype: str) -> Matrices:
    """For each dimension, the means of `out` equal parts as a matrix."""
    return tuple(kernel.area_matrix(n, o, dtype) for n, o in zip(size, out, strict=True))


def transposed(matrices: Matrices) -> Matrices:
    """The matrices that bring a gradient back."""
    return tuple(matrix.T for matrix in matrices)


_SAMPLE = np.linspace(-1, 1, 25, dtype=np.float32).reshape(5, 5)


def _resample(x: Any, matrices: Matrices) -> Any:
    for dim in range(-1, -len(matrices) - 1, -1):
        x = kernel.apply_along(x, matrices[dim].astype(x.dtype, copy=False), x.ndim + dim)
    return x


resample = op(
    "resample",
    _resample,
    grad={"x": lambda g, matrices: resample(g, transposed(matrices))},
    latex=r"\sum_{jk} A_{ij} B_{lk} \, x_{jk}",
    doc="The trailing dimensions, each multiplied by a matrix `(out, in)` of its own.",
    samples=[S((2, 3, 4), matrices=(_SAMPLE[:2, :3], _SAMPLE[:5, :4]))],
    expose="",
)


def _take_cells(x: Any, cells: Matrices) -> Any:
    for dim in range(-1, -len(cells) - 1, -1):
        x = np.take(x, cells[dim], x.ndim + dim)
    return x


def _add_cells(x: Any, cells: Matrices, size: tuple[int, ...]) -> Any:
    for dim in range(-1, -len(cells) - 1, -1):
        chosen = (cells[dim] == np.arange(size[dim])[:, None]).astype(x.dtype)
        x = kernel.apply_along(x, chosen, x.ndim + dim)
    return x


take_cells = op(
    "take_cells",
    _take_cells,
    grad={"x": lambda g, x_shape, cells: add_cells(g, cells, size=x_shape[-len(cells) :])},
    latex="x_{cells}",
    doc="The trailing dimensions, each at the cells of an index of its own.",
    samples=[S((2, 4, 3), cells=(np.array([0, 0, 2, 3]), np.array([2, 1, 1])))],
    expose="",
)

add_cells = op(
    "add_cells",
    _add_cells,
    grad={"x": lambda g, cells: take_cells(g, cells)},
    latex=r"\sum_i x_i \, [\,j = cells_i]",
    doc="The transpose of `take_cells`: numbers added where they were taken from.",
    samples=[S((2, 4, 3), cells=(np.array([0, 0, 2, 3]), np.array([2, 1, 1])), size=(4, 3))],
    expose="",
)

# -- interpolation --------------------------------------------------------------------------------

_MODES = {
    "nearest": (1, 2, 3),
    "nearest-exact": (1, 2, 3),
    "area": (1, 2, 3),
    "linear": (1,),
    "bilinear": (2,),
    "bicubic": (2,),
    "trilinear": (3,),
}
_SMOOTH = ("linear", "bilinear", "bicubic", "trilinear")


def _interpolate(
    x: Any,
    size: Ints | None = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Any:
    n = x.ndim - 2
    _check_mode(x, mode, align_corners, antialias)
    space = tuple(x.shape[2:])
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: give either size or scale_factor, and not both")
    scales: tuple[float | None, ...]
    if size is not None:
        if recompute_scale_factor:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size")
        out, scales = _for_each(size, n, "size"), (None,) * n
    else:
        scales = _for_each(scale_factor, n, "scale_factor")
        out = tuple(math.floor(m * s) for m, s in zip(space, scales, strict=True))
        if recompute_scale_factor:
            scales = (None,) * n
    if min(out) <= 0 or min(space) <= 0:
        raise RuntimeError(
            "Input and output sizes should be greater than 0, but got input "
            f"{space} and output {out}"
        )
    return _resized(x, space, out, scales, mode, bool(align_corners), antialias)


def _resized(
    x: Any,
    space: tuple[int, ...],
    out: tuple[int, ...],
    scales: tuple[float | None, ...],
    mode: str,
    align: bool,
    antialias: bool,
) -> Any:
    sizes = list(zip(space, out, scales, strict=True))
    if mode in ("nearest", "nearest-exact"):
        exact = mode != "nearest"
        return take_cells(x, tuple(kernel.nearest_cells(n, o, exact, s) for n, o, s in sizes))
    dtype = x.dtype.name
    if mode == "area":
        return resample(x, area_matrices(space, out, dtype))
    if antialias:
        cubic = mode == "bicubic"
        return resample(
            x, tuple(kernel.smooth_matrix(n, o, align, s, cubic, dtype) for n, o, s in sizes)
        )
    matrix = kernel.cubic_matrix if mode == "bicubic" else kernel.linear_matrix
    return resample(x, tuple(matrix(n, o, align, s, dtype) for n, o, s in sizes))


def _for_each(value: Any, n: int, name: str) -> tuple:
    if isinstance(value, str):
        raise TypeError(f"interpolate(): argument {name!r} must be numbers, not str; got {value!r}")
    if not isinstance(value, (tuple, list)):
        return (value,) * n
    if len(value) != n:
        raise ValueError(
            f"interpolate: Input and output must have the same number of spatial dimensions, but "
            f"got {n} in the input and {name} {tuple(value)}"
        )
    return tuple(value)


def _check_mode(x: Any, mode: str, align_corners: bool | None, antialias: bool) -> None:
    n = x.ndim - 2
    if mode not in _MODES:
        raise NotImplementedError(
            f"interpolate: mode is {mode!r}; the modes are {', '.join(map(repr, _MODES))}"
        )
    if n not in _MODES[mode]:
        dims = " or ".join(f"{m + 2}D" for m in _MODES[mode])
        raise NotImplementedError(
            f"interpolate: mode {mode!r} takes {dims} input (N, C, *spatial); got shape "
            f"{tuple(x.shape)}"
        )
    if align_corners is not None and mode not in _SMOOTH:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: "
            f"{' | '.join(_SMOOTH)}; got mode {mode!r}"
        )
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(
            "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D "
            f"tensor as input; got mode {mode!r} and {x.ndim}D"
        )


interpolate = composition(
    "interpolate",
    _interpolate,
    latex=r"\sum_j w_{ij} \, x_j",
    doc="""`x` `(N, C, *spatial)` resized to `size`, or by `scale_factor`.

    Args:
        size: the new spatial size; one number or one a dimension.
        scale_factor: the factor instead; the size is rounded down.
        mode: "nearest", "nearest-exact", "linear" (3D), "bilinear", "bicubic" (4D), "trilinear"
            (5D), or "area", the mean of each part.
        align_corners: whether the centres of the corner cells stay where they are (True), or
            the outer edges (False).
        recompute_scale_factor: take the factor that the rounded size really has.
        antialias: widen the filter where the size shrinks, so that no cell is left out.

    Raises:
        NotImplementedError: a mode that there is not for this number of dimensions.
        ValueError: both or neither of size and scale_factor, or align_corners without meaning.

    >>> import clownpiece as cp
    >>> from clownpiece.nn import functional as F
    >>> F.interpolate(cp.tensor([[[1.0, 3.0]]]), scale_factor=2, mode="linear")
    tensor([[[1.0000, 1.5000, 2.5000, 3.0000]]])
    """,
    samples=[
        S((2, 3, 4), size=7),
        S((2, 3, 4, 5), scale_factor=2, mode="bilinear"),
        S((2, 3, 4, 5), size=(3, 8), mode="bicubic", align_corners=True),
        S((1, 2, 3, 4, 2), size=(2, 3, 4), mode="trilinear", align_corners=False),
        S((2, 3, 5, 6), size=(2, 4), mode="area"),
        S((2, 3, 7, 9), size=(3, 12), mode="bicubic", antialias=True),
        S((2, 3, 5, 6), scale_factor=(1.7, 0.6), mode="nearest-exact"),
    ],
    torch="nn.functional.interpolate",
    expose="functional",
)

# -- sampling at given places ---------------------------------------------------------------------

_PADDINGS = ("zeros", "border", "reflection")


def _grid_sample(
    x: Any,
    grid: Any,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Any:
    _check_grid(x, grid, mode, padding_mode)
    return sample(x, grid, mode, padding_mode, bool(align_corners))


def _grid_sample_gradients(
    g: Any,
    x: Any,
    grid: Any,
    mode: str,
    padding_mode: str,
    align_corners: bool | None,
    needs: tuple[bool, bool],
) -> tuple[Any, Any]:
    return sample_backward(g, x, grid, mode, padding_mode, bool(align_corners), needs)


def _grid_sample_in_ops(
    x: Any,
    grid: Any,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Any:
    at = grid if isinstance(grid, np.ndarray) else grid.array
    sizes, planes, n = x.shape[2:], reshape(x, (*x.shape[:2], -1)), x.ndim - 2
    axes = places(at, sizes, mode, padding_mode, bool(align_corners))
    # What is left of each place behind its cell, as a function of the coordinate.
    rests = [
        axis.rest + axis.slope * (grid[..., n - 1 - dim] - at[..., n - 1 - dim])
        for dim, axis in enumerate(axes)
    ]
    total: Any = 0.0
    for corner in corners(axes, sizes, mode, padding_mode, bool(align_corners)):
        share: Any = np.broadcast_to(corner.inside, corner.flat.shape).astype(at.dtype)
        for weights, rest in zip(corner.weights, rests, strict=True):
            share = share * _polynomial(weights, rest)
        index = np.broadcast_to(corner.flat[:, None], (*x.shape[:2], *corner.flat.shape[1:]))
        picked = gather_cells(planes, index.reshape(*x.shape[:2], -1), 1)
        column = reshape(share, (len(index), 1, *index.shape[2:]))
        total = total + reshape(picked, index.shape) * column
    return total


def _polynomial(coefficients: Sequence[float], t: Any) -> Any:
    total: Any = t * 0.0 + coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = total * t + coefficient
    return total


def _check_grid(x: Any, grid: Any, mode: str, padding_mode: str) -> None:
    n = x.ndim - 2
    if n not in (2, 3) or grid.ndim != x.ndim or grid.shape[-1] != n or len(grid) != len(x):
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input (N, C, *spatial) and a grid (N, *out, 2 or 3) "
            f"for the same N, but got input of shape {tuple(x.shape)} and grid {tuple(grid.shape)}"
        )
    if 0 in x.shape[2:]:
        raise RuntimeError(
            "grid_sampler(): expected input to have non-empty spatial dimensions, but got shape "
            f"{tuple(x.shape)}"
        )
    if mode not in TAPS or (mode == "bicubic" and n == 3):
        raise ValueError(
            f"grid_sample: mode is {mode!r}; give 'bilinear', 'nearest', or in 2D 'bicubic'"
        )
    if padding_mode not in _PADDINGS:
        raise ValueError(f"grid_sample: padding_mode is {padding_mode!r}; give one of {_PADDINGS}")


def _turn(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(-1.2, 1.2, (2, 3, 4, 2))


grid_sample = op(
    "grid_sample",
    _grid_sample,
    inputs="x grid",
    alike="x grid",
    grad=_grid_sample_gradients,
    composed=_grid_sample_in_ops,
    latex=r"\sum_j x_j \, k(grid_i - j)",
    doc="""`x` `(N, C, H, W)` read at the places `grid` `(N, H', W', 2)`; or the same in 3D.

    Places are (across, down) from -1 to 1 (Jaderberg et al. 2015, spatial transformers).

    Args:
        mode: "bilinear" (between the cells around), "nearest", or in 2D "bicubic".
        padding_mode: what lies outside: "zeros", the "border", or a "reflection".
        align_corners: whether -1 and 1 are the centres of the corner cells, or the outer edges.
    """,
    samples=[
        S((2, 3, 4, 5), drawn((2, 3, 4, 2), _turn), align_corners=False),
        S((2, 3, 4, 5), drawn((2, 3, 4, 2), _turn), align_corners=True, padding_mode="border"),
        S((2, 3, 4, 5), drawn((2, 3, 4, 2), _turn), align_corners=False, padding_mode="reflection"),
        S((2, 3, 4, 5), drawn((2, 3, 4, 2), _turn), align_corners=False, mode="nearest"),
        S((2, 3, 4, 5), drawn((2, 3, 4, 2), _turn), align_corners=False, mode="bicubic"),
    ],
    torch="nn.functional.grid_sample",
    expose="functional",
)


def _affine_grid(theta: Any, size: Sequence[int], align_corners: bool | None = None) -> Any:
    n = len(size) - 2
    if min(size, default=0) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {tuple(size)}")
    if n not in (2, 3) or tuple(theta.shape[1:]) != (n, n + 1):
        raise ValueError(
            f"affine_grid: expected a batch of {n}D affine matrices of shape Nx{n}x{n + 1} for "
            f"size {tuple(size)}; got {tuple(theta.shape)}"
        )
    if len(theta) != size[0]:
        raise RuntimeError(
            f"affine_grid: expected size for first two dimensions of theta to be: "
            f"[{size[0]}, {n}] but got: {list(theta.shape[:2])}"
        )
    axes = []
    for cells in size[2:]:
        ends = np.linspace(-1, 1, cells) if cells > 1 else np.zeros(1)
        axes.append(ends if align_corners else ends * (cells - 1) / cells)
    places = np.meshgrid(*axes, indexing="ij")[::-1]
    base = np.stack([*places, np.ones_like(places[0])], -1).reshape(-1, n + 1)
    grid = base.astype(theta.dtype.name) @ permute(theta, (0, 2, 1))
    return reshape(grid, (len(theta), *size[2:], n))


affine_grid = composition(
    "affine_grid",
    _affine_grid,
    inputs="theta",
    latex=r"\theta \, (x, y, 1)^T",
    doc="""The grid for `grid_sample` that affine matrices `theta` `(N, 2, 3)` give to `size`.

    `size` is that of the output, `(N, C, H, W)`; in 3D `theta` is `(N, 3, 4)`.
    """,
    samples=[S((2, 2, 3), size=(2, 1, 3, 4), align_corners=False)],
    torch="nn.functional.affine_grid",
    expose="functional",
)

# -- pixels and channels --------------------------------------------------------------------------


def _pixel_shuffle(x: Any, upscale_factor: int) -> Any:
    r = upscale_factor
    if x.ndim < 3 or r <= 0 or x.shape[-3] % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects input (*, C, H, W) whose channels are divisible by the square "
            f"of a positive upscale_factor; got shape {tuple(x.shape)} and factor {r}"
        )
    *lead, channels, height, width = x.shape
    b = len(lead)
    split = reshape(x, (*lead, channels // (r * r), r, r, height, width))
    order = (*range(b), b, b + 3, b + 1, b + 4, b + 2)
    return reshape(permute(split, order), (*lead, channels // (r * r), height * r, width * r))


pixel_shuffle = composition(
    "pixel_shuffle",
    _pixel_shuffle,
    latex=r"y_{c, h r + i, w r + j} = x_{c r^2 + i r + j, h, w}",
    doc="""Channels made into space: `(*, C r², H, W)` to `(*, C, H r, W r)` (Shi et al. 2016).

    With r = `upscale_factor`.
    """,
    samples=[S((2, 8, 3, 2), upscale_factor=2)],
    expose="function",
)


def _pixel_unshuffle(x: Any, downscale_factor: int) -> Any:
    r = downscale_factor
    if x.ndim < 3 or r <= 0 or x.shape[-1] % r or x.shape[-2] % r:
        raise RuntimeError(
            "pixel_unshuffle expects input (*, C, H, W) whose height and width are divisible by a "
            f"positive downscale_factor; got shape {tuple(x.shape)} and factor {r}"
        )
    *lead, channels, height, width = x.shape
    b = len(lead)
    split = reshape(x, (*lead, channels, height // r, r, width // r, r))
    order = (*range(b), b, b + 2, b + 4, b + 1, b + 3)
    return reshape(permute(split, order), (*lead, channels * r * r, height // r, width // r))


pixel_unshuffle = composition(
    "pixel_unshuffle",
    _pixel_unshuffle,
    latex=r"y_{c r^2 + i r + j, h, w} = x_{c, h r + i, w r + j}",
    doc="""Space made into channels: `(*, C, H r, W r)` to `(*, C r², H, W)`.

    The inverse of `pixel_shuffle`, with r = `downscale_factor`.
    """,
    samples=[S((2, 2, 6, 4), downscale_factor=2)],
    expose="function",
)


def _channel_shuffle(x: Any, groups: int) -> Any:
    if x.ndim < 3 or groups <= 0 or x.shape[1] % groups:
        raise RuntimeError(
            "channel_shuffle expects input (N, C, *) whose channels are divisible by groups; got "
            f"shape {tuple(x.shape)} and groups {groups}"
        )
    split = reshape(x, (x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]))
    return reshape(permute(split, (0, 2, 1, *range(3, x.ndim + 1))), x.shape)


channel_shuffle = composition(
    "channel_shuffle",
    _channel_shuffle,
    latex=r"y_{k g + i} = x_{i C / g + k}",
    doc="The channels of `groups` groups dealt out in turn (Zhang et al. 2018).",
    samples=[S((2, 6, 3, 2), groups=3)],
    expose="function",
)
