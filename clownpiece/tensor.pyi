# Written by `python -m clownpiece.stubs`; change the op records instead.
# ruff: noqa

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

from builtins import bool as _bool
from builtins import float as _float
from builtins import int as _int
from builtins import type as _type
from collections.abc import Sequence

from clownpiece.ops.arguments import Array, Dims, Dtype, Ints

__all__ = ['Tensor', 'TensorMethods']
Path = tuple['Path | None', Callable[[Any], Any]]
_device = device
_dtype = dtype

class TensorMethods:
    """Where `binding.py` puts the methods that the op records give."""
    @property
    def T(self) -> Tensor:
        """The dimensions in reverse order; the transpose of a matrix."""
    def __abs__(self) -> Tensor: ...
    def __add__(self, other: Any) -> Tensor: ...
    def __and__(self, other: Any) -> Tensor: ...
    def __contains__(self, element: Any) -> _bool: ...
    def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]
    def __floordiv__(self, other: Any) -> Tensor: ...
    def __ge__(self, other: Any) -> Tensor: ...
    def __getitem__(self, index: Any) -> Any: ...
    def __gt__(self, other: Any) -> Tensor: ...
    def __iadd__(self, other: Any) -> Tensor: ...
    def __iand__(self, other: Any) -> Tensor: ...
    def __ifloordiv__(self, other: Any) -> Tensor: ...
    def __ilshift__(self, other: Any) -> Tensor: ...
    def __imod__(self, other: Any) -> Tensor: ...
    def __imul__(self, other: Any) -> Tensor: ...
    def __invert__(self) -> Tensor: ...
    def __ior__(self, other: Any) -> Tensor: ...
    def __ipow__(self, other: Any) -> Tensor: ...
    def __irshift__(self, other: Any) -> Tensor: ...
    def __isub__(self, other: Any) -> Tensor: ...
    def __itruediv__(self, other: Any) -> Tensor: ...
    def __ixor__(self, other: Any) -> Tensor: ...
    def __le__(self, other: Any) -> Tensor: ...
    def __lshift__(self, other: Any) -> Tensor: ...
    def __lt__(self, other: Any) -> Tensor: ...
    def __matmul__(self, other: Any) -> Tensor: ...
    def __mod__(self, other: Any) -> Tensor: ...
    def __mul__(self, other: Any) -> Tensor: ...
    def __ne__(self, other: Any) -> Tensor: ...  # type: ignore[override]
    def __neg__(self) -> Tensor: ...
    def __or__(self, other: Any) -> Tensor: ...
    def __pos__(self) -> Tensor: ...
    def __pow__(self, other: Any) -> Tensor: ...
    def __radd__(self, other: Any) -> Tensor: ...
    def __rand__(self, other: Any) -> Tensor: ...
    def __reversed__(self) -> Tensor: ...
    def __rfloordiv__(self, other: Any) -> Tensor: ...
    def __rlshift__(self, other: Any) -> Tensor: ...
    def __rmatmul__(self, other: Any) -> Tensor: ...
    def __rmod__(self, other: Any) -> Tensor: ...
    def __rmul__(self, other: Any) -> Tensor: ...
    def __ror__(self, other: Any) -> Tensor: ...
    def __rpow__(self, other: Any) -> Tensor: ...
    def __rrshift__(self, other: Any) -> Tensor: ...
    def __rshift__(self, other: Any) -> Tensor: ...
    def __rsub__(self, other: Any) -> Tensor: ...
    def __rtruediv__(self, other: Any) -> Tensor: ...
    def __rxor__(self, other: Any) -> Tensor: ...
    def __setitem__(self, index: Any, value: Any) -> None: ...
    def __sub__(self, other: Any) -> Tensor: ...
    def __truediv__(self, other: Any) -> Tensor: ...
    def __xor__(self, other: Any) -> Tensor: ...
    def abs(self) -> Tensor:
        """The absolute value; the gradient at 0 is 0."""
    def abs_(self) -> Tensor:
        """The absolute value; the gradient at 0 is 0."""
    def absolute(self) -> Tensor:
        """The absolute value; the gradient at 0 is 0."""
    def absolute_(self) -> Tensor:
        """The absolute value; the gradient at 0 is 0."""
    def acos(self) -> Tensor:
        """The angle in [0, π] whose cosine is `x`."""
    def acos_(self) -> Tensor:
        """The angle in [0, π] whose cosine is `x`."""
    def acosh(self) -> Tensor:
        """The number from 0 on whose hyperbolic cosine is `x`; NaN below 1."""
    def acosh_(self) -> Tensor:
        """The number from 0 on whose hyperbolic cosine is `x`; NaN below 1."""
    def add(self, other: Any, *, alpha: _float = ...) -> Tensor:
        """The sum; `alpha` multiplies `other` first.

        >>> import clownpiece as cp
        >>> cp.tensor([1.0, 2.0]).add(cp.tensor([10.0, 20.0]), alpha=0.5)
        tensor([ 6., 12.])
        """
    def add_(self, other: Any, *, alpha: _float = ...) -> Tensor:
        """The sum; `alpha` multiplies `other` first.

        >>> import clownpiece as cp
        >>> cp.tensor([1.0, 2.0]).add(cp.tensor([10.0, 20.0]), alpha=0.5)
        tensor([ 6., 12.])
        """
    def addcdiv(self, tensor1: Any, tensor2: Any, value: _int = ...) -> Tensor:
        """`x + value * tensor1 / tensor2`."""
    def addcdiv_(self, tensor1: Any, tensor2: Any, value: _int = ...) -> Tensor:
        """`x + value * tensor1 / tensor2`."""
    def addcmul(self, tensor1: Any, tensor2: Any, value: _int = ...) -> Tensor:
        """`x + value * tensor1 * tensor2`."""
    def addcmul_(self, tensor1: Any, tensor2: Any, value: _int = ...) -> Tensor:
        """`x + value * tensor1 * tensor2`."""
    def addmm(self, mat1: Any, mat2: Any, *, beta: _int = ..., alpha: _int = ...) -> Tensor:
        """`beta * x + alpha * (mat1 @ mat2)` on matrices; `x` is broadcast."""
    def addmm_(self, mat1: Any, mat2: Any, *, beta: _int = ..., alpha: _int = ...) -> Tensor:
        """`beta * x + alpha * (mat1 @ mat2)` on matrices; `x` is broadcast."""
    def addmv(self, mat: Any, vec: Any, *, beta: _int = ..., alpha: _int = ...) -> Tensor:
        """`beta * x + alpha * (mat @ vec)` of a matrix and a vector; `x` is broadcast."""
    def addmv_(self, mat: Any, vec: Any, *, beta: _int = ..., alpha: _int = ...) -> Tensor:
        """`beta * x + alpha * (mat @ vec)` of a matrix and a vector; `x` is broadcast."""
    def addr(self, vec1: Any, vec2: Any, *, beta: _int = ..., alpha: _int = ...) -> Tensor:
        """`beta * x + alpha * outer(vec1, vec2)` of two vectors; `x` is broadcast."""
    def addr_(self, vec1: Any, vec2: Any, *, beta: _int = ..., alpha: _int = ...) -> Tensor:
        """`beta * x + alpha * outer(vec1, vec2)` of two vectors; `x` is broadcast."""
    def all(self, dim: Dims = ..., keepdim: _bool = ...) -> Tensor:
        """Whether all elements are true (not 0), in the whole or over `dim`."""
    def allclose(
        self,
        other: Any,
        rtol: _float = ...,
        atol: _float = ...,
        equal_nan: _bool = ...,
    ) -> _bool:
        """Whether all elements are equal up to the tolerances, as a Python bool."""
    def amax(self, dim: Dims = ..., keepdim: _bool = ...) -> Tensor:
        """The largest element of all, or over `dim` (one or several); equal ones share gradients."""
    def amin(self, dim: Dims = ..., keepdim: _bool = ...) -> Tensor:
        """The smallest element of all, or over `dim` (one or several); equal ones share gradients."""
    def aminmax(self, *, dim: _int | None = ..., keepdim: _bool = ...) -> Any:
        """The smallest and the largest element: (min, max)."""
    def any(self, dim: Dims = ..., keepdim: _bool = ...) -> Tensor:
        """Whether any element is true (not 0), in the whole or over `dim`."""
    def arccos(self) -> Tensor:
        """The angle in [0, π] whose cosine is `x`."""
    def arccos_(self) -> Tensor:
        """The angle in [0, π] whose cosine is `x`."""
    def arccosh(self) -> Tensor:
        """The number from 0 on whose hyperbolic cosine is `x`; NaN below 1."""
    def arccosh_(self) -> Tensor:
        """The number from 0 on whose hyperbolic cosine is `x`; NaN below 1."""
    def arcsin(self) -> Tensor:
        """The angle in [-π/2, π/2] whose sine is `x`."""
    def arcsin_(self) -> Tensor:
        """The angle in [-π/2, π/2] whose sine is `x`."""
    def arcsinh(self) -> Tensor:
        """The number whose hyperbolic sine is `x`."""
    def arcsinh_(self) -> Tensor:
        """The number whose hyperbolic sine is `x`."""
    def arctan(self) -> Tensor:
        """The angle in (-π/2, π/2) whose tangent is `x`."""
    def arctan2(self, other: Any) -> Tensor:
        """The angle in (-π, π] of the point with ordinate `x` and abscissa `other`."""
    def arctan2_(self, other: Any) -> Tensor:
        """The angle in (-π, π] of the point with ordinate `x` and abscissa `other`."""
    def arctan_(self) -> Tensor:
        """The angle in (-π/2, π/2) whose tangent is `x`."""
    def arctanh(self) -> Tensor:
        """The number whose hyperbolic tangent is `x`."""
    def arctanh_(self) -> Tensor:
        """The number whose hyperbolic tangent is `x`."""
    def argmax(self, dim: _int | None = ..., keepdim: _bool = ...) -> Tensor:
        """Where the (first) largest element stands, in the flattened tensor or along `dim`."""
    def argmin(self, dim: _int | None = ..., keepdim: _bool = ...) -> Tensor:
        """Where the (first) smallest element stands, in the flattened tensor or along `dim`."""
    def argsort(
        self,
        dim: _int = ...,
        descending: _bool = ...,
        stable: _bool = ...,
    ) -> Tensor:
        """The indices that put the elements in order along `dim`."""
    def argwhere(self) -> Tensor:
        """The places that are not 0, a row of indices each."""
    def asin(self) -> Tensor:
        """The angle in [-π/2, π/2] whose sine is `x`."""
    def asin_(self) -> Tensor:
        """The angle in [-π/2, π/2] whose sine is `x`."""
    def asinh(self) -> Tensor:
        """The number whose hyperbolic sine is `x`."""
    def asinh_(self) -> Tensor:
        """The number whose hyperbolic sine is `x`."""
    def atan(self) -> Tensor:
        """The angle in (-π/2, π/2) whose tangent is `x`."""
    def atan2(self, other: Any) -> Tensor:
        """The angle in (-π, π] of the point with ordinate `x` and abscissa `other`."""
    def atan2_(self, other: Any) -> Tensor:
        """The angle in (-π, π] of the point with ordinate `x` and abscissa `other`."""
    def atan_(self) -> Tensor:
        """The angle in (-π/2, π/2) whose tangent is `x`."""
    def atanh(self) -> Tensor:
        """The number whose hyperbolic tangent is `x`."""
    def atanh_(self) -> Tensor:
        """The number whose hyperbolic tangent is `x`."""
    def backward(
        self,
        gradient: Tensor | None = ...,
        retain_graph: _bool | None = ...,
        create_graph: _bool = ...,
        inputs: Any = ...,
    ) -> None:
        """Accumulate the gradient of this tensor into the `.grad` of the leaves it came from.

        Args:
            gradient: the gradient of this tensor; 1 if left out and there is one element.
            retain_graph: keep the graph, to walk it again.
            create_graph: record the walk, for gradients of gradients.
            inputs: accumulate only into these.
        """
    def baddbmm(
        self,
        batch1: Any,
        batch2: Any,
        *,
        beta: _int = ...,
        alpha: _int = ...,
    ) -> Tensor:
        """`beta * x + alpha * (batch1 @ batch2)` on batches of matrices; `x` is broadcast."""
    def baddbmm_(
        self,
        batch1: Any,
        batch2: Any,
        *,
        beta: _int = ...,
        alpha: _int = ...,
    ) -> Tensor:
        """`beta * x + alpha * (batch1 @ batch2)` on batches of matrices; `x` is broadcast."""
    def bernoulli_(self, p: Any = ..., *, generator: Any = ...) -> Tensor:
        """Fill with 1 where chance has it, with probability p, else 0, in place."""
    def bfloat16(self, *args: Any, **kwargs: Any) -> Any:
        """Raise a NotImplementedError: clownpiece computes in float32 and float64, not in 16 bits; use .float()."""
    def bincount(self, weights: Any = ..., minlength: _int = ...) -> Tensor:
        """How often each number from 0 on occurs, or the sum of the weights of its occurrences."""
    def bitwise_and(self, other: Any) -> Tensor:
        """And, bit by bit."""
    def bitwise_and_(self, other: Any) -> Tensor:
        """And, bit by bit."""
    def bitwise_left_shift(self, other: Any) -> Tensor:
        """The bits moved to the left."""
    def bitwise_left_shift_(self, other: Any) -> Tensor:
        """The bits moved to the left."""
    def bitwise_not(self) -> Tensor:
        """Not, bit by bit; on truth values, the other one."""
    def bitwise_not_(self) -> Tensor:
        """Not, bit by bit; on truth values, the other one."""
    def bitwise_or(self, other: Any) -> Tensor:
        """Or, bit by bit."""
    def bitwise_or_(self, other: Any) -> Tensor:
        """Or, bit by bit."""
    def bitwise_right_shift(self, other: Any) -> Tensor:
        """The bits moved to the right."""
    def bitwise_right_shift_(self, other: Any) -> Tensor:
        """The bits moved to the right."""
    def bitwise_xor(self, other: Any) -> Tensor:
        """Exclusive or, bit by bit."""
    def bitwise_xor_(self, other: Any) -> Tensor:
        """Exclusive or, bit by bit."""
    def bmm(self, other: Any) -> Tensor:
        """The products of two batches of matrices, one by one."""
    def bool(self) -> Tensor:
        """The values as bool."""
    def broadcast_to(self, size: Any) -> Tensor:
        """`expand` to exactly this shape."""
    def byte(self) -> Tensor:
        """The values as uint8."""
    def cauchy_(
        self,
        median: _float = ...,
        sigma: _float = ...,
        *,
        generator: Any = ...,
    ) -> Tensor:
        """Fill with draws of the density σ / (π ((x − median)² + σ²)), in place."""
    def cdouble(self, *args: Any, **kwargs: Any) -> Any:
        """Raise a NotImplementedError: clownpiece has real numbers only; keep real and imaginary parts in two tensors."""
    def ceil(self) -> Tensor:
        """The smallest whole number that is not below `x`."""
    def ceil_(self) -> Tensor:
        """The smallest whole number that is not below `x`."""
    def celu(self, alpha: _float = ...) -> Tensor:
        """As `elu`, but smooth at zero for every `alpha` (Barron 2017)."""
    def celu_(self, alpha: _float = ...) -> Tensor:
        """As `elu`, but smooth at zero for every `alpha` (Barron 2017)."""
    def cfloat(self, *args: Any, **kwargs: Any) -> Any:
        """Raise a NotImplementedError: clownpiece has real numbers only; keep real and imaginary parts in two tensors."""
    def char(self) -> Tensor:
        """The values as int8."""
    def chunk(self, chunks: _int, dim: _int = ...) -> tuple[Tensor, ...]:
        """At most `chunks` pieces of one size along `dim`; the last may be smaller."""
    def clamp(self, min: Any = ..., max: Any = ...) -> Tensor:
        """`x` limited to [min, max]; either end may be left out, be a number or a tensor.

        >>> import clownpiece as cp
        >>> cp.tensor([-2.0, 0.5, 2.0]).clamp(-1, 1)
        tensor([-1.0000,  0.5000,  1.0000])
        """
    def clamp_(self, min: Any = ..., max: Any = ...) -> Tensor:
        """`x` limited to [min, max]; either end may be left out, be a number or a tensor.

        >>> import clownpiece as cp
        >>> cp.tensor([-2.0, 0.5, 2.0]).clamp(-1, 1)
        tensor([-1.0000,  0.5000,  1.0000])
        """
    def clamp_max(self, max: Any) -> Tensor:
        """`x`, but nowhere above `max`."""
    def clamp_max_(self, max: Any) -> Tensor:
        """`x`, but nowhere above `max`."""
    def clamp_min(self, min: Any) -> Tensor:
        """`x`, but nowhere below `min`."""
    def clamp_min_(self, min: Any) -> Tensor:
        """`x`, but nowhere below `min`."""
    def clip(self, min: Any = ..., max: Any = ...) -> Tensor:
        """`x` limited to [min, max]; either end may be left out, be a number or a tensor.

        >>> import clownpiece as cp
        >>> cp.tensor([-2.0, 0.5, 2.0]).clamp(-1, 1)
        tensor([-1.0000,  0.5000,  1.0000])
        """
    def clip_(self, min: Any = ..., max: Any = ...) -> Tensor:
        """`x` limited to [min, max]; either end may be left out, be a number or a tensor.

        >>> import clownpiece as cp
        >>> cp.tensor([-2.0, 0.5, 2.0]).clamp(-1, 1)
        tensor([-1.0000,  0.5000,  1.0000])
        """
    def clone(self, memory_format: Any = ...) -> Tensor:
        """A copy in memory of its own, through which gradients flow back."""
    def contiguous(self, memory_format: Any = ...) -> Tensor:
        """The tensor itself if its elements lie in order in memory, else a copy for which they do."""
    def copy_(self, src: Any, non_blocking: _bool = ...) -> Tensor:
        """The values of `src`, broadcast, written into `x`, which keeps its dtype."""
    def copysign(self, other: Any) -> Tensor:
        """The size of `x` with the sign of `other`."""
    def copysign_(self, other: Any) -> Tensor:
        """The size of `x` with the sign of `other`."""
    def cos(self) -> Tensor:
        """The cosine of an angle in radians."""
    def cos_(self) -> Tensor:
        """The cosine of an angle in radians."""
    def cosh(self) -> Tensor:
        """The hyperbolic cosine."""
    def cosh_(self) -> Tensor:
        """The hyperbolic cosine."""
    def count_nonzero(self, dim: Dims = ...) -> Tensor:
        """How many elements are not 0, in the whole or over `dim`."""
    def cpu(self) -> Tensor:
        """The tensor itself: it lives on the CPU."""
    def cross(self, other: Any, dim: _int | None = ...) -> Tensor:
        """The vector products along a dimension of size 3: `dim`, or the first there is."""
    def cuda(self, device_: Any = ..., non_blocking: _bool = ...) -> Tensor:
        """Raise a RuntimeError: there is only the CPU."""
    def cummax(self, dim: _int) -> Any:
        """The largest element up to each place along `dim`, and its index: (values, indices)."""
    def cummin(self, dim: _int) -> Any:
        """The smallest element up to each place along `dim`, and its index: (values, indices)."""
    def cumprod(self, dim: _int, dtype: Dtype = ...) -> Tensor:
        """The product of all elements up to each place along `dim`."""
    def cumprod_(self, dim: _int, dtype: Dtype = ...) -> Tensor:
        """The product of all elements up to each place along `dim`."""
    def cumsum(self, dim: _int, dtype: Dtype = ...) -> Tensor:
        """The sum of all elements up to each place along `dim`."""
    def cumsum_(self, dim: _int, dtype: Dtype = ...) -> Tensor:
        """The sum of all elements up to each place along `dim`."""
    def deg2rad(self) -> Tensor:
        """Degrees in radians."""
    def deg2rad_(self) -> Tensor:
        """Degrees in radians."""
    def dequantize(self, *args: Any, **kwargs: Any) -> Any:
        """Raise a NotImplementedError: clownpiece has no quantized tensors; use the values as floats."""
    def det(self) -> Tensor:
        """The determinant of square matrices."""
    def diag(self, diagonal: _int = ...) -> Tensor:
        """The diagonal of a matrix, or the matrix with a vector on its diagonal."""
    def diag_embed(self, offset: _int = ..., dim1: _int = ..., dim2: _int = ...) -> Tensor:
        """Matrices with the last dimension of `x` on their diagonal and zeros elsewhere."""
    def diagflat(self, offset: _int = ...) -> Tensor:
        """The matrix with all elements of `x`, in order, on a diagonal."""
    def diagonal(self, offset: _int = ..., dim1: _int = ..., dim2: _int = ...) -> Tensor:
        """The diagonal over two dimensions, as a view whose last dimension it is."""
    def diff(
        self,
        n: _int = ...,
        dim: _int = ...,
        prepend: Any = ...,
        append: Any = ...,
    ) -> Tensor:
        """The differences of neighbours along `dim`, taken `n` times."""
    def digamma(self) -> Tensor:
        """The slope of `lgamma`."""
    def digamma_(self) -> Tensor:
        """The slope of `lgamma`."""
    def dist(self, other: Any, p: _int = ...) -> Tensor:
        """The p-norm of the difference."""
    def div(self, other: Any, *, rounding_mode: str | None = ...) -> Tensor:
        """The quotient; `rounding_mode` "floor" or "trunc" rounds it to whole numbers."""
    def div_(self, other: Any, *, rounding_mode: str | None = ...) -> Tensor:
        """The quotient; `rounding_mode` "floor" or "trunc" rounds it to whole numbers."""
    def divide(self, other: Any, *, rounding_mode: str | None = ...) -> Tensor:
        """The quotient; `rounding_mode` "floor" or "trunc" rounds it to whole numbers."""
    def divide_(self, other: Any, *, rounding_mode: str | None = ...) -> Tensor:
        """The quotient; `rounding_mode` "floor" or "trunc" rounds it to whole numbers."""
    def dot(self, other: Any) -> Tensor:
        """The inner product of two vectors."""
    def double(self) -> Tensor:
        """The values as float64."""
    def dsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]:
        """Pieces of equal depth, or cut at indices of dimension 2."""
    def eq(self, other: Any) -> Tensor:
        """Whether both are equal, elementwise."""
    def eq_(self, other: Any) -> Tensor:
        """Whether both are equal, elementwise."""
    def equal(self, other: Any) -> _bool:
        """Whether both have the same shape and the same elements, as a Python bool."""
    def erf(self) -> Tensor:
        """The error function."""
    def erf_(self) -> Tensor:
        """The error function."""
    def erfc(self) -> Tensor:
        """One minus the error function, accurate also where that is nearly 1."""
    def erfc_(self) -> Tensor:
        """One minus the error function, accurate also where that is nearly 1."""
    def erfinv(self) -> Tensor:
        """The number whose error function is `x`; NaN outside of [-1, 1]."""
    def erfinv_(self) -> Tensor:
        """The number whose error function is `x`; NaN outside of [-1, 1]."""
    def exp(self) -> Tensor:
        """e to the power of `x`."""
    def exp2(self) -> Tensor:
        """2 to the power of `x`."""
    def exp2_(self) -> Tensor:
        """2 to the power of `x`."""
    def exp_(self) -> Tensor:
        """e to the power of `x`."""
    def expand(self, *size: Any) -> Tensor:
        """Dimensions of size 1 repeated without copying, new ones in front; -1 keeps a size."""
    def expand_as(self, other: Any) -> Tensor:
        """Expanded to the shape of another tensor."""
    def expm1(self) -> Tensor:
        """`exp(x) - 1`, accurate also where `x` is tiny."""
    def expm1_(self) -> Tensor:
        """`exp(x) - 1`, accurate also where `x` is tiny."""
    def exponential_(self, lambd: _float = ..., *, generator: Any = ...) -> Tensor:
        """Fill with draws of the density λ exp(−λ x) for x > 0, in place."""
    def fill_(self, value: Any, non_blocking: _bool = ...) -> Tensor:
        """One number, or a 0-d tensor, written everywhere into `x`."""
    def fill_diagonal_(self, fill_value: _float, wrap: _bool = ...) -> Tensor:
        """One number written into the main diagonal of `x`, again below it with `wrap`."""
    def fix(self) -> Tensor:
        """`x` without what is behind the point."""
    def fix_(self) -> Tensor:
        """`x` without what is behind the point."""
    def flatten(self, start_dim: _int = ..., end_dim: _int = ...) -> Tensor:
        """The dimensions from `start_dim` to `end_dim` merged into one."""
    def flip(self, *dims: Any) -> Tensor:
        """A copy with these dimensions running backwards."""
    def fliplr(self) -> Tensor:
        """Columns from right to left."""
    def flipud(self) -> Tensor:
        """Rows from bottom to top."""
    def float(self) -> Tensor:
        """The values as float32."""
    def float_power(self, exponent: Any) -> Tensor:
        """`pow` computed in float64 whatever comes in."""
    def float_power_(self, exponent: Any) -> Tensor:
        """`pow` computed in float64 whatever comes in."""
    def floor(self) -> Tensor:
        """The largest whole number that is not above `x`."""
    def floor_(self) -> Tensor:
        """The largest whole number that is not above `x`."""
    def floor_divide(self, other: Any) -> Tensor:
        """The quotient rounded down."""
    def floor_divide_(self, other: Any) -> Tensor:
        """The quotient rounded down."""
    def fmax(self, other: Any) -> Tensor:
        """The larger of the two, elementwise; the number if the other is NaN."""
    def fmin(self, other: Any) -> Tensor:
        """The smaller of the two, elementwise; the number if the other is NaN."""
    def fmod(self, other: Any) -> Tensor:
        """What truncating division leaves; it has the sign of `x`, as C's fmod."""
    def fmod_(self, other: Any) -> Tensor:
        """What truncating division leaves; it has the sign of `x`, as C's fmod."""
    def frac(self) -> Tensor:
        """What is behind the point, with the sign of `x`."""
    def frac_(self) -> Tensor:
        """What is behind the point, with the sign of `x`."""
    def gather(self, dim: _int, index: Any, sparse_grad: _bool = ...) -> Tensor:
        """For each place of `index`, the element of `x` that it names along `dim`.

        >>> import clownpiece as cp
        >>> cp.tensor([[1, 2], [3, 4]]).gather(1, cp.tensor([[0, 0], [1, 0]]))
        tensor([[1, 1],
                [4, 3]])
        """
    def ge(self, other: Any) -> Tensor:
        """Whether `x` is at least `other`."""
    def ge_(self, other: Any) -> Tensor:
        """Whether `x` is at least `other`."""
    def geometric_(self, p: _float, *, generator: Any = ...) -> Tensor:
        """Fill with the number of tries, 1 or more, up to the first success, in place."""
    def ger(self, other: Any) -> Tensor:
        """All products of an element of the one vector with one of the other."""
    def get_device(self) -> _int:
        """-1, as for every tensor on the CPU."""
    def greater(self, other: Any) -> Tensor:
        """Whether `x` is above `other`."""
    def greater_(self, other: Any) -> Tensor:
        """Whether `x` is above `other`."""
    def greater_equal(self, other: Any) -> Tensor:
        """Whether `x` is at least `other`."""
    def greater_equal_(self, other: Any) -> Tensor:
        """Whether `x` is at least `other`."""
    def gt(self, other: Any) -> Tensor:
        """Whether `x` is above `other`."""
    def gt_(self, other: Any) -> Tensor:
        """Whether `x` is above `other`."""
    def half(self, *args: Any, **kwargs: Any) -> Any:
        """Raise a NotImplementedError: clownpiece computes in float32 and float64, not in 16 bits; use .float()."""
    def hardshrink(self, lambd: _float = ...) -> Tensor:
        """`x` where its size exceeds `lambd`, zero elsewhere."""
    def histc(self, bins: _int = ..., min: _float = ..., max: _float = ...) -> Tensor:
        """How many elements fall into each of `bins` equal intervals from `min` to `max`."""
    def hsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]:
        """Pieces of equal width, or cut at a list of columns."""
    def hypot(self, other: Any) -> Tensor:
        """The hypotenuse over the legs `x` and `other`, without overflow on the way."""
    def hypot_(self, other: Any) -> Tensor:
        """The hypotenuse over the legs `x` and `other`, without overflow on the way."""
    def index_add(self, dim: _int, index: Any, source: Any, alpha: _float = ...) -> Tensor:
        """A copy of `x` with the slices of `source` added to those that `index` names."""
    def index_add_(self, dim: _int, index: Any, source: Any, alpha: _float = ...) -> Tensor:
        """A copy of `x` with the slices of `source` added to those that `index` names."""
    def index_copy(self, dim: _int, index: Any, source: Any) -> Tensor:
        """A copy of `x` with the slices that `index` names taken from `source`."""
    def index_copy_(self, dim: _int, index: Any, source: Any) -> Tensor:
        """A copy of `x` with the slices that `index` names taken from `source`."""
    def index_fill(self, dim: _int, index: Any, value: Any) -> Tensor:
        """A copy of `x` with one number in the slices that `index` names."""
    def index_fill_(self, dim: _int, index: Any, value: Any) -> Tensor:
        """A copy of `x` with one number in the slices that `index` names."""
    def index_put(self, indices: Any, values: Any, accumulate: _bool = ...) -> Tensor:
        """A copy of `x` with `values` at a tuple of index tensors, or added with `accumulate`."""
    def index_put_(self, indices: Any, values: Any, accumulate: _bool = ...) -> Tensor:
        """A copy of `x` with `values` at a tuple of index tensors, or added with `accumulate`."""
    def index_reduce(
        self,
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
    def index_reduce_(
        self,
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
    def index_select(self, dim: _int, index: Any) -> Tensor:
        """The slices along `dim` that a vector of indices names."""
    def inner(self, other: Any) -> Tensor:
        """Inner products over the last dimension of both."""
    def int(self) -> Tensor:
        """The values as int32."""
    def inverse(self) -> Tensor:
        """The inverse of square matrices: `linalg.inv`."""
    def is_complex(self) -> _bool:
        """False: there are no complex tensors here."""
    @property
    def is_cuda(self) -> _bool:
        """False: the tensor is on the CPU."""
    @property
    def is_mps(self) -> _bool:
        """False: the tensor is on the CPU."""
    def is_nonzero(self) -> _bool:
        """Whether the one element is not zero.

        Raises:
            RuntimeError: there is not exactly one element.
        """
    @property
    def is_quantized(self) -> _bool:
        """False: there are no quantized tensors here."""
    def is_same_size(self, other: Tensor) -> _bool:
        """Whether both have the same shape."""
    def is_signed(self) -> _bool:
        """Whether the elements can be negative."""
    @property
    def is_sparse(self) -> _bool:
        """False: there are no sparse tensors here."""
    def isclose(
        self,
        other: Any,
        rtol: _float = ...,
        atol: _float = ...,
        equal_nan: _bool = ...,
    ) -> Tensor:
        """Whether both are equal up to the tolerances."""
    def isfinite(self) -> Tensor:
        """Whether it is neither inf nor NaN."""
    def isinf(self) -> Tensor:
        """Whether it is infinite, of either sign."""
    def isnan(self) -> Tensor:
        """Whether it is NaN, not a number."""
    def isneginf(self) -> Tensor:
        """Whether it is -inf."""
    def isposinf(self) -> Tensor:
        """Whether it is +inf."""
    def kron(self, other: Any) -> Tensor:
        """The Kronecker product: `x` with each of its elements replaced by `other` times it.

        >>> import clownpiece as cp
        >>> cp.kron(cp.tensor([1, 10]), cp.tensor([2, 3]))
        tensor([ 2,  3, 20, 30])
        """
    def kthvalue(self, k: _int, dim: _int = ..., keepdim: _bool = ...) -> Any:
        """The k-th smallest element along `dim`, counted from 1: (values, indices)."""
    def le(self, other: Any) -> Tensor:
        """Whether `x` is at most `other`."""
    def le_(self, other: Any) -> Tensor:
        """Whether `x` is at most `other`."""
    def lerp(self, end: Any, weight: Any) -> Tensor:
        """The point between `x` (weight 0) and `end` (weight 1)."""
    def lerp_(self, end: Any, weight: Any) -> Tensor:
        """The point between `x` (weight 0) and `end` (weight 1)."""
    def less(self, other: Any) -> Tensor:
        """Whether `x` is below `other`."""
    def less_(self, other: Any) -> Tensor:
        """Whether `x` is below `other`."""
    def less_equal(self, other: Any) -> Tensor:
        """Whether `x` is at most `other`."""
    def less_equal_(self, other: Any) -> Tensor:
        """Whether `x` is at most `other`."""
    def lgamma(self) -> Tensor:
        """The logarithm of the gamma function's size."""
    def lgamma_(self) -> Tensor:
        """The logarithm of the gamma function's size."""
    def log(self) -> Tensor:
        """The natural logarithm; -inf at 0, NaN below."""
    def log10(self) -> Tensor:
        """The logarithm to base 10."""
    def log10_(self) -> Tensor:
        """The logarithm to base 10."""
    def log1p(self) -> Tensor:
        """`log(1 + x)`, accurate also where `x` is tiny."""
    def log1p_(self) -> Tensor:
        """`log(1 + x)`, accurate also where `x` is tiny."""
    def log2(self) -> Tensor:
        """The logarithm to base 2."""
    def log2_(self) -> Tensor:
        """The logarithm to base 2."""
    def log_(self) -> Tensor:
        """The natural logarithm; -inf at 0, NaN below."""
    def log_normal_(
        self,
        mean: _float = ...,
        std: _float = ...,
        *,
        generator: Any = ...,
    ) -> Tensor:
        """Fill with numbers whose logarithms are normal with this mean and std, in place."""
    def log_softmax(self, dim: _int, dtype: Dtype = ...) -> Tensor:
        """The logarithm of the softmax, without leaving the logarithmic scale."""
    def logaddexp(self, other: Any) -> Tensor:
        """The logarithm of the sum of the exponentials, without overflow on the way."""
    def logaddexp2(self, other: Any) -> Tensor:
        """`logaddexp` to base 2."""
    def logdet(self) -> Tensor:
        """The logarithm of the determinant; NaN where that is negative."""
    def logical_and(self, other: Any) -> Tensor:
        """Whether both are true; whatever is not 0 counts as true."""
    def logical_and_(self, other: Any) -> Tensor:
        """Whether both are true; whatever is not 0 counts as true."""
    def logical_not(self) -> Tensor:
        """Whether it is false; whatever is not 0 counts as true."""
    def logical_not_(self) -> Tensor:
        """Whether it is false; whatever is not 0 counts as true."""
    def logical_or(self, other: Any) -> Tensor:
        """Whether one is true, or both; whatever is not 0 counts as true."""
    def logical_or_(self, other: Any) -> Tensor:
        """Whether one is true, or both; whatever is not 0 counts as true."""
    def logical_xor(self, other: Any) -> Tensor:
        """Whether just one is true; whatever is not 0 counts as true."""
    def logical_xor_(self, other: Any) -> Tensor:
        """Whether just one is true; whatever is not 0 counts as true."""
    def logit(self, eps: _float | None = ...) -> Tensor:
        """The inverse of the sigmoid; `eps` first limits `x` to [eps, 1 - eps]."""
    def logit_(self, eps: _float | None = ...) -> Tensor:
        """The inverse of the sigmoid; `eps` first limits `x` to [eps, 1 - eps]."""
    def logsumexp(self, dim: Dims, keepdim: _bool = ...) -> Tensor:
        """The logarithm of the sum of the exponentials over `dim`, without overflow on the way."""
    def long(self) -> Tensor:
        """The values as int64."""
    def lt(self, other: Any) -> Tensor:
        """Whether `x` is below `other`."""
    def lt_(self, other: Any) -> Tensor:
        """Whether `x` is below `other`."""
    @property
    def mT(self) -> Tensor:
        """The last two dimensions swapped: the transpose of each matrix of a batch."""
    def masked_fill(self, mask: Any, value: Any) -> Tensor:
        """`x` with `value`, a number or a 0-d tensor, wherever the mask is true."""
    def masked_fill_(self, mask: Any, value: Any) -> Tensor:
        """`x` with `value`, a number or a 0-d tensor, wherever the mask is true."""
    def masked_scatter(self, mask: Any, source: Any) -> Tensor:
        """A copy of `x` with the elements of `source`, in order, wherever the mask is true."""
    def masked_scatter_(self, mask: Any, source: Any) -> Tensor:
        """A copy of `x` with the elements of `source`, in order, wherever the mask is true."""
    def masked_select(self, mask: Any) -> Tensor:
        """The elements where the mask is true, in one dimension."""
    def matmul(self, other: Any) -> Tensor:
        """The matrix product over the last two dimensions; the ones before are broadcast.

        A vector is a row on the left and a column on the right, and its dimension disappears.

        >>> import clownpiece as cp
        >>> (cp.ones(5, 2, 3) @ cp.ones(3, 4)).shape
        clownpiece.Size([5, 2, 4])
        """
    def matrix_power(self, n: _int) -> Tensor:
        """A square matrix multiplied n times with itself; its inverse if `n` is negative."""
    def max(self, dim: Any = ..., keepdim: _bool = ..., other: Any = ...) -> Any:
        """The largest element; along `dim`, a pair (values, indices); with a tensor, `maximum`.

        >>> import clownpiece as cp
        >>> x = cp.tensor([[1.0, 5.0], [7.0, 3.0]])
        >>> x.max()
        tensor(7.)
        >>> x.max(dim=1).indices
        tensor([1, 0])
        """
    def maximum(self, other: Any) -> Tensor:
        """The larger of the two, elementwise; NaN if either is NaN."""
    def mean(self, dim: Dims = ..., keepdim: _bool = ..., dtype: Dtype = ...) -> Tensor:
        """The mean over all elements, or over `dim`; NaN of nothing."""
    def median(self, dim: _int | None = ..., keepdim: _bool = ...) -> Any:
        """The middle element, the lower one of two; along `dim`, a pair (values, indices)."""
    def min(self, dim: Any = ..., keepdim: _bool = ..., other: Any = ...) -> Any:
        """The smallest element; along `dim`, a pair (values, indices); with a tensor, `minimum`."""
    def minimum(self, other: Any) -> Tensor:
        """The smaller of the two, elementwise; NaN if either is NaN."""
    def mm(self, other: Any) -> Tensor:
        """The product of two matrices."""
    def moveaxis(self, source: Ints, destination: Ints) -> Tensor:
        """Dimension `source` (or several) moved to place `destination`, the others in order."""
    def movedim(self, source: Ints, destination: Ints) -> Tensor:
        """Dimension `source` (or several) moved to place `destination`, the others in order."""
    def msort(self) -> Tensor:
        """The elements in order along the first dimension."""
    def mul(self, other: Any) -> Tensor:
        """The product, elementwise."""
    def mul_(self, other: Any) -> Tensor:
        """The product, elementwise."""
    def multiply(self, other: Any) -> Tensor:
        """The product, elementwise."""
    def multiply_(self, other: Any) -> Tensor:
        """The product, elementwise."""
    def mv(self, other: Any) -> Tensor:
        """A matrix times a vector."""
    def nan_to_num(
        self,
        nan: _float | None = ...,
        posinf: _float | None = ...,
        neginf: _float | None = ...,
    ) -> Tensor:
        """`x` with NaN and the infinities replaced by numbers (0 and the dtype's limits)."""
    def nan_to_num_(
        self,
        nan: _float | None = ...,
        posinf: _float | None = ...,
        neginf: _float | None = ...,
    ) -> Tensor:
        """`x` with NaN and the infinities replaced by numbers (0 and the dtype's limits)."""
    def nanmean(self, dim: Dims = ..., keepdim: _bool = ...) -> Tensor:
        """`mean` that leaves NaN out."""
    def nansum(self, dim: Any = ..., keepdim: _bool = ...) -> Tensor:
        """`sum` that leaves NaN out."""
    def narrow(self, dim: _int, start: Any, length: _int) -> Tensor:
        """The stretch of `length` elements from `start` along `dim`, as a view."""
    def ndimension(self) -> _int:
        """How many dimensions there are."""
    def ne(self, other: Any) -> Tensor:
        """Whether the two differ, elementwise."""
    def ne_(self, other: Any) -> Tensor:
        """Whether the two differ, elementwise."""
    def neg(self) -> Tensor:
        """`x` with the other sign."""
    def neg_(self) -> Tensor:
        """`x` with the other sign."""
    def negative(self) -> Tensor:
        """`x` with the other sign."""
    def negative_(self) -> Tensor:
        """`x` with the other sign."""
    def new_empty(self, *size: Any, **kwargs: Any) -> Tensor:
        """A tensor of this shape in the dtype of this tensor; here it starts as zeros."""
    def new_full(self, size: Any, fill_value: Any, **kwargs: Any) -> Tensor:
        """One value everywhere, in this shape and the dtype of this tensor."""
    def new_ones(self, *size: Any, **kwargs: Any) -> Tensor:
        """Ones of this shape in the dtype of this tensor."""
    def new_tensor(self, data: Any, **kwargs: Any) -> Tensor:
        """A tensor with a copy of this data in the dtype of this tensor."""
    def new_zeros(self, *size: Any, **kwargs: Any) -> Tensor:
        """Zeros of this shape in the dtype of this tensor."""
    def nonzero(self, *, as_tuple: _bool = ...) -> Any:
        """The places that are not 0, as rows, or as one index tensor a dimension (`as_tuple`)."""
    def norm(
        self,
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
    def normal_(
        self,
        mean: _float = ...,
        std: _float = ...,
        *,
        generator: Any = ...,
    ) -> Tensor:
        """Fill with normal random numbers, in place."""
    def not_equal(self, other: Any) -> Tensor:
        """Whether the two differ, elementwise."""
    def not_equal_(self, other: Any) -> Tensor:
        """Whether the two differ, elementwise."""
    def outer(self, other: Any) -> Tensor:
        """All products of an element of the one vector with one of the other."""
    def permute(self, *dims: Any) -> Tensor:
        """The dimensions in another order: dimension i of the result is `dims[i]` of `x`."""
    def positive(self) -> Tensor:
        """`x` itself."""
    def pow(self, exponent: Any) -> Tensor:
        """`x` to the power of `exponent`, each a tensor or a number.

        >>> import clownpiece as cp
        >>> cp.tensor([1.0, 2.0, 3.0]) ** 2
        tensor([1., 4., 9.])
        """
    def pow_(self, exponent: Any) -> Tensor:
        """`x` to the power of `exponent`, each a tensor or a number.

        >>> import clownpiece as cp
        >>> cp.tensor([1.0, 2.0, 3.0]) ** 2
        tensor([1., 4., 9.])
        """
    def prelu(self, weight: Any) -> Tensor:
        """`x` where it is positive, elsewhere `x` times a learned slope (He et al. 2015).

        `weight` holds one slope, or one for each channel (dimension 1).
        """
    def prod(
        self,
        dim: _int | None = ...,
        keepdim: _bool = ...,
        dtype: Dtype = ...,
    ) -> Tensor:
        """The product over all elements, or over one `dim`; zeros have their gradient too."""
    def put(self, index: Any, source: Any, accumulate: _bool = ...) -> Tensor:
        """A copy of `x` with `source` at places of the flattened tensor, or added there."""
    def put_(self, index: Any, source: Any, accumulate: _bool = ...) -> Tensor:
        """A copy of `x` with `source` at places of the flattened tensor, or added there."""
    def quantile(
        self,
        q: Any,
        dim: _int | None = ...,
        keepdim: _bool = ...,
        interpolation: str = ...,
    ) -> Tensor:
        """The value below which the share `q` of the elements lies; several `q` come first.

        Between two elements `interpolation` decides: linear, lower, higher, midpoint, nearest.
        """
    def rad2deg(self) -> Tensor:
        """Radians in degrees."""
    def rad2deg_(self) -> Tensor:
        """Radians in degrees."""
    def random_(self, *bounds: _int, generator: Any = ...) -> Tensor:
        """Fill with whole numbers, in place: `random_()`, `random_(to)` or `random_(from, to)`.

        They lie from `from` (0 if left out) up to, not including, `to`. Without bounds they are all
        that the dtype holds exactly and that are not negative.
        """
    def ravel(self) -> Tensor:
        """All elements in one dimension."""
    def reciprocal(self) -> Tensor:
        """One over `x`."""
    def reciprocal_(self) -> Tensor:
        """One over `x`."""
    def relu(self) -> Tensor:
        """The positive part: `x` where it is positive, zero elsewhere.

        >>> import clownpiece as cp
        >>> cp.tensor([-1.0, 2.0]).relu()
        tensor([0., 2.])
        """
    def relu_(self) -> Tensor:
        """The positive part: `x` where it is positive, zero elsewhere.

        >>> import clownpiece as cp
        >>> cp.tensor([-1.0, 2.0]).relu()
        tensor([0., 2.])
        """
    def remainder(self, other: Any) -> Tensor:
        """What floor division leaves; it has the sign of `other`, as Python's `%`."""
    def remainder_(self, other: Any) -> Tensor:
        """What floor division leaves; it has the sign of `other`, as Python's `%`."""
    def renorm(self, p: _float, dim: _int, maxnorm: _float) -> Tensor:
        """Slices along `dim` scaled down where their p-norm exceeds `maxnorm`."""
    def renorm_(self, p: _float, dim: _int, maxnorm: _float) -> Tensor:
        """Slices along `dim` scaled down where their p-norm exceeds `maxnorm`."""
    def repeat(self, *repeats: Any) -> Tensor:
        """Copies of the whole tensor side by side, so many times in each dimension.

        >>> import clownpiece as cp
        >>> cp.tensor([1, 2]).repeat(2, 2)
        tensor([[1, 2, 1, 2],
                [1, 2, 1, 2]])
        """
    def repeat_interleave(
        self,
        repeats: Any,
        dim: _int | None = ...,
        output_size: _int | None = ...,
    ) -> Tensor:
        """Each element, or each slice along `dim`, so many times in a row."""
    def reshape(self, *shape: Any) -> Tensor:
        """The elements in another shape, a view if memory allows it; one size may be -1.

        >>> import clownpiece as cp
        >>> cp.arange(6).reshape(2, -1)
        tensor([[0, 1, 2],
                [3, 4, 5]])
        """
    def reshape_as(self, other: Any) -> Tensor:
        """The elements in the shape of another tensor."""
    def roll(self, shifts: Ints, dims: Ints | None = ...) -> Tensor:
        """Shifted along `dims`; what falls out at one end comes in at the other."""
    def rot90(self, k: _int = ..., dims: Sequence[_int] = ...) -> Tensor:
        """Turned by `k` quarter turns from the first of `dims` towards the second."""
    def round(self, decimals: _int = ...) -> Tensor:
        """The nearest whole number, or the nearest with `decimals` digits; halves go to even."""
    def round_(self, decimals: _int = ...) -> Tensor:
        """The nearest whole number, or the nearest with `decimals` digits; halves go to even."""
    def rsqrt(self) -> Tensor:
        """One over the square root."""
    def rsqrt_(self) -> Tensor:
        """One over the square root."""
    def scatter(self, dim: _int, index: Any, src: Any, reduce: str | None = ...) -> Tensor:
        """A copy of `x` with `src`, a tensor or a number, written where `index` says along `dim`."""
    def scatter_(self, dim: _int, index: Any, src: Any, reduce: str | None = ...) -> Tensor:
        """A copy of `x` with `src`, a tensor or a number, written where `index` says along `dim`."""
    def scatter_add(self, dim: _int, index: Any, src: Any) -> Tensor:
        """A copy of `x` with `src` added where `index` says along `dim`; twice adds twice."""
    def scatter_add_(self, dim: _int, index: Any, src: Any) -> Tensor:
        """A copy of `x` with `src` added where `index` says along `dim`; twice adds twice."""
    def scatter_reduce(
        self,
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
    def scatter_reduce_(
        self,
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
    def select(self, dim: _int, index: _int) -> Tensor:
        """The slice at `index` along `dim`, which disappears, as a view."""
    def selu(self) -> Tensor:
        """`elu` scaled so that activations keep mean 0 and variance 1 (Klambauer et al. 2017).

        λ = 1.0507…, α = 1.6733….
        """
    def selu_(self) -> Tensor:
        """`elu` scaled so that activations keep mean 0 and variance 1 (Klambauer et al. 2017).

        λ = 1.0507…, α = 1.6733….
        """
    def sgn(self) -> Tensor:
        """-1, 0 or 1."""
    def sgn_(self) -> Tensor:
        """-1, 0 or 1."""
    def short(self) -> Tensor:
        """The values as int16."""
    def sigmoid(self) -> Tensor:
        """The logistic function: any number to between 0 and 1."""
    def sigmoid_(self) -> Tensor:
        """The logistic function: any number to between 0 and 1."""
    def sign(self) -> Tensor:
        """-1, 0 or 1."""
    def sign_(self) -> Tensor:
        """-1, 0 or 1."""
    def signbit(self) -> Tensor:
        """Whether it is negative, or -0.0."""
    def sin(self) -> Tensor:
        """The sine of an angle in radians."""
    def sin_(self) -> Tensor:
        """The sine of an angle in radians."""
    def sinc(self) -> Tensor:
        """`sin(πx) / (πx)`, and 1 at 0."""
    def sinc_(self) -> Tensor:
        """`sin(πx) / (πx)`, and 1 at 0."""
    def sinh(self) -> Tensor:
        """The hyperbolic sine."""
    def sinh_(self) -> Tensor:
        """The hyperbolic sine."""
    def slogdet(self) -> Any:
        """Sign and logarithm of the determinant, where the determinant itself would overflow."""
    def softmax(self, dim: _int, dtype: Dtype = ...) -> Tensor:
        """Positive numbers that add up to one along `dim`: exponentials, divided by their sum.

        A slice whose every entry is -inf becomes NaN.

        >>> import clownpiece as cp
        >>> cp.tensor([0.0, 0.0, -float("inf")]).softmax(0)
        tensor([0.5000, 0.5000, 0.0000])
        """
    def sort(self, dim: _int = ..., descending: _bool = ..., stable: _bool = ...) -> Any:
        """The elements in order along `dim`, and where they stood: (values, indices).

        Equal elements keep their order; NaN counts as the largest.

        >>> import clownpiece as cp
        >>> cp.tensor([3.0, 1.0, 2.0]).sort().indices
        tensor([1, 2, 0])
        """
    def split(self, split_size_or_sections: Any, dim: _int = ...) -> tuple[Tensor, ...]:
        """Stretches of one size (the last may be smaller), or of a list of sizes, along `dim`."""
    def split_with_sizes(
        self,
        split_sizes: Sequence[_int],
        dim: _int = ...,
    ) -> tuple[Tensor, ...]:
        """Stretches of these sizes along `dim`, as views."""
    def sqrt(self) -> Tensor:
        """The square root; NaN below 0."""
    def sqrt_(self) -> Tensor:
        """The square root; NaN below 0."""
    def square(self) -> Tensor:
        """`x` times itself."""
    def square_(self) -> Tensor:
        """`x` times itself."""
    def squeeze(self, dim: Dims = ...) -> Tensor:
        """Without the dimensions of size 1: all of them, or those of `dim` that are."""
    def squeeze_(self, dim: Dims = ...) -> Tensor:
        """Without the dimensions of size 1: all of them, or those of `dim` that are."""
    def std(
        self,
        dim: Dims | _bool = ...,
        unbiased: _bool | None = ...,
        keepdim: _bool = ...,
        correction: _float | None = ...,
    ) -> Tensor:
        """The standard deviation: the root of `var`, with the same arguments."""
    def sub(self, other: Any) -> Tensor:
        """The difference; `alpha` multiplies `other` first."""
    def sub_(self, other: Any) -> Tensor:
        """The difference; `alpha` multiplies `other` first."""
    def subtract(self, other: Any) -> Tensor:
        """The difference; `alpha` multiplies `other` first."""
    def subtract_(self, other: Any) -> Tensor:
        """The difference; `alpha` multiplies `other` first."""
    def sum(self, dim: Dims = ..., keepdim: _bool = ..., dtype: Dtype = ...) -> Tensor:
        """The sum over all elements, or over `dim` (one or several); whole numbers give int64.

        >>> import clownpiece as cp
        >>> cp.ones(2, 3).sum(dim=0)
        tensor([2., 2., 2.])
        """
    def swapaxes(self, dim0: _int | None = ..., dim1: _int | None = ...) -> Tensor:
        """Two dimensions swapped: `dim0` and `dim1`, or the last two if none is named."""
    def swapaxes_(self, dim0: _int | None = ..., dim1: _int | None = ...) -> Tensor:
        """Two dimensions swapped: `dim0` and `dim1`, or the last two if none is named."""
    def swapdims(self, dim0: _int | None = ..., dim1: _int | None = ...) -> Tensor:
        """Two dimensions swapped: `dim0` and `dim1`, or the last two if none is named."""
    def swapdims_(self, dim0: _int | None = ..., dim1: _int | None = ...) -> Tensor:
        """Two dimensions swapped: `dim0` and `dim1`, or the last two if none is named."""
    def t(self) -> Tensor:
        """A matrix transposed; a vector or a scalar stays what it is."""
    def t_(self) -> Tensor:
        """A matrix transposed; a vector or a scalar stays what it is."""
    def take(self, index: Array) -> Tensor:
        """Elements by their place in the flattened tensor, in the shape of `index`."""
    def take_along_dim(self, indices: Any, dim: _int | None = ...) -> Tensor:
        """`gather` whose index is broadcast against `x`; without `dim` both are flattened."""
    def tan(self) -> Tensor:
        """The tangent of an angle in radians."""
    def tan_(self) -> Tensor:
        """The tangent of an angle in radians."""
    def tanh(self) -> Tensor:
        """The hyperbolic tangent, an S from -1 to 1."""
    def tanh_(self) -> Tensor:
        """The hyperbolic tangent, an S from -1 to 1."""
    def tensor_split(self, indices_or_sections: Any, dim: _int = ...) -> tuple[Tensor, ...]:
        """Pieces of nearly one size (the first ones larger), or cut at a list of indices."""
    def threshold(self, threshold: _float, value: _float) -> Tensor:
        """`x` where it exceeds `threshold`, elsewhere `value`."""
    def threshold_(self, threshold: _float, value: _float) -> Tensor:
        """`x` where it exceeds `threshold`, elsewhere `value`."""
    def tile(self, *times: Ints, dims: Ints | None = ...) -> Tensor:
        """`repeat` that fills up missing dimensions with 1."""
    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        """In another dtype, or like another tensor; the tensor itself where nothing changes.

        Takes a dtype, a device (there is only "cpu"), a tensor, and `copy=True`.
        """
    def to_sparse(self, *args: Any, **kwargs: Any) -> Any:
        """Raise a NotImplementedError: clownpiece has dense tensors only; use a mask, or an index with gather and index_add."""
    def topk(
        self,
        k: _int,
        dim: _int = ...,
        largest: _bool = ...,
        sorted: _bool = ...,
    ) -> Any:
        """The `k` largest (or smallest) elements along `dim`, best first: (values, indices)."""
    def trace(self) -> Tensor:
        """The sum of the diagonal of a matrix."""
    def transpose(self, dim0: _int | None = ..., dim1: _int | None = ...) -> Tensor:
        """Two dimensions swapped: `dim0` and `dim1`, or the last two if none is named."""
    def transpose_(self, dim0: _int | None = ..., dim1: _int | None = ...) -> Tensor:
        """Two dimensions swapped: `dim0` and `dim1`, or the last two if none is named."""
    def tril(self, diagonal: _int = ...) -> Tensor:
        """The lower triangle of matrices, up to `diagonal`; zeros above."""
    def tril_(self, diagonal: _int = ...) -> Tensor:
        """The lower triangle of matrices, up to `diagonal`; zeros above."""
    def triu(self, diagonal: _int = ...) -> Tensor:
        """The upper triangle of matrices, from `diagonal` on; zeros below."""
    def triu_(self, diagonal: _int = ...) -> Tensor:
        """The upper triangle of matrices, from `diagonal` on; zeros below."""
    def true_divide(self, other: Any, *, rounding_mode: str | None = ...) -> Tensor:
        """The quotient; `rounding_mode` "floor" or "trunc" rounds it to whole numbers."""
    def true_divide_(self, other: Any, *, rounding_mode: str | None = ...) -> Tensor:
        """The quotient; `rounding_mode` "floor" or "trunc" rounds it to whole numbers."""
    def trunc(self) -> Tensor:
        """`x` without what is behind the point."""
    def trunc_(self) -> Tensor:
        """`x` without what is behind the point."""
    def type(self, dtype: Any = ...) -> Any:
        """The name of the tensor's type, or the tensor in another one, by its dtype or that name."""
    def type_as(self, other: Tensor) -> Tensor:
        """In the dtype of another tensor."""
    def unbind(self, dim: _int = ...) -> tuple[Tensor, ...]:
        """All slices along `dim`, which disappears, as views."""
    def unflatten(self, dim: _int, sizes: Sequence[_int]) -> Tensor:
        """One dimension taken apart into several; one of `sizes` may be -1."""
    def unfold(self, dimension: _int, size: _int, step: _int) -> Tensor:
        """Windows of `size` elements, `step` apart, along a dimension; they are a new last one."""
    def uniform_(
        self,
        low: _float = ...,
        high: _float = ...,
        *,
        generator: Any = ...,
    ) -> Tensor:
        """Fill with uniform random numbers from [low, high), in place."""
    def unique(
        self,
        sorted: _bool = ...,
        return_inverse: _bool = ...,
        return_counts: _bool = ...,
        dim: Any = ...,
    ) -> Any:
        """The distinct elements in order; with `dim`, the distinct slices.

        `return_inverse` adds the place of each element among them, `return_counts` how many each.
        """
    def unique_consecutive(
        self,
        return_inverse: _bool = ...,
        return_counts: _bool = ...,
    ) -> Any:
        """One element of each run of equal neighbours."""
    def unsqueeze(self, dim: _int) -> Tensor:
        """With a new dimension of size 1 at `dim`."""
    def unsqueeze_(self, dim: _int) -> Tensor:
        """With a new dimension of size 1 at `dim`."""
    def var(
        self,
        dim: Dims | _bool = ...,
        unbiased: _bool | None = ...,
        keepdim: _bool = ...,
        correction: _float | None = ...,
    ) -> Tensor:
        """The variance over all elements, or over `dim`.

        `correction` (1, Bessel's, unless `unbiased=False`) is taken off the count.
        """
    def vdot(self, other: Any) -> Tensor:
        """The inner product of two vectors."""
    def view(self, *size: Any) -> Tensor:
        """`reshape` that never copies: an error where the elements do not lie in order."""
    def view_as(self, other: Any) -> Tensor:
        """A view in the shape of another tensor."""
    def vsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]:
        """Pieces of equal height, or cut at a list of rows."""
    def where(self, condition: Any, other: Any) -> Tensor:
        """This tensor where the condition is true, `other` elsewhere."""
    def xlogy(self, other: Any) -> Tensor:
        """`x * log(other)`, and 0 wherever `x` is 0."""
    def xlogy_(self, other: Any) -> Tensor:
        """`x * log(other)`, and 0 wherever `x` is 0."""
    def zero_(
        self,
        dtype: Any = ...,
        order: str = ...,
        subok: _bool = ...,
        shape: Any = ...,
        device: Any = ...,
    ) -> Tensor:
        """Zero written everywhere into `x`."""

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
    __array_ufunc__: Any
    __array_priority__: _int
    array: np.ndarray
    _requires_grad: _bool
    _grad: Tensor | None
    _node: Node | None
    _slot: _int
    _version_cell: Version | None
    _base: Tensor | None
    _path: Path | None
    _forbids: str | None
    _seen_version: _int
    _hooks: dict[_int, Callable[..., Any]] | None
    _post_accumulate_hooks: dict[_int, Callable[..., Any]] | None
    _accumulator: Any
    _retains_grad: _bool
    _inference: _bool
    def __new__(cls, data: Any=None, *args: Any, **kwargs: Any) -> Any: ...
    @property
    def shape(self) -> Size:
        """The size of each dimension."""
    def size(self, dim: _int | None=None) -> Any:
        """The shape, or the size of one dimension."""
    @property
    def ndim(self) -> _int:
        """How many dimensions there are."""
    def dim(self) -> _int:
        """How many dimensions there are."""
    def numel(self) -> _int:
        """How many elements there are."""
    nelement = numel
    @property
    def dtype(self) -> _dtype:
        """The element type, such as `clownpiece.float32`."""
    @property
    def device(self) -> _device:
        """Always `device("cpu")`."""
    @property
    def itemsize(self) -> _int:
        """Bytes of one element."""
    def element_size(self) -> _int:
        """Bytes of one element."""
    @property
    def nbytes(self) -> _int:
        """Bytes of all elements."""
    def is_floating_point(self) -> _bool:
        """Whether the elements are floats, so that there can be a gradient."""
    def is_contiguous(self) -> _bool:
        """Whether the elements lie in memory in order, the last dimension fastest."""
    def stride(self, dim: _int | None=None) -> Any:
        """Elements from one index to the next, a number a dimension."""
    def data_ptr(self) -> _int:
        """The address of the first element."""
    @property
    def requires_grad(self) -> _bool:
        """Whether backward computes a gradient for this tensor, or for what it is a view of."""
    @requires_grad.setter
    def requires_grad(self, wanted: _bool) -> None: ...
    def requires_grad_(self, requires_grad: _bool=True) -> Tensor:
        """Say whether gradients are wanted, in place.

        Raises:
            TypeError: it is not said with a bool.
            RuntimeError: the elements are not floats, or the tensor came out of an operation.
        """
    @property
    def grad_fn(self) -> Node | None:
        """The node that made this tensor; None for a leaf."""
    @property
    def output_nr(self) -> _int:
        """Which output of `grad_fn` this tensor is."""
    @property
    def is_leaf(self) -> _bool:
        """Whether no recorded operation made it, so that `.grad` collects its gradient."""
    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward accumulated, or None."""
    @grad.setter
    def grad(self, new: Tensor | None) -> None: ...
    @grad.deleter
    def grad(self) -> None: ...
    def retain_grad(self) -> None:
        """Have backward keep the gradient of this non-leaf in `.grad` too."""
    @property
    def retains_grad(self) -> _bool:
        """Whether this is a non-leaf whose `.grad` backward fills."""
    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook(grad)` when backward has this tensor's gradient; it may return another.

        Raises:
            RuntimeError: the tensor does not require a gradient.
        """
    def register_post_accumulate_grad_hook(
        self,
        hook: Callable[[Tensor], None],
    ) -> RemovableHandle:
        """Call `hook(self)` each time backward has added to this leaf's `.grad`.

        What it returns, None or a tensor like this one, is what the next hook is called with.

        Raises:
            RuntimeError: the tensor is no leaf, or does not require a gradient.
        """
    def detach(self) -> Tensor:
        """The same memory outside of the graph; changes in place are seen by both."""
    def detach_(self) -> Tensor:
        """Leave the graph: from here on this tensor is a leaf."""
    @property
    def data(self) -> Tensor:
        """The same memory outside of the graph, unseen by the version counter."""
    @data.setter
    def data(self, new: Tensor) -> None: ...
    @property
    def _version(self) -> _int:
        """How often this memory was changed in place.

        Raises:
            RuntimeError: it is an inference tensor.
        """
    @property
    def _changes(self) -> _int:
        """The same, for inference tensors too, whose number nobody may rely on."""
    def _is_view(self) -> _bool:
        """Whether it shares the memory and the history of another tensor, its `_base`."""
    def _shared_version(self) -> Version: ...
    def bump_version(self) -> None:
        """Tell autograd that `array` was changed in place from outside."""
    def is_inference(self) -> _bool:
        """Whether it was made under `inference_mode`."""
    def _edge(self) -> Edge | None:
        """Where this tensor's gradient goes; nowhere for a view that was taken under `no_grad`."""
    def _become_view(
        self,
        source: Tensor,
        step: Callable[[Any], Any] | None,
        forbids: str | None,
    ) -> None:
        """Share the memory of `source`, out of which `step` makes this view.

        Args:
            forbids: why this view must not be changed while gradients are recorded, if it must not.
        """
    def _root(self) -> Tensor | None:
        """The base; if that was made a view itself (`transpose_`), of what, since."""
    def _follow_base(self) -> None:
        """Derive this view's history again if its memory was changed in place since."""
    def _take_history(self, node: Node | None, slot: _int) -> None:
        """From here on this tensor came out of `node`; a retained gradient is that of now."""
    def item(self) -> Any:
        """The one element, as a Python number.

        Raises:
            RuntimeError: there is not exactly one element.
        """
    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
    def numpy(self, *, force: _bool=False) -> np.ndarray:
        """The array behind it; `force=True` detaches first.

        Raises:
            RuntimeError: the tensor requires a gradient, which NumPy could not follow.
        """
    def __array__(self, dtype: Any=None, copy: _bool | None=None) -> np.ndarray: ...
    def __dlpack__(self, **kwargs: Any) -> Any: ...
    def __dlpack_device__(self) -> Any: ...
    def __len__(self) -> _int: ...
    def __iter__(self) -> Iterator[Tensor]: ...
    def __bool__(self) -> _bool: ...
    def __float__(self) -> _float: ...
    def __int__(self) -> _int: ...
    def _one_number(self) -> Any: ...
    def __index__(self) -> _int: ...
    def __format__(self, spec: str) -> str: ...
    def __hash__(self) -> _int: ...
    def __repr__(self) -> str: ...
    def __deepcopy__(self, memo: dict[_int, Any]) -> Any: ...
    def __reduce_ex__(self, protocol: Any) -> Any: ...

_new: Any
def wrap(array: Any) -> Tensor:
    """A tensor around this array, without a copy and without a history."""
def replayed(value: Any, path: Path | None) -> Any:
    """What a path of views makes of a base: a Tensor, or an array that shares its memory."""
def _retain_on(tensor: Tensor, node: Node) -> None:
    """Have the node of a non-leaf add the gradient that passes to `tensor.grad`."""
RETAIN: Any
