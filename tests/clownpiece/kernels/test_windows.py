"""The index arithmetic of sliding windows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clownpiece.kernels.windows import ntuple, plan


@given(
    size=st.integers(1, 12),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 4),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 3),
    ceil_mode=st.booleans(),
)
def test_output_size_counts_the_places_where_a_window_may_stand(
    size, kernel, stride, padding, dilation, ceil_mode
):
    span = dilation * (kernel - 1) + 1
    starts = range(-padding, size, stride)
    if ceil_mode:
        # A last window may hang over the end, but by less than one stride.
        places = [s for s in starts if s + span < size + padding + stride]
    else:
        places = [s for s in range(-padding, size + padding, stride) if s + span <= size + padding]
    assume(places and span <= size + 2 * padding and 2 * padding <= kernel)
    windows = plan((size,), kernel, stride, padding, dilation, ceil_mode)
    assert windows.output == (len(places),)


def test_view_shows_each_window_without_copying():
    x = np.arange(20.0).reshape(1, 1, 4, 5)
    windows = plan((4, 5), (2, 3), stride=(2, 1))
    view = windows.view(x)
    assert view.shape == (1, 1, 2, 3, 2, 3)
    assert np.shares_memory(view, x)
    np.testing.assert_array_equal(view[0, 0, :, :, 1, 2], x[0, 0, 2:4, 2:5])


def test_same_padding_keeps_the_size_with_the_odd_cell_after():
    windows = plan((7, 8), (4, 3), padding="same", dilation=(1, 2))
    assert windows.output == (7, 8)
    assert windows.padding == ((1, 2), (2, 2))


def test_padding_is_filled_with_the_value_asked_for():
    padded = plan((2,), 3, padding=1).padded(np.ones((1, 1, 2)), -np.inf)
    np.testing.assert_array_equal(padded, [[[-np.inf, 1, 1, -np.inf]]])


@pytest.mark.parametrize(
    "arguments, error, says",
    [
        ({"kernel": 5}, RuntimeError, "does not fit"),
        ({"kernel": 2, "stride": 0}, RuntimeError, "stride is"),
        ({"kernel": 2, "padding": -1}, RuntimeError, "negative padding"),
        ({"kernel": 2, "padding": "full"}, RuntimeError, "'same' and 'valid'"),
        ({"kernel": 2, "stride": 2, "padding": "same"}, RuntimeError, "needs stride 1"),
        ({"kernel": (2, 2, 2)}, RuntimeError, "give one number or 2"),
    ],
)
def test_windows_that_cannot_be_are_refused_with_a_sentence(arguments, error, says):
    with pytest.raises(error, match=says):
        plan((4, 4), **arguments)


def test_ntuple_repeats_one_number():
    assert ntuple(np.int64(2), 3, "stride") == (2, 2, 2)
    assert ntuple([4], 2, "stride") == (4, 4)
