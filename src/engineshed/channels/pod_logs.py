"""The channel of pods without an object store: the context travels with the launch, messages by the driver's log.

Messages are those lines of the log that stock Pipes wrote to standard output; all other lines are the driver's own
output and are passed over. A fallback: the kubelet keeps about 10 MiB of a container's log and nothing of a pod that is
deleted. The reader refuses to go on behind a line that was rotated away, rather than to lose messages unsaid.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from engineshed.model.errors import AccessDenied, ChannelError, ExtraMissing, SettingInvalid

try:
    from kubernetes import client, config
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError
except ModuleNotFoundError as _absent:
    raise ExtraMissing("channel pod_logs needs the Kubernetes client: pip install engineshed[kubernetes].") from _absent

from engineshed.model.launch import Token
from engineshed.model.message import Batch, Message
from engineshed.model.wiring import Wiring
from engineshed.ports.engine import Surroundings
from engineshed.processes.stamped import Place, after, lines_of

NAME = "pod_logs"
POLL_BYTES = 4 * 2**20
"""Messages handed out a poll hold about so much, so that memory stays flat."""

_TOKEN, _ROLE, _DRIVER = "engineshed.dev/token", "engineshed.dev/role", "spark-driver"
_BEGINS = b'{"__dagster_pipes_version"'
_CLOSED = 1 << 40
"""Added to a place's count once `closed` was read."""
_NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
_ALLOWED = ("namespace", "context", "kubeconfig")


class PodLogReader:
    """Reads the messages of the driver's pod of one run. Keeps nothing between polls but the pod's name."""

    def __init__(self, core: client.CoreV1Api, address: str) -> None:
        namespace, _, token = address.partition("/")
        if not token:
            raise ChannelError(f"{address!r} is no address of channel {NAME}: NAMESPACE/TOKEN is.")
        self._core, self._namespace, self._token = core, namespace, token
        self._pod = self._container = ""

    def poll(self, cursor: str) -> Batch:
        """The messages after the cursor. Raises ChannelError, AccessDenied."""
        place = Place.parse(cursor)
        pod = self._pod = self._pod or self._find()
        if not pod:
            return Batch(cursor=cursor, closed=place.count >= _CLOSED)
        query = {"since_time": place.since} if place.since else {}
        with _as_channel_errors(pod), self._log(pod, query) as pieces:
            return _batch(pieces, place, cursor)

    def _find(self) -> str:
        """The driver's newest pod, or nothing yet."""
        with _as_channel_errors(self._token):
            selector = f"{_TOKEN}={self._token},{_ROLE}={_DRIVER}"
            pods = self._core.list_namespaced_pod(self._namespace, label_selector=selector, _request_timeout=(5, 30))
        newest = max(pods.items, key=lambda pod: pod.metadata.creation_timestamp, default=None)
        if newest is None:
            return ""
        # The first: what a cluster adds comes behind it.
        self._container = newest.spec.containers[0].name
        return str(newest.metadata.name)

    @contextmanager
    def _log(self, pod: str, query: Mapping[str, str]) -> Iterator[Iterator[bytes]]:
        path = f"/api/v1/namespaces/{self._namespace}/pods/{pod}/log"
        asked = {"container": self._container, "timestamps": "true"}
        if "since_time" in query:
            asked["sinceTime"] = query["since_time"]
        try:
            response = self._core.api_client.call_api(
                path,
                "GET",
                query_params=list(asked.items()),
                header_params={"Accept": "*/*"},
                auth_settings=["BearerToken"],
                _preload_content=False,
                _return_http_data_only=True,
                _request_timeout=(5, 30),
            )
        except ApiException as error:
            # 400: the container is waiting to start. Nothing was said yet.
            if error.status != 400:
                raise
            yield iter(())
            return
        try:
            yield response.stream(64 * 1024)
        finally:
            response.close()
            response.release_conn()


class PodLogChannel:
    """Contexts go with the launch, messages come from the log of the pod that carries the token."""

    def __init__(self, core: client.CoreV1Api, namespace: str) -> None:
        self._core, self._namespace = core, namespace

    @property
    def name(self) -> str:
        """As engines name it."""
        return NAME

    def prepare(self, token: Token, context: Mapping[str, Any]) -> Wiring:
        """Nothing is written: the context is in the wiring, and the engine puts it where the driver finds it."""
        channel = {"version": 1, "kind": "stdout", "context": dict(context)}
        text = json.dumps(channel, sort_keys=True, ensure_ascii=False)
        return Wiring(
            channel=NAME,
            address=f"{self._namespace}/{token}",
            env={"ENGINESHED_CHANNEL": text},
            arguments=("--engineshed-channel", text),
        )

    def reader(self, address: str) -> PodLogReader:
        """A reader of that pod's log."""
        return PodLogReader(self._core, address)

    def remove(self, address: str) -> None:
        """Nothing: the log goes with its pod."""


def build(settings: Mapping[str, Any], surroundings: Surroundings) -> PodLogChannel:
    """The channel `pod_logs`. Settings: namespace, context, kubeconfig, as for the engine. Raises SettingInvalid."""
    for key, value in settings.items():
        if key not in _ALLOWED or not isinstance(value, str):
            raise SettingInvalid(f"channels.{NAME}.{key}: {value!r}; allowed are texts for {', '.join(_ALLOWED)}.")
    configuration = client.Configuration()
    namespace = _configure(configuration, settings)
    core = client.CoreV1Api(client.ApiClient(configuration))
    return PodLogChannel(core, settings.get("namespace") or namespace)


def _configure(configuration: client.Configuration, settings: Mapping[str, Any]) -> str:
    """Fill it in; the namespace that it comes with."""
    context, file = settings.get("context"), settings.get("kubeconfig")
    if context is None and file is None:
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException:
            pass
        else:
            with open(_NAMESPACE_FILE, encoding="utf-8") as known:
                return known.read().strip()
    try:
        config.load_kube_config(file, context, client_configuration=configuration)
        contexts, active = config.list_kube_config_contexts(file)
    except (config.ConfigException, OSError) as error:
        raise SettingInvalid(
            f"channels.{NAME}: this is no pod and there is no usable kubeconfig ({error}): set KUBECONFIG, or "
            f"channels.{NAME}.kubeconfig and .context."
        ) from error
    chosen = active if context is None else next(one for one in contexts if one["name"] == context)
    return str(chosen["context"].get("namespace") or "default")


def _batch(pieces: Iterator[bytes], place: Place, cursor: str) -> Batch:
    messages: list[Message] = []
    at, size, damaged = place, 0, 0
    count, closed = place.count % _CLOSED, place.count >= _CLOSED
    for text, here in after(lines_of(pieces), place):
        if not text.endswith(b"\n") or size > POLL_BYTES:
            break
        at = here
        if not text.startswith(_BEGINS):
            continue
        size += len(text)
        count += 1
        message = _message(text, count)
        if message is None:
            damaged += 1
            continue
        messages.append(message)
        closed = closed or message.method == "closed"
    cursor = str(replace(at, count=count + (_CLOSED if closed else 0))) if at != place else cursor
    return Batch(messages=tuple(messages), cursor=cursor, closed=closed, damaged=damaged)


def _message(line: bytes, sequence: int) -> Message | None:
    try:
        plain: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    method, params = plain.get("method"), plain.get("params") or {}
    if not isinstance(method, str) or not isinstance(params, dict):
        return None
    return Message(sequence, method, params)


@contextmanager
def _as_channel_errors(what: str) -> Iterator[None]:
    try:
        yield
    except ApiException as error:
        if error.status in (401, 403):
            raise AccessDenied(
                f"the log of {what} is closed to us ({error.status} {error.reason}): the account needs to list pods "
                "and get pods/log."
            ) from error
        raise ChannelError(f"the log of {what} cannot be read: {error.status} {error.reason}.") from error
    except HTTPError as error:
        raise ChannelError(f"the API server did not answer for the log of {what}: {error}.") from error
