"""Capture: what it records, that it leaves nothing behind, and that it changes nothing."""

from __future__ import annotations

import copy
import pickle
import random
from typing import NamedTuple

import numpy as np
import pytest

import clownpiece
from clownpiece import nn
from clownviz.recording.capture import Capture, describe, run


class Residual(nn.Module):
    """`relu` is called twice, and the sum is an operation between modules."""

    def __init__(self, size: int = 4) -> None:
        super().__init__()
        self.first = nn.Linear(size, size)
        self.relu = nn.ReLU()
        self.second = nn.Linear(size, size)

    def forward(self, x):
        return x + self.second(self.relu(self.first(self.relu(x))))


class Noisy(nn.Module):
    """Everything that a run can change: buffers, attributes, randomness, its input, gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.inplace = nn.ReLU(inplace=True)
        self.norm = nn.BatchNorm1d(4)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(4, 2)
        self.calls = 0
        self.register_buffer("last", clownpiece.zeros(3, 4))

    def forward(self, x):
        self.calls += 1
        self.cache = x
        self.last = self.norm(self.inplace(x)).detach()
        noise = float(np.random.rand()) + random.random()
        return self.fc(self.drop(self.last)) + noise


def hooks_of(model):
    tables = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return [len(getattr(module, table)) for module in model.modules() for table in tables]


def state_of(model):
    """All bytes of a model: parameters, gradients, buffers, modes, plain attributes."""
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return (
        {name: t.detach().numpy().tobytes() for name, t in tensors.items()},
        {
            name: None if p.grad is None else p.grad.numpy().tobytes()
            for name, p in model.named_parameters()
        },
        [module.training for module in model.modules()],
        [sorted(vars(module)) for module in model.modules()],
    )


def random_states():
    state = np.random.get_state()
    return random.getstate(), state[1].tobytes(), state[2], clownpiece.get_rng_state().tobytes()


# -- what is recorded ------------------------------------------------------------------------


def test_calls_have_paths_numbers_parents_and_shapes():
    tape = run(Residual(), clownpiece.ones(2, 4))
    assert [call.label for call in tape.calls] == ["Residual", "relu", "first", "relu#2", "second"]
    assert [call.parent for call in tape.calls] == [None, 0, 0, 0, 0]
    assert [tape.shapes(call.outputs) for call in tape.calls] == ["(2, 4)"] * 5
    assert all(call.seconds > 0 and call.began < call.ended for call in tape.calls)


def test_the_same_tensor_is_the_same_value():
    tape = run(Residual(), clownpiece.ones(2, 4))
    by_label = {call.label: call for call in tape.calls}
    assert by_label["Residual"].inputs["x"] == by_label["relu"].inputs["input"]
    assert by_label["relu"].outputs == by_label["first"].inputs["input"]


def test_operations_belong_to_the_call_that_ran_them():
    tape = run(Residual(), clownpiece.ones(2, 4))
    (add,) = [op for op in tape.operations if op.call == 0]
    second = next(call for call in tape.calls if call.path == "second")
    assert add.name == "add"
    assert add.inputs == (tape.calls[0].inputs["x"], second.outputs)
    assert second.parameters == ("second.weight", "second.bias")


def test_a_change_in_place_makes_a_new_value_of_the_same_tensor():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True))
    tape = run(model, clownpiece.randn(8, 4))
    linear, relu = tape.calls[1], tape.calls[2]
    assert relu.outputs != linear.outputs
    before, after = tape.values[linear.outputs].stats, tape.values[relu.outputs].stats
    assert before.min < 0 == after.min
    (operation,) = [op for op in tape.operations if op.call == relu.index]
    assert (operation.inputs, operation.outputs) == ((linear.outputs,), (relu.outputs,))


def test_a_write_into_a_view_changes_its_base():
    class Steps(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            out = x * 0
            for t in range(x.shape[1]):
                out[:, t] = self.fc(x[:, t])
            return out

    tape = run(Steps(), clownpiece.ones(2, 3, 4))
    last = tape.operations[-1]
    assert tape.calls[0].outputs in last.outputs
    assert tape.calls[-1].outputs in last.inputs


class Split(NamedTuple):
    left: object
    right: object


def test_inputs_and_outputs_may_be_nested_and_named():
    class Nested(nn.Module):
        def forward(self, x, *more, scale=1.0, mask=None):
            return {"sum": x + more[0][0], "parts": Split(x, [mask])}

    x = clownpiece.ones(2, 4)
    tape = run(Nested(), x, (x * 2,), scale=0.5, mask=clownpiece.ones(3))
    call = tape.calls[0]
    assert list(call.inputs) == ["x", "args[1]", "scale", "mask"]
    assert call.inputs["scale"] == "0.5"
    assert tape.shapes(call.inputs) == "x: (2, 4), args[1]: [(2, 4)], mask: (3,)"
    assert tape.shapes(call.outputs) == "sum: (2, 4), parts: [left: (2, 4), right: [(3,)]]"


def test_an_output_that_is_no_tensor_is_a_text():
    class Odd(nn.Module):
        def forward(self, x):
            return "nothing to see", None, 3

    assert run(Odd(), 1.5).calls[0].outputs == ("'nothing to see'", "None", "3")


@pytest.mark.parametrize("keep", ["shapes", "statistics", "sample", "full"])
def test_keep_says_what_stays(keep):
    tape = run(Residual(), clownpiece.randn(5, 4), keep=keep)
    value = tape.values[tape.calls[-1].outputs]
    weight = tape.modules["first"].parameters[0]
    assert (value.stats is not None) == (weight.stats is not None) == (keep != "shapes")
    shape = {"sample": (1, 4), "full": (5, 4)}.get(keep)
    assert (None if value.array is None else value.array.shape) == shape


def test_what_is_kept_is_a_copy():
    model, x = nn.Sequential(nn.Linear(2, 2)), clownpiece.ones(1, 2)
    tape = run(model, x, keep="full")
    with clownpiece.no_grad():
        x.zero_()
        model[0].weight.zero_()
    assert tape.values[tape.calls[0].inputs["input"]].array.tolist() == [[1, 1]]
    assert tape.modules["0"].parameters[0].array.any()


def test_the_budget_is_kept_and_the_tape_says_so():
    tape = run(Residual(256), clownpiece.ones(64, 256), keep="full", budget="300 KiB")
    kept = sum(v.array.nbytes for v in tape.values if v.array is not None)
    kept += sum(
        p.array.nbytes for m in tape.modules.values() for p in m.parameters if p.array is not None
    )
    assert 0 < kept <= 300 * 1024
    assert "were let go" in tape.notes[0]


def test_nan_and_inf_are_counted():
    tape = run(nn.ReLU(), clownpiece.tensor([float("nan"), float("inf"), 1.0]))
    stats = tape.values[tape.calls[0].outputs].stats
    assert (stats.nan, stats.posinf, stats.max) == (1, 1, 1.0)


def test_the_modules_are_described_with_ties_and_aliases():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(5, 3)
            self.head = nn.Linear(3, 5, bias=False)
            self.head.weight = self.embed.weight
            self.again = self.head

    tape = describe(Tied())
    assert [*tape.modules] == ["", "embed", "head", "again"]
    assert tape.modules["embed"].parameters[0].id == tape.modules["head"].parameters[0].id
    assert tape.modules["again"].alias_of == "head"
    assert tape.modules["again"].parameters == ()
    assert [m.family for m in tape.modules.values()] == [
        "container",
        "embedding",
        "linear",
        "linear",
    ]
    assert tape.modules["head"].extra == "in_features=3, out_features=5, bias=False"


def test_a_module_that_holds_itself_is_no_endless_tree():
    model = nn.Sequential(nn.Linear(2, 2))
    model.add_module("me", model)
    assert describe(model).modules["me"].alias_of == ""


def test_several_runs_are_several_steps():
    model = Residual()
    with Capture(model) as tape:
        for _ in range(3):
            model(clownpiece.ones(1, 4))
    assert [c.step for c in tape.calls if c.path == ""] == [0, 1, 2]
    assert [c.label for c in tape.forward_calls(2)][-2:] == ["relu#2", "second"]


# -- gradients -------------------------------------------------------------------------------


def test_gradients_of_activations_and_parameters_are_those_of_backward():
    model, x = Residual(), clownpiece.randn(3, 4)
    with Capture(model, keep="full", gradients=True) as tape:
        model(x).sum().backward()
    hidden = tape.values[next(c for c in tape.calls if c.path == "second").outputs]
    assert tape.values[hidden.gradient].array == pytest.approx(np.ones((3, 4)))
    for path in ("first", "second"):
        for info in tape.modules[path].parameters:
            parameter = model.get_parameter(info.path)
            assert tape.values[info.gradient].array == pytest.approx(parameter.grad.numpy())


@pytest.mark.parametrize("detached_first", [True, False])
def test_a_detached_tensor_takes_no_hook_and_hides_no_gradient(detached_first):
    model, x = nn.Linear(4, 3), (clownpiece.ones(2, 4, requires_grad=True) * 2)
    given = [x.detach(), x] if detached_first else [x, x.detach()]
    with Capture(model, gradients=True) as tape:
        sum(model(each).sum() for each in given).backward()
    (value,) = {value.id: value for run in tape.calls_of("") for value in tape.refs(run.inputs)}
    assert tape.values[tape.values[value].gradient].array is None
    assert tape.values[tape.values[value].gradient].stats.mean == pytest.approx(
        model.weight.detach().numpy().sum(axis=0).mean(), rel=1e-5
    )


def test_backward_is_recorded_as_calls_in_the_order_of_the_gradients():
    tape = run(Residual(), clownpiece.randn(3, 4), gradients=True)
    backward = [call.label for call in tape.calls if call.phase == "backward"]
    assert backward == ["Residual", "second", "relu#2", "first"]
    second = next(c for c in tape.calls if c.phase == "backward" and c.path == "second")
    assert tape.shapes(second.inputs) == "(3, 4)" and tape.shapes(second.outputs) == "(3, 4)"
    assert tape.calls[second.parent].path == ""


def test_the_loss_of_a_run_may_be_given():
    model = nn.Linear(2, 1)
    tape = run(model, clownpiece.ones(1, 2), gradients=True, loss=lambda y: (y * 3).sum())
    gradient = tape.values[tape.values[tape.calls[0].outputs].gradient]
    assert gradient.stats.max == 3


def test_gradients_without_anything_trainable_are_an_error_that_says_so():
    model = nn.ReLU()
    with pytest.raises(RuntimeError, match="needs an output that requires a gradient"):
        run(model, clownpiece.ones(2), gradients=True)
    assert hooks_of(model) == [0, 0, 0, 0]


# -- nothing is left behind ------------------------------------------------------------------


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("train", [False, True])
def test_a_run_leaves_no_trace(train, gradients):
    model = Noisy().train(train)
    model.fc(clownpiece.ones(1, 4)).sum().backward()
    x = clownpiece.randn(3, 4)
    grads = [p.grad for p in model.parameters()]
    last = model.last
    before, bytes_of_x, randomness = state_of(model), x.numpy().tobytes(), random_states()
    run(model, x, gradients=gradients)
    assert state_of(model) == before
    assert x.numpy().tobytes() == bytes_of_x
    assert random_states() == randomness
    assert model.calls == 0 and model.last is last and not hasattr(model, "cache")
    assert all(a is b for a, b in zip(grads, [p.grad for p in model.parameters()]))
    assert not any(hooks_of(model))


def test_generators_of_the_model_go_on_from_where_they_were_wherever_it_keeps_them():
    class Dice(nn.Module):
        def __init__(self):
            super().__init__()
            self.own = clownpiece.Generator()
            self.all = {"others": [clownpiece.Generator()]}

        def forward(self, x):
            for dice in (self.own, *self.all["others"]):
                x = x + clownpiece.rand(x.shape, generator=dice)
            return x

    model, x = Dice(), clownpiece.zeros(3)
    states = [model.own.get_state(), model.all["others"][0].get_state()]
    run(model, x)
    kept = [model.own.get_state(), model.all["others"][0].get_state()]
    assert all(clownpiece.equal(*pair) for pair in zip(states, kept))


def test_a_run_that_raises_leaves_no_trace_and_gives_the_partial_tape():
    class Failing(Noisy):
        def forward(self, x):
            return super().forward(x) @ clownpiece.ones(7, 7)

    model = Failing()
    before, randomness = state_of(model), random_states()
    with pytest.raises(RuntimeError) as caught:
        run(model, clownpiece.ones(3, 4))
    assert state_of(model) == before and random_states() == randomness
    tape = caught.value.tape
    assert tape.failed.path == "" and "RuntimeError" in tape.failed.error
    assert [c.path for c in tape.calls if c.error is None] == ["inplace", "norm", "drop", "fc"][-4:]
    assert not any(hooks_of(model))


def test_the_innermost_module_that_raised_is_the_failed_one():
    model = nn.Sequential(nn.Linear(4, 8), nn.Sequential(nn.ReLU(), nn.Linear(7, 2)))
    with pytest.raises(RuntimeError) as caught:
        run(model, clownpiece.ones(2, 4))
    tape = caught.value.tape
    assert tape.failed.path == "1.1"
    assert [c.path for c in tape.calls if c.error] == ["", "1", "1.1"]
    assert tape.error == tape.failed.error


def test_an_exception_that_a_forward_catches_is_no_failure():
    class Careful(nn.Module):
        def __init__(self):
            super().__init__()
            self.bad = nn.Linear(7, 7)
            self.good = nn.Linear(4, 4)

        def forward(self, x):
            try:
                return self.bad(x)
            except RuntimeError:
                return self.good(x)

    tape = run(Careful(), clownpiece.ones(2, 4))
    assert tape.error is None and tape.failed is None
    assert [c.error is None for c in tape.calls] == [True, False, True]
    assert tape.calls[1].error.startswith("RuntimeError: ")
    assert tape.calls[2].parent == 0


def test_ctrl_c_removes_the_hooks_too():
    class Interrupted(nn.Module):
        def forward(self, x):
            raise KeyboardInterrupt

    model = Interrupted()
    with pytest.raises(KeyboardInterrupt) as caught:
        run(model, 1)
    assert not any(hooks_of(model))
    assert caught.value.tape.error == "KeyboardInterrupt"


def test_hooks_of_the_user_stay_and_see_what_they_always_saw():
    model, seen = Residual(), []
    handles = [
        model.first.register_forward_hook(lambda m, x, y: seen.append("forward")),
        model.second.register_full_backward_hook(lambda m, gx, gy: seen.append("backward")),
    ]
    tape = run(model, clownpiece.ones(2, 4), gradients=True)
    assert seen == ["forward", "backward"]
    assert sum(hooks_of(model)) == 2
    # A full-backward hook wraps tensors; the flow between modules is known all the same.
    second = next(c for c in tape.calls if c.path == "second")
    add = next(op for op in tape.operations if op.call == 0)
    assert second.outputs in add.inputs
    for handle in handles:
        handle.remove()
    assert not any(hooks_of(model))


def test_running_a_cell_again_does_not_pile_up_hooks():
    model = Residual()
    watch = Capture(model)
    for _ in range(3):
        tape = watch.start()
        model(clownpiece.ones(1, 4))
        watch.stop()
        watch.stop()
        assert len(tape.calls) == 5
    with pytest.raises(RuntimeError, match="running already"), watch:
        watch.start()
    assert not any(hooks_of(model))


def test_captures_of_one_model_nest():
    model, x = Residual(), clownpiece.ones(1, 4)
    with Capture(model) as outer:
        model(x)
        with Capture(model.first) as inner:
            model(x)
        model(x)
    assert len(outer.calls) == 15 and len(outer.operations) == 3 * len(run(model, x).operations)
    assert [c.path for c in inner.calls] == [""]


def test_a_copy_of_a_watched_model_is_not_watched():
    model, x = Residual(), clownpiece.ones(1, 4)
    with Capture(model) as tape:
        copied, loaded = copy.deepcopy(model), pickle.loads(pickle.dumps(model))
        copied(x)
        loaded(x)
    assert tape.calls == []


# -- capture adds nothing --------------------------------------------------------------------


def train(model, steps):
    """A few steps of training; returns every byte that they produced."""
    clownpiece.manual_seed(7)
    produced = []
    parameters = list(model.parameters())
    for _ in range(steps):
        x = clownpiece.randn(6, 4)
        loss = (model(x) ** 2).mean()
        loss.backward()
        produced.append(loss.detach().numpy().tobytes())
        with clownpiece.no_grad():
            for parameter in parameters:
                if parameter.grad is not None:
                    parameter -= 0.1 * parameter.grad
                    produced.append(parameter.grad.numpy().tobytes())
                    parameter.grad = None
    return produced


@pytest.mark.parametrize("keep", ["shapes", "statistics", "full"])
@pytest.mark.parametrize("gradients", [False, True])
def test_a_watched_model_computes_what_its_unwatched_twin_computes(keep, gradients):
    def make():
        clownpiece.manual_seed(3)
        return nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Dropout(0.3), Residual(8)
        )

    watched, twin = make(), make()
    np.random.seed(0)
    expected = train(twin, 3), state_of(twin), random_states()
    np.random.seed(0)
    with Capture(watched, keep=keep, gradients=gradients) as tape:
        produced = train(watched, 3)
    assert (produced, state_of(watched), random_states()) == expected
    assert len([c for c in tape.calls if c.path == ""]) >= 3


def test_a_capture_keeps_no_tensor_alive():
    import gc
    import weakref

    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    gc.disable()
    try:
        with Capture(model, gradients=True):
            y = model(clownpiece.ones(2, 4))
            known = weakref.ref(y)
            y.sum().backward()
            del y
            assert known() is None
    finally:
        gc.enable()


# -- bad input -------------------------------------------------------------------------------


def test_what_is_no_model_is_refused_with_a_hint():
    with pytest.raises(TypeError, match=r"expected a model \(.*\), got the class Linear"):
        Capture(nn.Linear)
    with pytest.raises(TypeError, match="an object of type list"):
        run([1, 2])
    with pytest.raises(ValueError, match="keep='all' is not known"):
        Capture(nn.ReLU(), keep="all")
    with pytest.raises(ValueError, match="budget='lots' is not a size"):
        Capture(nn.ReLU(), budget="lots")


def test_calls_of_other_threads_are_kept_apart():
    from threading import Barrier, Thread

    model, meet = Residual(), Barrier(4)

    def work():
        meet.wait()
        for _ in range(20):
            model(clownpiece.ones(1, 4))

    with Capture(model) as tape:
        threads = [Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(tape.calls) == 5 * 4 * 20
    assert [call.index for call in tape.calls] == list(range(400))
    for call in tape.calls:
        assert call.error is None
        assert (call.parent is None) == (call.path == "")


def test_a_lazy_module_is_described_as_the_run_has_made_it():
    tape = run(nn.Sequential(nn.LazyLinear(4)), clownpiece.ones(2, 3))
    assert tape.modules["0"].kind == "Linear"
    assert [p.shape for p in tape.modules["0"].parameters] == [(4, 3), (4,)]
