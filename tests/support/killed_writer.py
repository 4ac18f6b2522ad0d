"""Kill a process while it saves, again and again, and read what it left.

    python killed_writer.py PATH KILLS

The writer is forked rather than started, so that every kill costs milliseconds.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import sys
import time

import numpy as np

import clownpiece as cp


def write_forever(path: str, first: int, told: int) -> None:
    """Save one number after the other, each in a file of 20 tensors that all hold it.

    The file descriptor is told when the first of them is saved.
    """
    for number in itertools.count(first):
        tensors = {str(i): cp.from_numpy(np.full(5_000, number, np.int64)) for i in range(20)}
        cp.save({"number": number, **tensors}, path)
        if number == first:
            os.write(told, b"!")


def main(path: str, kills: int) -> None:
    draw = random.Random(0)
    cp.save({"number": -1, "0": cp.tensor([-1])}, path)
    hears, told = os.pipe()
    for first in range(0, 1000 * kills, 1000):
        writer = os.fork()
        if not writer:
            write_forever(path, first, told)
        # A busy machine may take its time to let the writer begin.
        os.read(hears, 1)
        time.sleep(draw.uniform(0, 0.02))
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        read = cp.load(path)
        number = read.pop("number")
        if not all((tensor == number).all() for tensor in read.values()):
            raise SystemExit(f"a part of a file was left: {read}")
    print(f"whole after {kills} kills, the last time with number {number}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
