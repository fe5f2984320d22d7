"""What holds for all charts: each in the values a user would install it with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

CHARTS = Path(__file__).parents[2] / "charts"
APPLICATIONS = sorted(path.parent.name for path in CHARTS.glob("*/values.yaml"))
PROFILES = [
    ("platform", "values-kind.yaml"),
    ("platform", "values-production.yaml"),
    ("dev-services", "values.yaml"),
]
#: Everything optional, switched on.
FULL: dict[str, dict[str, Any]] = {
    "platform": {
        "readOnly": {"enabled": True},
        "prices": {"enabled": True, "list": "s3://platform/prices.json"},
        "ingress": {"enabled": True, "host": "dagster.example"},
        "monitoring": {"podMonitor": {"enabled": True}},
        "httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]},
    },
    "dev-services": {},
}
profiles = pytest.mark.parametrize(("chart", "file"), PROFILES)


def schema(chart: str) -> dict[str, Any]:
    return json.loads((CHARTS / chart / "values.schema.json").read_text())


@profiles
def test_helm_has_nothing_to_say(lint, chart, file):
    assert lint(chart, {**yaml.safe_load((CHARTS / chart / file).read_text()), **FULL[chart]}) == []


@profiles
def test_every_pod_passes_restricted(render, restricted, chart, file):
    pods = dict(render(chart, FULL[chart], files=(file,)).pods())
    assert pods
    assert {name: found for name, pod in pods.items() if (found := restricted(pod))} == {}


@profiles
def test_one_registry_and_its_secrets_reach_every_pod(render, chart, file):
    release = render(
        chart,
        {**FULL[chart], "global": {"imageRegistry": "registry.example/mirror/", "imagePullSecrets": ["pull"]}},
        files=(file,),
    )
    for name, pod in release.pods():
        assert pod["spec"]["imagePullSecrets"] == [{"name": "pull"}], name
    for name, container in release.containers():
        assert container["image"].startswith("registry.example/mirror/"), name
        assert "//" not in container["image"], name


@profiles
def test_every_object_carries_the_standard_labels(render, chart, file):
    for made in render(chart, FULL[chart], files=(file,), release="one").objects:
        labels = made["metadata"]["labels"]
        assert (labels["app.kubernetes.io/name"], labels["app.kubernetes.io/instance"]) == (chart, "one")
        assert {"managed-by", "component", "version", "part-of"} <= {key.rpartition("/")[2] for key in labels}


@profiles
def test_every_name_follows_the_release(render, chart, file):
    long = "a-release-with-a-name-of-exactly-fifty-three-letters"
    release = render(chart, FULL[chart], files=(file,), release=long, namespace="somewhere")
    for made in release.objects:
        name = made["metadata"]["name"]
        assert long[:30] in name, name
        assert len(name) <= 63, name
        assert made["metadata"].get("namespace") == (None if made["kind"].startswith("Cluster") else "somewhere"), name


@profiles
def test_a_controller_finds_its_own_pods_and_no_others(render, chart, file):
    release = render(chart, FULL[chart], files=(file,))
    selectors = {
        made["metadata"]["name"]: made["spec"]["selector"]["matchLabels"]
        for made in release.all("Deployment") + release.all("StatefulSet")
    }
    for name, pod in release.pods():
        labels = pod["metadata"]["labels"]
        found = [owner for owner, selector in selectors.items() if selector.items() <= labels.items()]
        assert found == ([name.split("/")[1]] if name.startswith(("Deployment", "StatefulSet")) else [])


@profiles
def test_every_pod_that_stays_is_asked_how_it_is(render, chart, file):
    for name, pod in render(chart, FULL[chart], files=(file,)).pods():
        if name.startswith(("Deployment", "StatefulSet")):
            asked = [c for c in pod["spec"]["containers"] if {"livenessProbe", "readinessProbe"} & set(c)]
            assert asked == pod["spec"]["containers"], name


@profiles
def test_every_mount_has_its_volume(render, chart, file):
    release = render(chart, FULL[chart], files=(file,))
    claims = {
        f"StatefulSet/{made['metadata']['name']}": [
            claim["metadata"]["name"] for claim in made["spec"]["volumeClaimTemplates"]
        ]
        for made in release.all("StatefulSet")
        if "volumeClaimTemplates" in made["spec"]
    }
    for name, pod in release.pods():
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]} | set(claims.get(name, []))
        used = {mount["name"] for made, c in release.containers() if made == name for mount in c["volumeMounts"]}
        assert used == volumes, name


def paths(values: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key of a values file."""
    for key, inner in values.items() if isinstance(values, dict) else ():
        yield (*path, key)
        yield from paths(inner, (*path, key))


@pytest.mark.parametrize("chart", ["platform", "dev-services"])
def test_a_misspelt_key_is_refused_at_every_level(chart):
    """Every object of the schema is closed, or a map whose values have a type."""
    assert list(opened(schema(chart), ())) == []


def opened(node: Any, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(node, list):
        for number, inner in enumerate(node):
            yield from opened(inner, (*path, str(number)))
    if not isinstance(node, dict) or (path and path[-1] in ("if", "then", "else")):
        return
    said = node.get("type")
    if (said == "object" or "properties" in node) and path[-1:] != ("properties",):
        extra = node.get("additionalProperties", True)
        if extra is True or extra == {}:
            yield "/".join(path)
    for key, inner in node.items():
        yield from opened(inner, (*path, key))


@pytest.mark.parametrize("chart", ["platform", "dev-services"])
def test_the_schema_speaks_of_every_value(chart):
    defaults = yaml.safe_load((CHARTS / chart / "values.yaml").read_text())
    told = schema(chart)
    for path in paths(defaults):
        node = told
        for key in path:
            node = follow(told, node)
            inner = node.get("properties", {}).get(key, node.get("additionalProperties"))
            assert inner, f"the schema does not know {'.'.join(path)}"
            node = inner
            if node.get("type") != "object" or "properties" not in node:
                break


def follow(told: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    reference = node.get("$ref", "")
    return told["$defs"][reference.rsplit("/", 1)[1]] if reference else node


@pytest.mark.parametrize("chart", ["platform", "dev-services"])
def test_the_schema_explains_what_the_values_explain(chart):
    """One text in two places: the comment in values.yaml is the description in the schema."""
    from make import chart_values

    file = CHARTS / chart / "values.yaml"
    rows = dict(line.split("|")[1:4:2] for line in chart_values.table(file)[2:])
    for key, means in rows.items():
        node = schema(chart)
        for part in key.strip(" `").split("."):
            node = node["properties"][part]
        assert node["description"] == means.strip(), key


@pytest.mark.parametrize("chart", APPLICATIONS)
def test_every_chart_has_a_page_with_its_values(chart):
    """That the table is current is held by the test of the reference pages."""
    from make import chart_values

    assert chart_values.BEGIN in (CHARTS / chart / "README.md").read_text()


@pytest.mark.parametrize("chart", APPLICATIONS)
def test_the_typo_is_named(render, chart):
    with pytest.raises(Exception, match=r"additional properties 'webserverr' not allowed"):
        render(chart, {"webserverr": {}})
