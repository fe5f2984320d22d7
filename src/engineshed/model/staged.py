"""Content-addressed artefacts at immutable URIs: two versions of a script never meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Artefact:
    """One file at an immutable URI. `sha256` is of its bytes; `name` is its name as the job knows it."""

    name: str
    sha256: str
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedEnvironment:
    """The Python packages that drivers of another platform need, packed in CI or an image, never at run time.

    python: the minor version that the wheels are for, `3.11`. architecture: `x86_64` or `aarch64`.
    lock_sha256: hex digest of the lock that they were taken from.
    """

    python: str
    architecture: str
    lock_sha256: str
    wheels: tuple[Artefact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """All that a driver needs, staged.

    root: URI of the folder that holds script and modules side by side (its name is `digest`).
    script: the artefact to run, below `root`. modules: what lies beside it. driver: engineshed_driver.py.
    digest: sha256 over all names and hashes; what a run reports as the version it ran.
    data: place of a job's data files -> addresses of what was uploaded for it; empty where they are read in place.
    relay: engineshed_relay.py, for platforms whose images are not ours.
    environment: the wheels that the location packed for this engine; None where it packed none.
    """

    root: str
    digest: str
    script: Artefact
    driver: Artefact
    modules: tuple[Artefact, ...] = ()
    data: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    relay: Artefact | None = None
    environment: PackedEnvironment | None = None
