"""Attention in blocks gives what the formula gives at once, and so do its gradients."""

from __future__ import annotations

import numpy as np
import pytest

from clownpiece.kernels import attention as kernel
from clownpiece.kernels.attention import Scores, attention, attention_backward, attention_weights


def drawn(heads=3, length=7, keys=9, width=4, seed=0):
    rng = np.random.default_rng(seed)
    shapes = [(heads, length, width), (heads, keys, width), (heads, keys, width + 1)]
    return rng, *(rng.standard_normal(shape) for shape in shapes)


def at_once(q, k, v, scale, additive, keep=1.0):
    scores = scale * q @ k.swapaxes(1, 2) + additive
    top = np.where(np.isneginf(scores.max(-1)), 0, scores.max(-1))[..., None]
    weights = np.exp(scores - top)
    total = weights.sum(-1, keepdims=True)
    return np.divide(weights, total, where=total > 0, out=np.zeros_like(weights)) * keep @ v


@pytest.fixture(params=[1 << 21, 200], ids=["one block", "many blocks"])
def budget(request, monkeypatch):
    monkeypatch.setattr(kernel, "SCORE_BYTES", request.param)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("length, keys", [(7, 9), (9, 7), (200, 200)])
def test_attention_is_its_formula(budget, causal, length, keys):
    _, q, k, v = drawn(length=length, keys=keys)
    additive = np.where(np.tri(length, keys, dtype=bool) | (not causal), 0, -np.inf)
    np.testing.assert_allclose(
        attention(q, k, v, Scores(0.5, causal)), at_once(q, k, v, 0.5, additive), atol=1e-12
    )


@pytest.mark.parametrize("kind", ["none", "causal", "bool", "additive", "dropout"])
def test_gradients_are_those_of_the_formula(budget, kind):
    rng, q, k, v = drawn()
    g = rng.standard_normal((3, 7, 5))
    mask = keep = None
    if kind == "bool":
        mask = rng.random((3, 7, 9)) < 0.6
    if kind == "additive":
        mask = rng.standard_normal((3, 7, 9))
    if kind == "dropout":
        keep = (rng.random((3, 7, 9)) < 0.5) * 2.0
    scores = Scores(0.7, kind == "causal", mask, keep)
    y = attention(q, k, v, scores)
    gq, gk, gv, gm = attention_backward(g, y, q, k, v, scores, mask_gradient=kind == "additive")
    steps = [rng.standard_normal(a.shape) for a in (q, k, v)]
    small = 1e-6
    moved = [
        attention(*(a + sign * small * s for a, s in zip((q, k, v), steps, strict=True)), scores)
        for sign in (1, -1)
    ]
    slope = np.vdot(g, moved[0] - moved[1]) / (2 * small)
    found = sum(np.vdot(a, s) for a, s in zip((gq, gk, gv), steps, strict=True))
    assert found == pytest.approx(slope, rel=1e-6)
    if gm is not None:
        step = rng.standard_normal(mask.shape)
        moved = [
            attention(q, k, v, Scores(0.7, False, mask + sign * small * step)) for sign in (1, -1)
        ]
        slope = np.vdot(g, moved[0] - moved[1]) / (2 * small)
        assert np.vdot(gm, step) == pytest.approx(slope, rel=1e-6)


def test_weights_are_rows_of_probabilities():
    _, q, k, _ = drawn()
    weights = attention_weights(q, k, Scores(1.0))
    np.testing.assert_allclose(weights.sum(-1), 1)
    assert (weights >= 0).all()


def test_a_query_that_may_see_nothing_gets_zeros():
    _, q, k, v = drawn()
    mask = np.ones((3, 7, 9), bool)
    mask[:, 2] = False
    y = attention(q, k, v, Scores(1.0, mask=mask))
    assert not y[:, 2].any()
    assert np.isfinite(y).all()
    gradients = attention_backward(y, y, q, k, v, Scores(1.0, mask=mask))
    assert all(np.isfinite(g).all() for g in gradients[:3])


def test_masks_may_be_broadcast():
    _, q, k, v = drawn()
    row = np.arange(9) < 5
    full = np.broadcast_to(row, (3, 7, 9))
    np.testing.assert_allclose(
        attention(q, k, v, Scores(1.0, mask=full)), attention(q, k[:, :5], v[:, :5], Scores(1.0))
    )


def test_single_precision_stays():
    _, q, k, v = (a.astype(np.float32) if isinstance(a, np.ndarray) else a for a in drawn())
    y = attention(q, k, v, Scores(0.5))
    assert y.dtype == np.float32
    assert all(g.dtype == np.float32 for g in attention_backward(y, y, q, k, v, Scores(0.5))[:3])
