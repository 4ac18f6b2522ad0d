"""Data sets by name: digits that come with the package, Fashion-MNIST and MNIST from IDX files."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...tensor import Tensor, wrap
from .dataset import Dataset
from .idx import read_idx

__all__ = ["MNIST", "Digits", "FashionMNIST", "ImageArrays"]

DATA_FOLDER = "CLOWNPIECE_DATA"
"""The environment variable that names a folder with a folder for each data set."""


class ImageArrays(Dataset):
    """Grey images and their labels, in memory.

    Sample `i` is a pair: the image as float32 of shape `(1, H, W)`, from 0 to 1 or with
    `normalize` of mean 0 and deviation 1 over the training images; and its label, an int64.

    Args:
        images: whole numbers of shape `(N, H, W)`.
        labels: whole numbers of shape `(N,)`.
        white: the value that becomes 1.
        mean, std: of the training images, once they go from 0 to 1.
        normalize: subtract the mean and divide by the deviation.
        transform: called with each image; the samples of a batch then go through it one by one.

    Attributes:
        images, labels: the arrays as they were given.
        classes: what the labels stand for.
    """

    classes: Sequence[str] = tuple("0123456789")

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        *,
        white: float = 255.0,
        mean: float = 0.0,
        std: float = 1.0,
        normalize: bool = False,
        transform: Callable[[Tensor], Any] | None = None,
    ) -> None:
        if images.ndim != 3 or labels.shape != images.shape[:1]:
            raise ValueError(
                f"images have shape (N, H, W) and labels (N,); got {images.shape} and "
                f"{labels.shape}"
            )
        self.images, self.labels = images, labels
        self.transform = transform
        self.mean, self.std = mean, std
        self._scale = np.float32(1 / (white * std) if normalize else 1 / white)
        self._shift = np.float32(mean / std if normalize else 0)
        if transform is None:
            self.batch = self._batch

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Any, Tensor]:
        image = wrap(self._scaled(self.images[index])[None])
        label = wrap(np.asarray(self.labels[index], np.int64))
        return (image if self.transform is None else self.transform(image)), label

    def _batch(self, indices: Sequence[int]) -> list[Tensor]:
        images = self._scaled(self.images[indices])[:, None]
        return [wrap(images), wrap(self.labels[indices].astype(np.int64))]

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        scaled = np.multiply(values, self._scale, dtype=np.float32)
        if self._shift:
            scaled -= self._shift
        return scaled

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} images of {self.images.shape[1:]})"


class Digits(ImageArrays):
    """1,797 handwritten digits of 8×8 pixels, shipped with the package.

    Every fifth sample of each class is for testing: 1,442 train, 355 test. From the UCI Machine
    Learning Repository (Alpaydin and Kaynak, 1998), licensed under CC BY 4.0.

    Args:
        split: `"train"` or `"test"`.
        normalize, transform: as in `ImageArrays`.

    >>> from clownpiece.utils.data import Digits
    >>> image, label = Digits("train")[0]
    >>> tuple(image.shape), label.item()
    ((1, 8, 8), 0)
    """

    def __init__(
        self,
        split: str = "train",
        *,
        normalize: bool = False,
        transform: Callable[[Tensor], Any] | None = None,
    ) -> None:
        wants_test = _is_test(split)
        with np.load(Path(__file__).parent / "files" / "digits.npz") as file:
            images, labels = file["images"], file["labels"]
        for_testing = np.zeros(len(labels), bool)
        for label in range(10):
            for_testing[np.flatnonzero(labels == label)[4::5]] = True
        chosen = for_testing == wants_test
        super().__init__(
            images[chosen],
            labels[chosen],
            white=16.0,
            mean=0.3051,
            std=0.3762,
            normalize=normalize,
            transform=transform,
        )


class MNIST(ImageArrays):
    """70,000 handwritten digits of 28×28 pixels, read from the four IDX files in a folder.

    Args:
        split: `"train"` (60,000) or `"test"` (10,000).
        root: the folder with `train-images-idx3-ubyte` and the others, compressed or not. Without
            it, the folder `mnist` in `$CLOWNPIECE_DATA`.
        normalize, transform: as in `ImageArrays`.

    Raises:
        FileNotFoundError: the files are not there; the message says where they were looked for.

    Reference: LeCun et al., *Gradient-based learning applied to document recognition*, 1998.
    """

    folder = "mnist"
    package = ""
    mean_and_std = (0.1307, 0.3081)

    def __init__(
        self,
        split: str = "train",
        root: str | os.PathLike[str] | None = None,
        *,
        normalize: bool = False,
        transform: Callable[[Tensor], Any] | None = None,
    ) -> None:
        part = "t10k" if _is_test(split) else "train"
        images = read_idx(self._found(f"{part}-images-idx3-ubyte", root))
        labels = read_idx(self._found(f"{part}-labels-idx1-ubyte", root))
        mean, std = self.mean_and_std
        super().__init__(
            images, labels, mean=mean, std=std, normalize=normalize, transform=transform
        )

    @classmethod
    def is_available(cls, root: str | os.PathLike[str] | None = None) -> bool:
        """Whether the files are on this machine."""
        try:
            cls._found("train-images-idx3-ubyte", root)
        except FileNotFoundError:
            return False
        return True

    @classmethod
    def _found(cls, name: str, root: str | os.PathLike[str] | None) -> Path:
        folders = cls._folders(root)
        for folder in folders:
            for spelling in (f"{name}.gz", name):
                if (folder / spelling).is_file():
                    return folder / spelling
        looked = ", ".join(map(str, folders)) or "no folder, for none is known"
        install = f"Install it with `apt-get install {cls.package}`, or g" if cls.package else "G"
        raise FileNotFoundError(
            f"{cls.__name__} is not on this machine: there is no {name}(.gz). Looked in: {looked}. "
            f"{install}ive the folder that has it as {cls.__name__}(root=...), or set "
            f"${DATA_FOLDER} to the folder around {cls.folder!r}"
        )

    @classmethod
    def _folders(cls, root: str | os.PathLike[str] | None) -> list[Path]:
        if root is not None:
            return [Path(root)]
        given = os.environ.get(DATA_FOLDER)
        installed = _folders_of_package(cls.package) if cls.package else ()
        return [*([Path(given) / cls.folder] if given else []), *installed]


class FashionMNIST(MNIST):
    """70,000 pictures of ten kinds of clothing, 28×28 pixels, in the format of MNIST.

    Args:
        split: `"train"` (60,000) or `"test"` (10,000).
        root: the folder with the four IDX files. Without it, the folder `fashion-mnist` in
            `$CLOWNPIECE_DATA`, then where Debian's package `dataset-fashion-mnist` has put it.
        normalize, transform: as in `ImageArrays`.

    Raises:
        FileNotFoundError: the files are not there; the message says which package to install.

    Reference: Xiao, Rasul and Vollgraf, *Fashion-MNIST*, 2017.
    """

    folder = "fashion-mnist"
    package = "dataset-fashion-mnist"
    mean_and_std = (0.2860, 0.3530)
    classes = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )


def _is_test(split: str) -> bool:
    if split not in ("train", "test"):
        raise ValueError(f"split is 'train' or 'test'; got {split!r}")
    return split == "test"


@functools.cache
def _folders_of_package(package: str) -> tuple[Path, ...]:
    """The folders into which a Debian package put data; none where it is not installed."""
    dpkg = shutil.which("dpkg")
    if dpkg is None:
        return ()
    listed = subprocess.run(
        [dpkg, "-L", package], capture_output=True, text=True, check=False, timeout=30
    )
    paths = [Path(line) for line in listed.stdout.splitlines()]
    return tuple(dict.fromkeys(path.parent for path in paths if "-idx" in path.name))
