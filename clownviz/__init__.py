"""clownviz: see, question and replay what happens inside a model, in Jupyter and elsewhere."""

from .api import (
    Capture,
    Shown,
    Watch,
    capture,
    compare,
    describe,
    diagram,
    explore,
    load,
    page,
    run,
    save,
    summary,
    tree,
    watch,
)

__all__ = [
    "Capture",
    "Shown",
    "Watch",
    "capture",
    "compare",
    "describe",
    "diagram",
    "explore",
    "load",
    "page",
    "run",
    "save",
    "summary",
    "tree",
    "watch",
]
