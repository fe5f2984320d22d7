"""The few calls of the Kubernetes API that discovery makes, as plain JSON.

Plain JSON because typed models fail on objects that they do not expect, and what a team writes must never end a watch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engineshed.discovery.catalogue import Json
from engineshed.model.errors import AccessDenied, ExtraMissing, PlatformBusy, SettingInvalid

_CALL_TIMEOUT_S = 10
_PAGE = 500
#: Statuses that are answers, not errors: missing, already there, too old, not acceptable.
_ANSWERS = frozenset({404, 409, 410, 422})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the API server; `status` is 2xx or one of 404, 409, 410, 422."""

    status: int
    body: Json

    @property
    def ok(self) -> bool:
        """Whether the call did what it says."""
        return self.status < 300


class KubernetesApi:
    """The API server, under the account of this pod or of a kubeconfig."""

    def __init__(self, client: Any, watch_s: int = 60) -> None:
        """`watch_s`: how long a watch lasts, which is also how long a right that was withdrawn may still serve."""
        self._client, self._watch_s = client, watch_s

    @classmethod
    def open(cls, connections: int = 64) -> KubernetesApi:
        """By the pod's account, else by the kubeconfig. Raises ExtraMissing or SettingInvalid saying what lacks."""
        try:
            from kubernetes import client, config
        except ImportError:
            raise ExtraMissing(
                "the Kubernetes client is not installed: pip install 'engineshed[kubernetes]'."
            ) from None
        configuration = client.Configuration()
        try:
            try:
                config.load_incluster_config(client_configuration=configuration)
            except config.ConfigException:
                config.load_kube_config(client_configuration=configuration)
        except config.ConfigException as error:
            raise SettingInvalid(f"no Kubernetes cluster is named ({error}): set KUBECONFIG or run in a pod.") from None
        # Each watch holds a connection for as long as it lasts.
        configuration.connection_pool_maxsize = connections
        configuration.retries = False
        return cls(client.ApiClient(configuration))

    def call(self, method: str, path: str, body: Json | None = None, query: Mapping[str, str] | None = None) -> Reply:
        """One call. Raises AccessDenied (401, 403) and PlatformBusy (all else that is no answer)."""
        response = self._open(method, path, body, query, _CALL_TIMEOUT_S)
        if isinstance(response, Reply):
            return response
        try:
            return Reply(response.status, _mapping(response.data))
        finally:
            response.release_conn()

    def list(self, path: str, selector: str) -> tuple[list[Json], str]:
        """Every object below `path` with the label selector, and the version to watch from."""
        items: list[Json] = []
        query = {"labelSelector": selector, "limit": str(_PAGE)}
        while True:
            reply = self.call("GET", path, query=query)
            if reply.status == 410:
                items, query = [], {key: value for key, value in query.items() if key != "continue"}
                continue
            if not reply.ok:
                raise PlatformBusy(f"the API server answers {reply.status} to a list of {path}.")
            found, meta = reply.body.get("items"), reply.body.get("metadata")
            items.extend(each for each in found or () if isinstance(each, Mapping))
            meta = meta if isinstance(meta, Mapping) else {}
            if not meta.get("continue"):
                return items, str(meta.get("resourceVersion", ""))
            query["continue"] = str(meta["continue"])

    def watch(self, path: str, selector: str, version: str) -> Iterator[Json]:
        """Events from `version` on, for `watch_s` at most. Ends early when the connection does; raises as `call`."""
        query = {
            "labelSelector": selector,
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(self._watch_s),
        }
        response = self._open("GET", path, None, query, self._watch_s + _CALL_TIMEOUT_S)
        if isinstance(response, Reply):
            yield {"type": "ERROR", "object": {"code": response.status}}
            return
        try:
            yield from _events(response)
        finally:
            response.close()

    def _open(
        self, method: str, path: str, body: Json | None, query: Mapping[str, str] | None, timeout_s: float
    ) -> Any:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            return self._client.call_api(
                path,
                method,
                query_params=list((query or {}).items()),
                header_params={"Accept": "application/json", "Content-Type": "application/json"},
                body=body,
                auth_settings=["BearerToken"],
                _return_http_data_only=True,
                _preload_content=False,
                _request_timeout=(_CALL_TIMEOUT_S, timeout_s),
            )
        except ApiException as error:
            if error.status in (401, 403):
                raise AccessDenied(f"{method} {path} is not permitted ({error.status}).") from None
            if error.status in _ANSWERS:
                return Reply(error.status, {})
            raise PlatformBusy(f"the API server answers {error.status} to {method} {path}.") from None
        except (HTTPError, OSError) as error:
            raise PlatformBusy(f"the API server cannot be reached: {error}.") from None


def _events(response: Any) -> Iterator[Json]:
    from urllib3.exceptions import HTTPError

    rest = b""
    try:
        for chunk in response.stream(amt=None, decode_content=False):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line.strip():
                    yield _mapping(line)
    except (HTTPError, OSError) as error:
        raise PlatformBusy(f"a watch broke off: {error}.") from None


def _mapping(text: bytes) -> Json:
    try:
        plain = json.loads(text)
    except ValueError:
        raise PlatformBusy("the API server answers with what is no JSON.") from None
    return plain if isinstance(plain, Mapping) else {}
