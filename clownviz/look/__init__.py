"""How clownviz looks: colours, scales and number formats, one JSON for Python and the page.

>>> from clownviz import look
>>> look.color("family.convolution.text", "dark"), look.format_count(61_706)
('#9edffa', '61.7 k')
"""

from __future__ import annotations

from .data import FAMILIES, LOOK, ROLES, THEMES
from .formats import format_bytes, format_count, format_number, format_seconds, format_shape
from .formulas import readable_formula
from .palette import color, colors, css, family, rgb, series, variable
from .scale import (
    Scale,
    colormap,
    colormap_table,
    limits_of,
    matplotlib_colormap,
    scale_of,
)

__all__ = [
    "FAMILIES",
    "LOOK",
    "ROLES",
    "THEMES",
    "Scale",
    "color",
    "colormap",
    "colormap_table",
    "colors",
    "css",
    "family",
    "format_bytes",
    "format_count",
    "format_number",
    "format_seconds",
    "format_shape",
    "limits_of",
    "matplotlib_colormap",
    "readable_formula",
    "rgb",
    "scale_of",
    "series",
    "variable",
]
