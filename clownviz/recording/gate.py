"""A gate in a training loop: pause it, let it run on, or let it take one step."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Gate"]

_LOOK_UP = 0.02  # seconds between two looks at the state while waiting


class Gate:
    """Pause, resume and single-step a loop from another thread or from a signal handler.

    The loop calls `wait` where it may be stopped; everything else may be called from anywhere, in
    any order, more than once. The state is plain attributes that the waiting loop looks at: an
    Event's lock could not be taken by a signal handler that runs in the very thread that waits on
    it.

    >>> gate = Gate()
    >>> gate.pause()
    >>> gate.paused
    True
    >>> gate.step()      # let one pass, stay closed
    >>> gate.wait()
    >>> gate.resume()
    """

    def __init__(self) -> None:
        self.paused = False
        self.waiting = False
        self._granted = self._used = 0

    def pause(self) -> None:
        """Close: the loop stops the next time it calls `wait`."""
        self._granted = self._used
        self.paused = True

    def resume(self) -> None:
        """Open: the loop runs on."""
        self.paused = False

    def toggle(self) -> None:
        """Close if open, open if closed."""
        if self.paused:
            self.resume()
        else:
            self.pause()

    def step(self) -> None:
        """Close, but let the loop pass once (once more for every call)."""
        self._granted += 1
        self.paused = True

    def wait(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Return when the gate is open; ``meanwhile()`` is called again and again until then.

        Raises KeyboardInterrupt when the waiting thread is interrupted, so Ctrl-C ends a paused
        loop.
        """
        if not self.paused:
            return
        self.waiting = True
        try:
            while self.paused:
                if self._granted > self._used:
                    self._used += 1
                    return
                meanwhile()
                time.sleep(_LOOK_UP)
        finally:
            self.waiting = False
