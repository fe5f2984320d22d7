"""Jobs API, runs: submit, get, list, output, cancel, delete, repair. Versions 2.0, 2.1 and 2.2."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engineshed.testing.databricks import shapes, verdicts
from engineshed.testing.databricks.api.paging import page
from engineshed.testing.databricks.platform import USER, Platform
from engineshed.testing.databricks.records import JobRun
from engineshed.testing.databricks.refusals import Refusal, invalid
from engineshed.testing.databricks.routing import Call, Given, Route
from engineshed.testing.databricks.run_answers import ms, output_answer, repairs, run_answer
from engineshed.testing.databricks.submissions import check_submission

MAX_TOKEN = 64
OUTPUT_BYTES = 5 * 1024 * 1024

_API = shapes.jobs.JobsAPI


class RunsApi:
    """Handlers of `jobs/runs/...`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> Iterable[Route]:
        """All of them."""
        at, jobs = r"/api/2\.[012]/jobs/runs/", shapes.jobs
        yield Route("POST", at + "submit", self.submit, _API.submit, jobs.SubmitRunResponse)
        yield Route("GET", at + "get", self.get, _API.get_run, jobs.Run)
        yield Route("GET", at + "list", self.list, _API.list_runs, jobs.ListRunsResponse)
        yield Route("GET", at + "get-output", self.output, _API.get_run_output, jobs.RunOutput)
        yield Route("POST", at + "cancel", self.cancel, _API.cancel_run)
        yield Route("POST", at + "cancel-all", self.cancel_all, _API.cancel_all_runs)
        yield Route("POST", at + "delete", self.delete, _API.delete_run)
        yield Route("POST", at + "repair", self.repair, _API.repair_run, jobs.RepairRunResponse)

    def submit(self, call: Call, given: Given) -> Mapping[str, Any]:
        """A one-time run; with a token that is known, the run that it made."""
        token = known_token(given)
        known = self._platform.runs.of_token(token) if token else None
        if known is None:
            check_submission(self._platform, given)
            runs = self._platform.runs
            run = JobRun(
                run_id=runs.next_id(),
                job_id=runs.next_id(),
                kind="SUBMIT_RUN",
                name=given.get("run_name") or "Untitled",
                settings={k: v for k, v in given.items() if k != "idempotency_token"},
                submitted_at=self._platform.agenda.now,
                creator=USER,
                idempotency_token=token,
            )
            self._platform.admit(run)
            known = run
        return {"run_id": known.run_id}

    def get(self, call: Call, given: Given) -> Mapping[str, Any]:
        """One run; version 2.2 pages its tasks."""
        platform = self._platform
        run = self._of_any(given["run_id"])
        said = run_answer(run, platform.url, tasks=True)
        if given.get("include_history") and run.repairs:
            said["repair_history"] = repairs(run)
        if call.path.startswith("/api/2.2"):
            said["tasks"], token = page(said["tasks"], platform.limits.tasks, given.get("page_token"))
            said.update({"next_page_token": token} if token else {})
        return said

    def _of_any(self, run_id: int) -> JobRun:
        """The run of that id, or the run that the task of that id belongs to."""
        for run in self._platform.runs.runs.values():
            if any(task.run_id == run_id for task in run.attempts):
                return run
        return self._platform.runs.find(run_id)

    def list(self, call: Call, given: Given) -> Mapping[str, Any]:
        """Newest first, filtered."""
        limit = given.get("limit", 20)
        if not 0 < limit <= 25:
            raise invalid("limit must be between 1 and 25.")
        if given.get("active_only") and given.get("completed_only"):
            raise invalid("Only one of active_only and completed_only can be true.")
        runs = [run for run in self._platform.runs.visible() if _matches(run, given)]
        runs.sort(key=lambda run: (run.submitted_at, run.run_id), reverse=True)
        size = min(limit, self._platform.limits.runs)
        if "offset" in given:
            runs = runs[given["offset"] :]
        shown, token = page(runs, size, given.get("page_token"))
        tasks = bool(given.get("expand_tasks"))
        said: dict[str, Any] = {"has_more": bool(token)}
        said["runs"] = [_base(run_answer(run, self._platform.url, tasks=tasks)) for run in shown]
        return {**said, **({"next_page_token": token} if token else {})}

    def output(self, call: Call, given: Given) -> Mapping[str, Any]:
        """A task's log and exception."""
        task = self._platform.runs.find_task(given["run_id"])
        return output_answer(task, self._platform.url, self._platform.driver.logs(task), OUTPUT_BYTES)

    def cancel(self, call: Call, given: Given) -> Mapping[str, Any]:
        """Asynchronous; no error for a run that is over."""
        self._platform.runs.end(self._of_any(given["run_id"]))
        return {}

    def cancel_all(self, call: Call, given: Given) -> Mapping[str, Any]:
        """Of a job, or everything that is queued."""
        if "job_id" not in given and not given.get("all_queued_runs"):
            raise invalid("Either job_id or all_queued_runs must be set.")
        for run in list(self._platform.runs.visible()):
            of_job = given.get("job_id") in (None, run.job_id)
            if of_job and (run.queued or not given.get("all_queued_runs")):
                self._platform.runs.end(run)
        return {}

    def delete(self, call: Call, given: Given) -> Mapping[str, Any]:
        """Only a run that is over."""
        run = self._platform.runs.find(given["run_id"])
        if not run.over:
            raise Refusal(
                400, "INVALID_STATE", f"Cannot delete an active run. Run {run.run_id} must be cancelled first."
            )
        self._platform.runs.forget(run)
        return {}

    def repair(self, call: Call, given: Given) -> Mapping[str, Any]:
        """Run failed or named tasks anew."""
        run = self._platform.runs.find(given["run_id"])
        if not run.over:
            raise Refusal(400, "INVALID_STATE", f"Run {run.run_id} cannot be repaired while it is active.")
        _check_latest(run, given.get("latest_repair_id"))
        bad = [t.key for t in run.tasks if t.ending is not None and not t.ending.good]
        keys = bad if given.get("rerun_all_failed_tasks") else list(given.get("rerun_tasks") or ())
        unknown = set(keys) - {task.key for task in run.tasks}
        if unknown or not keys:
            raise invalid(f"No tasks to repair: {', '.join(sorted(unknown)) or 'rerun_tasks is empty'}.")
        overriding = {k: v for k, v in given.items() if k.endswith("_params")}
        return {"repair_id": self._platform.runs.repair(run, keys, overriding)}


def known_token(given: Given) -> str:
    """The idempotency token; Refusal when it is too long."""
    token = str(given.get("idempotency_token") or "")
    if len(token) > MAX_TOKEN:
        raise invalid(f"The idempotency token must have at most {MAX_TOKEN} characters, not {len(token)}.")
    return token


def _check_latest(run: JobRun, latest: int | None) -> None:
    made = [item["id"] for item in run.repairs if item["type"] == "REPAIR"]
    if made and latest != made[-1]:
        raise invalid(f"latest_repair_id must be {made[-1]}, the latest repair of run {run.run_id}.")


def _matches(run: JobRun, given: Given) -> bool:
    start = ms(run.submitted_at)
    return (
        given.get("job_id") in (None, run.job_id)
        and given.get("run_type") in (None, run.kind)
        and not (given.get("active_only") and verdicts.state(run) == "TERMINATED")
        and not (given.get("completed_only") and verdicts.state(run) != "TERMINATED")
        and start >= given.get("start_time_from", 0)
        and start <= given.get("start_time_to", start)
    )


def _base(said: dict[str, Any]) -> dict[str, Any]:
    """A listed run has no `next_page_token` and no history."""
    return {k: v for k, v in said.items() if k not in ("iterations", "repair_history")}
