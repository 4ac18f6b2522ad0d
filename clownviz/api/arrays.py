"""Numbers as pictures: `array`, `feature_maps`, `attention`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..analysis.tensors import tensor_of
from ..recording.backend import array_of
from ..recording.keywords import keywords
from ..recording.tape import Tape
from ..views.array import ArrayView, role_limits
from ..views.attention import Attention
from ..views.feature_maps import FeatureMaps
from .shown import Figured
from .tapes import tape_of

__all__ = ["array", "attention", "feature_maps"]


def array(
    source: Any,
    *inputs: Any,
    path: str | None = None,
    of: str = "output",
    title: str = "array",
    role: str = "activation",
    scale: str = "array",
    limit: float | None = None,
    kwargs: dict[str, Any] | None = None,
    loss: Callable[[Any], Any] | None = None,
    **named: Any,
) -> Figured:
    """Any array as a picture: maps, a heatmap or bars, what is clipped or no number marked.

    Args:
        source: an array or a tensor; or a model (with inputs) or a tape, and `path`.
        inputs: what the model is called with.
        path: the module whose tensor to show.
        of: "output", "input", "gradient", or a parameter: "weight", "weight.gradient".
        title: the heading of an array.
        role: "activation", "weight" or "gradient": the hue of an array's heading.
        scale: "unit", "array" or "model": where colours end.
        limit: where colours end, as a number.
        named, kwargs: what it is called with by name; `kwargs` holds names that are options here.
        loss: what gradients come from, given the model's output.

    >>> import numpy as np, clownviz
    >>> clownviz.array(np.eye(3))
    Tensor(3, 3) float64 x∈[0, 1] μ=0.333 σ=0.471 |█▁▁▁▁▅|
    """
    kwargs = keywords(array, inputs, kwargs, named, source)
    options: dict[str, Any] = {"scale": scale, "limit": limit}
    given = array_of(source)
    if given is None and isinstance(source, (list, tuple, int, float)):
        given = np.asarray(source)
    if given is not None:
        return Figured(ArrayView(given, title=title, role=role, **options))
    if path is None:
        raise TypeError(
            f"array(…) got {type(source).__name__}: expected an array or a tensor, or a model or a "
            'tape together with path="…"'
        )
    tape = tape_of(source, inputs, kwargs, keep="sample", **_gradients(source, of, loss))
    found = tensor_of(tape, path, of)
    return Figured(
        ArrayView(
            found.array,
            title=found.title,
            role=found.role,
            image=found.image,
            shape=found.value.shape,
            part=found.part,
            stats=found.value.stats,
            model_limit=role_limits(tape)[found.role],
            **options,
        )
    )


def feature_maps(
    model: Any,
    *inputs: Any,
    path: str,
    of: str = "output",
    example: int = 0,
    order: str = "index",
    scale: str = "array",
    most: int = 64,
    kwargs: dict[str, Any] | None = None,
    loss: Callable[[Any], Any] | None = None,
    **named: Any,
) -> Figured:
    """The channels of a module's output, or the kernels of a convolution, side by side.

    Args:
        model: a Module, or the tape of a run.
        inputs: what the model is called with.
        path: the module.
        of: "output", "input", "gradient", "weight".
        example: which of the batch.
        order: "index", or the strongest first by "mean", "std" or "max".
        scale: "array" for one scale, "unit" for one a map.
        most: the most maps to draw.
        named, kwargs: what it is called with by name; `kwargs` holds names that are options here.
        loss: what gradients come from, given the model's output.
    """
    kwargs = keywords(feature_maps, inputs, kwargs, named, model)
    tape = tape_of(model, inputs, kwargs, keep="full", **_gradients(model, of, loss))
    found = tensor_of(tape, path, of)
    return Figured(FeatureMaps(found, example=example, order=order, scale=scale, most=most))


def attention(
    model: Any,
    *inputs: Any,
    layer: int | str | None = None,
    head: int | None = None,
    tokens: Sequence[Any] | None = None,
    example: int = 0,
    step: int = 0,
    kwargs: dict[str, Any] | None = None,
    **named: Any,
) -> Figured:
    """Who looks at whom: all heads of a model, or one of them with its tokens.

    Args:
        model: a Module, or the tape of a run.
        inputs: what the model is called with.
        layer: one layer, by its number or its path.
        head: one head of it, by its number.
        tokens: a text for each position.
        example: which of the batch.
        step: which run of the model, where a tape has several.
        named, kwargs: what it is called with by name; `kwargs` holds names that are options here.
    """
    kwargs = keywords(attention, inputs, kwargs, named, model)
    keep = "full" if example else "sample"
    tape = tape_of(model, inputs, kwargs, keep=keep)
    made = Attention(tape, layer=layer, head=head, tokens=tokens, example=example, step=step)
    return Figured(made)


def _gradients(source: Any, of: str, loss: Callable[[Any], Any] | None) -> dict[str, Any]:
    """What a run must do beyond the forward; nothing for a tape, whose run is over."""
    if isinstance(source, Tape):
        return {} if loss is None else {"loss": loss}
    return {"gradients": "gradient" in of, "loss": loss}
