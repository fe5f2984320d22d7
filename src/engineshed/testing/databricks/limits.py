"""How much the workspace takes and tells at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The vendor's own limits; smaller ones make a test turn pages, or wait.

    runs, tasks, jobs, clusters, events, entries: the most that a page of that list holds. active_tasks: of the
    workspace, before runs queue or are refused. dbfs: whether there is a DBFS root; new accounts have none.
    """

    runs: int = 25
    tasks: int = 100
    jobs: int = 100
    clusters: int = 100
    events: int = 500
    entries: int = 1000
    active_tasks: int = 2000
    dbfs: bool = True
