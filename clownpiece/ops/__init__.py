"""The operations: one record each, one family a file."""

import importlib

from .record import REGISTRY, Op

__all__ = ["REGISTRY", "Op"]

FAMILIES = (
    "arithmetic",
    "elementwise",
    "comparison",
    "composition",
    "conversion",
    "selection",
    "reductions",
    "scans",
    "shape",
    "indexing",
    "sorting",
    "linalg",
    "activation",
    "softmax",
    "convolution",
    "pooling",
    "normalization",
    "attention",
    "loss",
    "embedding",
    "dropout",
    "resampling",
)

for _family in FAMILIES:
    try:
        importlib.import_module(f"{__name__}.{_family}")
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.{_family}":
            raise
