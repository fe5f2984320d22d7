"""The chart as a whole: it renders, lints, is closed, and all its pods pass Pod Security "restricted"."""

from __future__ import annotations

import json

import helm_python
import pytest
import yaml

from engineshed.running.settings import LocationSettings

MINIMAL = {"location": {"team": "alpha", "code_location": "alpha_one"}, "image": {"repository": "engineshed/alpha"}}


def test_it_lints(lint):
    assert lint("code-location", MINIMAL) == []


@pytest.mark.parametrize("overlay", ["values-kind.yaml", "values-production.yaml"])
def test_the_shipped_overlays_fit(alpha, overlay):
    assert alpha(files=[overlay]).one("Deployment", "alpha")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"quotas": {}}, "quotas"),
        ({"location": {"team": "alpha", "code_location": "a", "ledger_url": "x"}}, "ledger_url"),
        ({"location": {"team": "alpha"}}, "code_location"),
        ({"location": {"team": "Alpha Team", "code_location": "a"}}, "team"),
        ({"codeServer": {"replica": 2}}, "replica"),
        ({"runs": {"labels": {"engineshed.dev/team": "beta"}}}, "engineshed.dev/team"),
        ({"onUninstall": "ignore"}, "onUninstall"),
        ({"quota": {"hard": {"pods": "many"}}}, "pods"),
        ({"image": {"repository": "r", "digest": "latest"}}, "digest"),
    ],
)
def test_what_the_schema_does_not_know_is_refused_by_name(alpha, wrong, named):
    with pytest.raises(helm_python.HelmValuesError, match=named):
        alpha(wrong)


def test_only_the_sections_of_engines_are_open(charts):
    schema = json.loads((charts / "code-location" / "values.schema.json").read_text())
    # What Kubernetes itself defines is passed on as written; channels, like engines, check their own sections. Which
    # engines `limits` may name the library knows.
    passed_on = {"affinity", "valueFrom", "global", "engines", "channels", "hard", "limits"}
    assert {path[-1] for path in _open(schema, ())} <= passed_on


def test_the_schema_of_location_is_the_librarys(charts):
    schema = json.loads((charts / "code-location" / "values.schema.json").read_text())
    ours, theirs = schema["properties"]["location"], LocationSettings.model_json_schema()
    assert set(ours["properties"]) == set(theirs["properties"])
    for section in ("store", "objective"):
        name = theirs["properties"][section]["$ref"].rsplit("/", 1)[-1]
        assert set(ours["properties"][section]["properties"]) == set(theirs["$defs"][name]["properties"])


def test_every_value_is_described_and_every_default_is_in_the_schema(charts):
    schema = json.loads((charts / "code-location" / "values.schema.json").read_text())
    assert [path for path, node in _properties(schema, ()) if "description" not in node] == []
    values = yaml.safe_load((charts / "code-location" / "values.yaml").read_text())
    assert set(values) == set(schema["properties"]) - {"common"}


@pytest.mark.parametrize("release", ["everything", "plain"])
def test_every_pod_is_restricted(everything, alpha, restricted, release):
    made = everything if release == "everything" else alpha()
    found = {name: restricted(pod) for name, pod in made.pods()}
    assert set(found) == {"Deployment/alpha", "CronJob/alpha-reaper", "Job/alpha-leaving", "Pod/alpha-test"}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_registry_and_pull_secrets_reach_every_image(everything):
    for name, pod in everything.pods():
        spec = pod["spec"]
        assert spec["imagePullSecrets"] == [{"name": "pull"}], name
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            assert container["image"] == "registry.example.org/team/engineshed/alpha:dev", name
    for account in everything.all("ServiceAccount"):
        assert account["imagePullSecrets"] == [{"name": "pull"}]


def test_every_object_is_the_releases_and_in_its_namespace(everything):
    for found in everything.objects:
        assert found["metadata"]["name"].split("-")[0] == "alpha", found["kind"]
        assert found["metadata"]["namespace"] == "team-alpha", found["kind"]
        assert found["metadata"]["labels"]["app.kubernetes.io/part-of"] == "engineshed"


def test_the_notes_name_the_next_command(alpha):
    notes = alpha().notes
    assert "helm test alpha -n team-alpha" in notes
    assert "engineshed.dev/team" in notes


def _properties(node, path):
    for key, value in node.get("properties", {}).items():
        yield (*path, key), value
        yield from _properties(value, (*path, key))


def _open(node, path):
    """Paths of the objects that take keys which are not named, other than maps of plain strings or closed objects."""
    if isinstance(node, dict):
        if node.get("type") == "object" and not _closed(node):
            yield path
        for key, value in node.items():
            yield from _open(value, (*path, key) if key not in ("properties", "additionalProperties") else path)


def _closed(node):
    more = node.get("additionalProperties", True)
    return more is False or (isinstance(more, dict) and more.get("type") == "string") or path_is_item(node)


def path_is_item(node):
    """A bare {"type": "object"}: an item of a list that Kubernetes defines (tolerations, peers, rules)."""
    return node == {"type": "object"}
