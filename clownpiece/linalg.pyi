# Written by `python -m clownpiece.stubs`; change the op records instead.
# ruff: noqa

from typing import Any


from builtins import bool as _bool
from builtins import float as _float
from builtins import int as _int
from builtins import type as _type
from collections.abc import Sequence

from clownpiece.ops.arguments import Array, Dims, Dtype, Ints

from .ops.linalg import LinAlgError as LinAlgError
from .tensor import Tensor
def inv(x: Any) -> Tensor:
    """The inverse of square matrices; an error if one is singular."""
def solve(x: Any, b: Any) -> Tensor:
    """The solution of `x @ y = b`, for vectors or matrices `b`, without inverting `x`."""
def pinv(x: Any) -> Tensor:
    """The pseudo-inverse of Moore and Penrose: the inverse as far as there is one."""
def matrix_power(x: Any, n: _int) -> Tensor:
    """A square matrix multiplied n times with itself; its inverse if `n` is negative."""
def det(x: Any) -> Tensor:
    """The determinant of square matrices."""
def slogdet(x: Any) -> Any:
    """Sign and logarithm of the determinant, where the determinant itself would overflow."""
def cholesky(x: Any, upper: _bool = ...) -> Tensor:
    """The lower triangle L with `L @ L.mT = x`, for positive-definite matrices."""
def qr(x: Any, mode: Any = ...) -> Any:
    """Orthonormal columns Q and an upper triangle R with `Q @ R = x`: (Q, R)."""
def eigh(x: Any, UPLO: Any = ...) -> Any:
    """Eigenvalues, rising, and eigenvectors, in columns, of symmetric matrices.

    Only the lower triangle is read. The gradient needs eigenvalues that differ.
    """
def eigvalsh(x: Any, UPLO: str = ...) -> Tensor:
    """The eigenvalues of symmetric matrices, rising."""
def svd(x: Any, full_matrices: _bool = ...) -> Any:
    """The singular value decomposition (U, S, Vh), the singular values falling.

    The gradient needs singular values that differ, and `full_matrices=False`.
    """
def svdvals(x: Any) -> Tensor:
    """The singular values, falling."""
def vector_norm(
    x: Any,
    ord: _float = ...,
    dim: Dims = ...,
    keepdim: _bool = ...,
    dtype: Dtype = ...,
) -> Tensor:
    """The size of the elements as one vector, or of the vectors along `dim`.

    `ord` 2 is Euclid's length, 1 the sum of sizes, inf the largest and -inf the smallest size, 0
    the number of elements that are not 0.
    """
def matrix_norm(
    x: Any,
    ord: Any = ...,
    dim: Sequence[_int] = ...,
    keepdim: _bool = ...,
    dtype: Dtype = ...,
) -> Tensor:
    """The size of matrices: `ord` "fro" (Frobenius), "nuc" (nuclear), ±1, ±2 or ±inf."""
def norm(
    x: Any,
    ord: Any = ...,
    dim: Dims = ...,
    keepdim: _bool = ...,
    dtype: Dtype = ...,
) -> Tensor:
    """`matrix_norm` of matrices when `ord` is given, else `vector_norm`."""
def cross(x: Any, other: Any, dim: _int = ...) -> Tensor:
    """The vector products along a dimension of size 3, the last one if none is named."""
def vecdot(x: Any, other: Any, *, dim: _int = ...) -> Tensor:
    """The inner products of vectors along a dimension; the others are broadcast."""
