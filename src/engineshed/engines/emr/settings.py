"""The settings of engine `emr`, and what a job may say to it. Closed; no secret may stand in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from engineshed.engines.emr.releases import RELEASES
from engineshed.processes.secret_names import is_secret
from engineshed.processes.settings import RESERVED_ENV

_REFERENCE = re.compile(r"EMR\.secret@arn:aws[a-z-]*:secretsmanager:[\w:/+=.@-]+")


def _no_secrets(values: Mapping[str, str]) -> Mapping[str, str]:
    plain = [k for k, v in values.items() if is_secret(k) and not _REFERENCE.fullmatch(v)]
    if plain:
        raise ValueError(
            f"{', '.join(plain)} would hold a secret in plain text: keep it in AWS Secrets Manager and write "
            "EMR.secret@ARN, or use the instance profile"
        )
    return values


def _not_ours(values: Mapping[str, str]) -> Mapping[str, str]:
    taken = [name for name in values if name.startswith(RESERVED_ENV)]
    if taken:
        raise ValueError(f"{', '.join(taken)} is set by engineshed itself: take another name")
    return values


Plain = Annotated[Mapping[str, str], AfterValidator(_no_secrets)]
Env = Annotated[Mapping[str, str], AfterValidator(_no_secrets), AfterValidator(_not_ours)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Network(_Closed):
    """Where clusters stand. `doctor` checks that all of it exists, in one VPC, with a way to S3."""

    subnets: tuple[str, ...] = Field(default=(), description="Subnets to choose from; one availability zone each.")
    primary_security_group: str | None = Field(default=None, description="Managed security group of the primary.")
    worker_security_group: str | None = Field(default=None, description="Managed security group of the workers.")
    service_access_security_group: str | None = Field(
        default=None, description="Security group by which EMR reaches clusters in private subnets."
    )

    @model_validator(mode="after")
    def _together(self) -> Network:
        if bool(self.primary_security_group) != bool(self.worker_security_group):
            raise ValueError("primary_security_group and worker_security_group go together: give both, or none")
        return self


class Machine(_Closed):
    """What every machine of a cluster has besides its type."""

    image: str | None = Field(default=None, description="AMI instead of the release's own.")
    instance_profile: str = Field(default="EMR_EC2_DefaultRole", description="Identity of the machines.")
    root_gib: int = Field(default=30, ge=15, description="Root disk, GiB.")
    disk_gib: int = Field(default=64, ge=10, description="EBS disk for data of machines that have none of their own.")
    disk_type: Literal["gp3", "gp2"] = Field(default="gp3", description="Kind of that disk.")


class Configuration(_Closed):
    """One classification of an EMR configuration."""

    classification: str
    properties: Plain = {}
    configurations: tuple[Configuration, ...] = ()

    def request(self) -> dict[str, Any]:
        """As the API takes it."""
        return {
            "Classification": self.classification,
            "Properties": dict(self.properties),
            **({"Configurations": [c.request() for c in self.configurations]} if self.configurations else {}),
        }


class Bootstrap(_Closed):
    """A bootstrap action of the team's own; runs before ours."""

    name: str
    path: str = Field(description="s3:// address of the script.")
    arguments: tuple[str, ...] = ()


class EmrBlock(_Closed):
    """What a job may say to this engine (`engine_settings.emr`)."""

    cluster: str | None = Field(default=None, description="An existing cluster to run on instead of one of its own.")
    conf: Plain = Field(default={}, description="Spark settings, over those of the job.")
    env: Env = Field(default={}, description="Variables of driver and executors, over those of the settings.")
    configurations: tuple[Configuration, ...] = Field(default=(), description="Further classifications, merged.")
    spot: bool | None = Field(default=None, description="Whether spot is offered, over the settings.")


class EmrSettings(_Closed):
    """Settings of the engine (`engines.emr` of location.yaml)."""

    region: str = Field(min_length=1, description="Region of the clusters and of their prices.")
    release: str = Field(default="emr-7.12.0", description="Release label.")
    log_uri: str | None = Field(
        default=None, description="s3:// folder for logs; none: `emr-logs` in the exchange, if that is on S3."
    )
    service_role: str = Field(default="EMR_DefaultRole", description="Identity of the service.")
    security_configuration: str | None = Field(default=None, description="Name of a security configuration.")
    cluster: str | None = Field(default=None, description="An existing cluster for all jobs.")
    network: Network = Network()
    machine: Machine = Machine()
    architecture: Literal["x86_64", "arm64"] = Field(default="x86_64", description="Of all machines.")
    types_a_fleet: int = Field(default=5, ge=1, le=30, description="Machine types that a fleet may choose from.")
    spot: bool = Field(default=True, description="Whether workers on spot are offered beside those on demand.")
    spot_timeout_minutes: int = Field(default=10, ge=5, le=1440, description="After that, on demand instead of spot.")
    managed_scaling: bool = Field(
        default=True, description="Whether EMR scales between one worker and those asked for."
    )
    auto_termination_s: int = Field(default=300, ge=60, le=604_800, description="Idle time after which a cluster ends.")
    bootstrap: tuple[Bootstrap, ...] = Field(default=(), description="The team's own bootstrap actions.")
    configurations: tuple[Configuration, ...] = Field(default=(), description="The team's own classifications.")
    conf: Plain = Field(default={}, description="Spark settings of every job.")
    env: Env = Field(default={}, description="Variables of every driver and executor.")
    tags: Mapping[str, str] = Field(default={}, description="Further tags of every cluster.")
    cold_start_s: float = Field(default=420.0, ge=0, description="Seconds from submit to the first useful work.")
    look_back_days: int = Field(default=7, ge=1, le=60, description="How far back a run is looked for by its token.")
    endpoint_url: str | None = Field(default=None, description="Address of the EMR API, where it is not AWS's.")
    request_timeout_s: float = Field(default=30.0, gt=0, description="Longest wait for an answer of the API.")

    @field_validator("release")
    @classmethod
    def _known(cls, release: str) -> str:
        if release not in RELEASES:
            raise ValueError(f"known releases are {', '.join(RELEASES)}")
        return release
