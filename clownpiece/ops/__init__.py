"""The operations: one record each, one family a file.

Importing this package imports every file in it, so a new family is a new file and nothing else.
"""

import importlib
import pkgutil

from .record import REGISTRY, Op

__all__ = ["REGISTRY", "Op"]

for _file in sorted(each.name for each in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_file}")
