"""Sees pods come and go while something else happens: what a person would see in `kubectl get pods --watch`."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .cluster import Cluster, Object


@dataclass(frozen=True, slots=True)
class Sight:
    """The pods of one moment. `at_s` is monotonic."""

    at_s: float
    pods: tuple[Object, ...]


@dataclass(slots=True)
class Watching:
    """All that was seen in a namespace."""

    sights: list[Sight] = field(default_factory=list)

    def pods(self, labels: Mapping[str, str]) -> dict[str, Object]:
        """Every pod ever seen that has the labels, by name, as it was seen last."""
        return {
            pod["metadata"]["name"]: pod
            for sight in self.sights
            for pod in sight.pods
            if labels.items() <= pod["metadata"].get("labels", {}).items()
        }

    def counts(self, driver: str) -> list[int]:
        """How many executors of that driver pod ran, look by look while it ran, repetitions left out."""
        counts: list[int] = []
        for sight in self.sights:
            if any(pod["metadata"]["name"] == driver and running(pod) for pod in sight.pods):
                count = sum(owned_by(pod, driver) and running(pod) for pod in sight.pods)
                if not counts or counts[-1] != count:
                    counts.append(count)
        return counts


def running(pod: Object) -> bool:
    """Whether the pod runs and is not being deleted."""
    return pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]


def owned_by(pod: Object, name: str) -> bool:
    """Whether the pod's owner has that name."""
    owners: list[dict[str, Any]] = pod["metadata"].get("ownerReferences", [])
    return any(owner["name"] == name for owner in owners)


@contextmanager
def watching(cluster: Cluster, namespace: str, every_s: float = 1.0) -> Iterator[Watching]:
    """Look at the namespace's pods until the block ends."""
    seen = Watching()
    over = threading.Event()

    def look() -> None:
        while not over.wait(every_s):
            seen.sights.append(Sight(time.monotonic(), tuple(cluster.objects("pods", namespace))))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join(timeout=30)
