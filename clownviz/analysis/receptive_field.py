"""The receptive field of a convolutional unit: which part of the input it can see.

A unit at place `i` sees the places `first(i)` to `last(i)` of the model's input, on each axis. A
layer whose unit `o` works on the units `a(o)` to `b(o)` of its input gives
`first'(o) = first(a(o))` and `last'(o) = last(b(o))`:

- a window of `k` places with stride `s`, padding `p` and dilation `d` (convolution, pooling):
  `a(o) = s·o − p` and `b(o) = a(o) + d(k − 1)`;
- a transposed convolution: `a(o) = ⌈(o + p − d(k − 1)) / s⌉` and `b(o) = ⌊(o + p) / s⌋`;
- upsampling by `f`: `a(o) = b(o) = ⌊o / f⌋`; bilinear looks at the two places around it;
- a mean over places, or a linear layer over flattened ones: the whole input.

Without upsampling this is the recurrence `size += d(k − 1)·stride`, `start −= p·stride`,
`stride *= s`. With it units differ, in a pattern that comes again; the size is that of the widest.
Where paths meet (`x + f(x)`, a concatenation) a unit sees what any of them sees. Statistics of
normalization layers are not counted, as is usual.

Araujo, Norris and Sim, *Computing Receptive Fields of Convolutional Neural Networks*, Distill,
2019, https://distill.pub/2019/computing-receptive-fields.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ..recording.nested import leaves
from ..recording.tape import Operation, Tape
from .fields import Axis, Field

__all__ = ["Field", "receptive_fields"]

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the numbers of one tensor depend on.

    Attributes:
        axes: the input's axes that still are axes here; two may share a dimension.
        spatial: whether a window has passed; before, every axis of the input may become one.
        whole: every number depends on the whole input.
    """

    axes: tuple[Axis, ...] = ()
    spatial: bool = False
    whole: bool = False

    def moved(self, place: Callable[[int], int | None]) -> _Seen:
        """The same axes on other dimensions; those without a place are dropped."""
        moved = ((axis, place(axis.dim)) for axis in self.axes)
        return replace(self, axes=tuple(replace(a, dim=d) for a, d in moved if d is not None))


_WHOLE = _Seen(spatial=True, whole=True)


@dataclass(frozen=True, slots=True)
class _Step:
    """One operation: what its first input has seen, the shapes that go in and the one that comes
    out."""

    operation: Operation
    seen: _Seen
    shapes: list[Shape]
    out: Shape

    @property
    def shape(self) -> Shape:
        return self.shapes[0]

    def setting(self, name: str) -> tuple[int, ...] | None:
        """The integers of a setting; None where it has none."""
        numbers = re.findall(r"-?\d+", self.operation.params.get(name, ""))
        return tuple(map(int, numbers)) if numbers else None

    def settings(self, name: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """A setting of a window on each axis; one number stands for all."""
        numbers = self.setting(name) or default
        return numbers * len(default) if len(numbers) == 1 else numbers

    def kernel(self, dims: int) -> Shape:
        """The size of a convolution's kernel, from its weight."""
        return self.shapes[1][-dims:] if len(self.shapes) > 1 else ()


Rule = Callable[[_Step], _Seen | None]


def receptive_fields(tape: Tape, step: int = 0) -> dict[str, Field]:
    """The field of each module's first output, for those that come after a convolution or pooling.

    A module is left out where the dataflow does something to the places of an image that has
    no rule here: a gap, never a wrong number.
    """
    if not any(_window_dims(operation.name) for operation in tape.operations):
        return {}
    calls = list(tape.forward_calls(step))
    seen: dict[int, _Seen] = {}
    for call in calls:
        if call.parent is None:
            for ref in leaves(call.inputs):
                seen[int(ref)] = _Seen(tuple(map(Axis, range(len(tape.values[ref].shape)))))
    indices = {call.index for call in calls}
    for operation in tape.operations:
        if operation.call in indices:
            _follow(tape, operation, seen)
    found: dict[str, Field] = {}
    for call in calls:
        first = next(leaves(call.outputs), None)
        state = seen.get(int(first)) if first is not None else None
        if state is not None and state.spatial and call.path not in found:
            found[call.path] = Field(
                tuple(axis.size for axis in state.axes),
                tuple(axis.stride for axis in state.axes),
                tuple(axis.first[0] for axis in state.axes),
            )
    return found


def _follow(tape: Tape, operation: Operation, seen: dict[int, _Seen]) -> None:
    known = [(seen[i], tape.values[i].shape) for i in operation.inputs if i in seen]
    if not known:
        return
    rule = _rule(operation.name.rstrip("_")) if operation.inputs[0] in seen else None
    shapes = [tape.values[i].shape for i in operation.inputs]
    for value in operation.outputs:
        shape = tape.values[value].shape
        if any(state.whole for state, _ in known):
            state: _Seen | None = _WHOLE
        elif rule is not None:
            state = rule(_Step(operation, known[0][0], shapes, shape))
        else:
            state = _join(known, shape)
        if state is not None and (state.axes or state.whole):
            seen[value] = state


def _join(known: Iterable[tuple[_Seen, Shape]], out: Shape) -> _Seen | None:
    """Paths that meet number by number: each unit sees what its unit of any path sees."""
    shifted = [
        (state.moved((len(out) - len(shape)).__add__), shape, len(out) - len(shape))
        for state, shape in known
    ]
    leading = next((state for state, _, _ in shifted if state.spatial), shifted[0][0])
    axes = list(leading.axes)
    dims = {axis.dim for axis in axes}
    for _, shape, shift in shifted:
        if any(dim < shift or shape[dim - shift] != out[dim] for dim in dims):
            return None
    for at, axis in enumerate(axes):
        for other in (other for state, _, _ in shifted for other in state.axes):
            joined = axis.union(other) if other.dim == axis.dim else axis
            if joined is None:
                return None
            axis = joined
        axes[at] = axis
    return _Seen(tuple(axes), leading.spatial)


# -- windows ---------------------------------------------------------------------------------


def _window_dims(name: str) -> int:
    """2 for `conv2d` and `max_pool2d`; 0 for what slides no window."""
    found = re.fullmatch(r"(conv|conv_transpose|\w*pool)([123])d\w*", name)
    return int(found[2]) if found and "adaptive" not in name else 0


def _slide(step: _Step) -> _Seen | None:
    """Convolution and pooling."""
    ones = (1,) * _window_dims(step.operation.name)
    is_pool = "pool" in step.operation.name
    kernel = step.settings("kernel_size", ones) if is_pool else step.kernel(len(ones))
    dilation = step.settings("dilation", ones)
    padding = step.settings("padding", tuple(0 for _ in ones))
    if "same" in step.operation.params.get("padding", ""):
        padding = tuple(d * (k - 1) // 2 for d, k in zip(dilation, kernel))
    stride = step.settings("stride", kernel if is_pool else ones)
    return _on_last(step, Axis.window, kernel, stride, padding, dilation)


def _spread(step: _Step) -> _Seen | None:
    """Transposed convolution."""
    ones = (1,) * _window_dims(step.operation.name)
    stride, dilation = step.settings("stride", ones), step.settings("dilation", ones)
    padding = step.settings("padding", tuple(0 for _ in ones))
    kernel = step.kernel(len(ones))
    return _on_last(step, Axis.transposed, kernel, stride, padding, dilation)


def _on_last(step: _Step, layer: Callable[..., Axis], *settings: tuple[int, ...]) -> _Seen | None:
    """A layer on the axes of the last dimensions, one on each; it mixes those before."""
    count = _window_dims(step.operation.name) or len(settings[0])
    if any(len(setting) != count for setting in settings):
        return None
    axes = []
    for at, setting in enumerate(zip(*settings), -count):
        there = [axis for axis in step.seen.axes if axis.dim == len(step.shape) + at]
        if len(there) != 1:
            return None
        axes.append(replace(layer(there[0], *setting), dim=len(step.out) + at))
    return _Seen(tuple(axes), spatial=True)


def _adapt(step: _Step) -> _Seen | None:
    """Adaptive pooling: windows of one size where the sizes divide, else nothing is said."""
    found = re.search(r"[123](?=d)", step.operation.name)
    dims = range(len(step.out) - int(found[0] if found else 2), len(step.out))
    if all(step.out[dim] == 1 for dim in dims):
        return _WHOLE
    if any(step.shape[dim] % step.out[dim] for dim in dims):
        return None
    kernel = tuple(step.shape[dim] // step.out[dim] for dim in dims)
    return _on_last(step, Axis.window, kernel, kernel)


# -- other sizes -----------------------------------------------------------------------------


def _resize(step: _Step) -> _Seen | None:
    """Upsampling, and the paddings that copy cells; both take cells of the input by index."""
    if len(step.shape) != len(step.out):
        return None
    name, mode = step.operation.name, step.operation.params.get("mode", "")
    blurred = name == "resample" or "linear" in mode
    axes = []
    for axis in step.seen.axes:
        before, after = step.shape[axis.dim], step.out[axis.dim]
        if name == "take_cells" and before < after < 2 * before:
            axes.append(axis.shifted((after - before) // 2))
        elif before != after:
            axes.append(axis.resized(before, after, blurred=blurred))
        else:
            axes.append(axis)
    return replace(step.seen, axes=tuple(axes))


def _pad(step: _Step) -> _Seen | None:
    pads = step.setting("pad")
    if pads is None or len(step.shape) != len(step.out):
        return None
    front = dict(zip(range(len(step.out) - 1, -1, -1), pads[::2]))
    axes = tuple(axis.shifted(front.get(axis.dim, 0)) for axis in step.seen.axes)
    return replace(step.seen, axes=axes)


def _reduce(step: _Step) -> _Seen:
    """A mean, a sum, a maximum: over places it sees the whole input."""
    size = len(step.shape)
    gone = {dim % size for dim in step.setting("dim") or range(size)}
    if len(step.out) == size:
        return _contract(step.seen, gone, lambda dim: dim)
    return _contract(step.seen, gone, lambda dim: dim - sum(other < dim for other in gone))


def _contract(seen: _Seen, gone: set[int], place: Callable[[int], int]) -> _Seen:
    if seen.spatial and any(axis.dim in gone for axis in seen.axes):
        return _WHOLE
    return seen.moved(lambda dim: None if dim in gone else place(dim))


def _linear(step: _Step) -> _Seen:
    return _contract(step.seen, {len(step.shape) - 1}, lambda dim: dim)


def _mix(step: _Step) -> _Seen | None:
    """Attention, recurrence, products of what comes from the input: all places are mixed."""
    return _WHOLE if step.seen.spatial else None


# -- other shapes ----------------------------------------------------------------------------


def _permute(step: _Step) -> _Seen | None:
    size = len(step.shape)
    order = list(range(size))
    if step.operation.name == "permute":
        order = [dim % size for dim in step.setting("dims") or ()]
    else:
        pair = (*(step.setting("dim0") or ()), *(step.setting("dim1") or ()))
        if len(pair) != 2:
            return None
        order[pair[0]], order[pair[1]] = order[pair[1]], order[pair[0]]
    return step.seen.moved(order.index) if len(order) == size else None


def _reshape(step: _Step) -> _Seen | None:
    """Dimensions that are joined share one; places that are split up are lost.

    Places whose neighbours come out of channels (pixel shuffle) stand closer together.
    """
    shape, out = step.shape, step.out
    axes: list[Axis] = []
    for old, new in _groups(shape, out):
        here = [axis for axis in step.seen.axes if axis.dim in old]
        long = [dim for dim in new if out[dim] > 1] or new[:1]
        if not here or (len(long) != 1 and not step.seen.spatial):
            continue
        if len(long) != 1:
            return None
        slowest = next((dim for dim in old if shape[dim] > 1), old[0])
        if all(axis.dim == slowest for axis in here):
            here = [axis.resized(shape[slowest], out[long[0]]) for axis in here]
        axes += [replace(axis, dim=long[0]) for axis in here]
    return replace(step.seen, axes=tuple(axes))


def _groups(old: Shape, new: Shape) -> list[tuple[list[int], list[int]]]:
    """The smallest groups of neighbouring dimensions that a reshape joins and splits.

    >>> _groups((2, 3, 4, 5), (2, 3, 20))
    [([0], [0]), ([1], [1]), ([2, 3], [2])]
    """
    if math.prod(old) != math.prod(new) or 0 in old:
        return []
    groups: list[tuple[list[int], list[int]]] = []
    a = b = 0
    while a < len(old) and b < len(new):
        begin = (a, b)
        size, other = old[a], new[b]
        a, b = a + 1, b + 1
        while size != other:
            if size < other:
                size, a = size * old[a], a + 1
            else:
                other, b = other * new[b], b + 1
        groups.append((list(range(begin[0], a)), list(range(begin[1], b))))
    if groups:
        groups[-1][0].extend(range(a, len(old)))
        groups[-1][1].extend(range(b, len(new)))
    return groups


def _take(step: _Step) -> _Seen | None:
    """A part of a tensor: followed where no places are left out."""
    shape, out = step.shape, step.out
    if len(shape) != len(out) or not step.seen.spatial:
        return None
    return step.seen if all(shape[axis.dim] == out[axis.dim] for axis in step.seen.axes) else None


# -- which rule ------------------------------------------------------------------------------

_FAMILIES: tuple[tuple[str, Rule], ...] = (
    ("take_cells resample interpolate upsample upsample_nearest upsample_bilinear", _resize),
    ("constant_pad_nd pad", _pad),
    ("mean sum amax amin max min prod std var norm logsumexp nanmean nansum", _reduce),
    ("linear", _linear),
    (
        "matmul bmm mm einsum scaled_dot_product_attention multi_head_attention_forward "
        "lstm gru rnn_tanh rnn_relu cumsum cumprod",
        _mix,
    ),
    ("permute transpose swapaxes swapdims", _permute),
    ("reshape view flatten unflatten squeeze unsqueeze", _reshape),
    ("getitem __getitem__ chunk split split_with_sizes narrow tensor_split slice", _take),
    ("embedding", lambda step: step.seen),
)
_RULES = {name: rule for names, rule in _FAMILIES for name in names.split()}


def _rule(name: str) -> Rule | None:
    if name.startswith("conv_transpose"):
        return _spread
    if name.startswith("adaptive"):
        return _adapt
    return _slide if _window_dims(name) else _RULES.get(name)
