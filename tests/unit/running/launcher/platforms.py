"""A launcher whose API server is a list: what it holds is what would have been sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.utils import make_new_run_id
from kubernetes.client import (
    ApiException,
    V1Container,
    V1ContainerPort,
    V1Job,
    V1JobList,
    V1JobStatus,
    V1ObjectMeta,
    V1Pod,
    V1PodCondition,
    V1PodList,
    V1PodSpec,
    V1PodStatus,
    V1Service,
    V1ServicePort,
    V1ServiceSpec,
)

from engineshed.discovery.listing import CodeLocation, Listing, render_listing
from engineshed.running.launcher import TenantRunLauncher
from engineshed.testing.clock import VirtualClock

WEB = CodeLocation(
    name="web_graph",
    namespace="team-web-graph",
    team="web-graph",
    service_account="web-graph",
    image="engineshed/web-graph:dev",
    service="web-graph",
    host="web-graph.team-web-graph.svc",
    port=4000,
    uid="u1",
    created="2026-01-01T00:00:00Z",
)
OTHER = CodeLocation(
    name="company_registry",
    namespace="team-company-registry",
    team="company-registry",
    service_account="company-registry",
    image="engineshed/company-registry:dev",
    service="company-registry",
    host="company-registry.team-company-registry.svc",
    port=4000,
    uid="u2",
    created="2026-01-02T00:00:00Z",
)


@dataclass
class ApiServer:
    """The calls of BatchV1Api and CoreV1Api that the launcher makes."""

    created: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    deleted: list[tuple[str, str, str]] = field(default_factory=list)
    read: list[tuple[str, str]] = field(default_factory=list)
    refuse_reads: int = 0
    pods: list[V1Pod] = field(default_factory=list)
    refuse_pods: int = 0

    def create_namespaced_job(self, body: Mapping[str, Any], namespace: str, **_: object) -> None:
        self.created.append((namespace, body))

    def delete_namespaced_job(self, name: str, namespace: str, propagation_policy: str, **_: object) -> None:
        self.deleted.append((namespace, name, propagation_policy))

    def read_namespaced_job_status(self, name: str, namespace: str) -> V1Job:
        self.read.append((namespace, name))
        if self.refuse_reads:
            raise ApiException(status=self.refuse_reads)
        return V1Job(status=V1JobStatus(active=1))

    def read_namespaced_service(self, name: str, namespace: str, **_: object) -> V1Service:
        port = V1ServicePort(name="grpc", port=4000, target_port="grpc")
        return V1Service(spec=V1ServiceSpec(selector={"app": name, "space": namespace}, ports=[port]))

    def list_namespaced_pod(self, namespace: str, label_selector: str, **_: object) -> V1PodList:
        if self.refuse_pods:
            raise ApiException(status=self.refuse_pods)
        wanted = dict(pair.split("=") for pair in label_selector.split(","))
        return V1PodList(items=[pod for pod in self.pods if wanted.items() <= pod.metadata.labels.items()])

    def list_namespaced_job(self, namespace: str, field_selector: str) -> V1JobList:
        self.read.append((namespace, field_selector.removeprefix("metadata.name=")))
        return V1JobList(items=[])


def code_server(image: str, *, ready: bool = True, born_day: int = 1, beside: str = "") -> V1Pod:
    """A pod behind WEB's Service; `beside`: the image of a proxy that a mesh put first."""
    serving = V1Container(name="code-server", image=image, ports=[V1ContainerPort(name="grpc", container_port=4000)])
    proxy = V1Container(name="proxy", image=beside, ports=[V1ContainerPort(container_port=15001)])
    condition = V1PodCondition(type="Ready", status=str(ready))
    return V1Pod(
        metadata=V1ObjectMeta(
            labels={"app": WEB.service, "space": WEB.namespace},
            creation_timestamp=datetime(2026, 1, born_day, tzinfo=UTC),
        ),
        spec=V1PodSpec(containers=[proxy, serving] if beside else [serving]),
        status=V1PodStatus(conditions=[condition]),
    )


@dataclass
class Platform:
    """What a test drives."""

    instance: DagsterInstance
    launcher: TenantRunLauncher
    api: ApiServer
    locations_file: Path
    clock: VirtualClock

    def know(self, *locations: CodeLocation) -> None:
        """Write locations.json as discovery does."""
        listing = Listing({location.name: location for location in locations})
        self.locations_file.write_text(render_listing(listing, "2026-01-01T00:00:00+00:00"))

    def run(
        self,
        *,
        tags: Mapping[str, str] | None = None,
        context: Mapping[str, Any] | None = None,
        planner: CodeLocation = WEB,
        image: str | None = None,
        status: DagsterRunStatus = DagsterRunStatus.STARTING,
    ) -> DagsterRun:
        """A run as the webserver makes it from what a code server serves."""
        served = RepositoryPythonOrigin("python", ModuleCodePointer("m", "f"), image, ["dagster"], context)
        place = GrpcServerCodeLocationOrigin(planner.host, planner.port, location_name=planner.name)
        run = DagsterRun(
            job_name="edges",
            run_id=make_new_run_id(),
            tags=tags or {},
            status=status,
            remote_job_origin=RemoteJobOrigin(RemoteRepositoryOrigin(place, "__repository__"), "edges"),
            job_code_origin=JobPythonOrigin("edges", served),
        )
        return self.instance.add_run(run)

    def launch(self, run: DagsterRun) -> Mapping[str, Any]:
        """Launch; the Job that was sent."""
        self.launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))
        return self.api.created[-1][1]

    def said(self, run: DagsterRun) -> str:
        """Every event message of the run."""
        return "\n".join(entry.message for entry in self.instance.all_logs(run.run_id))
