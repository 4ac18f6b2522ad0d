"""Everything around training that is not a tensor: data sets and their loaders, checkpoints."""

from . import checkpoint, data

__all__ = ["checkpoint", "data"]
