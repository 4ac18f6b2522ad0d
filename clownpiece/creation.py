"""Tensors from data, from a pattern and from chance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .devices import device
from .dtypes import as_dtype, get_default_dtype, int64
from .random import Generator, default_generator
from .tensor import Tensor, wrap

__all__ = [
    "arange",
    "as_tensor",
    "bernoulli",
    "empty",
    "empty_like",
    "eye",
    "from_dlpack",
    "from_numpy",
    "full",
    "full_like",
    "linspace",
    "logspace",
    "multinomial",
    "normal",
    "ones",
    "ones_like",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
    "tensor",
    "tril_indices",
    "triu_indices",
    "zeros",
    "zeros_like",
]


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor with a copy of `data`: numbers, nested lists, an array or a tensor.

    Python floats become the default dtype, ints int64; arrays keep theirs.

    Raises:
        ValueError: the lists are ragged.
        TypeError: the elements are not real numbers.

    >>> import clownpiece
    >>> clownpiece.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    _check_device(device)
    return _finish(_as_array(data, dtype, copy=True), requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """Like `tensor`, but shares memory with an array and returns a fitting tensor itself."""
    _check_device(device)
    if isinstance(data, Tensor):
        wanted = data.dtype if dtype is None else as_dtype(dtype)
        return data if wanted is data.dtype else data.to(wanted)
    return wrap(_as_array(data, dtype, copy=False))


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor that shares the memory of an array.

    Raises:
        TypeError: it is not an array, or has a dtype that does not exist here.
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    as_dtype(ndarray.dtype)
    return wrap(ndarray)


def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor that shares the memory of another library's, through DLPack."""
    return from_numpy(np.from_dlpack(ext_tensor))


def _as_array(data: Any, dtype: Any, copy: bool) -> np.ndarray:
    wanted = None if dtype is None else as_dtype(dtype).numpy
    if isinstance(data, Tensor):
        data = data.array
    if isinstance(data, (np.ndarray, np.generic)):
        known = wanted if wanted is not None else as_dtype(data.dtype).numpy
        return np.array(data, dtype=known, copy=True if copy else None)
    if hasattr(data, "__array__") and not isinstance(data, (list, tuple)):
        return _as_array(np.asarray(data), dtype, copy)
    try:
        array = np.array(_plain(data))
    except ValueError as error:
        raise ValueError(
            f"expected nested sequences of equal lengths to make a tensor of; {error}"
        ) from None
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"a tensor holds real numbers; got {_short(data)} of type {type(data).__name__}"
        )
    if wanted is None:
        first = _first_leaf(data)
        if isinstance(first, (np.ndarray, np.generic, Tensor)):
            wanted = first.dtype.numpy if isinstance(first, Tensor) else first.dtype
        else:
            wanted = {"f": get_default_dtype().numpy, "b": array.dtype}.get(
                array.dtype.kind, np.dtype(np.int64)
            )
    return array.astype(wanted)


def _first_leaf(data: Any) -> Any:
    """What the nested lists hold: NumPy's numbers keep their dtype, Python's get the default."""
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return data


def _plain(data: Any) -> Any:
    """Nested sequences with the tensors in them as arrays."""
    if isinstance(data, (list, tuple)):
        return [_plain(each) for each in data]
    return data.array if isinstance(data, Tensor) else data


def _short(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 60 else text[:57] + "..."


def _finish(array: np.ndarray, requires_grad: bool) -> Tensor:
    made = wrap(array)
    return made.requires_grad_() if requires_grad else made


def _check_device(given: Any) -> None:
    if given is not None and str(given) != "cpu":
        device(given)


def _shape(size: tuple[Any, ...]) -> tuple[int, ...]:
    if len(size) == 1 and not isinstance(size[0], (int, np.integer, Tensor)):
        size = tuple(size[0])
    shape = tuple(int(each) for each in size)
    if any(each < 0 for each in shape):
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}"
        )
    return shape


def _float_dtype(dtype: Any) -> np.dtype:
    return (get_default_dtype() if dtype is None else as_dtype(dtype)).numpy


def _filled(fill: Callable[..., np.ndarray]) -> Callable[..., Tensor]:
    def create(
        *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
    ) -> Tensor:
        _check_device(device)
        return _finish(fill(_shape(size), _float_dtype(dtype)), requires_grad)

    return create


zeros = _filled(np.zeros)
zeros.__doc__ = "A tensor of this shape, full of zeros."
ones = _filled(np.ones)
ones.__doc__ = "A tensor of this shape, full of ones."
empty = _filled(np.zeros)
empty.__doc__ = "A tensor of this shape; here it starts as zeros, so that runs repeat."


def full(
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of this shape, full of one value, whose type gives the dtype."""
    _check_device(device)
    value = _as_array(fill_value, dtype, copy=False)
    return _finish(np.full(_shape((size,)), value), requires_grad)


def _like(fill: Callable[..., np.ndarray]) -> Callable[..., Tensor]:
    def create(
        input: Tensor,
        *,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        memory_format: Any = None,
    ) -> Tensor:
        _check_device(device)
        wanted = input.array.dtype if dtype is None else as_dtype(dtype).numpy
        return _finish(fill(input.array.shape, wanted), requires_grad)

    return create


zeros_like = _like(np.zeros)
zeros_like.__doc__ = "Zeros in the shape and dtype of another tensor."
ones_like = _like(np.ones)
ones_like.__doc__ = "Ones in the shape and dtype of another tensor."
empty_like = _like(np.zeros)
empty_like.__doc__ = "A tensor in the shape and dtype of another; here it starts as zeros."


def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """One value everywhere, in the shape and dtype of another tensor."""
    _check_device(device)
    wanted = input.array.dtype if dtype is None else as_dtype(dtype).numpy
    return _finish(np.full(input.array.shape, fill_value, wanted), requires_grad)


def arange(
    start: Any,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """start, start + step, … below end; int64 if all three are ints.

    >>> import clownpiece
    >>> clownpiece.arange(1, 10, 3)
    tensor([1, 4, 7])
    """
    _check_device(device)
    if end is None:
        start, end = 0, start
    start, end, step = (
        each.item() if isinstance(each, Tensor) else each for each in (start, end, step)
    )
    if step == 0 or (end - start) * step < 0:
        raise RuntimeError(
            f"upper bound and lower bound inconsistent with step sign: from {start} to {end} "
            f"by {step}"
        )
    if dtype is None:
        whole = all(isinstance(each, (int, np.integer)) for each in (start, end, step))
        dtype = np.int64 if whole else get_default_dtype()
    count = max(0, int(np.ceil((end - start) / step)))
    values = start + step * np.arange(count)
    return _finish(values.astype(as_dtype(dtype).numpy), requires_grad)


def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`steps` values from start to end, both included, evenly spaced."""
    _check_device(device)
    values = np.linspace(float(start), float(end), steps)
    return _finish(values.astype(_float_dtype(dtype)), requires_grad)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """base**start to base**end in `steps` even steps of the exponent."""
    _check_device(device)
    values = np.logspace(float(start), float(end), steps, base=base)
    return _finish(values.astype(_float_dtype(dtype)), requires_grad)


def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Ones on the diagonal, zeros elsewhere."""
    _check_device(device)
    return _finish(np.eye(n, m, dtype=_float_dtype(dtype)), requires_grad)


def _triangle(find: Callable[..., Any], which: str) -> Callable[..., Tensor]:
    def create(
        row: int, col: int, offset: int = 0, *, dtype: Any = int64, device: Any = None
    ) -> Tensor:
        _check_device(device)
        places = np.stack(find(row, offset, col))
        return wrap(places.astype(as_dtype(dtype).numpy))

    create.__doc__ = (
        f"Rows and columns of the {which} triangle of a (row, col) matrix, as a (2, N) tensor."
    )
    return create


tril_indices = _triangle(np.tril_indices, "lower")
triu_indices = _triangle(np.triu_indices, "upper")

# -- from chance --------------------------------------------------------------------------------


def _numpy_of(generator: Generator | None) -> np.random.Generator:
    return (default_generator if generator is None else generator).numpy


def _drawn(shape: tuple[int, ...], dtype: Any, normal: bool, generator: Any) -> np.ndarray:
    wanted = _float_dtype(dtype)
    if wanted.kind != "f":
        kind = "normal" if normal else "uniform"
        raise RuntimeError(f"{kind} random numbers are floats; got dtype {as_dtype(dtype)}")
    source = _numpy_of(generator)
    draw = source.standard_normal if normal else source.random
    return np.asarray(draw(shape, dtype=wanted.type))


def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform on [0, 1)."""
    _check_device(device)
    return _finish(_drawn(_shape(size), dtype, False, generator), requires_grad)


def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal with mean 0 and variance 1."""
    _check_device(device)
    return _finish(_drawn(_shape(size), dtype, True, generator), requires_grad)


def rand_like(
    input: Tensor,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Uniform on [0, 1), in the shape and dtype of another tensor."""
    _check_device(device)
    wanted = input.dtype if dtype is None else dtype
    return _finish(_drawn(input.array.shape, wanted, False, None), requires_grad)


def randn_like(
    input: Tensor,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Standard normal, in the shape and dtype of another tensor."""
    _check_device(device)
    wanted = input.dtype if dtype is None else dtype
    return _finish(_drawn(input.array.shape, wanted, True, None), requires_grad)


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Whole numbers from low (0 if left out) up to, not including, high."""
    _check_device(device)
    if size is None:
        low, high, size = 0, low, high
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got {low} >= {high}")
    wanted = np.dtype(np.int64) if dtype is None else as_dtype(dtype).numpy
    values = _numpy_of(generator).integers(low, high, _shape((size,)))
    return _finish(np.asarray(values).astype(wanted), requires_grad)


def randint_like(
    input: Tensor,
    low: int,
    high: int | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Whole numbers below high, in the shape and dtype of another tensor."""
    bounds = (0, low) if high is None else (low, high)
    wanted = input.dtype if dtype is None else dtype
    return randint(
        *bounds, input.array.shape, dtype=wanted, device=device, requires_grad=requires_grad
    )


def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """0 … n−1 in random order."""
    _check_device(device)
    wanted = np.dtype(np.int64) if dtype is None else as_dtype(dtype).numpy
    return _finish(_numpy_of(generator).permutation(n).astype(wanted), requires_grad)


def normal(
    mean: Any, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None
) -> Tensor:
    """Normal with these means and standard deviations, tensors or numbers."""
    means = mean.array if isinstance(mean, Tensor) else mean
    stds = std.array if isinstance(std, Tensor) else std
    if np.min(stds) < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {np.min(stds)}")
    shape = np.broadcast_shapes(np.shape(means), np.shape(stds)) if size is None else size
    given = [each.dtype for each in (means, stds) if isinstance(each, np.ndarray)]
    noise = _drawn(_shape((shape,)), given[0] if given else None, True, generator)
    return wrap(np.asarray(means + stds * noise).astype(noise.dtype))


def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that `input` gives for the cell, else 0."""
    p = input.array
    if p.size and (p.min() < 0 or p.max() > 1):
        raise RuntimeError(
            f"Expected p_in >= 0 && p_in <= 1; got values from {p.min()} to {p.max()}"
        )
    return wrap((_numpy_of(generator).random(p.shape) < p).astype(p.dtype))


def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Indices drawn from each row of weights, `num_samples` a row, as int64.

    Raises:
        RuntimeError: weights are negative, not finite or sum to zero, or too few are positive.
    """
    weights = np.atleast_2d(input.array.astype(np.float64))
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if (weights.sum(-1) <= 0).any():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    if not replacement and (np.count_nonzero(weights, axis=-1) < num_samples).any():
        raise RuntimeError(
            "invalid multinomial distribution (with replacement=False, not enough non-negative "
            f"category to sample {num_samples})"
        )
    source = _numpy_of(generator)
    rows = [
        source.choice(row.size, num_samples, replacement, row / row.sum()) for row in weights
    ]
    drawn = np.stack(rows).astype(np.int64)
    return wrap(drawn if input.array.ndim > 1 else drawn[0])
