"""`Tensor`: an array that remembers where it came from.

This file knows data, gradients, views and versions, and no operation: methods such as `sum`
and operators such as `+` come from the op records and are bound in `binding.py`.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .autograd.mode import mode
from .autograd.node import AccumulateGrad, Edge, Node, RemovableHandle, Version
from .copying import copied, reduced
from .devices import CPU, device
from .dtypes import FROM_NUMPY, dtype
from .printing import format_tensor
from .size import Size

__all__ = ["Tensor", "TensorMethods"]

Path = tuple["Path | None", Callable[[Any], Any]]
"""How a view comes out of its base: the path of what it is a view of, and one step more."""


class TensorMethods:
    """Where `binding.py` puts the methods that the op records give."""


class Tensor(TensorMethods):
    """An n-dimensional array with a gradient.

    Attributes:
        array: the NumPy array behind it, shared with views of it.

    Fields that most tensors never need (a version, a base, hooks) are class attributes until
    they are set, so that making a tensor costs two assignments.

    >>> import clownpiece
    >>> x = clownpiece.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    # NumPy's operators ask the Tensor instead of looping over its elements.
    __array_ufunc__ = None
    __array_priority__ = 1000

    array: np.ndarray
    _requires_grad: bool = False
    _grad: Tensor | None = None
    _node: Node | None = None
    _slot: int = 0
    _version_cell: Version | None = None
    _base: Tensor | None = None
    _path: Path | None = None
    _forbids: str | None = None
    _seen_version: int = 0
    _hooks: dict[int, Callable[..., Any]] | None = None
    _post_accumulate_hooks: dict[int, Callable[..., Any]] | None = None
    _accumulator: Any = None
    _retains_grad: bool = False
    _inference: bool = False

    def __new__(cls, data: Any = None, *args: Any, **kwargs: Any) -> Any:
        made = super().__new__(cls)
        if isinstance(data, Tensor):
            made.array = data.array
        elif isinstance(data, int):
            # As in PyTorch, numbers alone are a shape: Tensor(2, 3).
            made.array = np.zeros((data, *args), np.float32)
        else:
            made.array = np.array([] if data is None else data, np.float32)
        return made

    # -- what it is -------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The size of each dimension."""
        return Size(self.array.shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        return self.shape if dim is None else self.array.shape[dim]

    @property
    def ndim(self) -> int:
        """How many dimensions there are."""
        return self.array.ndim

    def dim(self) -> int:
        """How many dimensions there are."""
        return self.array.ndim

    def numel(self) -> int:
        """How many elements there are."""
        return int(self.array.size)

    nelement = numel

    @property
    def dtype(self) -> dtype:
        """The element type, such as `clownpiece.float32`."""
        return FROM_NUMPY[self.array.dtype]

    @property
    def device(self) -> device:
        """Always `device("cpu")`."""
        return CPU

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.array.itemsize

    def element_size(self) -> int:
        """Bytes of one element."""
        return self.array.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.array.nbytes

    def is_floating_point(self) -> bool:
        """Whether the elements are floats, so that there can be a gradient."""
        return self.array.dtype.kind == "f"

    def is_contiguous(self) -> bool:
        """Whether the elements lie in memory in order, the last dimension fastest."""
        return bool(self.array.flags.c_contiguous)

    def stride(self, dim: int | None = None) -> Any:
        """Elements from one index to the next, a number a dimension."""
        steps = tuple(step // self.array.itemsize for step in self.array.strides)
        return steps if dim is None else steps[dim]

    def data_ptr(self) -> int:
        """The address of the first element."""
        return int(self.array.__array_interface__["data"][0])

    # -- gradients --------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether backward computes a gradient for this tensor, or for what it is a view of."""
        return self._requires_grad or (self._base is not None and self._base.requires_grad)

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if not isinstance(wanted, bool):
            raise RuntimeError(f"requires_grad must be a bool; got {wanted!r}")
        # The flag of what came out of an operation cannot be set, not even to what it is.
        self.requires_grad_(wanted and self.is_leaf)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Say whether gradients are wanted, in place.

        Raises:
            TypeError: it is not said with a bool.
            RuntimeError: the elements are not floats, or the tensor came out of an operation.
        """
        if not isinstance(requires_grad, bool):
            raise TypeError(
                "requires_grad_(): argument 'requires_grad' must be bool, not "
                f"{type(requires_grad).__name__}"
            )
        if requires_grad and self.array.dtype.kind != "f":
            raise RuntimeError(
                "only Tensors of floating point dtype can require gradients; "
                f"got {self.dtype}, so convert it first with .float()"
            )
        if not requires_grad and self.grad_fn is not None:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables; this tensor came "
                f"out of {self.grad_fn.name()}, so use .detach() to leave the graph"
            )
        if self._inference and not mode.inference and requires_grad:
            raise RuntimeError(
                "Setting requires_grad=True on inference tensor outside InferenceMode is not "
                "allowed; clone it first"
            )
        self._requires_grad = bool(requires_grad)
        return self

    @property
    def grad_fn(self) -> Node | None:
        """The node that made this tensor; None for a leaf."""
        if self._base is not None:
            self._follow_base()
        return self._node

    @property
    def output_nr(self) -> int:
        """Which output of `grad_fn` this tensor is."""
        return self._slot

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made it, so that `.grad` collects its gradient."""
        return self.grad_fn is None

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward accumulated, or None."""
        if (
            self._grad is None
            and self._node is not None
            and not self._retains_grad
            and self._requires_grad
        ):
            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed; it "
                "is not filled by backward(). Call .retain_grad() on it first, or read the leaf",
                stacklevel=2,
            )
        return self._grad

    @grad.setter
    def grad(self, new: Tensor | None) -> None:
        if new is not None:
            if not isinstance(new, Tensor):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got {new!r}")
            if new is self:
                raise RuntimeError("can't assign Variable as its own grad")
            if new.array.shape != self.array.shape:
                raise RuntimeError(
                    f"assigned grad has data of a different size: got {new.shape}, "
                    f"expected {self.shape}"
                )
            if new.array.dtype != self.array.dtype:
                raise RuntimeError(
                    f"assigned grad has data of a different type: got {new.dtype}, "
                    f"expected {self.dtype}"
                )
        self._grad = new

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    def retain_grad(self) -> None:
        """Have backward keep the gradient of this non-leaf in `.grad` too."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self._node is not None and not self._retains_grad:
            node = self.grad_fn
            assert node is not None
            self._retains_grad = True
            _retain_on(self, node)

    @property
    def retains_grad(self) -> bool:
        """Whether this is a non-leaf whose `.grad` backward fills."""
        return self._retains_grad

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook(grad)` when backward has this tensor's gradient; it may return another.

        Raises:
            RuntimeError: the tensor does not require a gradient.
        """
        if not self.requires_grad:
            raise RuntimeError(
                "cannot register a hook on a tensor that doesn't require gradient; "
                "call requires_grad_() first"
            )
        node = self.grad_fn
        if node is not None:
            return RemovableHandle(node.hooks_of_slot(self._slot), hook)
        if self._hooks is None:
            self._hooks = {}
        return RemovableHandle(self._hooks, hook)

    def register_post_accumulate_grad_hook(
        self, hook: Callable[[Tensor], None]
    ) -> RemovableHandle:
        """Call `hook(self)` each time backward has added to this leaf's `.grad`.

        What it returns, None or a tensor like this one, is what the next hook is called with.

        Raises:
            RuntimeError: the tensor is no leaf, or does not require a gradient.
        """
        if not self.requires_grad or self.grad_fn is not None:
            raise RuntimeError(
                "post accumulate grad hooks are for leaf tensors that require gradients"
            )
        if self._post_accumulate_hooks is None:
            self._post_accumulate_hooks = {}
        return RemovableHandle(self._post_accumulate_hooks, hook)

    def detach(self) -> Tensor:
        """The same memory outside of the graph; changes in place are seen by both."""
        out = wrap(self.array)
        out._version_cell = self._shared_version()
        if self._inference:
            out._inference = True
        return out

    def detach_(self) -> Tensor:
        """Leave the graph: from here on this tensor is a leaf."""
        if self._base is not None:
            raise RuntimeError("Can't detach views in-place: use detach() instead of detach_()")
        self._node, self._slot, self._requires_grad = None, 0, False
        return self

    @property
    def data(self) -> Tensor:
        """The same memory outside of the graph, unseen by the version counter."""
        return wrap(self.array)

    @data.setter
    def data(self, new: Tensor) -> None:
        if not isinstance(new, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(new).__name__}")
        if self._requires_grad and new.array.dtype.kind != "f":
            raise RuntimeError(
                "data set to a tensor that requires gradients must be floating point; got "
                f"{new.dtype}"
            )
        self.array = new.array
        self._accumulator = None

    # -- views and versions -----------------------------------------------------------------

    @property
    def _version(self) -> int:
        """How often this memory was changed in place.

        Raises:
            RuntimeError: it is an inference tensor.
        """
        if self._inference:
            raise RuntimeError("Inference tensors do not track version counter.")
        return self._changes

    @property
    def _changes(self) -> int:
        """The same, for inference tensors too, whose number nobody may rely on."""
        return 0 if self._version_cell is None else self._version_cell.count

    def _is_view(self) -> bool:
        """Whether it shares the memory and the history of another tensor, its `_base`."""
        return self._base is not None

    def _shared_version(self) -> Version:
        if self._version_cell is None:
            self._version_cell = Version()
        return self._version_cell

    def bump_version(self) -> None:
        """Tell autograd that `array` was changed in place from outside."""
        self._shared_version().count += 1

    def is_inference(self) -> bool:
        """Whether it was made under `inference_mode`."""
        return self._inference

    def _edge(self) -> Edge | None:
        """Where this tensor's gradient goes; nowhere for a view that was taken under `no_grad`."""
        if self._base is not None:
            self._follow_base()
        if self._node is not None:
            return self._node, self._slot
        return (AccumulateGrad.of(self), 0) if self._requires_grad else None

    def _become_view(
        self, source: Tensor, step: Callable[[Any], Any] | None, forbids: str | None
    ) -> None:
        """Share the memory of `source`, out of which `step` makes this view.

        Args:
            forbids: why this view must not be changed while gradients are recorded, if it must not.
        """
        self._version_cell = source._shared_version()
        self._base = source if source._base is None else source._base
        self._seen_version = self._version_cell.count
        self._forbids = source._forbids or forbids
        if self._forbids is None and step is not None:
            self._path = (source._path, step)
        if self._inference is not source._inference:
            self._inference = source._inference

    def _root(self) -> Tensor | None:
        """The base; if that was made a view itself (`transpose_`), of what, since."""
        base = self._base
        if base is not None and base._base is not None:
            base = self._base = base._base
        return base

    def _follow_base(self) -> None:
        """Derive this view's history again if its memory was changed in place since."""
        base = self._root()
        assert base is not None
        version = base._changes
        if self._seen_version == version or not (self._node or base._requires_grad):
            return
        if self._forbids is not None:
            raise RuntimeError(
                "this tensor is a view, and its base or another view of its base has been modified "
                f"inplace; {self._forbids}"
            )
        self._seen_version = version
        switches = mode.grad, mode.observer, base._requires_grad
        # A view that has a history keeps having one, even if its base gave its own up.
        mode.grad, mode.observer, base._requires_grad = True, None, True
        try:
            again = replayed(base, self._path)
        finally:
            mode.grad, mode.observer, base._requires_grad = switches
        self._take_history(again._node, again._slot)

    def _take_history(self, node: Node | None, slot: int) -> None:
        """From here on this tensor came out of `node`; a retained gradient is that of now."""
        if self._retains_grad and self._node is not None:
            self._node.hooks_of_slot(self._slot).pop(RETAIN, None)
        self._node, self._slot, self._requires_grad = node, slot, True
        if self._retains_grad and node is not None:
            _retain_on(self, node)

    # -- out into Python --------------------------------------------------------------------

    def item(self) -> Any:
        """The one element, as a Python number.

        Raises:
            RuntimeError: there is not exactly one element.
        """
        if self.array.size != 1:
            raise RuntimeError(
                f"a Tensor with {self.array.size} elements cannot be converted to Scalar; "
                "reduce it first, for example with .mean()"
            )
        return self.array.item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self.array.tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The array behind it; `force=True` detaches first.

        Raises:
            RuntimeError: the tensor requires a gradient, which NumPy could not follow.
        """
        if force:
            return self.array
        if self.requires_grad:
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. "
                "Use tensor.detach().numpy() instead."
            )
        return self.array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self.numpy().__dlpack__(**kwargs)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()

    def __len__(self) -> int:
        if not self.array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self.array.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self.array.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __bool__(self) -> bool:
        if self.array.size != 1:
            raise RuntimeError(
                f"Boolean value of Tensor with {self.array.size} values is ambiguous; "
                "use .any() or .all()"
            )
        return bool(self.array.item())

    def __float__(self) -> float:
        return float(self._one_number())

    def __int__(self) -> int:
        return int(self._one_number())

    def _one_number(self) -> Any:
        if self.array.size != 1:
            raise ValueError(
                "only one element tensors can be converted to Python scalars; got shape "
                f"{tuple(self.array.shape)}"
            )
        return self.array.item()

    def __index__(self) -> int:
        if self.array.dtype.kind not in "iub" or self.array.size != 1:
            raise TypeError(
                "only integer tensors of a single element can be converted to an index; "
                f"got {self.dtype} of shape {tuple(self.array.shape)}"
            )
        return int(self.array.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and not self.array.ndim else str(self)

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return format_tensor(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if self.grad_fn is not None:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
                f"protocol at the moment; this one came out of {self.grad_fn.name()}, "
                "so copy its .detach()"
            )
        if id(self) in memo:
            return memo[id(self)]
        return copied(self, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return reduced(self)


_new = object.__new__


def wrap(array: Any) -> Tensor:
    """A tensor around this array, without a copy and without a history."""
    made: Tensor = _new(Tensor)
    made.array = array if type(array) is np.ndarray else np.asarray(array)
    if mode.inference:
        made._inference = True
    return made


def replayed(value: Any, path: Path | None) -> Any:
    """What a path of views makes of a base: a Tensor, or an array that shares its memory."""
    steps = []
    while path is not None:
        path, step = path
        steps.append(step)
    for step in reversed(steps):
        value = step(value)
    return value


def _retain_on(tensor: Tensor, node: Node) -> None:
    """Have the node of a non-leaf add the gradient that passes to `tensor.grad`."""
    reference = weakref.ref(tensor)

    def keep(grad: Tensor) -> None:
        alive = reference()
        if alive is None:
            return
        if alive._grad is not None:
            alive._grad = alive._grad + grad
        else:
            alive._grad = grad.clone() if mode.grad else wrap(grad.array.copy())

    node.hooks_of_slot(tensor._slot)[RETAIN] = keep


RETAIN = -1
"""The key of the retaining hook, which runs after all hooks of a slot."""
