"""Named jobs: one definition of each, however many deploy it at once, and runs that are of that very definition.

The workspace lets any number of jobs have one name, and has no token for creating one. So who creates a job looks
again: of several that carry our tag the oldest stays, and everybody deletes the others that are idle. A definition that
differs from what is wanted, by the hash in its tag, is reset. A run that was started while somebody reset the job may
be of either definition; it is cancelled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engineshed.engines.databricks.names import DEFINITION_TAG, token_of
from engineshed.model.errors import PlatformBusy, SubmitRejected
from engineshed.model.failure import FailureClass
from engineshed.model.launch import Token
from engineshed.workspace import Missing, Workspace

JSON = Mapping[str, Any]

_OWNER = "IS_OWNER"
_PRINCIPALS = ("user_name", "group_name", "service_principal_name")


def run_of(workspace: Workspace, token: Token, body: JSON) -> int:
    """The id of the run of the token, started if there is none. Raises PlatformBusy, SubmitRejected."""
    job_id = _deployed(workspace, token, body)
    if isinstance(job_id, _Running):
        return job_id.run_id
    try:
        run_id = int(workspace.post("/api/2.2/jobs/run-now", {"job_id": job_id, **body["run_now"]})["run_id"])
        definition = _definition(workspace.get("/api/2.2/jobs/get", job_id=job_id))
    except Missing as error:
        raise PlatformBusy(f"job {job_id} was deleted for another of its name: repeat the call ({error}).") from error
    if definition != body["job"]["tags"][DEFINITION_TAG]:
        workspace.post("/api/2.2/jobs/runs/cancel", {"run_id": run_id})
        raise SubmitRejected(
            f"job {body['job']['name']!r} was deployed anew while run {run_id} was started, so that nobody knows which "
            "version it would have run: it was cancelled.",
            FailureClass.PLATFORM,
        )
    return run_id


class _Running:
    """A run that is there already, of an older definition."""

    def __init__(self, run_id: int) -> None:
        self.run_id = run_id


def _deployed(workspace: Workspace, token: Token, body: JSON) -> int | _Running:
    wanted, definition = body["job"], body["job"]["tags"][DEFINITION_TAG]
    jobs = list(_jobs(workspace, wanted["name"]))
    if not jobs:
        created = {**wanted, **({"access_control_list": body["permissions"]} if body["permissions"] else {})}
        workspace.post("/api/2.2/jobs/create", created)
        jobs = list(_jobs(workspace, wanted["name"]))
        if not jobs:
            raise PlatformBusy(f"job {wanted['name']!r} was created and is not listed yet: repeat the call.")
    kept, *others = sorted(jobs, key=lambda job: (int(job.get("created_time") or 0), int(job["job_id"])))
    for other in others:
        _drop(workspace, int(other["job_id"]))
    job_id = int(kept["job_id"])
    if _definition(kept) != definition:
        running = _run(workspace, job_id, token)
        if running is not None:
            return _Running(running)
        workspace.post("/api/2.2/jobs/reset", {"job_id": job_id, "new_settings": wanted})
        if body["permissions"]:
            _grant(workspace, job_id, body["permissions"])
    return job_id


def _grant(workspace: Workspace, job_id: int, permissions: Sequence[JSON]) -> None:
    """These and no others; the owner stays where none is named, since a job has exactly one."""
    path = f"/api/2.0/permissions/jobs/{job_id}"
    wanted = [dict(one) for one in permissions]
    if not any(one["permission_level"] == _OWNER for one in wanted):
        wanted += _owner(workspace.get(path).get("access_control_list") or ())
    workspace.put(path, {"access_control_list": wanted})


def _owner(granted: Sequence[JSON]) -> Iterator[dict[str, Any]]:
    for one in granted:
        if any(level.get("permission_level") == _OWNER for level in one.get("all_permissions") or ()):
            names = {name: one[name] for name in _PRINCIPALS if one.get(name)}
            yield {**names, "permission_level": _OWNER}


def _jobs(workspace: Workspace, name: str) -> Iterator[JSON]:
    """Those of that name that carry our tag; what people named so is not ours."""
    for job in workspace.items("/api/2.2/jobs/list", "jobs", name=name, limit=25):
        if _definition(job):
            yield job


def _definition(job: JSON) -> str:
    return str(((job.get("settings") or {}).get("tags") or {}).get(DEFINITION_TAG) or "")


def _run(workspace: Workspace, job_id: int, token: Token) -> int | None:
    for run in workspace.items("/api/2.2/jobs/runs/list", "runs", job_id=job_id, limit=25):
        if token_of(run) == token:
            return int(run["run_id"])
    return None


def _drop(workspace: Workspace, job_id: int) -> None:
    """Delete a job that nothing runs of."""
    active = workspace.get("/api/2.2/jobs/runs/list", job_id=job_id, active_only=True, limit=1)
    if active.get("runs"):
        return
    try:
        workspace.post("/api/2.2/jobs/delete", {"job_id": job_id})
    except Missing:
        return
