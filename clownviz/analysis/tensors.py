"""One tensor of a tape by the words people have for it: the output of `conv1`, its weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..recording.tape import Call, ModuleInfo, ParameterInfo, Tape, Value

__all__ = ["KeptTensor", "tensor_of"]

PARTS = ("output", "input", "gradient", "weight", "bias")


@dataclass(frozen=True, slots=True)
class KeptTensor:
    """A tensor that a tape has kept, and what it is.

    Attributes:
        title: "conv1 output".
        role: "activation", "weight" or "gradient".
        image: whether three dimensions are one example's maps.
    """

    value: Value | ParameterInfo
    array: np.ndarray
    title: str
    role: str
    kind: str
    image: bool

    @property
    def part(self) -> str:
        """Which part of the tensor `array` is; "" for all."""
        return getattr(self.value, "part", "")


def tensor_of(
    tape: Tape, path: str, of: str = "output", *, call: int = 1, step: int = 0
) -> KeptTensor:
    """A tensor of one module.

    Args:
        path: the module's, "" for the model.
        of: "output", "input", "gradient" (of the output), or the name of a parameter or buffer;
            "output.1" is the second of several, "weight.gradient" the gradient of a parameter.
        call: which call of the module, counted from 1.
        step: which run of the model.

    Raises:
        KeyError: there is no such module or parameter.
        ValueError: the module was not called, or the numbers were not kept.
    """
    info = _module(tape, path)
    name, _, rest = of.partition(".")
    value: Value | ParameterInfo
    if name in ("output", "input", "gradient"):
        value, role = _of_call(tape, _call(tape, info, call, step), name, rest)
    else:
        value, role = _parameter(tape, info, name, rest)
    title = f"{path or tape.model} {of.replace('.', ' ')}"
    if value.array is None:
        raise ValueError(
            f"the numbers of {title} are not on this tape, only what is known of them: capture "
            'with keep="sample" or keep="full", or raise the budget'
        )
    image = info.kind.endswith("2d") and role != "weight"
    return KeptTensor(value, value.array, title, role, info.kind, image)


def _module(tape: Tape, path: str) -> ModuleInfo:
    info = tape.modules.get(path)
    if info is None:
        known = ", ".join(list(tape.modules)[1:7]) or "none"
        more = " …" if len(tape.modules) > 7 else ""
        raise KeyError(f"there is no module {path!r} in {tape.model}: it has {known}{more}")
    return tape.modules[info.alias_of] if info.alias_of is not None else info


def _call(tape: Tape, info: ModuleInfo, number: int, step: int) -> Call:
    calls = [call for call in tape.calls_of(info.path) if call.step == step]
    for call in calls:
        if call.number == number:
            return call
    name = info.path or tape.model
    if not tape.calls:
        raise ValueError(f"nothing has run on this tape, so {name} has no output: give inputs too")
    raise ValueError(
        f"{name} was called {len(calls)} times in step {step}, so there is no call {number}"
    )


def _of_call(tape: Tape, call: Call, name: str, which: str) -> tuple[Value, str]:
    values = tape.refs(call.inputs if name == "input" else call.outputs)
    at = int(which) if which.isdecimal() else 0
    if at >= len(values):
        did = "was given" if name == "input" else "returned"
        count = f"{len(values) or 'no'} tensor{'' if len(values) == 1 else 's'}"
        raise ValueError(f"{call.label} {did} {count}, so there is no {name}.{at}, counted from 0")
    value = values[at]
    if name != "gradient":
        return value, "activation"
    if value.gradient is None:
        raise ValueError(
            f"no gradient arrived at the output of {call.label}: run with gradients=True"
        )
    return tape.values[value.gradient], "gradient"


def _parameter(
    tape: Tape, info: ModuleInfo, name: str, rest: str
) -> tuple[Value | ParameterInfo, str]:
    held = {one.path.rpartition(".")[2]: one for one in (*info.parameters, *info.buffers)}
    if name not in held:
        known = ", ".join((*PARTS[:3], *held))
        raise KeyError(f"{info.path or tape.model} has no {name!r}: expected one of {known}")
    one = held[name]
    if rest != "gradient":
        return one, "weight"
    if one.gradient is None:
        raise ValueError(f"no gradient arrived at {one.path}: run with gradients=True")
    return tape.values[one.gradient], "gradient"
