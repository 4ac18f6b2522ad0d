"""look.json, read once: the facts that Python and the page share."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

LOOK: dict[str, Any] = json.loads(
    resources.files("clownviz.look").joinpath("look.json").read_text(encoding="utf-8")
)
THEMES: tuple[str, ...] = tuple(LOOK["themes"])
FAMILIES: tuple[str, ...] = tuple(LOOK["families"])
ROLES: tuple[str, ...] = tuple(LOOK["roles"])
