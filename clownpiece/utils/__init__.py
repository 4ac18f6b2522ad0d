"""Everything around training that is not a tensor: so far, data sets and their loaders."""

from . import data

__all__ = ["data"]
