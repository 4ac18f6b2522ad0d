"""How capture sees clownpiece: through its public names, as any user would."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from operator import attrgetter
from typing import Any

import numpy as np

import clownpiece
from clownpiece import Tensor, nn
from clownpiece.autograd import is_grad_enabled, is_walking_back, no_grad, observe_ops
from clownpiece.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from .backend import Enter, Leave, OpFacts, OpHook, StepHook, register
from .module_backend import ModuleBackend

__all__ = ["ClownpieceBackend"]


class ClownpieceBackend(ModuleBackend):
    """The `Backend` of models made of `clownpiece.nn.Module`."""

    module = nn.Module
    parameter = nn.Parameter
    machinery = (
        "clownpiece.ops",
        "clownpiece.autograd",
        "clownpiece.tensor",
        "clownpiece.binding",
        "clownviz.recording",
    )
    module_call = ("clownpiece.nn.module", "clownpiece.nn.hooks", "clownpiece.nn.observe")

    # -- tensors -----------------------------------------------------------------------------

    tensor = Tensor
    # Asked for every tensor that passes: an attrgetter takes half the time of a method.
    array = staticmethod(attrgetter("array"))  # type: ignore[assignment]
    identity = staticmethod(attrgetter("array"))  # type: ignore[assignment]
    version = staticmethod(attrgetter("_changes"))  # type: ignore[assignment]
    base = staticmethod(attrgetter("_base"))  # type: ignore[assignment]

    def facts(self, tensor: Any) -> tuple[tuple[int, ...], str, int, bool]:
        array = tensor.array
        return array.shape, _dtype_name(array.dtype), array.nbytes, tensor.requires_grad

    def set_array(self, tensor: Any, array: np.ndarray) -> None:
        with no_grad():
            np.copyto(tensor.numpy(force=True), array)

    # -- what happens ------------------------------------------------------------------------

    def observe_calls(
        self, modules: Iterable[Any], enter: Enter, leave: Leave
    ) -> AbstractContextManager[Any]:
        return nn.observe_calls(enter, leave)

    def observe_ops(self, hook: OpHook) -> AbstractContextManager[Any]:
        return observe_ops(hook)

    def is_grad_enabled(self) -> bool:
        return is_grad_enabled()

    def is_walking_back(self) -> bool:
        return is_walking_back()

    def op_name(self, op: Any) -> str:
        return str(op.name)

    def op_facts(
        self, op: Any, inputs: Sequence[Any], params: Mapping[str, Any], outputs: Sequence[Any]
    ) -> OpFacts:
        given = {name: value for name, value in params.items() if name != "inplace"}
        flops = op.flops_of(inputs, given, outputs)
        if not op.variadic:
            # A number that stands where a tensor could (`x * 2`) is a parameter to a reader.
            numbers = {
                name: value for name, value in zip(op.inputs, inputs) if type(value) in (int, float)
            }
            given = {**numbers, **given}
        return OpFacts(op.name, op.latex, flops, given)

    @contextmanager
    def observe_steps(self, before: StepHook, after: StepHook) -> Iterator[None]:
        with (
            register_optimizer_step_pre_hook(before),
            register_optimizer_step_post_hook(after),
        ):
            yield

    # -- a run without a trace ---------------------------------------------------------------

    generator = clownpiece.Generator

    @contextmanager
    def random_state(self) -> Iterator[None]:
        state = clownpiece.default_generator.get_state()
        try:
            yield
        finally:
            clownpiece.default_generator.set_state(state)

    def backward(self, output: Any, loss: Callable[[Any], Any] | None) -> None:
        if loss is not None:
            loss(output).backward()
            return
        tensors = self.roots(output)
        clownpiece.autograd.backward(tensors, [clownpiece.ones_like(t) for t in tensors])


@lru_cache(maxsize=64)
def _dtype_name(dtype: np.dtype) -> str:
    # NumPy computes the name anew each time, which takes longer than a small operation.
    return dtype.name


register(ClownpieceBackend())
