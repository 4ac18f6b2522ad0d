"""Formulas that are read as one line: nothing is lost, and nothing is ambiguous."""

from __future__ import annotations

import re

import pytest

from clownpiece.ops import Op
from clownpiece.ops.record import REGISTRY
from clownviz.look.formulas import readable_formula

RECORDS = [record for record in REGISTRY.values() if record.latex]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_no_command_is_left_in_the_formula_of_an_operation(record: Op):
    text = readable_formula(record.latex)
    assert text.isprintable() and "\\" not in text, text
    assert text.count("(") == text.count(")") or "[0, 1)" in text


@pytest.mark.parametrize(
    "latex, text",
    [
        (r"\frac{1}{1 + e^{-x}}", "1 / (1 + e^(-x))"),
        (r"\ln \frac{x}{1 - x}", "ln(x / (1 - x))"),
        (r"\frac{1}{n} \sum_i x_i", "(1 / n) Σᵢ xᵢ"),
        (r"\frac{a}{\sqrt{b}} + \frac{c}{d}", "(a / √b) + (c / d)"),
        (r"\overline{(x - t)^2}", "mean((x - t)²)"),
        (r"\tfrac12 d^2", "(1 / 2) d²"),
        (r"x_{index} \leftarrow value", "x[index] ← value"),
        (r"\text{zeros}_{i} \mathrel{+}= x", "zerosᵢ += x"),
        (r"\left\lfloor \frac{x}{y} \right\rfloor", "⌊(x / y)⌋"),
        (r"\unheard{of} x", "unheard of x"),
        ("", ""),
    ],
)
def test_a_formula_reads_as_it_would_be_said(latex, text):
    assert readable_formula(latex) == text


@pytest.mark.parametrize("latex", ["{{{", "}}}", "^", "_", "\\", r"\frac", r"\frac{a", "x^{"])
def test_a_broken_formula_is_shown_somehow(latex):
    assert re.fullmatch(r"[^\0-\x1f]*", readable_formula(latex))
