"""A notebook cell that is run again ends the captures that it had started."""

from __future__ import annotations

import re
import sys
import weakref
from types import FrameType
from typing import Any, Protocol

__all__ = ["end_earlier"]


class Recording(Protocol):
    """What a capture has started."""

    def finish(self) -> None:
        """End it; nothing happens if it is over."""
        ...


# By line of a cell and model: in which execution of the cell it was started, and what.
_STARTED: dict[tuple[str, int, int], tuple[int, weakref.ref[Any]]] = {}


def end_earlier(model: Any, recording: Recording | None) -> None:
    """End what the same line has started for this model when its cell was run before.

    Jupyter keeps the tape of the old run alive in its history, so that nothing else would.
    Outside of a notebook nothing happens.
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None or recording is None:
        return
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals is not shell.user_ns:
        frame = frame.f_back
    if frame is None:
        return
    # IPython outside of Jupyter counts executions in the name of a cell's file.
    name = re.sub(r"^<ipython-input-\d+-", "<", frame.f_code.co_filename)
    line = (name, frame.f_lineno, id(model))
    execution, known = _STARTED.get(line, (shell.execution_count, None))
    earlier = known() if known is not None else None
    if earlier is not None and execution != shell.execution_count:
        earlier.finish()
    _STARTED[line] = shell.execution_count, weakref.ref(recording)
