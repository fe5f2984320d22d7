"""Whether the platform takes a run: the checks that the Jobs API makes before anything starts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engineshed.testing.databricks.catalogue import NODE_TYPES, RUNTIMES
from engineshed.testing.databricks.policies import check_policy
from engineshed.testing.databricks.refusals import invalid

if TYPE_CHECKING:
    from engineshed.testing.databricks.platform import Platform

_COMPUTES = ("new_cluster", "existing_cluster_id", "job_cluster_key", "environment_key")
_WORK = ("spark_python_task", "python_wheel_task", "notebook_task", "spark_jar_task", "condition_task")
_CLUSTERED_ONLY = ("libraries",)


def check_submission(platform: Platform, settings: Mapping[str, Any]) -> None:
    """Raises Refusal for a one-time run or the settings of a job that the platform would not take."""
    tasks = settings.get("tasks") or ()
    if not tasks:
        raise invalid("At least one task is required: tasks is empty.")
    keys = [task.get("task_key", "") for task in tasks]
    if len(set(keys)) < len(keys):
        raise invalid("task_key must be unique within the run.")
    if int(settings.get("timeout_seconds") or 0) < 0:
        raise invalid("timeout_seconds must not be negative.")
    for task in tasks:
        _check_task(platform, settings, task, keys)
    for shared in settings.get("job_clusters") or ():
        check_cluster(platform, shared["new_cluster"])


def _check_task(platform: Platform, settings: Mapping[str, Any], task: Mapping[str, Any], keys: Sequence[str]) -> None:
    key = str(task.get("task_key", ""))
    if not re.fullmatch(r"[\w-]{1,100}", key):
        raise invalid(f"task_key {key!r} must have 1 to 100 letters, digits, '-' and '_'.")
    for need in task.get("depends_on") or ():
        if need.get("task_key") not in keys:
            raise invalid(f"Task '{key}' depends on '{need.get('task_key')}', which is not a task of this run.")
    work = [name for name in task if name.endswith("_task")]
    if len(work) != 1:
        raise invalid(f"Task '{key}' must have exactly one of {', '.join(_WORK)}.")
    _check_compute(platform, settings, task, key)


def _check_compute(platform: Platform, settings: Mapping[str, Any], task: Mapping[str, Any], key: str) -> None:
    given = [name for name in _COMPUTES if task.get(name)]
    if len(given) > 1:
        raise invalid(f"Task '{key}' has {' and '.join(given)}: only one of them may be given.")
    if not given:
        raise invalid(
            f"Task '{key}' needs compute: new_cluster, existing_cluster_id or, on serverless, environment_key."
        )
    environments = {e["environment_key"] for e in settings.get("environments") or ()}
    if given == ["environment_key"] and task["environment_key"] not in environments:
        raise invalid(
            f"Task '{key}' names environment '{task['environment_key']}', which environments does not define."
        )
    if given == ["environment_key"] and task.get("libraries"):
        raise invalid(
            f"Libraries field is not supported for serverless task '{key}', please specify libraries in environment."
        )
    clusters = {c["job_cluster_key"] for c in settings.get("job_clusters") or ()}
    if given == ["job_cluster_key"] and task["job_cluster_key"] not in clusters:
        raise invalid(
            f"Task '{key}' names job cluster '{task['job_cluster_key']}', which job_clusters does not define."
        )
    if given == ["existing_cluster_id"] and platform.fleet.find(task["existing_cluster_id"]) is None:
        raise invalid(f"Cluster {task['existing_cluster_id']} does not exist")
    if given == ["new_cluster"]:
        check_cluster(platform, task["new_cluster"])


def check_cluster(platform: Platform, spec: Mapping[str, Any]) -> None:
    """Raises Refusal for a cluster that cannot be asked for."""
    if spec.get("spark_version") not in {runtime.key for runtime in RUNTIMES}:
        raise invalid(f"Invalid spark version {spec.get('spark_version')}.")
    if spec.get("policy_id") and spec["policy_id"] not in platform.policies:
        raise invalid(f"Cluster policy {spec['policy_id']} does not exist.")
    if spec.get("policy_id"):
        check_policy(platform.policies[spec["policy_id"]], spec)
    if "autoscale" in spec and "num_workers" in spec:
        raise invalid("Only one of autoscale and num_workers can be given.")
    if "autoscale" in spec and spec["autoscale"]["min_workers"] > spec["autoscale"]["max_workers"]:
        raise invalid("autoscale.min_workers must not be above autoscale.max_workers.")
    _check_nodes(platform, spec)


def _check_nodes(platform: Platform, spec: Mapping[str, Any]) -> None:
    pool = spec.get("instance_pool_id")
    if pool and pool not in platform.pools:
        raise invalid(f"Can't find an instance pool with the id {pool}.")
    if pool and spec.get("node_type_id"):
        raise invalid("The field 'node_type_id' cannot be supplied when an instance pool ID is provided.")
    if not pool and not spec.get("node_type_id"):
        raise invalid("Missing required field: node_type_id")
    known = {kind.name for kind in NODE_TYPES}
    for name in ("node_type_id", "driver_node_type_id"):
        if spec.get(name) and spec[name] not in known:
            raise invalid(f"Node type {spec[name]} is not supported. Supported node types: {', '.join(sorted(known))}")
