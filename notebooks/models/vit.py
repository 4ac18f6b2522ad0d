"""A small vision transformer: GPT's block, unchanged, on the patches of an image.

Dosovitskiy et al., *An image is worth 16x16 words*, 2020.
"""

from __future__ import annotations

import clownpiece
from clownpiece import Tensor, nn

from .gpt import TransformerBlock


class PatchEmbedding(nn.Module):
    """Cuts an image into square patches and turns each into a vector.

    Shape: (N, C, H, W) → (N, H·W/size², dim).
    """

    def __init__(self, channels: int, size: int, dim: int) -> None:
        super().__init__()
        # A convolution that steps from patch to patch is one linear layer for all of them.
        self.project = nn.Conv2d(channels, dim, kernel_size=size, stride=size)

    def forward(self, images: Tensor) -> Tensor:
        return self.project(images).flatten(2).transpose(1, 2)


class ViT(nn.Module):
    """Classifies images: patches, blocks in which each sees all others, mean, classes.

    Args:
        image_size: height and width of an image.
        patch_size: height and width of a patch.
        channels: 1 for grey images, 3 for colour.
        classes: how many kinds of images.
        dim: the size of a position.
        layers: how many blocks.
        heads: attention heads of a block.

    Shape: (N, channels, image_size, image_size) → (N, classes).
    """

    def __init__(
        self,
        image_size: int = 28,
        patch_size: int = 4,
        channels: int = 1,
        classes: int = 10,
        dim: int = 32,
        layers: int = 2,
        heads: int = 4,
    ) -> None:
        super().__init__()
        patches = (image_size // patch_size) ** 2
        self.patches = PatchEmbedding(channels, patch_size, dim)
        self.position = nn.Parameter(clownpiece.randn(patches, dim) * 0.02)
        self.blocks = nn.Sequential(
            *[TransformerBlock(dim, heads, hidden=4 * dim, causal=False) for _ in range(layers)]
        )
        self.head = nn.Linear(dim, classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.blocks(self.patches(images) + self.position)
        return self.head(x.mean(dim=1))
