"""The Kubernetes calls of the launcher: the only way in is a checked Job, the only namespace that of a warrant."""

from __future__ import annotations

from typing import Any, NoReturn

from dagster_k8s.client import (
    DEFAULT_JOB_CREATION_TIMEOUT,
    DagsterKubernetesClient,
    k8s_api_retry_creation_mutation,
)
from kubernetes.client import ApiClient, ApiException, V1Job

from engineshed.model.errors import LaunchRefused
from engineshed.running.launcher.manifest import check_job
from engineshed.running.launcher.warrant import Warrant

_ATTEMPTS = 3
_PAUSE_S = 2.0


class CheckedClient(DagsterKubernetesClient):
    """DagsterKubernetesClient that creates nothing but what a warrant allows."""

    @classmethod
    def around(cls, client: DagsterKubernetesClient) -> CheckedClient:
        """The same connections."""
        return cls(client.batch_api, client.core_api, client.logger, client.sleeper, client.timer)

    def start(self, job: V1Job, warrant: Warrant) -> None:
        """Check the Job and send just that, owned by the release. Raises LaunchRefused; else as Dagster does."""
        manifest: dict[str, Any] = ApiClient().sanitize_for_serialization(job)
        check_job(manifest, warrant.namespace, warrant)
        manifest["metadata"]["ownerReferences"] = [dict(warrant.owner)]
        k8s_api_retry_creation_mutation(
            lambda: self.batch_api.create_namespaced_job(
                body=manifest, namespace=warrant.namespace, _request_timeout=DEFAULT_JOB_CREATION_TIMEOUT
            ),
            max_retries=_ATTEMPTS,
            timeout=_PAUSE_S,
        )

    def create_namespaced_job_with_retries(self, *_: object, **__: object) -> NoReturn:
        """Never: it would send a Job that nobody checked."""
        raise LaunchRefused("a Job is started by a warrant only: use start().")

    def delete_job(self, job_name: str, namespace: str) -> bool:
        """Delete the Job and leave its pods to the garbage collector, for which no right on pods is needed.

        False when there is no such Job.
        """
        try:
            self.batch_api.delete_namespaced_job(
                name=job_name, namespace=namespace, propagation_policy="Background", _request_timeout=30
            )
        except ApiException as error:
            if error.status == 404:
                return False
            raise
        return True
