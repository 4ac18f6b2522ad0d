"""What changes over steps: `histograms`, `gradient_flow`, `curves`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..analysis.flow import flow_of, training_of
from ..analysis.history import history_of
from ..recording.keywords import keywords
from ..recording.tape import Tape
from ..recording.training import Training
from ..views.curves import Curves
from ..views.gradient_flow import GradientFlow
from ..views.histograms import Histograms
from ..widgets.watch import Watch
from .shown import Figured
from .tapes import tape_of

__all__ = ["curves", "gradient_flow", "histograms"]


def histograms(
    model: Any,
    *inputs: Any,
    path: str,
    of: str = "output",
    log: bool = False,
    kwargs: dict[str, Any] | None = None,
    loss: Callable[[Any], Any] | None = None,
    **named: Any,
) -> Figured:
    """How weights, activations or gradients of a module are spread, at every step on a tape.

    Args:
        model: the tape of a training, captured with `gradients=True` where gradients are wanted;
            or a Module, whose one run has one step.
        inputs: what the model is called with.
        path: the module.
        of: "output", "input", "gradient", "weight", "weight.gradient", …
        log: an axis of values that is logarithmic on both sides of zero.
        named, kwargs: what it is called with by name; `kwargs` holds names that are options here.
        loss: what gradients come from, given the model's output.
    """
    kwargs = keywords(histograms, inputs, kwargs, named, model)
    options: dict[str, Any] = {} if loss is None else {"loss": loss}
    if not isinstance(model, Tape):
        options["gradients"] = "gradient" in of
    tape = tape_of(model, inputs, kwargs, keep="statistics", **options)
    return Figured(Histograms(history_of(tape, path, of), log=log))


def gradient_flow(
    model: Any,
    *inputs: Any,
    by: str = "layer",
    loss: Callable[[Any], Any] | None = None,
    kwargs: dict[str, Any] | None = None,
    **named: Any,
) -> Figured:
    """Gradient norms from the first layer to the last, with how far updates move the weights.

    Args:
        model: a `watch`, the tape of a training, or a Module, which runs forward and backward once.
        inputs: what the model is called with.
        by: "layer" or "parameter".
        loss: what the gradients come from, given the model's output; by default its sum.
        named, kwargs: what it is called with by name; `kwargs` holds names that are options here.
    """
    kwargs = keywords(gradient_flow, inputs, kwargs, named, model)
    if isinstance(model, Watch):
        return Figured(GradientFlow(flow_of(model.training, by)))
    options: dict[str, Any] = {} if loss is None else {"loss": loss}
    if not isinstance(model, Tape):
        options["gradients"] = bool(inputs or kwargs)
    tape = tape_of(model, inputs, kwargs, keep="statistics", **options)
    return Figured(GradientFlow(flow_of(tape, by)))


def curves(
    source: Any, *names: str, log: bool = False, title: str = "", span: float | None = None
) -> Figured:
    """Numbers over steps: the loss, learning rates, whatever was logged.

    Args:
        source: a `watch`, the tape of a training, or a dict of lists by name.
        names: which of them; without any all are drawn.
        log: a logarithmic axis of values.
        title: the heading.
        span: steps over which lines average; 0 draws the values as they are.

    Raises:
        KeyError: no curve has one of the names.
        TypeError: the source is none of these.

    >>> import clownviz
    >>> clownviz.curves({"loss": [2.0, 1.0, 0.5]})
    curve  first  last  lowest       trend
    loss       2   0.5  0.5 at 3     █▃▁
    """
    given: Mapping[str, Any]
    if isinstance(source, Mapping):
        given = source
    elif isinstance(source, (Watch, Training, Tape)):
        training = source.training if isinstance(source, Watch) else source
        training = training_of(training) if isinstance(training, Tape) else training
        given = training.scalars
        title = title or f"Training {training.model}"
    else:
        raise TypeError(
            f"curves(…) got {type(source).__name__}: expected a watch, a tape, or a dict of lists"
        )
    for name in names:
        if name not in given:
            raise KeyError(f"no curve is named {name!r}: expected some of {', '.join(given)}")
    chosen = {name: given[name] for name in names or given}
    return Figured(Curves(chosen, log=log, title=title or "Curves", span=span))
