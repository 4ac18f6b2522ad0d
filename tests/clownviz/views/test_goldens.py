"""What every static view says of the example models, as goldens: texts, DOT, structure of SVG."""

from __future__ import annotations

import json
import shutil
import sysconfig
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from support.example_tapes import EXAMPLES
from support.goldens import check_golden
from support.number_tapes import attending, trained, waves

from clownviz.analysis.flow import flow_of, training_of
from clownviz.analysis.history import history_of
from clownviz.analysis.tensors import tensor_of
from clownviz.views.array import ArrayView
from clownviz.views.attention import Attention
from clownviz.views.curves import Curves
from clownviz.views.diagram import Diagram
from clownviz.views.feature_maps import FeatureMaps
from clownviz.views.gradient_flow import GradientFlow
from clownviz.views.histograms import Histograms
from clownviz.views.summary import Summary
from clownviz.views.tree import Tree

GOLDENS = Path(__file__).with_name("goldens")
VIEWS = {"summary": Summary, "tree": Tree, "diagram": Diagram.of}


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize("view", VIEWS)
def test_the_text_of_a_view(view, example):
    check_golden(GOLDENS / f"{view}-{example}.txt", VIEWS[view](EXAMPLES[example]()).text())


NUMBERS = {
    "array": lambda: ArrayView(waves(4, 3, 5, 5), title="conv weight", role="weight"),
    "attention": lambda: Attention(attending(), tokens=["<a>", " b", "c", "d", "e", "f", "\n"]),
    "attention-head": lambda: Attention(attending(), layer=1, head=1),
    "curves": lambda: Curves(training_of(trained(6)).scalars, title="Training"),
    "feature-maps": lambda: FeatureMaps(tensor_of(trained(1), "relu")),
    "gradient-flow": lambda: GradientFlow(flow_of(trained(6))),
    "gradient-flow-of-parameters": lambda: GradientFlow(flow_of(trained(1), "parameter")),
    "histograms": lambda: Histograms(history_of(trained(20), "conv")),
    "histograms-of-few": lambda: Histograms(history_of(trained(3), "fc", "weight.gradient")),
}


@pytest.mark.parametrize("view", NUMBERS)
def test_the_text_of_a_view_of_numbers(view):
    check_golden(GOLDENS / f"{view}.txt", NUMBERS[view]().text())


@pytest.mark.parametrize("view", NUMBERS)
def test_a_view_of_numbers_answers_in_every_form_and_the_same_on_every_run(view):
    made, again = NUMBERS[view](), NUMBERS[view]()
    assert made.svg() == again.svg()
    json.dumps(made.json(), allow_nan=False)
    root = ElementTree.fromstring(made.svg())
    assert root.get("aria-label") and "prefers-color-scheme:dark" in made.svg()
    assert made.html().startswith(("<img", "<svg"))
    assert [e for e in root.iter() if e.tag.endswith("script")] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_source_of_a_diagram(example):
    check_golden(GOLDENS / f"diagram-{example}.dot", Diagram.of(EXAMPLES[example]()).source)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_structure_of_a_drawn_diagram(monkeypatch, example):
    # Another Graphviz draws the same picture with other elements; this one is pinned.
    pure = shutil.which("graphviz-pure", path=sysconfig.get_path("scripts"))
    if pure is None:
        pytest.skip("graphviz-pure is not installed beside this Python")
    monkeypatch.setenv("CLOWNVIZ_DOT", pure)
    drawn = Diagram.of(EXAMPLES[example]()).svg()
    check_golden(GOLDENS / f"diagram-{example}.svg.txt", structure(drawn))


def structure(svg: str) -> str:
    """Groups, what they are and what they say: all of an SVG but where and how large it is."""
    lines = []
    for group in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}g"):
        kind = group.get("class", "")
        if kind == "graph":
            continue
        name = "" if kind.startswith("edge") else group.get("id", "")
        tags = [child.tag.rpartition("}")[2] for child in group]
        shapes = [tag for tag in tags if tag not in ("title", "text")]
        said = [text.strip() for text in group.itertext()]
        words = " | ".join(word for word in said if word)
        lines.append(f"{kind} {name!r}: {' '.join(shapes)}: {words}")
    return "\n".join(sorted(lines))
