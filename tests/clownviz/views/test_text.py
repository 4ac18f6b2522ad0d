"""Text that views share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clownviz.views.text import fit, printable, sparkline, table, tensor_line, width


@pytest.mark.parametrize(
    "values, line",
    [
        ([[1, 2], [3, 4]], "Tensor(2, 2) int64 x∈[1, 4] μ=2.5 σ=1.12 |█▁█▁██|"),
        (3.5, "Tensor() float64 3.5"),
        ([], "Tensor(0,) float64 empty"),
        ([2.0, 2.0], "Tensor(2,) float64 all 2"),
        ([np.nan, np.nan], "Tensor(2,) float64 no finite value NaN!"),
        ([0.0, np.inf, 1.0], "Tensor(3,) float64 x∈[0, 1] μ=0.5 σ=0.5 |█▁▁▁▁█| +Inf!"),
        ([True, False], "Tensor(2,) bool x∈[0, 1] μ=0.5 σ=0.5 |█▁▁▁▁█|"),
    ],
)
def test_the_line_of_a_tensor(values, line):
    assert tensor_line(np.array(values)) == line


def test_a_rare_value_is_seen_in_a_sparkline():
    assert sparkline(np.array([1_000_000, 0, 1])) == "█▁▂"


@given(st.text(max_size=30), st.integers(1, 12))
def test_text_is_made_to_fit(text, columns):
    assert width(fit(printable(text), columns)) <= columns


def test_characters_that_would_break_a_line_are_marked():
    assert printable("a\x00b\u2028c\u200fd\ne") == "a�b�c�d�e"
    assert printable("µ 層 <b>") == "µ 層 <b>"


def test_wide_letters_keep_columns_aligned():
    head, lines = table(["name", "n"], [["層", "1"], ["fc", "22"]], [False, True])
    assert [head, *lines] == ["name   n", "層     1", "fc    22"]
