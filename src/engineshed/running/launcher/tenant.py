"""TenantRunLauncher: K8sRunLauncher whose every decision about *where* and *as whom* comes from discovery.

Ending, watching and describing a run use the namespace of its location alone; the run's own words (tags, container
context) are not even read there. A run is never resumed: a new run adopts what the dead one launched.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dagster import DagsterRun, DagsterRunStatus, Field, StringSource
from dagster._core.launcher import LaunchRunContext, ResumeRunContext
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.tags import DOCKER_IMAGE_TAG, MAX_RETRIES_TAG
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClassData
from dagster_k8s import K8sRunLauncher
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.job import construct_dagster_k8s_job, get_job_name_from_run_id, get_user_defined_k8s_config
from dagster_k8s.utils import sanitize_k8s_label
from kubernetes.client import ApiException, V1Job
from urllib3.exceptions import HTTPError

from engineshed.model.errors import LaunchRefused
from engineshed.ports.clock import Clock
from engineshed.running.launcher.claims import check_container_context, check_tags
from engineshed.running.launcher.client import CheckedClient
from engineshed.running.launcher.pods import TEAM_VARIABLE
from engineshed.running.launcher.serving import served_image
from engineshed.running.launcher.warrant import Authority, Warrant
from engineshed.running.system_clock import SystemClock

_LOG = logging.getLogger(__name__)

#: Dagster's own default, a day, leaves thousands of dead pods behind.
FINISHED_JOB_TTL_S = 3600

#: Keys of K8sRunLauncher that discovery decides here.
_DECIDED = frozenset({"service_account_name", "job_namespace", "job_image"})


class TenantRunLauncher(K8sRunLauncher):
    """Starts each run as a Job of its team.

    Args:
        locations_file: locations.json of the discovery sidecar in this pod.
        locations_wait_s: seconds to wait for a location that the file does not hold yet.

    All other arguments are K8sRunLauncher's, without the account, the namespace and the image.
    """

    def __init__(
        self,
        locations_file: str = "/workspace/locations.json",
        locations_wait_s: float = 5.0,
        inst_data: ConfigurableClassData | None = None,
        clock: Clock | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(service_account_name="", inst_data=inst_data, **settings)
        self._api_client = CheckedClient.around(self._api_client)
        self._authority = Authority(Path(locations_file), clock or SystemClock(), locations_wait_s)

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        """K8sRunLauncher's settings less those that discovery decides, and ours."""
        theirs: Mapping[str, Any] = super().config_type()  # type: ignore[no-untyped-call]
        inherited = {key: field for key, field in theirs.items() if key not in _DECIDED}
        return {
            **inherited,
            "locations_file": Field(
                StringSource,
                is_required=False,
                default_value="/workspace/locations.json",
                description="locations.json, kept by `engineshed discover` in this pod.",
            ),
            "locations_wait_s": Field(
                float,
                is_required=False,
                default_value=5.0,
                description="Seconds to wait for a location that the file does not hold yet.",
            ),
        }

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the run's Job. A refusal fails the run with its sentence, and no retry follows it."""
        run = context.dagster_run
        try:
            self._start(run)
        except LaunchRefused as refusal:
            self._instance.add_run_tags(run.run_id, {MAX_RETRIES_TAG: "0"})
            self._instance.report_run_failed(run, str(refusal))
            raise

    @property
    def supports_resume_run(self) -> bool:
        """No: see the module."""
        return False

    @property
    def supports_run_worker_crash_recovery(self) -> bool:
        """No: see the module."""
        return False

    def resume_run(self, context: ResumeRunContext) -> None:
        """Never."""
        raise LaunchRefused(
            f"run {context.dagster_run.run_id} is not resumed: set run_monitoring.max_resume_run_attempts to 0 and let "
            "run_retries start a new run, which adopts what this one launched."
        )

    def get_container_context_for_run(self, dagster_run: DagsterRun) -> K8sContainerContext:
        """Where the run's Job is, by discovery; nothing that the run or its code server says."""
        return K8sContainerContext(namespace=self._authority.location_of(dagster_run).namespace)

    def terminate(self, run_id: str) -> bool:
        """End the run's Job. Raises LaunchRefused, before anything is reported, when its location is not known."""
        run = self._instance.get_run_by_id(run_id)
        if run and not run.is_finished:
            self._authority.location_of(run)
        return bool(super().terminate(run_id))  # type: ignore[no-untyped-call]

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """What the API server says of the Job. What cannot be known is not taken for death: `max_runtime` bounds it."""
        try:
            namespace = self._authority.location_of(run).namespace
        except LaunchRefused as refusal:
            _LOG.warning("%s", refusal)
            return CheckRunHealthResult(WorkerStatus.RUNNING, str(refusal))
        health: CheckRunHealthResult = super().check_run_worker_health(run)
        if health.status is WorkerStatus.UNKNOWN and "could not be found" not in (health.msg or ""):
            _LOG.warning("the Job of run %s in %s cannot be read: %s", run.run_id, namespace, health.msg)
            return CheckRunHealthResult(WorkerStatus.RUNNING, health.msg)
        return health

    def get_run_worker_debug_info(self, run: DagsterRun, include_container_logs: bool | None = True) -> str | None:
        """Pod states, events and log lines of the run, or why they cannot be had.

        Dagster's monitor asks this last of a run that it gives up. The Job of one that never started is ended: its pod
        would wait for its image for ever, and hold the team's quota.
        """
        try:
            said: str | None = super().get_run_worker_debug_info(run, include_container_logs)
        except LaunchRefused as refusal:
            return str(refusal)
        finally:
            if run.status is DagsterRunStatus.STARTING:
                self._end_job(run)
        return said

    def _end_job(self, run: DagsterRun) -> None:
        """As well as it can be: what remains is said in the log."""
        try:
            namespace = self._authority.location_of(run).namespace
            self._api_client.delete_job(_job_name(run), namespace)
        except (LaunchRefused, ApiException, HTTPError) as error:
            _LOG.warning("the Job of run %s, which never started, is not ended: %s", run.run_id, error)

    def _start(self, run: DagsterRun) -> None:
        location = self._authority.location_of(run, wait=True)
        if run.job_code_origin is None:
            raise LaunchRefused(f"run {run.run_id} does not say what code it runs: launch it through the webserver.")
        arguments = ExecuteRunArgs(
            job_origin=run.job_code_origin,
            run_id=run.run_id,
            instance_ref=self._instance.get_ref(),
            set_exit_code_on_failure=self._fail_pod_on_run_failure,
        ).get_command_args()
        warrant = Warrant(
            namespace=location.namespace,
            team=location.team,
            code_location=location.name,
            service_account=location.service_account,
            image=served_image(self._api_client.core_api, location),
            job_name=_job_name(run),
            arguments=arguments,
            service=location.service,
            service_uid=location.uid,
            own_labels={
                "dagster/run-id": sanitize_k8s_label(run.run_id),
                "dagster/code-location": sanitize_k8s_label(location.name),
                "dagster/job": sanitize_k8s_label(run.job_code_origin.job_name),
            },
        )
        job = self._job(run, warrant)
        self._instance.add_run_tags(run.run_id, {DOCKER_IMAGE_TAG: warrant.image})
        self._report_run_worker_creating(run, warrant.job_name, warrant.namespace)
        self._api_client.start(job, warrant)
        self._report_run_worker_created(run)

    def _job(self, run: DagsterRun, warrant: Warrant) -> V1Job:
        """The Job as launcher settings, container context and tags make it, in this order; not yet checked."""
        assert run.job_code_origin is not None
        check_container_context(run.job_code_origin.repository_origin.container_context)
        check_tags(get_user_defined_k8s_config(run.tags))
        asked = K8sContainerContext.create_for_run(run, None, include_run_tags=True)
        if asked.namespace not in (None, "", warrant.namespace):
            raise LaunchRefused(
                f"container_context.k8s.namespace is {asked.namespace!r}, but code location {warrant.code_location!r} "
                f"is of namespace {warrant.namespace!r}: leave it out."
            )
        context = K8sContainerContext.create_for_run(run, self, include_run_tags=True)
        config = context.get_k8s_job_config(warrant.image, self)
        return construct_dagster_k8s_job(
            job_config=config._replace(service_account_name=warrant.service_account),
            args=warrant.arguments,
            job_name=warrant.job_name,
            pod_name=warrant.job_name,
            component="run_worker",
            user_defined_k8s_config=_with_ttl(context.run_k8s_config),
            labels=warrant.labels,
            env_vars=_variables(run, warrant),
        )


def _job_name(run: DagsterRun) -> str:
    return str(get_job_name_from_run_id(run.run_id))  # type: ignore[no-untyped-call]


def _variables(run: DagsterRun, warrant: Warrant) -> Sequence[Mapping[str, str]]:
    return [
        {"name": "DAGSTER_RUN_JOB_NAME", "value": run.job_name},
        {"name": TEAM_VARIABLE, "value": warrant.team},
    ]


def _with_ttl(config: Any) -> Any:
    return config._replace(job_spec_config={"ttl_seconds_after_finished": FINISHED_JOB_TTL_S, **config.job_spec_config})
