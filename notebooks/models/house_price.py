"""The course's regression model: a price from five facts about a house."""

from __future__ import annotations

from clownpiece import Tensor, nn


class HousePriceModel(nn.Module):
    """Linear layers with a normalization and a nonlinearity after each.

    Shape: (N, 5), standardized, → (N, 1).
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(5, 32),
            nn.LayerNorm(32),
            nn.Tanh(),
            nn.Linear(32, 16),
            nn.BatchNorm1d(16),
            nn.LeakyReLU(),
            nn.Linear(16, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)
