"""Summary, tree and diagram: what holds for each of them, whatever the model."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import pytest
from support.example_tapes import EXAMPLES, HOSTILE, convnet, transformer
from support.tapes import TapeMaker

from clownviz import look
from clownviz.views.diagram import Diagram
from clownviz.views.summary import COLUMNS, Summary
from clownviz.views.tree import Tree

VIEWS = {"summary": Summary, "tree": Tree, "diagram": Diagram.of}
ALL = [(view, example) for view in VIEWS for example in EXAMPLES]


@pytest.mark.parametrize("view, example", ALL)
def test_every_view_answers_in_every_form(view, example):
    made = VIEWS[view](EXAMPLES[example]())
    assert made.text() and repr(made) == made.text()
    json.dumps(made.json(), allow_nan=False)
    root = ElementTree.fromstring(made.svg())
    assert root.tag == "{http://www.w3.org/2000/svg}svg" and root.get("aria-label")
    assert made.html().startswith("<")


@pytest.mark.parametrize("view, example", ALL)
def test_every_view_says_the_same_on_every_run(view, example):
    first, second = (VIEWS[view](EXAMPLES[example]()) for _ in range(2))
    assert (first.text(), first.svg(), first.html()) == (second.text(), second.svg(), second.html())


class Tags(HTMLParser):
    """Collects what an HTML fragment is made of."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("view", VIEWS)
def test_names_from_a_model_are_text_and_never_markup(view):
    made = VIEWS[view](EXAMPLES["hostile"]())
    tags = Tags(made.html())
    assert not tags.tags & {"script", "b-", "iframe"} and "onerror" not in tags.attributes
    root = ElementTree.fromstring(made.svg())
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert not names & {"script", "img", "foreignObject", "a", "image"}
    said = " ".join(root.itertext())
    for name in HOSTILE:
        assert name.replace("\n", "�") in said
    assert "\n" not in HOSTILE[0] and "new\nline" not in made.text()


@pytest.mark.parametrize("view", VIEWS)
def test_a_picture_has_both_themes_and_needs_nothing_from_elsewhere(view):
    svg = VIEWS[view](convnet()).svg()
    assert "prefers-color-scheme:dark" in svg and "var(--cv-text" in svg
    assert re.findall(r"(?:href|src|url)\s*[=(]\s*[\"']?(?!#)[a-z]+:", svg) == []
    assert set(re.findall(r"https?://[^\"' ]+", svg)) <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("view", VIEWS)
def test_views_draw_a_model_that_has_not_run(view):
    tape = transformer(3)
    tape.calls.clear()
    tape.operations.clear()
    made = VIEWS[view](tape)
    assert "Transformer" in made.text() and made.svg()


@pytest.mark.parametrize("view", VIEWS)
def test_views_draw_a_model_without_anything_in_it(view):
    made = VIEWS[view](TapeMaker("Empty").tape)
    assert "Empty" in made.text() and made.svg() and made.html()


# -- summary ---------------------------------------------------------------------------------


def test_the_columns_of_a_summary_can_be_chosen():
    text = Summary(convnet(), columns=["params", "calls", "bytes"]).text()
    assert text.splitlines()[0].split() == ["layer", "(type)", "parameters", "calls", "bytes"]
    with pytest.raises(ValueError, match="no column 'weight': expected some of input, output"):
        Summary(convnet(), columns=["weight"])
    with pytest.raises(ValueError, match="depth=-1"):
        Summary(convnet(), depth=-1)


def test_every_column_has_a_cell_for_every_line():
    for example in EXAMPLES.values():
        assert Summary(example(), columns=list(COLUMNS)).text()


@pytest.mark.parametrize("depth", [0, 1, 2, None])
@pytest.mark.parametrize("fold", [True, False])
def test_the_parameters_that_a_summary_shows_add_up(depth, fold):
    made = Summary(transformer(), depth=depth, fold=fold)
    body = made.text().split("─\n")[1]
    counts = re.findall(r"\s([\d,]+)\s+[\d.]* ?[kM]?$|\s([\d,]+)$", body, re.M)
    shown = sum(int((a or b).replace(",", "")) for a, b in counts)
    assert shown == made.totals.params


# -- tree ------------------------------------------------------------------------------------


def test_the_tree_is_nested_details():
    markup = Tree(transformer()).html()
    assert markup.count("<details") == markup.count("</details>") == 4
    assert markup.count("<summary>") == 4


# -- diagram ---------------------------------------------------------------------------------


def test_a_diagram_is_a_digraph_that_can_be_edited():
    made = Diagram.of(convnet())
    before = made.svg()
    made.node("note", "look here", shape="note")
    made.edge("note", "conv", style="dotted")
    with made.subgraph(name="cluster_mine") as mine:
        mine.node("inner")
    assert '"look here"' in made.source
    assert "look here" in made.svg() and "look here" not in before
    assert made.copy().source == made.source


def test_nodes_carry_the_paths_of_their_modules():
    svg = Diagram.of(transformer()).svg()
    ids = set(re.findall(r'id="(node:[^"]*)"', svg))
    assert ids == {
        "node:", "node:embed", "node:head", "node:blocks.0",
        *(f"node:blocks.0.{n}" for n in ("norm1", "attn", "norm2", "ffn")),
        *(f"node:blocks.0.ffn.{n}" for n in range(3)),
    }  # fmt: skip


def test_a_chosen_module_is_highlighted():
    tape = convnet()
    plain, chosen = Diagram.of(tape), Diagram.of(tape, selected="conv")
    assert "var(--cv-accent" in chosen.svg() and "stroke:var(--cv-accent" not in plain.svg()
    with pytest.raises(ValueError, match="ConvNet has no module 'konv'; it has 'conv'"):
        Diagram.of(tape, selected="konv")
    with pytest.raises(ValueError, match="direction='up'"):
        Diagram.of(tape, direction="up")
    with pytest.raises(ValueError, match="thickness='norm' is not known: expected 'bytes' or None"):
        Diagram.of(tape, thickness="norm")


def test_what_goes_into_a_chosen_module_and_what_comes_out_is_highlighted():
    edges = [
        line for line in Diagram.of(convnet(), selected="pool").source.splitlines()
        if " -> " in line and look.color("accent") in line
    ]  # fmt: skip
    assert [edge.split(" [")[0].strip() for edge in edges] == ["relu -> pool", "pool -> fc1"]


def test_an_edge_is_as_thick_as_its_tensors_are_large_and_the_legend_says_so():
    source = Diagram.of(convnet(), thickness="bytes").source
    pens = {
        line.split(" [")[0].strip(): float(line.split("penwidth=")[1].split("]")[0].split()[0])
        for line in source.splitlines()
        if " -> " in line
    }
    assert pens["conv -> relu"] == max(pens.values()) == 4.0
    assert pens['fc2 -> "output output"'] == min(pens.values()) == 0.6
    assert "line width: bytes of the tensors, 80 B to 27 KiB" in source
    assert "line width" not in Diagram.of(convnet()).source


def test_a_picture_is_never_a_scroll():
    made = Diagram.of(transformer(200), fold=False)
    assert made.graph is not None and max(made.graph.ranks().values()) <= 60


def test_long_edges_of_a_crowded_picture_are_pale_and_without_labels():
    made = TapeMaker("Dense")
    for n in range(20):
        made.module(f"layer{n}", "Conv2d", weight=(4, 4 * (n + 1), 3, 3))
    x = made.tensor(1, 4, 8, 8)
    with made.call("", x=x) as net:
        known = [x]
        for n in range(20):
            joined = made.op("cat", *known, shape=(1, 4 * (n + 1), 8, 8), site=n)
            known.append(made.layer(f"layer{n}", joined, 1, 4, 8, 8))
        net.returns(known[-1])
    source = Diagram.of(made.tape, budget=1000).source
    leaving = [line for line in source.splitlines() if line.strip().startswith("layer0 -> ")]
    near, *far = leaving
    assert "label=<" in near and look.color("border") not in near
    assert len(far) == 18
    assert all("label=<" not in edge and look.color("faint") in edge for edge in far)


def test_a_large_model_is_shown_less_deep():
    made = Diagram.of(transformer(40), fold=False)
    assert made.graph is not None and len(made.graph.nodes) <= 300
    assert "node:blocks.7" in made.graph.nodes
    small = Diagram.of(transformer(40), fold=False, budget=20)
    assert small.graph is not None and len(small.graph.nodes) <= 50


def test_without_graphviz_the_picture_is_the_text(monkeypatch):
    monkeypatch.setattr("clownviz.views.render.programs", lambda: iter(()))
    made = Diagram.of(convnet())
    said = "".join(ElementTree.fromstring(made.svg()).itertext())
    assert "fc1 (Linear)" in said and "← conv (2, 6, 24, 24)" in said


def test_a_layout_that_takes_too_long_gives_a_simpler_diagram(monkeypatch):
    from clownviz.views import drawn
    from clownviz.views.render import LayoutTimeout, run_layout

    asked = []

    def slow(source, format="svg", **options):
        asked.append(source)
        if len(asked) == 1:
            raise LayoutTimeout("too long")
        return run_layout(source, format, **options)

    monkeypatch.setattr(drawn, "run_layout", slow)
    made = Diagram.of(transformer(40), fold=False)
    assert 'aria-label="Diagram of Transformer, simplified"' in made.svg()
    assert len(asked[1]) < len(asked[0])


def test_the_bundle_for_a_notebook_has_picture_and_text():
    made = Diagram.of(convnet())
    assert set(made._repr_mimebundle_()) == {"text/html", "text/plain"}
    assert set(made._repr_mimebundle_(include=["text/plain"])) == {"text/plain"}
    assert made._repr_mimebundle_(exclude=["text/html"]) == {"text/plain": made.text()}
    assert made._repr_mimebundle_(include=["image/svg+xml"]) == {"image/svg+xml": made.svg()}


def test_a_diagram_is_written_to_a_file(tmp_path):
    path = Diagram.of(convnet()).render("net.gv", directory=tmp_path, cleanup=True)
    assert path.endswith("net.gv.svg") and [p.name for p in tmp_path.iterdir()] == ["net.gv.svg"]
    assert Diagram.of(convnet()).save(tmp_path / "net.svg").read_text().startswith("<svg")
    assert Path(Diagram.of(convnet()).save("net.gv", tmp_path)).read_text().startswith("digraph")
    assert Diagram.of(convnet()).pipe("svg", encoding="utf-8").startswith("<svg")
