"""`clownviz demo`: train a small network on real images, and write one page that shows it.

Fashion-MNIST where Debian's package has put it, else the 8×8 digits shipped with the package.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from tqdm.auto import tqdm

import clownpiece
from clownpiece import nn, no_grad
from clownpiece.nn import functional as F
from clownpiece.optim import Adam
from clownpiece.optim.lr_scheduler import CosineAnnealingLR
from clownpiece.utils.data import DataLoader, Digits, FashionMNIST
from clownpiece.utils.data.datasets import ImageArrays

from . import api

__all__ = ["LeNet", "Lesson", "accuracy", "main", "train"]


class LeNet(nn.Module):
    """Two convolutions, each with pooling, then three linear layers (LeCun et al., 1998).

    Input `(N, 1, size, size)`, output `(N, classes)`; `size` is that of the images.
    """

    def __init__(self, size: int = 28, classes: int = 10) -> None:
        super().__init__()
        side = size // 4
        self.conv1 = nn.Conv2d(1, 8, 5, padding=2)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(16 * side * side, 120)
        self.fc2 = nn.Linear(120, 84)
        self.head = nn.Linear(84, classes)

    def forward(self, x: clownpiece.Tensor) -> clownpiece.Tensor:
        """The scores of each class."""
        x = self.pool(self.relu(self.conv1(x)))
        x = self.pool(self.relu(self.conv2(x)))
        x = self.relu(self.fc1(self.flatten(x)))
        return self.head(self.relu(self.fc2(x)))


@dataclass(frozen=True)
class Lesson:
    """What there is to learn: images, what they show, and how long it takes to learn it."""

    name: str
    training: ImageArrays
    test: ImageArrays
    size: int
    epochs: int
    learning_rate: float

    @staticmethod
    def available() -> Lesson:
        """Fashion-MNIST if it is on this machine, else the digits that come with the package."""
        if FashionMNIST.is_available():
            training, test = FashionMNIST("train"), FashionMNIST("test")
            return Lesson("Fashion-MNIST", training, test, 28, 1, 4e-3)
        return Lesson("digits", Digits("train"), Digits("test"), 8, 30, 4e-3)


def train(
    model: nn.Module, lesson: Lesson, optimizer: Adam, watch: api.Watch | None = None
) -> None:
    """Train with cross-entropy on shuffled batches of 64, showing a progress bar."""
    loader = DataLoader(lesson.training, batch_size=64, shuffle=True, seed=0)
    schedule = CosineAnnealingLR(optimizer, T_max=lesson.epochs * len(loader))
    with tqdm(total=lesson.epochs * len(loader), desc=f"training on {lesson.name}") as bar:
        for _ in range(lesson.epochs):
            for images, labels in loader:
                loss = F.cross_entropy(model(images), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                if watch is not None:
                    watch.log(loss=loss.item())
                bar.update()
                bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)


def accuracy(model: nn.Module, test: ImageArrays) -> float:
    """The share of test images whose highest score is the right class."""
    training = model.training
    model.eval()
    right = 0
    with no_grad():
        for images, labels in DataLoader(test, batch_size=500):
            right += int((model(images).argmax(1) == labels).sum())
    model.train(training)
    return right / len(test)


def main(page: str | Path = "clownviz-demo.html") -> Path:
    """Train, print the accuracy and the summary, and write the page; returns its path."""
    clownpiece.manual_seed(0)
    lesson = Lesson.available()
    model = LeNet(lesson.size)
    optimizer = Adam(model.parameters(), lr=lesson.learning_rate)
    started = time.perf_counter()
    with api.watch(model, optimizer) as watch:
        train(model, lesson, optimizer, watch)
    seconds = time.perf_counter() - started
    share = accuracy(model, lesson.test)
    print(f"\ntest accuracy on {lesson.name}: {share:.1%} (trained for {seconds:.0f} s)\n")

    image, _ = lesson.test[0]
    example = image.unsqueeze(0)
    model.eval()
    print(api.summary(model, example).text())
    path = Path(page).resolve()
    api.report(model, example, training=watch, title=f"LeNet on {lesson.name}").save(path)
    print(f"\nThe whole of it in one page, which needs no network: {path}")
    return path
