"""Carrying a driver's output from its pipe to a file that cannot fill the disk.

The first bytes up to the limit are kept as they come; after that only the newest are remembered, and written with a
note on what was dropped when the run ends: the start and the end of a log are what people need.
"""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import BinaryIO

_CHUNK_BYTES = 64 * 1024


class Pump:
    """One stream: reads `pipe` when told to, appends to `path`, keeps at most about `limit_bytes`."""

    def __init__(self, pipe: BinaryIO, path: Path, *, limit_bytes: int) -> None:
        self._pipe = pipe
        self._room = limit_bytes
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._dropped = 0
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.set_blocking(pipe.fileno(), False)

    def fileno(self) -> int:
        """The pipe, for a selector."""
        return self._pipe.fileno()

    def move(self) -> bool | None:
        """Carry one piece, without waiting: True when there was one, None when there is none now, False at the end."""
        try:
            piece = os.read(self.fileno(), _CHUNK_BYTES)
        except BlockingIOError:
            return None
        kept = piece[: self._room]
        self._room -= len(kept)
        self._write(kept)
        self._remember(piece[len(kept) :])
        return bool(piece)

    def close(self) -> None:
        """Carry what the pipe still holds, write the remembered end, close."""
        while self.move():
            pass
        if self._dropped:
            self._write(f"\n[{self._dropped} bytes dropped here: the limit of this log is reached]\n".encode())
        self._write(b"".join(self._tail))
        os.close(self._file)
        self._pipe.close()

    def _write(self, data: bytes) -> None:
        # A full disk must not end the run: what cannot be written is lost, as beyond the limit.
        while data:
            try:
                data = data[os.write(self._file, data) :]
            except OSError:
                self._dropped += len(data)
                return

    def _remember(self, piece: bytes) -> None:
        if not piece:
            return
        self._tail.append(piece)
        self._tail_bytes += len(piece)
        while self._tail_bytes - len(self._tail[0]) >= _CHUNK_BYTES:
            gone = self._tail.popleft()
            self._tail_bytes -= len(gone)
            self._dropped += len(gone)
