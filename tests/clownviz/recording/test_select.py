"""Which modules a capture looks at, and where a run stops."""

from __future__ import annotations

import re

import pytest

import clownpiece
import clownviz
from clownpiece import nn
from clownviz.recording.backend import backend_of
from clownviz.recording.select import selected_paths


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = nn.Linear(4, 4)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.attn(self.relu(x))) + x


def model():
    return nn.Sequential(nn.Sequential(Block(), Block()), nn.Linear(4, 2))


def paths(select):
    return sorted(selected_paths(list(backend_of(model()).places(model())), select))


@pytest.mark.parametrize(
    "select, expected",
    [
        ("0.*.attn", ["0.0.attn", "0.1.attn"]),
        ("**.attn", ["0.0.attn", "0.1.attn"]),
        ("0.0.**", ["0.0.attn", "0.0.relu"]),
        ("0.0.re*", ["0.0.relu"]),
        ("**", ["", "0", "0.0", "0.0.attn", "0.0.relu", "0.1", "0.1.attn", "0.1.relu", "1"]),
        ("", [""]),
        (re.compile(r"relu$"), ["0.0.relu", "0.1.relu"]),
        (Block, ["0.0", "0.1"]),
        (lambda path, module: path.endswith("1"), ["0.1", "1"]),
        (["1", Block], ["0.0", "0.1", "1"]),
    ],
)
def test_modules_are_selected_by_path_class_expression_predicate_or_list(select, expected):
    assert paths(select) == expected


@pytest.mark.parametrize(
    "select, message",
    [
        ("0.0.atn", "near it are '0.0.attn'"),
        ("attn", "near it are .*'0.0.attn'"),
        (nn.Conv2d, "this model has Sequential, Block, Linear, ReLU"),
        (["1", "nowhere"], "'nowhere' selects nothing"),
        ([], "leave it out"),
    ],
)
def test_what_selects_nothing_is_an_error_that_names_what_is_near(select, message):
    with pytest.raises(ValueError, match=message):
        clownviz.capture(model(), select=select)


def test_what_cannot_select_is_refused():
    with pytest.raises(TypeError, match="expected a path such as"):
        clownviz.capture(model(), select=3)
    with pytest.raises(TypeError, match="a module of this model"):
        clownviz.capture(model(), select=nn.Linear(4, 4))


def test_only_selected_modules_are_looked_at_and_runs_are_counted():
    net = model()
    with clownviz.capture(net, select="0.1.attn", keep="full") as tape:
        net(clownpiece.ones(1, 4))
        net(clownpiece.ones(1, 4))
    assert [call.path for call in tape.calls] == ["", "0.1.attn"] * 2
    assert [call.step for call in tape.calls] == [0, 0, 1, 1]
    root, attention = tape.calls[:2]
    assert attention.parent == 0
    assert tape.refs(root.inputs)[0].array is None
    assert tape.refs(attention.outputs)[0].array.shape == (1, 4)
    assert len(tape.modules) == 9
    assert {op.call for op in tape.operations} == {1, 3}


def test_a_module_of_the_model_selects_itself():
    net = model()
    tape = clownviz.run(net, clownpiece.ones(1, 4), select=net[0][1].relu)
    assert [call.label for call in tape.calls] == ["Sequential", "0.1.relu", "0.1.relu#2"]


# -- until -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "until, last", [("0.0", "0.0"), ("0.0.relu#2", "0.0.relu#2"), ("", "Sequential")]
)
def test_a_run_stops_where_until_says(until, last):
    net = model()
    tape = clownviz.run(net, clownpiece.ones(1, 4), until=until)
    done = [call.label for call in tape.calls if call.outputs != ()]
    assert last in done and ("0.1" in done) == (until == "")
    assert tape.error is None and tape.failed is None
    assert not any(call.error for call in tape.calls)
    assert tape.notes[0].startswith("The run was stopped after")
    assert not nn.observe.observers


def test_a_block_ends_quietly_where_until_says():
    net, after = model(), []
    with clownviz.capture(net, until="0") as tape:
        net(clownpiece.ones(1, 4))
        after.append("the model came back")
    assert after == [] and tape.calls[-1].path == "0.1.relu"
    assert net(clownpiece.ones(1, 4)).shape == (1, 2)


def test_a_capture_around_one_that_stops_sees_no_failure():
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    with clownviz.capture(net) as outer:
        with clownviz.capture(net, until="1"):
            net(clownpiece.ones(1, 4))
        net(clownpiece.ones(1, 4))
    assert [call.path for call in outer.calls] == ["", "0", "1", "", "0", "1", "2"]
    assert [call.error for call in outer.calls] == [None] * 7


def test_a_forward_that_catches_all_exceptions_is_stopped_all_the_same():
    class Stubborn(Block):
        def forward(self, x):
            try:
                return super().forward(x)
            except Exception:
                return x

    tape = clownviz.run(Stubborn(), clownpiece.ones(1, 4), until="attn")
    assert [call.label for call in tape.calls] == ["Stubborn", "relu", "attn"]


def test_until_needs_a_module_and_a_block():
    with pytest.raises(ValueError, match=r"'0.0.rel' is no module: near it are '0.0.relu'"):
        clownviz.capture(model(), until="0.0.rel")
    with pytest.raises(ValueError, match="expected the number of a call behind #"):
        clownviz.capture(model(), until="0.0.relu#second")
    with pytest.raises(ValueError, match=r"write `with clownviz.capture"):
        clownviz.capture(model(), until="0").start()
