"""The exported page: whole in one file, closed to the network, and nothing in it is markup."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from support.pictured import hostile, lenet, transformer

import clownviz
from clownpiece import nn
from clownviz.views.explorer import Explorer
from clownviz.views.report import Report
from clownviz.views.summary import Summary


class Reader(HTMLParser):
    """The elements of a page with their attributes, and the text of its scripts."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.elements and self.elements[-1][0] == "script" and self.cdata_elem == "script":
            self.scripts[-1] += data


def data_of(page: str) -> dict:
    """What the page's script reads."""
    return json.loads(gzip.decompress(base64.b64decode(Reader(page).scripts[0])))


def page_of(tape) -> Report:
    return Report(Explorer(tape), sections=[("Summary <b>", Summary(tape))], subtitle="<i>98%</i>")


@pytest.fixture(params=[lenet, hostile])
def source(request):
    return page_of(request.param()).html()


def test_a_page_loads_nothing(source):
    reader = Reader(source)
    for tag, attributes in reader.elements:
        assert tag not in {"link", "iframe", "object", "embed", "base", "form"}
        for name in ("src", "href", "action", "srcset", "poster"):
            value = attributes.get(name) or ""
            assert value == "" or value.startswith(("data:", "#")), (tag, value)
    assert "@import" not in source and "url(http" not in source


def test_the_policy_lets_only_the_pages_own_script_run(source):
    reader = Reader(source)
    policy = next(
        a["content"] for t, a in reader.elements if a.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    script = re.search(r'<script type="module">(.*?)</script>', source, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert "connect-src" not in rules and "unsafe-eval" not in policy


def test_no_name_ends_the_data_or_becomes_an_element(source):
    reader = Reader(source)
    assert len(reader.scripts) == 2
    assert not {"img", "b", "i"} & {t for t, a in reader.elements if "onerror" in a}
    assert not any(name.startswith("on") for _, a in reader.elements for name in a)
    assert set(data_of(source)) == {"scene", "selection", "details"}


def test_the_page_carries_every_module_with_its_bytes():
    page = page_of(lenet())
    data = page.json()
    assert set(data["details"]) == set(page.explorer.by_path)
    for path, known in data["details"].items():
        bytes_ = base64.b64decode(known["bytes"])
        assert len(bytes_) == sum(array["length"] for array in known["detail"]["arrays"]), path


@pytest.mark.parametrize("more", [0, 1_000, 10_000])
def test_a_page_keeps_to_its_budget_and_says_what_it_leaves_out(more):
    least = len(Report(Explorer(lenet()), budget=0).html().encode())
    page = Report(Explorer(lenet()), budget=least + more)
    data = data_of(page.html())
    left = len(page.explorer.rows) - len(data["details"])
    assert left and page.explorer.selection in data["details"]
    assert data["scene"]["notes"] == [
        f"This page carries the arrays of {len(data['details'])} modules; {left} more have only "
        "their facts. clownviz.explore(model, x) shows all; a report with a larger "
        'budget="…" carries more.'
    ]
    assert len(page.html().encode()) <= least + more + 500


def test_equal_blocks_give_way_to_what_is_met_nowhere_else():
    explorer = Explorer(transformer())
    page = Report(explorer, budget=0).carried(12_000)["details"]
    first = {path for path in explorer.by_path if path.startswith("blocks.0")}
    last = {path for path in explorer.by_path if path.startswith("blocks.5")}
    assert first <= set(page) and not last & set(page)


def test_a_section_that_is_too_large_to_carry_stands_as_text():
    class Huge(Summary):
        def html(self):
            return "<table>" + "x" * 500_000

    made = Report(Explorer(lenet()), sections=[("Huge", Huge(lenet()))]).html()
    assert "<table>x" not in made and "Drawn, this takes 488 KiB" in made
    assert "total" in made or "parameters" in made


def test_the_contents_lead_to_every_section(source):
    reader = Reader(source)
    ids = {a["id"] for _, a in reader.elements if "id" in a}
    links = [a["href"] for tag, a in reader.elements if tag == "a"]
    assert links == ["#clownviz-explorer", "#section-1"]
    assert {link[1:] for link in links} <= ids
    assert Report(Explorer(lenet())).html().count("<nav") == 0


def test_sections_of_one_kind_are_named_once():
    views = [(name, Summary(lenet())) for name in ("Maps of a", "Maps of b", "Flow", "Maps of c")]
    made = Report(Explorer(lenet()), sections=views).html()
    assert re.findall(r'<a href="#section-\d">([^<]*)</a>', made) == [
        "Maps of a", "b", "Flow", "Maps of c",
    ]  # fmt: skip


def test_the_data_of_a_report_has_that_of_its_sections():
    (section,) = page_of(lenet()).json()["sections"]
    assert section["title"] == "Summary <b>" and section["data"]["model"] == "LeNet"


def test_the_page_without_scripts_still_has_its_picture_and_sections(source):
    assert re.search(r'<div id="clownviz-explorer"><svg', source)
    assert '<section id="section-1"><h2>Summary &lt;b&gt;</h2>' in source
    assert "<p>&lt;i&gt;98%&lt;/i&gt;</p>" in source


CARDS = {"lenet": lenet, "hostile": hostile, "transformer": transformer}


@pytest.mark.parametrize("name", CARDS)
def test_a_notebook_shows_a_card_that_says_what_there_is_and_how_to_save_it(name):
    tape = CARDS[name]()
    report, again = (clownviz.report(tape, subtitle="<i>98%</i>") for _ in range(2))
    bundle = report._repr_mimebundle_()
    assert bundle["text/plain"] == report.text() == repr(again)
    card = bundle["text/html"]
    assert card == again.card()
    assert len(card) < 150_000
    assert not {"script", "iframe", "link", "i"} & {tag for tag, _ in Reader(card).elements}
    picture = next(a for tag, a in Reader(card).elements if tag == "img")
    assert picture["src"].startswith("data:image/svg+xml") and picture["alt"]
    for told in (card, bundle["text/plain"]):
        assert "Findings" in told and "Diagram" in told and "98%" in told and "1.4 MiB" in told
    name = re.search(r'report\.save\("([a-z0-9-]+\.html)"\)', bundle["text/plain"])[1]
    assert len(name) < 50 and name in card


def test_the_text_of_a_report_is_a_screen_of_a_model_of_any_size():
    model = nn.Sequential(*[nn.Linear(4, 4 + n % 7) for n in range(900)])
    text = clownviz.report(model, title="A title of many words " * 5).text()
    assert len(text.splitlines()) < 70 and max(map(len, text.splitlines()[1:])) <= 110
    assert "more lines: summary() shows them" in text


def test_the_page_is_the_same_every_time_and_is_saved_whole(tmp_path):
    page = page_of(lenet())
    saved = page.save(tmp_path / "new" / "page.html")
    assert saved.read_text(encoding="utf-8") == page.html() == page_of(lenet()).html()
    told = page.save(tmp_path / "page.txt").read_text(encoding="utf-8")
    assert told == page.text() + "\n" and told.startswith("Report of LeNet")
    with pytest.raises(ValueError, match="expected a name that ends in"):
        page.save(tmp_path / "page.pdf")
