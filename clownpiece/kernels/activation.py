"""GELU and its gradient: an activation whose arithmetic is worth its own code.

    gelu(x) = x Φ(x),    Φ(x) = ½ (1 + erf(x / √2))

(Hendrycks and Gimpel 2016). In double precision Φ is SciPy's. Its error function is an order of
magnitude dearer than a tanh, so in single precision Φ is computed as

    Φ(x) = ½ (1 + tanh(x q(x²)))

with a polynomial q. The paper's tanh approximation is the case of two terms; seven make it exact to
the rounding of a float32.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from .blocks import row_blocks

# Chebyshev fit of atanh(erf(x/√2)) / x as a polynomial in x² on |x| ≤ 6.5, where a float32 Φ has
# long become 0 or 1; the largest error of Φ is 4e-8. `tests/.../test_activation.py` measures it.
_EXACT = (
    7.97884493e-01,
    3.63339113e-02,
    -3.29547464e-05,
    -5.52779459e-05,
    3.97311380e-06,
    -1.33646905e-07,
    1.80936412e-09,
)
_END = 6.5**2
_TANH = (math.sqrt(2 / math.pi), 0.044715 * math.sqrt(2 / math.pi))
_DENSITY = 1 / math.sqrt(2 * math.pi)


def gelu(x: np.ndarray, approximate: bool = False) -> np.ndarray:
    """`x Φ(x)`; with `approximate`, the paper's tanh formula for Φ."""
    y = np.empty(x.shape, x.dtype)
    flat, out = x.reshape(-1), y.reshape(-1)
    for cells in row_blocks(len(flat), 4 * x.itemsize):
        np.multiply(_phi(flat[cells], approximate), flat[cells], out=out[cells])
    return y


def gelu_backward(g: np.ndarray, x: np.ndarray, approximate: bool = False) -> np.ndarray:
    """The gradient `g (Φ(x) + x Φ'(x))`."""
    y = np.empty(x.shape, x.dtype)
    flat, cotangent, out = x.reshape(-1), g.reshape(-1), y.reshape(-1)
    for cells in row_blocks(len(flat), 4 * x.itemsize):
        block = flat[cells]
        phi = _phi(block, approximate)
        slope = _tanh_density(block, phi) if approximate else _density(block)
        slope *= block
        slope += phi
        np.multiply(slope, cotangent[cells], out=out[cells])
    return y


def _phi(x: np.ndarray, approximate: bool) -> np.ndarray:
    """The normal distribution function, exact or by the tanh formula."""
    if not approximate and x.dtype == np.float64:
        return ndtr(x)
    u = _argument(x, _TANH if approximate else _EXACT)
    np.tanh(u, out=u)
    u += 1
    u *= 0.5
    return u


def _argument(x: np.ndarray, coefficients: tuple[float, ...]) -> np.ndarray:
    """`x q(x²)`, by Horner's rule in place."""
    square = x * x
    if len(coefficients) > 2:
        np.minimum(square, x.dtype.type(_END), out=square)
    total = square * x.dtype.type(coefficients[-1])
    for coefficient in coefficients[-2:0:-1]:
        total += x.dtype.type(coefficient)
        total *= square
    total += x.dtype.type(coefficients[0])
    total *= x
    return total


def _density(x: np.ndarray) -> np.ndarray:
    """The normal density φ(x), which is Φ'."""
    out = x * x
    out *= -0.5
    np.exp(out, out=out)
    out *= x.dtype.type(_DENSITY)
    return out


def _tanh_density(x: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """The derivative of the tanh formula: `2 Φ (1 − Φ) d/dx(x q(x²))`."""
    slope = x * x
    slope *= x.dtype.type(3 * _TANH[1])
    slope += x.dtype.type(_TANH[0])
    slope *= phi
    slope *= 1 - phi
    slope *= 2
    return slope
