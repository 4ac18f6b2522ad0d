"""Effective and stable rank, of matrices whose ranks are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import clownpiece
from clownpiece import nn
from clownviz.analysis.rank import MOST, activation_ranks, capacities, rank_of, weight_ranks
from clownviz.analysis.trace import Trace
from clownviz.recording import run


@given(arrays(np.float64, st.tuples(*[st.integers(1, 8)] * 2), elements=st.floats(-1e3, 1e3)))
def test_ranks_are_between_one_and_the_rank_and_do_not_know_the_scale(matrix):
    rank = rank_of(matrix)
    if not matrix.any():
        assert (rank.effective, rank.stable) == (0.0, 0.0)
        return
    assert 1 - 1e-9 <= rank.effective <= rank.full + 1e-9
    assert 1 - 1e-9 <= rank.stable <= rank.full + 1e-9
    assert rank_of(-3 * matrix.T).effective == pytest.approx(rank.effective, rel=1e-6)


def test_equal_singular_values_give_the_full_rank():
    q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 3)))
    assert rank_of(q).effective == pytest.approx(3) and rank_of(q).stable == pytest.approx(3)


def test_the_formulas_on_known_singular_values():
    rank = rank_of(np.diag([3.0, 1.0]))
    assert rank.effective == pytest.approx(np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25))))
    assert rank.stable == pytest.approx(10 / 9)


def test_a_large_matrix_is_sampled_and_says_so():
    rank = rank_of(np.outer(np.arange(2000.0), np.ones(700)))
    assert rank.sampled and rank.full == MOST and rank.shape == (2000, 700)
    assert rank.effective == pytest.approx(1, abs=1e-3)


def test_what_is_not_finite_has_no_rank():
    assert rank_of(np.array([[np.nan, 1.0], [2.0, 3.0]])).effective == 0


def test_weights_and_activations_of_a_model():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(64, 8, bias=False))
    nn.init.ones_(model[2].weight)
    tape = run(model, clownpiece.randn(16, 1, 6, 6), keep="full")
    weights = {rank.label: rank for rank in weight_ranks(tape)}
    assert weights["0.weight"].shape == (4, 9)
    assert weights["2.weight"].effective == pytest.approx(1, abs=1e-3)
    outputs = {rank.label: rank for rank in activation_ranks(tape)}
    assert outputs["0"].shape == (16 * 16, 4) and outputs["0"].effective > 3
    assert outputs["2"].effective == pytest.approx(1, abs=1e-2)


def test_the_features_of_a_sequence_are_where_its_layer_puts_them():
    model = nn.Sequential(nn.Conv1d(2, 5, 3), nn.ReLU())
    tape = run(model, clownpiece.randn(4, 2, 11), keep="full")
    assert [rank.shape for rank in activation_ranks(tape)] == [(4 * 9, 5)] * 3
    layer = nn.Linear(6, 7)
    (rank,) = activation_ranks(run(layer, clownpiece.randn(4, 9, 6), keep="full"))
    assert rank.shape == (4 * 9, 7)


def test_what_a_value_can_hold_is_bounded_by_the_narrowest_place_before_it():
    model = nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 3), nn.ReLU(), nn.Linear(3, 16))
    tape = run(model, clownpiece.randn(5, 8), keep="shapes")
    found = capacities(Trace(tape))
    held = [found[tape.refs(call.outputs)[0].id] for call in tape.forward_calls()]
    assert held == [3, 8, 3, 3, 3]


def test_a_token_is_worth_as_many_numbers_as_its_embedding():
    model = nn.Sequential(nn.Embedding(50, 16), nn.Linear(16, 4))
    tape = run(model, clownpiece.arange(12).reshape(2, 6), keep="shapes")
    found = capacities(Trace(tape))
    assert found[tape.refs(tape.calls_of("0")[0].outputs)[0].id] == 6 * 16
