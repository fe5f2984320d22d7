"""What a run and its code server may ask for, before anything is made of it.

Two doors are shut here because the finished Job no longer shows them: values that would be read from the *platform's*
environment (`{"env": NAME}` and a bare name in `env_vars`), and fields that the tags of a run must not hold though the
code location itself may: anyone at the pages writes tags.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dagster_k8s.job import UserDefinedDagsterK8sConfig

from engineshed.model.errors import LaunchRefused

#: Section of the tag dagster-k8s/config -> the fields that a run may choose for itself.
TAG_FIELDS: Mapping[str, frozenset[str]] = {
    "container_config": frozenset({"resources", "env", "env_from", "volume_mounts"}),
    "pod_spec_config": frozenset(
        {
            "affinity",
            "node_selector",
            "priority_class_name",
            "termination_grace_period_seconds",
            "tolerations",
            "topology_spread_constraints",
            "volumes",
        }
    ),
    "pod_template_spec_metadata": frozenset({"labels", "annotations"}),
    "job_metadata": frozenset({"labels", "annotations"}),
    "job_spec_config": frozenset({"ttl_seconds_after_finished", "active_deadline_seconds"}),
}


def check_tags(config: UserDefinedDagsterK8sConfig) -> None:
    """Refuse what a run's tags ask for beyond TAG_FIELDS. Raises LaunchRefused naming the fields."""
    asked: Mapping[str, object] = config._asdict()
    beyond = [
        f"{section}.{name}"
        for section, values in asked.items()
        if isinstance(values, Mapping)
        for name in sorted(set(values) - TAG_FIELDS.get(section, frozenset()))
    ]
    if beyond:
        raise LaunchRefused(
            f"the run's tag dagster-k8s/config sets {', '.join(beyond)}, which tags may not: let the code location's "
            "own release set it (container context), or leave it out."
        )


def check_container_context(context: Mapping[str, Any] | None) -> None:
    """Refuse a container context that reads the platform's environment. Raises LaunchRefused naming the place."""
    places = list(_environment_reads(context or {}, "container_context"))
    if places:
        raise LaunchRefused(
            f"{', '.join(places)} would be read from the platform's own environment: write the value itself "
            "(NAME=value), or take it from a Secret of the team's namespace."
        )


def _environment_reads(value: object, place: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        if set(value) == {"env"} and isinstance(value["env"], str):
            yield place
            return
        for key, inner in value.items():
            if key == "env_vars" and isinstance(inner, list | tuple):
                yield from (f"{place}.env_vars {each!r}" for each in inner if "=" not in str(each))
            else:
                yield from _environment_reads(inner, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _environment_reads(inner, f"{place}[{index}]")
