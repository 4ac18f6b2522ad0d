"""LeNet-5, the first convolutional network that many people meet.

LeCun et al., *Gradient-based learning applied to document recognition*, 1998; with ReLU and
maxima, as it is built today, and padded so that images of 8×8 work as well as those of 28×28.
"""

from __future__ import annotations

from clownpiece import Tensor, nn


class LeNet(nn.Module):
    """Two convolutions that look for patterns, three linear layers that decide.

    Args:
        image_size: height and width of an image, divisible by 4.
        channels: 1 for grey images, 3 for colour.
        classes: how many kinds of images.

    Shape: (N, channels, image_size, image_size) → (N, classes).
    """

    def __init__(self, image_size: int = 28, channels: int = 1, classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, 6, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(16 * (image_size // 4) ** 2, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.features(images))
