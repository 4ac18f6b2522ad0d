"""Attention as pictures: numbers of heads, tokens as text, a page that stays small."""

from __future__ import annotations

import base64
import json
import re
import xml.etree.ElementTree as ElementTree
import zlib

import numpy as np
import pytest

from clownviz import look
from clownviz.recording.attention import MASKED, decode_weights, encode_weights
from clownviz.recording.tape import AttentionWeights, Call, ModuleInfo, Operation, Tape
from clownviz.views.attention import Attention, token_text


def tape_of(*weights: np.ndarray) -> Tape:
    """A tape on which these (N, H, L, S) were seen, each in a layer of its own."""
    tape = Tape("Net", {"": ModuleInfo("", "", "Net", "container")})
    for number, each in enumerate(weights):
        tape.calls.append(Call(number, f"blocks.{number}", 1, "Attention"))
        tape.operations.append(Operation(number, "softmax", call=number))
        tape.attention.append(AttentionWeights(number, each.shape, encode_weights(each)))
    return tape


def softmax(scores: np.ndarray) -> np.ndarray:
    raised = np.exp(scores - scores.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def looking(at: str, length: int = 6) -> np.ndarray:
    """A causal head that looks at one thing only."""
    weights = np.zeros((length, length))
    keys = {"itself": range(length), "previous": [max(0, i - 1) for i in range(length)],
            "first": [0] * length}[at]  # fmt: skip
    weights[range(length), keys] = 0.9
    weights[:, 0] += 0.1
    return weights


def test_heads_are_named_after_what_they_look_at():
    heads = np.stack([looking("itself"), looking("previous"), looking("first")])[None]
    view = Attention(tape_of(heads))
    named = [head.kind for head in view.layers[0].facts]
    assert named == ["itself", "previous", "first"]
    assert view.layers[0].facts[0].itself == pytest.approx(0.9, abs=0.01)


def test_the_spread_counts_the_keys_that_a_query_looks_at():
    uniform = np.full((1, 1, 5, 5), 0.2)
    head = Attention(tape_of(uniform)).layers[0].facts[0]
    assert head.spread == pytest.approx(5, rel=0.02)


def test_a_query_without_a_choice_says_nothing_of_its_head():
    causal = softmax(np.where(np.tri(40, dtype=bool), np.zeros((1, 1, 40, 40)), -np.inf))
    # The mean over rows 1 … 39 of their uniform weights; row 0 would add a whole 1.
    expected = np.mean([1 / (i + 1) for i in range(1, 40)])
    head = Attention(tape_of(causal)).layers[0].facts[0]
    assert head.first == pytest.approx(expected, rel=0.05)


def test_all_heads_stand_in_a_grid_and_one_of_them_stands_alone():
    weights = softmax(np.random.default_rng(0).standard_normal((1, 4, 6, 6)))
    tape = tape_of(weights, weights)
    assert Attention(tape).svg().count("data-cells") == 8
    assert Attention(tape, layer=1).svg().count("data-cells") == 4
    alone = Attention(tape, layer="blocks.1", head=2, tokens="abcdef")
    assert alone.svg().count("data-cells") == 1
    assert "Attention of blocks.1, head 2" in alone.text()


def test_the_data_gives_the_weights_back():
    weights = softmax(np.random.default_rng(0).standard_normal((1, 2, 5, 7)))
    data = Attention(tape_of(weights)).json()
    json.dumps(data, allow_nan=False)
    (layer,) = data["layers"]
    codes = np.frombuffer(zlib.decompress(base64.b64decode(layer["codes"])), np.uint8)
    back = decode_weights(codes.reshape(layer["codes_shape"]))
    assert np.abs(back - weights[0]).max() < 0.005
    assert [head["head"] for head in layer["heads"]] == [0, 1]


@pytest.mark.parametrize("tokens", [["<script>alert(1)</script>", '"><img src=x>', "\u202e", ""]])
def test_tokens_are_text_and_never_markup(tokens):
    weights = softmax(np.zeros((1, 2, 4, 4)))
    for view in (
        Attention(tape_of(weights), tokens=tokens),
        Attention(tape_of(weights), layer=0, head=0, tokens=tokens),
    ):
        root = ElementTree.fromstring(view.svg())
        names = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert not names & {"script", "img"}
        assert "\u202e" not in view.svg() + view.text()
        (holder,) = (e for e in root.iter() if e.get("data-names"))
        assert json.loads(holder.get("data-names"))["row_names"][0] == tokens[0]
        assert "<img src=x" not in view.html()


def test_spaces_and_line_ends_are_seen_in_tokens():
    assert token_text("\n the\t") == "⏎␣the⇥"


@pytest.mark.parametrize("kind", ["flat", "random", "causal", "wild"])
def test_twelve_layers_of_twelve_heads_at_128_tokens_fit_a_page(kind):
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((12, 1, 12, 128, 128), dtype=np.float32)
    scores *= {"flat": 0.1, "random": 1, "causal": 1, "wild": 10}[kind]
    if kind == "causal":
        scores = np.where(np.tri(128, dtype=bool), scores, -np.inf)
    page = Attention(tape_of(*softmax(scores))).html()
    assert len(page.encode()) < 1_500_000


def test_what_a_causal_mask_hides_is_grey():
    causal = softmax(np.where(np.tri(6, dtype=bool), np.zeros((1, 1, 6, 6)), -np.inf))
    svg = Attention(tape_of(causal)).svg()
    assert look.variable("masked") in svg and ">masked<" in svg
    assert ">masked<" not in Attention(tape_of(softmax(np.zeros((1, 1, 4, 4))))).svg()


def test_the_figure_has_the_colours_of_the_picture():
    weights = softmax(np.where(np.tri(6, dtype=bool), np.zeros((1, 2, 6, 6)), -np.inf))
    for theme in ("light", "dark"):
        figure = Attention(tape_of(weights)).figure(theme)
        figure.canvas.draw()
        first = figure.axes[0].images[0].get_array()
        assert tuple(first[0, 5, :3]) == look.rgb(look.color("masked", theme))
        last = look.colormap_table("sequential", 251)[250]
        np.testing.assert_array_equal(first[0, 0, :3], last)


def test_nan_is_said():
    weights = np.full((1, 1, 3, 3), np.nan)
    view = Attention(tape_of(weights))
    assert "NaN" in view.text() and ">NaN<" in view.svg()


class TestWhatIsWrongIsSaid:
    weights = softmax(np.zeros((1, 2, 4, 4)))

    def test_no_attention(self):
        with pytest.raises(ValueError, match=r'no attention weights.*keep="sample"'):
            Attention(tape_of())

    def test_let_go(self):
        tape = tape_of(self.weights)
        tape.attention[0].array = None
        with pytest.raises(ValueError, match="budget"):
            Attention(tape)

    def test_another_step(self):
        with pytest.raises(ValueError, match="no attention ran in step 3"):
            Attention(tape_of(self.weights), step=3)

    def test_a_layer_a_head_an_example(self):
        tape = tape_of(self.weights)
        with pytest.raises(KeyError, match=r"expected one of blocks\.0"):
            Attention(tape, layer="nowhere")
        with pytest.raises(IndexError, match="no layer 1: 1 is, counted from 0"):
            Attention(tape, layer=1)
        with pytest.raises(IndexError, match="no head 7: 2 are"):
            Attention(tape, layer=0, head=7)
        with pytest.raises(IndexError, match="no example 1: 1 is kept"):
            Attention(tape, example=1)

    def test_tokens_that_do_not_fit(self):
        with pytest.raises(ValueError, match="3 tokens were given for a text of 4 positions"):
            Attention(tape_of(self.weights), tokens="abc")


def test_pixels_are_the_codes():
    weights = softmax(np.random.default_rng(1).standard_normal((1, 1, 8, 8)))
    tape = tape_of(weights)
    assert not (tape.attention[0].array == MASKED).any()
    svg = Attention(tape).svg()
    assert len(re.findall(r'href="data:image/png;base64,', svg)) == 2  # the head and the legend


def test_a_long_text_is_drawn_whole_with_as_many_names_as_can_be_read():
    weights = softmax(np.zeros((1, 1, 500, 500)))
    svg = Attention(tape_of(weights), layer=0, head=0).svg()
    assert svg.count("<text") < 160 and ">496</text>" in svg
    assert len(svg) < 100_000


def test_layers_of_different_lengths_stand_side_by_side():
    rng = np.random.default_rng(0)
    encoder, cross = (softmax(rng.standard_normal(s)) for s in ((1, 4, 9, 9), (1, 2, 5, 9)))
    view = Attention(tape_of(encoder, cross), tokens="abcdefghi")
    assert view.svg().count("data-cells") == 6
    assert Attention(tape_of(cross), layer=0, head=1).note.startswith("5 × 9 positions")
