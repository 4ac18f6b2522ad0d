"""`Parameter` and `Buffer`: tensors that a module keeps; and those that wait for their shape.

Assigning a Parameter to an attribute of a module registers it: `self.weight = Parameter(w)`.
"""

from __future__ import annotations

from typing import Any

from ..creation import empty
from ..size import Size
from ..tensor import Tensor

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "is_lazy"]


class Parameter(Tensor):
    """A tensor that is learned: assigned to a module it is registered there.

    Args:
        data: the values, shared with the tensor given and cut off from its history.
        requires_grad: False for a parameter that is kept and saved but not trained.

    >>> import clownpiece
    >>> from clownpiece import nn
    >>> nn.Parameter(clownpiece.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Any:
        values = _values(cls, data)
        made = super().__new__(cls, values)
        # A change in place is seen by both, as it is by a tensor and what detach() returned.
        made._version_cell = values._shared_version()
        if values.is_inference():
            made._inference = True
        made.requires_grad_(requires_grad)
        return made

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) in memo:
            return memo[id(self)]
        # A copied model starts without gradients, unlike a copied plain tensor.
        grad, self._grad = self._grad, None
        try:
            return super().__deepcopy__(memo)
        finally:
            self._grad = grad


class Buffer(Tensor):
    """A tensor that a module keeps but does not learn, such as a running mean.

    Args:
        data: the values, shared with the tensor given.
        persistent: whether it is part of the module's `state_dict`.
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Any:
        made = super().__new__(cls, _values(cls, data))
        made.persistent = persistent
        return made


def _values(kind: type, data: Any) -> Tensor:
    if data is None:
        return empty(0)
    if not isinstance(data, Tensor):
        raise TypeError(
            f"{kind.__name__} keeps a Tensor; got {type(data).__name__}, "
            "so make one first with clownpiece.tensor(data)"
        )
    return data


class _Uninitialized(Tensor):
    """A tensor whose shape is not known before its module has seen an input."""

    becomes: type[Tensor]

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Take this shape, with values yet to be set, and become an ordinary tensor."""
        self.array = empty(tuple(shape), device=device, dtype=dtype or self.dtype).array
        self.__class__ = self.becomes  # type: ignore[assignment]

    @property
    def shape(self) -> Size:
        raise RuntimeError(
            f"an {type(self).__name__} has no shape yet; run its module once on an input "
            "(its call, not `forward`), so that it can infer the shape, or load a state that has "
            "one with `load_state_dict`, and look again"
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(_Uninitialized, Parameter):
    """A Parameter whose shape the first call of its lazy module sets (`materialize`)."""

    becomes = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Any:
        return super().__new__(cls, empty(0, device=device, dtype=dtype), requires_grad)


class UninitializedBuffer(_Uninitialized, Buffer):
    """A Buffer whose shape the first call of its lazy module sets (`materialize`)."""

    becomes = Buffer

    def __new__(
        cls,
        requires_grad: bool = False,
        device: Any = None,
        dtype: Any = None,
        persistent: bool = True,
    ) -> Any:
        made = super().__new__(cls, empty(0, device=device, dtype=dtype), persistent=persistent)
        return made.requires_grad_(requires_grad)


def is_lazy(tensor: Any) -> bool:
    """Whether this tensor still waits for its shape."""
    return isinstance(tensor, _Uninitialized)
