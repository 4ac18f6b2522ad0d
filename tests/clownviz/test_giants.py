"""Large models: every first picture is short, small, and made without recursion."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from support.giants import giants
from support.tapes import TapeMaker

import clownpiece
import clownviz
from clownpiece import nn
from clownviz.analysis.modules import rows
from clownviz.recording.tape import (
    AttentionWeights,
    ModuleInfo,
    Operation,
    ParameterInfo,
    Tape,
)
from clownviz.views.attention import Attention
from clownviz.views.diagram import Diagram

GIANTS = giants(nn, clownpiece)
VERBS = [clownviz.summary, clownviz.tree, clownviz.diagram]
MEGABYTE = 1_000_000


@pytest.fixture(scope="module", params=GIANTS)
def tape(request):
    model, x = GIANTS[request.param]()
    if "10,000" in request.param:
        return clownviz.describe(model)  # to run it takes seconds, and shows nothing else
    return clownviz.run(model, x, keep="shapes")


@pytest.mark.parametrize("verb", VERBS)
def test_a_first_picture_of_a_giant_is_a_page_and_less_than_a_megabyte(tape, verb):
    shown = verb(tape)
    assert 3 <= len(shown.text().splitlines()) <= 210
    assert len(shown.html()) < MEGABYTE and len(shown.svg()) < MEGABYTE


def test_a_report_of_a_giant_is_a_file_to_hand_on(tape):
    page = clownviz.report(tape).html()
    assert len(page.encode()) < 1.5 * MEGABYTE


@pytest.mark.parametrize("name", ["a GPT of 48 layers", "a DenseNet with 120 skips"])
def test_a_report_with_arrays_is_one_too_and_says_what_it_leaves_out(name):
    model, x = GIANTS[name]()
    report = clownviz.report(clownviz.run(model, x, keep="sample", gradients=True))
    assert len(report.html().encode()) < 1.5 * MEGABYTE
    if "GPT" in name:
        assert "This page carries the arrays of" in report.carried(100_000)["scene"]["notes"][-1]
        picture = dict(report.sections)["Attention"].svg()
        assert "24 of 48 layers drawn: layer=… draws one" in picture


def test_attention_of_12_layers_of_12_heads_keeps_to_the_budget_that_it_is_given():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 251, (1, 12, 128, 128), dtype=np.uint8)
    tape = Tape("GPT")
    for n in range(12):
        tape.operations.append(Operation(n, "scaled_dot_product_attention"))
        tape.attention.append(AttentionWeights(n, codes.shape, codes))
    for budget in (1_000_000, 300_000):
        picture = Attention(tape, budget=budget)
        assert len(picture.html()) < 1.3 * budget
        assert len(picture.text().splitlines()) > 48


def test_a_tree_of_4000_modules_is_less_than_300_kilobytes():
    tape = clownviz.describe(GIANTS["4,000 different modules"]()[0])
    assert len(clownviz.tree(tape).text().splitlines()) > 40
    for depth in (None, 1, 2):
        assert len(clownviz.tree(tape, depth=depth).html()) < 300_000


def flat(count: int) -> Tape:
    """A model that is described, of this many layers, no two alike."""
    tape = Tape("Flat")
    paths = [f"layer{n}" for n in range(count)]
    tape.modules[""] = ModuleInfo("", "", "Flat", "container", children=tuple(paths))
    for n, path in enumerate(paths):
        weight = ParameterInfo(f"{path}.weight", (n + 1,), "float32", 4 * n + 4, True, n)
        tape.modules[path] = ModuleInfo(path, path, "Layer", "linear", parameters=(weight,))
    return tape


def chain(depth: int) -> Tape:
    """Modules inside one another."""
    made = TapeMaker("Chain")
    path = ""
    for _ in range(depth):
        path = f"{path}.m" if path else "m"
        made.module(path, "Box", w=(1,))
    return made.tape


def events(work) -> int:
    """How many lines of clownviz run: what a computation costs, on a machine of any speed."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        if "clownviz" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


WORK = {
    "rows": rows,
    "summary": lambda tape: clownviz.summary(tape).text(),
    "tree": lambda tape: clownviz.tree(tape).html(),
    "diagram": lambda tape: Diagram.of(tape).text(),
}


@pytest.mark.parametrize("name", WORK)
def test_the_work_grows_no_faster_than_the_model(name):
    small, large = flat(500), flat(4_000)
    assert events(lambda: WORK[name](large)) < 8 * 1.1 * events(lambda: WORK[name](small))


def test_describing_a_model_grows_no_faster_than_the_model():
    small, large = (nn.Sequential(*[nn.ReLU() for _ in range(n)]) for n in (250, 2_000))
    assert events(lambda: clownviz.describe(large)) < 8.8 * events(lambda: clownviz.describe(small))


def test_30000_modules_are_a_table_like_any_other():
    text = clownviz.summary(flat(30_000)).text()
    assert "… 29,941 more modules" in text and "450,015,000 (450 M), all trainable" in text


@pytest.mark.parametrize("name", WORK)
def test_modules_inside_one_another_are_walked_without_recursion(name):
    assert WORK[name](chain(sys.getrecursionlimit() + 200))
