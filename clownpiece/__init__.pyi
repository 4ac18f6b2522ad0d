# Written by `python -m clownpiece.stubs`; change the op records instead.
# ruff: noqa

from typing import Any


from builtins import bool as _bool
from builtins import float as _float
from builtins import int as _int
from builtins import type as _type
from collections.abc import Sequence

from clownpiece.ops.arguments import Array, Dims, Dtype, Ints

from . import autograd as autograd
from . import creation as creation
from . import cuda as cuda
from . import dtypes as dtypes
from . import random as random
from .autograd.anomaly import is_anomaly_enabled as is_anomaly_enabled
from .autograd.mode import enable_grad as enable_grad
from .autograd.mode import inference_mode as inference_mode
from .autograd.mode import is_grad_enabled as is_grad_enabled
from .autograd.mode import is_inference_mode_enabled as is_inference_mode_enabled
from .autograd.mode import no_grad as no_grad
from .autograd.mode import set_grad_enabled as set_grad_enabled
from .creation import *
from .devices import device as device
from .dtypes import bool_ as bool
from .dtypes import dtype as dtype
from .dtypes import finfo as finfo
from .dtypes import float32 as float32
from .dtypes import float64 as float64
from .dtypes import get_default_dtype as get_default_dtype
from .dtypes import iinfo as iinfo
from .dtypes import int8 as int8
from .dtypes import int16 as int16
from .dtypes import int32 as int32
from .dtypes import int64 as int64
from .dtypes import set_default_dtype as set_default_dtype
from .dtypes import uint8 as uint8
from .inspection import *
from .printing import set_printoptions as set_printoptions
from .random import Generator as Generator
from .random import default_generator as default_generator
from .random import fork_rng as fork_rng
from .random import get_rng_state as get_rng_state
from .random import initial_seed as initial_seed
from .random import manual_seed as manual_seed
from .random import seed as seed
from .random import set_rng_state as set_rng_state
from .size import Size as Size
from .tensor import Tensor as Tensor
float = float32
double = float64
long = int64
int = int32
short = int16
from . import linalg as linalg
from . import nn as nn
from . import optim as optim
from . import utils as utils
from .serialization import load as load
from .serialization import save as save
__version__: str
def where(condition: Any, x: Any, other: Any) -> Tensor:
    """`x` where the condition is true, `other` elsewhere; all three broadcast.

    With the condition alone: the indices where it is true, one tensor a dimension.

    >>> import clownpiece as cp
    >>> x = cp.tensor([-1.0, 2.0])
    >>> cp.where(x > 0, x, 0.0)
    tensor([0., 2.])
    """
def masked_fill(x: Any, mask: Any, value: Any) -> Tensor:
    """`x` with `value`, a number or a 0-d tensor, wherever the mask is true."""
def maximum(x: Any, other: Any) -> Tensor:
    """The larger of the two, elementwise; NaN if either is NaN."""
def minimum(x: Any, other: Any) -> Tensor:
    """The smaller of the two, elementwise; NaN if either is NaN."""
def fmax(x: Any, other: Any) -> Tensor:
    """The larger of the two, elementwise; the number if the other is NaN."""
def fmin(x: Any, other: Any) -> Tensor:
    """The smaller of the two, elementwise; the number if the other is NaN."""
def clamp(x: Any, min: Any = ..., max: Any = ...) -> Tensor:
    """`x` limited to [min, max]; either end may be left out, be a number or a tensor.

    >>> import clownpiece as cp
    >>> cp.tensor([-2.0, 0.5, 2.0]).clamp(-1, 1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
def clip(x: Any, min: Any = ..., max: Any = ...) -> Tensor:
    """`x` limited to [min, max]; either end may be left out, be a number or a tensor.

    >>> import clownpiece as cp
    >>> cp.tensor([-2.0, 0.5, 2.0]).clamp(-1, 1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
def clamp_min(x: Any, min: Any) -> Tensor:
    """`x`, but nowhere below `min`."""
def clamp_max(x: Any, max: Any) -> Tensor:
    """`x`, but nowhere above `max`."""
def nan_to_num(
    x: Any,
    nan: _float | None = ...,
    posinf: _float | None = ...,
    neginf: _float | None = ...,
) -> Tensor:
    """`x` with NaN and the infinities replaced by numbers (0 and the dtype's limits)."""
def add(x: Any, other: Any, *, alpha: _float = ...) -> Tensor:
    """The sum; `alpha` multiplies `other` first.

    >>> import clownpiece as cp
    >>> cp.tensor([1.0, 2.0]).add(cp.tensor([10.0, 20.0]), alpha=0.5)
    tensor([ 6., 12.])
    """
def sub(x: Any, other: Any) -> Tensor:
    """The difference; `alpha` multiplies `other` first."""
def subtract(x: Any, other: Any) -> Tensor:
    """The difference; `alpha` multiplies `other` first."""
def mul(x: Any, other: Any) -> Tensor:
    """The product, elementwise."""
def multiply(x: Any, other: Any) -> Tensor:
    """The product, elementwise."""
def div(x: Any, other: Any, *, rounding_mode: str | None = ...) -> Tensor:
    """The quotient; `rounding_mode` "floor" or "trunc" rounds it to whole numbers."""
def divide(x: Any, other: Any, *, rounding_mode: str | None = ...) -> Tensor:
    """The quotient; `rounding_mode` "floor" or "trunc" rounds it to whole numbers."""
def true_divide(x: Any, other: Any, *, rounding_mode: str | None = ...) -> Tensor:
    """The quotient; `rounding_mode` "floor" or "trunc" rounds it to whole numbers."""
def floor_divide(x: Any, other: Any) -> Tensor:
    """The quotient rounded down."""
def remainder(x: Any, other: Any) -> Tensor:
    """What floor division leaves; it has the sign of `other`, as Python's `%`."""
def fmod(x: Any, other: Any) -> Tensor:
    """What truncating division leaves; it has the sign of `x`, as C's fmod."""
def addcmul(x: Any, tensor1: Any, tensor2: Any, value: _int = ...) -> Tensor:
    """`x + value * tensor1 * tensor2`."""
def addcdiv(x: Any, tensor1: Any, tensor2: Any, value: _int = ...) -> Tensor:
    """`x + value * tensor1 / tensor2`."""
def lerp(x: Any, end: Any, weight: Any) -> Tensor:
    """The point between `x` (weight 0) and `end` (weight 1)."""
def hypot(x: Any, other: Any) -> Tensor:
    """The hypotenuse over the legs `x` and `other`, without overflow on the way."""
def neg(x: Any) -> Tensor:
    """`x` with the other sign."""
def negative(x: Any) -> Tensor:
    """`x` with the other sign."""
def positive(x: Any) -> Tensor:
    """`x` itself."""
def sign(x: Any) -> Tensor:
    """-1, 0 or 1."""
def sgn(x: Any) -> Tensor:
    """-1, 0 or 1."""
def abs(x: Any) -> Tensor:
    """The absolute value; the gradient at 0 is 0."""
def absolute(x: Any) -> Tensor:
    """The absolute value; the gradient at 0 is 0."""
def copysign(x: Any, other: Any) -> Tensor:
    """The size of `x` with the sign of `other`."""
def floor(x: Any) -> Tensor:
    """The largest whole number that is not above `x`."""
def ceil(x: Any) -> Tensor:
    """The smallest whole number that is not below `x`."""
def trunc(x: Any) -> Tensor:
    """`x` without what is behind the point."""
def fix(x: Any) -> Tensor:
    """`x` without what is behind the point."""
def round(x: Any, decimals: _int = ...) -> Tensor:
    """The nearest whole number, or the nearest with `decimals` digits; halves go to even."""
def frac(x: Any) -> Tensor:
    """What is behind the point, with the sign of `x`."""
def clone(x: Any, memory_format: Any = ...) -> Tensor:
    """A copy in memory of its own, through which gradients flow back."""
def exp(x: Any) -> Tensor:
    """e to the power of `x`."""
def exp2(x: Any) -> Tensor:
    """2 to the power of `x`."""
def expm1(x: Any) -> Tensor:
    """`exp(x) - 1`, accurate also where `x` is tiny."""
def log(x: Any) -> Tensor:
    """The natural logarithm; -inf at 0, NaN below."""
def log2(x: Any) -> Tensor:
    """The logarithm to base 2."""
def log10(x: Any) -> Tensor:
    """The logarithm to base 10."""
def log1p(x: Any) -> Tensor:
    """`log(1 + x)`, accurate also where `x` is tiny."""
def logaddexp(x: Any, other: Any) -> Tensor:
    """The logarithm of the sum of the exponentials, without overflow on the way."""
def logaddexp2(x: Any, other: Any) -> Tensor:
    """`logaddexp` to base 2."""
def xlogy(x: Any, other: Any) -> Tensor:
    """`x * log(other)`, and 0 wherever `x` is 0."""
def square(x: Any) -> Tensor:
    """`x` times itself."""
def sqrt(x: Any) -> Tensor:
    """The square root; NaN below 0."""
def rsqrt(x: Any) -> Tensor:
    """One over the square root."""
def reciprocal(x: Any) -> Tensor:
    """One over `x`."""
def pow(x: Any, exponent: Any) -> Tensor:
    """`x` to the power of `exponent`, each a tensor or a number.

    >>> import clownpiece as cp
    >>> cp.tensor([1.0, 2.0, 3.0]) ** 2
    tensor([1., 4., 9.])
    """
def float_power(x: Any, exponent: Any) -> Tensor:
    """`pow` computed in float64 whatever comes in."""
def erf(x: Any) -> Tensor:
    """The error function."""
def erfc(x: Any) -> Tensor:
    """One minus the error function, accurate also where that is nearly 1."""
def erfinv(x: Any) -> Tensor:
    """The number whose error function is `x`; NaN outside of [-1, 1]."""
def logit(x: Any, eps: _float | None = ...) -> Tensor:
    """The inverse of the sigmoid; `eps` first limits `x` to [eps, 1 - eps]."""
def lgamma(x: Any) -> Tensor:
    """The logarithm of the gamma function's size."""
def digamma(x: Any) -> Tensor:
    """The slope of `lgamma`."""
def sin(x: Any) -> Tensor:
    """The sine of an angle in radians."""
def cos(x: Any) -> Tensor:
    """The cosine of an angle in radians."""
def tan(x: Any) -> Tensor:
    """The tangent of an angle in radians."""
def asin(x: Any) -> Tensor:
    """The angle in [-π/2, π/2] whose sine is `x`."""
def arcsin(x: Any) -> Tensor:
    """The angle in [-π/2, π/2] whose sine is `x`."""
def acos(x: Any) -> Tensor:
    """The angle in [0, π] whose cosine is `x`."""
def arccos(x: Any) -> Tensor:
    """The angle in [0, π] whose cosine is `x`."""
def atan(x: Any) -> Tensor:
    """The angle in (-π/2, π/2) whose tangent is `x`."""
def arctan(x: Any) -> Tensor:
    """The angle in (-π/2, π/2) whose tangent is `x`."""
def atan2(x: Any, other: Any) -> Tensor:
    """The angle in (-π, π] of the point with ordinate `x` and abscissa `other`."""
def arctan2(x: Any, other: Any) -> Tensor:
    """The angle in (-π, π] of the point with ordinate `x` and abscissa `other`."""
def sinh(x: Any) -> Tensor:
    """The hyperbolic sine."""
def cosh(x: Any) -> Tensor:
    """The hyperbolic cosine."""
def tanh(x: Any) -> Tensor:
    """The hyperbolic tangent, an S from -1 to 1."""
def asinh(x: Any) -> Tensor:
    """The number whose hyperbolic sine is `x`."""
def arcsinh(x: Any) -> Tensor:
    """The number whose hyperbolic sine is `x`."""
def acosh(x: Any) -> Tensor:
    """The number from 0 on whose hyperbolic cosine is `x`; NaN below 1."""
def arccosh(x: Any) -> Tensor:
    """The number from 0 on whose hyperbolic cosine is `x`; NaN below 1."""
def atanh(x: Any) -> Tensor:
    """The number whose hyperbolic tangent is `x`."""
def arctanh(x: Any) -> Tensor:
    """The number whose hyperbolic tangent is `x`."""
def deg2rad(x: Any) -> Tensor:
    """Degrees in radians."""
def rad2deg(x: Any) -> Tensor:
    """Radians in degrees."""
def sinc(x: Any) -> Tensor:
    """`sin(πx) / (πx)`, and 1 at 0."""
def sigmoid(x: Any) -> Tensor:
    """The logistic function: any number to between 0 and 1."""
def relu(x: Any) -> Tensor:
    """The positive part: `x` where it is positive, zero elsewhere.

    >>> import clownpiece as cp
    >>> cp.tensor([-1.0, 2.0]).relu()
    tensor([0., 2.])
    """
def prelu(x: Any, weight: Any) -> Tensor:
    """`x` where it is positive, elsewhere `x` times a learned slope (He et al. 2015).

    `weight` holds one slope, or one for each channel (dimension 1).
    """
def celu(x: Any, alpha: _float = ...) -> Tensor:
    """As `elu`, but smooth at zero for every `alpha` (Barron 2017)."""
def selu(x: Any) -> Tensor:
    """`elu` scaled so that activations keep mean 0 and variance 1 (Klambauer et al. 2017).

    λ = 1.0507…, α = 1.6733….
    """
def hardshrink(x: Any, lambd: _float = ...) -> Tensor:
    """`x` where its size exceeds `lambd`, zero elsewhere."""
def threshold(x: Any, threshold: _float, value: _float) -> Tensor:
    """`x` where it exceeds `threshold`, elsewhere `value`."""
def reshape(x: Any, *shape: Any) -> Tensor:
    """The elements in another shape, a view if memory allows it; one size may be -1.

    >>> import clownpiece as cp
    >>> cp.arange(6).reshape(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
def flatten(x: Any, start_dim: _int = ..., end_dim: _int = ...) -> Tensor:
    """The dimensions from `start_dim` to `end_dim` merged into one."""
def ravel(x: Any) -> Tensor:
    """All elements in one dimension."""
def unflatten(x: Any, dim: _int, sizes: Sequence[_int]) -> Tensor:
    """One dimension taken apart into several; one of `sizes` may be -1."""
def squeeze(x: Any, dim: Dims = ...) -> Tensor:
    """Without the dimensions of size 1: all of them, or those of `dim` that are."""
def unsqueeze(x: Any, dim: _int) -> Tensor:
    """With a new dimension of size 1 at `dim`."""
def broadcast_to(x: Any, size: Any) -> Tensor:
    """`expand` to exactly this shape."""
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """All of them expanded to the one shape they broadcast to."""
def meshgrid(*tensors: Any, indexing: str = ...) -> tuple[Tensor, ...]:
    """The coordinates of a grid over vectors: one tensor a vector, each of the grid's shape.

    `indexing="ij"` counts rows first, `"xy"` columns first.
    """
def transpose(x: Any, dim0: _int | None = ..., dim1: _int | None = ...) -> Tensor:
    """Two dimensions swapped: `dim0` and `dim1`, or the last two if none is named."""
def swapaxes(x: Any, dim0: _int | None = ..., dim1: _int | None = ...) -> Tensor:
    """Two dimensions swapped: `dim0` and `dim1`, or the last two if none is named."""
def swapdims(x: Any, dim0: _int | None = ..., dim1: _int | None = ...) -> Tensor:
    """Two dimensions swapped: `dim0` and `dim1`, or the last two if none is named."""
def permute(x: Any, *dims: Any) -> Tensor:
    """The dimensions in another order: dimension i of the result is `dims[i]` of `x`."""
def t(x: Any) -> Tensor:
    """A matrix transposed; a vector or a scalar stays what it is."""
def movedim(x: Any, source: Ints, destination: Ints) -> Tensor:
    """Dimension `source` (or several) moved to place `destination`, the others in order."""
def moveaxis(x: Any, source: Ints, destination: Ints) -> Tensor:
    """Dimension `source` (or several) moved to place `destination`, the others in order."""
def pixel_shuffle(x: Any, upscale_factor: _int) -> Tensor:
    """Channels made into space: `(*, C r², H, W)` to `(*, C, H r, W r)` (Shi et al. 2016).

    With r = `upscale_factor`.
    """
def pixel_unshuffle(x: Any, downscale_factor: _int) -> Tensor:
    """Space made into channels: `(*, C, H r, W r)` to `(*, C r², H, W)`.

    The inverse of `pixel_shuffle`, with r = `downscale_factor`.
    """
def channel_shuffle(x: Any, groups: _int) -> Tensor:
    """The channels of `groups` groups dealt out in turn (Zhang et al. 2018)."""
def cat(tensors: Any, dim: _int = ...) -> Tensor:
    """Tensors joined along a dimension they have; all other sizes must agree.

    >>> import clownpiece as cp
    >>> cp.cat([cp.zeros(2), cp.ones(1)])
    tensor([0., 0., 1.])
    """
def concat(tensors: Any, dim: _int = ...) -> Tensor:
    """Tensors joined along a dimension they have; all other sizes must agree.

    >>> import clownpiece as cp
    >>> cp.cat([cp.zeros(2), cp.ones(1)])
    tensor([0., 0., 1.])
    """
def concatenate(tensors: Any, dim: _int = ...) -> Tensor:
    """Tensors joined along a dimension they have; all other sizes must agree.

    >>> import clownpiece as cp
    >>> cp.cat([cp.zeros(2), cp.ones(1)])
    tensor([0., 0., 1.])
    """
def stack(tensors: Any, dim: _int = ...) -> Tensor:
    """Tensors of one shape joined along a new dimension `dim`."""
def hstack(tensors: Any) -> Tensor:
    """Tensors side by side: along the second dimension, vectors along their only one."""
def vstack(tensors: Any) -> Tensor:
    """Tensors below each other; a vector is a row."""
def row_stack(tensors: Any) -> Tensor:
    """Tensors below each other; a vector is a row."""
def dstack(tensors: Any) -> Tensor:
    """Tensors behind each other, along the third dimension."""
def column_stack(tensors: Any) -> Tensor:
    """Tensors side by side; a vector is a column."""
def atleast_1d(*tensors: Any) -> Any:
    """A number as a vector of one element, others as they are. One tensor gives one, several give a tuple."""
def atleast_2d(*tensors: Any) -> Any:
    """A number or a vector as a matrix of one row. One tensor gives one, several give a tuple."""
def atleast_3d(*tensors: Any) -> Any:
    """With dimensions of size 1 up to three, a matrix first. One tensor gives one, several give a tuple."""
def split_with_sizes(
    x: Any,
    split_sizes: Sequence[_int],
    dim: _int = ...,
) -> tuple[Tensor, ...]:
    """Stretches of these sizes along `dim`, as views."""
def split(x: Any, split_size_or_sections: Any, dim: _int = ...) -> tuple[Tensor, ...]:
    """Stretches of one size (the last may be smaller), or of a list of sizes, along `dim`."""
def chunk(x: Any, chunks: _int, dim: _int = ...) -> tuple[Tensor, ...]:
    """At most `chunks` pieces of one size along `dim`; the last may be smaller."""
def unbind(x: Any, dim: _int = ...) -> tuple[Tensor, ...]:
    """All slices along `dim`, which disappears, as views."""
def sum(x: Any, dim: Dims = ..., keepdim: _bool = ..., dtype: Dtype = ...) -> Tensor:
    """The sum over all elements, or over `dim` (one or several); whole numbers give int64.

    >>> import clownpiece as cp
    >>> cp.ones(2, 3).sum(dim=0)
    tensor([2., 2., 2.])
    """
def mean(x: Any, dim: Dims = ..., keepdim: _bool = ..., dtype: Dtype = ...) -> Tensor:
    """The mean over all elements, or over `dim`; NaN of nothing."""
def nansum(x: Any, dim: Any = ..., keepdim: _bool = ...) -> Tensor:
    """`sum` that leaves NaN out."""
def nanmean(x: Any, dim: Dims = ..., keepdim: _bool = ...) -> Tensor:
    """`mean` that leaves NaN out."""
def var(
    x: Any,
    dim: Dims | _bool = ...,
    unbiased: _bool | None = ...,
    keepdim: _bool = ...,
    correction: _float | None = ...,
) -> Tensor:
    """The variance over all elements, or over `dim`.

    `correction` (1, Bessel's, unless `unbiased=False`) is taken off the count.
    """
def std(
    x: Any,
    dim: Dims | _bool = ...,
    unbiased: _bool | None = ...,
    keepdim: _bool = ...,
    correction: _float | None = ...,
) -> Tensor:
    """The standard deviation: the root of `var`, with the same arguments."""
def var_mean(
    x: Any,
    dim: Any = ...,
    unbiased: Any = ...,
    keepdim: _bool = ...,
    correction: Any = ...,
) -> tuple[Tensor, ...]:
    """Variance and mean."""
def std_mean(
    x: Any,
    dim: Any = ...,
    unbiased: Any = ...,
    keepdim: _bool = ...,
    correction: Any = ...,
) -> tuple[Tensor, ...]:
    """Standard deviation and mean."""
def prod(
    x: Any,
    dim: _int | None = ...,
    keepdim: _bool = ...,
    dtype: Dtype = ...,
) -> Tensor:
    """The product over all elements, or over one `dim`; zeros have their gradient too."""
def logsumexp(x: Any, dim: Dims, keepdim: _bool = ...) -> Tensor:
    """The logarithm of the sum of the exponentials over `dim`, without overflow on the way."""
def all(x: Any, dim: Dims = ..., keepdim: _bool = ...) -> Tensor:
    """Whether all elements are true (not 0), in the whole or over `dim`."""
def any(x: Any, dim: Dims = ..., keepdim: _bool = ...) -> Tensor:
    """Whether any element is true (not 0), in the whole or over `dim`."""
def count_nonzero(x: Any, dim: Dims = ...) -> Tensor:
    """How many elements are not 0, in the whole or over `dim`."""
def diagonal(x: Any, offset: _int = ..., dim1: _int = ..., dim2: _int = ...) -> Tensor:
    """The diagonal over two dimensions, as a view whose last dimension it is."""
def diag_embed(x: Any, offset: _int = ..., dim1: _int = ..., dim2: _int = ...) -> Tensor:
    """Matrices with the last dimension of `x` on their diagonal and zeros elsewhere."""
def diag(x: Any, diagonal: _int = ...) -> Tensor:
    """The diagonal of a matrix, or the matrix with a vector on its diagonal."""
def diagflat(x: Any, offset: _int = ...) -> Tensor:
    """The matrix with all elements of `x`, in order, on a diagonal."""
def tril(x: Any, diagonal: _int = ...) -> Tensor:
    """The lower triangle of matrices, up to `diagonal`; zeros above."""
def triu(x: Any, diagonal: _int = ...) -> Tensor:
    """The upper triangle of matrices, from `diagonal` on; zeros below."""
def trace(x: Any) -> Tensor:
    """The sum of the diagonal of a matrix."""
def matmul(x: Any, other: Any) -> Tensor:
    """The matrix product over the last two dimensions; the ones before are broadcast.

    A vector is a row on the left and a column on the right, and its dimension disappears.

    >>> import clownpiece as cp
    >>> (cp.ones(5, 2, 3) @ cp.ones(3, 4)).shape
    clownpiece.Size([5, 2, 4])
    """
def mm(x: Any, other: Any) -> Tensor:
    """The product of two matrices."""
def bmm(x: Any, other: Any) -> Tensor:
    """The products of two batches of matrices, one by one."""
def mv(x: Any, other: Any) -> Tensor:
    """A matrix times a vector."""
def dot(x: Any, other: Any) -> Tensor:
    """The inner product of two vectors."""
def vdot(x: Any, other: Any) -> Tensor:
    """The inner product of two vectors."""
def outer(x: Any, other: Any) -> Tensor:
    """All products of an element of the one vector with one of the other."""
def ger(x: Any, other: Any) -> Tensor:
    """All products of an element of the one vector with one of the other."""
def inner(x: Any, other: Any) -> Tensor:
    """Inner products over the last dimension of both."""
def addmm(x: Any, mat1: Any, mat2: Any, *, beta: _int = ..., alpha: _int = ...) -> Tensor:
    """`beta * x + alpha * (mat1 @ mat2)` on matrices; `x` is broadcast."""
def baddbmm(
    x: Any,
    batch1: Any,
    batch2: Any,
    *,
    beta: _int = ...,
    alpha: _int = ...,
) -> Tensor:
    """`beta * x + alpha * (batch1 @ batch2)` on batches of matrices; `x` is broadcast."""
def addmv(x: Any, mat: Any, vec: Any, *, beta: _int = ..., alpha: _int = ...) -> Tensor:
    """`beta * x + alpha * (mat @ vec)` of a matrix and a vector; `x` is broadcast."""
def addr(x: Any, vec1: Any, vec2: Any, *, beta: _int = ..., alpha: _int = ...) -> Tensor:
    """`beta * x + alpha * outer(vec1, vec2)` of two vectors; `x` is broadcast."""
def tensordot(x: Any, other: Any, dims: Any = ...) -> Tensor:
    """The product summed over dimensions: the last and first `dims`, or two lists of them."""
def einsum(equation: str, *operands: Any) -> Tensor:
    """Products of tensors summed as the equation says, by batched matrix products.

    One letter names a dimension; letters that are not behind `->` are summed over.

    >>> import clownpiece as cp
    >>> cp.einsum("bij,bjk->bik", cp.ones(2, 3, 4), cp.ones(2, 4, 5)).shape
    clownpiece.Size([2, 3, 5])
    """
def narrow(x: Any, dim: _int, start: Any, length: _int) -> Tensor:
    """The stretch of `length` elements from `start` along `dim`, as a view."""
def tensor_split(x: Any, indices_or_sections: Any, dim: _int = ...) -> tuple[Tensor, ...]:
    """Pieces of nearly one size (the first ones larger), or cut at a list of indices."""
def select(x: Any, dim: _int, index: _int) -> Tensor:
    """The slice at `index` along `dim`, which disappears, as a view."""
def masked_select(x: Any, mask: Any) -> Tensor:
    """The elements where the mask is true, in one dimension."""
def masked_scatter(x: Any, mask: Any, source: Any) -> Tensor:
    """A copy of `x` with the elements of `source`, in order, wherever the mask is true."""
def take(x: Any, index: Array) -> Tensor:
    """Elements by their place in the flattened tensor, in the shape of `index`."""
def tile(x: Any, *times: Ints, dims: Ints | None = ...) -> Tensor:
    """`repeat` that fills up missing dimensions with 1."""
def repeat_interleave(
    x: Any,
    repeats: Any,
    dim: _int | None = ...,
    output_size: _int | None = ...,
) -> Tensor:
    """Each element, or each slice along `dim`, so many times in a row."""
def flip(x: Any, *dims: Any) -> Tensor:
    """A copy with these dimensions running backwards."""
def fliplr(x: Any) -> Tensor:
    """Columns from right to left."""
def flipud(x: Any) -> Tensor:
    """Rows from bottom to top."""
def roll(x: Any, shifts: Ints, dims: Ints | None = ...) -> Tensor:
    """Shifted along `dims`; what falls out at one end comes in at the other."""
def rot90(x: Any, k: _int = ..., dims: Sequence[_int] = ...) -> Tensor:
    """Turned by `k` quarter turns from the first of `dims` towards the second."""
def softmax(x: Any, dim: _int, dtype: Dtype = ...) -> Tensor:
    """Positive numbers that add up to one along `dim`: exponentials, divided by their sum.

    A slice whose every entry is -inf becomes NaN.

    >>> import clownpiece as cp
    >>> cp.tensor([0.0, 0.0, -float("inf")]).softmax(0)
    tensor([0.5000, 0.5000, 0.0000])
    """
def log_softmax(x: Any, dim: _int, dtype: Dtype = ...) -> Tensor:
    """The logarithm of the softmax, without leaving the logarithmic scale."""
def eq(x: Any, other: Any) -> Tensor:
    """Whether both are equal, elementwise."""
def ne(x: Any, other: Any) -> Tensor:
    """Whether the two differ, elementwise."""
def not_equal(x: Any, other: Any) -> Tensor:
    """Whether the two differ, elementwise."""
def lt(x: Any, other: Any) -> Tensor:
    """Whether `x` is below `other`."""
def less(x: Any, other: Any) -> Tensor:
    """Whether `x` is below `other`."""
def le(x: Any, other: Any) -> Tensor:
    """Whether `x` is at most `other`."""
def less_equal(x: Any, other: Any) -> Tensor:
    """Whether `x` is at most `other`."""
def gt(x: Any, other: Any) -> Tensor:
    """Whether `x` is above `other`."""
def greater(x: Any, other: Any) -> Tensor:
    """Whether `x` is above `other`."""
def ge(x: Any, other: Any) -> Tensor:
    """Whether `x` is at least `other`."""
def greater_equal(x: Any, other: Any) -> Tensor:
    """Whether `x` is at least `other`."""
def isclose(
    x: Any,
    other: Any,
    rtol: _float = ...,
    atol: _float = ...,
    equal_nan: _bool = ...,
) -> Tensor:
    """Whether both are equal up to the tolerances."""
def isnan(x: Any) -> Tensor:
    """Whether it is NaN, not a number."""
def isinf(x: Any) -> Tensor:
    """Whether it is infinite, of either sign."""
def isposinf(x: Any) -> Tensor:
    """Whether it is +inf."""
def isneginf(x: Any) -> Tensor:
    """Whether it is -inf."""
def signbit(x: Any) -> Tensor:
    """Whether it is negative, or -0.0."""
def isfinite(x: Any) -> Tensor:
    """Whether it is neither inf nor NaN."""
def equal(x: Any, other: Any) -> _bool:
    """Whether both have the same shape and the same elements, as a Python bool."""
def allclose(
    x: Any,
    other: Any,
    rtol: _float = ...,
    atol: _float = ...,
    equal_nan: _bool = ...,
) -> _bool:
    """Whether all elements are equal up to the tolerances, as a Python bool."""
def logical_and(x: Any, other: Any) -> Tensor:
    """Whether both are true; whatever is not 0 counts as true."""
def logical_or(x: Any, other: Any) -> Tensor:
    """Whether one is true, or both; whatever is not 0 counts as true."""
def logical_xor(x: Any, other: Any) -> Tensor:
    """Whether just one is true; whatever is not 0 counts as true."""
def logical_not(x: Any) -> Tensor:
    """Whether it is false; whatever is not 0 counts as true."""
def bitwise_and(x: Any, other: Any) -> Tensor:
    """And, bit by bit."""
def bitwise_or(x: Any, other: Any) -> Tensor:
    """Or, bit by bit."""
def bitwise_xor(x: Any, other: Any) -> Tensor:
    """Exclusive or, bit by bit."""
def bitwise_left_shift(x: Any, other: Any) -> Tensor:
    """The bits moved to the left."""
def bitwise_right_shift(x: Any, other: Any) -> Tensor:
    """The bits moved to the right."""
def bitwise_not(x: Any) -> Tensor:
    """Not, bit by bit; on truth values, the other one."""
def conv1d(
    x: Any,
    weight: Any,
    bias: Any = ...,
    stride: Ints = ...,
    padding: Ints | str = ...,
    dilation: Ints = ...,
    groups: _int = ...,
) -> Tensor:
    """Convolution in 1 dimension(s) of `x` `(N, C, L)` or `(C, L)`.

    Each output channel is the weighted sum of a window over all input channels of its group.

        out = (in + 2 padding - dilation (kernel - 1) - 1) // stride + 1

    Args:
        weight: `(out_channels, C / groups, *kernel)`.
        bias: `(out_channels,)`, or None.
        stride: how far the window moves; one number or 1, as for `padding` and `dilation`.
        padding: zeros on both sides; or "valid" (none), or "same" (output as large as the input).
        dilation: the distance of neighbouring cells of the window.
        groups: into how many groups, independent of each other, the channels are divided.

    Raises:
        RuntimeError: shapes or dtypes do not fit together, or the kernel is larger than the input.
    """
def conv2d(
    x: Any,
    weight: Any,
    bias: Any = ...,
    stride: Ints = ...,
    padding: Ints | str = ...,
    dilation: Ints = ...,
    groups: _int = ...,
) -> Tensor:
    """Convolution in 2 dimension(s) of `x` `(N, C, H, W)` or `(C, H, W)`.

    Each output channel is the weighted sum of a window over all input channels of its group.

        out = (in + 2 padding - dilation (kernel - 1) - 1) // stride + 1

    Args:
        weight: `(out_channels, C / groups, *kernel)`.
        bias: `(out_channels,)`, or None.
        stride: how far the window moves; one number or 2, as for `padding` and `dilation`.
        padding: zeros on both sides; or "valid" (none), or "same" (output as large as the input).
        dilation: the distance of neighbouring cells of the window.
        groups: into how many groups, independent of each other, the channels are divided.

    Raises:
        RuntimeError: shapes or dtypes do not fit together, or the kernel is larger than the input.
    """
def conv3d(
    x: Any,
    weight: Any,
    bias: Any = ...,
    stride: Ints = ...,
    padding: Ints | str = ...,
    dilation: Ints = ...,
    groups: _int = ...,
) -> Tensor:
    """Convolution in 3 dimension(s) of `x` `(N, C, D, H, W)` or `(C, D, H, W)`.

    Each output channel is the weighted sum of a window over all input channels of its group.

        out = (in + 2 padding - dilation (kernel - 1) - 1) // stride + 1

    Args:
        weight: `(out_channels, C / groups, *kernel)`.
        bias: `(out_channels,)`, or None.
        stride: how far the window moves; one number or 3, as for `padding` and `dilation`.
        padding: zeros on both sides; or "valid" (none), or "same" (output as large as the input).
        dilation: the distance of neighbouring cells of the window.
        groups: into how many groups, independent of each other, the channels are divided.

    Raises:
        RuntimeError: shapes or dtypes do not fit together, or the kernel is larger than the input.
    """
def conv_transpose1d(
    x: Any,
    weight: Any,
    bias: Any = ...,
    stride: Ints = ...,
    padding: Ints = ...,
    output_padding: Ints = ...,
    groups: _int = ...,
    dilation: Ints = ...,
) -> Tensor:
    """The transpose of a convolution in 1 dimension(s), for `x` `(N, C, L)`.

    Each number of `x` adds a copy of the kernel, times itself, to the output: the gradient of a
    convolution for its input, and the way back up from a strided one.

        out = (in - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1

    Args:
        weight: `(C, out_channels / groups, *kernel)`.
        bias: `(out_channels,)`, or None.
        stride: how far apart neighbours land; one number or 1, as for all that follow but groups.
        padding: how much is cut off on both sides.
        output_padding: how much is added at the end, to reach one of the sizes that a strided
            convolution maps to the same.
        groups: into how many groups, independent of each other, the channels are divided.
        dilation: the distance of neighbouring cells of the kernel.

    Raises:
        RuntimeError: shapes or dtypes do not fit together, or output_padding is too large.
    """
def conv_transpose2d(
    x: Any,
    weight: Any,
    bias: Any = ...,
    stride: Ints = ...,
    padding: Ints = ...,
    output_padding: Ints = ...,
    groups: _int = ...,
    dilation: Ints = ...,
) -> Tensor:
    """The transpose of a convolution in 2 dimension(s), for `x` `(N, C, H, W)`.

    Each number of `x` adds a copy of the kernel, times itself, to the output: the gradient of a
    convolution for its input, and the way back up from a strided one.

        out = (in - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1

    Args:
        weight: `(C, out_channels / groups, *kernel)`.
        bias: `(out_channels,)`, or None.
        stride: how far apart neighbours land; one number or 2, as for all that follow but groups.
        padding: how much is cut off on both sides.
        output_padding: how much is added at the end, to reach one of the sizes that a strided
            convolution maps to the same.
        groups: into how many groups, independent of each other, the channels are divided.
        dilation: the distance of neighbouring cells of the kernel.

    Raises:
        RuntimeError: shapes or dtypes do not fit together, or output_padding is too large.
    """
def conv_transpose3d(
    x: Any,
    weight: Any,
    bias: Any = ...,
    stride: Ints = ...,
    padding: Ints = ...,
    output_padding: Ints = ...,
    groups: _int = ...,
    dilation: Ints = ...,
) -> Tensor:
    """The transpose of a convolution in 3 dimension(s), for `x` `(N, C, D, H, W)`.

    Each number of `x` adds a copy of the kernel, times itself, to the output: the gradient of a
    convolution for its input, and the way back up from a strided one.

        out = (in - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1

    Args:
        weight: `(C, out_channels / groups, *kernel)`.
        bias: `(out_channels,)`, or None.
        stride: how far apart neighbours land; one number or 3, as for all that follow but groups.
        padding: how much is cut off on both sides.
        output_padding: how much is added at the end, to reach one of the sizes that a strided
            convolution maps to the same.
        groups: into how many groups, independent of each other, the channels are divided.
        dilation: the distance of neighbouring cells of the kernel.

    Raises:
        RuntimeError: shapes or dtypes do not fit together, or output_padding is too large.
    """
def gather(x: Any, dim: _int, index: Any, sparse_grad: _bool = ...) -> Tensor:
    """For each place of `index`, the element of `x` that it names along `dim`.

    >>> import clownpiece as cp
    >>> cp.tensor([[1, 2], [3, 4]]).gather(1, cp.tensor([[0, 0], [1, 0]]))
    tensor([[1, 1],
            [4, 3]])
    """
def take_along_dim(x: Any, indices: Any, dim: _int | None = ...) -> Tensor:
    """`gather` whose index is broadcast against `x`; without `dim` both are flattened."""
def scatter(x: Any, dim: _int, index: Any, src: Any, reduce: str | None = ...) -> Tensor:
    """A copy of `x` with `src`, a tensor or a number, written where `index` says along `dim`."""
def scatter_add(x: Any, dim: _int, index: Any, src: Any) -> Tensor:
    """A copy of `x` with `src` added where `index` says along `dim`; twice adds twice."""
def index_select(x: Any, dim: _int, index: Any) -> Tensor:
    """The slices along `dim` that a vector of indices names."""
def index_add(x: Any, dim: _int, index: Any, source: Any, alpha: _float = ...) -> Tensor:
    """A copy of `x` with the slices of `source` added to those that `index` names."""
def index_copy(x: Any, dim: _int, index: Any, source: Any) -> Tensor:
    """A copy of `x` with the slices that `index` names taken from `source`."""
def index_fill(x: Any, dim: _int, index: Any, value: Any) -> Tensor:
    """A copy of `x` with one number in the slices that `index` names."""
def index_put(x: Any, indices: Any, values: Any, accumulate: _bool = ...) -> Tensor:
    """A copy of `x` with `values` at a tuple of index tensors, or added with `accumulate`."""
def sort(x: Any, dim: _int = ..., descending: _bool = ..., stable: _bool = ...) -> Any:
    """The elements in order along `dim`, and where they stood: (values, indices).

    Equal elements keep their order; NaN counts as the largest.

    >>> import clownpiece as cp
    >>> cp.tensor([3.0, 1.0, 2.0]).sort().indices
    tensor([1, 2, 0])
    """
def argsort(
    x: Any,
    dim: _int = ...,
    descending: _bool = ...,
    stable: _bool = ...,
) -> Tensor:
    """The indices that put the elements in order along `dim`."""
def msort(x: Any) -> Tensor:
    """The elements in order along the first dimension."""
def topk(
    x: Any,
    k: _int,
    dim: _int = ...,
    largest: _bool = ...,
    sorted: _bool = ...,
) -> Any:
    """The `k` largest (or smallest) elements along `dim`, best first: (values, indices)."""
def kthvalue(x: Any, k: _int, dim: _int = ..., keepdim: _bool = ...) -> Any:
    """The k-th smallest element along `dim`, counted from 1: (values, indices)."""
def searchsorted(
    sorted_sequence: Any,
    values: Any,
    right: _bool = ...,
    side: Any = ...,
) -> Tensor:
    """Where in a rising sequence (its last dimension) each value would have to be inserted."""
def bucketize(x: Any, boundaries: Any, *, right: _bool = ...) -> Tensor:
    """The number of the bucket, between rising boundaries, that each element falls into."""
def isin(elements: Any, test_elements: Any) -> Tensor:
    """Whether each element is one of `test_elements`."""
def argwhere(x: Any) -> Tensor:
    """The places that are not 0, a row of indices each."""
def nonzero(x: Any, *, as_tuple: _bool = ...) -> Any:
    """The places that are not 0, as rows, or as one index tensor a dimension (`as_tuple`)."""
def unique(
    x: Any,
    sorted: _bool = ...,
    return_inverse: _bool = ...,
    return_counts: _bool = ...,
    dim: Any = ...,
) -> Any:
    """The distinct elements in order; with `dim`, the distinct slices.

    `return_inverse` adds the place of each element among them, `return_counts` how many each.
    """
def unique_consecutive(
    x: Any,
    return_inverse: _bool = ...,
    return_counts: _bool = ...,
) -> Any:
    """One element of each run of equal neighbours."""
def bincount(x: Any, weights: Any = ..., minlength: _int = ...) -> Tensor:
    """How often each number from 0 on occurs, or the sum of the weights of its occurrences."""
def histc(x: Any, bins: _int = ..., min: _float = ..., max: _float = ...) -> Tensor:
    """How many elements fall into each of `bins` equal intervals from `min` to `max`."""
def amax(x: Any, dim: Dims = ..., keepdim: _bool = ...) -> Tensor:
    """The largest element of all, or over `dim` (one or several); equal ones share gradients."""
def amin(x: Any, dim: Dims = ..., keepdim: _bool = ...) -> Tensor:
    """The smallest element of all, or over `dim` (one or several); equal ones share gradients."""
def aminmax(x: Any, *, dim: _int | None = ..., keepdim: _bool = ...) -> Any:
    """The smallest and the largest element: (min, max)."""
def argmax(x: Any, dim: _int | None = ..., keepdim: _bool = ...) -> Tensor:
    """Where the (first) largest element stands, in the flattened tensor or along `dim`."""
def argmin(x: Any, dim: _int | None = ..., keepdim: _bool = ...) -> Tensor:
    """Where the (first) smallest element stands, in the flattened tensor or along `dim`."""
def max(x: Any, dim: Any = ..., keepdim: _bool = ..., other: Any = ...) -> Any:
    """The largest element; along `dim`, a pair (values, indices); with a tensor, `maximum`.

    >>> import clownpiece as cp
    >>> x = cp.tensor([[1.0, 5.0], [7.0, 3.0]])
    >>> x.max()
    tensor(7.)
    >>> x.max(dim=1).indices
    tensor([1, 0])
    """
def min(x: Any, dim: Any = ..., keepdim: _bool = ..., other: Any = ...) -> Any:
    """The smallest element; along `dim`, a pair (values, indices); with a tensor, `minimum`."""
def median(x: Any, dim: _int | None = ..., keepdim: _bool = ...) -> Any:
    """The middle element, the lower one of two; along `dim`, a pair (values, indices)."""
def quantile(
    x: Any,
    q: Any,
    dim: _int | None = ...,
    keepdim: _bool = ...,
    interpolation: str = ...,
) -> Tensor:
    """The value below which the share `q` of the elements lies; several `q` come first.

    Between two elements `interpolation` decides: linear, lower, higher, midpoint, nearest.
    """
def cosine_similarity(x1: Any, x2: Any, dim: _int = ..., eps: _float = ...) -> Tensor:
    """The cosine of the angle between vectors along `dim`; lengths count as at least `eps`."""
def pairwise_distance(
    x1: Any,
    x2: Any,
    p: _float = ...,
    eps: _float = ...,
    keepdim: _bool = ...,
) -> Tensor:
    """The p-norm of the difference of vectors along the last dimension."""
def pdist(x: Any, p: _float = ...) -> Tensor:
    """The p-norm of the difference of each pair of rows, in the order of a matrix's triangle."""
def dropout(x: Any, p: _float = ..., train: _bool = ...) -> Tensor:
    """Each number zeroed with probability `p`, the rest times 1 / (1 − p) (Srivastava 2014).

    In evaluation (`train=False`) it is `x` itself.
    """
def hsplit(x: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Pieces of equal width, or cut at a list of columns."""
def vsplit(x: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Pieces of equal height, or cut at a list of rows."""
def dsplit(x: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Pieces of equal depth, or cut at indices of dimension 2."""
def inverse(x: Any) -> Tensor:
    """The inverse of square matrices: `linalg.inv`."""
def matrix_power(x: Any, n: _int) -> Tensor:
    """A square matrix multiplied n times with itself; its inverse if `n` is negative."""
def det(x: Any) -> Tensor:
    """The determinant of square matrices."""
def slogdet(x: Any) -> Any:
    """Sign and logarithm of the determinant, where the determinant itself would overflow."""
def logdet(x: Any) -> Tensor:
    """The logarithm of the determinant; NaN where that is negative."""
def norm(
    x: Any,
    p: Any = ...,
    dim: Dims = ...,
    keepdim: _bool = ...,
    dtype: Dtype = ...,
) -> Tensor:
    """The p-norm of all elements, or of the vectors along `dim`; Euclid's length unless told.

    >>> import clownpiece as cp
    >>> cp.tensor([3.0, 4.0]).norm()
    tensor(5.)
    """
def dist(x: Any, other: Any, p: _int = ...) -> Tensor:
    """The p-norm of the difference."""
def cdist(x1: Any, x2: Any, p: _float = ..., compute_mode: Any = ...) -> Tensor:
    """The p-norm distance of each row of `x1` from each row of `x2`."""
def renorm(x: Any, p: _float, dim: _int, maxnorm: _float) -> Tensor:
    """Slices along `dim` scaled down where their p-norm exceeds `maxnorm`."""
def constant_pad_nd(x: Any, pad: Sequence[_int], value: _float = ...) -> Tensor:
    """`x` with cells of `value` around it; negative numbers cut cells off.

    `pad` holds a pair (before, after) for each dimension, the last dimension first. Its gradient
    is the opposite padding.
    """
def cumsum(x: Any, dim: _int, dtype: Dtype = ...) -> Tensor:
    """The sum of all elements up to each place along `dim`."""
def cumprod(x: Any, dim: _int, dtype: Dtype = ...) -> Tensor:
    """The product of all elements up to each place along `dim`."""
def cummax(x: Any, dim: _int) -> Any:
    """The largest element up to each place along `dim`, and its index: (values, indices)."""
def cummin(x: Any, dim: _int) -> Any:
    """The smallest element up to each place along `dim`, and its index: (values, indices)."""
def diff(
    x: Any,
    n: _int = ...,
    dim: _int = ...,
    prepend: Any = ...,
    append: Any = ...,
) -> Tensor:
    """The differences of neighbours along `dim`, taken `n` times."""
def scatter_reduce(
    x: Any,
    dim: _int,
    index: Any,
    src: Any,
    reduce: str,
    include_self: _bool = ...,
) -> Tensor:
    """`x` with all elements of `src` that `index` sends to a place reduced into it.

    `reduce` is "sum", "prod", "mean", "amax" or "amin"; `include_self=False` leaves `x` out
    wherever something arrives.
    """
def index_reduce(
    x: Any,
    dim: _int,
    index: Any,
    source: Any,
    reduce: str,
    include_self: _bool = ...,
) -> Tensor:
    """`x` with the slices of `source` along `dim` reduced into those that `index` names.

    `reduce` is "prod", "mean", "amax" or "amin"; `include_self=False` leaves `x` out wherever
    something arrives.
    """
def cross(x: Any, other: Any, dim: _int | None = ...) -> Tensor:
    """The vector products along a dimension of size 3: `dim`, or the first there is."""
def kron(x: Any, other: Any) -> Tensor:
    """The Kronecker product: `x` with each of its elements replaced by `other` times it.

    >>> import clownpiece as cp
    >>> cp.kron(cp.tensor([1, 10]), cp.tensor([2, 3]))
    tensor([ 2,  3, 20, 30])
    """
