"""Random numbers with a state that can be seeded, saved and restored.

One `default_generator` feeds everything that draws: initialisation, dropout, shuffling,
`rand` and its siblings. Streams are NumPy's PCG64, so the numbers differ from PyTorch's.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

__all__ = [
    "Generator",
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]


class Generator:
    """A stream of random numbers; `numpy` is the `np.random.Generator` that makes them.

    >>> from clownpiece import Generator
    >>> a, b = Generator().manual_seed(7), Generator().manual_seed(7)
    >>> a.numpy.integers(100) == b.numpy.integers(100)
    np.True_
    """

    __slots__ = ("_seed", "numpy")

    def __init__(self, device: Any = "cpu") -> None:
        if str(device) != "cpu":
            raise RuntimeError(f"clownpiece computes on the CPU only; got device {device!r}")
        self.manual_seed(67280421310721)

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream that belongs to `seed`, an int of up to 64 bits; returns self.

        A negative one counts from the end, as in PyTorch: −1 is 2⁶⁴ − 1.
        """
        if not isinstance(seed, (int, np.integer)) or not -(2**63) <= seed < 2**64:
            raise ValueError(f"a seed is an int of at most 64 bits; got {seed!r}")
        self._seed = int(seed) % 2**64
        self.numpy = np.random.Generator(np.random.PCG64(self._seed))
        return self

    def seed(self) -> int:
        """Start a stream nobody can predict, and return the seed that would repeat it."""
        self.manual_seed(secrets.randbits(63))
        return self._seed

    def initial_seed(self) -> int:
        """The seed that the stream was started with."""
        return self._seed

    def get_state(self) -> np.ndarray:
        """The whole state as bytes in a uint8 array, for `set_state`."""
        state = self.numpy.bit_generator.state
        words = [self._seed, state["state"]["state"], state["state"]["inc"]]
        packed = b"".join(word.to_bytes(16, "little") for word in words)
        packed += bytes([state["has_uint32"]]) + state["uinteger"].to_bytes(4, "little")
        return np.frombuffer(packed, np.uint8).copy()

    def set_state(self, new_state: Any) -> Generator:
        """Continue from a state that `get_state` returned."""
        packed = bytes(np.asarray(new_state, np.uint8).tobytes())
        if len(packed) != 53:
            raise ValueError(
                f"a generator's state has 53 bytes, as get_state returns them; got {len(packed)}"
            )
        words = [int.from_bytes(packed[at : at + 16], "little") for at in (0, 16, 32)]
        self.manual_seed(words[0])
        self.numpy.bit_generator.state = {
            "bit_generator": "PCG64",
            "state": {"state": words[1], "inc": words[2]},
            "has_uint32": packed[48],
            "uinteger": int.from_bytes(packed[49:], "little"),
        }
        return self

    def __getstate__(self) -> np.ndarray:
        return self.get_state()

    def __setstate__(self, state: np.ndarray) -> None:
        self.set_state(state)


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seed everything that draws from the default generator, and return that."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the default generator with a number nobody can predict, and return it."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the default generator was started with."""
    return default_generator.initial_seed()


def get_rng_state() -> np.ndarray:
    """The default generator's state."""
    return default_generator.get_state()


def set_rng_state(new_state: Any) -> None:
    """Put the default generator into a state that `get_rng_state` returned."""
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(devices: Any = None, enabled: bool = True) -> Iterator[None]:
    """Whatever is drawn inside leaves the default generator as it was before."""
    state = get_rng_state() if enabled else None
    try:
        yield
    finally:
        if state is not None:
            set_rng_state(state)
