"""The course's image classifier: one transformer block on the patches of an image, 724 numbers."""

from __future__ import annotations

from clownpiece import Tensor, nn

from .gpt import MultiHeadAttention


class PatchBlock(nn.Module):
    """Attention between patches, then a small network for each; both added to what came in."""

    def __init__(self, dim: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(dim, heads, causal=False)
        self.feed_forward = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, dim))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(x)
        return x + self.feed_forward(x)


class PatchTransformer(nn.Module):
    """Patches of 4×4 pixels → 4 features → a transformer block → one number a patch → classes.

    Args:
        heads: attention heads, 1 or 2.
        classes: how many kinds of images.

    Shape: (N, 1, 28, 28) or (N, 28, 28) → (N, classes).
    """

    def __init__(self, heads: int = 2, classes: int = 10) -> None:
        super().__init__()
        self.embed = nn.Linear(4 * 4, 4)
        self.activation = nn.ReLU()
        self.block = PatchBlock(dim=4, heads=heads, hidden=8)
        self.head = nn.Linear(7 * 7, classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.activation(self.embed(self.patches(images)))
        x = self.activation(self.block(x))
        return self.head(x.mean(dim=-1))

    @staticmethod
    def patches(images: Tensor) -> Tensor:
        """The 49 patches of an image, each as its 16 pixels: (N, 28, 28) → (N, 49, 16)."""
        rows = images.reshape(-1, 7, 4, 7, 4).permute(0, 1, 3, 2, 4)
        return rows.reshape(-1, 49, 16)
