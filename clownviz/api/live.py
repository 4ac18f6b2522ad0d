"""What is live in a notebook: `explore` a run, `watch` a training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..recording.collector import collector_paused
from ..recording.keywords import keywords
from ..recording.tape import Tape
from ..views.diagram import Diagram
from ..views.explorer import Explorer
from ..widgets.explorer import Explore
from ..widgets.watch import Watch
from .tapes import tape_of

__all__ = ["Watch", "explore", "explorer_of", "watch"]


@collector_paused()
def explore(
    model: Any,
    *inputs: Any,
    gradients: bool = False,
    loss: Callable[[Any], Any] | None = None,
    selection: str | None = None,
    kwargs: dict[str, Any] | None = None,
    **named: Any,
) -> Explore:
    """A widget to walk through a model: activations, weights and gradients of any module.

    Args:
        model: a Module, or the tape of a run.
        inputs: what the model is called with, a batch; the first example is shown.
        gradients: run a backward too and show its gradients.
        loss: what to run it from, given the model's output; by default the sum of the output.
        selection: the path of the module to show first.
        named, kwargs: what it is called with by name; `kwargs` holds names that are options here.
    """
    kwargs = keywords(explore, inputs, kwargs, named, model)
    tape = tape_of(model, inputs, kwargs, keep="sample", gradients=gradients, loss=loss)
    return Explore(explorer_of(tape, selection))


def watch(model: Any, optimizer: Any, **options: Any) -> Watch:
    """A live dashboard of loss, gradient norms and update sizes while a loop trains.

    Log the loss in the loop, with `watch.log(loss=loss)`; the rest is read around
    `optimizer.step()`. Options: `every`, `budget`; see `Watch`.
    """
    return Watch(model, optimizer, **options)


def explorer_of(tape: Tape, selection: str | None) -> Explorer:
    """The explorer of a tape, with its diagram."""
    diagram = Diagram.of(tape)
    return Explorer(tape, selection=selection, diagram=diagram.svg(), table=diagram.rows)
