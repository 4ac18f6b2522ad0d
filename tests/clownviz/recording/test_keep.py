"""What stays of a tensor, and the budget."""

from __future__ import annotations

import numpy as np
import pytest

from clownviz.recording.keep import Full, Keeper, Sample, parse_bytes
from clownviz.recording.tape import Value


def looked(keep, budget, count, size=1000, **options):
    """A keeper, and the values of `count` arrays that it has looked at."""
    keeper = Keeper(keep, budget, **options)
    values = [Value(number, (size,), "float32", 4 * size) for number in range(count)]
    keeper.value = values.__getitem__
    for number in range(count):
        keeper.look(number, np.arange(size, dtype=np.float32))
    return keeper, values


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
    keeper, values = looked("full", 13_000, 4)
    keeper.settle()
    assert [v.array is not None for v in values] == [False, False, True, True]
    assert all(v.stats is not None for v in values)
    assert keeper.used <= 13_000
    (note,) = keeper.notes()
    assert note.startswith("2 of the oldest arrays were let go")


def test_when_no_array_is_left_statistics_go_too():
    keeper, values = looked("statistics", 2_500, 5)
    kept = [v.stats is not None for v in values]
    assert kept == sorted(kept) and not all(kept)
    assert "left of them is their shapes" in keeper.notes()[0]


def test_nothing_is_kept_of_shapes():
    assert not Keeper("shapes", 0).looks
    with pytest.raises(ValueError, match="expected one of shapes, statistics"):
        Keeper("everything", 0)


@pytest.mark.parametrize(
    "shape, kept, part",
    [
        ((32, 3, 8, 8), (1, 3, 8, 8), "batch 0"),
        ((1, 3), (1, 3), ""),
        ((9,), (9,), ""),
        ((4, 1000, 1000), (1, 65, 1000), "batch 0, positions 0–64"),
        ((), (), ""),
        ((0, 3), (0, 3), ""),
    ],
)
def test_a_sample_is_the_first_example_of_a_batch(shape, kept, part):
    array, said = Sample().of(np.zeros(shape))
    assert (array.shape, said) == (kept, part)


@pytest.mark.parametrize(
    "sample, shape, index, part",
    [
        (Sample(batch=-1), (4, 6), np.s_[3:4], "batch 3"),
        (Sample(batch=slice(1, 3)), (4, 6), np.s_[1:3], "batch 1–2"),
        (Sample(batch=None, positions=slice(None, None, 4)), (2, 9, 3), np.s_[:, ::4],
         "every 4th position"),
        (Sample(batch=slice(None, None, -2)), (4, 2), np.s_[::-2], "every -2nd example of 3–1"),
        (Sample(channels=2, positions=slice(0, 3)), (2, 4, 5, 5), np.s_[:1, 2:3, :3, :3],
         "batch 0, channel 2, positions 0–2"),
        (Sample(batch=7), (4, 6), np.s_[7:8], "none of the 4 examples"),
    ],
)  # fmt: skip
def test_a_sample_says_which_part_it_is(sample, shape, index, part):
    array = np.arange(np.prod(shape)).reshape(shape)
    kept, said = sample.of(array)
    assert np.array_equal(kept, array[index]) and said == part
    assert not np.shares_memory(kept, array)


def test_float16_keeps_what_is_finite_finite_and_leaves_integers():
    array = np.array([1.0, -1e9, 1e9, np.inf, np.nan], np.float32)
    half, _ = Full(dtype="float16").of(array)
    assert half.dtype == np.float16
    assert half.tolist()[:4] == [1.0, -65504.0, 65504.0, np.inf] and np.isnan(half[4])
    assert Full(dtype="float16").of(np.arange(3))[0].dtype == np.arange(3).dtype
    for dtype in ("int8", "float17"):
        with pytest.raises(ValueError, match="expected a floating-point type"):
            Full(dtype=dtype)


def test_statistics_may_wait_until_they_are_asked_for():
    keeper, (seen,) = looked("statistics", 10**6, 1, size=5000, exact=False)
    assert seen.stats is None
    keeper.settle()
    assert seen.stats.count == 5000 and not seen.stats.exact
    assert seen.stats.mean == pytest.approx(2500, rel=0.05)


def test_the_newest_arrays_stay_where_statistics_fill_the_budget():
    keeper, seen = looked("full", 80_000, 500, size=250)
    kept = [each.array is not None for each in seen]
    assert keeper.used <= keeper.budget
    assert kept == [False] * 490 + [True] * 10, "an eighth of the budget, the newest ones"
    assert sum(each.stats is not None for each in seen) > 50
