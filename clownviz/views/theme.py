"""Graphviz's SVG made ours: theme-aware colours, round cards, names that a screen reader reads.

A DOT source holds the colours of the light theme, because Graphviz knows only colours. Here
each of them becomes the CSS custom property of the same name, with that colour as its fallback,
so one picture serves both themes, alone in an `<img>` or inside a page.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from xml.etree.ElementTree import Element

from .. import look
from .svg import style

__all__ = ["themed"]

_SVG = "http://www.w3.org/2000/svg"
_LINK = "http://www.w3.org/1999/xlink"
_FONTS = "Arial, Helvetica, 'Liberation Sans', Arimo, sans-serif"
_LETTERS = ("font-weight", "font-style", "font-size")
_RADIUS = {"node": 6.0, "cluster": 9.0, "graph": 0.0}


def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for name, value in look.colors("light").items():
        names.setdefault(value.lower(), name)
    return names


_NAME_OF = _names()


def themed(svg: bytes, title: str = "") -> str:
    """An SVG that Graphviz wrote, as one that follows the reader's theme.

    Raises:
        ValueError: it is not an SVG.
    """
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        raise ValueError(f"this is not an SVG: {error}") from None
    ElementTree.register_namespace("", _SVG)
    _drop_links(root)
    for group in root.iter(_tag("g")):
        radius = _RADIUS.get((group.get("class") or "").split(" ")[0])
        if radius:
            _round(group, radius)
        _join_texts(group)
    for group in root.findall(_tag("g")):
        _edges_below(group)
    for element in root.iter():
        _recolor(element)
    for name in ("width", "height"):
        root.set(name, (root.get(name) or "").removesuffix("pt"))
    root.set("class", "clownviz cv-graph")
    root.set("role", "img")
    root.set("aria-label", title)
    sheet = Element(_tag("style"))
    sheet.text = style()
    root.insert(0, sheet)
    return ElementTree.tostring(root, encoding="unicode")


def _tag(name: str) -> str:
    return f"{{{_SVG}}}{name}"


def _drop_links(root: Element) -> None:
    """Take what Graphviz makes of a tooltip, a link that leads nowhere, as the title instead."""
    for group in list(root.iter(_tag("g"))):
        for holder in list(group):
            link = holder.find(_tag("a"))
            if holder.tag != _tag("g") or link is None:
                continue
            title = group.find(_tag("title"))
            tooltip = link.get(f"{{{_LINK}}}title")
            if title is not None and tooltip is not None:
                title.text = tooltip
            at = list(group).index(holder)
            group.remove(holder)
            for place, child in enumerate(list(link)):
                group.insert(at + place, child)


def _join_texts(group: Element) -> None:
    """Make the pieces of a line one text, so that they follow each other in any font."""
    line: Element | None = None
    for text in group.findall(_tag("text")):
        if text.get("text-anchor") != "start":
            line = None
        elif line is None or line.get("y") != text.get("y"):
            line = text
        else:
            if line.text is not None:
                line.append(_piece(line))
                line.text = None
                for style in _LETTERS:
                    line.attrib.pop(style, None)
            line.append(_piece(text))
            group.remove(text)


def _piece(text: Element) -> Element:
    looks = {name: text.attrib[name] for name in ("fill", *_LETTERS) if name in text.attrib}
    piece = Element(_tag("tspan"), looks)
    piece.text = text.text
    return piece


def _edges_below(graph: Element) -> None:
    """Draw edges first: then the title of a cluster stays readable where one passes."""
    order = {"edge": 1, "cluster": 2, "node": 3}
    children = list(graph)
    children.sort(key=lambda child: order.get((child.get("class") or "").split(" ")[0], 0))
    graph[:] = children
    for child in children:
        if (child.get("class") or "").startswith("cluster"):
            for text in child.findall(_tag("text")):
                text.set("paint-order", "stroke")
                text.set("stroke-width", "4")
                text.set("stroke", look.color("background"))


def _recolor(element: Element) -> None:
    rules = []
    for attribute in ("fill", "stroke"):
        value = (element.get(attribute) or "").lower()
        is_text = element.tag in (_tag("text"), _tag("tspan"))
        if is_text and attribute == "fill" and not value:
            value = look.color("text")
        value = look.color("text") if value == "black" else value
        name = _NAME_OF.get(value)
        if name is not None:
            element.set(attribute, value)
            rules.append(f"{attribute}:{look.variable(name)}")
    if element.tag == _tag("text"):
        element.set("font-family", _FONTS)
    if rules:
        element.set("style", ";".join(rules))


def _round(group: Element, radius: float) -> None:
    """Give the rectangles among a group's polygons round corners."""
    for polygon in group.findall(_tag("polygon")):
        box = _box(polygon.get("points") or "")
        if box is None:
            continue
        x, y, wide, high = box
        points = polygon.attrib.pop("points")
        if _NAME_OF.get((polygon.get("fill") or "").lower(), "").startswith("family."):
            polygon.tag = _tag("path")
            polygon.set("d", _top(x, y, wide, high, radius - 1))
        elif points:
            polygon.tag = _tag("rect")
            for name, value in (("x", x), ("y", y), ("width", wide), ("height", high)):
                polygon.set(name, f"{value:g}")
            polygon.set("rx", f"{radius:g}")


def _box(points: str) -> tuple[float, float, float, float] | None:
    """x, y, width and height of a polygon that is an upright rectangle."""
    try:
        pairs = [tuple(map(float, pair.split(","))) for pair in points.split()]
    except ValueError:
        return None
    xs, ys = sorted({p[0] for p in pairs}), sorted({p[1] for p in pairs})
    if len(pairs) != 5 or len(xs) != 2 or len(ys) != 2:
        return None
    return xs[0], ys[0], xs[1] - xs[0], ys[1] - ys[0]


def _top(x: float, y: float, wide: float, high: float, radius: float) -> str:
    """The outline of a title strip: its upper corners are those of the card."""
    radius = min(radius, high, wide / 2)
    return (
        f"M{x:g},{y + high:g}v{radius - high:g}q0,{-radius:g} {radius:g},{-radius:g}"
        f"h{wide - 2 * radius:g}q{radius:g},0 {radius:g},{radius:g}v{high - radius:g}z"
    )
