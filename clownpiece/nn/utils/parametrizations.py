"""Parametrizations that people use: weight normalization and spectral normalization."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...creation import randn
from ...tensor import Tensor
from .. import functional as F
from ..module import Module
from .parametrize import register_parametrization

__all__ = ["spectral_norm", "weight_norm"]


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Learn a weight's length and direction apart: w = g · v / |v|.

    Salimans and Kingma, *Weight normalization*, 2016.

    Args:
        module: whose parameter.
        name: the parameter.
        dim: one length for each index of this dimension; None or -1 for a single one.

    g is `parametrizations.weight.original0`, v is `parametrizations.weight.original1`.
    """
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


class _WeightNorm(Module):
    """w = g · v / |v|."""

    def __init__(self, dim: int | None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_v * (weight_g / self._norm(weight_v))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The length, and the weight itself as the direction."""
        return self._norm(weight), weight

    def _norm(self, v: Any) -> Any:
        if self.dim in (None, -1):
            return (v * v).sum().sqrt()
        others = [dim for dim in range(v.ndim) if dim != self.dim % v.ndim]
        return (v * v).sum(dim=others, keepdim=True).sqrt()


def spectral_norm(
    module: Any,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Any:
    """Divide a weight by its largest singular value σ, so that the layer lengthens nothing.

    σ is followed by power iteration: u ← W v / |W v|, v ← Wᵀ u / |Wᵀ u|, σ = uᵀ W v.

    Miyato et al., *Spectral normalization for generative adversarial networks*, 2018.

    Args:
        module: whose parameter.
        name: the parameter.
        n_power_iterations: steps at each use while training.
        eps: keeps the norms from being 0.
        dim: the dimension that counts as rows; 1 for transposed convolutions, else 0.
    """
    weight = getattr(module, name)
    if dim is None:
        dim = 1 if "ConvTranspose" in type(module).__name__ else 0
    return register_parametrization(
        module, name, _SpectralNorm(weight, n_power_iterations, dim, eps)
    )


class _SpectralNorm(Module):
    """W / σ."""

    def __init__(self, weight: Any, n_power_iterations: int, dim: int, eps: float) -> None:
        super().__init__()
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, "
                f"but got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim % weight.ndim
        self.n_power_iterations = n_power_iterations
        self.eps = eps
        if weight.ndim > 1:
            rows, columns = self._matrix(weight).shape
            self.register_buffer("_u", F.normalize(randn(rows, dtype=weight.dtype), dim=0))
            self.register_buffer("_v", F.normalize(randn(columns, dtype=weight.dtype), dim=0))
            self._iterate(weight, 15)

    def _matrix(self, weight: Any) -> Any:
        """The weight as rows of everything else."""
        return weight.movedim(self.dim, 0).flatten(1)

    def _iterate(self, weight: Any, steps: int) -> None:
        matrix = self._matrix(weight).array
        u, v = self._u.array, self._v.array
        for _ in range(steps):
            u = matrix @ v
            u = u / max(np.linalg.norm(u), self.eps)
            v = matrix.T @ u
            v = v / max(np.linalg.norm(v), self.eps)
        for buffer, value in ((self._u, u), (self._v, v)):
            buffer.array[...] = value
            buffer.bump_version()

    def forward(self, weight: Any) -> Tensor:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        if self.training:
            self._iterate(weight, self.n_power_iterations)
        # Clones, because the next use changes the buffers that backward may still need.
        u, v = self._u.clone(), self._v.clone()
        sigma = u @ (self._matrix(weight) @ v)
        return weight / sigma

    def right_inverse(self, value: Tensor) -> Tensor:
        """The value itself: it is taken to be normalized already."""
        return value
