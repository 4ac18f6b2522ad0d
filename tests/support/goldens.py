"""Goldens: texts that were looked at once and may only change on purpose.

`CLOWNVIZ_OVERWRITE=1 pytest …` writes what the code says now; then look at `git diff`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

OVERWRITE = bool(os.environ.get("CLOWNVIZ_OVERWRITE"))


def check_golden(path: Path, text: str) -> None:
    """The text must be what the file says."""
    if OVERWRITE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
        return
    if not path.exists():
        pytest.fail(f"there is no golden {path.name}: run with CLOWNVIZ_OVERWRITE=1, and read it")
    expected = path.read_text(encoding="utf-8")
    assert text + "\n" == expected, f"{path.name} has changed; CLOWNVIZ_OVERWRITE=1 accepts it"
