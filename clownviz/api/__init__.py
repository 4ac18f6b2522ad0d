"""The verbs people type: `summary`, `tree`, `diagram`, `explore`, `watch`, `compare`, `findings`…

Each takes a model and what to call it with, or a tape of a run. It runs the model once if it is
given inputs, leaves it as it was, and answers as text, as a static picture and, where there is a
front end for it, as a live widget.
"""

from __future__ import annotations

from ..recording.capture import Capture, Full, Sample, capture, describe, run
from ..recording.tape_file import load, save
from .arrays import array, attention, feature_maps
from .comparing import compare
from .examining import findings
from .history import curves, gradient_flow, histograms
from .live import Watch, explore, watch
from .reporting import report
from .shown import Shown
from .structure import autograd, diagram, summary, tree

__all__ = [
    "Capture",
    "Full",
    "Sample",
    "Shown",
    "Watch",
    "array",
    "attention",
    "autograd",
    "capture",
    "compare",
    "curves",
    "describe",
    "diagram",
    "explore",
    "feature_maps",
    "findings",
    "gradient_flow",
    "histograms",
    "load",
    "report",
    "run",
    "save",
    "summary",
    "tree",
    "watch",
]
