"""Drivers' logs as clusters deliver them: pushed every few minutes, rolled into archives every hour, all there at the
end.

Below `<destination>/<cluster-id>/driver/`: `stdout`, `stderr` and `log4j-active.log`, and of the hours before
`stdout--2026-03-11--18-00`, `stderr--...` in plain text and `log4j-2026-03-11-18.log.gz`.
"""

from __future__ import annotations

import gzip
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from engineshed.testing.agenda import Agenda
from engineshed.testing.databricks.clusters import Cluster
from engineshed.testing.databricks.fetching import Objects
from engineshed.testing.databricks.pace import Pace
from engineshed.testing.databricks.records import TaskRun
from engineshed.testing.databricks.storage import Storage

LOG4J = "log4j-active.log"
KEPT_BYTES = 6 * 1024 * 1024


class DriverLogs:
    """Takes what drivers write, from any thread."""

    def __init__(
        self, agenda: Agenda, pace: Pace, storage: Storage, objects: Objects, push_s: Callable[[], float | None]
    ) -> None:
        self._agenda, self._pace, self._storage, self._objects, self._push_s = agenda, pace, storage, objects, push_s
        self._lock = threading.Lock()
        self._of_task: defaultdict[int, bytearray] = defaultdict(bytearray)
        self._streams: defaultdict[tuple[str, str], bytearray] = defaultdict(bytearray)
        self._delivered: dict[tuple[str, str], int] = {}
        self._rolls: defaultdict[str, int] = defaultdict(int)

    def write(self, task: TaskRun, stream: str, data: bytes) -> None:
        """What a task's driver wrote to `stdout` or `stderr`."""
        with self._lock:
            said = self._of_task[task.run_id]
            said += data
            del said[:-KEPT_BYTES]
            if task.cluster is not None:
                self._streams[task.cluster.cluster_id, stream] += data

    def of_task(self, task: TaskRun) -> bytes:
        """The last of what a task wrote."""
        with self._lock:
            return bytes(self._of_task[task.run_id])

    def begin(self, cluster: Cluster) -> None:
        """From now on deliver and roll the logs of a cluster that has a place for them."""
        if destination(cluster.spec) is not None:
            self._agenda.after(self._every(), lambda: self._push(cluster))
            self._agenda.after(self._pace.log_roll_s, lambda: self._roll(cluster))

    def _every(self) -> float:
        slow = self._push_s()
        return self._pace.log_push_s if slow is None else slow

    def _push(self, cluster: Cluster) -> None:
        if cluster.state != "TERMINATED":
            self.deliver(cluster)
            self._agenda.after(self._every(), lambda: self._push(cluster))

    def finish(self, cluster: Cluster) -> None:
        """The cluster has ended: the last delivery, at once unless the plan of faults makes it slow."""
        if destination(cluster.spec) is not None:
            self._agenda.after(self._push_s() or 0.0, lambda: self.deliver(cluster))

    def deliver(self, cluster: Cluster) -> None:
        """Write what has grown since it was last delivered, whole."""
        for stream, data in self._all(cluster):
            key = cluster.cluster_id, stream
            if data and self._delivered.get(key) != len(data):
                self._delivered[key] = len(data)
                self._put(cluster, stream, data)

    def _roll(self, cluster: Cluster) -> None:
        if cluster.state == "TERMINATED":
            return
        hour = self._hour(cluster)
        self._rolls[cluster.cluster_id] += 1
        for stream, data in self._all(cluster):
            if not data:
                continue
            with self._lock:
                del self._streams[cluster.cluster_id, stream][: len(data)]
            self._delivered.pop((cluster.cluster_id, stream), None)
            if stream == LOG4J:
                self._put(cluster, f"log4j-{hour:%Y-%m-%d-%H}.log.gz", gzip.compress(data, mtime=0))
            else:
                self._put(cluster, f"{stream}--{hour:%Y-%m-%d--%H}-00", data)
            self._put(cluster, stream, b"")
        self._agenda.after(self._pace.log_roll_s, lambda: self._roll(cluster))

    def _hour(self, cluster: Cluster) -> datetime:
        """Archives are named by hours from the cluster's start, so that scaled hours have names of their own."""
        start = (cluster.running_at or cluster.created_at).replace(minute=0, second=0, microsecond=0)
        return start + timedelta(hours=self._rolls[cluster.cluster_id] + 1)

    def _all(self, cluster: Cluster) -> list[tuple[str, bytes]]:
        self._read_log4j(cluster)
        with self._lock:
            names = ("stdout", "stderr", LOG4J)
            return [(name, bytes(self._streams[cluster.cluster_id, name])) for name in names]

    def _read_log4j(self, cluster: Cluster) -> None:
        """The JVM writes its log itself; what it has added is taken over."""
        path = self._storage.root / "clusters" / cluster.cluster_id / LOG4J
        if path.is_file():
            with self._lock, path.open("rb") as file:
                taken = self._delivered.setdefault((cluster.cluster_id, "log4j-taken"), 0)
                file.seek(taken)
                added = file.read()
                self._delivered[cluster.cluster_id, "log4j-taken"] = taken + len(added)
                self._streams[cluster.cluster_id, LOG4J] += added

    def _put(self, cluster: Cluster, name: str, data: bytes) -> None:
        place = f"{destination(cluster.spec)}/{cluster.cluster_id}/driver/{name}"
        if place.startswith("s3://"):
            self._objects.put(place, data)
            return
        path = self._storage.dbfs(place) if place.startswith("dbfs:") else self._storage.volume(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{name}.part")
        part.write_bytes(data)
        part.replace(path)


def destination(spec: Mapping[str, Any]) -> str | None:
    """Where a cluster's logs are to go; None where it has not said."""
    conf = spec.get("cluster_log_conf") or {}
    kind = next((k for k in ("volumes", "dbfs", "s3") if conf.get(k)), None)
    return None if kind is None else str(conf[kind]["destination"]).rstrip("/")
