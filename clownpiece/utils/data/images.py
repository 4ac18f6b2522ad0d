"""Pictures in folders that are named after what they show."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...tensor import wrap
from .dataset import Dataset
from .transforms import ToTensor

__all__ = ["ImageFolder", "read_image"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp")


class ImageFolder(Dataset):
    """`root/cat/1.png`, `root/cat/2.png`, `root/dog/1.png`…: the folder's name is the class.

    Sample `i` is a pair: the picture as a float32 tensor of shape `(C, H, W)` from 0 to 1, after
    `transform`; and the number of its class, an int64. Pictures of different sizes need a
    transform that makes them alike before they fit into one batch.

    Args:
        root: the folder of folders. Those below are searched too, in the order of their names.
        transform: called with each picture.
        loader: reads a picture from its path, as an array `(H, W)` or `(H, W, C)`.
        suffixes: of the files that are pictures; other files are passed over.

    Attributes:
        classes: the folders' names in order, which the numbers stand for.
        samples: each picture's path and number.

    Raises:
        FileNotFoundError: no folder, no classes, or a class without pictures.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Callable[[Any], Any] | None = None,
        loader: Callable[[Path], np.ndarray] | None = None,
        suffixes: Sequence[str] = SUFFIXES,
    ) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise FileNotFoundError(
                f"there is no folder {root}; ImageFolder reads root/class/*.png"
            )
        self.classes = sorted(each.name for each in self.root.iterdir() if each.is_dir())
        if not self.classes:
            raise FileNotFoundError(
                f"{root} has no folders in it; ImageFolder expects one for each class"
            )
        self.transform = transform
        self.loader = loader or read_image
        self.samples = [
            (path, number)
            for number, name in enumerate(self.classes)
            for path in self._pictures(self.root / name, suffixes)
        ]

    @staticmethod
    def _pictures(folder: Path, suffixes: Sequence[str]) -> list[Path]:
        found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes)
        if not found:
            raise FileNotFoundError(
                f"{folder} has no pictures; their names end in {', '.join(suffixes)}"
            )
        return found

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, number = self.samples[index]
        picture: Any = ToTensor()(self.loader(path))
        if self.transform is not None:
            picture = self.transform(picture)
        return picture, wrap(np.array(number, np.int64))

    def __repr__(self) -> str:
        return f"ImageFolder({len(self)} pictures in {len(self.classes)} classes)"


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """A picture as bytes: `(H, W)` if it is grey, else `(H, W, 3)`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no picture, or a damaged one.
    """
    from PIL import Image

    try:
        with Image.open(path) as picture:
            grey = picture.mode in ("1", "L", "LA")
            return np.asarray(picture.convert("L" if grey else "RGB"))
    except FileNotFoundError:
        raise
    # Each of Pillow's decoders has errors of its own for a file that is cut short or lies.
    except Exception as error:
        raise ValueError(f"{path} is no picture that can be read: {error}") from error
