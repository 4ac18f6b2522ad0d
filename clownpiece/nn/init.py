"""First values of parameters. Every function fills its tensor in place and returns it.

A weight of shape (out, in, *kernel) has fan_in = in · |kernel| and fan_out = out · |kernel|:
how many values go into a unit, and how many units a value goes to. Xavier and Kaiming
choose the variance from them so that signals keep their size from layer to layer.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
from scipy.special import ndtr, ndtri

from ..random import Generator, default_generator
from ..tensor import Tensor

__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

GAINS = {
    **dict.fromkeys(("linear", "conv1d", "conv2d", "conv3d", "sigmoid"), 1.0),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), 1.0),
    "tanh": 5.0 / 3,
    "relu": math.sqrt(2.0),
    "selu": 3.0 / 4,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """How much the weights before a nonlinearity are to be enlarged.

    | nonlinearity | gain |
    |---|---|
    | linear, conv, sigmoid | 1 |
    | tanh | 5/3 |
    | relu | √2 |
    | leaky_relu with slope s = `param`, .01 by default | √(2 / (1 + s²)) |
    | selu | 3/4 |

    >>> round(calculate_gain("leaky_relu", 0.2), 4)
    1.3868
    """
    if nonlinearity == "leaky_relu":
        if isinstance(param, bool) or not isinstance(param, (int, float, type(None))):
            raise ValueError(f"negative_slope {param!r} not a valid number")
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in GAINS:
        known = ", ".join([*GAINS, "leaky_relu"])
        raise ValueError(f"Unsupported nonlinearity {nonlinearity!r}; there is a gain for {known}")
    return GAINS[nonlinearity]


def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Draw each value from the uniform distribution U(a, b)."""
    if a > b:
        raise RuntimeError(f"uniform_ draws from [a, b] with a ≤ b; got a = {a}, b = {b}")
    return _fill(tensor, _draw(tensor, "random", generator) * (b - a) + a)


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Draw each value from the normal distribution N(mean, std²)."""
    if std < 0:
        raise RuntimeError(f"normal_ expects std >= 0.0, but found std {std}")
    return _fill(tensor, _draw(tensor, "standard_normal", generator) * std + mean)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Draw from N(mean, std²) cut off outside of [a, b].

    A uniform number between Φ((a - mean)/std) and Φ((b - mean)/std) goes through Φ⁻¹.
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_; "
            "the distribution of values may be incorrect.",
            stacklevel=2,
        )
    low, high = ndtr((a - mean) / std), ndtr((b - mean) / std)
    drawn = _rng(generator).uniform(low, high, tensor.array.shape)
    return _fill(tensor, np.clip(ndtri(drawn) * std + mean, a, b))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Set every value to `val`."""
    return _fill(tensor, np.asarray(val))


def ones_(tensor: Tensor) -> Tensor:
    """Set every value to 1."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Set every value to 0."""
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """Make a matrix the identity, so that a linear layer passes its inputs through."""
    if tensor.ndim != 2:
        raise ValueError(f"eye_ needs a tensor of 2 dimensions; got shape {tuple(tensor.shape)}")
    return _fill(tensor, np.eye(*tensor.array.shape))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Make a convolution's weight, of 3, 4 or 5 dimensions, pass its channels through.

    Each group has a 1 in the middle of the kernel from channel i to channel i.
    """
    shape = tensor.array.shape
    if len(shape) not in (3, 4, 5):
        raise ValueError(f"dirac_ needs a tensor of 3, 4 or 5 dimensions; got shape {shape}")
    if shape[0] % groups:
        raise ValueError(f"dim 0 must be divisible by groups; got {shape[0]} and {groups}")
    values = np.zeros(shape)
    out_channels = shape[0] // groups
    middle = tuple(size // 2 for size in shape[2:])
    for group in range(groups):
        for channel in range(min(out_channels, shape[1])):
            values[(group * out_channels + channel, channel, *middle)] = 1
    return _fill(tensor, values)


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Draw from U(-a, a) with a = gain · √(6 / (fan_in + fan_out)).

    Glorot and Bengio, *Understanding the difficulty of training deep feedforward neural
    networks*, 2010: the variance suits forward and backward both.
    """
    fan_in, fan_out = fans(tensor)
    bound = gain * math.sqrt(6.0 / (fan_in + fan_out))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Draw from N(0, σ²) with σ = gain · √(2 / (fan_in + fan_out)); see `xavier_uniform_`."""
    fan_in, fan_out = fans(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / (fan_in + fan_out)), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Draw from U(-b, b) with b = gain · √(3 / fan).

    He et al., *Delving deep into rectifiers*, 2015.

    Args:
        tensor: what to fill.
        a: the negative slope of the leaky_relu that follows.
        mode: "fan_in" keeps the variance of the forward pass, "fan_out" that of backward.
        nonlinearity: what follows; see `calculate_gain`.
        generator: where the numbers come from.
    """
    if _is_empty(tensor):
        return tensor
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Draw from N(0, σ²) with σ = gain / √fan; arguments as in `kaiming_uniform_`."""
    if _is_empty(tensor):
        return tensor
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Make the tensor, seen as a matrix (first dimension, rest), (semi-)orthogonal.

    Saxe et al., *Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks*, 2013.
    """
    shape = tensor.array.shape
    if len(shape) < 2:
        raise ValueError(f"orthogonal_ needs 2 or more dimensions; got shape {shape}")
    if not tensor.array.size:
        return tensor
    rows = shape[0]
    drawn = _rng(generator).standard_normal((rows, tensor.array.size // rows))
    wide = rows < drawn.shape[1]
    q, r = np.linalg.qr(drawn.T if wide else drawn)
    # With the signs of R's diagonal the result is uniform over all orthogonal matrices.
    q = q * np.sign(np.diag(r))
    return _fill(tensor, gain * (q.T if wide else q).reshape(shape))


def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None
) -> Tensor:
    """Draw a matrix from N(0, std²) and set a fraction `sparsity` of each column to 0.

    Martens, *Deep learning via Hessian-free optimization*, 2010.
    """
    if tensor.ndim != 2:
        raise ValueError(f"sparse_ needs a tensor of 2 dimensions; got shape {tuple(tensor.shape)}")
    rows, columns = tensor.array.shape
    values = _rng(generator).standard_normal((rows, columns)) * std
    zeros = math.ceil(sparsity * rows)
    for column in range(columns):
        values[_rng(generator).permutation(rows)[:zeros], column] = 0
    return _fill(tensor, values)


def fans(tensor: Tensor) -> tuple[int, int]:
    """fan_in and fan_out of a weight of shape (out, in, *kernel).

    >>> import clownpiece
    >>> fans(clownpiece.zeros(16, 3, 5, 5))
    (75, 400)
    """
    shape = tensor.array.shape
    if len(shape) < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions; "
            f"got shape {shape}"
        )
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of 'fan_in' and 'fan_out'")
    fan = fans(tensor)[0 if mode.lower() == "fan_in" else 1]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def _is_empty(tensor: Tensor) -> bool:
    if tensor.array.size:
        return False
    warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
    return True


def _rng(generator: Generator | None) -> np.random.Generator:
    return (default_generator if generator is None else generator).numpy


def _draw(tensor: Tensor, kind: str, generator: Generator | None) -> np.ndarray:
    dtype = np.float32 if tensor.array.dtype == np.float32 else np.float64
    return getattr(_rng(generator), kind)(tensor.array.shape, dtype=dtype)


def _fill(tensor: Tensor, values: np.ndarray) -> Tensor:
    tensor.array[...] = values
    tensor.bump_version()
    return tensor
