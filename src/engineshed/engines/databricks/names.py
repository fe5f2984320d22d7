"""Names that the engine's parts share: by them its runs are found from Dagster, and Dagster's runs from them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engineshed.model.launch import Token

NAME = "databricks"
TASK_KEY = "spark"
RELAY = "engineshed_relay.py"

DEFINITION_TAG = "engineshed-definition"
"""Of a named job and its clusters: the hash of what the job is to be."""

_TOKEN = re.compile(r"(?<![0-9a-z-])es-[0-9a-f]{24}(?![0-9a-z])")
_TAG_VALUE = re.compile(r"[^\w\s+\-=.:/@]")


def run_name(job: str, token: str) -> str:
    """What the workspace shows: the job first, for people; the token last, for us."""
    return f"{job} {token}"


def token_of(run: Mapping[str, Any]) -> Token | None:
    """The token that a run carries: in its name, or in the parameters of a named job's run; None for foreign runs."""
    name = str(run.get("run_name") or "")
    given = (run.get("overriding_parameters") or {}).get("python_params") or ()
    for text in (name, *map(str, given)):
        found = _TOKEN.findall(text)
        if found:
            return Token(found[-1])
    return None


def cluster_tags(tags: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """Tags as clouds take them: no `/` in names, values of letters, digits and a few signs, at most 255 long."""
    return {**dict(_taggable(own)), **dict(_taggable(tags))}


def _taggable(tags: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in tags.items():
        yield name.replace("/", "-")[:127], _TAG_VALUE.sub("_", value)[:255]
