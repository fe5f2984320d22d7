"""What Job and driver pod say, in the words of the model. Pure.

| Job | state |
|---|---|
| Complete | SUCCEEDED |
| Failed, we were asked to cancel | CANCELLED |
| Failed | FAILED, see below |
| suspended | QUEUED: its attachments are not there yet, `submit` again completes it |
| no pod yet | STARTING |
| pod not scheduled | QUEUED |
| pod Pending otherwise | STARTING |
| pod Running, Unknown, or ended with the Job not yet | RUNNING |

A driver that cannot start is given up after `unschedulable_after_s` (at once where waiting cannot help): the engine
ends the Job, and its failure is one of these.

| waiting | class, reason |
|---|---|
| PodScheduled=False, Unschedulable | capacity, `unschedulable` |
| no pod, FailedCreate by quota | capacity, `quota_exceeded` |
| no pod, FailedCreate otherwise (Pod Security, LimitRange, account) | configuration, `pod_refused` |
| ErrImagePull, ImagePullBackOff | configuration, `image_pull` |
| InvalidImageName, ErrImageNeverPull | configuration, `image_pull`, at once |
| RegistryUnavailable | platform, `image_pull` |
| CreateContainerConfigError (a secret or ConfigMap is missing) | configuration, `container_config` |
| anything else (volumes, CreateContainerError) | platform, `not_started` |

| end | class, reason |
|---|---|
| pod or Job DeadlineExceeded | user code, `timeout` |
| OOMKilled | platform, `out_of_memory` |
| pod Evicted | platform, `evicted` |
| pod OutOfcpu, OutOfmemory, NodeAffinity, UnexpectedAdmissionError | capacity, `node_refused` |
| DisruptionTarget: PreemptionByScheduler | capacity, `preempted` |
| DisruptionTarget: DeletionByTaintManager, DeletionByPodGC (the node is gone) | spot loss, `node_lost` |
| DisruptionTarget: EvictionByEvictionAPI, TerminationByKubelet | platform, `evicted` |
| DisruptionTarget, the pod is gone, an event of it says Preempted | capacity, `preempted` |
| DisruptionTarget, the pod is gone, an event of it says TaintManagerEviction | spot loss, `node_lost` |
| DisruptionTarget, the pod is gone, no event tells more | platform, `evicted` |
| StartError, ContainerCannotRun | configuration, `cannot_start` |
| exit code 137 (SIGKILL) | platform, `killed` |
| exit codes 143, 130 (the pod was deleted) | platform, `terminated` |
| exit codes 65, 69 of the relay (bytes changed, store away) | platform, `relay` |
| another exit code above 128 | user code, `signal` |
| another exit code | user code, `exit_code`, where the log does not tell of refused executors (see executors) |
| no pod left and nothing of it in the Job's condition | platform, `pod_lost` |

Sources: kubernetes.io/docs/concepts/workloads/controllers/job (conditions, pod failure policy), .../pods/disruptions
(DisruptionTarget's reasons), .../pods/pod-lifecycle, pkg/kubelet/images and pkg/kubelet/kuberuntime (waiting reasons).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime

from engineshed.engines.kubernetes import names
from engineshed.engines.kubernetes.objects import (
    JSON,
    annotation,
    condition,
    container_state,
    driver_of,
    finished_at,
    time_of,
)
from engineshed.model.errors import StateUnknown
from engineshed.model.failure import Failure, FailureClass
from engineshed.model.status import State, Status

EXIT_CODE = "exit_code"
"""The reason of a driver that ended by itself, with a code that says no more."""

_NEVER_HEALS = frozenset({"InvalidImageName", "ErrImageNeverPull"})
_WAITING = {
    "ErrImagePull": (FailureClass.CONFIGURATION, "image_pull"),
    "ImagePullBackOff": (FailureClass.CONFIGURATION, "image_pull"),
    "InvalidImageName": (FailureClass.CONFIGURATION, "image_pull"),
    "ErrImageNeverPull": (FailureClass.CONFIGURATION, "image_pull"),
    "RegistryUnavailable": (FailureClass.PLATFORM, "image_pull"),
    "CreateContainerConfigError": (FailureClass.CONFIGURATION, "container_config"),
}
_DISRUPTION = {
    "PreemptionByScheduler": (FailureClass.CAPACITY, "preempted"),
    "DeletionByTaintManager": (FailureClass.SPOT_LOSS, "node_lost"),
    "DeletionByPodGC": (FailureClass.SPOT_LOSS, "node_lost"),
    "EvictionByEvictionAPI": (FailureClass.PLATFORM, "evicted"),
    "TerminationByKubelet": (FailureClass.PLATFORM, "evicted"),
}
_EVENTS = {
    "Preempted": (FailureClass.CAPACITY, "preempted"),
    "TaintManagerEviction": (FailureClass.SPOT_LOSS, "node_lost"),
}
_POD_REASON = {
    "Evicted": (FailureClass.PLATFORM, "evicted"),
    "Preempting": (FailureClass.CAPACITY, "preempted"),
    "NodeLost": (FailureClass.SPOT_LOSS, "node_lost"),
    "Terminated": (FailureClass.PLATFORM, "evicted"),
    "NodeShutdown": (FailureClass.SPOT_LOSS, "node_lost"),
    "NodeAffinity": (FailureClass.CAPACITY, "node_refused"),
    "OutOfcpu": (FailureClass.CAPACITY, "node_refused"),
    "OutOfmemory": (FailureClass.CAPACITY, "node_refused"),
    "OutOfpods": (FailureClass.CAPACITY, "node_refused"),
    "UnexpectedAdmissionError": (FailureClass.CAPACITY, "node_refused"),
    "DeadlineExceeded": (FailureClass.USER_CODE, "timeout"),
}
_EXIT = {
    137: (FailureClass.PLATFORM, "killed"),
    143: (FailureClass.PLATFORM, "terminated"),
    130: (FailureClass.PLATFORM, "terminated"),
    65: (FailureClass.PLATFORM, "relay"),
    69: (FailureClass.PLATFORM, "relay"),
}
_JOB_REASONS = frozenset({"BackoffLimitExceeded", "DeadlineExceeded", "PodFailurePolicy"})
_EXIT_CODE = re.compile(r"exit code (\d+)")
_DISRUPTED_POD = re.compile(r"[Pp]od \S+/(\S+) has condition DisruptionTarget")


@dataclass(frozen=True, slots=True)
class Reading:
    """A status, and, for a driver that will not start, why the engine is to end it."""

    status: Status
    stuck: Failure | None = None


def read_job(
    job: JSON,
    pods: list[JSON],
    *,
    now: datetime,
    patience_s: float,
    refusals: tuple[str, ...] = (),
    farewell: tuple[str, ...] = (),
) -> Reading:
    """One observation. Raises StateUnknown.

    refusals: what the Job's events say of pods that could not be made. farewell: what the events of `lost_pod` say.
    """
    driver = driver_of(pods)
    if condition(job, "Complete"):
        return Reading(_status(State.SUCCEEDED, "Complete", job, driver, now))
    failed = condition(job, "Failed")
    if failed:
        if annotation(job, names.CANCELLED):
            return Reading(_status(State.CANCELLED, "cancelled", job, driver, now))
        failure = failure_of(job, failed, driver, farewell)
        return Reading(_status(State.FAILED, failure.reason, job, driver, now, failure))
    if annotation(job, names.CANCELLED) or annotation(job, names.GIVEN_UP) or condition(job, "FailureTarget"):
        return Reading(_status(State.RUNNING, "ending", job, driver, now))
    if job["spec"].get("suspend"):
        return Reading(_status(State.QUEUED, "suspended", job, driver, now))
    if driver is None:
        since = time_of(job.get("status", {}).get("startTime")) or time_of(job["metadata"]["creationTimestamp"])
        stuck = _refused(refusals) if _over(since, now, patience_s) else None
        return Reading(_status(State.STARTING, "no pod yet", job, driver, now), stuck)
    return _of_pod(job, driver, now, patience_s)


def lost_pod(job: JSON, pods: list[JSON]) -> str | None:
    """The pod of a Job that failed by a disruption, where the pod is gone and only its events can tell which."""
    failed = condition(job, "Failed")
    if not failed or driver_of(pods) is not None:
        return None
    found = _DISRUPTED_POD.search(failed.get("message", ""))
    return found.group(1) if found else None


def _of_pod(job: JSON, driver: JSON, now: datetime, patience_s: float) -> Reading:
    phase = driver.get("status", {}).get("phase", "Pending")
    if phase != "Pending":
        return Reading(_status(State.RUNNING, phase, job, driver, now))
    over = _over(time_of(driver["metadata"]["creationTimestamp"]), now, patience_s)
    unscheduled = _unscheduled(driver)
    if unscheduled is not None:
        status = _status(State.QUEUED, unscheduled.get("reason", "Unscheduled"), job, driver, now)
        fact = f"No node takes the driver's pod: {unscheduled.get('message', '')}"
        return Reading(status, Failure(FailureClass.CAPACITY, "unschedulable", fact) if over else None)
    waiting = container_state(driver).get("waiting") or {}
    reason = waiting.get("reason", "ContainerCreating")
    status = _status(State.STARTING, reason, job, driver, now)
    if not (over or reason in _NEVER_HEALS):
        return Reading(status)
    failure_class, code = _WAITING.get(reason, (FailureClass.PLATFORM, "not_started"))
    fact = f"The driver's container does not start: {reason}. {waiting.get('message', '')}".strip()
    return Reading(status, Failure(failure_class, code, fact))


def failure_of(job: JSON, failed: JSON, driver: JSON | None, farewell: tuple[str, ...] = ()) -> Failure:
    """Why a Job failed. `farewell`: events of its lost pod. Raises StateUnknown for a reason not in the table."""
    given_up = annotation(job, names.GIVEN_UP)
    if given_up:
        plain = json.loads(given_up)
        return Failure(FailureClass(plain["class"]), plain["reason"], plain["message"])
    reason, message = failed.get("reason", ""), failed.get("message", "")
    if reason not in _JOB_REASONS:
        raise StateUnknown(f"Job {job['metadata']['name']} failed with {reason!r} ({message}): not in our table.")
    if reason == "DeadlineExceeded":
        return Failure(FailureClass.USER_CODE, "timeout", "The run took longer than the job's timeout_s and was ended.")
    if driver is not None:
        found = failure_of_pod(driver)
        if found is not None:
            return found
    code = _EXIT_CODE.search(message)
    if code:
        return _of_exit(int(code.group(1)), message)
    if "DisruptionTarget" in message:
        return _disrupted(message, farewell)
    return Failure(FailureClass.PLATFORM, "pod_lost", f"The driver's pod is gone, and nothing tells why: {message}")


def _disrupted(message: str, farewell: tuple[str, ...]) -> Failure:
    for event in farewell:
        reason = event.partition(":")[0]
        if reason in _EVENTS:
            failure_class, code = _EVENTS[reason]
            return Failure(failure_class, code, f"The driver's pod was taken from its node: {event}")
    return Failure(FailureClass.PLATFORM, "evicted", f"The driver's pod was taken from its node: {message}")


def failure_of_pod(pod: JSON) -> Failure | None:
    """Why a pod ended badly, as far as it says."""
    status = pod.get("status", {})
    terminated = container_state(pod).get("terminated") or {}
    if terminated.get("reason") == "OOMKilled":
        fact = (
            "The kernel killed the driver for want of memory: raise resources.driver_memory_gib, or hold less at once."
        )
        return Failure(FailureClass.PLATFORM, "out_of_memory", fact)
    disrupted = condition(pod, "DisruptionTarget")
    if disrupted:
        failure_class, code = _DISRUPTION.get(disrupted.get("reason", ""), (FailureClass.PLATFORM, "evicted"))
        return Failure(failure_class, code, f"The driver's pod was taken from its node: {disrupted.get('message', '')}")
    if status.get("reason") in _POD_REASON:
        failure_class, code = _POD_REASON[status["reason"]]
        return Failure(failure_class, code, f"{status['reason']}: {status.get('message', '')}")
    if terminated.get("reason") in ("StartError", "ContainerCannotRun"):
        fact = (
            f"The driver's program could not be started: {terminated.get('message', '')} Look at the setting `image`."
        )
        return Failure(FailureClass.CONFIGURATION, "cannot_start", fact)
    if terminated.get("exitCode"):
        return _of_exit(int(terminated["exitCode"]), f"pod {pod['metadata']['name']}")
    return None


def _of_exit(code: int, where: str) -> Failure:
    failure_class, reason = _EXIT.get(code, (FailureClass.USER_CODE, "signal" if code > 128 else EXIT_CODE))
    return Failure(failure_class, reason, f"The driver ended with exit code {code} ({where}).")


def _refused(refusals: tuple[str, ...]) -> Failure:
    fact = "; ".join(refusals) or "no event says why"
    if "exceeded quota" in fact:
        return Failure(FailureClass.CAPACITY, "quota_exceeded", f"The namespace's quota leaves no room: {fact}")
    return Failure(FailureClass.CONFIGURATION, "pod_refused", f"The driver's pod could not be made: {fact}")


def _unscheduled(pod: JSON) -> JSON | None:
    for known in pod.get("status", {}).get("conditions") or ():
        if known["type"] == "PodScheduled" and known["status"] == "False":
            found: JSON = known
            return found
    return None


def _over(since: datetime | None, now: datetime, patience_s: float) -> bool:
    return since is not None and (now - since).total_seconds() > patience_s


def _status(
    state: State, native: str, job: JSON, driver: JSON | None, now: datetime, failure: Failure | None = None
) -> Status:
    times = container_state(driver) if driver is not None else {}
    span: JSON = times.get("terminated") or times.get("running") or {}
    started = time_of(span.get("startedAt"))
    ended = time_of(span.get("finishedAt")) or finished_at(job) if state.final else None
    return Status(state=state, native=native, observed_at=now, started_at=started, ended_at=ended, failure=failure)
