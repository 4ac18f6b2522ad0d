"""The explorer's facts: every module answers, within its budget, and says what it does not show."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from support.pictured import HOSTILE, hostile, lenet, reused, transformer, wide

from clownviz.recording.tape import ModuleInfo, Tape
from clownviz.views.codes import decode
from clownviz.views.explorer import Explorer

TAPES = {
    "lenet": lenet,
    "gradients": lambda: lenet(gradients=True),
    "statistics": lambda: lenet("statistics"),
    "shapes": lambda: lenet("shapes"),
    "transformer": transformer,
    "hostile": hostile,
    "empty": lambda: Tape("Net", {"": ModuleInfo("", "", "Net", "container")}),
}


@pytest.fixture(params=TAPES)
def explorer(request):
    return Explorer(TAPES[request.param]())


def test_every_module_answers_and_its_bytes_are_all_accounted_for(explorer):
    for row in explorer.rows:
        detail, data = explorer.detail(row.path)
        json.dumps(detail, allow_nan=False)
        at = 0
        for array in detail["arrays"]:
            if array["length"]:
                assert array["offset"] == at
            at += array["length"]
        assert at == len(data)
        assert detail["path"] == row.path


def test_the_scene_is_json_and_has_every_module_once(explorer):
    scene = json.loads(json.dumps(explorer.scene(), allow_nan=False))
    assert [module["path"] for module in scene["modules"]] == list(explorer.tape.modules)
    assert {"title", "summary", "diagram", "notes", "error"} <= scene.keys()


def test_the_picture_is_svg_by_itself(explorer):
    svg = explorer.svg()
    ElementTree.fromstring(svg)
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    assert len(svg) < 250_000


def test_text_is_short_and_the_same_on_every_run(explorer):
    text = explorer.text()
    assert text == explorer.text()
    assert len(text.splitlines()) < 70
    assert max(map(len, text.splitlines())) <= 110


def test_the_bytes_are_the_activations_of_the_run():
    tape = lenet()
    detail, data = Explorer(tape).detail("features.0")
    output = next(a for a in detail["arrays"] if a["title"] == "Output")
    codes = np.frombuffer(data, np.uint8)[output["offset"] :][: output["length"]]
    codes = codes.reshape(output["shape"])
    (value,) = tape.refs(tape.calls_of("features.0")[0].outputs)
    for one, seen, end in zip(value.array[0], codes, output["ranges"]):
        back = decode(seen, end, output["signed"])
        assert np.abs(back - np.clip(one, -end, end)).max() <= end / 250 + 1e-9


def test_a_detail_keeps_to_its_budget():
    explorer = Explorer(lenet(gradients=True))
    for budget in (2_000, 20_000, 200_000):
        for row in explorer.rows:
            assert len(explorer.detail(row.path, budget)[1]) <= max(budget, 1_000)


def test_arrays_come_in_reading_order_with_their_gradients():
    detail, _ = Explorer(lenet(gradients=True)).detail("features.0")
    titles = [(array["title"], array["role"]) for array in detail["arrays"]]
    assert titles == [
        ("Input", "activation"),
        ("Input gradient", "gradient"),
        ("Output", "activation"),
        ("Output gradient", "gradient"),
        ("weight", "weight"),
        ("bias", "weight"),
    ]


def test_what_was_not_kept_is_said_and_its_statistics_stay():
    detail, data = Explorer(lenet("statistics")).detail("features.1")
    assert data == b""
    assert {array["layout"] for array in detail["arrays"]} == {"none"}
    assert all(array["histogram"] for array in detail["arrays"])
    shapes, _ = Explorer(lenet("shapes")).detail("features.1")
    assert not any(array["histogram"] for array in shapes["arrays"])


def test_the_first_selection_has_a_picture_or_the_failure():
    assert Explorer(lenet()).selection == "features.0"
    assert Explorer(hostile()).selection == "broken"
    assert Explorer(lenet(), selection="classifier").selection == "classifier"


def test_an_unknown_path_is_named_with_what_there_is():
    with pytest.raises(KeyError, match=r"no module 'feature'.*features.0"):
        Explorer(lenet(), selection="feature")


def test_facts_say_shapes_parameters_and_ties():
    explorer = Explorer(transformer())
    facts = dict(explorer.facts(explorer.row("embed")))
    assert facts["Input"] == "(2, 12)" and facts["Parameters"] == "2,048"
    assert facts["Tied to"] == "head.weight"
    assert explorer.headline.startswith("14.9 k parameters")


def test_every_call_of_a_reused_module_has_its_own_arrays():
    explorer = Explorer(reused(3), selection="act")
    detail, _ = explorer.detail("act")
    assert [(a["call"], a["title"]) for a in detail["arrays"]] == [
        (number, title) for number in (1, 2, 3) for title in ("Input", "Output")
    ]
    assert len({a["key"] for a in detail["arrays"]}) == 6
    assert "Output #3: Tensor" in explorer.text()
    many, _ = Explorer(reused(20)).detail("act")
    assert {a["call"] for a in many["arrays"]} == set(range(1, 9))
    assert many["notes"] == ["Shown are the first 8 of 20 calls."]


def test_a_failed_run_says_where_and_why():
    explorer = Explorer(hostile())
    assert explorer.scene()["error"] == "broken raised ValueError: </script> no"
    assert "failed: broken raised ValueError" in explorer.text()
    assert explorer.detail("broken")[0]["error"] == "ValueError: </script> no"


def test_hostile_names_are_text_in_the_picture_and_one_line_in_the_text():
    explorer = Explorer(hostile(), selection=HOSTILE)
    svg, text = explorer.svg(), explorer.text()
    for markup in ("<script", "<img", "<b>", "\u202e"):
        assert markup not in svg
    assert "\u202e" not in text


def test_a_container_that_only_holds_others_is_not_called_unused():
    notes = Explorer(transformer()).detail("blocks")[0]["notes"]
    assert notes == []
    tape = lenet()
    tape.calls, tape.operations = tape.calls[:1], []
    assert "not called" in Explorer(tape).detail("flatten")[0]["notes"][0]


def test_a_scale_for_the_whole_model_is_the_widest_of_the_role():
    explorer = Explorer(lenet())
    for row in explorer.rows:
        for array in explorer.detail(row.path)[0]["arrays"]:
            assert array["model_limit"] >= array["limit"]


def test_ten_thousand_modules_have_a_scene_and_a_picture():
    explorer = Explorer(wide(10_000))
    assert len(explorer.scene()["modules"]) == 10_001
    assert len(explorer.svg()) < 60_000
    assert "more" in explorer.text()
