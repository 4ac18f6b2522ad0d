"""Clicks that reach a kernel whose main thread is busy with a training loop.

A widget's own comm is pinned to the main shell and heard only between cells. There are two ways
around it. The page opens a comm of its own, whose target is registered here: ipykernel 7 reads it
in a thread of its own, and nothing is ever sent on it from the main thread, which would pin it
too. Where that is not heard (ipykernel 6), the page interrupts the kernel, and the interrupt is
caught here and becomes a pause at the next step.
"""

from __future__ import annotations

import signal
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from ..recording.gate import Gate

__all__ = ["TARGET", "Control"]

TARGET = "clownviz.control"
_SECOND_INTERRUPT = 1.0
_STEP_OVERDUE = 5.0

_CONTROLS: weakref.WeakValueDictionary[str, Control] = weakref.WeakValueDictionary()


class Control:
    """Brings the wishes of a page to a gate, by comm or by interrupt.

    Args:
        key: names this widget; the page sends it as it opens its comm.
        gate: is paused, resumed and stepped.
    """

    def __init__(self, key: str, gate: Gate) -> None:
        self.key = key
        self.gate = gate
        self.pages = 0
        self.step_seen = time.monotonic()
        self._interrupted = -_SECOND_INTERRUPT
        self._before: Any = None
        self._wishes: dict[str, Callable[[], None]] = {
            "pause": gate.pause,
            "resume": gate.resume,
            "step": gate.step,
        }
        _CONTROLS[key] = self
        _register_target()

    def obey(self, content: Any) -> bool:
        """Do what a message asks: ``{"wish": "pause"}``; anything else is ignored."""
        wish = self._wishes.get(str(content.get("wish"))) if isinstance(content, dict) else None
        if wish is not None:
            wish()
        return wish is not None

    @property
    def connected(self) -> bool:
        """Whether a page's clicks are heard while the loop runs."""
        return self.pages > 0

    # ------------------------------------------------------------------ the interrupt

    @property
    def catching(self) -> bool:
        """Whether an interrupt is a pause now."""
        return self._before is not None

    def catch(self) -> None:
        """Let an interrupt pause the loop, if nothing else has a say in interrupts."""
        if self.catching or threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._interrupt)

    def let_go(self) -> None:
        """Give interrupts back their usual meaning."""
        if self.catching and threading.current_thread() is threading.main_thread():
            if signal.getsignal(signal.SIGINT) == self._interrupt:
                signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _interrupt(self, number: int, frame: Any) -> None:
        now = time.monotonic()
        twice = now - self._interrupted < _SECOND_INTERRUPT
        self._interrupted = now
        # A loop that takes no steps would never pause: then an interrupt is an interrupt.
        overdue = not self.gate.waiting and now - self.step_seen > _STEP_OVERDUE
        if twice or overdue:
            self.gate.resume()
            raise KeyboardInterrupt
        self.gate.toggle()


def _register_target() -> None:
    from comm import get_comm_manager

    get_comm_manager().register_target(TARGET, _opened)


def _opened(comm: Any, message: dict[str, Any]) -> None:
    """A page has opened its comm: answer, so that it knows that it is heard."""
    control = _CONTROLS.get(message["content"]["data"].get("key", ""))
    if control is None:
        return
    held = weakref.ref(control)
    control.pages += 1

    def heard(message: dict[str, Any]) -> None:
        if (control := held()) is not None:
            control.obey(message["content"]["data"])

    def closed(message: dict[str, Any]) -> None:
        if (control := held()) is not None:
            control.pages -= 1

    comm.on_msg(heard)
    comm.on_close(closed)
    comm.send({"heard": True})
