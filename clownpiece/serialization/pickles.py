"""A pickle machine that can do no more than build containers.

A pickle is a program for a small stack machine. Python's own machine imports what the program
names and calls it; this one knows the instructions that files of tensors are written with, calls
nothing but the functions it is handed, sets no attribute of anything, and reads no more bytes than
there are. Every other instruction is refused by its name.
"""

from __future__ import annotations

import os
import pickle
import pickletools
import struct
from collections.abc import Callable
from typing import Any, BinaryIO

__all__ = ["Global", "run"]

# The longest whole number and the longest name of a global that are believed, in bytes.
LONGEST = 1024


class Global:
    """What a file calls by a name: a function to be called, or a type to be told apart by."""

    __slots__ = ("call", "name")

    def __init__(self, name: str, call: Callable[..., Any] | None = None) -> None:
        self.name, self.call = name, call


def run(
    file: BinaryIO,
    name: str,
    find: Callable[[str, str], Global],
    refer: Callable[[Any], Any],
) -> Any:
    """Run the pickle that starts here, and leave the file behind its last instruction.

    Args:
        file: is open for reading and can be sought in.
        name: of the file, for messages.
        find: what the program may name, by module and name; raises for everything else.
        refer: what stands behind a persistent id.

    Raises:
        pickle.UnpicklingError: the program wants more than to build containers.
        RuntimeError: it is cut short or damaged.
    """
    machine = _Machine(file, name, find, refer)
    try:
        while not machine.stopped:
            machine.step()
        return machine.pop()
    # What NumPy and Python say of sizes, indices, keys and texts that cannot be.
    except (ArithmeticError, EOFError, LookupError, MemoryError, TypeError, ValueError) as error:
        raise RuntimeError(f"{name} is damaged or cut short: {error}") from error


class _Machine:
    def __init__(self, file: BinaryIO, name: str, find: Any, refer: Any) -> None:
        self.file, self.name, self.find, self.refer = file, name, find, refer
        here = file.tell()
        self.left = file.seek(0, os.SEEK_END) - here
        file.seek(here)
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.stopped = False

    def step(self) -> None:
        code = self.take(1)
        do = _INSTRUCTIONS.get(code)
        if do is not None:
            do(self)
            return
        known = {each.code: each.name for each in pickletools.opcodes}
        instruction = known.get(code.decode("latin-1"))
        if instruction is None:
            raise ValueError(f"its pickle has {code!r} where an instruction should be")
        raise pickle.UnpicklingError(
            f"{self.name} has the pickle instruction {instruction}, which no file of tensors "
            "needs; it is refused, for it may run code"
        )

    # -- reading ----------------------------------------------------------------------------

    def take(self, count: int) -> bytes:
        """The next bytes; asked for only if they are there, for a count may be a lie."""
        if not 0 <= count <= self.left:
            raise EOFError(f"its pickle goes on for {count:,} bytes, but {self.left:,} are left")
        self.left -= count
        return self.file.read(count)

    def number(self, format: str) -> Any:
        return struct.unpack(format, self.take(struct.calcsize(format)))[0]

    def long(self, count: int) -> int:
        if count > LONGEST:
            raise ValueError(f"its pickle has a whole number of {count:,} bytes")
        return int.from_bytes(self.take(count), "little", signed=True)

    def text(self, format: str) -> str:
        return self.take(self.number(format)).decode("utf-8", "surrogatepass")

    def line(self) -> str:
        line = self.file.readline(min(LONGEST, self.left))
        self.left -= len(line)
        if not line.endswith(b"\n"):
            raise ValueError("its pickle has a name without an end")
        return line[:-1].decode()

    # -- building ---------------------------------------------------------------------------

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if not self.stack:
            raise IndexError("its pickle takes more than it has put down")
        return self.stack.pop()

    def last(self, count: int) -> tuple[Any, ...]:
        return tuple(reversed([self.pop() for _ in range(count)]))

    def mark(self) -> None:
        self.below.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[Any]:
        if not self.below:
            raise IndexError("its pickle goes back to a mark that it never made")
        values, self.stack = self.stack, self.below.pop()
        return values

    def top(self, kind: type) -> Any:
        if not self.stack or type(self.stack[-1]) is not kind:
            raise pickle.UnpicklingError(
                f"{self.name} adds to something that is no {kind.__name__}, as if to run code"
            )
        return self.stack[-1]

    def extend(self, values: list[Any]) -> None:
        self.top(list).extend(values)

    def update(self, values: list[Any]) -> None:
        target = self.top(dict)
        if len(values) % 2:
            raise ValueError("its pickle has a key without a value")
        for key, value in zip(values[::2], values[1::2]):
            if type(key) not in (bool, int, float, str):
                raise pickle.UnpicklingError(
                    f"{self.name} has a dict with a key that is no string or number"
                )
            target[key] = value

    def remember(self, number: int) -> None:
        if not self.stack:
            raise IndexError("its pickle numbers an object that is not there")
        self.memo[number] = self.stack[-1]

    def recall(self, number: int) -> None:
        if number not in self.memo:
            raise KeyError(f"its pickle refers to object {number}, which it has not made")
        self.push(self.memo[number])

    def name_from_stack(self) -> None:
        module, name = self.last(2)
        if type(module) is not str or type(name) is not str:
            raise TypeError("its pickle names something with no text")
        self.push(self.find(module, name))

    def call(self) -> None:
        function, arguments = self.last(2)
        if not isinstance(function, Global) or function.call is None:
            raise pickle.UnpicklingError(
                f"{self.name} calls something that is no function, as if to run code"
            )
        if type(arguments) is not tuple:
            raise ValueError(f"its pickle calls {function.name} with no tuple of arguments")
        self.push(function.call(*arguments))

    def forget_attributes(self) -> None:
        """A dict's attributes, such as a state_dict's `_metadata`, are left out."""
        self.pop()
        self.top(dict)

    def stop(self) -> None:
        self.stopped = True


_INSTRUCTIONS: dict[bytes, Callable[[_Machine], Any]] = {
    pickle.PROTO: lambda m: m.take(1),
    pickle.FRAME: lambda m: m.take(8),
    pickle.STOP: _Machine.stop,
    # constants, numbers, texts
    pickle.NONE: lambda m: m.push(None),
    pickle.NEWTRUE: lambda m: m.push(True),
    pickle.NEWFALSE: lambda m: m.push(False),
    pickle.BININT: lambda m: m.push(m.number("<i")),
    pickle.BININT1: lambda m: m.push(m.number("<B")),
    pickle.BININT2: lambda m: m.push(m.number("<H")),
    pickle.LONG1: lambda m: m.push(m.long(m.number("<B"))),
    pickle.LONG4: lambda m: m.push(m.long(m.number("<i"))),
    pickle.BINFLOAT: lambda m: m.push(m.number(">d")),
    pickle.BINSTRING: lambda m: m.push(m.text("<i")),
    pickle.SHORT_BINSTRING: lambda m: m.push(m.text("<B")),
    pickle.BINUNICODE: lambda m: m.push(m.text("<I")),
    pickle.SHORT_BINUNICODE: lambda m: m.push(m.text("<B")),
    pickle.BINBYTES: lambda m: m.push(m.take(m.number("<I"))),
    pickle.SHORT_BINBYTES: lambda m: m.push(m.take(m.number("<B"))),
    # containers
    pickle.MARK: _Machine.mark,
    pickle.EMPTY_TUPLE: lambda m: m.push(()),
    pickle.TUPLE: lambda m: m.push(tuple(m.since_mark())),
    pickle.TUPLE1: lambda m: m.push(m.last(1)),
    pickle.TUPLE2: lambda m: m.push(m.last(2)),
    pickle.TUPLE3: lambda m: m.push(m.last(3)),
    pickle.EMPTY_LIST: lambda m: m.push([]),
    pickle.APPEND: lambda m: m.extend([m.pop()]),
    pickle.APPENDS: lambda m: m.extend(m.since_mark()),
    pickle.EMPTY_DICT: lambda m: m.push({}),
    pickle.SETITEM: lambda m: m.update(list(m.last(2))),
    pickle.SETITEMS: lambda m: m.update(m.since_mark()),
    # objects that come again
    pickle.BINPUT: lambda m: m.remember(m.number("<B")),
    pickle.LONG_BINPUT: lambda m: m.remember(m.number("<I")),
    pickle.MEMOIZE: lambda m: m.remember(len(m.memo)),
    pickle.BINGET: lambda m: m.recall(m.number("<B")),
    pickle.LONG_BINGET: lambda m: m.recall(m.number("<I")),
    # names and calls
    pickle.GLOBAL: lambda m: m.push(m.find(m.line(), m.line())),
    pickle.STACK_GLOBAL: _Machine.name_from_stack,
    pickle.REDUCE: _Machine.call,
    pickle.BUILD: _Machine.forget_attributes,
    pickle.BINPERSID: lambda m: m.push(m.refer(m.pop())),
}
