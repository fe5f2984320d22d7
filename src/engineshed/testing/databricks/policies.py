"""Cluster policies: what they fix and allow, held against the cluster that is asked for.

Of a policy's definition the kinds `fixed`, `allowlist`, `blocklist`, `range` and `forbidden` are checked, by the path
of the attribute (`node_type_id`, `spark_conf.spark.x`, `autoscale.max_workers`, `custom_tags.team`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from engineshed.testing.databricks.refusals import invalid

_MAPPINGS = ("spark_conf", "spark_env_vars", "custom_tags")


def check_policy(policy: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
    """Raises Refusal for a cluster that its policy does not allow."""
    definition = json.loads(policy.get("definition") or "{}")
    for path, rule in definition.items():
        found = _found(spec, path)
        judge = _RULES.get(rule.get("type"))
        problem = judge(rule, found) if judge else ""
        if problem:
            raise invalid(f"Validation failed for {path}, the value {problem} (is {found!r})")


def _found(spec: Mapping[str, Any], path: str) -> Any:
    first, _, rest = path.partition(".")
    if not rest:
        return spec.get(first)
    inner = spec.get(first) or {}
    return inner.get(rest) if first in _MAPPINGS else _found(inner, rest)


def _fixed(rule: Mapping[str, Any], value: Any) -> str:
    return f"must be {rule['value']!r}" if value is not None and str(value) != str(rule["value"]) else ""


def _allowlist(rule: Mapping[str, Any], value: Any) -> str:
    if value is None:
        return "" if rule.get("isOptional") or "defaultValue" in rule else "must be present"
    return "" if value in rule["values"] else f"must be one of {', '.join(map(str, rule['values']))}"


def _blocklist(rule: Mapping[str, Any], value: Any) -> str:
    return f"must not be one of {', '.join(map(str, rule['values']))}" if value in rule["values"] else ""


def _range(rule: Mapping[str, Any], value: Any) -> str:
    if value is None:
        return ""
    low, high = rule.get("minValue", float("-inf")), rule.get("maxValue", float("inf"))
    return "" if low <= float(value) <= high else f"must be between {low} and {high}"


def _forbidden(rule: Mapping[str, Any], value: Any) -> str:
    return "" if value is None else "must not be present"


_RULES: Mapping[str, Callable[[Mapping[str, Any], Any], str]] = {
    "fixed": _fixed,
    "allowlist": _allowlist,
    "blocklist": _blocklist,
    "range": _range,
    "forbidden": _forbidden,
}
