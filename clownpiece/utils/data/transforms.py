"""What can be done to an image on its way into a batch.

Images are float tensors of shape `(C, H, W)`. The random ones draw from the batch's stream
inside of a loader, else from the default generator.

>>> import clownpiece as cp
>>> from clownpiece.utils.data import transforms
>>> augment = transforms.Compose([transforms.Pad(1), transforms.RandomCrop(8)])
>>> augment(cp.zeros(1, 8, 8)).shape
clownpiece.Size([1, 8, 8])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...random import Generator
from ...tensor import Tensor, wrap
from .worker import random_numbers

__all__ = [
    "CenterCrop",
    "Compose",
    "Normalize",
    "Pad",
    "RandomCrop",
    "RandomHorizontalFlip",
    "ToTensor",
]


class Compose:
    """One transform after the other."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = list(transforms)

    def __call__(self, image: Any) -> Any:
        for transform in self.transforms:
            image = transform(image)
        return image

    def __repr__(self) -> str:
        return f"Compose({', '.join(map(repr, self.transforms))})"


class ToTensor:
    """An array `(H, W)` or `(H, W, C)`, bytes or floats, as a float32 tensor `(C, H, W)`.

    Bytes are divided by 255, so that they go from 0 to 1.

    Raises:
        ValueError: it is no picture: neither two nor three dimensions.
    """

    def __call__(self, image: Any) -> Tensor:
        array = np.asarray(image)
        if array.ndim not in (2, 3):
            raise ValueError(f"a picture has shape (H, W) or (H, W, C); got {array.shape}")
        if array.ndim == 2:
            array = array[:, :, None]
        scale = 1 / 255 if array.dtype == np.uint8 else 1.0
        channels_first = np.ascontiguousarray(array.transpose(2, 0, 1))
        return wrap(np.multiply(channels_first, scale, dtype=np.float32))

    def __repr__(self) -> str:
        return "ToTensor()"


class Normalize:
    """Subtract `mean` and divide by `std`, one of each a channel.

    Raises:
        ValueError: a deviation of 0.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        if not all(std):
            raise ValueError(f"a deviation of 0 would divide by it; got std={list(std)}")
        self.mean = np.asarray(mean, np.float32).reshape(-1, 1, 1)
        self.std = np.asarray(std, np.float32).reshape(-1, 1, 1)

    def __call__(self, image: Tensor) -> Tensor:
        return wrap(((image.array - self.mean) / self.std).astype(image.array.dtype))

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean.ravel().tolist()}, std={self.std.ravel().tolist()})"


class Pad:
    """Zeros around the picture, `padding` on each side."""

    def __init__(self, padding: int) -> None:
        self.padding = padding

    def __call__(self, image: Tensor) -> Tensor:
        around = (self.padding, self.padding)
        return wrap(np.pad(image.array, [(0, 0), around, around]))

    def __repr__(self) -> str:
        return f"Pad({self.padding})"


class CenterCrop:
    """The middle of the picture, `size` pixels high and wide.

    Raises:
        ValueError: the picture is smaller than that.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, image: Tensor) -> Tensor:
        top, left = ((free + 1) // 2 for free in _free(image, self.size))
        return _window(image, top, left, self.size)

    def __repr__(self) -> str:
        return f"CenterCrop({self.size})"


class RandomCrop:
    """A window somewhere in the picture, `size` pixels high and wide, after padding.

    Raises:
        ValueError: the picture is smaller than that.
    """

    def __init__(self, size: int, padding: int = 0, generator: Generator | None = None) -> None:
        self.size = size
        self.padding = padding
        self.generator = generator

    def __call__(self, image: Tensor) -> Tensor:
        padded = Pad(self.padding)(image) if self.padding else image
        draw = random_numbers(self.generator).numpy
        top, left = (int(draw.integers(free + 1)) for free in _free(padded, self.size))
        return _window(padded, top, left, self.size)

    def __repr__(self) -> str:
        return f"RandomCrop({self.size}, padding={self.padding})"


class RandomHorizontalFlip:
    """Left and right exchanged, with probability `p`."""

    def __init__(self, p: float = 0.5, generator: Generator | None = None) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"a probability is between 0 and 1; got p={p}")
        self.p = p
        self.generator = generator

    def __call__(self, image: Tensor) -> Tensor:
        if random_numbers(self.generator).numpy.random() >= self.p:
            return image
        return wrap(np.ascontiguousarray(image.array[..., ::-1]))

    def __repr__(self) -> str:
        return f"RandomHorizontalFlip(p={self.p})"


def _free(image: Tensor, size: int) -> tuple[int, int]:
    """How much higher and wider the picture is than a window of `size`."""
    height, width = image.array.shape[-2:]
    if height < size or width < size:
        raise ValueError(
            f"a window of {size}×{size} does not fit into a picture of {height}×{width}; "
            "pad it first"
        )
    return height - size, width - size


def _window(image: Tensor, top: int, left: int, size: int) -> Tensor:
    return wrap(np.ascontiguousarray(image.array[..., top : top + size, left : left + size]))
