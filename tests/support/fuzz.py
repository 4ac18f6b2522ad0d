"""Files that were damaged at random, and what reading them may do.

A test reads some hundreds a format; by hand, from the folder `tests`, any number:

    python -m support.fuzz 50000
"""

from __future__ import annotations

import contextlib
import pickle
import random
import signal
import sys
import tracemalloc

from .files import READABLE, entries_of, loaded, small_file, zip_of

ALLOWED = (RuntimeError, pickle.UnpicklingError)
"""What reading may raise: an error that says the file is damaged, or wants code to be run."""

# Lengths and counts stand in fields of these many bytes.
EXTREMES = [0, 1, 2**7, 2**15, 2**31, *(2**bits - 1 for bits in (8, 16, 31, 32, 63, 64))]


def mutated(content: bytes, draw: random.Random) -> bytes:
    """`content` after one to four changes: bits, fields, cuts, pieces gone, twice or elsewhere."""
    data = bytearray(content)
    for _ in range(draw.choice([1, 1, 1, 2, 4])):
        if not data:
            break
        at, length = draw.randrange(len(data)), draw.choice([1, 2, 4, 8, 40])
        kind = draw.randrange(7)
        if kind == 0:
            data[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            data[at] = draw.randrange(256)
        elif kind == 2:
            size = draw.choice([1, 2, 4, 8])
            value = draw.choice(EXTREMES) % 256**size
            data[at : at + size] = value.to_bytes(size, draw.choice(["little", "big"]))
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            del data[at : at + length]
        elif kind == 5:
            data[at:at] = data[at : at + length]
        else:
            other = draw.randrange(len(data))
            data[at : at + length] = data[other : other + length]
    return bytes(data)


def damaged(content: bytes, draw: random.Random) -> bytes:
    """A damaged copy; of a zip often one whose checksums were made anew around the damage."""
    if not content.startswith(b"PK") or draw.random() < 0.4:
        return mutated(content, draw)
    entries = entries_of(content)
    inner = draw.choice([name for name in entries if entries[name]])
    return zip_of(entries | {inner: mutated(entries[inner], draw)})


def read(content: bytes) -> bool:
    """Whether it could be read; any other error than the allowed ones comes through."""
    with contextlib.suppress(*ALLOWED):
        loaded(content)
        return True
    return False


def peak_of_reading(contents: list[bytes]) -> int:
    """The most memory that reading any of these took, in bytes."""
    peak = 0
    tracemalloc.start()
    try:
        for content in contents:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            read(content)
            peak = max(peak, tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    return peak


def main(count: int, seed: int) -> None:
    """Read `count` damaged files a format, each within a second, and tell how it went."""
    for format in READABLE:
        draw, whole = random.Random(seed), small_file(format)
        readable = peak = 0
        for number in range(count):
            content = damaged(whole, draw)
            signal.setitimer(signal.ITIMER_REAL, 1.0)
            try:
                if number % 10:
                    readable += read(content)
                else:
                    peak = max(peak, peak_of_reading([content]))
            except BaseException:
                print(f"{format}, file {number}: {content!r}", file=sys.stderr)
                raise
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        print(f"{format}: {count:,} files, {readable:,} could be read, peak {peak / 1e6:.2f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]), seed=int(sys.argv[2]) if len(sys.argv) > 2 else 0)
