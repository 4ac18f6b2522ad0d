"""Parametrizations: a parameter that is computed from others each time it is asked for.

`register_parametrization(layer, "weight", symmetric)` has `layer.weight` be
`symmetric(original)`, where `original` is what is learned from then on.
"""

from __future__ import annotations

from typing import Any

from ...autograd.mode import no_grad
from ...tensor import Tensor
from ..containers import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Parameter

__all__ = [
    "ParametrizationList",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
]


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, in order, and the parameters they start from.

    These are `original`, or `original0`, `original1`, … where the first parametrization takes
    several.
    """

    def __init__(self, parametrization: Module, tensor: Tensor) -> None:
        super().__init__([parametrization])
        self.is_tensor = True
        starts: Any = tensor
        if hasattr(parametrization, "right_inverse"):
            with no_grad():
                starts = parametrization.right_inverse(tensor)
        trained = tensor.requires_grad
        if isinstance(starts, Tensor):
            self.original = Parameter(starts.detach(), requires_grad=trained)
        else:
            self.is_tensor = False
            self.count = len(starts)
            for number, start in enumerate(starts):
                value = Parameter(start.detach(), requires_grad=trained)
                self.register_parameter(f"original{number}", value)

    def originals(self) -> tuple[Tensor, ...]:
        """What is learned."""
        if self.is_tensor:
            return (self.original,)
        return tuple(getattr(self, f"original{number}") for number in range(self.count))

    def forward(self) -> Tensor:
        """The tensor that takes the parameter's place."""
        value = self[0](*self.originals())
        for parametrization in list(self)[1:]:
            value = parametrization(value)
        return value

    def set(self, value: Tensor) -> None:
        """Change what is learned so that the tensor becomes `value`."""
        with no_grad():
            starts: Any = value
            for parametrization in reversed(list(self)):
                if not hasattr(parametrization, "right_inverse"):
                    raise RuntimeError(
                        f"{type(parametrization).__name__} has no right_inverse, so the tensor it "
                        "computes cannot be assigned"
                    )
                starts = parametrization.right_inverse(starts)
            starts = (starts,) if isinstance(starts, Tensor) else starts
            for original, start in zip(self.originals(), starts):
                original.copy_(start)


def register_parametrization(
    module: Any, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Any:
    """Compute a parameter of `module` by `parametrization` from now on; returns the module.

    Args:
        module: whose parameter; its class becomes one that is called `Parametrized…`.
        tensor_name: the parameter.
        parametrization: a module of one tensor to another of the same shape. If it has a
            `right_inverse`, that gives what to start from; it may take several tensors.
        unsafe: shape and dtype may change; it is not tried whether they do.

    Raises:
        ValueError: there is no such parameter, or its shape or dtype would change.
    """
    if is_parametrized(module, tensor_name):
        module.parametrizations[tensor_name].append(parametrization)
        return module
    tensor = module._parameters.get(tensor_name)
    if tensor is None:
        raise ValueError(f"{type(module).__name__} does not have a parameter {tensor_name!r}")
    computed = ParametrizationList(parametrization, tensor)
    if not unsafe:
        with no_grad():
            value = computed()
        if (value.shape, value.dtype) != (tensor.shape, tensor.dtype):
            raise ValueError(
                "Registering a parametrization may not change the shape or dtype of the tensor: "
                f"{tensor.shape} {tensor.dtype} would become {value.shape} {value.dtype}; "
                "unsafe=True allows it"
            )
    if not is_parametrized(module):
        module.__class__ = _parametrized(type(module), ())
        module.parametrizations = ModuleDict()
    delattr(module, tensor_name)
    module.parametrizations[tensor_name] = computed
    setattr(type(module), tensor_name, _computed(tensor_name))
    return module


def _parametrized(plain: type, names: tuple[str, ...]) -> type:
    """A class of its own for one module, since the computed parameters are properties."""

    def reduce(module: Any, protocol: Any) -> tuple[Any, ...]:
        return _rebuild, (plain, tuple(module.parametrizations)), module.__dict__

    body = {"_plain": plain, "__reduce_ex__": reduce, **{name: _computed(name) for name in names}}
    return type(f"Parametrized{plain.__name__}", (plain,), body)


def _rebuild(plain: type, names: tuple[str, ...]) -> Any:
    """What a copied or unpickled module starts from."""
    kind: Any = _parametrized(plain, names)
    return kind.__new__(kind)


def _computed(name: str) -> property:
    def get(module: Any) -> Tensor:
        return module.parametrizations[name]()

    def assign(module: Any, value: Tensor) -> None:
        module.parametrizations[name].set(value)

    return property(get, assign)


def is_parametrized(module: Any, tensor_name: str | None = None) -> bool:
    """Whether the module, or this parameter of it, is computed by a parametrization."""
    found = module._modules.get("parametrizations")
    if found is None:
        return False
    return tensor_name is None or tensor_name in found


def remove_parametrizations(module: Any, tensor_name: str, leave_parametrized: bool = True) -> Any:
    """Make the parameter an ordinary one again; returns the module.

    Args:
        module: whose parameter.
        tensor_name: the parameter.
        leave_parametrized: whether to keep the computed value; else the original.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"{type(module).__name__} has no parametrization on {tensor_name!r}")
    computed = module.parametrizations[tensor_name]
    if leave_parametrized:
        with no_grad():
            value = computed()
    elif computed.is_tensor:
        value = computed.original
    else:
        raise ValueError(
            "leave_parametrized=False needs a single original tensor; this parametrization "
            f"has {computed.count}"
        )
    trained = computed.originals()[0].requires_grad
    del module.parametrizations[tensor_name]
    delattr(type(module), tensor_name)
    if not len(module.parametrizations):
        module.__class__ = type(module)._plain
        del module.parametrizations
    module.register_parameter(tensor_name, Parameter(value.detach(), requires_grad=trained))
    return module
