"""Automatic differentiation: recording, the backward walk, and checks of gradients."""

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

__all__ = [
    "Node",
    "RemovableHandle",
    "enable_grad",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "observe_ops",
    "set_grad_enabled",
]
