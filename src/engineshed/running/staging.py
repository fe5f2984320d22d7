"""Puts scripts, modules and the driver at content-addressed places, once.

A folder's name is the hash of all it holds, so concurrent runs of different versions never meet and a recorded run
can be repeated from its staged code. Nothing is built here: what a job needs beyond plain files comes with the image.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from engineshed.model.errors import JobInvalid
from engineshed.model.job import SparkJob
from engineshed.model.staged import Artefact, Staged
from engineshed.ports.store import ObjectStore

RELAY = "engineshed_relay.py"
"""Lies beside the driver."""

_PASSED_OVER = frozenset({"__pycache__", ".DS_Store", ".git", ".mypy_cache", ".ruff_cache", ".pytest_cache"})


class Staging:
    """Stages jobs into one store, below `folder`. `driver` is the file engineshed_driver.py."""

    def __init__(self, store: ObjectStore, driver: Path, folder: str = "staged") -> None:
        self._store, self._driver, self._folder = store, driver, folder

    def stage(self, job: SparkJob) -> Staged:
        """All files of the job at immutable URIs; uploads only what is not there.

        Raises JobInvalid naming the file that is missing.
        """
        script = Path(job.script)
        files = dict(_files_of(job, script))
        digest = _digest(files)
        root = f"{self._folder}/{digest}"
        artefacts = {name: self._put(f"{root}/{name}", name, data) for name, data in sorted(files.items())}
        driver = self._put_own(self._driver)
        relay = self._driver.with_name(RELAY)
        return Staged(
            root=self._store.uri(root),
            digest=digest,
            script=artefacts[script.name],
            modules=tuple(a for name, a in artefacts.items() if name != script.name),
            driver=driver,
            relay=self._put_own(relay) if relay.is_file() else None,
        )

    def keep(self, digest: str, files: Iterable[tuple[str, bytes]]) -> str:
        """Hold what was staged elsewhere here too. Returns the URI of its folder."""
        for name, data in files:
            self._store.put_if_absent(f"{self._folder}/{digest}/{name}", data)
        return self._store.uri(f"{self._folder}/{digest}")

    def _put_own(self, file: Path) -> Artefact:
        data = file.read_bytes()
        return self._put(f"{self._folder}/driver/{hashlib.sha256(data).hexdigest()}/{file.name}", file.name, data)

    def _put(self, key: str, name: str, data: bytes) -> Artefact:
        self._store.put_if_absent(key, data)
        return Artefact(name=name, sha256=hashlib.sha256(data).hexdigest(), uri=self._store.uri(key))


def content_digest(job: SparkJob) -> str:
    """The hash of script and modules as they are now: the version of the job's code. Raises JobInvalid."""
    return _digest(dict(_files_of(job, Path(job.script))))


def _files_of(job: SparkJob, script: Path) -> Iterator[tuple[str, bytes]]:
    if not script.is_file():
        raise JobInvalid(f"job {job.name!r}: script {job.script} is not a file. Name the payload's Python file.")
    yield script.name, script.read_bytes()
    for module in job.modules:
        path = Path(module)
        if path.is_file():
            yield path.name, path.read_bytes()
        elif path.is_dir():
            for file in sorted(p for p in path.rglob("*") if p.is_file()):
                inner = file.relative_to(path)
                if not _PASSED_OVER.intersection(inner.parts):
                    yield f"{path.name}/{inner.as_posix()}", file.read_bytes()
        else:
            raise JobInvalid(f"job {job.name!r}: module {module} is neither a file nor a folder.")


def _digest(files: dict[str, bytes]) -> str:
    total = hashlib.sha256()
    for name, data in sorted(files.items()):
        total.update(f"{name}\0{hashlib.sha256(data).hexdigest()}\n".encode())
    return total.hexdigest()
