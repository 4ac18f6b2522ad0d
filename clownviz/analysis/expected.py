"""What shape of input a layer takes, from its settings and its parameters: why a call failed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..recording.tape import ModuleInfo, Tape

__all__ = ["mismatch"]

_AXES = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}
_NUMBERS = re.compile(r"\d+")


def mismatch(tape: Tape) -> str:
    """One sentence about the call that ended a run, if its input has the wrong shape.

    `Linear expected (*, 64), got (32, 48)`; empty where the shape is not what was wrong, or where
    nothing is known of the layer: then its error's own words are all there is.
    """
    call = tape.failed
    info = tape.modules.get(call.path) if call is not None else None
    if call is None or info is None:
        return ""
    if info.alias_of is not None:
        info = tape.modules[info.alias_of]
    values = tape.refs(call.inputs)
    wanted = _wanted(info)
    if wanted is None or not values or _fits(wanted, values[0].shape):
        return ""
    return f"{info.kind} expected ({', '.join(map(str, wanted))}), got {values[0].shape}"


def _fits(wanted: Sequence[int | str], shape: tuple[int, ...]) -> bool:
    """Names stand for any size, `*` for any dimensions, and `N` may be missing."""
    if wanted[-1] == "*":
        wanted, shape = wanted[:-1], shape[: len(wanted) - 1]
    if wanted[0] == "*":
        wanted = wanted[1:]
        shape = shape[-len(wanted) :]
    elif wanted[0] == "N" and len(wanted) > 2 and len(shape) == len(wanted) - 1:
        wanted = wanted[1:]
    return len(shape) == len(wanted) and all(
        isinstance(size, str) or size == got for size, got in zip(wanted, shape)
    )


def _wanted(info: ModuleInfo) -> list[int | str] | None:
    """The shape that a layer takes, sizes that are free by name."""
    kind = info.kind.removeprefix("Lazy")
    weight = next((p.shape for p in info.parameters if p.path.endswith("weight")), ())
    settings = [int(number) for number in _NUMBERS.findall(info.extra.split("eps")[0])]
    dims = int(found[0]) if (found := re.search(r"[123](?=d$)", kind)) else 0
    if kind == "Linear" and len(weight) == 2:
        return ["*", weight[1]]
    if kind.startswith("Conv") and len(weight) == dims + 2:
        channels = weight[0] if "Transpose" in kind else weight[1] * _groups(info.extra)
        return ["N", channels, *_AXES[dims]]
    if kind in ("LayerNorm", "RMSNorm") and settings:
        return ["*", *settings]
    if kind.startswith(("BatchNorm", "InstanceNorm")) and settings and dims:
        return ["N", settings[0], *(_AXES[dims] if dims > 1 else ("*",))]
    if kind == "GroupNorm" and len(settings) > 1:
        return ["N", settings[1], "*"]
    if kind.rstrip("Cel") in ("RNN", "LSTM", "GRU") and settings:
        return ["*", settings[0]]
    if kind == "MultiheadAttention" and len(weight) == 2:
        return ["*", weight[1]]
    return None


def _groups(extra: str) -> int:
    found = re.search(r"groups=(\d+)", extra)
    return int(found[1]) if found else 1
