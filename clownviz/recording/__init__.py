"""From hooks and operations to a tape.

    >>> from clownpiece import nn, ones
    >>> from clownviz.recording import run
    >>> tape = run(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), ones(2, 4))
    >>> [call.label for call in tape.calls]
    ['Sequential', '0', '1']
"""

from __future__ import annotations

from .capture import Capture, describe, run
from .tape import Tape

__all__ = ["Capture", "Tape", "describe", "run"]
