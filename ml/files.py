"""Atomic writing of files, and their checksums."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def open_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces `path` when the block ends without an error.

    Args:
        path: Target; its folder exists. An existing file is replaced.

    Yields:
        The binary file to write to.

    Raises:
        OSError: If the folder cannot be written.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = Path(folder) / "a"
    ...     with open_whole(target) as stream:
    ...         _ = stream.write(b"whole")
    ...     target.read_bytes()
    b'whole'
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_whole(path: Path, data: bytes) -> None:
    """Write a file atomically.

    Args:
        path: Target; its folder exists.
        data: Content.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "a", b"whole")
    ...     (Path(folder) / "a").read_bytes()
    b'whole'
    """
    with open_whole(path) as stream:
        stream.write(data)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    Args:
        path: An existing file.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "a", b"")
    ...     file_sha256(Path(folder) / "a")[:8]
    'e3b0c442'
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
