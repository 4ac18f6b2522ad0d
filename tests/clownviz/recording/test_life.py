"""How a capture begins and ends: dropped, interrupted, run again, read while it grows."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
from threading import Event, Thread
from types import SimpleNamespace

import pytest

import clownpiece
import clownviz
from clownpiece import nn, optim
from clownpiece.autograd import mode
from clownpiece.optim import optimizer as optimizers
from clownviz.recording.recorder import Recorder
from clownviz.recording.tape import Tape


def model():
    return nn.Sequential(nn.Linear(4, 4), nn.ReLU())


def left_behind():
    """Whatever of a capture could still be attached to the process."""
    return [
        *nn.observe.observers,
        *mode.mode.observers,
        *optimizers._global_pre_hooks,
        *optimizers._global_post_hooks,
    ]


@pytest.fixture(autouse=True)
def nothing_is_left_behind():
    assert left_behind() == []
    yield
    assert left_behind() == []


def test_a_capture_that_is_dropped_ends_with_its_tape():
    net = model()
    watch = clownviz.capture(net)
    tape = watch.start()
    gc.disable()
    try:
        del watch
        net(clownpiece.ones(1, 4))
        assert len(tape.calls) == 3 and left_behind()
        del tape
        assert left_behind() == []
    finally:
        gc.enable()


def test_assigning_again_does_not_pile_up():
    net = model()
    for _ in range(3):
        watch = clownviz.capture(net)
        tape = watch.start()
    net(clownpiece.ones(1, 4))
    assert len(nn.observe.observers) == 1
    assert watch.stop() is tape is watch.tape and len(tape.calls) == 3


@pytest.mark.parametrize("name", ["ipykernel_1/2.py", "<ipython-input-{}-2f>"])
def test_a_cell_that_is_run_again_ends_what_it_had_started(monkeypatch, name):
    shell = SimpleNamespace(execution_count=1, user_ns={"clownviz": clownviz, "model": model()})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    source = "watch = clownviz.capture(model)\ntape = watch.start()"
    shown = []  # what Jupyter keeps in its history
    for shell.execution_count in (1, 2, 3):
        exec(compile(source, name.format(shell.execution_count), "exec"), shell.user_ns)
        shown.append(shell.user_ns["tape"])
        assert len(nn.observe.observers) == 1
    other = clownviz.capture(shell.user_ns["model"])
    other.start()
    assert len(nn.observe.observers) == 2
    other.stop()
    shell.user_ns["watch"].stop()


@pytest.mark.parametrize("place", ["enter", "leave", "_operation", "_gradient", "_accumulated"])
@pytest.mark.parametrize("after", range(3))
def test_ctrl_c_in_the_middle_of_recording_leaves_nothing(monkeypatch, place, after):
    net, x = model(), clownpiece.ones(2, 4)
    original, count = getattr(Recorder, place), iter(range(100))

    def interrupted(self, *event):
        if next(count) == after:
            raise KeyboardInterrupt
        original(self, *event)

    monkeypatch.setattr(Recorder, place, interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        with clownviz.capture(net, gradients=True):
            for _ in range(3):
                net(x).sum().backward()
    assert caught.value.tape.error == "KeyboardInterrupt"


def test_runs_after_a_caught_ctrl_c_are_recorded_as_ever():
    class Interrupted(nn.Module):
        interrupts = True

        def forward(self, x):
            if self.interrupts:
                raise KeyboardInterrupt
            return x

    net = nn.Sequential(Interrupted())
    with clownviz.capture(net) as tape:
        with pytest.raises(KeyboardInterrupt):
            net(clownpiece.ones(1))
        net[0].interrupts = False
        net(clownpiece.ones(1))
    assert [call.error for call in tape.calls] == ["KeyboardInterrupt"] * 2 + [None] * 2
    assert [call.parent for call in tape.calls] == [None, 0, None, 2]
    assert [call.step for call in tape.calls] == [0, 0, 1, 1]


def test_a_start_that_fails_leaves_nothing(monkeypatch):
    def broken(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(Recorder, "_watch_parameters", broken)
    with pytest.raises(KeyboardInterrupt):
        clownviz.capture(model(), gradients=True).start()


def test_a_tape_is_read_while_it_grows():
    net = model()
    seen = []
    net[1].register_forward_hook(lambda *_: seen.append([c.ended > 0 for c in tape.calls]))
    with clownviz.capture(net, keep="statistics") as tape:
        net(clownpiece.ones(2, 4))
        assert tape.refs(tape.calls[1].outputs)[0].stats.count == 8
        held = copy.deepcopy(tape), pickle.loads(pickle.dumps(tape)), copy.copy(tape)
        net(clownpiece.ones(2, 4))
    assert seen[0] == [False, True, False]
    assert [type(each) is Tape for each in held] == [True] * 3
    assert len(held[0].calls) == 3 and len(tape.calls) == 6
    assert repr(held[0].calls) == repr(tape.calls[:3])


def test_a_long_capture_is_written_down_as_it_goes(monkeypatch):
    for name in ("MOST_EVENTS", "MOST_SEEN"):
        monkeypatch.setattr(sys.modules[Recorder.__module__], name, 10)
    net = model()
    watch = clownviz.capture(net)
    watch.start()
    for _ in range(50):
        net(clownpiece.ones(2, 4))
    assert len(watch._recorder.writer.log) < 30
    assert len(watch._recorder._seen) < 40
    assert len(watch.stop().calls) == 150


def test_operations_of_other_threads_are_recorded_in_their_calls():
    net = model()

    def work():
        for _ in range(10):
            net(clownpiece.ones(2, 4)).sum()

    with clownviz.capture(net, inside=True) as tape:
        threads = [Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    linear = [call for call in tape.calls if call.path == "0"]
    inside = [op for op in tape.operations if op.call is not None]
    assert len(linear) == 30 and len(inside) == 60
    assert all(tape.calls[op.call].path == {"linear": "0", "relu": "1"}[op.name] for op in inside)
    assert {call.number for call in tape.calls} == {1}


def test_a_thread_that_outlives_the_capture_is_let_alone():
    net = model()
    done = []

    def work(go, gone):
        net(clownpiece.ones(2, 4))
        go.set()
        gone.wait(5)
        net(clownpiece.ones(2, 4)).sum()
        done.append(mode.mode.observers)

    go, gone = Event(), Event()
    with clownviz.capture(net) as tape:
        thread = Thread(target=work, args=(go, gone))
        thread.start()
        go.wait(5)
    gone.set()
    thread.join()
    assert done == [()] and len(tape.calls) == 3


def test_nothing_stays_on_an_optimizer_or_its_parameters():
    net = model()
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with clownviz.capture(net):
        net(clownpiece.ones(2, 4)).sum().backward()
        optimizer.step()
    assert not optimizer._step_pre_hooks and not optimizer._step_post_hooks
    assert all(p._hooks in (None, {}) for p in net.parameters())
