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
class Staged:
    """All that a driver needs, staged.

    root: URI of the folder that holds script and modules side by side (its name is `digest`).
    script: the artefact to run, below `root`. modules: what lies beside it. driver: engineshed_driver.py.
    digest: sha256 over all names and hashes; what a run reports as the version it ran.
    data: place of a job's data files -> addresses of what was uploaded for it; empty where they are read in place.
    """

    root: str
    digest: str
    script: Artefact
    driver: Artefact
    modules: tuple[Artefact, ...] = ()
    data: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
