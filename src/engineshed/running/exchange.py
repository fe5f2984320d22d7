"""Gives drivers of other machines what they cannot read here: a job's code, data files and Python packages.

All lies by content below the month that it is staged in (`staged/2026-03/..`, `data/2026-03/<sha256>/<name>`), so that
whatever launches it again uploads nothing, and what nobody needs is collected by whole months. It refuses a place
without files, a file that changes while it is uploaded, and a wheel that is not what was packed.
"""

from __future__ import annotations

import glob
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path

from engineshed.model.errors import JobInvalid
from engineshed.model.job import SparkJob
from engineshed.model.month import month_of
from engineshed.model.staged import Artefact, PackedEnvironment, Staged
from engineshed.ports.clock import Clock
from engineshed.ports.store import ObjectStore
from engineshed.running.packed import Packed, refuse_changed, sha256_of, wheel_files
from engineshed.running.staging import Staging

_AT_ONCE = 4
_MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """How far the data files of a job are. Bytes that the exchange had already count as done."""

    files: int
    files_done: int
    size_bytes: int
    done_bytes: int

    def __str__(self) -> str:
        sizes = f"{self.done_bytes / _MIB:.0f} of {self.size_bytes / _MIB:.0f} MiB"
        return f"{self.files_done} of {self.files} files, {sizes}"


class Exchange:
    """Stages jobs into one object store. `driver` is the file engineshed_driver.py.

    tell_s: how often, in seconds, a caller hears of an upload.
    """

    def __init__(self, store: ObjectStore, driver: Path, clock: Clock, *, tell_s: float = 1.0) -> None:
        self._store, self._driver, self._clock, self._tell_s = store, driver, clock, tell_s

    @property
    def store(self) -> ObjectStore:
        """Where all of it lies."""
        return self._store

    def stage(self, job: SparkJob, tell: Callable[[Moved], None], packed: Packed | None = None) -> Staged:
        """Code, data files and packages at immutable addresses; uploads only what is not there.

        tell: called in this thread while files are on their way; what it raises ends the upload. Raises JobInvalid,
        SettingInvalid naming the file or wheel that is missing or was changed.
        """
        month = month_of(self._clock.now())
        staged = Staging(self._store, self._driver, f"staged/{month}").stage(job)
        places = {place: _files_at(job, place) for place in job.data}
        data = [file for files in places.values() for file in files]
        wheels = wheel_files(packed) if packed else {}
        folders = {**dict.fromkeys(data, f"data/{month}"), **dict.fromkeys(wheels, f"staged/{month}/wheels")}
        addresses = _Upload(job, self._store, folders, wheels).run(tell, self._tell_s)
        return replace(
            staged,
            data={place: tuple(addresses[file] for file in files) for place, files in places.items()},
            environment=_environment(packed, addresses) if packed else None,
        )

    def files(self, root: str) -> Iterator[tuple[str, bytes]]:
        """The code that was staged at that address, by name."""
        prefix = f"{root.removeprefix(self._store.root).strip('/')}/"
        for found in self._store.list(prefix):
            yield found.key.removeprefix(prefix), self._store.get(found.key)


def _environment(packed: Packed, addresses: Mapping[Path, str]) -> PackedEnvironment:
    return PackedEnvironment(
        python=packed.python,
        architecture=packed.architecture,
        lock_sha256=packed.lock_sha256,
        wheels=tuple(
            Artefact(name=file.name, sha256=sha256, uri=addresses[file]) for file, sha256 in wheel_files(packed).items()
        ),
    )


class _Upload:
    """Files of one job, several at a time.

    folders: file -> the folder of the store that it goes to. wheels: those that must have a certain hash.
    """

    def __init__(
        self, job: SparkJob, store: ObjectStore, folders: Mapping[Path, str], wheels: Mapping[Path, str]
    ) -> None:
        self._job, self._store, self._folders, self._wheels = job, store, folders, wheels
        self._sizes = {file: file.stat().st_size for file in folders}
        self._lock = threading.Lock()
        self._done_bytes = 0
        self._ended = False

    def run(self, tell: Callable[[Moved], None], every_s: float) -> dict[Path, str]:
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="upload")
        try:
            futures = {file: pool.submit(self._put, file) for file in self._sizes}
            while True:
                done, waiting = wait(futures.values(), timeout=every_s, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
                if not waiting:
                    return {file: future.result() for file, future in futures.items()}
                tell(self._moved(futures))
        finally:
            self._ended = True
            pool.shutdown(wait=False, cancel_futures=True)

    def _moved(self, futures: dict[Path, Future[str]]) -> Moved:
        done = sum(future.done() for future in futures.values())
        total = sum(self._sizes.values())
        return Moved(files=len(futures), files_done=done, size_bytes=total, done_bytes=self._done_bytes)

    def _put(self, file: Path) -> str:
        before = file.stat()
        sha256 = sha256_of(file, self._go_on)
        refuse_changed(file, self._wheels.get(file, sha256), sha256)
        key = f"{self._folders[file]}/{sha256}/{file.name}"
        there = any(found.key == key for found in self._store.list(key))
        if there:
            self._count(before.st_size)
        else:
            self._store.put_file(key, file, self._count)
        after = file.stat()
        if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
            if not there:
                self._store.delete(key)
            raise JobInvalid(f"job {self._job.name!r}: {file} was changed while it was uploaded: launch it again.")
        return self._store.uri(key)

    def _count(self, size_bytes: int) -> None:
        self._go_on()
        with self._lock:
            self._done_bytes += size_bytes

    def _go_on(self) -> None:
        if self._ended:
            raise InterruptedError("the upload was ended")


def _files_at(job: SparkJob, place: str) -> list[Path]:
    matches = sorted(glob.glob(place, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute patterns
    found = [path for path in map(Path, matches) if path.is_file()]
    if not found:
        raise JobInvalid(f"job {job.name!r}: no data file matches {place}: correct the place or put the files there.")
    return found
