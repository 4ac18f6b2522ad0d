"""From a recorder to float32 bytes for the page: what is new since the last batch, or everything.

A batch is a head of six numbers — its number, 1 if it replaces all before it, rows, layers, points,
steps taken — then the rows (a step, a gradient norm a layer, an update ratio a layer), then the
points (number of the curve, step, value). ``front/training.js`` reads it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..recording.series import Series
from ..recording.training import Recorder, Training

__all__ = ["Feed"]

MOST_POINTS = 2_000
"""Points of a curve, or rows, in one batch; a picture is not wider than that."""
MOST_NUMBERS = 400_000
"""Numbers in the rows of one batch: 1.6 MB."""


class Feed:
    """Hands out what a recorder holds, each row and point once."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._number = 0
        self._sent: dict[str, tuple[int, int]] = {}
        self.layers = Training("", "", parameters=recorder.parameters).layers
        self.curves: list[str] = []

    def new(self) -> bytes | None:
        """What was recorded since the last batch; None if that is nothing.

        It is everything if the record was thinned in the meantime.
        """
        recorder = self._recorder
        with recorder.lock:
            series = {"": recorder.norms, **recorder.scalars}
            generations = {name: each.generation for name, each in series.items()}
            if any(generations[name] != sent for name, (sent, _) in self._sent.items()):
                return self._batch(series, whole=True)
            if all(each.count == self._count(name) for name, each in series.items()):
                return None
            return self._batch(series, whole=False)

    def everything(self) -> bytes:
        """All that was recorded, thinned evenly to what a picture can show."""
        recorder = self._recorder
        with recorder.lock:
            return self._batch({"": recorder.norms, **recorder.scalars}, whole=True)

    def _count(self, name: str) -> int:
        return self._sent.get(name, (0, 0))[1]

    def _batch(self, series: dict[str, Series], whole: bool) -> bytes:
        self._number += 1
        rows: list[np.ndarray] = []
        points: list[np.ndarray] = []
        for name, each in series.items():
            steps, values = each.since(0 if whole else self._count(name))
            self._sent[name] = (each.generation, each.count)
            if not name:
                rows = self._rows(*_thinned(steps, values, self._most_rows()))
                continue
            if name not in self.curves:
                self.curves.append(name)
            steps, values = _thinned(steps, values, MOST_POINTS)
            index = np.full(len(steps), self.curves.index(name))
            points.append(np.column_stack([index, steps, values[:, 0]]))
        counts = [sum(map(len, part)) for part in (rows, points)]
        head = [self._number, whole, counts[0], len(self.layers), counts[1], self._recorder.count]
        flat: list[Any] = [head, *(part.ravel() for part in (*rows, *points))]
        with np.errstate(all="ignore"):
            return np.concatenate(flat).astype("<f4").tobytes()

    def _most_rows(self) -> int:
        return max(8, min(MOST_POINTS, MOST_NUMBERS // max(1, 2 * len(self.layers))))

    def _rows(self, steps: np.ndarray, values: np.ndarray) -> list[np.ndarray]:
        wide = values.shape[1] // 3
        grad, update, weight = values[:, :wide], values[:, wide : 2 * wide], values[:, 2 * wide :]
        part = Training(
            "",
            "",
            parameters=self._recorder.parameters,
            norm_steps=steps,
            grad_norm=grad,
            update_norm=update,
            weight_norm=weight,
        )
        return [np.column_stack([steps, part.layer_grad_norm(), part.layer_update_ratio()])]


def _thinned(steps: np.ndarray, values: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """At most `most` rows, evenly spread, the newest among them."""
    stride = -(-len(steps) // most) or 1
    start = (len(steps) - 1) % stride
    return steps[start::stride], values[start::stride]
