"""Attention weights on a tape are the model's own, whichever way it computes them."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import clownpiece
import clownviz
from clownpiece import Tensor, nn
from clownpiece.nn import functional as F
from clownviz.recording.attention import (
    MASKED,
    attention_weights,
    decode_weights,
    encode_weights,
)

WITHIN = 0.0041
"""Half a step of a byte at a weight of 1."""


def seen(tape) -> np.ndarray:
    (one,) = tape.attention
    return decode_weights(one.array)


@given(hnp.arrays(np.float32, 30, elements=st.floats(0, 1, width=32)))
def test_bytes_give_weights_back(weights):
    codes = encode_weights(weights)
    assert np.abs(decode_weights(codes) - weights).max() <= WITHIN
    assert ((codes == MASKED) == (weights == 0)).all()


def test_small_weights_of_a_long_text_are_told_apart():
    first, second = decode_weights(encode_weights(np.array([1 / 1000, 1 / 2000])))
    assert first == pytest.approx(1 / 1000, rel=0.1)
    assert second == pytest.approx(1 / 2000, rel=0.2)


def test_what_is_no_number_stays_so():
    assert np.isnan(decode_weights(encode_weights(np.array([np.nan])))).all()


class Fused(nn.Module):
    def forward(self, q, k, v, **options):
        return F.scaled_dot_product_attention(q, k, v, **options)


MASKS = {
    "none": {},
    "causal": {"is_causal": True},
    "scale": {"scale": 0.3},
    "bool": {"attn_mask": clownpiece.tensor(np.tri(6, 6, 2, dtype=bool))},
    "added": {"attn_mask": clownpiece.tensor(np.linspace(-3, 3, 36).reshape(6, 6)).float()},
}


@pytest.mark.parametrize("options", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("lead", [(), (3,), (2, 4)])
def test_a_fused_attention_gives_the_weights_that_make_its_output(options, lead):
    q, k, v = (clownpiece.randn(*lead, 6, 5) for _ in range(3))
    tape = clownviz.run(Fused(), q, k, v, keep="full", **options)
    (one,) = tape.attention
    assert one.shape == ((1, 1) + lead)[-2:] + (6, 6) if len(lead) != 1 else (3, 1, 6, 6)
    output = F.scaled_dot_product_attention(q, k, v, **options).numpy()
    mixed = seen(tape).reshape(*lead, 6, 6) @ v.numpy()
    np.testing.assert_allclose(mixed, output, atol=0.08)
    exact = attention_weights(
        q.numpy(),
        k.numpy(),
        options["attn_mask"].numpy() if "attn_mask" in options else None,
        is_causal=options.get("is_causal", False),
        scale=options.get("scale"),
    )
    np.testing.assert_allclose(exact @ v.numpy(), output, rtol=1e-4, atol=1e-5)
    assert np.abs(seen(tape).reshape(exact.shape) - exact).max() < WITHIN


def test_grouped_queries_share_their_keys():
    q, k = clownpiece.randn(1, 4, 6, 5), clownpiece.randn(1, 2, 6, 5)
    tape = clownviz.run(Fused(), q, k, k, keep="sample", enable_gqa=True)
    exact = attention_weights(q.numpy(), np.repeat(k.numpy(), 2, 1))
    assert np.abs(seen(tape) - exact).max() < WITHIN


class Explicit(nn.Module):
    """As people write it by hand, with a mask in place or not and dropout behind it."""

    def __init__(self, inplace: bool) -> None:
        super().__init__()
        self.qkv = nn.Linear(8, 24)
        self.drop = nn.Dropout(0.5)
        self.inplace = inplace
        self.weights: Tensor | None = None

    def forward(self, x):
        q, k, v = (t.unflatten(-1, (2, 4)).transpose(1, 2) for t in self.qkv(x).chunk(3, -1))
        scores = q @ k.transpose(-2, -1) / math.sqrt(4)
        hidden = clownpiece.tensor(~np.tri(x.shape[1], dtype=bool))
        if self.inplace:
            scores.masked_fill_(hidden, -math.inf)
        else:
            scores = scores.masked_fill(hidden, -math.inf)
        self.weights = F.softmax(scores, dim=-1)
        return self.drop(self.weights) @ v


@pytest.mark.parametrize("inplace", [True, False])
def test_an_attention_by_hand_is_found_by_its_products_and_softmax(inplace):
    model = Explicit(inplace)
    kept = []
    hook = model.drop.register_forward_pre_hook(lambda _, args: kept.append(args[0].numpy(force=1)))
    with clownviz.Capture(model, keep="full") as tape:
        model(clownpiece.randn(3, 7, 8))
    hook.remove()
    (one,) = tape.attention
    assert tape.operations[one.operation].name == "softmax"
    assert one.shape == (3, 2, 7, 7)
    assert np.abs(seen(tape) - kept[0]).max() < WITHIN
    assert (one.array == MASKED).sum() == 3 * 2 * 21


@pytest.mark.parametrize("need", [True, False])
def test_multihead_attention_in_both_of_its_forms(need):
    model = nn.MultiheadAttention(8, 2, batch_first=True)
    x = clownpiece.randn(2, 5, 8)
    tape = clownviz.run(model, x, x, x, keep="full", need_weights=need, average_attn_weights=False)
    _, weights = model(x, x, x, average_attn_weights=False)
    assert np.abs(seen(tape) - weights.numpy(force=True)).max() < WITHIN


def test_a_softmax_between_two_layers_is_no_attention():
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(4, 5), nn.Parameter(clownpiece.randn(3, 5))

        def forward(self, x):
            return F.softmax(self.first(x), -1) @ self.last.T

    assert clownviz.run(Net(), clownpiece.randn(2, 4), keep="full").attention == []


def test_weights_are_read_only_where_arrays_are_kept_and_only_of_the_first_example():
    x = clownpiece.randn(3, 2, 6, 4)
    assert clownviz.run(Fused(), x, x, x).attention == []
    (one,) = clownviz.run(Fused(), x, x, x, keep="sample").attention
    assert (one.shape, one.array.shape) == ((3, 2, 6, 6), (1, 2, 6, 6))


def test_of_a_long_text_the_first_positions_are_kept(monkeypatch):
    # The name of the module is also that of a class in its package.
    monkeypatch.setattr(sys.modules[attention_weights.__module__], "MOST_CELLS", 2 * 20 * 20)
    x = clownpiece.randn(1, 2, 50, 4)
    (one,) = clownviz.run(Fused(), x, x, x, keep="sample", is_causal=True).attention
    assert (one.shape, one.array.shape) == ((1, 2, 50, 50), (1, 2, 20, 20))
    exact = attention_weights(x.numpy(), x.numpy(), is_causal=True)[:, :, :20, :20]
    assert np.abs(decode_weights(one.array) - exact).max() < WITHIN


def test_the_budget_lets_go_of_weights_too():
    x = clownpiece.randn(1, 2, 32, 4)
    tape = clownviz.run(Fused(), x, x, x, keep="sample", budget=3000)
    assert [one.array for one in tape.attention] == [None]


def test_weights_are_saved_with_the_tape(tmp_path):
    x = clownpiece.randn(1, 2, 6, 4)
    tape = clownviz.run(Fused(), x, x, x, keep="sample")
    back = clownviz.load(clownviz.save(tape, tmp_path / "net.tape"))
    assert back.attention[0].shape == (1, 2, 6, 6)
    np.testing.assert_array_equal(back.attention[0].array, tape.attention[0].array)


def test_a_row_that_may_see_nothing_is_zeros_as_the_operation_has_it():
    q = np.ones((1, 1, 2, 3), np.float32)
    weights = attention_weights(q, q, np.array([[True, True], [False, False]]))
    np.testing.assert_allclose(weights[0, 0], [[0.5, 0.5], [0, 0]])
