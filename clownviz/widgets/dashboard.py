"""The live dashboard: what a recorder holds, sent to the page ten times a second."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from .. import look
from ..front.link import link, stylesheet
from ..recording.training import Recorder
from .control import Control
from .feed import Feed

__all__ = ["DashboardWidget"]

FLUSH_SECONDS = 0.1
_TRAIL_SECONDS = 0.3
_QUIET_SECONDS = 2.0
_MOST_EVENTS = 5


class DashboardWidget(anywidget.AnyWidget):
    """A widget that follows a recorder until it is closed.

    It flushes by a look at the clock inside the training thread, so an ordinary loop needs no
    thread and no await, and once more when the cell (or the training thread) ends. All of it
    costs a step about a microsecond, and 10 times a second about as much as one message.

    Attributes:
        meta: names that do not change often: title, layers, curves, the key for `control.js`.
        batch: float32 bytes, see `Feed`.
        paused: whether the loop waits, or is to wait, at its next step.
        status: state, step, rate, whether there is anything to pause, events, and a text for them
        all.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    meta = traitlets.Dict().tag(sync=True)
    batch = traitlets.Bytes(b"").tag(sync=True)
    paused = traitlets.Bool(False).tag(sync=True)
    status = traitlets.Dict().tag(sync=True)

    def __init__(self, recorder: Recorder, title: str = "Training", **kwargs: Any) -> None:
        self._recorder = recorder
        self._feed = Feed(recorder)
        self._control = Control(uuid.uuid4().hex, recorder.gate)
        self._title = title
        self._due = 0.0
        self._rate = 0.0
        self._at = (time.perf_counter(), recorder.count)
        self._thread: threading.Thread | None = None
        self._trail: threading.Timer | None = None
        self._shell: Any = None
        self._flushing = threading.Lock()
        self.on_finish: Callable[[], None] | None = None
        super().__init__(meta=self._meta(), status=self._status("idle"), **kwargs)
        self.on_msg(self._heard)
        recorder.on_step = self._on_step
        recorder.on_close = self.finish

    @traitlets.default("_esm")
    def _script(self) -> str:
        return link("dashboard.js")

    @traitlets.default("_css")
    def _style(self) -> str:
        return look.css(".clownviz") + stylesheet("dashboard.css")

    # ------------------------------------------------------------------ in the training thread

    def _on_step(self) -> None:
        now = time.perf_counter()
        if now < self._due and self._recorder.gate.paused == self.paused:
            return
        self._due = now + FLUSH_SECONDS
        if self._thread is not threading.current_thread():
            self._begin()
        self._control.step_seen = time.monotonic()
        if self._control.connected:
            self._control.let_go()
        self._measure_rate(now)
        self.flush("paused" if self._recorder.gate.paused else "running")

    def _begin(self) -> None:
        """The first step of a cell, or of a training thread."""
        self._thread = threading.current_thread()
        if self._thread is not threading.main_thread():
            self._follow_thread()
            return
        self._shell = _shell()
        if self._shell is not None:
            self._shell.events.register("post_run_cell", self._after_cell)
            if not self._control.connected:
                self._control.catch()

    def _after_cell(self, *_: Any) -> None:
        self._shell.events.unregister("post_run_cell", self._after_cell)
        self._control.let_go()
        self.finish()

    def _follow_thread(self) -> None:
        self._trail = threading.Timer(_TRAIL_SECONDS, self._look_at_thread)
        self._trail.daemon = True
        self._trail.start()

    def _look_at_thread(self) -> None:
        thread = self._thread
        # A thread of a pool lives on; it has ended when it takes no steps and waits for none.
        quiet = time.monotonic() - self._control.step_seen > _QUIET_SECONDS
        steps = not quiet or self._recorder.gate.waiting
        if thread is not None and thread.is_alive() and steps and not self._recorder.closed:
            self._follow_thread()
        else:
            self.finish()

    def _measure_rate(self, now: float) -> None:
        before, count = self._at
        if now - before < 2 * FLUSH_SECONDS:
            return
        rate = (self._recorder.count - count) / (now - before)
        self._rate = rate if not self._rate else 0.7 * self._rate + 0.3 * rate
        self._at = (now, self._recorder.count)

    # ------------------------------------------------------------------ to the page

    def flush(self, state: str) -> None:
        """Send what is new, and the state: "running", "paused" or "stopped"."""
        with self._flushing, self.hold_sync():
            batch = self._feed.new()
            if batch is not None:
                self.batch = batch
            self._tell(state)

    def finish(self) -> None:
        """The loop has ended: send everything, so that a saved widget holds the whole run."""
        self._thread = None
        self._rate = 0.0
        with self._flushing, self.hold_sync():
            if self._recorder.count or self._recorder.scalars:
                self.batch = self._feed.everything()
            self._tell("stopped" if self._recorder.count else "idle")
        if self.on_finish is not None:
            self.on_finish()

    def _tell(self, state: str) -> None:
        self.meta = self._meta()
        self.paused = self._recorder.gate.paused and state == "paused"
        self.status = self._status(state)

    def _meta(self) -> dict[str, Any]:
        return {
            "key": self._control.key,
            "title": self._title,
            "layers": list(self._feed.layers),
            "curves": list(self._feed.curves),
        }

    def _status(self, state: str) -> dict[str, Any]:
        recorder = self._recorder
        events = [str(event) for event in recorder.events.values()]
        more = len(events) - _MOST_EVENTS
        if more > 0:
            events[_MOST_EVENTS:] = [f"and {more} more"]
        return {
            "state": state,
            "text": self._text(state),
            "step": recorder.count,
            "rate": round(self._rate, 1),
            "live": state in ("running", "paused"),
            "interruptible": self._control.catching,
            "events": events,
        }

    def _text(self, state: str) -> str:
        count = self._recorder.count
        if state == "running":
            return "running"
        if state == "paused":
            again = "; interrupt again to go on, twice to stop" if self._control.catching else ""
            return f"paused at step {count:,}{again}"
        return f"stopped at step {count:,}" if count else "waiting for the first step"

    def _heard(self, _: Any, content: Any, buffers: Any) -> None:
        if isinstance(content, dict) and content.get("wish") == "history":
            with self._flushing:
                self.batch = self._feed.everything()
        elif self._thread is not None:
            # Without a loop it is a click that waited for its end: too late to mean anything.
            self._control.obey(content)


def _shell() -> Any:
    """The running IPython, if this is a kernel; None in a plain script or a terminal."""
    from IPython import get_ipython

    shell = get_ipython()
    return shell if shell is not None and hasattr(shell, "kernel") else None
