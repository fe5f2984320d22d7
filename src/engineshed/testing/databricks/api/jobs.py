"""Jobs API, named jobs: create, reset, update, get, list, delete, run now."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from engineshed.testing.databricks import shapes
from engineshed.testing.databricks.api.paging import page
from engineshed.testing.databricks.api.runs import known_token
from engineshed.testing.databricks.jobs_book import Job
from engineshed.testing.databricks.platform import USER, Platform
from engineshed.testing.databricks.records import JobRun
from engineshed.testing.databricks.refusals import invalid
from engineshed.testing.databricks.routing import Call, Given, Route
from engineshed.testing.databricks.run_answers import ms
from engineshed.testing.databricks.submissions import check_submission

PARAMETERS_BYTES = 10_000

_API = shapes.jobs.JobsAPI
_OVERRIDING = ("python_params", "python_named_params", "jar_params", "notebook_params", "job_parameters")


class JobsApi:
    """Handlers of `jobs/...`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> Iterable[Route]:
        """All of them."""
        at, jobs = r"/api/2\.[012]/jobs/", shapes.jobs
        yield Route("POST", at + "create", self.create, _API.create, jobs.CreateResponse)
        yield Route("POST", at + "reset", self.reset, _API.reset)
        yield Route("POST", at + "update", self.update, _API.update)
        yield Route("GET", at + "get", self.get, _API.get, jobs.Job)
        yield Route("GET", at + "list", self.list, _API.list, jobs.ListJobsResponse)
        yield Route("POST", at + "delete", self.delete, _API.delete)
        yield Route("POST", at + "run-now", self.run_now, _API.run_now, jobs.RunNowResponse)

    def create(self, call: Call, given: Given) -> Mapping[str, Any]:
        """A new job."""
        check_submission(self._platform, given)
        return {"job_id": self._platform.book.create(given, self._platform.agenda.now, USER).job_id}

    def reset(self, call: Call, given: Given) -> Mapping[str, Any]:
        """All settings anew."""
        job = self._platform.book.find(given["job_id"])
        check_submission(self._platform, given["new_settings"])
        self._platform.book.reset(job, given["new_settings"])
        return {}

    def update(self, call: Call, given: Given) -> Mapping[str, Any]:
        """Some settings anew."""
        job = self._platform.book.find(given["job_id"])
        self._platform.book.update(job, given.get("new_settings") or {}, given.get("fields_to_remove") or ())
        check_submission(self._platform, job.settings)
        return {}

    def get(self, call: Call, given: Given) -> Mapping[str, Any]:
        """One."""
        job = self._platform.book.find(given["job_id"])
        said = {**_answer(job), "run_as_user_name": USER}
        shown, token = page(job.settings["tasks"], self._platform.limits.tasks, given.get("page_token"))
        said["settings"] = {**job.settings, "tasks": shown}
        return {**said, **({"next_page_token": token} if token else {})}

    def list(self, call: Call, given: Given) -> Mapping[str, Any]:
        """Newest first; by name without regard to case."""
        limit = given.get("limit", 20)
        if not 0 < limit <= 100:
            raise invalid("limit must be between 1 and 100.")
        wanted = given.get("name", "").lower()
        jobs = [
            j for j in self._platform.book.jobs.values() if not wanted or j.settings.get("name", "").lower() == wanted
        ]
        jobs.sort(key=lambda job: job.job_id, reverse=True)
        shown, token = page(
            jobs[given.get("offset", 0) :], min(limit, self._platform.limits.jobs), given.get("page_token")
        )
        said: dict[str, Any] = {
            "has_more": bool(token),
            "jobs": [_answer(j, given.get("expand_tasks", False)) for j in shown],
        }
        return {**said, **({"next_page_token": token} if token else {})}

    def delete(self, call: Call, given: Given) -> Mapping[str, Any]:
        """Gone; its runs that live are cancelled."""
        job = self._platform.book.find(given["job_id"])
        del self._platform.book.jobs[job.job_id]
        for run in self._platform.runs.visible():
            if run.job_id == job.job_id:
                self._platform.runs.end(run)
        return {}

    def run_now(self, call: Call, given: Given) -> Mapping[str, Any]:
        """A run of a job; with a token that is known, the run that it made."""
        token, runs = known_token(given), self._platform.runs
        known = runs.of_token(token) if token else None
        if known is None:
            job = self._platform.book.find(given["job_id"])
            overriding = {name: given[name] for name in _OVERRIDING if given.get(name)}
            if len(json.dumps(overriding)) > PARAMETERS_BYTES:
                raise invalid(f"The parameters of a run cannot exceed {PARAMETERS_BYTES} bytes as JSON.")
            known = JobRun(
                run_id=runs.next_id(),
                job_id=job.job_id,
                kind="JOB_RUN",
                name=job.settings.get("name") or "Untitled",
                settings=_settings(job, given),
                submitted_at=self._platform.agenda.now,
                creator=USER,
                idempotency_token=token,
                overriding=overriding,
            )
            self._platform.admit(known)
        return {"run_id": known.run_id, "number_in_job": known.run_id}


def _settings(job: Job, given: Given) -> dict[str, Any]:
    settings = {**job.settings, **({"queue": given["queue"]} if given.get("queue") else {})}
    only = given.get("only")
    if only:
        chosen = [task for task in settings["tasks"] if task["task_key"] in only]
        if not chosen:
            raise invalid(f"None of the tasks {', '.join(only)} is in job {job.job_id}.")
        needs = [{**t, "depends_on": [n for n in t.get("depends_on") or () if n["task_key"] in only]} for t in chosen]
        settings["tasks"] = needs
    return settings


def _answer(job: Job, tasks: bool = False) -> dict[str, Any]:
    hidden = () if tasks else ("tasks", "job_clusters", "environments")
    settings = {name: value for name, value in job.settings.items() if name not in hidden}
    said = {"job_id": job.job_id, "created_time": ms(job.created_at), "creator_user_name": job.creator}
    return {**said, "settings": settings}
