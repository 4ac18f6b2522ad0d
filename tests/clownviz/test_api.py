"""The verbs people type: what they answer, and what they say when something is wrong."""

from __future__ import annotations

import json

import graphviz
import pytest

import clownpiece
import clownviz
from clownpiece import nn
from clownviz.recording.tape import Tape


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.act = nn.ReLU()
        self.last = nn.Linear(8, 4)

    def forward(self, x, *, scale=1.0):
        return {"scores": x + self.last(self.act(self.first(x))) * scale}


@pytest.fixture
def x():
    return clownpiece.randn(2, 4)


VERBS = [clownviz.summary, clownviz.tree, clownviz.diagram, clownviz.explore, clownviz.report]


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_answers_as_text_picture_page_and_data(verb, x):
    model = Net()
    answer = verb(model, x)
    assert answer.text() == verb(model, x).text()
    assert "first" in answer.text() and "0x" not in answer.text()
    assert answer.svg().lstrip().startswith("<svg")
    assert "<" in answer.html()
    assert json.loads(json.dumps(answer.json()))


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_without_inputs_tells_what_is_known_before_a_run(verb):
    assert "first" in verb(Net()).text()


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_passes_keyword_arguments_to_the_model(verb, x):
    assert verb(Net(), x, kwargs={"scale": 2.0}).text()


class Namesake(nn.Linear):
    """Its arguments have the names of what verbs take themselves."""

    def forward(self, x, *, loss, keep=1.0, gradients=None, budget=0, kwargs=None):
        assert gradients == "mine" and kwargs == 3
        return super().forward(x) * keep + loss + budget


NAMES = {"loss": 1.0, "keep": 2.0, "gradients": "mine", "budget": 3, "kwargs": 3}
RUNNING = {
    **{verb.__name__: verb for verb in VERBS},
    "run": clownviz.run,
    "Capture.run": clownviz.Capture.run,
    "findings": clownviz.findings,
    "autograd": clownviz.autograd,
    "gradient_flow": clownviz.gradient_flow,
    "compare": lambda model, x, **given: clownviz.compare(model, model, x, **given),
    "array": lambda model, x, **given: clownviz.array(model, x, path="", **given),
    "histograms": lambda model, x, **given: clownviz.histograms(model, x, path="", **given),
}


@pytest.mark.parametrize("name", RUNNING)
def test_a_model_may_have_arguments_called_as_those_of_a_verb(name, x):
    assert RUNNING[name](Namesake(4, 4), x, kwargs=NAMES)


def test_an_argument_that_is_given_twice_is_refused(x):
    with pytest.raises(TypeError, match="run\\(\\) got scale twice"):
        clownviz.run(Net(), x, scale=2.0, kwargs={"scale": 1.0})
    (call, *_) = clownviz.run(Net(), x, scale=2.0).calls
    assert call.inputs["scale"] == "2.0"


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_shows_a_tape_as_it_shows_the_run_itself(verb, x):
    model = Net()
    tape = clownviz.run(model, x, keep="sample")
    assert verb(tape).text() == verb(model, x).text()


@pytest.mark.parametrize("verb", VERBS)
def test_a_tape_with_something_to_run_it_on_is_refused(verb, x):
    tape = clownviz.run(Net(), x)
    with pytest.raises(TypeError, match="inputs: a tape holds a run that is over"):
        verb(tape, x)
    with pytest.raises(TypeError, match="inputs and kwargs: a tape"):
        verb(tape, x, kwargs={"scale": 2.0})


def test_a_tape_has_its_gradients_or_not(x):
    with pytest.raises(TypeError, match="gradients and loss: a tape"):
        clownviz.explore(clownviz.run(Net(), x), gradients=True, loss=lambda out: out)


@pytest.mark.parametrize("verb", VERBS)
def test_a_tape_without_a_model_is_refused_with_what_it_holds(verb):
    with pytest.raises(ValueError, match="this tape of Net holds no modules, only 0 steps"):
        verb(Tape(model="Net"))


def test_a_diagram_is_a_digraph_that_can_be_edited(x):
    drawn = clownviz.diagram(Net(), x)
    assert isinstance(drawn, graphviz.Digraph)
    drawn.node("mine", "a note of mine")
    assert "a note of mine" in drawn.svg()


def test_the_four_verbs_of_the_readme_leave_the_model_as_it_was(x):
    model = Net().train()
    model.first.weight.grad = clownpiece.ones(8, 4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = clownpiece.get_rng_state()
    for verb in VERBS:
        verb(model, x)
    clownviz.explore(model, x, gradients=True, loss=lambda out: out["scores"].sum())
    assert model.training and (clownpiece.get_rng_state() == state).all()
    assert (model.first.weight.grad == 1).all() and model.last.weight.grad is None
    assert all((value == before[name]).all() for name, value in model.state_dict().items())
    assert not model._forward_hooks and not model.first._forward_hooks


def test_a_forward_that_raises_shows_how_far_it_came_and_then_its_own_error():
    broken = nn.Sequential(nn.Linear(4, 8), nn.Linear(3, 2))
    with pytest.raises(RuntimeError, match="cannot be multiplied") as caught:
        clownviz.summary(broken, clownpiece.ones(2, 4))
    notes = "\n".join(caught.value.__notes__)
    assert "in 1 (Linear)" in notes
    assert "1: Linear  8 parameters  ✗ Linear expected (*, 3), got (2, 8) (RuntimeError" in notes


@pytest.mark.parametrize("wrong", ["a name", None, 3, clownpiece.ones(2)])
def test_what_is_no_model_is_refused_with_what_was_expected(wrong):
    for verb in VERBS:
        with pytest.raises(TypeError, match="Module"):
            verb(wrong)


@pytest.mark.parametrize("verb", VERBS)
def test_a_hostile_name_is_text(verb, x):
    name = '<script>alert("1")</script>'
    model = nn.Sequential()
    model.add_module(name.replace(".", ""), nn.Linear(4, 4))
    answer = verb(model, x)
    assert "<script>alert" not in answer.html()
    assert "<script>alert" not in answer.svg()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_shown(bad, x):
    model = Net()
    with clownpiece.no_grad():
        model.first.weight[0, 0] = bad
    x[0, 0] = 1.0
    told = clownviz.explore(model, x, selection="first").text().lower()
    assert ("nan" in told) or ("inf" in told) or ("∞" in told)


def test_a_view_is_saved_as_the_ending_of_the_name_says(tmp_path, x):
    shown = clownviz.summary(Net(), x)
    assert shown.save(tmp_path / "deep" / "s.txt").read_text() == shown.text() + "\n"
    assert shown.save(tmp_path / "s.svg").read_text() == shown.svg()
    assert json.loads(shown.save(tmp_path / "s.json").read_text()) == json.loads(
        json.dumps(shown.json())
    )
    assert shown.save(tmp_path / "s.html").read_text().startswith("<!doctype html>")
    with pytest.raises(ValueError, match=r"ends in \.html, \.svg, \.json or \.txt"):
        shown.save(tmp_path / "s.docx")


def test_a_notebook_gets_html_and_text(x):
    bundle = clownviz.summary(Net(), x)._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
