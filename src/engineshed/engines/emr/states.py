"""What EMR says of a step and its cluster, in the words of the model. Pure.

Success is the step's, never the cluster's: a cluster ends well whose only step has failed.

| step | cluster | state |
|---|---|---|
| PENDING | STARTING | QUEUED |
| PENDING | BOOTSTRAPPING, RUNNING, WAITING | STARTING |
| RUNNING, CANCEL_PENDING | any | RUNNING |
| COMPLETED | any | SUCCEEDED |
| CANCELLED | ended by a fault of its own | FAILED, see below |
| CANCELLED, INTERRUPTED | otherwise, and we asked | CANCELLED |
| CANCELLED | otherwise | CANCELLED |
| INTERRUPTED | otherwise | FAILED: platform, `interrupted` |
| FAILED | any | FAILED, see below |
| PENDING | TERMINATING, TERMINATED, TERMINATED_WITH_ERRORS | as the cluster's reason says |

| cluster's StateChangeReason | class, reason |
|---|---|
| INSTANCE_FLEET_TIMEOUT | capacity, `no_capacity` |
| INSTANCE_FAILURE, the message speaks of spot | spot loss, `spot_lost` |
| INSTANCE_FAILURE | capacity, `instance_failure` |
| BOOTSTRAP_FAILURE | configuration, `bootstrap_failed` |
| VALIDATION_ERROR, the message speaks of a limit or of capacity | capacity, `quota` |
| VALIDATION_ERROR, the message speaks of rights | authorisation, `denied` |
| VALIDATION_ERROR | configuration, `refused` |
| INTERNAL_ERROR, the message says that EC2 has no room | capacity, `no_capacity` |
| INTERNAL_ERROR | platform, `internal_error` |
| USER_REQUEST | cancelled, `terminated` |
| STEP_FAILURE, ALL_STEPS_COMPLETED | explain nothing: the step's own word holds |

| failed step | class, reason |
|---|---|
| the cluster ended by a reason above other than the last two | as above |
| FailureDetails or log speak of memory (exit code 137, 143 by YARN, OutOfMemoryError) | platform, `out_of_memory` |
| the log says that our relay's time limit was over | user code, `timeout` |
| otherwise | user code, `step_failed` |

Sources: Amazon EMR API Reference (StepStatus, ClusterStatus, ClusterStateChangeReason, FailureDetails); the texts in
which a reason is looked for are those of the EMR Management Guide, "Troubleshoot".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engineshed.model.errors import StateUnknown
from engineshed.model.failure import Failure, FailureClass
from engineshed.model.status import State, Status

JSON = Mapping[str, Any]

CLUSTER_STATES = frozenset(
    {"STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS"}
)
STEP_STATES = frozenset({"PENDING", "CANCEL_PENDING", "RUNNING", "COMPLETED", "CANCELLED", "FAILED", "INTERRUPTED"})
REASONS: Mapping[str, tuple[FailureClass, str] | None] = {
    "INTERNAL_ERROR": (FailureClass.PLATFORM, "internal_error"),
    "VALIDATION_ERROR": (FailureClass.CONFIGURATION, "refused"),
    "INSTANCE_FAILURE": (FailureClass.CAPACITY, "instance_failure"),
    "INSTANCE_FLEET_TIMEOUT": (FailureClass.CAPACITY, "no_capacity"),
    "BOOTSTRAP_FAILURE": (FailureClass.CONFIGURATION, "bootstrap_failed"),
    "USER_REQUEST": (FailureClass.CANCELLED, "terminated"),
    "STEP_FAILURE": None,
    "ALL_STEPS_COMPLETED": None,
}
ENDED = frozenset({"TERMINATED", "TERMINATED_WITH_ERRORS"})
ENDING = ENDED | {"TERMINATING"}
STEP_ENDED = frozenset({"COMPLETED", "CANCELLED", "FAILED", "INTERRUPTED"})

_SPOT = re.compile(r"(?i)spot|bid price|reclaim")
_NO_ROOM = re.compile(r"(?i)insufficient.{0,20}capacity")
_LIMIT = re.compile(r"(?i)limit|quota|capacity|insufficient")
_RIGHTS = re.compile(r"(?i)not authorized|unauthorized|access ?denied|permission|iam|kms")
_TIME_LIMIT = "engineshed_relay: the time limit of"
_MEMORY = re.compile(
    r"(?i)OutOfMemoryError|exit(?:ed with)? (?:code|status):? *(?:137|143)|beyond (?:the )?'?(?:physical|virtual)|"
    r"Cannot allocate memory|MemoryError"
)


def read(step: JSON, cluster: JSON, *, now: datetime, log_tail: str = "") -> Status:
    """One observation. `log_tail`: the end of a failed step's log. Raises StateUnknown."""
    native, cluster_state = _known(step, STEP_STATES, "step"), _known(cluster, CLUSTER_STATES, "cluster")
    state, failure = _judged(native, cluster_state, step, cluster, log_tail)
    timeline = step["Status"].get("Timeline") or {}
    ended = timeline.get("EndDateTime") if state.final else None
    if state.final and ended is None:
        ended = (cluster["Status"].get("Timeline") or {}).get("EndDateTime")
    return Status(
        state=state,
        native=native if native != "PENDING" else f"{native} ({cluster_state})",
        observed_at=now,
        started_at=timeline.get("StartDateTime"),
        ended_at=ended,
        failure=failure,
    )


def over(step: JSON, cluster: JSON) -> bool:
    """Whether nothing of the step will change any more."""
    return step["Status"]["State"] in STEP_ENDED or cluster["Status"]["State"] in ENDED


def _judged(native: str, cluster_state: str, step: JSON, cluster: JSON, log_tail: str) -> tuple[State, Failure | None]:
    if native == "COMPLETED":
        return State.SUCCEEDED, None
    if native in ("RUNNING", "CANCEL_PENDING") and cluster_state not in ENDED:
        return State.RUNNING, None
    if native == "PENDING" and cluster_state not in ENDED:
        return (State.QUEUED if cluster_state == "STARTING" else State.STARTING), None
    failure = _of_cluster(cluster)
    if failure is not None and failure.failure_class is FailureClass.CANCELLED:
        return State.CANCELLED, None
    if failure is not None:
        return State.FAILED, failure
    if native == "CANCELLED":
        return State.CANCELLED, None
    if native == "FAILED":
        return State.FAILED, _of_step(step, log_tail)
    return State.FAILED, Failure(FailureClass.PLATFORM, "interrupted", f"The step is {native}, its cluster is gone.")


def _of_cluster(cluster: JSON) -> Failure | None:
    """Why the cluster ended, where that is why the step did."""
    if cluster["Status"]["State"] not in ENDING:
        return None
    told = cluster["Status"].get("StateChangeReason") or {}
    code, message = str(told.get("Code") or ""), str(told.get("Message") or "")
    if not code:
        return None
    if code not in REASONS:
        raise StateUnknown(f"cluster {cluster['Id']} ended for {code!r} ({message}): not in our table.")
    found = REASONS[code]
    if found is None:
        return None
    failure_class, reason = found
    if code == "INSTANCE_FAILURE" and _SPOT.search(message):
        failure_class, reason = FailureClass.SPOT_LOSS, "spot_lost"
    elif code == "INTERNAL_ERROR" and _NO_ROOM.search(message):
        failure_class, reason = FailureClass.CAPACITY, "no_capacity"
    elif code == "VALIDATION_ERROR" and _RIGHTS.search(message):
        failure_class, reason = FailureClass.AUTHORISATION, "denied"
    elif code == "VALIDATION_ERROR" and _LIMIT.search(message):
        failure_class, reason = FailureClass.CAPACITY, "quota"
    return Failure(failure_class, reason, f"Cluster {cluster['Id']} ended: {message or code}.")


def _of_step(step: JSON, log_tail: str) -> Failure:
    details = step["Status"].get("FailureDetails") or {}
    said = " ".join(str(details[name]) for name in ("Reason", "Message") if details.get(name))
    if _MEMORY.search(f"{said}\n{log_tail}"):
        fact = "The step ran out of memory: raise resources.driver_memory_gib or executor_memory_gib."
        return Failure(FailureClass.PLATFORM, "out_of_memory", f"{fact} {said}".strip(), log_tail)
    if _TIME_LIMIT in log_tail:
        return Failure(FailureClass.USER_CODE, "timeout", "The run took longer than the job's timeout_s and was ended.")
    where = f" Its log: {details['LogFile']}." if details.get("LogFile") else ""
    return Failure(
        FailureClass.USER_CODE, "step_failed", f"The step failed: {said or 'EMR says no more'}.{where}", log_tail
    )


def _known(thing: JSON, states: frozenset[str], what: str) -> str:
    state = str(thing["Status"]["State"])
    if state not in states:
        raise StateUnknown(f"EMR {what} {thing['Id']} is in state {state!r}: not in our table.")
    return state
