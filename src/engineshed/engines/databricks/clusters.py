"""A new cluster in the words of the Clusters API. Pure.

What the settings make, the job's own `new_cluster` over it, our tags over both. Mappings are merged key by key, so that
nothing of a user's spark_conf, spark_env_vars, tags or cloud attributes is lost. Refuses Spark settings that say which
session there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engineshed.engines.databricks.names import NAME, cluster_tags
from engineshed.engines.databricks.runtimes import RUNTIMES
from engineshed.engines.databricks.settings import DatabricksBlock, DatabricksSettings, NewCluster, Pool
from engineshed.engines.databricks.shape import Shape
from engineshed.model.errors import JobInvalid
from engineshed.model.job import SparkJob

_DECIDED = ("spark.master", "spark.remote", "spark.submit.deployMode", "spark.databricks.cluster.profile")
_MERGED = ("spark_conf", "spark_env_vars", "custom_tags", "aws_attributes", "azure_attributes", "gcp_attributes")
_SINGLE_NODE_CONF = {"spark.databricks.cluster.profile": "singleNode", "spark.master": "local[*]"}


def conf_of(job: SparkJob, block: DatabricksBlock, settings: DatabricksSettings) -> dict[str, str]:
    """Spark settings: the engine's, the job's over them, the job's for this engine over both. Raises JobInvalid."""
    conf = {**settings.conf, **job.conf, **block.conf}
    decided = [name for name in conf if name in _DECIDED]
    if decided:
        raise JobInvalid(
            f"job {job.name!r} sets {', '.join(decided)}, which say what cluster there is: engine {NAME} decides that. "
            "Drop them."
        )
    return conf


def env_of(block: DatabricksBlock, settings: DatabricksSettings) -> dict[str, str]:
    """Variables of the user's."""
    return {**settings.env, **block.env}


def new_cluster(
    job: SparkJob,
    block: DatabricksBlock,
    settings: DatabricksSettings,
    shape: Shape,
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """The cluster. Raises JobInvalid."""
    compute = settings.compute[shape.compute]
    assert isinstance(compute, NewCluster | Pool), "only these make clusters"
    made: dict[str, Any] = {
        "spark_version": RUNTIMES[compute.runtime].spark_version,
        "runtime_engine": "PHOTON" if compute.photon else "STANDARD",
        "data_security_mode": settings.access_mode,
        **_optional(single_user_name=settings.single_user, policy_id=settings.policy),
        **_size(shape),
        **(_from_pool(compute) if isinstance(compute, Pool) else _rented(compute, shape, settings)),
        "spark_conf": conf_of(job, block, settings),
        "spark_env_vars": env_of(block, settings),
        "custom_tags": {},
        **_optional(
            init_scripts=[_init_script(path) for path in settings.init_scripts],
            cluster_log_conf=_log_conf(settings.log_folder),
        ),
    }
    spec = laid_over(made, block.new_cluster)
    single = not (spec.get("num_workers") or spec.get("autoscale"))
    if single:
        spec["spark_conf"] = {**spec["spark_conf"], **_SINGLE_NODE_CONF}
        spec["custom_tags"] = {**spec["custom_tags"], "ResourceClass": "SingleNode"}
    spec["custom_tags"] = cluster_tags(tags, {**settings.tags, **spec["custom_tags"], **block.tags})
    return {name: value for name, value in spec.items() if value not in ({}, [])}


def laid_over(made: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    """What is stated over what was made; where one leaves no room for the other, what is stated stays."""
    spec = dict(made)
    for name, value in stated.items():
        spec[name] = {**(spec.get(name) or {}), **value} if name in _MERGED else value
    if stated.get("autoscale"):
        spec.pop("num_workers", None)
    elif "num_workers" in stated:
        spec.pop("autoscale", None)
    if stated.get("instance_pool_id"):
        for name in ("node_type_id", "driver_node_type_id"):
            if name not in stated:
                spec.pop(name, None)
    if any(stated.get(cloud) for cloud in ("azure_attributes", "gcp_attributes")):
        spec.pop("aws_attributes", None)
    return spec


def _size(shape: Shape) -> dict[str, Any]:
    if shape.most_workers > shape.workers:
        return {"autoscale": {"min_workers": shape.workers, "max_workers": shape.most_workers}}
    return {"num_workers": shape.workers}


def _from_pool(compute: Pool) -> dict[str, Any]:
    return {
        "instance_pool_id": compute.pool,
        **_optional(driver_instance_pool_id=compute.driver_pool),
    }


def _rented(compute: NewCluster, shape: Shape, settings: DatabricksSettings) -> dict[str, Any]:
    spot = "SPOT_WITH_FALLBACK" if compute.spot_fallback else "SPOT"
    aws: dict[str, Any] = {
        "availability": spot if shape.market == "spot" else "ON_DEMAND",
        "zone_id": compute.zone,
        **_optional(instance_profile_arn=settings.instance_profile),
    }
    if shape.market == "spot":
        aws |= {
            "first_on_demand": compute.first_on_demand,
            **_optional(spot_bid_price_percent=compute.spot_bid_price_percent),
        }
    if shape.disk_gib:
        aws |= {
            "ebs_volume_type": "GENERAL_PURPOSE_SSD",
            "ebs_volume_count": 1,
            "ebs_volume_size": shape.disk_gib,
        }
    return {
        "node_type_id": shape.node_type,
        "driver_node_type_id": shape.driver_node_type,
        "aws_attributes": aws,
    }


def _init_script(path: str) -> dict[str, Any]:
    kind = "s3" if path.startswith("s3://") else "volumes" if path.startswith("/Volumes/") else "workspace"
    return {kind: {"destination": path}}


def _log_conf(folder: str) -> dict[str, Any]:
    if not folder:
        return {}
    return {"dbfs" if folder.startswith("dbfs:") else "volumes": {"destination": folder}}


def _optional(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
