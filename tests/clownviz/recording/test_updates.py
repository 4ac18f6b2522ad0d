"""Training on a tape: losses, steps of optimizers, forgotten zero_grad, every so many runs."""

from __future__ import annotations

import numpy as np
import pytest

import clownpiece
import clownviz
from clownpiece import nn, optim
from clownpiece.nn import functional as F
from clownviz.recording.keep import RECORD_BYTES
from clownviz.recording.tape import ABSENT
from clownviz.recording.tape_file import load, save


def net():
    clownpiece.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))


def norm(array):
    return float(np.linalg.norm(array))


def train(model, optimizer, steps=3, zero=True, after=lambda loss: None):
    """An ordinary loop; returns the losses."""
    clownpiece.manual_seed(1)
    x, y = clownpiece.randn(8, 4), clownpiece.randint(0, 2, (8,))
    losses = []
    for _ in range(steps):
        loss = F.cross_entropy(model(x), y)
        if zero:
            optimizer.zero_grad()
        loss.backward()
        after(loss)
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_the_loss_is_found_without_help():
    model = net()
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    def after(loss):
        (loss * 2 + 1).detach()  # scalars that nobody runs backward from

    with clownviz.capture(model, keep="shapes") as tape:
        losses = train(model, optimizer, after=after)
    assert [step.number for step in tape.steps] == [0, 1, 2]
    assert [step.scalars["loss"] for step in tape.steps] == losses
    outside = [op.name for op in tape.operations if op.call is None]
    assert outside.count("cross_entropy") == 3


def test_a_loss_that_the_model_computes_itself_is_found_too():
    class Trains(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = net()

        def forward(self, x):
            return (self.body(x) ** 2).mean()

    model = Trains()
    with clownviz.capture(model) as tape:
        loss = model(clownpiece.ones(2, 4))
        loss.backward()
    assert tape.steps[0].scalars == {"loss": loss.item()}


def test_a_run_without_a_backward_has_no_loss():
    model = net()
    with clownviz.capture(model) as tape:
        model(clownpiece.ones(2, 4)).sum()
        with clownpiece.no_grad():
            model(clownpiece.ones(2, 4)).sum()
    assert tape.steps == [] and tape.updates == [] and tape.untrained == ()


def test_updates_have_rates_and_norms():
    model = net()
    groups = [
        {"params": model[0].parameters(), "lr": 0.5},
        {"params": [model[2].weight], "lr": 0.25},
    ]
    optimizer = optim.SGD(groups, lr=1.0)
    model[0].bias.requires_grad_(False)
    with clownviz.capture(model) as tape:
        train(model, optimizer, steps=2)
        first, second = tape.updates
        grads = [None if p.grad is None else p.grad.numpy().copy() for p in model.parameters()]
        weights = [p.detach().numpy().copy() for p in model.parameters()]
    assert tape.trained == ("0.weight", "0.bias", "2.weight") and tape.untrained == ("2.bias",)
    assert (first.number, second.number, second.step) == (1, 2, 1)
    assert second.optimizer == "SGD" and second.rates.tolist() == [0.5, 0.5, 0.25]
    assert second.grad_norm == pytest.approx([norm(grads[0]), ABSENT, norm(grads[2])])
    moved = [0.5 * norm(grads[0]), 0, 0.25 * norm(grads[2])]
    assert second.update_norm == pytest.approx(moved, rel=1e-5)
    assert second.weight_norm == pytest.approx([norm(w) for w in weights[:3]])
    last = [call for call in tape.calls if call.path == ""][-1]
    assert last.ended < second.at


def test_an_optimizer_of_another_model_is_counted_only_while_it_finds_no_gradient(tmp_path):
    model, other = net(), net()
    strange = optim.Adam(net().parameters(), lr=0.1)
    beside = optim.SGD(other.parameters(), lr=0.1)
    strange.step()
    with clownviz.capture(model, file=tmp_path / "run.tape") as tape:
        strange.step()
        for _ in range(3):
            beside.zero_grad()
            other(model(clownpiece.ones(2, 4)).sum() * clownpiece.ones(2, 4)).sum().backward()
            strange.step()
            beside.step()
    assert tape.steps_elsewhere == {"Adam": 3} and tape.updates == []
    told = clownviz.findings(tape).text()
    assert "looked at: 3 runs, 3 with backward, no optimizer step of its own" in told
    assert clownviz.load(tmp_path / "run.tape").steps_elsewhere == {"Adam": 3}


def test_norms_of_a_large_parameter_are_estimated_and_its_gradient_is_measured():
    clownpiece.manual_seed(0)
    model = nn.Linear(128, 256, bias=False)
    before = model.weight.numpy(force=True).copy()
    with clownviz.capture(model) as tape:
        (model(clownpiece.randn(32, 128)) ** 2).sum().backward()
        optim.SGD(model.parameters(), lr=0.1).step()
    after, (update,) = model.weight.numpy(force=True), tape.updates
    assert update.grad_norm == pytest.approx([norm(model.weight.grad.numpy())], rel=1e-5)
    assert update.update_norm == pytest.approx([norm(after - before)], rel=0.1)
    assert update.weight_norm == pytest.approx([norm(after)], rel=0.1)


CLOSE = [0, 1, 2, 4, 8, 10, 20]


def closely(tape):
    """The runs whose operations are on the tape."""
    return sorted({tape.calls[op.call].step for op in tape.operations if op.call is not None})


def test_operations_and_weights_are_looked_at_often_at_first_and_then_in_every_tenth_run():
    model = net()
    with clownviz.capture(model) as tape:
        losses = train(model, optim.SGD(model.parameters(), lr=0.1), steps=25)
    assert closely(tape) == CLOSE
    weights = [value for value in tape.values if value.origin == "parameter:0.weight"]
    # Those before the first run are the module's.
    assert [value.stats is not None for value in weights] == [False, *[True] * 6]
    # Of the others there is all the rest.
    assert [step.scalars["loss"] for step in tape.steps] == losses and len(tape.updates) == 25
    for call in tape.calls:
        assert all(value.stats is not None for value in tape.refs((call.inputs, call.outputs)))
        used = {"0": ("0.weight", "0.bias"), "2": ("2.weight", "2.bias")}
        assert call.parameters == used.get(call.path, ())


def test_a_run_of_another_kind_is_looked_at_closely():
    model, x = net(), clownpiece.ones(2, 4)
    with clownviz.capture(model, keep="shapes") as tape:
        for _ in range(7):
            model(x)
        with clownpiece.no_grad():
            model(x)  # 7
        model(x)
        model(clownpiece.ones(1, 4))  # 9
        model.eval()
        model(x)  # 10
    assert closely(tape) == [0, 1, 2, 4, 7, 9, 10]


@pytest.mark.parametrize("options", [{"keep": "sample"}, {"inside": True}])
def test_with_arrays_or_inside_every_run_is_looked_at_closely(options):
    model = net()
    with clownviz.capture(model, **options) as tape:
        train(model, optim.SGD(model.parameters(), lr=0.1), steps=12)
    assert closely(tape) == [*range(12)]


def test_a_long_training_stays_within_its_budget_and_is_recorded_to_its_end():
    model = net()
    with clownviz.capture(model, budget="512 KiB") as tape:
        train(model, optim.SGD(model.parameters(), lr=0.1), steps=400)
    recorded = sorted({call.step for call in tape.calls})
    apart = np.diff(recorded)
    assert recorded[:10] == [*range(10)] and (np.diff(apart) >= 0).all() and recorded[-1] >= 256
    assert [step.number for step in tape.steps] == recorded
    assert len(tape.values) * RECORD_BYTES < 2**19
    assert tape.refs(tape.calls_of("")[-1].outputs)[0].stats is not None
    rarer = next(each for each in tape.notes if "fewer and fewer" in each)
    assert f"From run {recorded[int(np.argmax(apart > 1))] + 1}" in rarer
    assert "at last every" in rarer


@pytest.mark.parametrize("zero", [True, False])
def test_a_forgotten_zero_grad_is_seen_from_the_second_update_on(zero):
    model = net()
    with clownviz.capture(model) as tape:
        train(model, optim.SGD(model.parameters(), lr=0.1), zero=zero)
    assert [bool(update.kept.any()) for update in tape.updates] == [False, not zero, not zero]


def test_gradients_set_to_zero_or_added_up_on_purpose_are_not_forgotten():
    model = net()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with clownviz.capture(model) as tape:
        for _ in range(2):
            optimizer.zero_grad(set_to_none=False)
            for _ in range(2):
                model(clownpiece.ones(2, 4)).sum().backward()
            optimizer.step()
    assert not any(update.kept.any() for update in tape.updates)
    assert [update.step for update in tape.updates] == [1, 3]


def test_two_optimizers_of_one_model_share_the_columns_and_others_are_left_alone(tmp_path):
    model, other = net(), net()
    one, two = optim.SGD(model[0].parameters(), lr=0.1), optim.Adam(model[2].parameters())
    with clownviz.capture(model) as tape:
        train(model, one, steps=1)
        train(other, optim.SGD(other.parameters(), lr=0.1), steps=1)
        train(model, two, steps=1)
    assert [update.optimizer for update in tape.updates] == ["SGD", "Adam"]
    assert tape.trained == ("0.weight", "0.bias", "2.weight", "2.bias")
    first, second = (update.grad_norm == ABSENT for update in tape.updates)
    assert first.tolist() == [False, False, True, True]
    assert second.tolist() == [True, True, False, False]
    assert np.isnan(tape.updates[0].rates).tolist() == first.tolist()
    again = load(save(tape, tmp_path / "net.tape"))
    assert again.updates[1].grad_norm.tolist() == tape.updates[1].grad_norm.tolist()


def test_only_every_third_run_is_looked_at():
    model = net()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with clownviz.capture(model, every=3, gradients=True) as tape:
        losses = train(model, optimizer, steps=7)
    assert sorted({call.step for call in tape.calls}) == [0, 3, 6]
    assert [step.scalars["loss"] for step in tape.steps] == losses[::3]
    assert [(update.step, update.number) for update in tape.updates] == [(0, 1), (3, 4), (6, 7)]
    for every in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="expected a number of runs"):
            clownviz.capture(model, every=every)


def test_a_closure_that_runs_the_model_within_the_step_is_seen():
    model = net()
    optimizer = optim.LBFGS(model.parameters(), max_iter=2)
    x = clownpiece.ones(2, 4)

    def closure():
        optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        return loss

    with clownviz.capture(model) as tape:
        optimizer.step(closure)
    (update,) = tape.updates
    assert (update.grad_norm > 0).any() and (update.update_norm > 0).any()


def test_training_is_bit_by_bit_what_it_is_without_a_capture():
    def everything(watched):
        model = net()
        optimizer = optim.Adam(model.parameters(), lr=0.01)
        if watched:
            with clownviz.capture(model, gradients=True, keep="full"):
                losses = train(model, optimizer, steps=4)
        else:
            losses = train(model, optimizer, steps=4)
        tensors = [*model.parameters(), *(p.grad for p in model.parameters())]
        return (
            losses,
            [t.detach().numpy().tobytes() for t in tensors],
            clownpiece.get_rng_state().tobytes(),
        )

    assert everything(True) == everything(False)


def test_the_graph_of_a_step_dies_with_its_loss():
    import gc
    import weakref

    model = net()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    known = []
    gc.disable()
    try:
        with clownviz.capture(model):
            train(model, optimizer, steps=1, after=lambda loss: known.append(weakref.ref(loss)))
            assert known[0]() is None
    finally:
        gc.enable()
