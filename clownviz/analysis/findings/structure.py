"""Checks of how a model is put together, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator

from ...look import format_number
from ...recording.tape import ModuleInfo, Tape, Unregistered
from ..trace import Trace
from .finding import Finding, Thresholds

__all__ = ["not_registered"]


def not_registered(tape: Tape, trace: Trace, limits: Thresholds) -> Iterator[Finding]:
    """Layers in a plain list, tuple or dict, which the model does not know to be its own."""
    for path, info in tape.modules.items():
        for held in info.unregistered:
            yield _hidden(tape, path, info, held)


def _hidden(tape: Tape, path: str, info: ModuleInfo, held: Unregistered) -> Finding:
    modules, parameters = len(held.modules), held.parameters
    what = _counted(modules, "module") if modules else _counted(parameters, "parameter")
    kind = "Module" if modules else "Parameter"
    container = f"nn.{kind}{'Dict' if held.container == 'dict' else 'List'}"
    kinds = ", ".join(dict.fromkeys(held.modules))
    return Finding(
        "not_registered",
        "error",
        f"The model does not know {what} in `{held.name}` of {path or tape.model}, "
        f"which is a plain {held.container}.",
        (
            f"{_counted(parameters, 'trainable parameter')} of {format_number(held.count)} numbers"
            f"{f' ({kinds})' if kinds else ''}: in no `parameters()` and no `state_dict()`",
            "neither `train()`, `eval()` nor a move to another dtype or device reaches them",
        ),
        f"Keep them in one that registers them: `self.{held.name} = {container}(…)`.",
        path=path,
        numbers={"modules": modules, "parameters": parameters},
    )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
