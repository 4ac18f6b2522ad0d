"""Where a tensor lives, for code that asks or says so: on the CPU."""

from __future__ import annotations

from typing import Any

__all__ = ["CPU", "device"]


class device:
    """Where a tensor lives; here that is always `device("cpu")`."""

    __slots__ = ("index", "type")

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        if str(type).partition(":")[0] != "cpu":
            raise RuntimeError(
                f"clownpiece computes on the CPU only; got device {type!r}, expected 'cpu'"
            )
        self.type = "cpu"
        self.index = index

    def __repr__(self) -> str:
        return "device(type='cpu')"

    def __str__(self) -> str:
        return "cpu"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device)

    def __hash__(self) -> int:
        return hash("cpu")


CPU = device()
