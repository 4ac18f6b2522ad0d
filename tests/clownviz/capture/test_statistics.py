"""Statistics of one array: exact where they must be, close where they may be, never a crash."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from clownviz.capture.statistics import BINS, SAMPLE, statistics

SMALL = arrays(
    st.sampled_from([np.float32, np.float64, np.float16]),
    array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=7),
)


@given(SMALL)
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
    assert np.abs(s.histogram - expected).sum() <= 2


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
