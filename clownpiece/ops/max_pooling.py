"""Max pooling as PyTorch calls it: one function, which returns the indices too if asked to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..random import default_generator
from ..tensor import Tensor
from . import adaptive_pooling, pooling
from .arguments import Ints
from .record import Op

__all__ = ["adaptive_max_pool", "fractional_max_pool", "max_pool"]


def _define_max_pool(n: int) -> Callable[..., Any]:
    def max_pool(
        input: Tensor,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        record = (pooling.max_pool_with_indices if return_indices else pooling.max_pool)[n]
        return record(input, kernel_size, stride, padding, dilation, ceil_mode)

    return _named(max_pool, f"max_pool{n}d", pooling.max_pool[n])


def _define_adaptive_max_pool(n: int) -> Callable[..., Any]:
    def adaptive_max_pool(input: Tensor, output_size: Ints, return_indices: bool = False) -> Any:
        both = adaptive_pooling.adaptive_max_pool[n](input, output_size)
        return both if return_indices else both[0]

    return _named(
        adaptive_max_pool, f"adaptive_max_pool{n}d", adaptive_pooling.adaptive_max_pool[n]
    )


def _define_fractional_max_pool(n: int) -> Callable[..., Any]:
    def fractional_max_pool(
        input: Tensor,
        kernel_size: Ints,
        output_size: Ints | None = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> Any:
        if (output_size is None) == (output_ratio is None):
            raise ValueError(
                f"fractional_max_pool{n}d requires specifying either an output_size or an "
                "output_ratio"
            )
        if output_size is None:
            ratios = (
                output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * n
            )
            sizes = zip(input.shape[-n:], ratios, strict=True)
            output_size = tuple(int(size * ratio) for size, ratio in sizes)
        samples: Any = _random_samples
        if samples is None:
            planes = input.shape[:-n] if input.ndim == n + 2 else (1, *input.shape[:-n])
            samples = default_generator.numpy.random((*planes, n))
        both = adaptive_pooling.fractional_max_pool[n](input, samples, kernel_size, output_size)
        return both if return_indices else both[0]

    return _named(
        fractional_max_pool, f"fractional_max_pool{n}d", adaptive_pooling.fractional_max_pool[n]
    )


def _named(function: Callable[..., Any], name: str, record: Op) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = record.doc
    return function


max_pool = {n: _define_max_pool(n) for n in (1, 2, 3)}
"""The function of each number of dimensions."""
adaptive_max_pool = {n: _define_adaptive_max_pool(n) for n in (1, 2, 3)}
fractional_max_pool = {n: _define_fractional_max_pool(n) for n in (2, 3)}
