"""Transforms of images: shapes, values, and randomness that can be repeated."""

from __future__ import annotations

import numpy as np
import pytest

import clownpiece as cp
from clownpiece.utils.data import transforms

PICTURE = cp.arange(16.0).reshape(1, 4, 4)


def test_arrays_become_tensors_with_channels_first():
    bytes_ = np.full((2, 3, 3), 255, np.uint8)
    assert transforms.ToTensor()(bytes_).tolist() == np.ones((3, 2, 3)).tolist()
    assert tuple(transforms.ToTensor()(np.zeros((2, 3))).shape) == (1, 2, 3)
    with pytest.raises(ValueError, match=r"got \(3,\)"):
        transforms.ToTensor()(np.zeros(3))


def test_normalizing_takes_a_mean_and_a_deviation_per_channel():
    image = cp.stack([cp.ones(2, 2), cp.full((2, 2), 6.0)])
    out = transforms.Normalize([1.0, 2.0], [1.0, 4.0])(image)
    assert out.tolist() == [[[0.0, 0.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 1.0]]]
    with pytest.raises(ValueError, match="deviation of 0"):
        transforms.Normalize([0.0], [0.0])


def test_padding_and_the_middle_undo_each_other():
    assert transforms.CenterCrop(4)(transforms.Pad(3)(PICTURE)).tolist() == PICTURE.tolist()
    with pytest.raises(ValueError, match="9×9 does not fit into a picture of 4×4"):
        transforms.CenterCrop(9)(PICTURE)


def test_a_random_crop_is_a_window_of_the_padded_picture():
    padded = transforms.Pad(2)(PICTURE).numpy()
    windows = {padded[0, i : i + 4, j : j + 4].tobytes() for i in range(5) for j in range(5)}
    crop = transforms.RandomCrop(4, padding=2)
    drawn = {crop(PICTURE).numpy().tobytes() for _ in range(60)}
    assert drawn <= windows
    assert len(drawn) > 5


def test_a_flip_happens_as_often_as_it_says():
    flipped = PICTURE.numpy()[..., ::-1].tolist()
    assert transforms.RandomHorizontalFlip(1.0)(PICTURE).tolist() == flipped
    assert transforms.RandomHorizontalFlip(0.0)(PICTURE) is PICTURE
    with pytest.raises(ValueError, match="p=2"):
        transforms.RandomHorizontalFlip(2)


def test_a_generator_repeats_what_was_drawn():
    def drawn():
        crop = transforms.RandomCrop(4, padding=3, generator=cp.Generator().manual_seed(1))
        return [crop(PICTURE).tolist() for _ in range(3)]

    assert drawn() == drawn()


def test_a_chain_says_what_it_is_made_of():
    chain = transforms.Compose(
        [transforms.ToTensor(), transforms.Pad(1), transforms.Normalize([0.5], [0.25])]
    )
    assert repr(chain) == "Compose(ToTensor(), Pad(1), Normalize(mean=[0.5], std=[0.25]))"
    assert chain(np.zeros((2, 2))).tolist() == [[[-2.0] * 4] * 4]
