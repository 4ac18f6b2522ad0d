"""What can be asked of a graph, and what becomes of the tensors that it saves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..tensor import Tensor
from .mode import mode
from .node import Node

__all__ = [
    "GradientEdge",
    "Node",
    "get_gradient_edge",
    "increment_version",
    "save_on_cpu",
    "saved_tensors_hooks",
]


class GradientEdge(NamedTuple):
    """Where the gradient of a tensor goes: a node, and which of its outputs the tensor was."""

    node: Node
    output_nr: int


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge at which a tensor hangs in the graph, which outlives the tensor.

    Raises:
        RuntimeError: the tensor does not require a gradient.

    >>> import clownpiece
    >>> x = clownpiece.ones(2, requires_grad=True)
    >>> get_gradient_edge(x * 2).node
    <MulBackward0>
    """
    edge = tensor._edge()
    if edge is None:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require "
            "gradients; call requires_grad_() on it first"
        )
    return GradientEdge(*edge)


def increment_version(tensor: Tensor | Sequence[Tensor]) -> None:
    """Tell autograd that the memory of a tensor, or of several, was changed behind its back."""
    for each in (tensor,) if isinstance(tensor, Tensor) else tensor:
        if each.is_inference():
            raise RuntimeError(
                "Inference tensors do not track version counter; clone() the tensor outside of "
                "inference_mode to have one that does"
            )
        each.bump_version()


class saved_tensors_hooks:
    """Inside, what nodes save goes through `pack_hook`, and through `unpack_hook` in backward.

    Args:
        pack_hook: from a tensor outside of the graph to anything at all, which is kept instead.
        unpack_hook: from that to a tensor with the same values.

    Changes in place of what was packed are no longer noticed. The hooks of the innermost
    `with` alone are used; they run under `no_grad`.

    >>> import clownpiece
    >>> x = clownpiece.tensor([1.0, 2.0], requires_grad=True)
    >>> with saved_tensors_hooks(lambda t: t.tolist(), clownpiece.tensor):
    ...     y = x * x
    >>> y.sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    def __init__(
        self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]
    ) -> None:
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self) -> None:
        self._outer = mode.saving
        mode.saving = (self.pack_hook, self.unpack_hook)

    def __exit__(self, *exception: object) -> None:
        mode.saving = self._outer


class save_on_cpu(saved_tensors_hooks):
    """PyTorch's hooks that move what is saved to the CPU, where everything is here already.

    Args:
        pin_memory: accepted, and of no effect.
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda tensor: tensor, lambda tensor: tensor)
