"""The tape that a verb shows: a run of a model, or the one it was given."""

from __future__ import annotations

import sys
from typing import Any

from ..recording.capture import describe, run
from ..recording.tape import Tape
from ..views.tree import Tree
from .shown import Shown

__all__ = ["refuse_to_run", "tape_of"]


def tape_of(
    model: Any, inputs: tuple[Any, ...], kwargs: dict[str, Any] | None, **options: Any
) -> Tape:
    """The tape to show: that of one run, of a description, or the one that was given.

    Args:
        model: a model, or a tape, which is shown as it is.
        inputs, kwargs: what the model is called with; without any it is described and not run.
        options: `keep`, `gradients`, `loss` of that run.

    Raises:
        TypeError: what only a run could use, with a tape or without inputs.
        ValueError: a tape that holds no model.
    """
    if isinstance(model, Tape):
        return _as_it_is(model, inputs, kwargs, options)
    if not inputs and not kwargs:
        if options.get("loss") is not None:
            raise TypeError(
                "loss: without inputs nothing is run that could have one; give what the model is "
                "called with, or leave it out"
            )
        return describe(model, keep=options["keep"])
    try:
        return run(model, *inputs, kwargs=kwargs, **options)
    except Exception as error:
        tape = getattr(error, "tape", None)
        if isinstance(tape, Tape):
            _show_partial(tape, error)
        raise


def _as_it_is(
    tape: Tape, inputs: tuple[Any, ...], kwargs: dict[str, Any] | None, options: dict[str, Any]
) -> Tape:
    refuse_to_run(inputs, kwargs, options)
    if not tape.modules:
        raise ValueError(
            f"this tape of {tape.model or 'nothing'} holds no modules, only "
            f"{len(tape.steps):,} steps: expected the tape of a capture, a run or a description"
        )
    return tape


def refuse_to_run(
    inputs: tuple[Any, ...], kwargs: dict[str, Any] | None, options: dict[str, Any]
) -> None:
    """Nothing, unless something is asked for that only a run of a model could use.

    Raises:
        TypeError: it is.
    """
    asked = ["inputs"] * bool(inputs) + ["kwargs"] * bool(kwargs)
    asked += [name for name in ("gradients", "loss") if options.get(name)]
    if asked:
        raise TypeError(
            f"{' and '.join(asked)}: a tape holds a run that is over, so nothing more can be run; "
            "give the model instead of the tape, or leave these out"
        )


def _show_partial(tape: Tape, error: Exception) -> None:
    """How far the forward came: above the error in a notebook, below it elsewhere."""
    partial = Tree(tape)
    display = getattr(sys.modules.get("IPython.display"), "display", None)
    if display is not None and hasattr(sys.modules["IPython"].get_ipython(), "kernel"):
        display(Shown(partial))
    else:
        error.add_note(partial.text())
