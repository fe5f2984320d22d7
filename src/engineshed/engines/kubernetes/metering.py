"""Pod seconds: what was held by a run's pods, also by those that are gone. Pure.

Executors' pods are owned by the driver's and vanish with it, so reading them at the end would lose those of every run
that was cancelled or whose driver's pod was deleted. Therefore Spark leaves ended executors listed
(`deleteOnTermination=false`: they hold nothing and go with their owner), and whoever looks at a run writes what it saw
new into an annotation of the Job, which outlives all pods. What is missed at most is an executor that came and went
between two looks while its driver's pod was deleted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from engineshed.engines.kubernetes import names
from engineshed.engines.kubernetes.objects import JSON, annotation, container_state, quantity, role
from engineshed.model.usage import Usage, UsageInterval

CPU, MEMORY = "pod-cpu", "pod-memory-gib"
"""Items of the price book: an hour of one requested core, of one requested GiB. `:<node class>` is added to both."""

_MOST_ENTRIES = 1500
"""An object's annotations may hold 256 KiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What one pod held. Times are ISO 8601; `end` is empty while it lives."""

    cpu_m: int
    mib: int
    start: str
    end: str = ""
    node_class: str = ""


def known(job: JSON) -> dict[str, Held]:
    """What is on record in the Job's annotation."""
    text = annotation(job, names.METERED)
    return {name: Held(**plain) for name, plain in json.loads(text).items()} if text else {}


def recorded(held: Mapping[str, Held]) -> str:
    """The annotation's text."""
    plain = {name: {k: v for k, v in asdict(one).items() if v != ""} for name, one in held.items()}
    return json.dumps(plain, sort_keys=True, separators=(",", ":"))


def seen(before: Mapping[str, Held], pods: Iterable[JSON], *, now: datetime, ended: datetime | None) -> dict[str, Held]:
    """What is on record, and what the pods say now over it. `ended`: when the run did."""
    held = dict(before)
    listed: set[str] = set()
    for pod in pods:
        name = pod["metadata"]["name"]
        listed.add(name)
        one = _held(pod)
        if one is not None:
            held[name] = one
    for name, one in held.items():
        if not one.end and name not in listed:
            held[name] = replace(one, end=_later(ended or now, one.start))
    return _folded(held)


def usage_of(held: Mapping[str, Held], *, now: datetime, ended: datetime | None) -> Usage:
    """Cores and memory of every pod over its time; complete when the run and all its pods have ended."""
    intervals: list[UsageInterval] = []
    for _, one in sorted(held.items()):
        start, end = datetime.fromisoformat(one.start), datetime.fromisoformat(one.end) if one.end else now
        suffix = f":{one.node_class}" if one.node_class else ""
        for item, amount in ((CPU, one.cpu_m / 1000), (MEMORY, one.mib / 1024)):
            intervals.append(UsageInterval(item=f"{item}{suffix}", quantity=amount, start=start, end=max(start, end)))
    over = ended is not None and all(one.end for one in held.values())
    return Usage(intervals=tuple(intervals), complete=over)


def _held(pod: JSON) -> Held | None:
    status = pod.get("status", {})
    if role(pod) not in (names.DRIVER, names.EXECUTOR) or not status.get("startTime"):
        return None
    cpu = memory = quantity(0)
    for container in pod["spec"]["containers"]:
        requests = container.get("resources", {}).get("requests", {})
        cpu += quantity(requests.get("cpu", 0))
        memory += quantity(requests.get("memory", 0))
    return Held(
        cpu_m=round(cpu * 1000),
        mib=round(memory / 2**20),
        start=status["startTime"],
        end=_end(pod),
        node_class=(pod["metadata"].get("labels") or {}).get(names.NODE_CLASS, ""),
    )


def _end(pod: JSON) -> str:
    if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed"):
        return ""
    finished = (container_state(pod).get("terminated") or {}).get("finishedAt")
    if finished:
        return str(finished)
    # Evicted pods keep no container state: the last change of a condition is when they ended.
    changes = [str(c.get("lastTransitionTime") or "") for c in pod["status"].get("conditions") or ()]
    return max(changes, default="") or str(pod["status"]["startTime"])


def _later(end: datetime, start: str) -> str:
    return max(end, datetime.fromisoformat(start)).isoformat()


def _folded(held: dict[str, Held]) -> dict[str, Held]:
    """No more entries than fit: the oldest ended ones of a node class become one that holds as many pod seconds."""
    if len(held) <= _MOST_ENTRIES:
        return held
    oldest = sorted((one.start, name) for name, one in held.items() if one.end)[: len(held) // 2]
    groups: dict[str, list[Held]] = {}
    for _, name in oldest:
        one = held.pop(name)
        groups.setdefault(one.node_class, []).append(one)
    for node_class, ones in groups.items():
        held[f"earlier/{node_class}"] = _as_one(ones)
    return held


def _as_one(ones: list[Held]) -> Held:
    starts = [datetime.fromisoformat(one.start) for one in ones]
    ends = [datetime.fromisoformat(one.end) for one in ones]
    first, last = min(starts), max(ends)
    span_s = max(1.0, (last - first).total_seconds())
    spans_s = [(end - start).total_seconds() for start, end in zip(starts, ends, strict=True)]
    return Held(
        cpu_m=round(sum(one.cpu_m * seconds for one, seconds in zip(ones, spans_s, strict=True)) / span_s),
        mib=round(sum(one.mib * seconds for one, seconds in zip(ones, spans_s, strict=True)) / span_s),
        start=first.isoformat(),
        end=last.isoformat(),
        node_class=ones[0].node_class,
    )
