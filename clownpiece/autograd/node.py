"""What a graph is made of: nodes with output slots, the edges between them, version cells.

A node is one recorded operation, seen from backward: it takes the gradients of its outputs and
returns those of its inputs. Edges run from a node to the producers of its inputs, so a graph
hangs together only through what came out of it and dies with its last tensor.
"""

from __future__ import annotations

import itertools
import os
import sys
import traceback
import weakref
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from .mode import mode

__all__ = ["AccumulateGrad", "Edge", "GradientEdge", "Node", "RemovableHandle", "Version"]

_numbers = itertools.count(1)

Edge = tuple["Node", int]
"""A producer of an input: the node and which of its outputs."""

Differentiate = Callable[..., Sequence[Any]]


class Version:
    """How often memory was changed in place; shared by a tensor and all its views."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class Origin(NamedTuple):
    """Where a node was made.

    Attributes:
        stack: the traceback, down to the last line that is not the library's.
        inducer: of a node that a backward made, the name and the origin of the node whose.
    """

    stack: str
    inducer: tuple[str, Origin | None] | None

    @classmethod
    def here(cls) -> Origin:
        """That of a node that is made now."""
        frame: FrameType | None = sys._getframe()
        while frame is not None and frame.f_code.co_filename.startswith(_LIBRARY):
            frame = frame.f_back
        node = mode.evaluating
        inducer = (node.name(), node.origin) if node is not None else None
        return cls("".join(traceback.format_stack(frame, limit=40)), inducer)


_LIBRARY = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")


class Node:
    """One step of a backward walk.

    Attributes:
        edges: where the gradient of each input goes; None where none is wanted.
        outputs: shape and dtype of each output, which is what its gradient must have.
        number: the time of creation. An edge always leads to a smaller number, which makes
            "largest number first" an order that visits every node after all its consumers.
        origin: where it was made, if that was in anomaly mode.
    """

    __slots__ = (
        "__weakref__",
        "_metadata",
        "edges",
        "number",
        "origin",
        "outputs",
        "post_hooks",
        "pre_hooks",
        "tensor_hooks",
    )

    def __init__(
        self,
        edges: Sequence[Edge | None],
        outputs: Sequence[tuple[tuple[int, ...], np.dtype]],
    ) -> None:
        self.edges = edges
        self.outputs = outputs
        self.number = next(_numbers)
        self.tensor_hooks: dict[int, dict[int, Callable[..., Any]]] | None = None
        self.pre_hooks: dict[int, Callable[..., Any]] | None = None
        self.post_hooks: dict[int, Callable[..., Any]] | None = None
        self._metadata: dict[str, Any] | None = None
        self.origin = Origin.here() if mode.anomaly else None

    def name(self) -> str:
        """The name that `grad_fn` shows, such as `MulBackward0`."""
        return type(self).__name__

    def __repr__(self) -> str:
        return f"<{self.name()}>"

    def __lt__(self, other: Node) -> bool:
        # On the heap of a walk, nodes of the same priority stay as they came.
        return False

    @property
    def handing_order(self) -> Sequence[int] | None:
        """In which order the edges are served where that is not their own."""
        return None

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """The edges as PyTorch spells them: pairs of node and output number."""
        return tuple(edge if edge is not None else (None, 0) for edge in self.edges)

    @property
    def metadata(self) -> dict[str, Any]:
        """Where anybody may note something about this node."""
        if self._metadata is None:
            self._metadata = {}
        return self._metadata

    def backward(self, grads: list[Any], differentiate: Differentiate | None) -> Sequence[Any]:
        """The gradients of the inputs, one per edge, from those of the outputs.

        In an ordinary backward `grads` are arrays and `differentiate` is None. Under
        `create_graph` they are Tensors, what is returned must continue the graph, and
        `differentiate` is the engine's `grad`, for nodes that need a walk of their own.
        """
        raise NotImplementedError

    def check_saved(self) -> None:
        """Raise a RuntimeError if what was saved has been let go of, or was changed in place."""

    def release(self) -> None:
        """Let go of what was saved: backward ran, and the graph is not to be kept."""

    def register_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(grad_inputs, grad_outputs)` after this node; it may return new grad_inputs."""
        if self.post_hooks is None:
            self.post_hooks = {}
        return RemovableHandle(self.post_hooks, hook)

    def register_prehook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(grad_outputs)` before this node; it may return new grad_outputs."""
        if self.pre_hooks is None:
            self.pre_hooks = {}
        return RemovableHandle(self.pre_hooks, hook)

    def hooks_of_slot(self, slot: int) -> dict[int, Callable[..., Any]]:
        """The hooks of the tensor that came out at `slot`, made if there are none yet."""
        if self.tensor_hooks is None:
            self.tensor_hooks = {}
        return self.tensor_hooks.setdefault(slot, {})


class GradientEdge(NamedTuple):
    """Where the gradient of a tensor goes: a node, and which of its outputs the tensor was."""

    node: Node
    output_nr: int


class AccumulateGrad(Node):
    """The end of a path: adds what arrives to the `.grad` of a leaf.

    The leaf holds its accumulator weakly and is held by it strongly, so a graph keeps its
    leaves alive and no cycle ties a leaf to itself.
    """

    __slots__ = ("variable",)

    def __init__(self, variable: Any) -> None:
        super().__init__((), ((variable.array.shape, variable.array.dtype),))
        self.variable = variable

    @staticmethod
    def of(variable: Any) -> AccumulateGrad:
        """The one accumulator of this leaf."""
        known = variable._accumulator
        node = known() if known is not None else None
        if node is None:
            node = AccumulateGrad(variable)
            variable._accumulator = weakref.ref(node)
        return node


class RemovableHandle:
    """What registering a hook returns: `remove()` takes the hook away again.

    A handle is a context manager too, and removing twice does no harm.
    """

    __slots__ = ("__weakref__", "_hooks", "id")

    _ids = itertools.count()

    def __init__(self, hooks: dict[int, Callable[..., Any]], hook: Callable[..., Any]) -> None:
        # A table that was unpickled has keys of another process, which must not be reused.
        self.id = next(number for number in RemovableHandle._ids if number not in hooks)
        self._hooks = hooks
        hooks[self.id] = hook

    def remove(self) -> None:
        """Take the hook away; nothing happens if it is gone already."""
        self._hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()
