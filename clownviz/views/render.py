"""Graphviz, wherever it is: a layout in a subprocess, with a deadline."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator

__all__ = ["LayoutError", "LayoutTimeout", "programs", "run_layout"]

ENVIRONMENT = "CLOWNVIZ_DOT"
DEADLINE = 8.0


class LayoutError(RuntimeError):
    """No program could draw the graph."""


class LayoutTimeout(LayoutError):
    """Drawing the graph took longer than the deadline."""


def programs() -> Iterator[str]:
    """What can lay out a graph on this machine, the preferred one first.

    `$CLOWNVIZ_DOT`, then the system's `dot`, then `graphviz-pure`, which pip installs beside the
    Python that runs this.
    """
    chosen = os.environ.get(ENVIRONMENT)
    scripts = (sysconfig.get_path("scripts"), os.path.dirname(sys.executable))
    beside = os.pathsep.join([*scripts, os.environ.get("PATH", "")])
    found = (
        shutil.which(chosen) if chosen else None,
        shutil.which("dot"),
        shutil.which("graphviz-pure", path=beside),
    )
    yield from dict.fromkeys(program for program in found if program is not None)


def run_layout(
    source: str, format: str = "svg", *, engine: str = "dot", deadline: float = DEADLINE
) -> bytes:
    """DOT source drawn in a format.

    Raises:
        LayoutTimeout: it took longer than `deadline` seconds.
        LayoutError: no program is there, or none of them can do this; the text says why.
    """
    refusals = []
    for program in programs():
        command = [program, f"-K{engine}", f"-T{format}"]
        try:
            done = subprocess.run(
                command, input=source.encode(), capture_output=True, timeout=deadline, check=False
            )
        except subprocess.TimeoutExpired:
            raise LayoutTimeout(
                f"the layout took longer than {deadline:g} s; fold the graph, or lower its depth"
            ) from None
        except OSError as error:
            refusals.append(f"{program}: {error}")
            continue
        if _is_whole(done.stdout, format, done.returncode):
            return done.stdout
        said = done.stderr.decode(errors="replace").strip().splitlines()
        refusals.append(f"{program}: {said[-1] if said else f'exit code {done.returncode}'}")
    if not refusals:
        raise LayoutError(
            "there is no Graphviz here: `pip install graphviz-pure`, install the system package "
            f"graphviz, or set {ENVIRONMENT} to a `dot` program"
        )
    raise LayoutError(f"no program could draw the graph as {format}: " + "; ".join(refusals))


def _is_whole(output: bytes, format: str, code: int) -> bool:
    """Whether the output can be used. Graphviz also ends with 1 after a mere warning."""
    if format == "svg":
        return b"<svg" in output and output.rstrip().endswith(b"</svg>")
    return code == 0 and bool(output)
