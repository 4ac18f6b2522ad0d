"""Anomaly mode: an error in backward names the line of the forward that led to it."""

from __future__ import annotations

from .mode import mode

__all__ = ["detect_anomaly", "is_anomaly_enabled", "set_detect_anomaly"]


class set_detect_anomaly:
    """Switch anomaly mode on or off at once; as a context manager, until it ends."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._previous = _switch(bool(mode), check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: object) -> None:
        _switch(*self._previous)


class detect_anomaly(set_detect_anomaly):
    """Inside, every node remembers where it was made, and a NaN in backward is an error.

    The place is told by a traceback whose last line is the caller's, without the library's own.
    An error in the backward of a backward names both: the line that called the first backward,
    and that of the forward operation which induced it.

    It costs a stack trace an operation: for finding a mistake, not for training. Where PyTorch
    warns with the trace of the forward and then raises, here the trace is part of the error; and
    the mode is this thread's own, as all modes are.

    Args:
        check_nan: False leaves NaN alone, and only has other errors name their line.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = check_nan

    def __enter__(self) -> None:
        self._previous = _switch(True, self._check_nan)


def is_anomaly_enabled() -> bool:
    """Whether this thread is in anomaly mode."""
    return mode.anomaly


def _switch(enabled: bool, check_nan: bool) -> tuple[bool, bool]:
    previous = mode.anomaly, mode.check_nan
    mode.anomaly, mode.check_nan = enabled, check_nan
    return previous
