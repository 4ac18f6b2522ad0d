"""What stays of a tensor, and the budget."""

from __future__ import annotations

import numpy as np
import pytest

from clownviz.capture.keep import Keeper, parse_bytes, sample
from clownviz.capture.tape import Value


def value(number=0):
    return Value(number, (1000,), "float32", 4000)


@pytest.mark.parametrize(
    "text, expected",
    [("256 MiB", 256 * 2**20), ("1GB", 10**9), ("0.5 KiB", 512), ("7", 7), (12, 12), ("3 b", 3)],
)
def test_sizes_are_read(text, expected):
    assert parse_bytes(text) == expected


@pytest.mark.parametrize("text", ["much", "1 parsec", "-3 MiB", -1, True, "1.2.3 KiB", ""])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="is not a size"):
        parse_bytes(text)


def test_the_oldest_arrays_go_first_and_leave_their_statistics():
    keeper = Keeper("full", 12_000)
    values = [value(n) for n in range(4)]
    for each in values:
        keeper.look(each, np.ones(1000, np.float32))
    assert [v.array is not None for v in values] == [False, False, True, True]
    assert all(v.stats is not None for v in values)
    assert keeper.used <= 12_000
    (note,) = keeper.notes()
    assert note.startswith("2 of the oldest arrays were let go")


def test_when_no_array_is_left_statistics_go_too():
    keeper = Keeper("statistics", 2_500)
    values = [value(n) for n in range(5)]
    for each in values:
        keeper.look(each, np.ones(1000, np.float32))
    kept = [v.stats is not None for v in values]
    assert kept == sorted(kept) and not all(kept)
    assert "left of them is their shapes" in keeper.notes()[0]


def test_nothing_is_kept_of_shapes():
    assert not Keeper("shapes", 0).looks
    with pytest.raises(ValueError, match="expected one of shapes, statistics"):
        Keeper("everything", 0)


@pytest.mark.parametrize(
    "shape, kept",
    [((32, 3, 8, 8), (1, 3, 8, 8)), ((9,), (9,)), ((4, 1000, 1000), (1, 65, 1000)), ((), ())],
)
def test_a_sample_is_the_first_example_of_a_batch(shape, kept):
    assert sample(np.zeros(shape)).shape == kept
