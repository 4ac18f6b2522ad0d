"""What looking costs: a forward that is captured against the same forward alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from measure import Case

import clownpiece
import clownviz
from clownpiece import nn, optim
from clownpiece.nn import functional as F

sys.path.insert(0, str(Path(__file__).parents[2] / "notebooks"))

from models.gpt import GPTModel
from models.lenet import LeNet

STEPS = 60
"""As many as are written down at once in the end."""


def capturing() -> Iterator[Case]:
    """One forward of a small CNN under `capture`, by what is kept."""
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1352, 10)
    )
    x = clownpiece.randn(32, 1, 28, 28)
    for keep in ("shapes", "statistics", "sample", "full"):

        def captured(keep: str = keep) -> Any:
            with clownviz.capture(model, keep=keep) as tape:
                model(x)
            return tape

        yield Case(f"capture, keep={keep!r}", captured, lambda: model(x), "the model alone")


def calls() -> Iterator[Case]:
    """Two hundred small modules, one run, the notes of it made and written down."""
    x = clownpiece.randn(4, 16)
    for kind, layer in (("Identity", nn.Identity), ("ReLU", nn.ReLU)):
        model = nn.Sequential(*[layer() for _ in range(200)])

        def captured(model: nn.Module = model) -> None:
            with clownviz.capture(model, keep="shapes"):
                for _ in range(20):
                    model(x)

        def alone(model: nn.Module = model) -> None:
            for _ in range(20):
                model(x)

        yield Case(f"shapes of 4,000 calls of {kind}", captured, alone, "the model alone")


def afterwards() -> Iterator[Case]:
    """A model whose captures are over, against a twin that was never captured."""
    layers = (nn.Linear, nn.ReLU)
    once, never = (
        nn.Sequential(*[layer(16, 16) if layer is nn.Linear else layer() for layer in 50 * layers])
        for _ in range(2)
    )
    x = clownpiece.randn(8, 16)
    for keep in ("statistics", "full"):
        with clownviz.capture(once, keep=keep, gradients=True):
            once(x).sum().backward()
    yield Case("100 modules after two captures", lambda: once(x), lambda: never(x), "a twin")


def training() -> Iterator[Case]:
    """A training step that is looked at, with its share of what is written down in the end."""
    lenet = LeNet()
    images, classes = clownpiece.randn(64, 1, 28, 28), clownpiece.randint(0, 10, (64,))
    yield from _steps("LeNet, batch 64", lenet, images, classes)
    for dim, context in ((128, 64), (256, 128)):
        gpt = GPTModel(1000, dim=dim, layers=4, heads=4, context=context)
        tokens = clownpiece.randint(0, 1000, (8, context))
        what = f"GPT, 4 layers of {dim}, 8 × {context} tokens"
        yield from _steps(what, gpt, tokens, tokens.reshape(-1))


def _steps(what: str, model: nn.Module, inputs: Any, targets: Any) -> Iterator[Case]:
    optimizer = optim.Adam(model.parameters(), lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        scores = model(inputs)
        F.cross_entropy(scores.reshape(-1, scores.shape[-1]), targets).backward()
        optimizer.step()

    with clownviz.capture(model, every=2) as tape:
        # Whoever asks for something on the tape makes it be written down.
        yield Case(
            f"step of {what}", step, step, "skipped", STEPS, of_rounds=median,
            rest=lambda: tape.steps,
        )  # fmt: skip


def views() -> Iterator[Case]:
    """Views of a model of a hundred modules, against one forward of it."""
    model = nn.Sequential(*[layer for _ in range(50) for layer in (nn.Linear(16, 16), nn.ReLU())])
    x = clownpiece.randn(8, 16)
    yield Case("summary, 100 modules", lambda: clownviz.summary(model, x).text(),
               lambda: model(x), "one forward")  # fmt: skip


FAMILIES = {
    "Capturing": capturing,
    "Calls": calls,
    "Captured training": training,
    "After a capture": afterwards,
    "Looking": views,
}
