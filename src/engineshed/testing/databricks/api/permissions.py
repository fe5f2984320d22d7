"""Permissions API, for jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engineshed.testing.databricks import shapes
from engineshed.testing.databricks.jobs_book import Job
from engineshed.testing.databricks.platform import Platform
from engineshed.testing.databricks.refusals import invalid
from engineshed.testing.databricks.routing import Call, Given, Route

_LEVELS = {
    "CAN_VIEW": "Can view",
    "CAN_MANAGE_RUN": "Can manage runs",
    "IS_OWNER": "Is owner",
    "CAN_MANAGE": "Can manage",
}
_WHO = ("user_name", "group_name", "service_principal_name")
_ADMINS = {
    "group_name": "admins",
    "all_permissions": [{"permission_level": "CAN_MANAGE", "inherited": True, "inherited_from_object": ["/jobs/"]}],
}


class PermissionsApi:
    """Handlers of `permissions/jobs/...`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> Iterable[Route]:
        """All of them. The SDK has one class for each service and a general one; their paths are the same."""
        at, api, shape = r"/api/2\.0/permissions/jobs/(\d+)", shapes.jobs.JobsAPI, shapes.jobs.JobPermissions
        levels = shapes.jobs.GetJobPermissionLevelsResponse
        yield Route("GET", at + "/permissionLevels", self.levels, None, levels)
        yield Route("GET", at, self.get, None, shape)
        yield Route("PUT", at, self.set, api.set_permissions, shape, of_path=("job_id",))
        yield Route("PATCH", at, self.update, api.update_permissions, shape, of_path=("job_id",))

    def levels(self, call: Call, given: Given) -> Mapping[str, Any]:
        """All levels."""
        return {"permission_levels": [{"permission_level": k, "description": v} for k, v in _LEVELS.items()]}

    def get(self, call: Call, given: Given) -> Mapping[str, Any]:
        """Who may do what."""
        return _answer(self._job(call))

    def set(self, call: Call, given: Given) -> Mapping[str, Any]:
        """All anew; a job keeps an owner."""
        job, access = self._job(call), given.get("access_control_list") or []
        if not any(entry.get("permission_level") == "IS_OWNER" for entry in access):
            raise invalid("The job must have exactly one owner.")
        job.access = _checked(access)
        return _answer(job)

    def update(self, call: Call, given: Given) -> Mapping[str, Any]:
        """Some more."""
        job, access = self._job(call), _checked(given.get("access_control_list") or [])
        named = {_who(entry) for entry in access}
        job.access = [entry for entry in job.access if _who(entry) not in named] + access
        return _answer(job)

    def _job(self, call: Call) -> Job:
        return self._platform.book.find(int(call.parts[0]))


def _checked(access: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    for entry in access:
        if sum(bool(entry.get(name)) for name in _WHO) != 1:
            raise invalid(f"Each entry of access_control_list names one of {', '.join(_WHO)}.")
    return list(access)


def _who(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(entry.get(name, "")) for name in _WHO)


def _answer(job: Job) -> dict[str, Any]:
    entries = [
        {
            **{name: entry[name] for name in _WHO if entry.get(name)},
            "all_permissions": [{"permission_level": entry["permission_level"], "inherited": False}],
        }
        for entry in job.access
    ]
    return {"object_id": f"/jobs/{job.job_id}", "object_type": "job", "access_control_list": [*entries, _ADMINS]}
