"""A tape as one file that grows while training runs: `save`, `load`, and `TapeFile` for both.

The file is a sequence of segments, one a step:

    "clownviz"   8 bytes
    checksum     4 bytes, little-endian CRC-32 of what follows
    length       8 bytes, little-endian
    block        `length` bytes of safetensors: a JSON header, then the bytes of every array

Each segment says by itself what it holds. A process that is killed leaves every whole segment
readable, and one that is cut short or damaged hides nothing of what stands before it. Nothing
in a file is ever run: the text is JSON, the names of classes are looked up in a table of ours.
"""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, get_args, get_type_hints

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

from . import tape as records
from .nested import Ref, leaves
from .statistics import Stats
from .tape import Step, Tape, Value

__all__ = ["TapeFile", "TapeFileError", "load", "save"]

MAGIC = b"clownviz"
VERSION = "1"
_HEAD = struct.Struct("<8sIQ")

# What a file may name: the dataclasses of a tape, and nothing else.
_CLASSES: dict[str, type] = {
    name: value
    for name, value in {**vars(records), "Stats": Stats}.items()
    if isinstance(value, type) and dataclasses.is_dataclass(value) and value is not Tape
}
# The parts of a tape that only ever grow at their ends.
_LISTS = tuple(f.name for f in dataclasses.fields(Tape) if f.default_factory is list)
_ITEMS = {name: get_args(get_type_hints(Tape)[name])[0] for name in _LISTS}
_PLAIN = tuple(f.name for f in dataclasses.fields(Tape) if f.name not in (*_LISTS, "modules"))


class TapeFileError(ValueError):
    """A file is no tape, or is damaged.

    Attributes:
        tape: what stood before the damage, or None.
    """

    tape: Tape | None = None


# -- writing ---------------------------------------------------------------------------------


class TapeFile:
    """A file that a growing tape is written to, step by step.

    Each `append` writes one segment with what is new on the tape since the last one, and hands
    it to the system, so that whatever happens to the process, it stays. What a tape lets go
    of later to keep to its budget is in the file already.

    Args:
        path: where to write; what is there is replaced.

    >>> import tempfile
    >>> tape = Tape("Net")
    >>> path = Path(tempfile.mkdtemp()) / "net.tape"
    >>> with TapeFile(path) as file:
    ...     file.append(tape)
    ...     tape.notes.append("a second look")
    ...     file.append(tape)
    >>> load(path).notes
    ['a second look']
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO | None = open(self.path, "wb")  # noqa: SIM115
        self._written: dict[str, int] | None = None
        self._modules: dict[str, str] = {}
        self._late: list[Value] = []
        self._late_losses: list[Step] = []

    def has_gradient(self, value: Value) -> None:
        """A value has got its gradient, which may be long after it was written."""
        self._late.append(value)

    def has_another_loss(self, step: Step) -> None:
        """A second backward began in a step, which may be after the first loss was written."""
        self._late_losses.append(step)

    def append(self, tape: Tape) -> None:
        """Write what is new on the tape as one segment; nothing if nothing is.

        Raises:
            ValueError: the file is closed.
        """
        if self._file is None:
            raise ValueError(f"{self.path.name} is closed: open a new TapeFile to write on")
        segment = _Segment()
        part: dict[str, Any] = {name: segment.encode(getattr(tape, name)) for name in _PLAIN}
        part["modules"] = self._changed_modules(tape, segment)
        sizes = {name: len(getattr(tape, name)) for name in _LISTS}
        for name, size in sizes.items():
            start = self._written[name] if self._written is not None else 0
            part[name] = [start, segment.encode(getattr(tape, name)[start:size])]
        written = self._written["values"] if self._written is not None else 0
        late = [[value.id, value.gradient] for value in self._late if value.id < written]
        if late:
            part["gradients"] = late
        losses = [[step.number, segment.encode(step.scalars)] for step in self._late_losses]
        if losses:
            part["scalars"] = losses
        if part["modules"] or late or losses or sizes != self._written:
            self._write(self._file, segment.to_bytes(part))
            self._written = sizes
            self._late.clear()
            self._late_losses.clear()

    def _write(self, file: BinaryIO, data: bytes) -> None:
        end = file.tell()
        try:
            file.write(data)
            file.flush()
        except OSError:
            # The disk is full: without the part that fitted, the next segment can follow.
            file.truncate(end)
            file.seek(end)
            raise

    def _changed_modules(self, tape: Tape, segment: _Segment) -> list[Any]:
        """The modules that are not in the file as they are now."""
        changed = []
        for path, info in tape.modules.items():
            plain = json.dumps(_Segment(arrays=False).encode(info))
            if self._modules.get(path) != plain:
                self._modules[path] = plain
                changed.append(segment.encode(info))
        return changed

    def close(self) -> None:
        """Flush to the disk and close. Closing twice does no harm."""
        file, self._file = self._file, None
        if file is not None:
            os.fsync(file.fileno())
            file.close()

    def __enter__(self) -> TapeFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def save(tape: Tape, path: str | os.PathLike[str]) -> Path:
    """Write a tape as one file: whole, or, if something goes wrong, not at all.

    >>> import tempfile
    >>> path = save(Tape("Net"), Path(tempfile.mkdtemp()) / "net.tape")
    >>> load(path).model
    'Net'
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with TapeFile(temporary) as file:
            file.append(tape)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return Path(path)


class _Segment:
    """Turns records into JSON, and collects the arrays that stand in them.

    Args:
        arrays: False says only what an array looks like; the arrays of a tape never change.
    """

    def __init__(self, arrays: bool = True) -> None:
        self.keeps_arrays = arrays
        self.arrays: dict[str, np.ndarray] = {}

    def encode(self, value: Any) -> Any:
        """`value` as JSON: one letter says what JSON has no word for."""
        if isinstance(value, Ref):
            return {"r": int(value)}
        if isinstance(value, np.ndarray):
            return {"a": self._add(value)}
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, tuple):
            return {"t": [self.encode(item) for item in value]}
        if isinstance(value, list):
            return [self.encode(item) for item in value]
        if isinstance(value, dict):
            return {"d": [[key, self.encode(item)] for key, item in value.items()]}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {type(value).__name__: self._fields(value)}
        return value

    def _fields(self, record: Any) -> dict[str, Any]:
        """The fields that differ from their defaults."""
        told = {}
        for field in dataclasses.fields(record):
            value = getattr(record, field.name)
            if value is None or isinstance(value, (bool, int, float, str, tuple)):
                if field.default is not dataclasses.MISSING and value == field.default:
                    continue
            told[field.name] = self.encode(value)
        return told

    def _add(self, array: np.ndarray) -> str | list[Any]:
        if not self.keeps_arrays:
            return [str(array.dtype), array.shape]
        name = str(len(self.arrays))
        # A 0-d array stays 0-d, which ascontiguousarray would not leave it.
        self.arrays[name] = np.ascontiguousarray(array).reshape(array.shape)
        return name

    def to_bytes(self, part: dict[str, Any]) -> bytes:
        """The segment, as it stands in the file."""
        metadata = {"version": VERSION, "part": json.dumps(part, separators=(",", ":"))}
        block = to_bytes(self.arrays, metadata=metadata)
        return _HEAD.pack(MAGIC, zlib.crc32(block), len(block)) + block


# -- reading ---------------------------------------------------------------------------------


def load(path: str | os.PathLike[str]) -> Tape:
    """Read a tape that `save`, a `TapeFile` or `capture(…, file=…)` has written.

    A file whose last segment is cut short, as a killed process leaves it, gives the steps before
    it and a note that says so.

    Raises:
        TapeFileError: the file is no tape, or is damaged; its attribute `tape` has what stands
            before the damage.
        FileNotFoundError: there is no such file.
    """
    path = Path(path)
    tape: Tape | None = None
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            for block in _blocks(file, size, path.name):
                tape = _extended(tape, block, path.name)
        except _CutShort as cut:
            if tape is None:
                raise _damaged(f"{path.name} ends within its first step: {cut}", None) from None
            tape.notes.append(f"{path.name} {cut}; the steps before that are whole.")
        except (TapeFileError, SafetensorError, *_DAMAGE) as error:
            told = str(error) if isinstance(error, TapeFileError) else _told(path.name, error)
            raise _damaged(told, tape) from error
    if tape is None:
        raise _damaged(f"{path.name} is empty: a tape has one segment at least", None)
    return tape


_DAMAGE = (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError)


class _CutShort(Exception):
    """The file ends within a segment."""


def _damaged(text: str, tape: Tape | None) -> TapeFileError:
    if tape is not None:
        text += f". The {len(tape.steps)} steps before the damage are in this error's .tape"
    error = TapeFileError(text)
    error.tape = tape
    return error


def _told(name: str, error: Exception) -> str:
    return f"{name} has a segment that is no part of a tape ({type(error).__name__}: {error})"


def _blocks(file: BinaryIO, size: int, name: str) -> Iterator[bytes]:
    """The blocks of a file whose checksums hold, in order."""
    at = 0
    while at < size:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            if head[: len(MAGIC)] == MAGIC[: len(head)]:
                raise _CutShort(f"ends within the segment at byte {at:,}")
            raise _no_segment(name, at)
        magic, checksum, length = _HEAD.unpack(head)
        if magic != MAGIC:
            raise _no_segment(name, at)
        if length > size - at - _HEAD.size:
            if _goes_on(file.read()):
                raise TapeFileError(
                    f"{name} is damaged: the segment at byte {at:,} has not the length it says"
                )
            raise _CutShort(f"ends within the segment at byte {at:,}")
        block = file.read(length)
        if zlib.crc32(block) != checksum:
            raise TapeFileError(
                f"{name} is damaged: the checksum of the segment at byte {at:,} does not hold"
            )
        yield block
        at += _HEAD.size + length


def _goes_on(rest: bytes) -> bool:
    """Whether a whole segment begins somewhere in these bytes."""
    at = rest.find(MAGIC)
    while at >= 0:
        if len(rest) - at >= _HEAD.size:
            _, checksum, length = _HEAD.unpack_from(rest, at)
            block = rest[at + _HEAD.size :][:length]
            if len(block) == length and zlib.crc32(block) == checksum:
                return True
        at = rest.find(MAGIC, at + 1)
    return False


def _no_segment(name: str, at: int) -> TapeFileError:
    what = "is damaged" if at else "is no tape of clownviz"
    return TapeFileError(f"{name} {what}: no segment begins at byte {at:,}")


def _extended(tape: Tape | None, block: bytes, name: str) -> Tape:
    """The tape with one more segment."""
    arrays = from_bytes(block)
    length = int.from_bytes(block[:8], "little")
    metadata = json.loads(block[8 : 8 + length])["__metadata__"]
    if metadata.get("version") != VERSION:
        raise TapeFileError(
            f"{name} is a tape of version {metadata.get('version')!r}, and this clownviz reads "
            f"version {VERSION}: read it with the version that wrote it"
        )
    told = json.loads(metadata["part"])
    part = {key: _decode(value, lambda key: arrays[key]) for key, value in told.items()}
    if tape is None:
        tape = Tape(part["model"])
    # Everything is read before anything is added, so that damage leaves whole steps.
    grown = {}
    for field in _LISTS:
        start, items = part.get(field, (len(getattr(tape, field)), []))
        if start != len(getattr(tape, field)):
            raise TapeFileError(
                f"{name} misses a segment: its {field} go on at {start:,}, after "
                f"{len(getattr(tape, field)):,}"
            )
        grown[field] = items
    late = part.get("gradients", [])
    _check(tape, grown, late, name)
    losses = []
    if "scalars" in part:
        steps = {step.number: step for step in (*tape.steps, *grown["steps"])}
        losses = [(steps[number], dict(scalars)) for number, scalars in part["scalars"]]
    for info in part["modules"]:
        tape.modules[info.path] = info
    before = len(tape.trained)
    for field in _PLAIN:
        if field in part:
            setattr(tape, field, part[field])
    for field, items in grown.items():
        getattr(tape, field).extend(items)
    for value, gradient in late:
        tape.values[value].gradient = gradient
    for step, scalars in losses:
        step.scalars = scalars
    grew = len(tape.trained) > before
    for update in tape.updates if grew else grown["updates"]:
        update.widen(len(tape.trained))
    return tape


def _check(
    tape: Tape, grown: dict[str, list[Any]], late: list[list[int]], name: str
) -> None:
    """Whether everything that is pointed at is there: views follow these numbers blindly."""
    for field, items in grown.items():
        if not all(isinstance(item, _ITEMS[field]) for item in items):
            raise TapeFileError(f"{name} has something among its {field} that is none of them")
    values = len(tape.values) + len(grown["values"])
    calls = len(tape.calls) + len(grown["calls"])
    pointed = [(at, size) for pair in late for at, size in zip(pair, (len(tape.values), values))]
    for value in grown["values"]:
        pointed.append((value.gradient, values))
    for call in grown["calls"]:
        pointed += [(ref, values) for nest in (call.inputs, call.outputs) for ref in leaves(nest)]
        pointed.append((call.parent, calls))
    for operation in grown["operations"]:
        pointed += [(at, values) for at in (*operation.inputs, *operation.outputs)]
        pointed.append((operation.call, calls))
        pointed.append((operation.site, len(tape.sites) + len(grown["sites"])))
    for at, size in pointed:
        if at is not None and not 0 <= at < size:
            raise TapeFileError(f"{name} points at number {at} where there are {size:,}")


def _decode(told: Any, array: Callable[[str], np.ndarray]) -> Any:
    if isinstance(told, list):
        return [_decode(item, array) for item in told]
    if not isinstance(told, dict):
        return told
    ((kind, held),) = told.items()
    if kind == "r":
        return Ref(held)
    if kind == "a":
        return array(held)
    if kind == "t":
        return tuple(_decode(item, array) for item in held)
    if kind == "d":
        return {key: _decode(item, array) for key, item in held}
    return _CLASSES[kind](**{key: _decode(item, array) for key, item in held.items()})
