"""Reads what is to be given: ConfigMap and Secret of the platform's namespace, and the nodes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from engineshed.discovery.catalogue import Json
from engineshed.discovery.kubernetes_api import KubernetesApi
from engineshed.discovery.provisioning.content import CLUSTER_FILE, FILES, Content, cluster_file, nodes
from engineshed.model.errors import SettingInvalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the platform keeps its own."""

    namespace: str
    config_map: str
    secret: str
    secret_key: str


class Source:
    """Reads anew on each call; the nodes at most once a `nodes_every_s`."""

    def __init__(
        self,
        api: KubernetesApi,
        place: Place,
        *,
        now: Callable[[], datetime],
        monotonic_s: Callable[[], float],
        nodes_every_s: float = 60.0,
    ) -> None:
        self._api, self._place = api, place
        self._now, self._monotonic_s, self._nodes_every_s = now, monotonic_s, nodes_every_s
        self._nodes: Sequence[Json] | None = None
        self._nodes_read_s = 0.0
        self._cluster = ""

    def read(self) -> Content:
        """The content. Raises SettingInvalid naming what is missing, AccessDenied and PlatformBusy."""
        files = self._named("configmaps", self._place.config_map).get("data") or {}
        missing = [name for name in FILES if not isinstance(files.get(name), str)]
        if missing:
            raise SettingInvalid(
                f"ConfigMap {self._place.namespace}/{self._place.config_map} lacks {', '.join(missing)}: it is "
                "rendered by the platform's chart."
            )
        return Content(
            {**{name: files[name] for name in FILES}, CLUSTER_FILE: self._cluster_file()},
            self._password(self._named("secrets", self._place.secret).get("data") or {}),
        )

    def _named(self, kind: str, name: str) -> Json:
        reply = self._api.call("GET", f"/api/v1/namespaces/{self._place.namespace}/{kind}/{name}")
        if not reply.ok:
            raise SettingInvalid(f"{kind[:-1]} {self._place.namespace}/{name} does not exist: create it.")
        return reply.body

    def _password(self, data: Json) -> bytes:
        try:
            return base64.b64decode(data[self._place.secret_key], validate=True)
        except (KeyError, TypeError, binascii.Error):
            raise SettingInvalid(
                f"secret {self._place.namespace}/{self._place.secret} has no key {self._place.secret_key!r}: name the "
                "key that holds the password."
            ) from None

    def _cluster_file(self) -> str:
        """The nodes as they were at `as_of`, which moves only when they change: every namespace is written then."""
        now_s = self._monotonic_s()
        if self._nodes is None or now_s - self._nodes_read_s >= self._nodes_every_s:
            items, _ = self._api.list("/api/v1/nodes", "")
            found, self._nodes_read_s = nodes(items), now_s
            if found != self._nodes:
                self._nodes = found
                self._cluster = cluster_file(found, self._now().isoformat(timespec="seconds"))
        return self._cluster
