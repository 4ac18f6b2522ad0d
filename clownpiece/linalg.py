"""Linear algebra under PyTorch's names: `clownpiece.linalg.inv` and its siblings."""

from __future__ import annotations

from .ops import REGISTRY
from .ops.linalg import LinAlgError

__all__ = ["LinAlgError"]

for _record in REGISTRY.values():
    if "linalg" in _record.expose:
        _name = _record.name.rpartition(".")[2]
        globals()[_name] = _record
        __all__ += [_name]
