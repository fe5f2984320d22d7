"""The same run as a SparkApplication of the Kubeflow Spark operator. Pure.

For clusters whose owners want all Spark to go through it; a plain Job is the default, since it needs no operator. The
operator submits in cluster mode, so the session's master and deployment are its own, and the relay is the main program.

| applicationState | state |
|---|---|
| (none yet) | QUEUED |
| SUBMITTED, PENDING_RERUN, INVALIDATING, RESUMING, SUBMISSION_FAILED (not retried: FAILED follows) | STARTING |
| RUNNING, SUCCEEDING, FAILING, UNKNOWN (the operator lost sight of the driver), SUSPENDING | RUNNING |
| COMPLETED | SUCCEEDED |
| SUSPENDED or FAILED, we were asked to cancel | CANCELLED |
| SUSPENDED otherwise | QUEUED |
| FAILED | FAILED: what the driver's pod says, else platform, `application_failed` |

Source: kubeflow/spark-operator, api/v1beta2/sparkapplication_types.go.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engineshed.engines.kubernetes import names
from engineshed.engines.kubernetes.objects import JSON, annotation, container_state, driver_of, time_of
from engineshed.engines.kubernetes.settings import KubernetesBlock, KubernetesSettings
from engineshed.engines.kubernetes.sizes import PodSize, allocation, driver_size, executor_size
from engineshed.engines.kubernetes.states import Reading, failure_of_pod
from engineshed.model.errors import JobInvalid, StateUnknown
from engineshed.model.failure import Failure, FailureClass
from engineshed.model.request import Work
from engineshed.model.status import State, Status

TEMPLATE_FILE = "executor.yaml"

_DRIVER_CONTAINER, _EXECUTOR_CONTAINER = "spark-kubernetes-driver", "spark-kubernetes-executor"
"""What the operator tells Spark to look for in templates."""

_STATES = {
    "": State.QUEUED,
    "SUBMITTED": State.STARTING,
    "PENDING_RERUN": State.STARTING,
    "INVALIDATING": State.STARTING,
    "RESUMING": State.STARTING,
    "SUBMISSION_FAILED": State.STARTING,
    "RUNNING": State.RUNNING,
    "SUCCEEDING": State.RUNNING,
    "FAILING": State.RUNNING,
    "UNKNOWN": State.RUNNING,
    "SUSPENDING": State.RUNNING,
    "COMPLETED": State.SUCCEEDED,
    "SUSPENDED": State.QUEUED,
    "FAILED": State.FAILED,
}
_OPERATORS_OWN = (
    "spark.driver.host",
    "spark.driver.bindAddress",
    "spark.kubernetes.driver.pod.name",
    "spark.kubernetes.namespace",
    "spark.kubernetes.executor.podTemplateFile",
    "spark.kubernetes.executor.podTemplateContainerName",
    "spark.driver.memory",
    "spark.executor.memory",
    "spark.executor.memoryOverhead",
    "spark.executor.cores",
    "spark.executor.instances",
    "spark.kubernetes.container.image",
    "spark.kubernetes.container.image.pullPolicy",
    "spark.kubernetes.executor.deleteOnTermination",
    "spark.kubernetes.executor.request.cores",
    "spark.kubernetes.executor.limit.cores",
)


def application(
    work: Work,
    settings: KubernetesSettings,
    block: KubernetesBlock,
    driver_pod: Mapping[str, Any],
    session: Mapping[str, Any],
    files: Mapping[str, str],
) -> dict[str, Any]:
    """The SparkApplication. Raises JobInvalid for a job without executors, which the operator does not know."""
    resources = work.offer.resources
    executors = allocation(work.job.resources, block, settings)
    if executors == 0:
        raise JobInvalid(
            f"job {work.job.name!r} asks for no executors, and a SparkApplication has at least one: ask for one, "
            "or switch engines.kubernetes.operator.enabled off."
        )
    dynamic = not isinstance(executors, int)
    spec: dict[str, Any] = {
        "type": "Python",
        "mode": "cluster",
        "sparkVersion": settings.operator.spark_version,
        "image": settings.image,
        "imagePullPolicy": settings.image_pull_policy,
        "mainApplicationFile": settings.operator.relay,
        "restartPolicy": {"type": "Never"},
        "timeToLiveSeconds": settings.ttl_s,
        "sparkConf": {key: _plain(value) for key, value in session["conf"].items() if key not in _OPERATORS_OWN},
        "driver": {**_size(driver_size(resources, settings)), "template": _driver_template(work, driver_pod)},
        "executor": {
            **_size(executor_size(resources, settings)),
            "instances": max(1, executors if isinstance(executors, int) else executors.min),
            "deleteOnTermination": False,
            "template": _executor_template(files[TEMPLATE_FILE]),
        },
    }
    spec["driver"]["serviceAccount"] = settings.service_account
    if dynamic:
        least, most = (0, 0) if isinstance(executors, int) else (executors.min, executors.max)
        spec["dynamicAllocation"] = {
            "enabled": True,
            "initialExecutors": least,
            "minExecutors": least,
            "maxExecutors": most,
        }
    return {
        "apiVersion": "sparkoperator.k8s.io/v1beta2",
        "kind": "SparkApplication",
        "metadata": {
            "name": work.token,
            "labels": dict(driver_pod["metadata"]["labels"]),
            "annotations": dict(driver_pod["metadata"]["annotations"]),
        },
        "spec": spec,
    }


def read_application(run: JSON, pods: list[JSON], *, now: datetime) -> Reading:
    """One observation. Raises StateUnknown."""
    told = run.get("status", {}).get("applicationState") or {}
    native = told.get("state", "")
    if native not in _STATES:
        raise StateUnknown(f"SparkApplication {run['metadata']['name']} is in state {native!r}: not in our table.")
    state = _STATES[native]
    if native in ("SUSPENDED", "FAILED") and annotation(run, names.CANCELLED):
        state = State.CANCELLED
    driver = driver_of(pods)
    failure = _failure(driver, str(told.get("errorMessage") or "")) if state is State.FAILED else None
    span: JSON = {}
    if driver is not None:
        times = container_state(driver)
        span = times.get("terminated") or times.get("running") or {}
    return Reading(
        Status(
            state=state,
            native=native or "new",
            observed_at=now,
            started_at=time_of(span.get("startedAt")),
            ended_at=ended_at(run) if state.final else None,
            failure=failure,
        )
    )


def is_being_submitted(run: JSON) -> bool:
    """Whether the operator may be at spark-submit. A change of the object meanwhile makes its own update of the status
    conflict, upon which it submits again, finds the driver's pod there and calls the application failed (tried, 2.4).
    """
    told = run.get("status", {}).get("applicationState") or {}
    return _STATES.get(told.get("state", "")) in (State.QUEUED, State.STARTING)


def ended_at(run: JSON) -> datetime | None:
    """When the operator saw the end."""
    state = (run.get("status", {}).get("applicationState") or {}).get("state", "")
    cancelled = annotation(run, names.CANCELLED) if state in ("SUSPENDED", "FAILED") else None
    if state in ("COMPLETED", "FAILED") or cancelled:
        return time_of(run["status"].get("terminationTime")) or time_of(cancelled)
    return None


def _failure(driver: JSON | None, message: str) -> Failure:
    found = failure_of_pod(driver) if driver is not None else None
    if found is not None:
        return found
    return Failure(FailureClass.PLATFORM, "application_failed", f"The operator says: {message or 'nothing more'}")


def _size(size: PodSize) -> dict[str, Any]:
    return {
        "cores": size.cores,
        "coreRequest": f"{size.cpu_m}m",
        "coreLimit": str(size.cores),
        "memory": f"{size.heap_mib}m",
        "memoryOverhead": f"{size.overhead_mib}m",
    }


def _driver_template(work: Work, pod: Mapping[str, Any]) -> dict[str, Any]:
    """The driver's pod without what the operator and spark-submit state: command, image, size, restart policy."""
    spec = {key: value for key, value in pod["spec"].items() if key not in ("restartPolicy", "serviceAccountName")}
    container = {
        key: value
        for key, value in pod["spec"]["containers"][0].items()
        if key not in ("command", "image", "imagePullPolicy", "resources", "ports")
    }
    if work.job.timeout_s is not None:
        spec["activeDeadlineSeconds"] = max(1, round(work.job.timeout_s))
    return {"metadata": pod["metadata"], "spec": {**spec, "containers": [{**container, "name": _DRIVER_CONTAINER}]}}


def _executor_template(text: str) -> dict[str, Any]:
    template: dict[str, Any] = json.loads(text)
    first, *others = template["spec"]["containers"]
    template["spec"]["containers"] = [{**first, "name": _EXECUTOR_CONTAINER}, *others]
    return template


def _plain(value: str) -> str:
    """No variable's value, so nothing to keep Kubernetes from expanding."""
    return value.replace("$$", "$")
