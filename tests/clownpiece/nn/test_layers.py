"""Laws that layers obey, of those that PyTorch does not have or does not promise."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import clownpiece
from clownpiece import nn


def normal(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return clownpiece.tensor(rng.standard_normal(shape))


# -- positions ------------------------------------------------------------------------------


@given(
    shift=st.integers(0, 40),
    near=st.integers(0, 5),
    interleaved=st.booleans(),
    pairs=st.integers(1, 4),
)
def test_turned_vectors_see_only_their_distance(shift, near, interleaved, pairs):
    rotary = nn.RotaryEmbedding(2 * pairs, interleaved=interleaved)
    q, k = normal(1, 2 * pairs), normal(1, 2 * pairs, seed=1)
    here = (rotary(q, offset=near) * rotary(k)).sum()
    there = (rotary(q, offset=near + shift) * rotary(k, offset=shift)).sum()
    assert float(here) == pytest.approx(float(there), abs=1e-4)


@given(st.integers(1, 6), st.booleans())
def test_turning_keeps_lengths_and_leaves_the_first_position(length, interleaved):
    x = normal(2, length, 6)
    turned = nn.RotaryEmbedding(6, interleaved=interleaved)(x)
    np.testing.assert_allclose((turned**2).sum(-1), (x**2).sum(-1), rtol=1e-5)
    np.testing.assert_allclose(turned[:, 0], x[:, 0])
    assert turned.dtype is clownpiece.float64


def test_turning_in_pieces_is_turning_at_once():
    rotary, x = nn.RotaryEmbedding(4), normal(7, 4)
    pieces = clownpiece.cat([rotary(x[:3]), rotary(x[3:], offset=3)])
    np.testing.assert_allclose(pieces, rotary(x))


def test_rotary_pairs_need_an_even_size():
    with pytest.raises(ValueError, match="odd dim, 5"):
        nn.RotaryEmbedding(5)


@pytest.mark.parametrize("size", [4, 5])
def test_positions_are_sines_and_cosines_as_published(size):
    added = nn.PositionalEncoding(size, max_len=9)(clownpiece.zeros(1, 9, size))[0].numpy()
    for t in range(9):
        for i in range(size):
            angle = t / 10000 ** ((i - i % 2) / size)
            expected = np.cos(angle) if i % 2 else np.sin(angle)
            assert added[t, i] == pytest.approx(expected, abs=1e-6)


def test_positions_are_not_saved_and_end_somewhere():
    encoding = nn.PositionalEncoding(4, max_len=5)
    assert encoding.state_dict() == {}
    with pytest.raises(ValueError, match="7 positions is longer than max_len=5"):
        encoding(clownpiece.zeros(2, 7, 4))


# -- everywhere the same --------------------------------------------------------------------

SAMPLES = {
    "linear": (lambda: nn.Linear(3, 4), (2, 3)),
    "convolution": (lambda: nn.Conv2d(3, 4, 3, padding=1), (2, 3, 5, 5)),
    "batch norm": (lambda: nn.BatchNorm2d(3), (2, 3, 4, 4)),
    "layer norm": (lambda: nn.LayerNorm(3), (2, 3)),
    "dropout": (lambda: nn.Dropout(0.5), (2, 3)),
    "lstm": (lambda: nn.LSTM(3, 4), (5, 2, 3)),
    "transformer": (lambda: nn.TransformerEncoderLayer(4, 2, 8, 0.0), (3, 2, 4)),
    "activation": (lambda: nn.GELU(), (2, 3)),
    "rotary": (lambda: nn.RotaryEmbedding(4), (3, 4)),
    "positions": (lambda: nn.PositionalEncoding(4), (1, 3, 4)),
    "lazy": (lambda: nn.LazyLinear(2), (2, 3)),
    "spectral": (lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(3, 4)), (2, 3)),
}
each_layer = pytest.mark.parametrize("make, shape", SAMPLES.values(), ids=SAMPLES.keys())


def first(result):
    return result[0] if isinstance(result, tuple) else result


@each_layer
@pytest.mark.parametrize("dtype", [clownpiece.float32, clownpiece.float64], ids=str)
def test_a_layer_stays_in_its_dtype(make, shape, dtype):
    x = normal(*shape).to(dtype).requires_grad_()
    layer = make().to(dtype)
    out = first(layer(x))
    out.sum().backward()
    assert out.dtype is dtype
    assert x.grad.dtype is dtype
    assert {p.grad.dtype for p in layer.parameters()} <= {dtype}


@each_layer
def test_a_layer_leaves_its_input_alone(make, shape):
    x = normal(*shape).float()
    before = x.numpy().copy()
    first(make()(x))
    assert np.array_equal(x.numpy(), before)


@each_layer
def test_a_copied_layer_computes_the_same(make, shape):
    layer = make().eval()
    x = normal(*shape).float()
    expected = first(layer(x)).detach()
    assert np.array_equal(first(copy.deepcopy(layer)(x)).detach(), expected)


@each_layer
def test_a_pickled_layer_computes_the_same(make, shape):
    layer = make().eval()
    x = normal(*shape).float()
    expected = first(layer(x)).detach()
    back = pickle.loads(pickle.dumps(layer))
    assert np.array_equal(first(back(x)).detach(), expected)


@each_layer
def test_a_graph_through_hooks_dies_with_its_output(make, shape):
    layer = make()
    layer(normal(*shape).float())
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: None)
    layer.register_full_backward_pre_hook(lambda module, grad_output: None)
    gc.collect()
    gc.disable()
    try:
        out = first(layer(normal(*shape).float().requires_grad_()))
        node = weakref.ref(out.grad_fn)
        del out
        assert node() is None
    finally:
        gc.enable()


def test_running_statistics_do_not_keep_a_graph():
    layer = nn.BatchNorm1d(3)
    out = layer(normal(4, 3).float().requires_grad_())
    assert layer.running_mean.grad_fn is None
    assert not layer.running_var.requires_grad
    assert out.requires_grad


def test_what_was_normalized_while_evaluating_keeps_its_gradient_when_training_goes_on():
    layer, x = nn.BatchNorm1d(3), normal(4, 3).float().requires_grad_()
    evaluated = layer.eval()(x)
    (expected,) = clownpiece.autograd.grad(evaluated.sum(), x, retain_graph=True)
    layer.train()(x * 9 + 5)
    (found,) = clownpiece.autograd.grad(evaluated.sum(), x)
    np.testing.assert_array_equal(found.numpy(), expected.numpy())


def test_the_running_variance_is_unbiased():
    layer = nn.BatchNorm1d(1, momentum=1.0)
    layer(clownpiece.tensor([[1.0], [3.0]]))
    assert layer.running_var.tolist() == [2.0]


def test_dropout_is_off_while_evaluating_and_keeps_the_mean_while_training():
    layer, x = nn.Dropout(0.25), clownpiece.ones(20_000)
    assert np.array_equal(layer.eval()(x), x)
    out = layer.train()(x).numpy()
    assert set(np.unique(out)) == {0.0, np.float32(1 / 0.75)}
    assert out.mean() == pytest.approx(1.0, abs=0.02)


def test_hooks_of_the_last_layer_of_attention_run():
    attention, seen = nn.MultiheadAttention(4, 2), []
    attention.out_proj.register_forward_hook(lambda module, args, out: seen.append(out.shape))
    attention(*[normal(3, 2, 4).float()] * 3)
    assert seen == [(2, 3, 4)]


def test_a_hidden_position_has_no_weight_in_attention():
    attention = nn.MultiheadAttention(4, 2, batch_first=True)
    x = clownpiece.randn(2, 3, 4)
    hidden = clownpiece.tensor([[False, False, True], [False, True, True]])
    _, weights = attention(x, x, x, key_padding_mask=hidden)
    assert weights[0, :, 2].tolist() == [0.0] * 3
    assert weights[1, :, 1:].tolist() == [[0.0] * 2] * 3
    np.testing.assert_allclose(weights.sum(-1).detach(), 1, rtol=1e-6)


def test_two_directions_are_one_and_its_mirror():
    both = nn.GRU(3, 4, bidirectional=True)
    forward, backward = nn.GRU(3, 4), nn.GRU(3, 4)
    state = both.state_dict()
    forward.load_state_dict({name: state[name] for name in forward.state_dict()})
    backward.load_state_dict({name: state[f"{name}_reverse"] for name in backward.state_dict()})
    x = clownpiece.randn(5, 2, 3)
    out = both(x)[0].detach()
    np.testing.assert_allclose(out[..., :4], forward(x)[0].detach(), atol=1e-6)
    mirrored = backward(x.flip(0))[0].flip(0)
    np.testing.assert_allclose(out[..., 4:], mirrored.detach(), atol=1e-6)


def test_a_cell_taken_step_by_step_is_the_network():
    network, cell = nn.LSTM(3, 4), nn.LSTMCell(3, 4)
    state = {name.removesuffix("_l0"): value for name, value in network.state_dict().items()}
    cell.load_state_dict(state)
    x, now, outputs = clownpiece.randn(5, 2, 3), None, []
    for step in x:
        now = cell(step, now)
        outputs.append(now[0])
    out, (h, c) = network(x)
    np.testing.assert_allclose(clownpiece.stack(outputs).detach(), out.detach(), atol=1e-6)
    np.testing.assert_allclose(now[1].detach(), c[0].detach(), atol=1e-6)
    np.testing.assert_allclose(h[0].detach(), out[-1].detach(), atol=1e-6)


def test_a_copy_of_a_parametrized_layer_stays_one_when_the_layer_does_not():
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    twin = copy.deepcopy(layer)
    nn.utils.parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear
    assert nn.utils.parametrize.is_parametrized(twin, "weight")
    np.testing.assert_allclose(twin.weight.detach(), layer.weight.detach(), rtol=1e-6)


# -- gradients in bounds --------------------------------------------------------------------


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
    st.sampled_from([1.0, 2.0, 3.0, float("inf")]),
    st.floats(0.01, 100),
)
def test_clipping_limits_the_norm_and_keeps_the_direction(sizes, p, limit):
    parameters = [nn.Parameter(clownpiece.zeros(size).double()) for size in sizes]
    for seed, parameter in enumerate(parameters):
        parameter.grad = normal(*parameter.shape, seed=seed)
    before = np.concatenate([parameter.grad.numpy().copy() for parameter in parameters])
    total = nn.utils.clip_grad_norm_(parameters, limit, norm_type=p)
    after = np.concatenate([parameter.grad.numpy() for parameter in parameters])
    assert float(total) == pytest.approx(np.linalg.norm(before, p))
    assert np.linalg.norm(after, p) <= limit * (1 + 1e-9)
    np.testing.assert_allclose(after * np.linalg.norm(before), before * np.linalg.norm(after))


def test_parameters_without_a_gradient_do_not_count():
    a, b = nn.Parameter(clownpiece.zeros(2)), nn.Parameter(clownpiece.zeros(2))
    assert float(nn.utils.clip_grad_norm_([a, b], 1.0)) == 0.0
    a.grad = clownpiece.tensor([3.0, 4.0])
    assert float(nn.utils.clip_grad_norm_(iter([a, b]), 1.0)) == 5.0
    assert b.grad is None
