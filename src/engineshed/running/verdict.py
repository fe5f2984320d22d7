"""Whether a run that the platform calls finished was good. Pure.

| platform | driver | tables | verdict |
|---|---|---|---|
| succeeded | closed without exception | none asked, or sealed | good |
| succeeded | closed with an exception | - | failed: user code |
| succeeded | never closed | sealed in the store | good, with a warning: the channel broke, the data is whole |
| succeeded | never closed | none asked, or not sealed | failed: user code |
| failed, `timeout` | - | - | failed: the time limit, whatever the driver said when it was ended |
| failed, `quota_exceeded` or `pod_refused` | - | - | failed: what the platform says, with the driver's traceback |
| any | closed with an exception that says a disk is full | - | failed: platform, another machine may have room |
| failed | closed with an exception | - | failed: user code, the driver's traceback |
| failed | closed with `Terminated` | - | failed: what the platform says: it was ended from outside |
| failed | - | - | failed: what the platform says |
| cancelled | - | - | cancelled |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engineshed.model.failure import Failure, FailureClass
from engineshed.model.status import State, Status
from engineshed.running.transcript import Transcript

TIMEOUT = "timeout"
"""The reason of a failure by the job's own time limit, in the words of every engine."""

_REFUSED = frozenset({"quota_exceeded", "pod_refused"})
"""The cluster refused what the session runs on: the script only hears that its session is gone."""

_DISK_FULL = ("No space left on device", "Disk quota exceeded")
"""ENOSPC and EDQUOT in the words of strerror(3), which Python, the JVM and Rust all pass on."""

_TERMINATED = "Terminated"
"""The exception that the driver's side raises on SIGTERM."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`failure` is None for a good run; `cancelled` runs have a failure of class CANCELLED."""

    failure: Failure | None = None
    warning: str = ""

    @property
    def good(self) -> bool:
        """True when the run's result is taken."""
        return self.failure is None


def judge(status: Status, transcript: Transcript, tables: Sequence[str], *, sealed_in_store: bool) -> Verdict:
    """The verdict over a final status. `sealed_in_store`: the attempt's seal was found beside its data."""
    if status.state is State.CANCELLED:
        return _failed(FailureClass.CANCELLED, "cancelled", "the run was cancelled on its platform")
    if status.failure is not None and status.failure.reason in {TIMEOUT, *_REFUSED}:
        return Verdict(replace(status.failure, detail=transcript.exception_text or status.failure.detail))
    if transcript.exception is not None and not _ended_from_outside(status, transcript.exception):
        name = transcript.exception.get("name") or "exception"
        message = f"the driver ended with {name}: {transcript.exception.get('message') or ''}".strip()
        if any(words in said for said in transcript.exception_messages for words in _DISK_FULL):
            message += " Make room on the machine's disk, or ask for more (`resources.disk_gib`)."
            return _failed(FailureClass.PLATFORM, "disk_full", message, transcript.exception_text)
        return _failed(FailureClass.USER_CODE, "driver_exception", message, transcript.exception_text)
    if status.state is State.FAILED:
        known = status.failure
        return Verdict(known or Failure(FailureClass.PLATFORM, "unknown", f"the platform says {status.native}"))
    if transcript.closed:
        if tables and not (transcript.sealed or sealed_in_store):
            return _failed(
                FailureClass.USER_CODE,
                "not_sealed",
                f"the driver ended well but wrote no complete set of the tables {', '.join(tables)}. "
                "Write each with job.write inside `with engineshed_driver.open_job(...)`.",
            )
        return Verdict()
    if tables and sealed_in_store:
        return Verdict(warning="the message channel broke before `closed`; platform and data say success")
    if not transcript.opened:
        return _failed(
            FailureClass.USER_CODE,
            "never_opened",
            "the script ended with success but never opened Pipes. Open it with "
            "`engineshed_driver.open_job()` or `dagster_pipes.open_dagster_pipes()`.",
        )
    return _failed(
        FailureClass.USER_CODE,
        "never_closed",
        "the script ended with success but Pipes was never closed, so messages may be missing. "
        "Use `open_dagster_pipes` or `open_job` as a context manager.",
    )


def _ended_from_outside(status: Status, exception: Mapping[str, Any]) -> bool:
    """SIGTERM is no fault of the script: a pod or machine that goes down may be tried again elsewhere."""
    return status.state is State.FAILED and status.failure is not None and exception.get("name") == _TERMINATED


def _failed(failure_class: FailureClass, reason: str, message: str, detail: str = "") -> Verdict:
    return Verdict(Failure(failure_class, reason, message, detail))
