"""The check of the finished Job, as the very JSON that is sent. Pure.

Sections of the Job are closed: a field that is not named here is refused, so that a field of a later Kubernetes is not
let through by being unknown. The volumes and security settings are those of Pod Security "restricted", checked here too
because the Job controller would report a refused pod nowhere that a run could see.
Sources: Kubernetes API reference v1.34 (JobSpec, PodSpec, Container); Pod Security Standards, profile Restricted.
"""

from __future__ import annotations

from collections.abc import Iterator

from engineshed.discovery import marks
from engineshed.model.errors import LaunchRefused
from engineshed.running.launcher.fields import Json, closed, expect, part
from engineshed.running.launcher.pods import pod_faults
from engineshed.running.launcher.warrant import Warrant

_JOB = frozenset({"apiVersion", "kind", "metadata", "spec"})
_METADATA = frozenset({"name", "namespace", "labels", "annotations"})
_TEMPLATE = frozenset({"metadata", "spec"})
_SPEC = frozenset(
    {
        "activeDeadlineSeconds",
        "backoffLimit",
        "completions",
        "parallelism",
        "podFailurePolicy",
        "podReplacementPolicy",
        "suspend",
        "template",
        "ttlSecondsAfterFinished",
    }
)
#: Labels and annotations by which clouds or we ourselves grant rights: nobody else's to set.
_RESERVED_PREFIXES = ("dagster/", "iam.amazonaws.com/")
_RESERVED_KEYS = frozenset({"aadpodidbinding"})
#: The longest that a finished Job is kept.
_TTL_AT_MOST_S = 7 * 24 * 3600


def check_job(job: Json, namespace: str, warrant: Warrant) -> None:
    """Refuse a Job that is not exactly what the warrant allows. Raises LaunchRefused with every fault found."""
    faults = list(_job_faults(job, namespace, warrant))
    if faults:
        raise LaunchRefused(
            f"the run of code location {warrant.code_location!r} of team {warrant.team} is refused: "
            f"{'; '.join(faults)}. "
            "Take it out of the code location's container context or the run's tag dagster-k8s/config: both may only "
            f"choose what lies within namespace {warrant.namespace!r}."
        )


def _job_faults(job: Json, namespace: str, warrant: Warrant) -> Iterator[str]:
    yield from closed(job, _JOB, "job")
    yield from expect((job.get("apiVersion"), job.get("kind")), ("batch/v1", "Job"), "job kind")
    yield from expect(namespace, warrant.namespace, "namespace")
    metadata, spec = part(job, "metadata"), part(job, "spec")
    template = part(spec, "template")
    yield from _metadata_faults(metadata, "job.metadata", warrant)
    yield from expect(metadata.get("name"), warrant.job_name, "job.metadata.name")
    yield from _spec_faults(spec)
    yield from closed(template, _TEMPLATE, "job.spec.template")
    yield from _metadata_faults(part(template, "metadata"), "pod.metadata", warrant)
    yield from pod_faults(part(template, "spec"), warrant)


def _metadata_faults(metadata: Json, place: str, warrant: Warrant) -> Iterator[str]:
    yield from closed(metadata, _METADATA, place)
    if "namespace" in metadata:
        yield from expect(metadata["namespace"], warrant.namespace, f"{place}.namespace")
    labels = part(metadata, "labels")
    for key in sorted({*filter(_is_reserved, labels), *warrant.labels}):
        if key in warrant.labels:
            yield from expect(labels.get(key), warrant.labels[key], f"{place}.labels[{key}]")
        else:
            yield f"{place}.labels[{key}] may not be set"
    for key in sorted(filter(_is_reserved, part(metadata, "annotations"))):
        yield f"{place}.annotations[{key}] may not be set"


def _spec_faults(spec: Json) -> Iterator[str]:
    yield from closed(spec, _SPEC, "job.spec")
    for key, only in (("parallelism", 1), ("completions", 1), ("suspend", False)):
        if key in spec:
            yield from expect(spec[key], only, f"job.spec.{key}")
    yield from expect(spec.get("backoffLimit"), 0, "job.spec.backoffLimit")
    ttl_s = spec.get("ttlSecondsAfterFinished")
    if not isinstance(ttl_s, int) or not 0 <= ttl_s <= _TTL_AT_MOST_S:
        yield f"job.spec.ttlSecondsAfterFinished is {ttl_s!r}, but must be 0 to {_TTL_AT_MOST_S}"


def _is_reserved(key: str) -> bool:
    domain = key.partition("/")[0]
    ours = marks.DOMAIN.rstrip("/")
    return domain == ours or domain.endswith("." + ours) or key.startswith(_RESERVED_PREFIXES) or key in _RESERVED_KEYS
