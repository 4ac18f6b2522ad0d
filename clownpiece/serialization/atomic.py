"""Writing a file so that a crash leaves the old one or the new one, never a part."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["written_whole"]


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` when the block ends without error.

    It is a neighbour until then, for a rename is only atomic within one file system, and is
    flushed to the disk first, for a rename may get there before the data does. A device or a pipe
    has no place to be taken, and is written to as it is.

    Raises:
        OSError: no such folder, no permission, no space; whatever was at `path` is still there.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not (target.is_file() or target.is_dir()):
            with open(target, "wb") as device:
                yield device
            return
        with _in_place_of(target) as file:
            yield file
    except OSError as error:
        raise _explained(error, path, target) from error
    _sync_folder(target.parent)


@contextlib.contextmanager
def _in_place_of(target: Path) -> Iterator[BinaryIO]:
    if target.is_dir():
        raise IsADirectoryError(21, "It is a folder")
    # The name does not grow with the target's, which may be as long as names can be.
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            os.chmod(temporary, target.stat().st_mode & 0o7777)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _explained(error: OSError, path: Path, target: Path) -> OSError:
    """The same error, about the file that was asked for instead of its neighbour."""
    unchanged = "what it held before is unchanged" if target.exists() else "nothing was left there"
    reason = f"{error.strerror or error}: it was not saved; {unchanged}"
    # OSError itself makes the subclass that belongs to the number, such as PermissionError.
    return OSError(error.errno, reason, str(path))


def _sync_folder(folder: Path) -> None:
    """Have the new name survive a power cut too, where folders can be synced."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
