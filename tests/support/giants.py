"""Large models with the names that clownpiece and PyTorch share, so that each has its twin.

`giants(nn, library)` makes them of one of the two: each entry is a model and its input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["giants"]


def giants(nn: Any, library: Any) -> dict[str, Callable[[], tuple[Any, Any]]]:
    """What a first picture must be readable of, by name."""

    class Block(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.norm1 = nn.LayerNorm(width)
            self.attn = nn.MultiheadAttention(width, 4, batch_first=True)
            self.norm2 = nn.LayerNorm(width)
            self.mlp = nn.Sequential(
                nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
            )

        def forward(self, x: Any) -> Any:
            y = self.norm1(x)
            x = x + self.attn(y, y, y)[0]
            return x + self.mlp(self.norm2(x))

    class GPT(nn.Module):
        """Equal blocks, and an output layer tied to the embedding."""

        def __init__(self, blocks: int, width: int = 32) -> None:
            super().__init__()
            self.tokens = nn.Embedding(100, width)
            self.places = nn.Embedding(32, width)
            self.blocks = nn.ModuleList([Block(width) for _ in range(blocks)])
            self.norm = nn.LayerNorm(width)
            self.head = nn.Linear(width, 100, bias=False)
            self.head.weight = self.tokens.weight

        def forward(self, x: Any) -> Any:
            x = self.tokens(x) + self.places(library.arange(x.shape[1]))
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x))

    class Loop(nn.Module):
        """One cell, called at every step."""

        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.RNNCell(8, 8)
            self.head = nn.Linear(8, 2)

        def forward(self, x: Any) -> Any:
            state = library.zeros(x.shape[0], 8)
            for step in range(x.shape[1]):
                state = self.cell(x[:, step], state)
            return self.head(state)

    class Grow(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(channels)
            self.conv = nn.Conv2d(channels, 4, 3, padding=1)

        def forward(self, x: Any) -> Any:
            return self.conv(library.relu(self.norm(x)))

    class Dense(nn.Module):
        """Sixteen layers, each of which sees all before it: 120 skips."""

        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 8, 3, padding=1)
            self.layers = nn.ModuleList([Grow(8 + 4 * n) for n in range(16)])
            self.head = nn.Linear(72, 10)

        def forward(self, x: Any) -> Any:
            known = [self.stem(x)]
            for layer in self.layers:
                known.append(layer(library.cat(known, 1)))
            return self.head(library.cat(known, 1).mean((2, 3)))

    def nested(depth: int) -> Any:
        if depth == 0:
            return nn.Linear(4, 4)
        return nn.Sequential(*[nested(depth - 1) for _ in range(10)])

    def different(blocks: int) -> Any:
        """No two blocks alike, so that nothing can be folded."""
        return nn.Sequential(*[
            nn.Sequential(nn.Linear(8, 8 + n), nn.ReLU(), nn.Linear(8 + n, 8))
            for n in range(blocks)
        ])  # fmt: skip

    def equal(blocks: int) -> Any:
        return nn.Sequential(*[
            nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.LayerNorm(8)) for _ in range(blocks)
        ])  # fmt: skip

    return {
        "4,000 modules": lambda: (equal(1_000), library.randn(2, 8)),
        "4,000 different modules": lambda: (different(1_000), library.randn(2, 8)),
        "a tree of 10,000 modules": lambda: (nested(4), library.randn(2, 4)),
        "a GPT of 48 layers": lambda: (GPT(48), library.randint(0, 100, (2, 16))),
        "an RNN of 1,000 steps": lambda: (Loop(), library.randn(4, 1_000, 8)),
        "a DenseNet with 120 skips": lambda: (Dense(), library.randn(2, 3, 8, 8)),
    }
