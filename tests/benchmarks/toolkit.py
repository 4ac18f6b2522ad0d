"""What looking costs: a forward that is captured against the same forward alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from measure import Case

import clownpiece
import clownviz
from clownpiece import nn


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


def views() -> Iterator[Case]:
    """Views of a model of a hundred modules, against one forward of it."""
    model = nn.Sequential(*[layer for _ in range(50) for layer in (nn.Linear(16, 16), nn.ReLU())])
    x = clownpiece.randn(8, 16)
    yield Case("summary, 100 modules", lambda: clownviz.summary(model, x).text(),
               lambda: model(x), "one forward")  # fmt: skip


FAMILIES = {"Capturing": capturing, "Looking": views}
