"""Tells a team, by a Kubernetes Event on its Service, why the Service is not listed.

The Event's name is a hash of what it says, so that many sidecars and restarts make one Event. Without the right to
create Events there is the log and the metric.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from datetime import datetime

from engineshed.discovery.catalogue import Finding, Json
from engineshed.discovery.kubernetes_api import KubernetesApi
from engineshed.model.errors import EngineshedError

_LOG = logging.getLogger(__name__)
#: The most Events of one round: a flood of bad Services does not hold up the loop.
_MOST = 20


class Teller:
    """Remembers what was told."""

    def __init__(self, api: KubernetesApi) -> None:
        self._api = api
        self._told: frozenset[Finding] = frozenset()

    def tell(self, findings: Iterable[Finding], now: datetime) -> None:
        """Log each new finding and put it on its object. Never raises: a finding is no reason to stop."""
        current = frozenset(findings)
        for finding in sorted(current - self._told, key=lambda f: (f.namespace, f.service, f.reason))[:_MOST]:
            _LOG.warning("%s/%s is skipped: %s", finding.namespace, finding.service or "(namespace)", finding.message)
            if finding.service:
                self._put(finding, now)
        self._told = current

    def _put(self, finding: Finding, now: datetime) -> None:
        try:
            reply = self._api.call("POST", f"/api/v1/namespaces/{finding.namespace}/events", event(finding, now))
            if not reply.ok and reply.status != 409:
                _LOG.info("no Event on %s/%s: status %s", finding.namespace, finding.service, reply.status)
        except EngineshedError as error:
            _LOG.info("no Event on %s/%s: %s", finding.namespace, finding.service, error)


def event(finding: Finding, now: datetime) -> Json:
    """The Event of a finding."""
    said = hashlib.sha256(f"{finding.uid} {finding.reason} {finding.message}".encode()).hexdigest()[:16]
    when = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    reason = "".join(word.capitalize() for word in finding.reason.split("_"))
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{finding.service[:200]}.{said}", "namespace": finding.namespace},
        "involvedObject": {
            "apiVersion": "v1",
            "kind": "Service",
            "name": finding.service,
            "namespace": finding.namespace,
            "uid": finding.uid,
        },
        "type": "Warning",
        "reason": f"CodeLocation{reason}",
        "message": f"This code location is not listed: {finding.message}"[:1024],
        "source": {"component": "engineshed-discovery"},
        "firstTimestamp": when,
        "lastTimestamp": when,
        "count": 1,
    }
