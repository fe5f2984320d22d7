import json

import pytest
import yaml

from engineshed.telemetry.boards import BOARDS
from engineshed.telemetry.rules import as_rules


def test_every_board_is_there_for_grafanas_sidecar(kind):
    boards = {
        name: made
        for made in kind.all("ConfigMap")
        if made["metadata"].get("labels", {}).get("grafana_dashboard") == "1"
        for name in made["data"]
    }
    assert set(boards) == {f"{board.uid}.json" for board in BOARDS}
    for name, made in boards.items():
        assert json.loads(made["data"][name])["uid"] == name.removesuffix(".json")
        assert len(made["data"][name]) < 900_000


def test_a_sidecar_that_looks_for_another_label_is_given_it(platform):
    release = platform({"monitoring": {"dashboards": {"labels": {"boards": "yes"}}}})
    assert [one for one in release.all("ConfigMap") if one["metadata"]["labels"].get("boards") == "yes"]
    none = platform({"monitoring": {"dashboards": {"enabled": False}}})
    assert not [one for one in none.names("ConfigMap") if "board" in one]


def links(release) -> set[str]:
    boards = [one for one in release.all("ConfigMap") if "grafana_dashboard" in one["metadata"]["labels"]]
    read = [json.loads(text) for board in boards for text in board["data"].values()]
    return {link["url"] for board in read for link in board["links"] if link["title"] == "Runs in Dagster"}


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ({}, "http://127.0.0.1:3000/runs"),
        (
            {"ingress": {"enabled": True, "host": "runs.example", "path": "/dagster"}},
            "http://runs.example/dagster/runs",
        ),
        ({"ingress": {"enabled": True, "host": "runs.example", "tlsSecret": "t"}}, "https://runs.example/runs"),
        ({"httpRoute": {"hostnames": ["gate.example"]}}, "https://gate.example/runs"),
        ({"monitoring": {"dashboards": {"dagsterUrl": "https://said.example/"}}}, "https://said.example/runs"),
    ],
)
def test_boards_lead_to_the_runs_where_people_find_them(platform, values, address):
    assert links(platform(values)) == {address}


def test_runs_know_where_their_boards_are(platform):
    release = platform({"monitoring": {"grafanaUrl": "https://boards.example"}})
    assert release.data("engineshed-instance", "platform.yaml")["grafana_url"] == "https://boards.example"
    assert "grafana_url" not in platform().data("engineshed-instance", "platform.yaml")


def test_an_address_that_is_none_is_refused(platform):
    with pytest.raises(Exception, match="grafanaUrl"):
        platform({"monitoring": {"grafanaUrl": "javascript:alert(1)"}})


def test_rules_are_there_where_the_operator_is(kind, platform):
    assert kind.all("PrometheusRule") == []
    rule = platform({"monitoring": {"rules": {"enabled": True, "labels": {"release": "prometheus"}}}}).one(
        "PrometheusRule"
    )
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    assert rule["spec"] == yaml.safe_load(yaml.safe_dump(as_rules()))
