"""Sees pods come and go while something else happens: what a person would see in `kubectl get pods --watch`."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .cluster import Object


@dataclass(frozen=True, slots=True)
class Span:
    """When a pod's container ran, by the kubelet's clock, in whole seconds. `ended` is None where no end was seen."""

    began: datetime
    ended: datetime | None


@dataclass(slots=True)
class Watching:
    """Every pod of a namespace as it was seen last, by name; one that was deleted keeps its last state."""

    last: dict[str, Object] = field(default_factory=dict)

    def pods(self, labels: Mapping[str, str]) -> dict[str, Object]:
        """Every pod ever seen that has the labels."""
        return {
            name: pod for name, pod in self.last.items() if labels.items() <= pod["metadata"].get("labels", {}).items()
        }

    def span(self, name: str) -> Span | None:
        """When that pod ran; None where it never did."""
        for container in self.last[name]["status"].get("containerStatuses", []):
            state = container["state"]
            at = state.get("terminated") or state.get("running")
            if at and at.get("startedAt"):
                return Span(_time(at["startedAt"]), _time(at["finishedAt"]) if at.get("finishedAt") else None)
        return None

    def executors(self, driver: str) -> list[Span]:
        """When each executor of that driver pod ran, in the order of their starts."""
        spans = [self.span(name) for name, pod in self.last.items() if owned_by(pod, driver)]
        return sorted((span for span in spans if span is not None), key=lambda span: span.began)


def most_at_once(spans: list[Span]) -> int:
    """How many of them ran at the same time at most."""

    def at_once(at: datetime) -> int:
        return sum(span.began <= at and (span.ended is None or span.ended > at) for span in spans)

    return max((at_once(span.began) for span in spans), default=0)


def running(pod: Object) -> bool:
    """Whether the pod runs and is not being deleted."""
    return pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]


def owned_by(pod: Object, name: str) -> bool:
    """Whether the pod's owner has that name."""
    owners: list[dict[str, Any]] = pod["metadata"].get("ownerReferences", [])
    return any(owner["name"] == name for owner in owners)


def _time(written: str) -> datetime:
    return datetime.fromisoformat(written.replace("Z", "+00:00"))


@contextmanager
def watching(namespace: str) -> Iterator[Watching]:
    """Watch the namespace's pods until the block ends: each change of each, none is missed between two looks."""
    seen = Watching()
    # The server ends a watch after half an hour at the earliest; no run of the suite takes as long.
    path = f"/api/v1/namespaces/{namespace}/pods?watch=true"
    stream = subprocess.Popen(["kubectl", "get", "--raw", path], stdout=subprocess.PIPE, text=True)

    def read() -> None:
        assert stream.stdout is not None
        for line in stream.stdout:
            pod = json.loads(line)["object"]
            seen.last[pod["metadata"]["name"]] = pod

    watcher = threading.Thread(target=read, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        stream.terminate()
        stream.wait(timeout=30)
        watcher.join(timeout=30)
