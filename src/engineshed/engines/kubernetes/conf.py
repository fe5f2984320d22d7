"""The Spark session of a driver in a pod. Pure.

Precedence, lowest first: the engine's defaults, the settings' `conf`, the job's, the job's block for this engine. What
the engine decides itself is refused there rather than dropped.

| setting | why |
|---|---|
| driver.host = the pod's IP, fixed ports | client mode: executors call back, NetworkPolicies name ports |
| kubernetes.driver.pod.name | executors, their ConfigMap and Services are owned by the driver's pod |
| executor.deleteOnTermination=false | ended executors stay listed and so are billed; their owner takes them away |
| scheduler.minRegisteredResourcesRatio=0 | work starts with the first executor |
| allocation.driver.readinessTimeout | the API server may show the pod as ready some seconds late |
| ui.prometheus, metrics.conf | Prometheus reads both at the driver's web port, by names without the run's id |
| decommission, shuffleTracking | executors may leave, and nodes be drained, without losing what they hold |

How Spark reaches the object store, and what executors import, is the driver's to say: it knows its environment.

Source: spark.apache.org/docs/latest/running-on-kubernetes.html and configuration.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engineshed.engines.kubernetes import names
from engineshed.engines.kubernetes.settings import DynamicAllocation, KubernetesBlock, KubernetesSettings
from engineshed.engines.kubernetes.sizes import PodSize
from engineshed.model.errors import JobInvalid
from engineshed.model.job import SparkJob

MASTER = "k8s://https://kubernetes.default.svc:443"
TEMPLATE = "executor.yaml"

_DEFAULTS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.warehouse.dir": f"{names.SCRATCH}/warehouse",
    "spark.local.dir": f"{names.SCRATCH}/spark",
    "spark.ui.enabled": "true",
    "spark.ui.showConsoleProgress": "false",
    "spark.ui.prometheus.enabled": "true",
    "spark.metrics.conf.driver.sink.prometheusServlet.class": "org.apache.spark.metrics.sink.PrometheusServlet",
    "spark.metrics.conf.driver.sink.prometheusServlet.path": names.DRIVER_METRICS_PATH,
    "spark.metrics.namespace": "spark",
}

_DECIDED_HERE = (
    "spark.master",
    "spark.remote",
    "spark.api.mode",
    "spark.submit.deployMode",
    "spark.driver.host",
    "spark.driver.port",
    "spark.driver.blockManager.port",
    "spark.blockManager.port",
    "spark.ui.port",
    "spark.driver.memory",
    "spark.executor.cores",
    "spark.executor.instances",
    "spark.executor.memory",
    "spark.executor.memoryOverhead",
    "spark.dynamicAllocation.enabled",
    "spark.dynamicAllocation.minExecutors",
    "spark.dynamicAllocation.maxExecutors",
)
_DECIDED_BELOW = ("spark.kubernetes.",)
_FREE_BELOW = ("spark.kubernetes.allocation.",)


def literal(text: str) -> str:
    """So that Kubernetes, which expands `$(NAME)` in values of variables, leaves it as it is."""
    return text.replace("$", "$$")


def asked_conf(job: SparkJob, block: KubernetesBlock, settings: KubernetesSettings) -> dict[str, str]:
    """What settings and job ask of Spark. Raises JobInvalid for what the engine decides."""
    asked = {**settings.conf, **job.conf, **block.conf}
    for key in asked:
        taken = key.startswith(_DECIDED_BELOW) and not key.startswith(_FREE_BELOW)
        if taken or key in _DECIDED_HERE:
            raise JobInvalid(
                f"job {job.name!r}: {key} is decided by engine kubernetes: drop it, or say what it is to be by "
                "`resources` and `engine_settings.kubernetes`."
            )
    return asked


def local_session(driver: PodSize, asked: Mapping[str, str]) -> dict[str, Any]:
    """All work in the driver's pod."""
    own = {
        "spark.driver.memory": f"{driver.heap_mib}m",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.port": str(names.UI_PORT),
    }
    conf = {**_DEFAULTS, **asked}
    return {"kind": "classic", "master": f"local[{driver.cores}]", "conf": {**_literal(conf), **own}}


def cluster_session(
    driver: PodSize,
    executor: PodSize,
    executors: DynamicAllocation | int,
    asked: Mapping[str, str],
    settings: KubernetesSettings,
    namespace: str,
    labels: Mapping[str, str],
) -> dict[str, Any]:
    """The driver in its pod, the work in executors beside it."""
    conf = {
        **_DEFAULTS,
        "spark.decommission.enabled": "true",
        "spark.storage.decommission.enabled": "true",
        "spark.storage.decommission.rddBlocks.enabled": "true",
        "spark.storage.decommission.shuffleBlocks.enabled": "true",
        "spark.scheduler.minRegisteredResourcesRatio": "0",
        "spark.kubernetes.allocation.driver.readinessTimeout": "30s",
        **asked,
    }
    own = {
        "spark.driver.memory": f"{driver.heap_mib}m",
        "spark.driver.host": "$(POD_IP)",
        "spark.driver.bindAddress": "0.0.0.0",
        "spark.driver.port": str(names.DRIVER_PORT),
        "spark.driver.blockManager.port": str(names.BLOCK_PORT),
        "spark.blockManager.port": str(names.BLOCK_PORT),
        "spark.ui.port": str(names.UI_PORT),
        "spark.kubernetes.namespace": namespace,
        "spark.kubernetes.driver.pod.name": "$(POD_NAME)",
        **executor_conf(executor, executors, settings),
        "spark.kubernetes.executor.podTemplateFile": f"{names.SCRATCH}/files/{TEMPLATE}",
        "spark.kubernetes.executor.podTemplateContainerName": names.EXECUTOR_CONTAINER,
        **{f"spark.kubernetes.executor.label.{name}": literal(value) for name, value in labels.items()},
    }
    return {"kind": "classic", "master": MASTER, "conf": {**_literal(conf), **own}}


def executor_conf(size: PodSize, executors: DynamicAllocation | int, settings: KubernetesSettings) -> dict[str, str]:
    """How many executors, how large, and from which image."""
    return {
        "spark.executor.cores": str(size.cores),
        "spark.executor.memory": f"{size.heap_mib}m",
        "spark.executor.memoryOverhead": f"{size.overhead_mib}m",
        "spark.kubernetes.executor.request.cores": f"{size.cpu_m}m",
        "spark.kubernetes.executor.limit.cores": str(size.cores),
        "spark.kubernetes.container.image": settings.image,
        "spark.kubernetes.container.image.pullPolicy": settings.image_pull_policy,
        "spark.kubernetes.authenticate.executor.serviceAccountName": settings.executor_service_account,
        "spark.kubernetes.executor.deleteOnTermination": "false",
        **_allocation(executors),
    }


def _allocation(executors: DynamicAllocation | int) -> dict[str, str]:
    if isinstance(executors, int):
        return {"spark.executor.instances": str(executors), "spark.dynamicAllocation.enabled": "false"}
    return {
        "spark.executor.instances": str(executors.min),
        "spark.dynamicAllocation.enabled": "true",
        "spark.dynamicAllocation.shuffleTracking.enabled": "true",
        "spark.dynamicAllocation.minExecutors": str(executors.min),
        "spark.dynamicAllocation.initialExecutors": str(executors.min),
        "spark.dynamicAllocation.maxExecutors": str(executors.max),
    }


def _literal(conf: Mapping[str, str]) -> dict[str, str]:
    return {key: literal(value) for key, value in conf.items()}
