"""Watching without a browser: every point is sent once, clicks reach the gate, loops end."""

from __future__ import annotations

import contextlib
import io
import signal
import threading
import time

import numpy as np
import pytest

import clownviz
from clownpiece import nn, ones, optim
from clownviz.recording.training import ABSENT, Recorder
from clownviz.widgets import control as control_module
from clownviz.widgets.control import Control
from clownviz.widgets.dashboard import DashboardWidget
from clownviz.widgets.feed import Feed
from clownviz.widgets.watch import Watch


def make():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    return model, optim.SGD(model.parameters(), lr=0.1)


def train(model, optimizer, steps, log=lambda **_: None):
    for _ in range(steps):
        optimizer.zero_grad()
        loss = model(ones(2, 3)).sum()
        loss.backward()
        optimizer.step()
        log(loss=loss)


class Page:
    """What `front/training.js` does with batches, in Python."""

    def __init__(self) -> None:
        self.rows: list[list[float]] = []
        self.points: dict[int, list[tuple[float, float]]] = {}
        self.number = 0

    def read(self, batch: bytes) -> None:
        numbers = np.frombuffer(batch, "<f4")
        number, replaces, rows, layers, points, self.steps = numbers[:6].astype(int)
        assert replaces or number == self.number + 1
        self.number = number
        if replaces:
            self.rows, self.points = [], {}
        wide = 1 + 2 * layers
        end = 6 + rows * wide
        self.rows += numbers[6:end].reshape(rows, wide).tolist()
        for curve, step, value in numbers[end:].reshape(points, 3).tolist():
            self.points.setdefault(int(curve), []).append((step, value))


class TestTheFeed:
    def test_every_point_is_sent_once_and_in_order(self):
        model, optimizer = make()
        recorder = Recorder(model, optimizer)
        feed, page = Feed(recorder), Page()
        for steps in (3, 1, 5):
            train(model, optimizer, steps, recorder.log)
            page.read(feed.new())
        assert feed.new() is None
        run = recorder.snapshot()
        assert [row[0] for row in page.rows] == run.norm_steps.tolist()
        layers = len(run.layers)
        found = np.array(page.rows, np.float32)
        np.testing.assert_array_equal(found[:, 1 : 1 + layers], run.layer_grad_norm())
        np.testing.assert_array_equal(found[:, 1 + layers :], run.layer_update_ratio())
        for at, name in enumerate(feed.curves):
            steps, values = run.scalars[name]
            assert page.points[at] == list(zip(steps.tolist(), values.tolist()))

    def test_everything_replaces_and_then_only_news_follow(self):
        model, optimizer = make()
        recorder = Recorder(model, optimizer)
        feed, page = Feed(recorder), Page()
        train(model, optimizer, 4)
        page.read(feed.new())
        page.read(feed.everything())
        train(model, optimizer, 2)
        page.read(feed.new())
        assert [row[0] for row in page.rows] == [1, 2, 3, 4, 5, 6]

    def test_a_thinned_record_is_sent_again(self):
        model, optimizer = make()
        recorder = Recorder(model, optimizer, budget=1)
        feed, page = Feed(recorder), Page()
        for _ in range(10):
            train(model, optimizer, 20)
            page.read(feed.new())
        assert [row[0] for row in page.rows] == recorder.norms.steps.tolist()

    def test_a_long_run_fits_one_batch(self, monkeypatch):
        monkeypatch.setattr("clownviz.widgets.feed.MOST_POINTS", 10)
        model, optimizer = make()
        recorder = Recorder(model, optimizer)
        train(model, optimizer, 37)
        page = Page()
        page.read(Feed(recorder).everything())
        assert len(page.rows) <= 10
        assert page.rows[-1][0] == 37, "the newest stays"
        assert set(np.diff([row[0] for row in page.rows])) == {4}

    def test_absent_and_not_finite_arrive_as_they_are(self):
        model, optimizer = make()
        recorder = Recorder(model, optimizer)
        optimizer.step()
        train(model, optimizer, 1)
        recorder.log(loss=float("nan"), acc=float("inf"))
        page = Page()
        feed = Feed(recorder)
        page.read(feed.new())
        assert page.rows[0][1:3] == [ABSENT, ABSENT]
        assert np.isnan(page.points[feed.curves.index("loss")][0][1])
        assert np.isinf(page.points[feed.curves.index("acc")][0][1])


@pytest.fixture
def recorder():
    made = Recorder(*make())
    yield made
    made.close()


@pytest.fixture
def live():
    """A widget with its model and optimizer."""
    model, optimizer = make()
    recorder = Recorder(model, optimizer)
    widget = DashboardWidget(recorder, "Training Sequential with SGD")
    yield model, optimizer, recorder, widget
    recorder.close()
    widget.close()


class TestTheWidget:
    def test_a_fast_loop_is_flushed_by_the_clock_and_not_by_the_step(self, live, monkeypatch):
        model, optimizer, _, widget = live
        now = [100.0]
        monkeypatch.setattr("clownviz.widgets.dashboard.time.perf_counter", lambda: now[0])
        batches = []
        widget.observe(lambda change: batches.append(change["new"]), names="batch")
        train(model, optimizer, 5)
        assert len(batches) == 1
        now[0] += 0.11
        train(model, optimizer, 5)
        assert len(batches) == 2
        assert widget.status["state"] == "running" and widget.status["live"]

    def test_the_end_sends_everything_and_says_so(self, live):
        model, optimizer, recorder, widget = live
        train(model, optimizer, 7, recorder.log)
        recorder.close()
        page = Page()
        page.read(widget.batch)
        assert len(page.rows) == 7
        assert widget.status["text"] == "stopped at step 7"
        assert not widget.status["live"]
        assert set(widget.meta["curves"]) == {"lr", "loss"}

    def test_the_script_and_the_style_are_whole(self, live):
        widget = live[3]
        assert "createComm" in widget._esm and "$default as default" in widget._esm
        assert ".cv-dashboard" in widget._css and "--cv-text" in widget._css

    def test_nan_is_told_in_the_status(self, live):
        model, optimizer, recorder, widget = live
        recorder.log(loss=float("nan"))
        train(model, optimizer, 1)
        widget.finish()
        assert widget.status["events"][0] == "step 1: loss is NaN"

    def test_a_page_that_missed_something_gets_everything(self, live):
        model, optimizer, _, widget = live
        train(model, optimizer, 3)
        widget._heard(widget, {"wish": "history"}, [])
        page = Page()
        page.read(widget.batch)
        assert len(page.rows) == 3

    @pytest.mark.parametrize("content", [{}, None, "pause", {"wish": ["pause"]}, {"wish": "close"}])
    def test_messages_of_no_meaning_are_ignored(self, live, content):
        _, _, recorder, widget = live
        widget._heard(widget, content, [])
        assert not recorder.gate.paused

    def test_a_click_that_comes_after_the_loop_is_too_late(self, live):
        model, optimizer, recorder, widget = live
        train(model, optimizer, 2)
        widget.finish()
        widget._heard(widget, {"wish": "pause"}, [])
        assert not recorder.gate.paused

    def test_a_loop_in_a_thread_pauses_steps_resumes_and_ends(self, live):
        model, optimizer, recorder, widget = live
        ended = []

        def loop():
            for _ in range(40):
                train(model, optimizer, 1)
                time.sleep(0.002)
            ended.append(True)

        thread = threading.Thread(target=loop)
        recorder.gate.pause()
        thread.start()
        wait_until(lambda: recorder.gate.waiting and widget.paused)
        assert widget.status["text"] == f"paused at step {recorder.count}"
        widget._heard(widget, {"wish": "step"}, [])
        wait_until(lambda: recorder.count == 2)
        assert not ended
        widget._heard(widget, {"wish": "resume"}, [])
        thread.join(20)
        assert ended
        wait_until(lambda: widget.status["state"] == "stopped")


def wait_until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.005)


class Comm:
    """A comm as the page would open it."""

    def __init__(self) -> None:
        self.sent = []

    def on_msg(self, callback):
        self.say = lambda wish: callback({"content": {"data": {"wish": wish}}})

    def on_close(self, callback):
        self.close = lambda: callback({})

    def send(self, data):
        self.sent.append(data)


class TestTheWayOfAClick:
    def opened(self, control):
        comm = Comm()
        control_module._opened(comm, {"content": {"data": {"key": control.key}}})
        return comm

    def test_a_page_opens_a_comm_and_is_heard(self, recorder):
        control = Control("a", recorder.gate)
        comm = self.opened(control)
        assert comm.sent == [{"heard": True}]
        assert control.connected
        comm.say("pause")
        assert recorder.gate.paused
        comm.say("resume")
        assert not recorder.gate.paused
        comm.close()
        assert not control.connected

    def test_a_comm_for_a_widget_that_is_gone_is_left_alone(self, recorder):
        control = Control("b", recorder.gate)
        comm = self.opened(control)
        del control
        comm.say("pause")
        late = Comm()
        control_module._opened(late, {"content": {"data": {"key": "b"}}})
        assert late.sent == []
        assert not recorder.gate.paused

    @pytest.fixture
    def catching(self, recorder):
        """A control that catches interrupts; what was there before is put back."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        control = Control("c", recorder.gate)
        control.catch()
        yield control
        control.let_go()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        signal.signal(signal.SIGINT, before)

    def test_an_interrupt_pauses_and_a_later_one_resumes(self, catching, monkeypatch):
        now = [10.0]
        monkeypatch.setattr("clownviz.widgets.control.time.monotonic", lambda: now[0])
        catching.step_seen = now[0]
        signal.raise_signal(signal.SIGINT)
        assert catching.gate.paused
        now[0] += 3
        signal.raise_signal(signal.SIGINT)
        assert not catching.gate.paused

    def test_two_interrupts_at_once_stop(self, catching):
        catching.step_seen = time.monotonic()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert not catching.gate.paused

    def test_where_no_step_comes_an_interrupt_is_an_interrupt(self, catching):
        catching.step_seen = time.monotonic() - 60
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    def test_interrupts_that_somebody_else_handles_are_theirs(self, recorder):
        def theirs(number, frame):
            raise AssertionError

        before = signal.signal(signal.SIGINT, theirs)
        try:
            control = Control("d", recorder.gate)
            control.catch()
            assert not control.catching
            assert signal.getsignal(signal.SIGINT) is theirs
        finally:
            signal.signal(signal.SIGINT, before)


class TestWatch:
    def test_it_answers_as_text_picture_and_data(self):
        model, optimizer = make()
        with clownviz.watch(model, optimizer) as watch:
            train(model, optimizer, 5, watch.log)
        assert str(watch).startswith("Training Sequential with SGD: 5 steps\n")
        assert watch.svg().startswith("<svg")
        assert watch.json()["steps"] == 5
        assert watch.figure().axes
        assert len(optimizer._step_post_hooks) == 0

    def test_the_loss_passes_through(self):
        model, optimizer = make()
        watch = clownviz.watch(model, optimizer)
        loss = model(ones(2, 3)).sum()
        assert watch(loss) is loss
        assert watch.training.scalars["loss"][1].tolist() == pytest.approx([loss.item()])

    def test_outside_of_a_notebook_it_says_its_text(self):
        watch = clownviz.watch(*make())
        told = io.StringIO()
        with contextlib.redirect_stdout(told):
            watch._ipython_display_()
        assert told.getvalue() == "Training Sequential with SGD: 0 steps\n"
        assert watch.widget is None

    def test_the_still_has_a_text_that_no_run_changes(self):
        model, optimizer = make()
        watch = Watch(model, optimizer)
        before = watch._picture()
        train(model, optimizer, 3, watch.log)
        after = watch._picture()
        assert before["text/plain"] == after["text/plain"] == "Training Sequential with SGD"
        assert before["text/html"] != after["text/html"]
        assert 'class="clownviz-still"' in after["text/html"]
