import json

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


def test_rules_are_there_where_the_operator_is(kind, platform):
    assert kind.all("PrometheusRule") == []
    rule = platform({"monitoring": {"rules": {"enabled": True, "labels": {"release": "prometheus"}}}}).one(
        "PrometheusRule"
    )
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    assert rule["spec"] == yaml.safe_load(yaml.safe_dump(as_rules()))
