"""The recorder of a training run: what it reads is right, and the training never notices it."""

from __future__ import annotations

import copy
import gc
import math
import threading
import time
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import clownpiece as cp
from clownpiece import nn, optim
from clownpiece.nn import functional as F
from clownviz.recording.gate import Gate
from clownviz.recording.probe import norm
from clownviz.recording.series import Series
from clownviz.recording.training import ABSENT, Recorder, Training

OPTIMIZERS = [
    lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    lambda p: optim.Adam(p, lr=1e-2),
    lambda p: optim.AdamW(p, lr=1e-2, weight_decay=0.1),
]

rng = np.random.default_rng(0)
POINTS = cp.tensor(rng.normal(size=(16, 4)).astype(np.float32))
LABELS = cp.tensor(rng.integers(0, 3, 16))


def make(optimizer=OPTIMIZERS[0]):
    cp.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.ReLU(), nn.Linear(8, 3))
    return model, optimizer(model.parameters())


def step(model, optimizer):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(POINTS), LABELS)
    loss.backward()
    optimizer.step()
    return loss


def values(model):
    return {name: p.detach().numpy().copy() for name, p in model.named_parameters()}


class TestTheTrainingNeverNotices:
    @pytest.mark.parametrize("optimizer", OPTIMIZERS)
    def test_a_watched_twin_is_the_same_to_the_byte(self, optimizer):
        plain, watched = make(optimizer), make(optimizer)
        recorder = Recorder(*watched)
        for model, opt in (plain, watched):
            cp.manual_seed(7)
            for _ in range(5):
                loss = step(model, opt)
                if model is watched[0]:
                    recorder.log(loss=loss)
        state = cp.get_rng_state()
        cp.manual_seed(7)
        for _ in range(5):
            F.dropout(cp.ones(16, 8))
        assert np.array_equal(np.asarray(state), np.asarray(cp.get_rng_state()))
        for name, value in values(plain[0]).items():
            assert value.tobytes() == values(watched[0])[name].tobytes()
        for a, b in zip(plain[0].parameters(), watched[0].parameters()):
            assert a.grad.numpy().tobytes() == b.grad.numpy().tobytes()

    def test_a_loss_and_its_graph_die_at_once_without_the_collector(self):
        model, optimizer = make()
        recorder = Recorder(model, optimizer)
        gc.disable()
        try:
            loss = step(model, optimizer)
            recorder.log(loss=loss)
            node = weakref.ref(loss.grad_fn)
            del loss
            assert node() is None
        finally:
            gc.enable()

    def test_the_recorder_keeps_neither_model_nor_parameters_alive(self):
        model, optimizer = make()
        recorder = Recorder(model, optimizer)
        step(model, optimizer)
        parameter = weakref.ref(next(model.parameters()))
        del model, optimizer
        gc.collect()
        assert parameter() is None
        assert recorder.snapshot().steps == 1

    def test_a_tensor_of_another_shape_is_taken_from_then_on(self):
        model, optimizer = make()
        recorder = Recorder(model, optimizer)
        step(model, optimizer)
        layer = model[3]
        layer.weight.grad = layer.bias.grad = None
        optimizer.state.clear()
        layer.weight.data = cp.ones(5, 8)
        layer.bias.data = cp.ones(5)
        step(model, optimizer)
        last = recorder.snapshot().weight_norm[-1]
        assert last[2] == pytest.approx(norm(layer.weight.detach().numpy().ravel()), rel=1e-5)
        assert not recorder.closed

    def test_an_error_of_ours_is_a_warning_and_the_training_goes_on(self, monkeypatch):
        model, optimizer = make()
        recorder = Recorder(model, optimizer)

        def broken():
            raise ValueError("no page")

        recorder.on_step = broken
        before = values(model)["0.weight"]
        with pytest.warns(UserWarning, match="stopped watching at step 1: ValueError: no page"):
            step(model, optimizer)
        step(model, optimizer)
        assert recorder.closed
        assert not np.array_equal(before, values(model)["0.weight"])


class TestWhatIsRecorded:
    def test_norms_are_those_of_numpy(self):
        model, optimizer = make()
        recorder = Recorder(model, optimizer)
        for _ in range(3):
            before = values(model)
            step(model, optimizer)
            after = values(model)
            run = recorder.snapshot()
            for at, (name, parameter) in enumerate(model.named_parameters()):
                grad = np.linalg.norm(parameter.grad.numpy())
                assert run.grad_norm[-1, at] == pytest.approx(grad, rel=1e-5)
                moved = np.linalg.norm(after[name] - before[name])
                assert run.update_norm[-1, at] == pytest.approx(moved, rel=1e-5)
                assert run.weight_norm[-1, at] == pytest.approx(
                    np.linalg.norm(after[name]), rel=1e-5
                )

    def test_a_layer_is_the_root_of_the_squares_of_its_parameters(self):
        model, optimizer = make()
        recorder = Recorder(model, optimizer)
        step(model, optimizer)
        run = recorder.snapshot()
        assert run.layers == ("0", "3")
        squares = (run.grad_norm[0].astype(float)) ** 2
        assert run.layer_grad_norm()[0, 1] == pytest.approx(math.sqrt(squares[2] + squares[3]))
        ratio = np.hypot(*run.update_norm[0, :2]) / np.hypot(*run.weight_norm[0, :2])
        assert run.layer_update_ratio()[0, 0] == pytest.approx(ratio, rel=1e-5)

    def test_learning_rates_of_every_group(self):
        model, _ = make()
        optimizer = optim.SGD(
            [{"params": model[0].parameters()}, {"params": [model[3].bias]}], lr=1
        )
        optimizer.param_groups[1]["lr"] = 0.25
        recorder = Recorder(model, optimizer)
        step(model, optimizer)
        optimizer.param_groups[0]["lr"] = 0.5
        step(model, optimizer)
        scalars = recorder.snapshot().scalars
        assert scalars["lr"][1].tolist() == [1.0, 0.5]
        assert scalars["lr/1"][1].tolist() == [0.25, 0.25]

    def test_norms_at_every_third_step_and_each_logged_number(self):
        model, optimizer = make()
        recorder = Recorder(model, optimizer, every=3)
        for _ in range(7):
            recorder.log(loss=step(model, optimizer))
        run = recorder.snapshot()
        assert run.norm_steps.tolist() == [1, 4, 7]
        assert run.scalars["loss"][0].tolist() == [1, 2, 3, 4, 5, 6, 7]

    def test_a_number_logged_after_the_step_belongs_to_it(self):
        model, optimizer = make()
        recorder = Recorder(model, optimizer)
        for _ in range(2):
            recorder.log(loss=step(model, optimizer))
        assert recorder.snapshot().scalars["loss"][0].tolist() == [1, 2]

    def test_a_number_logged_before_the_step_belongs_to_the_step_to_come(self):
        model, optimizer = make()
        recorder = Recorder(model, optimizer)
        for _ in range(2):
            optimizer.zero_grad()
            recorder(F.cross_entropy(model(POINTS), LABELS)).backward()
            optimizer.step()
        assert recorder.snapshot().scalars["loss"][0].tolist() == [1, 2]

    def test_the_learning_rate_that_a_person_logs_is_theirs(self):
        model, optimizer = make()
        recorder = Recorder(model, optimizer)
        for rate in (3, 4):
            recorder.log(lr=rate)
            step(model, optimizer)
        assert recorder.snapshot().scalars["lr"][1].tolist() == [3, 4]

    def test_the_steps_of_the_tape(self):
        model, optimizer = make()
        recorder = Recorder(model, optimizer)
        loss = step(model, optimizer)
        recorder.log(loss=loss)
        (only,) = recorder.snapshot().to_steps()
        assert only.number == 1
        assert only.scalars["loss"] == pytest.approx(loss.item())
        names = {"0.weight", "0.bias", "3.weight", "3.bias"}
        assert set(only.scalars) == {"loss", "lr"} | {
            f"{kind}/{name}" for kind in ("grad_norm", "update_ratio") for name in names
        }

    def test_a_closure_computes_its_gradients_within_the_step(self):
        model, optimizer = make()
        recorder = Recorder(model, optimizer)

        def closure():
            optimizer.zero_grad()
            loss = F.cross_entropy(model(POINTS), LABELS)
            loss.backward()
            return loss

        optimizer.step(closure)
        grad = np.linalg.norm(model[0].weight.grad.numpy())
        assert recorder.snapshot().grad_norm[0, 0] == pytest.approx(grad, rel=1e-5)

    def test_frozen_parameters_are_left_out_and_tied_ones_count_once(self):
        model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3))
        model[1].weight = model[0].weight
        model[2].requires_grad_(False)
        recorder = Recorder(model, optim.SGD(model[:2].parameters(), lr=0.1))
        assert recorder.parameters == ("0.weight", "0.bias", "1.bias")

    def test_a_parameter_without_gradient_is_absent_and_not_nan(self):
        model, optimizer = make()
        recorder = Recorder(model, optimizer)
        step(model, optimizer)
        optimizer.zero_grad()
        optimizer.step()
        run = recorder.snapshot()
        assert (run.grad_norm[1] == ABSENT).all()
        assert (run.layer_grad_norm()[1] == ABSENT).all()
        assert run.events == ()
        assert "grad_norm/0.weight" not in run.to_steps()[1].scalars


class TestWhatIsNotFinite:
    def test_nan_in_a_gradient_is_told_once_with_its_place(self):
        model, optimizer = make()
        recorder = Recorder(model, optimizer)
        step(model, optimizer)
        for _ in range(2):
            loss = F.cross_entropy(model(POINTS), LABELS)
            loss.backward()
            bad = model[0].bias.grad.numpy()
            bad[:2] = np.nan
            bad[2] = np.inf
            optimizer.step()
        run = recorder.snapshot()
        first = run.events[0]
        assert str(first) == "step 2: the gradient of 0.bias has 2 NaN and 1 Inf among 8"
        assert [(e.path, e.role) for e in run.events].count(("0.bias", "gradient")) == 1
        assert math.isnan(run.grad_norm[1, 1])
        assert math.isnan(run.layer_grad_norm()[1, 0])

    @pytest.mark.parametrize("value, told", [(math.nan, "NaN"), (-math.inf, "infinite")])
    def test_a_loss(self, value, told):
        model, optimizer = make()
        recorder = Recorder(model, optimizer)
        step(model, optimizer)
        recorder.log(loss=value)
        assert [str(e) for e in recorder.snapshot().events] == [f"step 1: loss is {told}"]

    def test_a_number_beyond_float32_is_infinite_without_a_warning(self):
        recorder = Recorder(*make())
        recorder.log(loss=1e300)
        assert recorder.snapshot().scalars["loss"][1].tolist() == [math.inf]

    @given(st.lists(st.floats(width=32), min_size=1, max_size=20))
    def test_the_norm_of_anything_is_right_and_raises_nothing(self, numbers):
        given_ = np.array(numbers, np.float32)
        expected = np.linalg.norm(given_.astype(np.float64))
        if np.isnan(given_).any():
            assert math.isnan(norm(given_))
        else:
            assert norm(given_) == pytest.approx(expected, rel=1e-5, abs=1e-300)


class TestBadInput:
    @pytest.mark.parametrize(
        "value, told",
        [
            (cp.ones(3), r"got a Tensor \(3,\): expected one number, such as loss.mean\(\)"),
            (None, "got a NoneType"),
            ("low", "got a str"),
            (np.ones((2, 2)), r"got a ndarray \(2, 2\)"),
        ],
    )
    def test_what_is_no_number(self, value, told):
        with pytest.raises(TypeError, match=told):
            Recorder(*make()).log(loss=value)

    def test_an_optimizer_of_another_model(self):
        model, _ = make()
        _, other = make()
        with pytest.raises(ValueError, match="trains none of the 4 parameters of this Sequential"):
            Recorder(model, other)

    def test_arguments_the_wrong_way_round(self):
        model, optimizer = make()
        with pytest.raises(TypeError, match="Sequential as its optimizer, which has no step hooks"):
            Recorder(optimizer, model)

    @pytest.mark.parametrize("every", [0, -1, 1.5, "2"])
    def test_every(self, every):
        with pytest.raises(ValueError, match="1 or more"):
            Recorder(*make(), every=every)


class TestHooksAreOurs:
    def test_closing_takes_ours_and_leaves_theirs(self):
        model, optimizer = make()
        seen = []
        optimizer.register_step_post_hook(lambda *_: seen.append(1))
        with Recorder(model, optimizer) as recorder:
            step(model, optimizer)
        step(model, optimizer)
        recorder.close()
        assert recorder.snapshot().steps == 1
        assert len(seen) == 2
        assert len(optimizer._step_pre_hooks) == 0

    def test_an_exception_in_the_loop_takes_them_away(self):
        model, optimizer = make()
        with pytest.raises(ZeroDivisionError), Recorder(model, optimizer):
            1 / 0
        assert len(optimizer._step_post_hooks) == 0

    def test_a_second_watch_of_the_same_two_replaces_the_first(self):
        model, optimizer = make()
        first = Recorder(model, optimizer)
        step(model, optimizer)
        second = Recorder(model, optimizer)
        step(model, optimizer)
        assert first.closed and not second.closed
        assert (first.snapshot().steps, second.snapshot().steps) == (1, 1)
        assert len(optimizer._step_post_hooks) == 1

    def test_two_models_of_one_optimizer_are_watched_both(self):
        one, other = make()[0], make()[0]
        optimizer = optim.SGD([*one.parameters(), *other.parameters()], lr=0.1)
        recorders = [Recorder(one, optimizer), Recorder(other, optimizer)]
        optimizer.step()
        assert [r.snapshot().steps for r in recorders] == [1, 1]

    def test_a_watched_optimizer_can_be_copied(self):
        model, optimizer = make()
        recorder = Recorder(model, optimizer)
        both = copy.deepcopy((model, optimizer))
        step(*both)
        assert recorder.snapshot().steps in (0, 1)
        step(model, optimizer)
        assert not recorder.closed


class TestMemory:
    @given(st.integers(2, 40), st.integers(0, 400))
    def test_rows_stay_under_the_limit_and_evenly_spread(self, limit, count):
        series = Series(width=1, limit=limit)
        for number in range(count):
            series.append(number, float(number))
        assert series.count <= limit
        assert series.steps.tolist() == list(range(0, count, series.stride))[: series.count]
        assert series.rows[:, 0].tolist() == series.steps.tolist()
        if count:
            assert series.last == (count - 1, float(count - 1))
            assert series.count * 2 + 2 >= min(count, limit)

    def test_a_budget_thins_the_norms(self):
        model, optimizer = make()
        recorder = Recorder(model, optimizer, budget=1)
        for _ in range(200):
            optimizer.step()
        run = recorder.snapshot()
        assert len(run.norm_steps) <= 64
        assert set(np.diff(run.norm_steps)) == {4}

    def test_it_is_read_while_another_thread_trains(self):
        model, optimizer = make()
        recorder = Recorder(model, optimizer)
        ended = threading.Event()

        def train():
            for _ in range(300):
                recorder.log(loss=step(model, optimizer))
            ended.set()

        thread = threading.Thread(target=train)
        thread.start()
        while not ended.is_set():
            run = recorder.snapshot()
            assert len(run.norm_steps) == len(run.grad_norm)
        thread.join()
        assert recorder.snapshot().scalars["loss"][0].tolist() == list(range(1, 301))


class TestTheGate:
    @pytest.fixture
    def loop(self):
        """A loop in a thread that counts its passes through a gate."""
        gate = Gate()
        passes = [0]
        running = True

        def run():
            while running:
                gate.wait()
                passes[0] += 1
                time.sleep(0.001)

        thread = threading.Thread(target=run)
        gate.pause()
        thread.start()
        yield gate, passes
        running = False
        gate.resume()
        thread.join(10)
        assert not thread.is_alive()

    @staticmethod
    def until(condition):
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def test_a_closed_gate_holds_and_an_open_one_lets_pass(self, loop):
        gate, passes = loop
        self.until(lambda: gate.waiting)
        assert passes[0] == 0
        gate.resume()
        self.until(lambda: passes[0] > 3)

    def test_a_step_lets_pass_once(self, loop):
        gate, passes = loop
        self.until(lambda: gate.waiting)
        gate.step()
        gate.step()
        self.until(lambda: passes[0] == 2)
        time.sleep(0.1)
        assert passes[0] == 2 and gate.paused

    def test_toggle(self):
        gate = Gate()
        gate.toggle()
        assert gate.paused
        gate.toggle()
        assert not gate.paused

    def test_what_is_done_meanwhile_may_interrupt(self):
        gate = Gate()
        gate.pause()

        def interrupted():
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            gate.wait(interrupted)
        assert not gate.waiting

    def test_closing_a_recorder_opens_its_gate(self):
        recorder = Recorder(*make())
        recorder.gate.pause()
        recorder.close()
        recorder.gate.wait()


def test_an_empty_run_has_no_layers():
    run = Training("Net", "SGD")
    assert run.layer_grad_norm().shape == (0, 0)
    assert run.to_steps() == []
