"""Named jobs: their settings, who may do what with them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engineshed.testing.databricks.refusals import invalid

_MERGED = {"tasks": "task_key", "job_clusters": "job_cluster_key", "environments": "environment_key"}
"""Arrays of which `update` replaces single elements, by what names them."""

_DEFAULTS = {"format": "MULTI_TASK", "max_concurrent_runs": 1, "timeout_seconds": 0}


@dataclass(slots=True)
class Job:
    """One. changes: how often it was created, reset or updated."""

    job_id: int
    settings: dict[str, Any]
    created_at: datetime
    creator: str
    access: list[dict[str, Any]] = field(default_factory=list)
    changes: int = 1
    token: str = ""


class JobsBook:
    """All jobs of the workspace."""

    def __init__(self) -> None:
        self._ids = itertools.count(420_000_000_000_001)
        self.jobs: dict[int, Job] = {}

    def create(self, settings: Mapping[str, Any], now: datetime, creator: str) -> Job:
        """A new one; jobs may have the same name."""
        job = Job(next(self._ids), {**_DEFAULTS, **settings}, now, creator)
        job.access = [
            {"user_name": creator, "permission_level": "IS_OWNER"},
            *job.settings.pop("access_control_list", ()),
        ]
        self.jobs[job.job_id] = job
        return job

    def find(self, job_id: int) -> Job:
        """Raises Refusal."""
        if job_id not in self.jobs:
            raise invalid(f"Job {job_id} does not exist.")
        return self.jobs[job_id]

    def reset(self, job: Job, settings: Mapping[str, Any]) -> None:
        """Other settings instead."""
        job.settings = {**_DEFAULTS, **settings}
        job.changes += 1

    def update(self, job: Job, settings: Mapping[str, Any], removed: Sequence[str]) -> None:
        """Some settings instead; of arrays, the elements that are named."""
        kept = {name: value for name, value in job.settings.items() if name not in removed}
        for name, value in settings.items():
            kept[name] = _merged(kept.get(name) or [], value, _MERGED[name]) if name in _MERGED else value
        job.settings = kept
        job.changes += 1


def _merged(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]], key: str) -> list[Any]:
    by_key = {element[key]: element for element in (*old, *new)}
    return list(by_key.values())
