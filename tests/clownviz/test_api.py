"""The verbs people type: what they answer, and what they say when something is wrong."""

from __future__ import annotations

import json

import graphviz
import numpy as np
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
    "feature_maps": lambda model, x, **given: clownviz.feature_maps(model, x, path="", **given),
    "attention": lambda model, x, **given: clownviz.attention(model, x, **given),
}


class Scaled(nn.Module):
    """Attention over a batch of vectors, with an argument that has to be given."""

    def __init__(self) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x, *, factor):
        y = x[:, None]
        return self.attn(y, y, y)[0] * factor


@pytest.mark.parametrize("name", RUNNING)
def test_a_verb_passes_to_the_model_what_it_is_given_by_name(name, x):
    for given in ({"factor": 2.0}, {"kwargs": {"factor": 2.0}}):
        assert RUNNING[name](Scaled(), x, **given)
    with pytest.raises(TypeError, match="factor"):
        RUNNING[name](Scaled(), x)


def test_inputs_may_all_be_given_by_name(x):
    model = Net()
    assert clownviz.summary(model, x=x).text() == clownviz.summary(model, x).text()


@pytest.mark.parametrize("name", sorted(RUNNING.keys() - {"feature_maps", "attention"}))
def test_a_model_may_have_arguments_called_as_those_of_a_verb(name, x):
    assert RUNNING[name](Namesake(4, 4), x, kwargs=NAMES)


@pytest.mark.parametrize("name", RUNNING)
def test_a_name_that_neither_verb_nor_model_knows_is_refused_with_what_both_know(name, x):
    verb = name.split(".")[-1]
    told = rf"{verb}\(\) got facto=…: it has .*, and Scaled.forward\(\) takes x, factor"
    with pytest.raises(TypeError, match=told):
        RUNNING[name](Scaled(), x, facto=2.0)


def test_a_slip_is_told_the_option_that_was_meant(x):
    with pytest.raises(TypeError, match=r"got colums=….*; did you mean columns\?"):
        clownviz.summary(Net(), x, colums=["params"])
    with pytest.raises(TypeError, match=r"got larg_update=….*; did you mean large_update\?"):
        clownviz.findings(Net(), x, larg_update=1)
    with pytest.raises(TypeError, match=r"Net.forward\(\) takes x, scale; did you mean scale\?"):
        clownviz.run(Net(), x, scal=1)
    with pytest.raises(TypeError, match="and an object of type Tape is no model; did you mean"):
        clownviz.summary(clownviz.run(Net(), x), colums=["params"])
    for source in (np.eye(2), 3):
        with pytest.raises(TypeError, match=r"limits=….*is no model; did you mean limit\?"):
            clownviz.array(source, limits=2.0)


def test_a_verb_has_its_own_option_and_says_where_the_models_goes(x):
    told = r"Namesake.forward\(\) needs loss, and loss=… is an option of findings\(\) itself: give "
    with pytest.raises(TypeError, match=told + r"the model its own in kwargs=\{'loss': …\}"):
        clownviz.findings(Namesake(4, 4), x, loss=1.0)


def test_an_argument_that_is_given_twice_is_refused(x):
    with pytest.raises(TypeError, match="summary\\(\\) got scale twice"):
        clownviz.summary(Net(), x, scale=2.0, kwargs={"scale": 1.0})
    (call, *_) = clownviz.run(Net(), x, scale=2.0).calls
    assert call.inputs["scale"] == "2.0"


def test_the_class_of_a_model_is_told_from_a_model(x):
    with pytest.raises(TypeError, match="the class Net is no model"):
        clownviz.summary(Net, x=x)


def test_what_is_no_dict_of_arguments_is_refused(x):
    with pytest.raises(TypeError, match="got an object of type Tensor as kwargs: expected a dict"):
        clownviz.summary(Net(), kwargs=x)


def test_a_function_and_a_model_that_takes_any_name_are_given_theirs(x):
    class Any(nn.Module):
        def forward(self, x, **more):
            return x * more["scale"]

    assert clownviz.tree(Any(), x, scale=2.0).text()
    assert "x · other" in clownviz.autograd(lambda w, by: w * by, w=x.requires_grad_(), by=2).text()
    assert clownviz.compare(Any(), Net(), x, scale=2.0).text()


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


@pytest.mark.parametrize("verb", [clownviz.findings, clownviz.compare, clownviz.report])
def test_a_loss_without_inputs_is_refused(verb):
    model = nn.Linear(4, 3)
    models = (model, model) if verb is clownviz.compare else (model,)
    with pytest.raises(TypeError, match="loss: without inputs nothing is run"):
        verb(*models, loss=lambda scores: scores.sum())


def test_a_tape_has_its_gradients_or_not(x):
    with pytest.raises(TypeError, match="gradients and loss: a tape"):
        clownviz.explore(clownviz.run(Net(), x), gradients=True, loss=lambda out: out)
    with pytest.raises(TypeError, match="inputs and loss: a tape"):
        clownviz.autograd(clownviz.run(Net(), x), x, loss=lambda out: out)


def test_without_a_model_to_run_nothing_to_run_it_on_is_compared(x):
    model, tape = Net(), clownviz.run(Net(), x, keep="full")
    for a, b in ((tape, tape), (tape, model.state_dict()), (model.state_dict(), tape)):
        with pytest.raises(TypeError, match="inputs and loss: a tape"):
            clownviz.compare(a, b, x, loss=lambda out: out)
    assert clownviz.compare(tape, model, x).text()


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
