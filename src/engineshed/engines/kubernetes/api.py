"""The API server, as plain JSON and in the errors of engineshed.

Raw paths instead of the client's typed methods, so that Jobs, pods and the operator's resources are asked alike and
what is read is what `kubectl get -o json` shows. It refuses to guess a cluster: outside a pod there must be a
kubeconfig.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from engineshed.engines.kubernetes.settings import NAME, KubernetesSettings
from engineshed.model.errors import AccessDenied, EngineError, PlatformBusy, SubmitRejected
from engineshed.model.failure import FailureClass

JSON = Mapping[str, Any]

_NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
_MERGE = "application/merge-patch+json"


class Missing(EngineError):
    """The API server knows no such object. Callers say what that means."""


class NoCluster(EngineError):
    """This is no pod, and no kubeconfig says where a cluster is."""

    failure_class = FailureClass.CONFIGURATION


class Taken(EngineError):
    """The name is taken, or the object has changed since it was read."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A namespaced kind of object."""

    path: str
    plural: str

    def at(self, namespace: str, name: str = "", part: str = "") -> str:
        """The path of the collection, of one object, or of a part of it."""
        tail = f"/{name}" if name else ""
        return f"{self.path}/namespaces/{namespace}/{self.plural}{tail}" + (f"/{part}" if part else "")


JOBS = Kind("/apis/batch/v1", "jobs")
PODS = Kind("/api/v1", "pods")
CONFIG_MAPS = Kind("/api/v1", "configmaps")
EVENTS = Kind("/api/v1", "events")
APPLICATIONS = Kind("/apis/sparkoperator.k8s.io/v1beta2", "sparkapplications")


class Api:
    """One API server. Opening it reads files only; every other method asks the server."""

    def __init__(self, configuration: client.Configuration, namespace: str, timeout_s: float) -> None:
        self.namespace = namespace
        self._configuration = configuration
        self._timeout_s = timeout_s
        self._client: client.ApiClient | None = None

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """One object or list. Raises Missing, PlatformBusy, AccessDenied."""
        return self._json("GET", path, query=query)

    def items(self, path: str, **query: str) -> list[dict[str, Any]]:
        """All items of a list, over any number of pages."""
        found: list[dict[str, Any]] = []
        more: dict[str, str] = {}
        while True:
            page = self.get(path, limit="500", **query, **more)
            found += page.get("items", [])
            onwards = page.get("metadata", {}).get("continue")
            if not onwards:
                return found
            more = {"continue": onwards}

    def create(self, path: str, body: JSON) -> dict[str, Any]:
        """A new object. Raises Taken, SubmitRejected, and as `get`."""
        return self._json("POST", path, body=body)

    def patch(self, path: str, body: JSON) -> dict[str, Any]:
        """Merge into an object; with a resourceVersion in the body only that version. Raises Taken, and as `get`."""
        return self._json("PATCH", path, body=body)

    def delete(self, path: str) -> None:
        """Delete an object, and in the background what it owns. Raises Missing, and as `get`."""
        self._json(
            "DELETE", path, body={"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        )

    @contextmanager
    def stream(self, path: str, **query: str) -> Iterator[Iterator[bytes]]:
        """The body piece by piece; leaving the block closes the connection."""
        with _translated(path):
            response = self._call("GET", path, query=query)
            try:
                yield response.stream(64 * 1024)
            finally:
                response.close()
                response.release_conn()

    def _json(
        self, method: str, path: str, *, body: JSON | None = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        with _translated(path):
            response = self._call(method, path, body=body, query=query or {})
            try:
                plain: dict[str, Any] = json.loads(response.data)
            finally:
                response.release_conn()
            return plain

    def _call(self, method: str, path: str, *, body: JSON | None = None, query: Mapping[str, str]) -> Any:
        if self._client is None:
            self._client = client.ApiClient(self._configuration)
        headers = {"Accept": "application/json, */*"}
        if body is not None:
            headers["Content-Type"] = _MERGE if method == "PATCH" else "application/json"
        return self._client.call_api(
            path,
            method,
            query_params=list(query.items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
            _preload_content=False,
            _return_http_data_only=True,
            _request_timeout=(min(5.0, self._timeout_s), self._timeout_s),
        )


def open_api(settings: KubernetesSettings) -> Api:
    """The API server of the pod that this runs in, or of the kubeconfig. Raises NoCluster."""
    configuration = client.Configuration()
    if settings.context is None and settings.kubeconfig is None:
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException:
            pass
        else:
            return Api(configuration, settings.namespace or _own_namespace(), settings.request_timeout_s)
    try:
        config.load_kube_config(settings.kubeconfig, settings.context, client_configuration=configuration)
        contexts, active = config.list_kube_config_contexts(settings.kubeconfig)
    except (config.ConfigException, OSError) as error:
        raise NoCluster(
            f"engines.{NAME}: this is no pod and there is no usable kubeconfig ({error}): "
            f"set KUBECONFIG, or engines.{NAME}.kubeconfig and .context."
        ) from error
    if settings.context is not None:
        active = next(known for known in contexts if known["name"] == settings.context)
    namespace = settings.namespace or active["context"].get("namespace") or "default"
    return Api(configuration, namespace, settings.request_timeout_s)


def _own_namespace() -> str:
    with open(_NAMESPACE_FILE, encoding="utf-8") as file:
        return file.read().strip()


@contextmanager
def _translated(path: str) -> Iterator[None]:
    try:
        yield
    except ApiException as error:
        raise _error_of(error, path) from error
    except (HTTPError, OSError, ValueError) as error:
        raise PlatformBusy(f"the API server did not answer {path}: {error}.") from error


def _error_of(error: ApiException, path: str) -> EngineError:
    """The API server's answer in our words. Source: kubernetes.io/docs/reference/using-api/api-concepts and the
    reasons of apimachinery's StatusReason.
    """
    fact = f"{path}: {_message(error)}"
    match error.status:
        case 404:
            return Missing(f"the API server has no {fact}")
        case 409:
            return Taken(fact)
        case 401:
            return AccessDenied(f"the API server does not know us at {fact}: renew the credentials.")
        case 403 if "exceeded quota" in fact:
            return SubmitRejected(f"the namespace's quota is used up: {fact}", FailureClass.CAPACITY)
        case 403:
            return AccessDenied(f"{fact}: the account lacks this right; the Role of the code location grants it.")
        case 400 | 413 | 422:
            return SubmitRejected(f"the API server refuses {fact}")
        case _:
            return PlatformBusy(f"the API server said {error.status} to {fact}: repeat the call.")


def _message(error: ApiException) -> str:
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return str(error.reason)
