"""Pictures in folders: classes by name, sizes and colours as they are, errors that say which."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import clownpiece as cp
from clownpiece.utils.data import DataLoader, ImageFolder, read_image, transforms


@pytest.fixture
def folder(tmp_path):
    draw = np.random.default_rng(0)
    for name, shape in (
        ("dog/b.png", (4, 6, 3)),
        ("dog/deeper/a.png", (4, 4)),
        ("cat/1.PNG", (5, 4, 3)),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, shape).astype(np.uint8)).save(path)
    (tmp_path / "cat" / "notes.txt").write_text("not a picture")
    return tmp_path


def test_classes_are_numbered_in_the_order_of_their_names(folder):
    pictures = ImageFolder(folder)
    assert pictures.classes == ["cat", "dog"]
    assert [path.name for path, _ in pictures.samples] == ["1.PNG", "b.png", "a.png"]
    assert [label.item() for _, label in pictures] == [0, 1, 1]
    assert repr(pictures) == "ImageFolder(3 pictures in 2 classes)"


def test_pictures_keep_their_size_and_colours(folder):
    pictures = ImageFolder(folder)
    assert [tuple(picture.shape) for picture, _ in pictures] == [(3, 5, 4), (3, 4, 6), (1, 4, 4)]
    picture, _ = pictures[0]
    original = np.asarray(Image.open(folder / "cat" / "1.PNG"))
    assert np.array_equal(
        (picture.numpy() * 255).round().astype(np.uint8).transpose(1, 2, 0), original
    )


def test_pictures_made_alike_fit_into_a_batch(folder):
    small = transforms.CenterCrop(4)
    loader = DataLoader(
        ImageFolder(folder, transform=lambda picture: small(picture).mean(0)), 3, num_workers=2
    )
    ((pictures, labels),) = list(loader)
    assert tuple(pictures.shape) == (3, 4, 4)
    assert labels.tolist() == [0, 1, 1]


def test_a_reader_of_ones_own(folder):
    ones = ImageFolder(folder, loader=lambda path: np.full((1, 1), len(path.name), np.float32))
    assert ones[0][0].tolist() == [[[5.0]]]


def test_transparent_and_indexed_pictures_are_read_in_colour(tmp_path):
    for mode in ("RGBA", "P", "1", "LA"):
        Image.new(mode, (3, 2)).save(tmp_path / "a.png")
        shape = read_image(tmp_path / "a.png").shape
        assert shape == ((2, 3) if mode in ("1", "LA") else (2, 3, 3))


def test_what_is_missing_or_damaged_is_named(folder, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(FileNotFoundError, match="no folders in it"):
        ImageFolder(empty)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        ImageFolder(empty / "nowhere")
    (empty / "cat").mkdir()
    with pytest.raises(FileNotFoundError, match=r"cat has no pictures; .*\.png"):
        ImageFolder(empty)
    whole = (folder / "dog" / "b.png").read_bytes()
    for content in (b"no picture", whole[:60]):
        (empty / "cat" / "x.png").write_bytes(content)
        with pytest.raises(ValueError, match=r"x\.png is no picture"):
            ImageFolder(empty)[0]
    with pytest.raises(FileNotFoundError):
        read_image(empty / "nowhere.png")


def test_the_classes_are_whole_numbers(folder):
    assert ImageFolder(folder)[0][1].dtype is cp.int64
