"""The loop of the provisioner: read the source, and bring every labelled namespace up to date.

A namespace that has not granted the right is asked again every second, because its pods wait for what we write. One
that is up to date is looked at again when the source changes and every few seconds, so that what someone changed is
mended. Nothing is given before a code location is there: else an uninstalled release would be given it once more.
A namespace that loses its label is left alone: see docs/discovery.md.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engineshed.discovery import marks
from engineshed.discovery.catalogue import Json
from engineshed.discovery.kubernetes_api import KubernetesApi
from engineshed.discovery.metrics import ProvisionMetrics
from engineshed.discovery.provisioning.content import Content, config_map, is_ours, owners, secret, successor
from engineshed.discovery.provisioning.source import Source
from engineshed.discovery.serving import Health
from engineshed.discovery.view import ClusterView
from engineshed.discovery.watching import PAUSES, Watches
from engineshed.model.errors import AccessDenied, EngineshedError

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds between rounds, between reads of the source, and between looks at what is up to date."""

    round_s: float = 1.0
    source_s: float = 3.0
    verify_s: float = 15.0


RHYTHM = Rhythm()


@dataclass(slots=True)
class _Namespace:
    state: str = ""
    content: Content | None = None
    seen_s: float = 0.0


class Provisioner:
    """Gives each labelled namespace its ConfigMap and its Secret."""

    def __init__(
        self,
        api: KubernetesApi,
        source: Source,
        *,
        rhythm: Rhythm = RHYTHM,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.metrics, self.health = ProvisionMetrics(), Health()
        self._api, self._source, self._rhythm, self._monotonic_s = api, source, rhythm, monotonic_s
        self._view = ClusterView()
        Watches(api, self._view, lambda kind, result: _LOG.info("watch of %s: %s", kind.value, result), PAUSES)
        self._content: Content | None = None
        self._read_s = 0.0
        self._known: dict[str, _Namespace] = {}

    def run(self) -> None:
        """Until the process ends."""
        version = -1
        while True:
            version = self._view.wait_past(version, self._rhythm.round_s)
            self.health.beat()
            self.round()

    def round(self) -> None:
        """Read the source when it is time, then bring every namespace up to date. No error ends the loop."""
        try:
            self._refresh()
        except EngineshedError as error:
            _LOG.error("the source cannot be read: %s", error)
            if self._content is None:
                return
        assert self._content is not None
        names = self._view.namespaces()
        self._known = {name: self._known.get(name, _Namespace()) for name in sorted(names)}
        for name, known in self._known.items():
            if self._is_due(known):
                self._attend(name, known, self._content)
        states = [known.state for known in self._known.values()]
        self.metrics.round(states, None if "failed" in states else time.time())
        self.health.is_ready = True

    def _refresh(self) -> None:
        now_s = self._monotonic_s()
        if self._content is None or now_s - self._read_s >= self._rhythm.source_s:
            self._read_s = now_s
            self._content = self._source.read()

    def _is_due(self, known: _Namespace) -> bool:
        settled = known.state in ("current", "foreign") and known.content == self._content
        return not settled or self._monotonic_s() - known.seen_s >= self._rhythm.verify_s

    def _attend(self, name: str, known: _Namespace, content: Content) -> None:
        before = known.state
        try:
            known.state = self._provide(name, content)
        except AccessDenied:
            known.state = "not_permitted"
        except EngineshedError as error:
            known.state = "failed"
            _LOG.warning("namespace %s: %s", name, error)
        known.content, known.seen_s = content, self._monotonic_s()
        if known.state != before:
            _LOG.info("namespace %s: %s", name, known.state)

    def _provide(self, namespace: str, content: Content) -> str:
        """`current`; `waiting` for a code location; `foreign` when an object of that name is someone else's."""
        owned_by = self._owners(namespace)
        if owned_by is not None and not owned_by:
            return "waiting"
        foreign = False
        for plural, wanted in (("configmaps", config_map(content)), ("secrets", secret(content))):
            foreign |= not self._bring(namespace, plural, wanted, owned_by)
        return "foreign" if foreign else "current"

    def _owners(self, namespace: str) -> Sequence[Json] | None:
        try:
            services, _ = self._api.list(f"/api/v1/namespaces/{namespace}/services", marks.CODE_LOCATION)
        except AccessDenied:
            return None
        return owners(services)

    def _bring(self, namespace: str, plural: str, wanted: Json, owned_by: Sequence[Json] | None) -> bool:
        """Create or replace one object. False when it is someone else's."""
        folder = f"/api/v1/namespaces/{namespace}/{plural}"
        place = f"{folder}/{wanted['metadata']['name']}"
        reply = self._api.call("GET", place)
        if reply.status == 404:
            first = {**wanted, "metadata": {**wanted["metadata"], "ownerReferences": list(owned_by or ())}}
            self._wrote(self._api.call("POST", folder, first).ok, wanted, namespace)
            return True
        if not is_ours(reply.body):
            _LOG.error("%s/%s was made by someone else and is left alone: remove or rename it.", namespace, place)
            return False
        after = successor(reply.body, wanted, owned_by)
        if after is not None:
            self._wrote(self._api.call("PUT", place, after).ok, wanted, namespace)
        return True

    def _wrote(self, done: bool, wanted: Json, namespace: str) -> None:
        """A conflict is no error: the next round reads again."""
        if done:
            self.metrics.wrote(wanted["kind"])
            _LOG.info("wrote %s %s/%s", wanted["kind"], namespace, wanted["metadata"]["name"])
