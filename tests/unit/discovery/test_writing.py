"""Both files are written whole, only when they change, and what Dagster's own schema takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from dagster._core.workspace.config_schema import ensure_workspace_config
from tests.unit.discovery.objects import endpoint_slice, namespace, service

from engineshed.discovery.catalogue import survey
from engineshed.discovery.listing import Listing, parse_listing
from engineshed.discovery.presence import Presence
from engineshed.discovery.writing import read_listing, render_workspace, write_listing
from engineshed.model.errors import SettingInvalid


def _listing(*names: str) -> Listing:
    services = [service("team-a", name.replace("_", "-"), name) for name in names]
    slices = [endpoint_slice("team-a", name.replace("_", "-")) for name in names]
    seen = survey([namespace("team-a", "a")], services, slices).sightings
    return Presence(60).after(seen, 0).listing(0)


def test_an_empty_cluster_makes_a_workspace_that_dagster_takes() -> None:
    assert yaml.safe_load(render_workspace(Listing())) == {"load_from": []}


def test_the_workspace_is_what_dagsters_schema_takes(tmp_path: Path) -> None:
    written = write_listing(tmp_path, _listing("web_graph", "b"), "t")
    assert (written.workspace, written.locations) == (True, True)
    plain = yaml.safe_load((tmp_path / "workspace.yaml").read_text())
    ensure_workspace_config(plain, "workspace.yaml")
    [_, web] = [each["grpc_server"] for each in plain["load_from"]]
    assert web["location_name"] == "web_graph"
    assert (web["host"], web["port"]) == ("web-graph.team-a.svc", 4000)
    assert web["additional_metadata"] == {"team": "a", "namespace": "team-a"}


def test_what_did_not_change_is_not_written_again(tmp_path: Path) -> None:
    write_listing(tmp_path, _listing("web_graph"), "first")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    written = write_listing(tmp_path, _listing("web_graph"), "later")
    assert (written.workspace, written.locations) == (False, False)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_new_image_changes_the_launchers_file_but_reloads_nobody(tmp_path: Path) -> None:
    listing = _listing("web_graph")
    write_listing(tmp_path, listing, "t")
    newer = Listing({n: replace(x, image="team/app:2") for n, x in listing.locations.items()})
    written = write_listing(tmp_path, newer, "t")
    assert (written.workspace, written.locations) == (False, True)
    assert read_listing(tmp_path) == newer


def test_an_invalid_listing_leaves_the_last_good_file(tmp_path: Path) -> None:
    good = _listing("web_graph")
    write_listing(tmp_path, good, "t")
    bad = Listing({"x": replace(good.locations["web_graph"], name="a\nb")})
    with pytest.raises(SettingInvalid, match=r"would break workspace\.yaml"):
        write_listing(tmp_path, bad, "t")
    assert "location_name: web_graph" in (tmp_path / "workspace.yaml").read_text()


def test_an_unlisted_location_is_known_to_the_launcher_only(tmp_path: Path) -> None:
    listing = Listing({n: replace(x, listed=False) for n, x in _listing("web_graph").locations.items()})
    write_listing(tmp_path, listing, "t")
    assert yaml.safe_load((tmp_path / "workspace.yaml").read_text()) == {"load_from": []}
    assert list(read_listing(tmp_path).locations) == ["web_graph"]


@pytest.mark.parametrize("text", ["", "[]", '{"locations": 3}', '{"locations": {"a": 1}}', '{"locations": {"a": {}}}'])
def test_a_listing_of_another_form_is_refused_whole(text: str) -> None:
    with pytest.raises(SettingInvalid, match="engineshed discover"):
        parse_listing(text, "locations.json")
