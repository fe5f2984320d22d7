"""From a Work to what is sent to the workspace. Pure, so that it can be compared with golden files.

The body holds `uploads` (files that no exchange of the drivers' holds), `launch` (what the relay is told, at an address
beside the messages), and either `submit`, a one-time run, or `job` and `run_now`, a named job and a run of it. All that
a run is told goes by two parameters, which job clusters, shared clusters and serverless take alike. Refuses what the
drivers would not reach, and an environment that is packed for another Python.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engineshed.engines.databricks import clusters
from engineshed.engines.databricks.names import DEFINITION_TAG, NAME, RELAY, TASK_KEY, cluster_tags, run_name
from engineshed.engines.databricks.runtimes import ENVIRONMENTS, RUNTIMES, require_packed_for
from engineshed.engines.databricks.secrets import referring
from engineshed.engines.databricks.settings import DatabricksBlock, DatabricksSettings, Existing, Serverless
from engineshed.engines.databricks.shape import Shape
from engineshed.model.errors import JobInvalid, SettingInvalid
from engineshed.model.job import SparkJob
from engineshed.model.request import Request, Work
from engineshed.model.staged import Artefact
from engineshed.processes.settings import checked

LAUNCH_FILE = "launch.json"
LAUNCH_ARGUMENT = "--engineshed-launch"
MOST_BYTES = 10_000
"""Of a run's parameters as JSON. Source: `python_params` of the Jobs API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a run goes, besides the settings. `access`: how drivers reach an s3:// exchange, without credentials.

    pipes: version of dagster-pipes to install where no environment was packed.
    """

    code_location: str
    access: Mapping[str, str]
    pipes: str


def job_block(job: SparkJob) -> DatabricksBlock:
    """What the job says to this engine, checked. Raises JobInvalid."""
    try:
        return checked(DatabricksBlock, job.engine_settings.get(NAME, {}), f"engine_settings.{NAME}")
    except SettingInvalid as error:
        raise JobInvalid(f"job {job.name!r}: {error}") from error


def render(work: Work, settings: DatabricksSettings, place: Place) -> Request:
    """The request. Raises JobInvalid."""
    return Request(work.offer.engine, work.token, _Rendering(work, settings, place).body())


class _Rendering:
    """One request in the making."""

    def __init__(self, work: Work, settings: DatabricksSettings, place: Place) -> None:
        self._work, self._settings, self._place = work, settings, place
        self._block = job_block(work.job)
        self._shape = Shape.from_json(work.offer.shape)
        self._compute = settings.compute[self._shape.compute]
        self._serverless = isinstance(self._compute, Serverless)
        self._uploads: dict[str, dict[str, str]] = {}

    def body(self) -> dict[str, Any]:
        """All of it."""
        self._check_environment()
        relay = self._relay()
        address = f"{self._work.wiring.address}/{LAUNCH_FILE}"
        launch = {"address": address, "content": self._launch()}
        parameters = [*self._work.wiring.arguments, LAUNCH_ARGUMENT, address]
        size = len(json.dumps({"python_params": parameters}))
        if size > MOST_BYTES:
            raise JobInvalid(f"job {self._work.job.name!r}: its parameters are {size} bytes, above {MOST_BYTES}.")
        named = self._settings.named_jobs if self._block.named_job is None else self._block.named_job
        run = self._named(relay, parameters) if named else self._one_time(relay, parameters)
        uploads = [self._uploads[path] for path in sorted(self._uploads)]
        return {"uploads": uploads, "launch": launch, **run}

    def _one_time(self, relay: str, parameters: list[str]) -> dict[str, Any]:
        work = self._work
        tags = {**self._tags(), "job": work.job.name}
        task = {**self._task(relay, tags), "spark_python_task": {"python_file": relay, "parameters": parameters}}
        submit = {
            "run_name": run_name(work.job.name, work.token),
            "idempotency_token": work.token,
            "tasks": [task],
            **self._common(),
        }
        return {"submit": submit}

    def _named(self, relay: str, parameters: list[str]) -> dict[str, Any]:
        """A definition that does not know the run, so that the same job is the same for every run."""
        work = self._work
        tags = {name: value for name, value in self._tags().items() if name not in _OF_A_RUN}
        name = " ".join(filter(None, ("engineshed", self._place.code_location, work.job.name, f"[{work.offer.name}]")))
        job = {
            "name": name,
            "tasks": [{**self._task(relay, tags), "spark_python_task": {"python_file": relay}}],
            "max_concurrent_runs": 1000,
            "tags": cluster_tags(tags, {**self._settings.tags, **self._block.tags}),
            **self._common(),
        }
        permissions = job.pop("access_control_list", [])
        text = json.dumps([job, permissions], sort_keys=True, ensure_ascii=False)
        definition = hashlib.sha256(text.encode()).hexdigest()[:32]
        job["tags"] = {**job["tags"], DEFINITION_TAG: definition}
        run_now = {
            "idempotency_token": work.token,
            "python_params": parameters,
            "queue": {"enabled": self._settings.queue},
        }
        return {"job": job, "permissions": permissions, "run_now": run_now}

    def _common(self) -> dict[str, Any]:
        timeout_s = self._work.job.timeout_s
        principal = self._settings.run_as_service_principal
        common: dict[str, Any] = {"queue": {"enabled": self._settings.queue}}
        if timeout_s is not None:
            common["timeout_seconds"] = max(1, math.ceil(timeout_s))
        if self._serverless:
            common["environments"] = [{"environment_key": TASK_KEY, "spec": self._environment()}]
            common["performance_target"] = getattr(self._compute, "performance", "STANDARD")
            if self._settings.budget_policy:
                common["budget_policy_id"] = self._settings.budget_policy
        if self._settings.permissions:
            common["access_control_list"] = [one.request() for one in self._settings.permissions]
        if principal:
            common["run_as"] = {"service_principal_name": principal}
        return common

    def _task(self, relay: str, tags: Mapping[str, str]) -> dict[str, Any]:
        # One attempt: what is to be tried again is the route's decision, under another token.
        task: dict[str, Any] = {"task_key": TASK_KEY, "max_retries": 0}
        compute = self._compute
        if isinstance(compute, Serverless):
            # Or serverless tries again by itself, under the same token.
            return {**task, "environment_key": TASK_KEY, "disable_auto_optimization": True}
        if isinstance(compute, Existing):
            task["existing_cluster_id"] = compute.cluster
        else:
            task["new_cluster"] = clusters.new_cluster(self._work.job, self._block, self._settings, self._shape, tags)
        libraries = self._libraries()
        return {**task, "libraries": libraries} if libraries else task

    def _libraries(self) -> list[dict[str, Any]]:
        stated = [dict(one) for one in (*self._settings.libraries, *self._block.libraries)]
        packed = self._work.staged.environment
        if packed is not None:
            wheels = [{"whl": self._reached(wheel)} for wheel in packed.wheels]
            return [*wheels, *stated]
        wanted = [self._pipes(), *self._work.job.libraries]
        return [*({"pypi": {"package": one}} for one in wanted), *stated]

    def _environment(self) -> dict[str, Any]:
        assert isinstance(self._compute, Serverless), "only serverless has one"
        packed = self._work.staged.environment
        if packed is not None:
            wanted = [self._reached(wheel) for wheel in packed.wheels]
        else:
            wanted = [self._pipes(), *self._work.job.libraries]
        for library in (*self._settings.libraries, *self._block.libraries):
            wanted.append(_as_requirement(library, self._work.job.name))
        return {"environment_version": self._compute.environment_version, "dependencies": wanted}

    def _pipes(self) -> str:
        return f"dagster-pipes=={self._place.pipes}"

    def _launch(self) -> dict[str, Any]:
        staged = self._work.staged
        artefacts = [staged.script, *staged.modules]
        if staged.driver.name not in {artefact.name for artefact in artefacts}:
            artefacts.append(staged.driver)
        files = [{"name": a.name, "sha256": a.sha256, "uri": self._reached(a)} for a in artefacts]
        return {
            "version": 1,
            "argv": [staged.script.name, *self._work.job.arguments],
            "staged": {"files": files, "access": dict(self._place.access)},
            "in_process": True,
            "env": self._driver_env(),
        }

    def _driver_env(self) -> dict[str, str]:
        """Of the driver's process; on a cluster of the run's own the cluster has the user's already."""
        conf = clusters.conf_of(self._work.job, self._block, self._settings)
        own = not isinstance(self._compute, Existing | Serverless)
        session = {"kind": "ambient", "conf": {} if own else conf}
        env = {} if own else clusters.env_of(self._block, self._settings)
        secret = sorted({*referring(env), *(referring(conf) if not own else ())})
        if secret:
            raise JobInvalid(
                f"job {self._work.job.name!r}: {', '.join(secret)} refers to a secret scope, which only new clusters "
                f"resolve, not {self._compute.kind}: read it in the script by dbutils.secrets."
            )
        return {**env, "ENGINESHED_SESSION": json.dumps(session, sort_keys=True)}

    def _check_environment(self) -> None:
        packed = self._work.staged.environment
        if packed is None:
            return
        compute = self._compute
        if isinstance(compute, Serverless):
            runtime, architecture = ENVIRONMENTS[compute.environment_version], ""
        else:
            runtime = RUNTIMES[compute.runtime]
            architecture = getattr(compute, "architecture", "")
        require_packed_for(packed, runtime, architecture, self._work.job.name)

    def _tags(self) -> dict[str, str]:
        return {name.replace("/", "-"): value for name, value in self._work.tags.items() if value}

    def _relay(self) -> str:
        """In the code folder always: what the Jobs API starts is a workspace file, or a cloud's by the workspace's own
        credentials.
        """
        relay = self._work.staged.relay
        if relay is None:
            raise JobInvalid(
                f"job {self._work.job.name!r} was staged without {RELAY}: install engineshed-driver of this version."
            )
        return self._uploaded(relay)

    def _reached(self, artefact: Artefact) -> str:
        """Where drivers find it: in the exchange where they reach that, else in the code folder."""
        by_cluster = self._settings.exchange_reached and not self._serverless
        if artefact.uri.startswith("/Volumes/") or (artefact.uri.startswith("s3://") and by_cluster):
            return artefact.uri
        return self._uploaded(artefact)

    def _uploaded(self, artefact: Artefact) -> str:
        path = f"{self._settings.code_folder}/{artefact.sha256}/{artefact.name}"
        self._uploads[path] = {"path": path, "sha256": artefact.sha256, "uri": artefact.uri}
        return path


_OF_A_RUN = ("engineshed-token", "engineshed-mode", "dagster-run-id")


def _as_requirement(library: Mapping[str, Any], job: str) -> str:
    """A library of clusters as serverless takes it. Raises JobInvalid."""
    pypi, wheel = library.get("pypi") or {}, library.get("whl")
    if wheel or pypi.get("package"):
        return str(wheel or pypi["package"])
    raise JobInvalid(f"job {job!r}: serverless installs Python packages only, not {dict(library)}.")
