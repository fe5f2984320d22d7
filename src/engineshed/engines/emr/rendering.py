"""From a Work to a RunJobFlow, or to a step on an existing cluster. Pure, so that it can be compared with golden files.

The body holds `uploads` (small texts for the exchange: what the relay is told, the bootstrap action and its list) and
either `cluster`, the RunJobFlow, or `step` and `cluster_id`. The wiring goes by the step's arguments, which no
classification of a person can touch; what the relay is told goes by an address, since arguments are few. Refuses what
drivers could not reach, and an environment that is packed for another Python.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engineshed.engines.emr import bootstrap, configurations
from engineshed.engines.emr.names import NAME, run_name
from engineshed.engines.emr.releases import RELEASES, require_packed_for
from engineshed.engines.emr.settings import EmrBlock, EmrSettings
from engineshed.model.errors import JobInvalid, SettingInvalid
from engineshed.model.job import SparkJob
from engineshed.model.request import Request, Work
from engineshed.processes.settings import checked

LAUNCH_ARGUMENT = "--engineshed-launch"
SCRATCH = "/mnt/tmp/engineshed"
MOST_ARGUMENT_CHARACTERS = 10_240
"""Of a step. Source: Amazon EMR API Reference, HadoopJarStepConfig."""

_LABELS = {
    "yarn.node-labels.enabled": "true",
    "yarn.node-labels.am.default-node-label-expression": "CORE",
}
"""So that an application master never stands on a machine that spot may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is decided outside the settings. exchange: its root, an s3:// address. access: how drivers reach it."""

    exchange: str
    access: Mapping[str, str]
    log_uri: str


def job_block(job: SparkJob) -> EmrBlock:
    """What the job says to this engine, checked. Raises JobInvalid."""
    try:
        return checked(EmrBlock, job.engine_settings.get(NAME, {}), f"engine_settings.{NAME}")
    except SettingInvalid as error:
        raise JobInvalid(f"job {job.name!r}: {error}") from error


def render(work: Work, settings: EmrSettings, place: Place) -> Request:
    """The request. Raises JobInvalid."""
    return Request(work.offer.engine, work.token, _Rendering(work, settings, place).body())


class _Rendering:
    """One request in the making."""

    def __init__(self, work: Work, settings: EmrSettings, place: Place) -> None:
        self._work, self._settings, self._place = work, settings, place
        self._block = job_block(work.job)
        self._release = RELEASES[settings.release]
        self._uploads: dict[str, str] = {}
        packed = work.staged.environment
        if packed is not None:
            require_packed_for(packed, settings.release, settings.architecture, work.job.name)

    def body(self) -> dict[str, Any]:
        """All of it."""
        self._check_reach()
        step = self._step()
        cluster_id = self._work.offer.shape.get("cluster")
        if cluster_id is not None:
            self._refuse_on_existing(str(cluster_id))
            return {"uploads": self._uploads, "cluster_id": cluster_id, "step": step}
        return {"uploads": self._uploads, "cluster": self._cluster(step)}

    def _check_reach(self) -> None:
        if not self._place.exchange.startswith("s3://"):
            raise JobInvalid(
                f"job {self._work.job.name!r}: clusters read code from S3 only: set exchange_root to an s3:// address."
            )
        if self._work.staged.relay is None:
            raise JobInvalid(
                f"job {self._work.job.name!r} was staged without the relay: install engineshed-driver of this version."
            )

    def _refuse_on_existing(self, cluster_id: str) -> None:
        asked = [name for name in ("env", "configurations") if getattr(self._block, name)]
        if self._work.staged.environment is not None:
            asked.append("a packed environment")
        if asked:
            raise JobInvalid(
                f"job {self._work.job.name!r}: {', '.join(asked)} cannot be given to cluster {cluster_id}, which runs "
                "already: set it up there, or let the job have a cluster of its own."
            )

    def _step(self) -> dict[str, Any]:
        work = self._work
        relay = work.staged.relay
        assert relay is not None
        address = f"{work.wiring.address}/launch.json"
        self._uploads[address] = json.dumps(self._launch(), sort_keys=True, ensure_ascii=False)
        args = ["spark-submit", "--deploy-mode", "client", "--name", run_name(work.job.name, work.token)]
        for key, value in sorted(self._conf().items()):
            args += ["--conf", f"{key}={value}"]
        args += [relay.uri, *work.wiring.arguments, LAUNCH_ARGUMENT, address]
        size = sum(map(len, args))
        if size > MOST_ARGUMENT_CHARACTERS:
            raise JobInvalid(
                f"job {work.job.name!r}: its step has {size} characters of arguments, EMR takes "
                f"{MOST_ARGUMENT_CHARACTERS}: move Spark settings into a classification of the settings."
            )
        return {
            "Name": run_name(work.job.name, work.token),
            # A cluster of the run's own ends after its only step anyway; one that is shared must go on.
            "ActionOnFailure": "CONTINUE",
            "HadoopJarStep": {"Jar": "command-runner.jar", "Args": args},
        }

    def _conf(self) -> dict[str, str]:
        resources = self._work.offer.resources
        python = f"python{self._release.python}"
        ours = {
            "spark.driver.memory": f"{round(resources.driver_memory_gib * 1024)}m",
            "spark.executor.memory": f"{round(resources.executor_memory_gib * 1024)}m",
            "spark.executor.cores": str(resources.executor_cores),
            "spark.pyspark.python": python,
            "spark.pyspark.driver.python": python,
            "spark.yarn.tags": self._work.token,
        }
        return {**ours, **self._settings.conf, **self._work.job.conf, **self._block.conf}

    def _launch(self) -> dict[str, Any]:
        staged = self._work.staged
        artefacts = [staged.script, *staged.modules]
        if staged.driver.name not in {artefact.name for artefact in artefacts}:
            artefacts.append(staged.driver)
        return {
            "version": 1,
            "argv": [staged.script.name, *self._work.job.arguments],
            "staged": {
                "files": [{"name": a.name, "sha256": a.sha256, "uri": a.uri} for a in artefacts],
                "access": dict(self._place.access),
            },
            "env": {
                **(self._env() if self._work.offer.shape.get("cluster") else {}),
                "ENGINESHED_SESSION": json.dumps({"kind": "ambient", "conf": {}}, sort_keys=True),
            },
            "scratch": f"{SCRATCH}/{self._work.token}",
            "timeout_s": self._work.job.timeout_s,
        }

    def _env(self) -> dict[str, str]:
        return {**self._settings.env, **self._block.env}

    def _cluster(self, step: Mapping[str, Any]) -> dict[str, Any]:
        settings, work = self._settings, self._work
        cluster: dict[str, Any] = {
            "Name": run_name(work.job.name, work.token),
            "ReleaseLabel": settings.release,
            "LogUri": self._place.log_uri,
            "Applications": [{"Name": "Hadoop"}, {"Name": "Spark"}],
            "ServiceRole": settings.service_role,
            "JobFlowRole": settings.machine.instance_profile,
            "Configurations": self._configurations(),
            "BootstrapActions": self._bootstrap(),
            "Instances": self._instances(),
            "Steps": [dict(step)],
            "StepConcurrencyLevel": 1,
            "AutoTerminationPolicy": {"IdleTimeout": settings.auto_termination_s},
            "EbsRootVolumeSize": settings.machine.root_gib,
            "VisibleToAllUsers": True,
            "Tags": self._tags(),
        }
        if settings.managed_scaling:
            cluster["ManagedScalingPolicy"] = self._scaling(cluster["Instances"]["InstanceFleets"])
        if settings.machine.image:
            cluster["CustomAmiId"] = settings.machine.image
        if settings.security_configuration:
            cluster["SecurityConfiguration"] = settings.security_configuration
        return cluster

    def _configurations(self) -> list[dict[str, Any]]:
        stated = [c.request() for c in (*self._settings.configurations, *self._block.configurations)]
        env = self._env()
        needed = [configurations.properties("yarn-site", _LABELS)]
        if env:
            needed.append(configurations.exports(env))
        if self._work.staged.environment is not None:
            path = {"PYTHONPATH": f"{bootstrap.FOLDER}:${{PYTHONPATH}}"}
            needed.append(configurations.exports(path))
            executors = {"spark.executorEnv.PYTHONPATH": bootstrap.FOLDER}
            needed.append(configurations.properties("spark-defaults", executors))
        return configurations.merged([*stated, *needed], self._work.job.name)

    def _bootstrap(self) -> list[dict[str, Any]]:
        actions = [
            {"Name": one.name, "ScriptBootstrapAction": {"Path": one.path, "Args": list(one.arguments)}}
            for one in self._settings.bootstrap
        ]
        packed = self._work.staged.environment
        if packed is not None:
            key, text = bootstrap.listing(packed)
            script, listed = f"{self._place.exchange}/{bootstrap.script_key()}", f"{self._place.exchange}/{key}"
            self._uploads[script], self._uploads[listed] = bootstrap.SCRIPT, text
            action = {"Path": script, "Args": [bootstrap.FOLDER, listed]}
            actions.append({"Name": "engineshed packages", "ScriptBootstrapAction": action})
        return actions

    def _instances(self) -> dict[str, Any]:
        network, shape = self._settings.network, self._work.offer.shape
        spot = shape["market"] == "spot"
        fleets = [_fleet("MASTER", shape["primary"], {"TargetOnDemandCapacity": 1}, self._settings)]
        target = max(choice["count"] for choice in shape["workers"])
        if spot:
            fleets.append(
                _fleet("CORE", shape["workers"], {"TargetOnDemandCapacity": 1}, self._settings, weighed=False)
            )
            most = max(1, target - 1)
            fleets.append(_fleet("TASK", shape["workers"], {"TargetSpotCapacity": most}, self._settings))
        else:
            fleets.append(_fleet("CORE", shape["workers"], {"TargetOnDemandCapacity": target}, self._settings))
        instances: dict[str, Any] = {
            "InstanceFleets": fleets,
            "KeepJobFlowAliveWhenNoSteps": False,
            "TerminationProtected": False,
        }
        named = {
            "Ec2SubnetIds": list(network.subnets),
            "EmrManagedMasterSecurityGroup": network.primary_security_group,
            "EmrManagedSlaveSecurityGroup": network.worker_security_group,
            "ServiceAccessSecurityGroup": network.service_access_security_group,
        }
        return {**instances, **{name: value for name, value in named.items() if value}}

    def _scaling(self, fleets: list[dict[str, Any]]) -> dict[str, Any]:
        workers = [f for f in fleets if f["InstanceFleetType"] != "MASTER"]
        on_demand = sum(f.get("TargetOnDemandCapacity", 0) for f in workers)
        spot = sum(f.get("TargetSpotCapacity", 0) for f in workers)
        return {
            "ComputeLimits": {
                "UnitType": "InstanceFleetUnits",
                "MinimumCapacityUnits": 1,
                "MaximumCapacityUnits": on_demand + spot,
                "MaximumOnDemandCapacityUnits": on_demand,
                "MaximumCoreCapacityUnits": on_demand,
            }
        }

    def _tags(self) -> list[dict[str, str]]:
        ours = {key.replace("/", ":"): value for key, value in self._work.tags.items() if value}
        tags = {**self._settings.tags, **ours, "engineshed:job": self._work.job.name}
        return [{"Key": key, "Value": value[:256]} for key, value in sorted(tags.items())]


def _fleet(
    kind: str, choices: Any, target: Mapping[str, int], settings: EmrSettings, *, weighed: bool = True
) -> dict[str, Any]:
    most = max(choice["count"] for choice in choices)
    configs = []
    for choice in choices:
        config: dict[str, Any] = {
            "InstanceType": choice["type"],
            "WeightedCapacity": -(-most // choice["count"]) if weighed and kind != "MASTER" else 1,
        }
        if choice["disk_gib"]:
            volume = {"VolumeType": settings.machine.disk_type, "SizeInGB": choice["disk_gib"]}
            config["EbsConfiguration"] = {
                "EbsBlockDeviceConfigs": [{"VolumeSpecification": volume, "VolumesPerInstance": 1}]
            }
        configs.append(config)
    spot = {
        "TimeoutDurationMinutes": settings.spot_timeout_minutes,
        "TimeoutAction": "SWITCH_TO_ON_DEMAND",
        "AllocationStrategy": "price-capacity-optimized",
    }
    specification = (
        {"SpotSpecification": spot}
        if "TargetSpotCapacity" in target
        else {"OnDemandSpecification": {"AllocationStrategy": "lowest-price"}}
    )
    return {
        "Name": kind.lower(),
        "InstanceFleetType": kind,
        **target,
        "InstanceTypeConfigs": configs,
        "LaunchSpecifications": specification,
    }
