"""The data sets with names: the digits in the package, and images in IDX files."""

from __future__ import annotations

import gzip
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

import clownpiece as cp
from clownpiece.utils.data import (
    MNIST,
    DataLoader,
    Digits,
    FashionMNIST,
    ImageArrays,
    default_collate,
    read_idx,
    transforms,
    write_idx,
)


def test_the_digits_are_split_the_same_way_always_and_in_every_class():
    train, test = Digits("train"), Digits("test")
    assert (len(train), len(test)) == (1442, 355)
    assert np.bincount(test.labels).tolist() == [35, 36, 35, 36, 36, 36, 36, 35, 34, 36]


def test_the_digits_are_scikit_learns():
    load_digits = pytest.importorskip("sklearn.datasets").load_digits
    original = load_digits()
    shipped = np.concatenate([Digits(split).images for split in ("train", "test")])
    assert sorted(map(bytes, shipped)) == sorted(map(bytes, original.images.astype(np.uint8)))
    labels = np.concatenate([Digits(split).labels for split in ("train", "test")])
    assert np.bincount(labels).tolist() == np.bincount(original.target).tolist()


def test_the_digits_name_their_source_and_licence():
    folder = resources.files("clownpiece.utils.data") / "files"
    text = (folder / "digits.LICENSE.txt").read_text(encoding="utf-8")
    assert "UCI Machine Learning Repository" in text
    assert "CC BY 4.0" in text


def test_images_go_from_zero_to_one_or_have_mean_zero_and_deviation_one():
    plain = next(iter(DataLoader(Digits("train"), 1442)))[0].numpy()
    assert (plain.min(), plain.max()) == (0.0, 1.0)
    normal = next(iter(DataLoader(Digits("train", normalize=True), 1442)))[0].numpy()
    assert abs(normal.mean()) < 1e-3
    assert abs(normal.std() - 1) < 1e-3
    assert normal.dtype == np.float32


@pytest.mark.parametrize("normalize", [False, True])
def test_a_batch_of_images_at_once_is_the_collated_samples(normalize):
    digits = Digits("test", normalize=normalize)
    at_once = digits.batch([3, 1, 4])
    collated = default_collate([digits[index] for index in (3, 1, 4)])
    for one, other in zip(at_once, collated):
        assert one.dtype is other.dtype
        assert one.tolist() == other.tolist()


def test_a_transform_sees_every_image_of_a_batch():
    digits = Digits("test", transform=transforms.CenterCrop(4))
    images, _ = next(iter(DataLoader(digits, 3)))
    assert tuple(images.shape) == (3, 1, 4, 4)


def test_a_split_that_is_none_is_refused():
    with pytest.raises(ValueError, match="'train' or 'test'; got 'valid'"):
        Digits("valid")


def test_images_and_labels_must_belong_together():
    with pytest.raises(ValueError, match=r"got \(2, 3, 3\) and \(4,\)"):
        ImageArrays(np.zeros((2, 3, 3)), np.zeros(4))


# -- images in folders --------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    draw = np.random.default_rng(0)
    for part, count in (("train", 5), ("t10k", 3)):
        images = draw.integers(0, 256, (count, 28, 28)).astype(np.uint8)
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", images)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", np.arange(count, dtype=np.uint8))
    return tmp_path


@pytest.mark.parametrize("kind", [MNIST, FashionMNIST])
def test_images_are_read_from_the_folder_that_is_given(kind, folder):
    assert len(kind("train", folder)) == 5
    image, label = kind("test", folder)[2]
    assert tuple(image.shape) == (1, 28, 28)
    assert (label.item(), label.dtype) == (2, cp.int64)
    assert kind.is_available(folder)


def test_images_are_found_through_the_environment(folder, monkeypatch, tmp_path_factory):
    around = tmp_path_factory.mktemp("data")
    (around / "mnist").symlink_to(folder)
    monkeypatch.setenv("CLOWNPIECE_DATA", str(around))
    assert repr(MNIST("test")) == "MNIST(3 images of (28, 28))"


def test_a_missing_data_set_says_where_it_looked_and_what_to_install(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        FashionMNIST("train", tmp_path)
    for part in (
        str(tmp_path),
        "apt-get install dataset-fashion-mnist",
        "root=",
        "CLOWNPIECE_DATA",
    ):
        assert part in str(error.value)
    assert not FashionMNIST.is_available(tmp_path)


def test_a_data_set_without_package_says_where_to_give_it(monkeypatch):
    monkeypatch.delenv("CLOWNPIECE_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match=r"Looked in: no folder.*MNIST\(root=\.\.\.\)"):
        MNIST("train")


@pytest.mark.data
@pytest.mark.skipif(
    not FashionMNIST.is_available(), reason="needs the Debian package dataset-fashion-mnist"
)
def test_fashion_mnist_is_the_one_that_was_published():
    train, test = FashionMNIST("train"), FashionMNIST("test", normalize=True)
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.images.mean() / 255 == pytest.approx(0.2860, abs=5e-5)
    assert train.images.std() / 255 == pytest.approx(0.3530, abs=5e-5)
    assert np.bincount(train.labels).tolist() == [6000] * 10
    assert train.classes[train.labels[0]] == "Ankle boot"


# -- IDX ----------------------------------------------------------------------------------------

idx_arrays = st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8"]).flatmap(
    lambda dtype: arrays_of.arrays(dtype, arrays_of.array_shapes(min_dims=0, min_side=0))
)


@given(idx_arrays, st.sampled_from(["a.idx", "a.idx.gz"]))
def test_an_idx_file_gives_back_its_array(tmp_path_factory, array, name):
    path = tmp_path_factory.mktemp("idx") / name
    write_idx(path, array)
    read = read_idx(path)
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


def test_a_type_that_idx_lacks_is_refused(tmp_path):
    with pytest.raises(TypeError, match="int64"):
        write_idx(tmp_path / "a", np.arange(3))


@pytest.mark.parametrize(
    "content, told",
    [
        (b"", "no IDX file"),
        (b"\0\0\x07\x01\0\0\0\x01a", "no IDX file"),
        (b"GIF8", "no IDX file"),
        (b"\0\0\x08\x03\0\0", "header has 3 sizes"),
        (b"\0\0\x08\x01\0\0\0\x05abc", "cut short.* 5 bytes, but 3"),
        (b"\0\0\x08\x01\0\0\0\x01abc", "too long"),
        (b"\0\0\x08\x02\xff\xff\xff\xff\xff\xff\xff\xffabc", "cut short"),
        (gzip.compress(b"\0\0\x08\x01\0\0\0\x05abcde", mtime=0)[:-4], "cut short or damaged"),
        (b"\x1f\x8bnonsense", "cut short or damaged"),
    ],
)
def test_a_damaged_idx_file_says_what_is_wrong(content, told, tmp_path):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ValueError, match=told):
        read_idx(tmp_path / "a")
