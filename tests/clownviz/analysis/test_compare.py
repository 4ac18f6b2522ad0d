"""What differs between two models is found where it was put, and nothing else is."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import clownpiece
import clownviz
from clownpiece import nn
from clownviz.analysis.compare import align, compare, relative_difference
from clownviz.recording.capture import describe, run
from clownviz.recording.checkpoint import of_checkpoint
from clownviz.recording.tape import Tape

# Numbers that may be scaled without falling below the smallest float.
NUMBERS = st.floats(-1e6, 1e6).map(lambda x: x if abs(x) > 1e-200 else 0.0)
FLOATS = hnp.arrays(np.float64, 5, elements=NUMBERS)


def network(**changes):
    """Five layers, of which a test may exchange some."""
    clownpiece.manual_seed(0)
    layers = {
        "first": nn.Linear(6, 8),
        "act": nn.Tanh(),
        "second": nn.Linear(8, 8),
        "again": nn.Tanh(),
        "last": nn.Linear(8, 3),
    }
    model = nn.Sequential()
    for name, layer in (layers | changes).items():
        model.add_module(name, layer)
    return model


def compared(a, b):
    x = clownpiece.randn(4, 6, generator=clownpiece.Generator().manual_seed(1))
    return compare(*(run(each, x, keep="full", gradients=True) for each in (a, b)))


@given(FLOATS, FLOATS)
def test_the_relative_difference_is_symmetric_and_at_most_two(a, b):
    found = relative_difference(a, b)
    assert found == pytest.approx(relative_difference(b, a))
    assert 0 <= found <= 2 + 1e-12
    assert (found == 0) == np.array_equal(a, b) or found < 1e-12


@given(FLOATS, st.floats(1e-3, 1e3))
def test_the_relative_difference_does_not_depend_on_the_unit(a, factor):
    assert relative_difference(a * factor, a * 1.5 * factor) == pytest.approx(
        relative_difference(a, a * 1.5)
    )


@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_very_small_and_very_large_numbers_have_a_relative_difference_too(size):
    assert relative_difference(np.array([size, 0]), np.array([0, size])) == pytest.approx(2**0.5)


def test_nan_in_one_of_them_only_is_an_infinite_difference():
    a, b = np.array([1.0, np.nan]), np.array([1.0, 2.0])
    assert math.isinf(relative_difference(a, b))
    assert relative_difference(a, a) == 0


def test_a_copy_does_not_differ():
    model = network()
    found = compared(model, copy.deepcopy(model))
    assert found.same and found.same_structure
    assert found.forward is None and found.backward is None
    assert all(delta.equal for delta in (*found.parameters, *found.outputs, *found.gradients))


@pytest.mark.parametrize("layer", ["first", "second", "last"])
def test_a_changed_weight_is_where_the_forward_first_differs(layer):
    model = network()
    other = copy.deepcopy(model)
    with clownpiece.no_grad():
        other.get_submodule(layer).weight.mul_(1.01)
    found = compared(model, other)
    apart = [delta for delta in found.parameters if delta.relative]
    assert [delta.label for delta in apart] == [f"{layer}.weight"]
    assert apart[0].relative == pytest.approx(0.01 / 1.01, rel=1e-4)
    assert apart[0].cosine == pytest.approx(1)
    assert found.forward.label == layer and not found.same


def test_where_the_forward_agrees_the_backward_may_not():
    class Detaching(nn.Tanh):
        def forward(self, x):
            return super().forward(x).detach() * 0.5 + super().forward(x) * 0.5

    model = network(again=nn.Tanh())
    other = network(again=Detaching())
    other.load_state_dict(model.state_dict())
    found = compared(model, other)
    assert found.forward is None
    assert found.backward.label == "again"


def test_the_first_difference_is_the_layer_and_not_the_block_around_it():
    block = nn.Sequential(nn.Linear(8, 8), nn.Tanh())
    model = network(second=block)
    other = copy.deepcopy(model)
    with clownpiece.no_grad():
        other.second[0].bias.add_(1)
    assert compared(model, other).forward.label == "second.0"


def test_a_layer_in_between_does_not_set_the_later_ones_against_each_other():
    a = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    b = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 2))
    pairs = [(pair.a, pair.b) for pair in align(describe(a), describe(b))]
    assert pairs == [("", ""), ("0", "0"), ("1", "2"), ("2", "3"), (None, "1")]


def test_a_wrapper_around_the_model_is_seen_through():
    inner = nn.Sequential(nn.Linear(4, 8), nn.Sequential(nn.Linear(8, 8), nn.ReLU()))
    wrapped = nn.ModuleDict({"module": copy.deepcopy(inner)})
    of = {pair.a: pair.b for pair in align(describe(inner), describe(wrapped))}
    assert of["0"] == "module.0" and of["1.0"] == "module.1.0" and of["1.1"] == "module.1.1"


def test_equal_blocks_are_paired_in_their_order():
    def stack(name, count):
        return nn.ModuleDict({name: nn.ModuleList([nn.Linear(3, 3) for _ in range(count)])})

    pairs = align(describe(stack("old", 3)), describe(stack("new", 4)))
    moved = [(pair.a, pair.b) for pair in pairs if pair.by == "structure"]
    assert moved == [("old.0", "new.0"), ("old.1", "new.1"), ("old.2", "new.2")]
    assert {pair.b for pair in pairs if pair.a is None} == {"new", "new.3"}


def test_what_changed_about_a_module_is_said_in_a_few_words():
    changed = network(second=nn.Linear(8, 8, bias=False), act=nn.ReLU())
    changed.last.eval()
    pairs = {pair.a: pair for pair in align(describe(network()), describe(changed))}
    assert pairs["second"].changes == ("bias=True → bias=False",)
    assert pairs["act"].changes == ("Tanh → ReLU",)
    assert pairs["last"].changes == ("train → eval",)


def test_other_shapes_and_lost_arrays_are_reasons_and_no_differences():
    found = compared(network(), network(last=nn.Linear(8, 5)))
    reasons = {delta.label: delta.reason for delta in found.parameters if delta.reason}
    assert reasons == {"last.weight": "(3, 8) → (5, 8)", "last.bias": "(3,) → (5,)"}
    model = network()
    tapes = [run(model, clownpiece.ones(2, 6), keep="statistics") for _ in range(2)]
    found = compare(*tapes)
    assert {delta.reason for delta in found.outputs} == {"its numbers were not kept"}


def test_a_shared_module_is_compared_call_by_call():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(6, 6)
            self.gain = 1.0

        def forward(self, x):
            return self.layer(self.layer(x) * self.gain)

    a = Twice()
    b = copy.deepcopy(a)
    b.gain = 2.0
    found = compared(a, b)
    assert [delta.label for delta in found.outputs if delta.relative] == ["layer#2", "Twice"]


def test_ten_thousand_modules_are_aligned():
    def deep(count):
        return describe(nn.Sequential(*[nn.Linear(1, 1) for _ in range(count)]))

    pairs = align(deep(10_000), deep(10_001))
    assert sum(pair.by == "path" for pair in pairs) == 10_001
    assert [pair.b for pair in pairs if pair.a is None] == ["10000"]


# -- checkpoints -----------------------------------------------------------------------------


def test_two_checkpoints_differ_where_training_changed_them():
    model = network()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with clownpiece.no_grad():
        model.second.bias.add_(0.5)
    found = compare(of_checkpoint(before), of_checkpoint(model.state_dict()))
    assert [delta.label for delta in found.parameters if delta.relative] == ["second.bias"]
    assert found.same_structure


def test_a_checkpoint_can_be_held_against_the_model():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    found = compare(of_checkpoint(model.state_dict()), describe(model, keep="full"))
    assert found.same
    assert {d.label for d in found.parameters} >= {"1.running_mean", "1.num_batches_tracked"}


@pytest.mark.parametrize(
    "state, said",
    [
        ({"model": {"w": np.zeros(2)}}, r"checkpoint\['model'\]"),
        ({"epoch": 3}, "expected a tensor"),
    ],
)
def test_what_is_no_checkpoint_is_said_to_be_none(state, said):
    with pytest.raises(TypeError, match=said):
        of_checkpoint(state)


def test_an_empty_checkpoint_is_an_empty_model():
    assert isinstance(of_checkpoint({}), Tape)


def test_shapes_that_differ_are_a_divergence_and_a_difference():
    first = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    second = nn.Sequential(first[0], nn.ReLU(), nn.Linear(8, 3))
    found = clownviz.compare(first, second, clownpiece.ones(2, 4)).view
    assert found.difference.forward.label == "2" and "(2, 2) → (2, 3)" in found.text()
    other = {"w": np.ones(4), "v": np.ones(2)}
    found = clownviz.compare({"w": np.ones(3)}, other).view
    assert not found.difference.same and "differ in structure" in found.headline()
    assert "2 of 2 differ, most w: (3,) → (4,)" in found.text()


def test_a_model_does_not_differ_from_its_own_checkpoint():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 4))
    model.append(model[0])
    model[2].weight = model[0].weight
    model.register_buffer("mask", clownpiece.ones(3), persistent=False)
    for one, other in ((model, model.state_dict()), (model.state_dict(), model)):
        assert clownviz.compare(one, other).view.difference.same


def test_a_gradient_that_cancels_leaves_no_difference():
    """Before a BatchNorm whose output is summed all gradients are zero but for rounding."""
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    other = copy.deepcopy(model)
    with clownpiece.no_grad():
        other[0].weight.mul_(1.5)
    found = clownviz.compare(model, other, clownpiece.randn(16, 4)).view.difference
    assert found.forward.label == "0"
    assert found.backward is None


def test_checkpoints_and_tapes_are_compared_from_their_files(tmp_path):
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    clownpiece.save(model.state_dict(), tmp_path / "before.safetensors")
    nn.init.zeros_(model[1].bias)
    clownviz.save(clownviz.run(model, clownpiece.ones(1, 4), keep="full"), tmp_path / "after.tape")
    for after in (model, str(tmp_path / "after.tape")):
        found = clownviz.compare(tmp_path / "before.safetensors", after).view.difference
        assert [d.label for d in found.parameters if d.exceeds(1e-5)] == ["1.bias"]
    with pytest.raises(FileNotFoundError):
        clownviz.compare(tmp_path / "nowhere.pt", model)
