"""What can be asked of a graph, and what becomes of the tensors that it saves."""

from __future__ import annotations

import weakref
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

from ..tensor import Tensor
from .mode import mode
from .node import GradientEdge, Node, RemovableHandle
from .walk import Walk, running_walk

__all__ = [
    "GradientEdge",
    "Node",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge at which a tensor hangs in the graph, which outlives the tensor.

    `backward` and `grad` take it in the place of the tensor.

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


def register_multi_grad_hook(
    tensors: Sequence[Tensor], fn: Callable[[Any], None], *, mode: str = "all"
) -> RemovableHandle:
    """Call `fn` once in each backward that comes to some of the tensors.

    Args:
        fn: with `mode="all"` it is called with a list, a gradient or None a tensor, when all
            that this backward comes to have arrived; with `mode="any"` with the first gradient.

    Raises:
        ValueError: another mode.
        RuntimeError: a tensor does not require a gradient (with `mode="all"`).

    >>> import clownpiece
    >>> x, w = clownpiece.ones(2, requires_grad=True), clownpiece.ones(2, requires_grad=True)
    >>> handle = register_multi_grad_hook([x, w], lambda grads: print([g.tolist() for g in grads]))
    >>> (x * w * 3).sum().backward()
    [[3.0, 3.0], [3.0, 3.0]]
    """
    if mode == "any":
        first = _First(fn)
        return _Handles([each.register_hook(first) for each in tensors if each.requires_grad])
    if mode != "all":
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    together = _Together(fn, tensors)
    return _Handles(
        [each.register_hook(together.hook_of(at)) for at, each in enumerate(tensors)]
    )


class _First:
    """Hands on the first gradient of each walk."""

    def __init__(self, fn: Callable[[Tensor], None]) -> None:
        self.fn = fn
        self.walks: weakref.WeakSet[Walk] = weakref.WeakSet()

    def __call__(self, gradient: Tensor) -> None:
        walk = running_walk()
        assert walk is not None
        if walk not in self.walks:
            self.walks.add(walk)
            self.fn(gradient)


class _Together:
    """Gathers the gradients of several tensors in each walk, and hands on all at once.

    It hangs on the nodes of the tensors, so it must hold them weakly.
    """

    def __init__(
        self, fn: Callable[[list[Tensor | None]], None], tensors: Sequence[Tensor]
    ) -> None:
        self.fn = fn
        nodes = [get_gradient_edge(each).node for each in tensors]
        self.places = [
            weakref.ref(each if each.is_leaf else node)
            for each, node in zip(tensors, nodes, strict=True)
        ]
        self.arrived: MutableMapping[Walk, list[tuple[int, Tensor]]] = weakref.WeakKeyDictionary()

    def hook_of(self, at: int) -> Callable[[Tensor], None]:
        """The hook of tensor number `at`."""

        def hear(gradient: Tensor) -> None:
            walk = running_walk()
            assert walk is not None
            arrived = self.arrived.setdefault(walk, [])
            arrived.append((at, gradient))
            if len(arrived) == sum(map(walk.comes_to, self._nodes())):
                del self.arrived[walk]
                gradients = dict(arrived)
                self.fn([gradients.get(each) for each in range(len(self.places))])

        return hear

    def _nodes(self) -> list[Node]:
        alive = [place() for place in self.places]
        return [
            get_gradient_edge(each).node if isinstance(each, Tensor) else each
            for each in alive
            if each is not None
        ]


class _Handles(RemovableHandle):
    """One handle for several hooks."""

    __slots__ = ("handles",)

    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        self.handles = handles

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()


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
