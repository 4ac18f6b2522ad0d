"""What is handed on: `report`, one HTML file with everything in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..analysis.attention import attention_layers
from ..analysis.findings import CHECKS, Thresholds, examine
from ..analysis.flow import flow_of, has_flow, training_of
from ..analysis.history import history_of
from ..analysis.tensors import tensor_of
from ..recording.collector import collector_paused
from ..recording.keywords import keywords
from ..recording.tape import Tape, Value
from ..views.attention import Attention
from ..views.autograd import Autograd
from ..views.curves import Curves
from ..views.dashboard import Dashboard
from ..views.diagram import Diagram
from ..views.explorer import Explorer
from ..views.feature_maps import FeatureMaps
from ..views.findings import Findings
from ..views.gradient_flow import GradientFlow
from ..views.histograms import Histograms
from ..views.report import BUDGET, Report
from ..views.summary import DEFAULT_COLUMNS, Summary
from ..views.view import View
from ..widgets.watch import Watch
from .tapes import tape_of

__all__ = ["report"]

MOST_MAPS = 4
MOST_HISTOGRAMS = 4
MOST_CARDS = 40
ATTENTION_BYTES = 300_000
WITH_MAPS = ("convolution",)


@collector_paused()
def report(
    model: Any,
    *inputs: Any,
    training: Watch | None = None,
    title: str | None = None,
    subtitle: str = "",
    gradients: bool = False,
    loss: Callable[[Any], Any] | None = None,
    selection: str | None = None,
    budget: str | int = BUDGET,
    kwargs: dict[str, Any] | None = None,
    **named: Any,
) -> Report:
    """Everything about a model in one HTML file that needs neither a kernel nor a network.

    The explorer, findings, training curves, diagram, summary, feature maps, attention, gradient
    flow, autograd graph and histograms: each where the tape has what it shows.

    Args:
        model: a Module, or the tape of a run or of a training.
        inputs: what the model is called with.
        training: a `watch` whose curves the report shows.
        title: the heading; the model's class by default.
        subtitle: a line below it.
        budget: the most bytes that the page may take; it says what it leaves out.
        gradients, loss, selection, kwargs, named: as for `explore`.

    Returns:
        The report; `save("model.html")` writes it. A notebook shows a card of it: a picture, the
        findings, what is in the page.

    >>> import clownpiece, clownviz
    >>> from clownpiece import nn
    >>> made = clownviz.report(nn.Linear(4, 3), clownpiece.ones(2, 4), gradients=True)
    >>> [title for title, _ in made.sections]
    ['Findings', 'Diagram', 'Summary', 'Gradient flow', 'Autograd graph']
    """
    kwargs = keywords(report, inputs, kwargs, named, model)
    tape = tape_of(model, inputs, kwargs, keep="sample", gradients=gradients, loss=loss)
    diagram = Diagram.of(tape)
    explorer = Explorer(tape, selection=selection, diagram=diagram.svg(), table=diagram.rows)
    sections = list(_sections(tape, training, diagram))
    return Report(explorer, title=title, subtitle=subtitle, sections=sections, budget=budget)


def _sections(
    tape: Tape, training: Watch | None, diagram: Diagram
) -> Iterator[tuple[str, View]]:
    """The views of which the tape, or the watch, knows something."""
    called = _first_outputs(tape)
    if called:
        yield "Findings", Findings(examine(tape, Thresholds(), list(CHECKS)), tape, len(CHECKS))
    if training is not None:
        yield "Training", Dashboard(training.training)
    elif tape.steps:
        yield "Training", Curves(training_of(tape).scalars, title=f"Training {tape.model}")
    yield "Diagram", diagram
    sees = any(row.field is not None for row in diagram.rows)
    columns = (*DEFAULT_COLUMNS, "field") if sees else DEFAULT_COLUMNS
    yield "Summary", Summary(tape, columns=columns, table=diagram.rows)
    for path in _spread(_with_maps(tape, called), MOST_MAPS):
        yield f"Feature maps of {path}", FeatureMaps(tensor_of(tape, path))
    if attention_layers(tape):
        yield "Attention", Attention(tape, budget=ATTENTION_BYTES)
    yield from _flows(tape, training)
    if _has_backward(tape):
        yield "Autograd graph", Autograd.of(tape, budget=MOST_CARDS)
    if len({call.step for call in tape.calls}) > 1:
        for path in _spread(_with_statistics(tape, called), MOST_HISTOGRAMS):
            yield f"Histograms of {path}", Histograms(history_of(tape, path))


def _flows(tape: Tape, training: Watch | None) -> Iterator[tuple[str, View]]:
    source = training.training if training is not None else tape
    if has_flow(source):
        yield "Gradient flow", GradientFlow(flow_of(source))


def _has_backward(tape: Tape) -> bool:
    return any(call.phase == "backward" for call in tape.calls)


def _first_outputs(tape: Tape) -> dict[str, list[Value]]:
    """What the first call of each module returned, in the order of the calls."""
    found: dict[str, list[Value]] = {}
    for call in tape.forward_calls():
        if call.error is None and call.path not in found:
            found[call.path] = tape.refs(call.outputs)
    return found


def _with_maps(tape: Tape, called: dict[str, list[Value]]) -> list[str]:
    """Modules whose first output is kept as images: channels with at least two rows each."""
    return [
        path
        for path, values in called.items()
        if tape.modules[path].family in WITH_MAPS
        and values
        and values[0].array is not None
        and len(values[0].shape) == 4
        and values[0].array.size
        and min(values[0].shape[2:]) > 1
    ]


def _with_statistics(tape: Tape, called: dict[str, list[Value]]) -> list[str]:
    """Modules with parameters of their own whose outputs have statistics."""
    return [
        path
        for path, values in called.items()
        if tape.modules[path].parameters and any(value.stats is not None for value in values)
    ]


def _spread(paths: list[str], most: int) -> list[str]:
    """At most so many, from the first to the last."""
    if len(paths) <= most:
        return paths
    return [paths[at] for at in np.linspace(0, len(paths) - 1, most).astype(int)]
