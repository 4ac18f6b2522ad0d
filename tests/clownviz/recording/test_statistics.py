"""Statistics of one array: exact where they must be, close where they may be, never a crash."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from clownviz.recording.statistics import (
    BINS,
    COARSE,
    QUICK,
    SAMPLE,
    Stats,
    spread,
    statistics,
    statistics_of,
    statistics_of_each,
)

SMALL = arrays(
    st.sampled_from([np.float32, np.float64, np.float16]),
    array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5),
)


@given(SMALL)
@example(np.array([2.2e-309, 0.0]))
def test_small_arrays_are_counted_exactly(array):
    s = statistics(array)
    finite = array[np.isfinite(array)].astype(np.float64)
    assert s.count == array.size
    assert s.nan == np.isnan(array).sum()
    assert s.posinf == np.isposinf(array).sum() and s.neginf == np.isneginf(array).sum()
    assert s.zeros == (finite == 0).sum()
    assert s.histogram.sum() == finite.size == s.seen
    if finite.size:
        assert (s.min, s.max) == (finite.min(), finite.max())
        assert s.min <= s.mean <= s.max or s.mean == pytest.approx(s.min)
        assert np.all(np.diff(s.edges) >= 0) and len(s.edges) == BINS + 1
    else:
        assert math.isnan(s.mean) and math.isnan(s.min)


def test_moments_are_those_of_numpy():
    array = np.random.default_rng(0).normal(3, 2, (20, 30)).astype(np.float32)
    s = statistics(array)
    assert s.mean == pytest.approx(array.mean(dtype=np.float64))
    assert s.std == pytest.approx(array.std(dtype=np.float64))
    expected, edges = np.histogram(array.astype(np.float64), BINS)
    assert s.edges == pytest.approx(edges)
    assert np.abs(s.histogram - expected).sum() <= 0.03 * array.size


def test_the_range_and_a_single_nan_of_a_large_array_are_never_missed():
    array = np.zeros((100, 100, 100), dtype=np.float32)
    array[17, 31, 53], array[1, 2, 3] = 9.0, -4.0
    s = statistics(array)
    assert (s.min, s.max, s.nan) == (-4.0, 9.0, 0)
    array[99, 99, 98] = np.nan
    s = statistics(array)
    assert (s.min, s.max, s.nan) == (-4.0, 9.0, 1)


@pytest.mark.parametrize("shape", [(64, 64, 4096), (4096, 1000), (300, 300, 8)])
@pytest.mark.parametrize("layout", ["C", "F", "strided"])
def test_a_sample_sees_every_channel(shape, layout):
    # A fixed stride would see only a few of the last axis' values here.
    array = np.broadcast_to(np.arange(shape[-1], dtype=np.float32), shape)
    array = np.asarray(array, order="F" if layout == "F" else "C")
    array = array[:, ::2] if layout == "strided" else array
    s = statistics(array)
    assert s.seen == SAMPLE
    assert s.mean == pytest.approx(array.mean(dtype=np.float64), rel=0.02)
    assert s.std == pytest.approx(array.std(dtype=np.float64), rel=0.03)


@pytest.mark.parametrize(
    "values",
    [
        [1e308, -1e308],
        [1e-320, 0.0, -1e-320],
        [np.inf, -np.inf],
        [np.nan],
        [],
        [5.0],
        [2**62, -(2**62)],
        [True, False, True],
    ],
)
def test_extreme_values_never_warn_or_crash(values):
    s = statistics(np.array(values))
    assert s.count == len(values)
    assert s.json()["count"] == len(values)


def test_zero_fraction_is_a_share_of_what_was_seen():
    array = np.ones(1_000_000, dtype=np.float32)
    array[::2] = 0
    assert statistics(array).zero_fraction == pytest.approx(0.5, abs=0.02)


def assert_alike(a: Stats, b: Stats) -> None:
    """The same but for rounding in the moments."""
    for name in ("count", "seen", "zeros", "nan", "posinf", "neginf", "exact", "bits"):
        assert getattr(a, name) == getattr(b, name), name
    assert a.cells.tolist() == b.cells.tolist() and a.counts.tolist() == b.counts.tolist()
    assert np.array_equal([a.min, a.max], [b.min, b.max], equal_nan=True)
    scale = max(abs(a.min), abs(a.max), 1e-300) if a.seen else 1.0
    assert a.mean == pytest.approx(b.mean, rel=1e-9, abs=1e-12 * scale, nan_ok=True)
    assert a.std == pytest.approx(b.std, rel=1e-6, abs=1e-9 * scale, nan_ok=True)


@given(SMALL, SMALL)
def test_merged_statistics_are_those_of_all_values_together(first, second):
    together = np.concatenate([first.ravel().astype(float), second.ravel().astype(float)])
    assert_alike(statistics(first).merge(statistics(second)), statistics(together))


@given(SMALL, SMALL, SMALL)
def test_merging_is_associative_and_an_empty_array_changes_nothing(first, second, third):
    a, b, c = statistics(first), statistics_of([second.ravel()])[0], statistics(third)
    assert_alike(a.merge(b).merge(c), a.merge(b.merge(c)))
    assert_alike(a.merge(b), b.merge(a))
    assert_alike(a.merge(statistics(np.empty(0))), a)


@given(SMALL, st.floats(0, 1))
def test_a_quantile_is_right_to_the_width_of_a_cell(array, q):
    s = statistics(array)
    finite = array[np.isfinite(array)].astype(np.float64)
    if not finite.size:
        assert math.isnan(s.quantile(q))
        return
    exact = float(np.quantile(finite, q, method="inverted_cdf"))
    beyond = abs(exact) > float(np.finfo(np.float32).max)  # one cell holds what float32 does not
    width = max(abs(exact) * 2**-s.bits * (1 + 1e-6), 2.0**-126)  # float64 is rounded first
    assert beyond or abs(s.quantile(q) - exact) <= width
    assert s.min <= s.quantile(q) <= s.max


@given(st.lists(SMALL, max_size=5))
def test_many_samples_have_the_statistics_that_each_has_alone(samples):
    samples = [sample.ravel() for sample in samples]
    coarse = statistics_of([np.empty(0)])[0]
    for found, sample in zip(statistics_of(samples), samples, strict=True):
        assert_alike(found, statistics(sample).merge(coarse))


@given(st.lists(SMALL, max_size=5))
def test_many_arrays_have_the_statistics_that_each_has_alone(arrays):
    arrays.append(np.arange(2 * QUICK, dtype=np.float32).reshape(2, QUICK))
    for found, array in zip(statistics_of_each(arrays), arrays, strict=True):
        assert_alike(found, statistics(array))


def test_what_was_only_sampled_says_so():
    large, small = np.zeros((200, 300), np.float32), np.arange(6, dtype=np.float32)
    large[199, 299] = np.nan
    whole = statistics(large)
    assert whole.exact and whole.nan == 1 and whole.seen == SAMPLE
    assert not statistics(large, exact=False).exact
    quick, all_of_it = statistics_of([spread(large), spread(small)], [large.size, small.size])
    assert (quick.exact, quick.count, quick.seen, quick.bits) == (False, 60_000, QUICK, COARSE)
    assert (all_of_it.exact, all_of_it.count, all_of_it.max) == (True, 6, 5.0)
    assert not whole.merge(quick).exact


def test_a_sample_is_a_copy():
    array = np.ones((3, 4), np.float32)
    sample = spread(array)
    array += 1
    assert sample.tolist() == [1.0] * 12


def test_the_grid_is_the_bits_of_float32():
    s = statistics(np.array([-2.0, 0.0, 1.0, 1.015, 1.04, 2.0], np.float32))
    low, high = s.bounds()
    assert s.counts.tolist() == [1, 1, 2, 1, 1]
    assert low.tolist() == [-2.0, 0.0, 1.0, 1.03125, 2.0]
    assert high[2:4].tolist() == [1.03125, 1.0625]
