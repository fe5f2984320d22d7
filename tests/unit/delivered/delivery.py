"""A platform that delivers a growing stream as objects, and a source that reads them."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass, field

from engineshed.delivered import Part, rolled


@dataclass
class Delivery:
    """What was written of `stdout`, and what lies in the store of it."""

    written: bytes = b""
    active: bytes = b""
    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    undelivered: dict[str, bytes] = field(default_factory=dict)
    reads: int = 0
    bytes_read: int = 0
    _versions: int = 0
    _hours: int = 0
    _files: dict[str, int] = field(default_factory=dict)

    def write(self, data: bytes) -> None:
        self.written += data
        self.active += data

    def put(self, name: str, data: bytes, *, file: int = 0) -> None:
        """Another file under the same name is another version, though its content may be the same."""
        if name not in self.objects or self.objects[name][0] != data or self._files[name] != file:
            self._files[name] = file
            self._versions += 1
            self.objects[name] = (data, f"v{self._versions}")

    def push(self, how: str = "plain") -> None:
        """Deliver what is written now: the archives that are due, then the growing file."""
        self.push_archives()
        name = "stdout" if how == "plain" else "stdout.gz"
        if how == "plain":
            self.put(name, self.active, file=self._hours)
        elif how == "whole":
            self.put(
                name,
                gzip.compress(self.active, compresslevel=1 + self._versions % 9, mtime=self._versions),
                file=self._hours,
            )
        else:
            held, _ = self.objects.get(name, (b"", ""))
            already = len(gzip.decompress(held)) if held else 0
            if not self.active.startswith(gzip.decompress(held) if held else b""):
                held, already = b"", 0
            more = self.active[already:]
            self.put(name, held + gzip.compress(more) if more else held, file=self._hours)

    def push_archives(self) -> None:
        for name, data in self.undelivered.items():
            self.put(name, data)
        self.undelivered.clear()

    def roll(self, *, compressed: bool) -> None:
        self._hours += 1
        name = f"stdout--2024-03-{1 + self._hours // 24:02}--{self._hours % 24:02}-00"
        if compressed:
            self.undelivered[f"{name}.gz"] = gzip.compress(self.active)
        else:
            self.undelivered[name] = self.active
        self.active = b""

    def parts(self) -> Sequence[Part]:
        found = [Part(f"logs/{name}", len(data), version) for name, (data, version) in self.objects.items()]
        return rolled(found, "stdout")

    def read(self, part: Part, offset: int, most: int) -> bytes:
        data, version = self.objects.get(part.name.removeprefix("logs/"), (b"", ""))
        if version != part.version:
            return b""
        self.reads += 1
        self.bytes_read += len(data[offset : offset + most])
        return data[offset : offset + most]
