"""Automatic differentiation: recording, the backward walk, and checks of gradients.

`tensor.py` stands between the files of this folder: on `mode.py` and `node.py`, below
`engine.py` and what uses it. So this face names the upper ones and opens them when asked.
"""

import importlib
from typing import TYPE_CHECKING, Any

from .mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    observe_ops,
    set_grad_enabled,
)
from .node import Node, RemovableHandle

if TYPE_CHECKING:
    from . import functional as functional
    from . import graph as graph
    from .anomaly import detect_anomaly, is_anomaly_enabled, set_detect_anomaly
    from .checking import gradcheck, gradgradcheck
    from .engine import backward, grad
    from .function import Function
    from .walk import is_walking_back

_UPPER = {
    "Function": "function",
    "backward": "engine",
    "detect_anomaly": "anomaly",
    "functional": "",
    "grad": "engine",
    "gradcheck": "checking",
    "gradgradcheck": "checking",
    "graph": "",
    "is_anomaly_enabled": "anomaly",
    "is_walking_back": "walk",
    "set_detect_anomaly": "anomaly",
}

__all__ = [
    "Function",
    "Node",
    "RemovableHandle",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "is_walking_back",
    "no_grad",
    "observe_ops",
    "set_detect_anomaly",
    "set_grad_enabled",
]


def __getattr__(name: str) -> Any:
    if name not in _UPPER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f".{_UPPER[name] or name}", __name__)
    found = getattr(module, name) if _UPPER[name] else module
    globals()[name] = found
    return found
