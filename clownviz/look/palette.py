"""Colours by name, and the same colours as CSS custom properties."""

from __future__ import annotations

from collections.abc import Iterator

from .data import LOOK, THEMES

__all__ = ["color", "colors", "css", "family", "rgb", "series", "variable"]


def _flatten(theme: str) -> Iterator[tuple[str, str]]:
    yield from LOOK["themes"][theme].items()
    for group, singular in (("roles", "role"), ("families", "family")):
        for name, themes in LOOK[group].items():
            for part, value in themes[theme].items():
                yield f"{singular}.{name}.{part}", value
    for index, value in enumerate(LOOK["series"][theme]):
        yield f"series.{index}", value


_COLORS: dict[str, dict[str, str]] = {theme: dict(_flatten(theme)) for theme in THEMES}


def colors(theme: str = "light") -> dict[str, str]:
    """Every named colour of a theme: ``{"text": "#1f2328", "family.linear.fill": …}``."""
    if theme not in _COLORS:
        raise ValueError(f"theme {theme!r} is not known: use one of {', '.join(THEMES)}.")
    return dict(_COLORS[theme])


def color(name: str, theme: str = "light") -> str:
    """One colour as ``#rrggbb``.

    Names: ``text muted background surface border grid accent selection error warning success masked
    nan``; ``role.<weight|activation|gradient>.<text|mark|fill>``; ``family.<family>.<fill|text>``;
    ``series.<n>``.

    >>> color("nan"), color("family.linear.fill", "dark")
    ('#e000e0', '#233853')
    """
    if theme not in _COLORS:
        raise ValueError(f"theme {theme!r} is not known: use one of {', '.join(THEMES)}.")
    try:
        return _COLORS[theme][name]
    except KeyError:
        group = name.split(".")[0] + "."
        near = [known for known in _COLORS[theme] if known.startswith(group)]
        hint = ", ".join(near or LOOK["themes"][theme])
        raise KeyError(f"no colour is named {name!r}: expected one of {hint}.") from None


def rgb(color: str) -> tuple[int, int, int]:
    """The three bytes of a ``#rrggbb``.

    >>> rgb("#e000e0")
    (224, 0, 224)
    """
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def family(name: str) -> str:
    """``name`` if it is a family of modules that has a colour, else ``"other"``."""
    return name if name in LOOK["families"] else "other"


def series(index: int, theme: str = "light") -> str:
    """The colour of curve number ``index``; they repeat after eight."""
    palette = LOOK["series"][theme]
    return str(palette[index % len(palette)])


def variable(name: str) -> str:
    """The CSS custom property of a colour, with its light value as fallback.

    >>> variable("role.weight.mark")
    'var(--cv-role-weight-mark, #6875d8)'
    """
    return f"var({_property(name)}, {color(name)})"


def _property(name: str) -> str:
    return "--cv-" + name.replace(".", "-")


def css(selector: str = ".clownviz", *, jupyter: bool = True) -> str:
    """The rules that give ``selector`` every colour and font as a custom property ``--cv-…``.

    The theme is what ``data-jp-theme-light`` (JupyterLab), ``data-theme`` or a class ``dark`` or
    ``light`` on an ancestor says, else ``prefers-color-scheme``. With ``jupyter=True`` ground,
    text, border and fonts follow JupyterLab's own ``--jp-…`` variables where they exist.
    A static SVG that is shown by ``<img>`` wants ``css("svg", jupyter=False)``.
    """
    light, dark = (_declarations(theme, jupyter) for theme in THEMES)
    fonts = "".join(
        f"--cv-font-{name}:{_or_jupyter(font['jupyter'], font['stack'], jupyter)};"
        for name, font in LOOK["fonts"].items()
    )
    return (
        f"{selector}{{color-scheme:light;{fonts}{light}}}\n"
        f"@media (prefers-color-scheme:dark){{{selector}{{color-scheme:dark;{dark}}}}}\n"
        f"{_within('light', 'true', selector)}{{color-scheme:light;{light}}}\n"
        f"{_within('dark', 'false', selector)}{{color-scheme:dark;{dark}}}\n"
    )


def _within(theme: str, jupyter_light: str, selector: str) -> str:
    marks = f'[data-jp-theme-light="{jupyter_light}"],[data-theme="{theme}"],.{theme}'
    return f":is({marks}) {selector},{selector}:is({marks})"


def _declarations(theme: str, jupyter: bool) -> str:
    names = LOOK["jupyter"]
    return "".join(
        f"{_property(name)}:{_or_jupyter(names.get(name), value, jupyter)};"
        for name, value in _COLORS[theme].items()
    )


def _or_jupyter(name: str | None, value: str, jupyter: bool) -> str:
    return f"var({name}, {value})" if jupyter and name else value
