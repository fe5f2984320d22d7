"""Why Spark gave up on its executors, by the driver's log. Pure.

The API server tells a refused pod to who asked for it, and that is Spark: no event, no pod and no exit code shows it.
The script only hears that its session was shut down. Spark ends an application after so many failed executors; where
it could not create the last of them, what the API server said is the cause. Refusals that a run survived are none.

| the log's last refusal, before `Max number of executor failures (N) reached` | class, reason |
|---|---|
| exceeded quota | capacity, `quota_exceeded` |
| forbidden or invalid otherwise (Pod Security, LimitRange, account, rights) | configuration, `pod_refused` |

Source: Spark 4.2, ExecutorPodsAllocator and ExecutorPodsLifecycleManager (earlier ones try on until the time limit).
"""

from __future__ import annotations

import re

from engineshed.model.failure import Failure, FailureClass

_GIVEN_UP = "Max number of executor failures ("
_NOT_CREATED = "Failed to create executor pod "
_REFUSAL = re.compile(r"Message: (\S.*? is (?:forbidden|invalid): .*?)\.? Received status: ")


def refused(log: str) -> Failure | None:
    """The failure that ended the session; None where it did not end for refused executors. `log`: its last lines."""
    before, given_up, _ = log.rpartition(_GIVEN_UP)
    _, not_created, said = before.rpartition(_NOT_CREATED)
    found = _REFUSAL.search(said) if given_up and not_created else None
    if found is None:
        return None
    fact = found.group(1)
    if "exceeded quota" in fact:
        message = (
            f"The namespace's quota leaves no room for the executors: {fact}. "
            "Ask for fewer or smaller ones (`resources`), or have the quota raised."
        )
        return Failure(FailureClass.CAPACITY, "quota_exceeded", message)
    message = (
        f"The executors' pods could not be made: {fact}. Look at engines.kubernetes.executor_service_account and "
        "executor_template, and at what the namespace admits."
    )
    return Failure(FailureClass.CONFIGURATION, "pod_refused", message)
