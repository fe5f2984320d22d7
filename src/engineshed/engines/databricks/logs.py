"""The driver's output: what its cluster delivers to a folder, or what the run's own output holds.

Clusters deliver stdout and stderr every few minutes to `<folder>/<cluster>/driver`, and roll them by the hour. Where no
folder is set, or nothing was delivered by the end (short runs, serverless), the Jobs API gives the last 5 MB of what
the run printed, once it is over. One of the two is shown, never both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engineshed.delivered import Part, rolled
from engineshed.delivered.characters import whole_characters
from engineshed.model.errors import ChannelError
from engineshed.ports.engine import LogChunk
from engineshed.workspace import Files, Missing

CHUNK_BYTES = 64 * 1024
STREAMS = ("stdout", "stderr")
_OF_OUTPUT = "output:"


class DriverFolder:
    """One stream's files in a cluster's folder (delivered.RangeSource)."""

    def __init__(self, files: Files, folder: str, stream: str) -> None:
        self._files, self._folder, self._stream = files, folder, stream

    def parts(self) -> Sequence[Part]:
        """See RangeSource."""
        found = [
            Part(entry.path, entry.size_bytes, entry.version)
            for entry in self._files.entries(self._folder)
            if not entry.folder
        ]
        return rolled(found, self._stream)

    def read(self, part: Part, offset: int, most: int) -> bytes:
        """See RangeSource."""
        room = min(most, part.size_bytes - offset)
        try:
            return self._files.read(part.name, offset, room) if room > 0 else b""
        except Missing:
            return b""


def of_output(cursor: str) -> bool:
    """Whether the cursor is one of the run's own output."""
    return cursor.startswith(_OF_OUTPUT)


def next_of_output(output: dict[str, Any], cursor: str) -> LogChunk:
    """At most 64 KiB of the run's own output after the cursor. Raises ChannelError for one that is none of ours."""
    try:
        at = int(cursor.removeprefix(_OF_OUTPUT) or 0)
    except ValueError as error:
        raise ChannelError(f"{cursor!r} is no cursor of this log: start again from an empty one.") from error
    text = str(output.get("logs") or "").encode()
    if output.get("logs_truncated"):
        text = b"[engineshed: only the last 5 MB of the output are kept]\n" + text
    piece = whole_characters(text[at : at + CHUNK_BYTES]) if len(text) - at > CHUNK_BYTES else text[at:]
    return LogChunk(piece.decode("utf-8", errors="replace"), f"{_OF_OUTPUT}{at + len(piece)}" if piece else cursor)


def detail_of(output: dict[str, Any], lines: int) -> str:
    """The last lines of what the run says of its failure."""
    said = "\n".join(str(output[name]) for name in ("error_trace", "error", "logs") if output.get(name))
    trace = str(output.get("error_trace") or "").strip() or said
    error = str(output.get("error") or "").strip()
    text = trace if not error or error in trace else f"{trace}\n{error}"
    return "\n".join(text.splitlines()[-lines:])
