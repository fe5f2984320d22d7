"""Settings of engine `databricks` and of a job's block for it.

Closed, like every engine's. Refuses secrets in plain text: where a name says that its value is one, the value must be a
reference to a secret scope, `{{secrets/scope/key}}`, which only the cluster resolves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from engineshed.engines.databricks.runtimes import ENVIRONMENTS, RUNTIMES
from engineshed.engines.databricks.secrets import refuse_plain
from engineshed.engines.databricks.spec import CLUSTER_FIELDS
from engineshed.processes.settings import RESERVED_ENV


def _free_env(env: Mapping[str, str]) -> Mapping[str, str]:
    taken = [name for name in env if name.startswith(RESERVED_ENV)]
    if taken:
        raise ValueError(f"{', '.join(taken)} is set by engineshed itself: take another name")
    return refuse_plain(env)


def _free_tags(tags: Mapping[str, str]) -> Mapping[str, str]:
    taken = [name for name in tags if name.startswith(("engineshed", "dagster"))]
    if taken:
        raise ValueError(f"{', '.join(taken)} is set by engineshed itself: take another name")
    return tags


def _known(names: Mapping[str, Any], what: str) -> Any:
    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"no such {what}: there are {', '.join(names)}")
        return name

    return AfterValidator(check)


def _folder(path: str) -> str:
    if path and not re.fullmatch(r"(/Workspace|/Volumes|dbfs:)/\S+", path):
        raise ValueError("give a folder below /Workspace or /Volumes (or dbfs:/, where a workspace still has it)")
    return path.rstrip("/")


Env = Annotated[Mapping[str, str], AfterValidator(_free_env)]
Conf = Annotated[Mapping[str, str], AfterValidator(refuse_plain)]
Tags = Annotated[Mapping[str, str], AfterValidator(_free_tags)]
Folder = Annotated[str, AfterValidator(_folder)]
RuntimeName = Annotated[str, _known(RUNTIMES, "runtime")]
EnvironmentName = Annotated[str, _known(ENVIRONMENTS, "environment version")]
Market = Literal["spot", "on_demand"]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Autoscale(_Closed):
    """Workers come and go with the load, between these numbers."""

    min: int = Field(ge=1, description="Workers that stay.")
    max: int = Field(ge=1, description="Most workers at once.")

    @model_validator(mode="after")
    def _in_order(self) -> Autoscale:
        if self.min >= self.max:
            raise ValueError(f"min {self.min} is not below max {self.max}: give max above min, or a fixed number")
        return self


class Permission(_Closed):
    """Who may do what with a run or a named job."""

    user: str = ""
    group: str = ""
    service_principal: str = ""
    level: Literal["CAN_VIEW", "CAN_MANAGE_RUN", "CAN_MANAGE", "IS_OWNER"]

    @model_validator(mode="after")
    def _one(self) -> Permission:
        if sum(map(bool, (self.user, self.group, self.service_principal))) != 1:
            raise ValueError("name one of user, group and service_principal")
        return self

    def request(self) -> dict[str, str]:
        """As the API wants it."""
        names = {"user_name": self.user, "group_name": self.group, "service_principal_name": self.service_principal}
        return {**{name: value for name, value in names.items() if value}, "permission_level": self.level}


class _Cluster(_Closed):
    runtime: RuntimeName = Field(description="Databricks runtime, `16.4`.")
    photon: bool = Field(default=False, description="Photon, at its own DBU rate.")
    autoscale: Autoscale | None = Field(default=None, description="Instead of a number made from the job's resources.")


class NewCluster(_Cluster):
    """A cluster of the run's own, gone with it."""

    kind: Literal["new_cluster"]
    markets: tuple[Market, ...] = Field(default=("spot", "on_demand"), min_length=1, description="How to buy machines.")
    node_types: tuple[str, ...] = Field(default=(), description="Only these; empty: all in the price book.")
    driver_node_type: str | None = Field(default=None, description="null: as the workers, or the cheapest that fits.")
    architecture: Literal["x86_64", "arm64"] = Field(default="x86_64", description="Of the machines.")
    first_on_demand: int = Field(default=1, ge=0, description="Machines, the driver first, that are never spot.")
    spot_fallback: bool = Field(default=True, description="On demand where spot has no room.")
    spot_bid_price_percent: int | None = Field(default=None, ge=1, description="Most of the on-demand price to pay.")
    zone: str = Field(default="auto", description="Availability zone; auto takes one with room.")
    disk_gib: int = Field(default=100, ge=100, le=4096, description="EBS of each machine that has no disk of its own.")
    most_offers: int = Field(default=3, ge=1, description="Cheapest kinds of machine to offer for each market.")


class Pool(_Cluster):
    """A cluster of the run's own on machines of an instance pool."""

    kind: Literal["pool"]
    pool: str = Field(min_length=1, description="Id of the instance pool.")
    driver_pool: str | None = Field(default=None, description="Id of the driver's; null takes the workers'.")


class Existing(_Closed):
    """A cluster that is there for everybody."""

    kind: Literal["existing"]
    cluster: str = Field(min_length=1, description="Id of the cluster.")
    runtime: RuntimeName = Field(description="Its runtime, against which packed environments are checked.")


class Serverless(_Closed):
    """Compute of the vendor's. Spark Connect: no SparkContext, no status tracker, no variables."""

    kind: Literal["serverless"]
    environment_version: EnvironmentName = Field(description="Serverless environment version, `4`.")
    performance: Literal["STANDARD", "PERFORMANCE_OPTIMIZED"] = Field(
        default="STANDARD", description="The performance target; the second starts sooner and costs more."
    )
    dbus_per_hour: Decimal | None = Field(
        default=None,
        gt=0,
        description="What runs are seen to take; no API tells it before the bill does.",
    )


Compute = Annotated[NewCluster | Pool | Existing | Serverless, Field(discriminator="kind")]
Kind = Literal["new_cluster", "pool", "existing", "serverless"]


def _cluster_fields(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    unknown = sorted(set(spec) - CLUSTER_FIELDS)
    if unknown:
        raise ValueError(f"{', '.join(unknown)} is no field of the Clusters API")
    for name in ("spark_conf", "spark_env_vars"):
        refuse_plain(spec.get(name) or {})
    _free_env(spec.get("spark_env_vars") or {})
    return spec


class DatabricksBlock(_Closed):
    """What a job may say to this engine (`engine_settings.databricks`)."""

    compute: tuple[Kind, ...] = Field(default=(), description="Only these kinds of the settings; empty takes all.")
    new_cluster: Annotated[Mapping[str, Any], AfterValidator(_cluster_fields)] = Field(
        default={}, description="A cluster in the words of the Clusters API, laid over what the settings make."
    )
    workers: int | None = Field(default=None, ge=0, description="Workers, instead of those made from the resources.")
    autoscale: Autoscale | None = Field(default=None, description="Over that of the settings.")
    conf: Conf = Field(default={}, description="Spark settings, over those of the job.")
    env: Env = Field(default={}, description="Variables, over those of the settings.")
    libraries: tuple[Mapping[str, Any], ...] = Field(default=(), description="As the Libraries API has them; added.")
    tags: Tags = Field(default={}, description="Over those of the settings.")
    named_job: bool | None = Field(default=None, description="Over that of the settings.")


class DatabricksSettings(_Closed):
    """Settings of engine `databricks` (`engines.databricks` of the location's settings)."""

    compute: tuple[Compute, ...] = Field(min_length=1, description="Ways to run jobs; each makes offers.")
    host: str = Field(default="", description="Address of the workspace; empty takes DATABRICKS_HOST or the profile's.")
    profile: str = Field(default="", description="Profile of ~/.databrickscfg.")
    region: str = Field(default="", description="Region of the workspace, for prices: eu-central-1.")
    tier: Literal["PREMIUM", "ENTERPRISE"] = Field(default="PREMIUM", description="Pricing tier of the workspace.")
    code_folder: Folder = Field(
        default="/Workspace/Shared/engineshed", description="Where code goes that no exchange of the drivers holds."
    )
    log_folder: Folder = Field(default="", description="Folder to which clusters deliver their logs; empty: none.")
    exchange_reached: bool = Field(
        default=True, description="Whether drivers on clusters reach an s3:// exchange (by an instance profile)."
    )
    policy: str | None = Field(default=None, description="Id of the cluster policy of new clusters.")
    instance_profile: str | None = Field(default=None, description="ARN of the instance profile of new clusters.")
    access_mode: Literal["SINGLE_USER", "USER_ISOLATION", "NONE"] = Field(
        default="SINGLE_USER", description="data_security_mode of new clusters."
    )
    single_user: str | None = Field(default=None, description="Whose cluster it is, where not the caller's.")
    init_scripts: tuple[str, ...] = Field(default=(), description="Paths below /Workspace or /Volumes, or s3://.")
    libraries: tuple[Mapping[str, Any], ...] = Field(default=(), description="In the words of the Libraries API.")
    conf: Conf = Field(default={}, description="Spark settings, under the job's.")
    env: Env = Field(default={}, description="Variables of drivers and workers; secrets as {{secrets/SCOPE/KEY}}.")
    tags: Tags = Field(default={}, description="Tags of clusters and jobs, for the bill.")
    permissions: tuple[Permission, ...] = Field(default=(), description="Of runs and named jobs.")
    run_as_service_principal: str | None = Field(default=None, description="Application id that runs act as.")
    budget_policy: str | None = Field(default=None, description="Id of the budget policy of serverless runs.")
    queue: bool = Field(default=True, description="Wait where the workspace has too many runs, instead of failing.")
    named_jobs: bool = Field(default=False, description="Keep a job for each asset instead of one-time runs.")
    look_back_days: int = Field(default=7, ge=1, le=60, description="How far back runs are looked for by their token.")
    cold_start_s: Mapping[Kind, float] = Field(
        default={}, description="Seconds from submit to the first useful work, by kind of compute."
    )
    request_timeout_s: float = Field(default=30.0, gt=0, description="Longest wait for an answer of the workspace.")
