"""Activations: functions of one number, most of them bent at zero.

Where a function has a corner, its slope there is the one PyTorch takes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..kernels import activation as kernel
from .arithmetic import abs
from .composition import composition
from .dims import axis_of
from .elementwise import elementwise
from .exponential import exp
from .samples import S, floats
from .selection import keep
from .special import erf
from .trigonometry import tanh

__all__ = [
    "celu",
    "elu",
    "gelu",
    "glu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leak",
    "leaky_relu",
    "logsigmoid",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softplus",
    "softshrink",
    "softsign",
    "tanhshrink",
    "threshold",
]


def _sigmoid(x: Any) -> Any:
    with np.errstate(over="ignore"):
        y = np.exp(np.negative(x))
    y += 1
    return np.reciprocal(y, out=y) if isinstance(y, np.ndarray) else 1 / y


sigmoid = elementwise(
    "sigmoid",
    _sigmoid,
    promote="float",
    grad={"x": lambda g, y: g * (y * (1 - y))},
    latex=r"\frac{1}{1 + e^{-x}}",
    doc="The logistic function: any number to between 0 and 1.",
    flops=lambda y_shape: 4 * math.prod(y_shape),
    samples=[S((3, 4)), S(())],
)


def _logsigmoid(x: Any) -> Any:
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))


logsigmoid = elementwise(
    "logsigmoid",
    _logsigmoid,
    grad={"x": lambda g, x: g * sigmoid(-x)},
    latex=r"\ln \frac{1}{1 + e^{-x}}",
    doc="The logarithm of the sigmoid, accurate also where the sigmoid is nearly 0.",
    flops=lambda y_shape: 5 * math.prod(y_shape),
    samples=[S((3, 4))],
    torch="nn.functional.logsigmoid",
    expose="functional",
    inplace=False,
)

relu = elementwise(
    "relu",
    lambda x: np.maximum(x, 0),
    grad={"x": lambda g, y: keep(g, y > 0)},
    refuses="b",
    latex=r"\max(0, x)",
    doc="""The positive part: `x` where it is positive, zero elsewhere.

    >>> import clownpiece as cp
    >>> cp.tensor([-1.0, 2.0]).relu()
    tensor([0., 2.])
    """,
    samples=[S((3, 4)), S(())],
)

relu6 = elementwise(
    "relu6",
    lambda x: np.clip(x, 0, 6),
    grad={"x": lambda g, x: keep(g, (x > 0) & (x < 6))},
    refuses="b",
    latex=r"\min(\max(0, x), 6)",
    doc="The positive part, at most 6 (Howard et al. 2017).",
    flops=lambda y_shape: 2 * math.prod(y_shape),
    samples=[S((3, 4)), S(floats((3, 4), -8, 12))],
    torch="nn.functional.relu6",
    expose="functional",
)


def _leak(x: Any, slope: Any) -> Any:
    y = np.minimum(x, 0) * slope
    y += np.maximum(x, 0)
    return y


leak = elementwise(
    "leak",
    _leak,
    inputs="x slope",
    grad={
        "x": lambda g, x, slope: keep(g, x > 0) + slope * keep(g, x <= 0),
        "slope": lambda g, x: g * keep(x, x <= 0),
    },
    latex=r"\max(0, x) + slope \min(0, x)",
    doc="`x` where it is positive, elsewhere `x` times a slope of its own.",
    flops=lambda y_shape: 2 * math.prod(y_shape),
    samples=[S((3, 4), (3, 4)), S((3, 4), (4,))],
    torch="",
    expose="",
    inplace=False,
)


def _leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    # Between 0 and 1 the larger of both lines is the function, and one pass less.
    if 0 <= negative_slope <= 1:
        return np.maximum(x, x * negative_slope)
    return _leak(x, negative_slope)


leaky_relu = elementwise(
    "leaky_relu",
    _leaky_relu,
    grad={
        "x": lambda g, x, negative_slope: keep(g, x > 0) + negative_slope * keep(g, x <= 0),
    },
    latex=r"\max(0, x) + negative\_slope \min(0, x)",
    doc="`x` where it is positive, elsewhere `negative_slope` times `x` (Maas et al. 2013).",
    flops=lambda y_shape: 2 * math.prod(y_shape),
    samples=[S((3, 4)), S((3, 4), negative_slope=1.5)],
    torch="nn.functional.leaky_relu",
    expose="functional",
)


def _prelu(x: Any, weight: Any) -> Any:
    channels = x.shape[1] if x.ndim > 1 else 1
    if weight.ndim > 1 or math.prod(weight.shape) not in (1, channels):
        raise RuntimeError(
            f"prelu: weight has shape {tuple(weight.shape)}; it holds one slope for all channels, "
            f"or one for each of the {channels} channels (dimension 1) of x {tuple(x.shape)}"
        )
    if x.dtype != weight.dtype:
        raise RuntimeError(
            f"prelu: Type promoting not supported: x is {x.dtype} and weight {weight.dtype}; "
            "convert one of them with .to()"
        )
    if x.ndim < 2:
        return leak(x, weight.reshape(()) if x.ndim == 0 else weight)
    return leak(x, weight.reshape((-1,) + (1,) * (x.ndim - 2)))


prelu = composition(
    "prelu",
    _prelu,
    inputs="x weight",
    alike="x weight",
    latex=r"\max(0, x) + weight \min(0, x)",
    doc="""`x` where it is positive, elsewhere `x` times a learned slope (He et al. 2015).

    `weight` holds one slope, or one for each channel (dimension 1).
    """,
    flops=lambda y_shape: 2 * math.prod(y_shape),
    samples=[S((3, 4, 2), (4,)), S((3, 4), (1,))],
)


def _exponential_slope(g: Any, x: Any, at_zero: float, rate: float = 1.0) -> Any:
    """`g` where x is positive, elsewhere times at_zero · exp(rate · x)."""
    below = x <= 0
    return keep(g, x > 0) + keep(g * (at_zero * exp(rate * keep(x, below))), below)


def _elu(x: Any, alpha: float = 1.0) -> Any:
    y = np.expm1(np.minimum(x, 0))
    y *= alpha
    y += np.maximum(x, 0)
    return y


elu = elementwise(
    "elu",
    _elu,
    grad={"x": lambda g, x, alpha: _exponential_slope(g, x, alpha)},
    latex=r"\max(0, x) + alpha \, (e^{\min(0, x)} - 1)",
    doc="`x` where it is positive, elsewhere `alpha (exp(x) - 1)` (Clevert et al. 2016).",
    flops=lambda y_shape: 3 * math.prod(y_shape),
    samples=[S((3, 4)), S((3, 4), alpha=0.5)],
    torch="nn.functional.elu",
    expose="functional",
)


def _celu(x: Any, alpha: float = 1.0) -> Any:
    if alpha == 0:
        raise RuntimeError("celu: alpha is 0, which x is divided by; give another number")
    y = np.expm1(np.minimum(x, 0) / alpha)
    y *= alpha
    y += np.maximum(x, 0)
    return y


celu = elementwise(
    "celu",
    _celu,
    grad={"x": lambda g, x, alpha: _exponential_slope(g, x, 1.0, 1 / alpha)},
    latex=r"\max(0, x) + alpha \, (e^{\min(0, x) / alpha} - 1)",
    doc="As `elu`, but smooth at zero for every `alpha` (Barron 2017).",
    flops=lambda y_shape: 4 * math.prod(y_shape),
    samples=[S((3, 4)), S((3, 4), alpha=0.5)],
)

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946

selu = elementwise(
    "selu",
    lambda x: _elu(x, SELU_ALPHA) * SELU_SCALE,
    grad={"x": lambda g, x: _exponential_slope(g * SELU_SCALE, x, SELU_ALPHA)},
    latex=r"\lambda (\max(0, x) + \alpha (e^{\min(0, x)} - 1))",
    doc="""`elu` scaled so that activations keep mean 0 and variance 1 (Klambauer et al. 2017).

    λ = 1.0507…, α = 1.6733….
    """,
    flops=lambda y_shape: 4 * math.prod(y_shape),
    samples=[S((3, 4))],
)


def _gelu(x: Any, approximate: str = "none") -> Any:
    return kernel.gelu(x, _is_tanh(approximate))


def _is_tanh(approximate: str) -> bool:
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"gelu: approximate is {approximate!r}; give 'none' or 'tanh'")
    return approximate == "tanh"


def _gelu_in_ops(x: Any, approximate: str = "none") -> Any:
    if _is_tanh(approximate):
        return 0.5 * x * (1 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))))
    return 0.5 * x * (1 + erf(x * math.sqrt(0.5)))


gelu = elementwise(
    "gelu",
    _gelu,
    grad={
        "x": lambda g, x, approximate: kernel.gelu_backward(g, x, approximate == "tanh"),
    },
    composed=_gelu_in_ops,
    latex=r"x \, \Phi(x)",
    doc="""`x` times the normal distribution function of it (Hendrycks and Gimpel 2016).

    `approximate="tanh"` is the paper's formula with a tanh in place of the error function.
    """,
    flops=lambda y_shape: 10 * math.prod(y_shape),
    samples=[S((3, 4)), S((3, 4), approximate="tanh")],
    torch="nn.functional.gelu",
    expose="functional",
    inplace=False,
)


def _silu_slope(g: Any, x: Any) -> Any:
    s = sigmoid(x)
    return g * (s * (1 + x * (1 - s)))


silu = elementwise(
    "silu",
    lambda x: x * _sigmoid(x),
    grad={"x": _silu_slope},
    latex=r"\frac{x}{1 + e^{-x}}",
    doc="`x` times its sigmoid, also called swish (Elfwing et al. 2017).",
    flops=lambda y_shape: 5 * math.prod(y_shape),
    samples=[S((3, 4))],
    torch="nn.functional.silu",
    expose="functional",
)


def _softplus(x: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    scaled = x * beta
    y = np.log1p(np.exp(-np.abs(scaled)))
    y += np.maximum(scaled, 0)
    y = np.asarray(y / beta)
    np.copyto(y, x, where=scaled > threshold)
    return y


def _softplus_slope(g: Any, x: Any, beta: float, threshold: float) -> Any:
    linear = x * beta > threshold
    return keep(g, linear) + keep(g * sigmoid(x * beta), ~linear)


softplus = elementwise(
    "softplus",
    _softplus,
    grad={"x": _softplus_slope},
    latex=r"\frac{1}{beta} \ln(1 + e^{beta \, x})",
    doc="A smooth `relu`; taken as `x` itself where `beta x` exceeds `threshold`.",
    flops=lambda y_shape: 6 * math.prod(y_shape),
    samples=[S((3, 4)), S((3, 4), beta=2.0, threshold=0.5)],
    torch="nn.functional.softplus",
    expose="functional",
    inplace=False,
)


def _mish_slope(g: Any, x: Any) -> Any:
    t = tanh(softplus(x))
    return g * (t + x * sigmoid(x) * (1 - t * t))


mish = elementwise(
    "mish",
    lambda x: x * np.tanh(_softplus(x)),
    grad={"x": _mish_slope},
    latex=r"x \tanh(\ln(1 + e^x))",
    doc="`x` times the tanh of its softplus (Misra 2019).",
    flops=lambda y_shape: 8 * math.prod(y_shape),
    samples=[S((3, 4))],
    torch="nn.functional.mish",
    expose="functional",
)

softsign = elementwise(
    "softsign",
    lambda x: x / (1 + np.abs(x)),
    promote="float",
    grad={"x": lambda g, x: g / ((1 + abs(x)) * (1 + abs(x)))},
    latex=r"\frac{x}{1 + |x|}",
    doc="`x` over one plus its size: between -1 and 1, approached slowly.",
    flops=lambda y_shape: 3 * math.prod(y_shape),
    samples=[S((3, 4))],
    torch="nn.functional.softsign",
    expose="functional",
    inplace=False,
)

tanhshrink = elementwise(
    "tanhshrink",
    lambda x: x - np.tanh(x),
    grad={"x": lambda g, x: g * (tanh(x) * tanh(x))},
    latex=r"x - \tanh(x)",
    doc="What the tanh takes away from `x`.",
    flops=lambda y_shape: 2 * math.prod(y_shape),
    samples=[S((3, 4))],
    torch="nn.functional.tanhshrink",
    expose="functional",
    inplace=False,
)


def _hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val {min_val} is larger than max_val {max_val}")
    return np.clip(x, min_val, max_val)


hardtanh = elementwise(
    "hardtanh",
    _hardtanh,
    grad={"x": lambda g, x, min_val, max_val: keep(g, (x > min_val) & (x < max_val))},
    refuses="b",
    latex=r"\min(\max(min\_val, x), max\_val)",
    doc="`x` limited to between `min_val` and `max_val`.",
    flops=lambda y_shape: 2 * math.prod(y_shape),
    samples=[S((3, 4)), S((3, 4), min_val=-0.5, max_val=2.0)],
    torch="nn.functional.hardtanh",
    expose="functional",
)

hardsigmoid = elementwise(
    "hardsigmoid",
    lambda x: np.clip(x / 6 + 0.5, 0, 1),
    grad={"x": lambda g, x: keep(g / 6, (x > -3) & (x < 3))},
    latex=r"\min(\max(0, x / 6 + 1/2), 1)",
    doc="A sigmoid of three straight pieces (Courbariaux et al. 2015).",
    flops=lambda y_shape: 4 * math.prod(y_shape),
    samples=[S((3, 4)), S(floats((3, 4), -6, 6))],
    torch="nn.functional.hardsigmoid",
    expose="functional",
)

hardswish = elementwise(
    "hardswish",
    lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    grad={
        "x": lambda g, x: keep(g, x >= 3) + keep(g * (x / 3 + 0.5), (x > -3) & (x < 3)),
    },
    latex=r"x \min(\max(0, x / 6 + 1/2), 1)",
    doc="`silu` with the sigmoid of three straight pieces (Howard et al. 2019).",
    flops=lambda y_shape: 5 * math.prod(y_shape),
    samples=[S((3, 4)), S(floats((3, 4), -6, 6))],
    torch="nn.functional.hardswish",
    expose="functional",
)

hardshrink = elementwise(
    "hardshrink",
    lambda x, lambd=0.5: x * (np.abs(x) > lambd),
    grad={"x": lambda g, x, lambd: keep(g, abs(x) > lambd)},
    latex=r"x \, [\,|x| > lambd\,]",
    doc="`x` where its size exceeds `lambd`, zero elsewhere.",
    samples=[S((3, 4)), S((3, 4), lambd=1.0)],
    inplace=False,
)


def _softshrink(x: Any, lambd: float = 0.5) -> Any:
    if lambd < 0:
        raise RuntimeError(f"softshrink: lambd is {lambd}; it must be 0 or more")
    return x - np.clip(x, -lambd, lambd)


softshrink = elementwise(
    "softshrink",
    _softshrink,
    grad={"x": lambda g, x, lambd: keep(g, abs(x) > lambd)},
    latex=r"\mathrm{sign}(x) \max(0, |x| - lambd)",
    doc="`x` moved towards zero by `lambd`, and no further.",
    flops=lambda y_shape: 3 * math.prod(y_shape),
    samples=[S((3, 4)), S((3, 4), lambd=1.0)],
    torch="nn.functional.softshrink",
    expose="functional",
    inplace=False,
)


def _threshold(x: Any, threshold: float, value: float) -> Any:
    y = x.copy()
    if y.dtype.kind == "i":  # As in PyTorch both numbers become whole first.
        threshold, value = int(threshold), int(value)
    np.copyto(y, value, where=~(x > threshold), casting="same_kind")
    return y


threshold = elementwise(
    "threshold",
    _threshold,
    grad={"x": lambda g, x, threshold: keep(g, x > threshold)},
    latex=r"x \text{ if } x > threshold \text{ else } value",
    doc="`x` where it exceeds `threshold`, elsewhere `value`.",
    samples=[S((3, 4), threshold=0.1, value=-2.0)],
)


def _halves(x: Any, dim: int) -> tuple[Any, Any]:
    size = x.shape[axis_of(dim, x.ndim)]
    if size % 2:
        raise RuntimeError(
            f"glu: dimension {dim} is cut into halves and must be even; x has shape "
            f"{tuple(x.shape)}, with {size} there"
        )
    before = (slice(None),) * (dim % x.ndim)
    return x[(*before, slice(None, size // 2))], x[(*before, slice(size // 2, None))]


def _glu(x: Any, dim: int = -1) -> Any:
    if x.ndim == 0:
        raise RuntimeError("glu: x has no dimensions, so that there is nothing to cut into halves")
    values, gates = _halves(x, dim)
    return values * sigmoid(gates)


glu = composition(
    "glu",
    _glu,
    latex=r"a \, \sigma(b) \quad (a, b) = x",
    doc="""The first half of `x` along `dim` times the sigmoid of the second (Dauphin et al. 2017).

    >>> import clownpiece as cp
    >>> from clownpiece.nn import functional as F
    >>> F.glu(cp.tensor([[1.0, 2.0, 0.0, 0.0]]))
    tensor([[0.5000, 1.0000]])
    """,
    flops=lambda y_shape: 5 * math.prod(y_shape),
    samples=[S((3, 4)), S((4, 3), dim=0)],
    torch="nn.functional.glu",
    expose="functional",
)
