"""What Graphviz drew becomes a picture with our colours, corners and names."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
from support.example_tapes import transformer

from clownviz.views.diagram import Diagram
from clownviz.views.theme import themed

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
CARD = f"""{HEAD} width="80pt" height="60pt" viewBox="0 0 80 60">
<g id="graph0" class="graph"><title>g</title>
<g id="node1" class="node card"><title>a</title><g id="a_node1"><a xlink:title="the tip">
<polygon fill="#f5f6f8" stroke="none" points="0,0 0,40 60,40 60,0 0,0"/>
<polygon fill="#d4e6fe" stroke="none" points="1,1 1,15 59,15 59,1 1,1"/>
<text font-family="Arial" x="4" y="10">Linear</text></a></g></g>
<g id="edge1" class="edge"><path fill="none" stroke="black" d="M0,0"/>
<polygon fill="#59616d" stroke="#59616d" points="0,0 3,3 6,0 0,0"/></g>
</g></svg>""".encode()


def test_colours_become_properties_and_keep_their_value_as_fallback():
    svg = themed(CARD)
    assert 'fill="#d4e6fe"' in svg
    assert "fill:var(--cv-family-linear-fill, #d4e6fe)" in svg
    assert "stroke:var(--cv-text, #1f2328)" in svg


def test_rectangles_are_rounded_and_arrowheads_are_not():
    svg = themed(CARD)
    assert svg.count("<rect") == 1 and 'rx="6"' in svg
    assert svg.count("<polygon") == 1
    assert 'd="M1,15v-9q0,-5 5,-5h48' in svg


def test_a_tooltip_is_a_title_and_no_link():
    svg = themed(CARD)
    assert "<title>the tip</title>" in svg
    assert "<a" not in svg.replace("<a_", "") and "xlink" not in svg


def test_edges_are_drawn_below_nodes():
    svg = themed(CARD)
    assert svg.index('class="edge"') < svg.index('class="node card"')


def test_sizes_are_pixels_and_the_picture_has_a_name():
    svg = themed(CARD, title="A <diagram>")
    assert 'width="80"' in svg and 'aria-label="A &lt;diagram&gt;"' in svg


def test_what_is_no_svg_is_refused():
    with pytest.raises(ValueError, match="not an SVG"):
        themed(b"<svg><g></svg>")


def test_the_pieces_of_a_line_are_one_text_and_keep_their_looks():
    made = Diagram.of(transformer()).svg()
    (line,) = [
        text for text in ElementTree.fromstring(made).iter("{http://www.w3.org/2000/svg}text")
        if "6 × Block" in "".join(text.itertext())
    ]
    bold, rest, *_ = line
    assert (bold.text, bold.get("font-weight")) == ("6 × Block", "bold")
    assert "parameters" in rest.text and rest.get("font-weight") is None
    assert line.get("font-weight") is None and "var(--cv-muted" in rest.get("style")
