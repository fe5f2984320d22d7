"""Settings of engine `kubernetes` and of a job's block for it.

Closed, like every engine's: a misspelt limit would otherwise be no limit. Refuses names below the labels' own domain,
because the engine finds, bills and ends its runs by those.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from engineshed.processes.settings import RESERVED_ENV

NAME = "kubernetes"
DOMAIN = "engineshed.dev"
"""Domain of the labels and annotations that are the engine's own."""


def _free_env(env: Mapping[str, str]) -> Mapping[str, str]:
    taken = [name for name in env if name.startswith((*RESERVED_ENV, "POD_"))]
    if taken:
        raise ValueError(f"{', '.join(taken)} is set by engineshed itself: take another name")
    return env


def _free_labels(labels: Mapping[str, str]) -> Mapping[str, str]:
    taken = [name for name in labels if name.partition("/")[0] == DOMAIN]
    if taken:
        raise ValueError(f"{', '.join(taken)} is set by engineshed itself: take another domain than {DOMAIN}")
    return labels


Env = Annotated[Mapping[str, str], AfterValidator(_free_env)]
Labels = Annotated[Mapping[str, str], AfterValidator(_free_labels)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Toleration(_Closed):
    """A taint that pods put up with, in the words of the Kubernetes API."""

    key: str | None = None
    operator: Literal["Exists", "Equal"] = "Equal"
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    tolerationSeconds: int | None = None

    def manifest(self) -> dict[str, Any]:
        """As a pod spec states it."""
        return self.model_dump(exclude_none=True)


class DynamicAllocation(_Closed):
    """Executors come and go with the work, between these numbers."""

    min: int = Field(default=0, ge=0, description="Executors that stay when there is nothing to do.")
    max: int = Field(ge=1, description="Most executors at once.")

    @model_validator(mode="after")
    def _in_order(self) -> DynamicAllocation:
        if self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}: give min at most as large as max")
        return self


class NodeClass(_Closed):
    """Nodes that are alike: how a pod is sent there, how large one is, what it costs."""

    name: str = Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$", description="Names the offer and the bill.")
    match_labels: Mapping[str, str] = Field(default={}, description="Labels of these nodes; become the node selector.")
    usd_per_hour: Decimal = Field(ge=0, description="What a whole node costs an hour.")
    cores: Decimal = Field(gt=0, description="Cores that pods may request on one node.")
    memory_gib: Decimal = Field(gt=0, description="Memory that pods may request on one node, GiB.")
    cpu_share: Decimal = Field(
        default=Decimal("0.5"), ge=0, le=1, description="Part of the price that is for its cores; memory is the rest."
    )


class Operator(_Closed):
    """The Kubeflow Spark operator, for clusters that are run with it."""

    enabled: bool = Field(default=False, description="Submit a SparkApplication instead of a Job.")
    spark_version: str = Field(default="4.2.0", description="Spark of the image; the operator wants it stated.")
    relay: str = Field(
        default="local:///opt/venv/lib/python3.11/site-packages/engineshed_relay.py",
        description="Where the image holds the relay.",
    )


class KubernetesBlock(_Closed):
    """What a job may say to this engine (`engine_settings.kubernetes`)."""

    executors: int | None = Field(default=None, ge=0, description="Executors, over those of the job's resources.")
    dynamic_allocation: DynamicAllocation | None = Field(default=None, description="Over that of the settings.")
    conf: Mapping[str, str] = Field(default={}, description="Spark settings, over those of the job.")
    env: Env = Field(default={}, description="Variables of driver and executors, over those of the settings.")
    node_selector: Mapping[str, str] = Field(default={}, description="Laid over that of the settings.")
    tolerations: tuple[Toleration, ...] = Field(default=(), description="Added to those of the settings.")


class KubernetesSettings(_Closed):
    """Settings of engine `kubernetes` (`engines.kubernetes` of the location's settings)."""

    image: str = Field(min_length=1, description="Image of driver and executors.")
    namespace: str | None = Field(default=None, description="Where drivers run; null takes the pod's own namespace.")
    context: str | None = Field(default=None, description="Context of the kubeconfig, outside a cluster.")
    kubeconfig: str | None = Field(default=None, description="Kubeconfig, outside a cluster; null takes KUBECONFIG.")
    cluster_file: str | None = Field(
        default=None, description="File with the cluster's nodes; null takes the one that the platform writes."
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        default="IfNotPresent", description="When nodes fetch the image anew."
    )
    image_pull_secrets: tuple[str, ...] = Field(default=(), description="Names of secrets of the namespace.")
    service_account: str = Field(default="default", description="Account of drivers: it makes executor pods.")
    executor_service_account: str = Field(default="default", description="Account of executors; needs no rights.")
    env: Env = Field(default={}, description="Variables of drivers and executors; no secrets.")
    env_from_secrets: tuple[str, ...] = Field(default=(), description="Secrets whose keys become variables.")
    conf: Mapping[str, str] = Field(default={}, description="Spark settings, under those of the job.")
    labels: Labels = Field(default={}, description="Further labels of all pods.")
    annotations: Labels = Field(default={}, description="Further annotations of all pods.")
    node_selector: Mapping[str, str] = Field(default={}, description="Labels of the nodes to run on.")
    tolerations: tuple[Toleration, ...] = Field(default=(), description="Taints that pods put up with.")
    priority_class: str | None = Field(default=None, description="Priority class of all pods.")
    scheduler_name: str | None = Field(default=None, description="Scheduler of all pods; null takes the cluster's own.")
    cpu_request_ratio: Decimal = Field(
        default=Decimal(1), gt=0, le=1, description="Requested CPU as a part of the cores; the limit is the cores."
    )
    memory_overhead_ratio: Decimal = Field(
        default=Decimal("0.3"),
        gt=0,
        lt=1,
        description="Part of a pod's memory that is not JVM heap: Python workers, buffers; at least 384 MiB.",
    )
    executor_template: Mapping[str, Any] = Field(default={}, description="Pod template laid over the executors' own.")
    dynamic_allocation: DynamicAllocation | None = Field(default=None, description="Null takes the job's executors.")
    nodes: tuple[NodeClass, ...] = Field(default=(), description="Node classes with prices; empty asks the price book.")
    ttl_s: int = Field(default=21_600, ge=60, description="Seconds that an ended run stays listed.")
    unschedulable_after_s: float = Field(
        default=300.0, gt=0, description="Seconds after which a driver that cannot start is given up."
    )
    grace_s: float = Field(default=20.0, ge=0, description="Seconds between SIGTERM and SIGKILL.")
    cold_start_s: float = Field(default=20.0, ge=0, description="Seconds from submit to the first useful work.")
    request_timeout_s: float = Field(default=15.0, gt=0, description="Longest wait for one answer of the API server.")
    operator: Operator = Field(default=Operator(), description="The Kubeflow Spark operator.")

    @model_validator(mode="after")
    def _names_differ(self) -> KubernetesSettings:
        names = [node.name for node in self.nodes]
        if len(set(names)) != len(names):
            raise ValueError(f"nodes {', '.join(names)} hold a name twice: give each class its own")
        return self
