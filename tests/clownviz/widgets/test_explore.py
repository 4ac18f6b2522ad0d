"""The explorer as a widget: one answer to a selection, and a still beside the live view."""

from __future__ import annotations

import base64
import gzip
import json

import numpy as np
import pytest
import traitlets
from support.pictured import hostile, lenet, wide

from clownviz.views.explorer import Explorer
from clownviz.widgets.base import still
from clownviz.widgets.explorer import Explore, ExplorerWidget


@pytest.fixture
def widget():
    made = ExplorerWidget(Explorer(lenet()))
    yield made
    made.close()


def test_a_widget_opens_with_the_detail_of_its_selection(widget):
    assert widget.selection == widget.detail["path"] == "features.0"
    assert len(widget.detail_bytes) == sum(a["length"] for a in widget.detail["arrays"])


class Wire:
    """A comm that keeps what is sent over it."""

    kernel, comm_id = "a kernel", "1"

    def __init__(self) -> None:
        self.sent: list[dict] = []

    def send(self, data=None, **_):
        self.sent.append(data)

    def on_msg(self, _):
        pass

    def close(self, *_, **__):
        pass


def test_a_selection_is_answered_with_facts_and_bytes_in_one_message(widget):
    widget.comm = wire = Wire()
    widget.set_state({"selection": "classifier.4"})
    answers = [m for m in wire.sent if "detail" in m.get("state", {})]
    assert [m["state"]["detail"]["path"] for m in answers] == ["classifier.4"]
    assert ["detail_bytes"] in answers[0]["buffer_paths"]


def test_a_path_that_is_none_changes_nothing(widget):
    with pytest.raises((KeyError, traitlets.TraitError), match="no module"):
        widget.selection = "no.such.module"
    assert widget.selection == widget.detail["path"] == "features.0"


def test_bytes_are_sent_as_bytes(widget):
    state = widget.get_state()
    assert isinstance(state["detail_bytes"], bytes)
    assert "features.0" not in str(state["detail_bytes"])
    assert max(np.frombuffer(state["detail_bytes"], np.uint8)) <= 255


def test_the_scene_is_sent_packed(widget):
    assert json.loads(gzip.decompress(widget.scene)) == Explorer(lenet()).scene()


def test_the_first_picture_of_ten_thousand_modules_is_all_of_them_in_a_few_bytes_each():
    explore = Explore(Explorer(wide(10_000)))
    state = explore.widget.get_state()
    assert len(json.loads(gzip.decompress(state["scene"]))["modules"]) == 10_001
    sent = [value if isinstance(value, bytes) else json.dumps(value) for value in state.values()]
    assert sum(map(len, sent)) + len(explore.html()) < 250_000
    explore.widget.close()


def test_the_script_and_the_style_are_one_text_each(widget):
    assert "$default as default };" in widget._esm
    assert "--cv-text:" in widget._css and ".cv-explorer" in widget._css


def test_selecting_in_python_and_in_the_page_is_the_same():
    explore = Explore(Explorer(lenet()))
    explore.selection = "flatten"
    assert explore.widget.selection == "flatten"
    explore.widget.selection = "classifier"
    assert explore.selection == "classifier"
    assert "selected: classifier" in explore.text()
    with pytest.raises(KeyError, match="no module 'nope'"):
        explore.selection = "nope"
    explore.widget.close()


def test_the_bundle_holds_the_live_view_a_still_and_a_stable_text():
    explore = Explore(Explorer(lenet()))
    bundle = explore._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == explore.text()
    assert bundle["text/html"].startswith('<img class="clownviz-still" alt="Explorer of LeNet"')
    explore.widget.close()


def test_a_still_is_an_image_of_the_svg_and_its_name_is_escaped():
    explorer = Explorer(hostile())
    image = still(explorer, 'Explorer of "><script>')["text/html"]
    assert "<script>" not in image
    data = image.split("base64,")[1].split('"')[0]
    assert base64.b64decode(data).decode() == explorer.svg()


def test_outside_of_a_notebook_the_text_is_printed(capsys):
    explore = Explore(Explorer(lenet()))
    explore._ipython_display_()
    assert capsys.readouterr().out == explore.text() + "\n"
    explore.widget.close()
