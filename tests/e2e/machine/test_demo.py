"""`make demo`: what it says, what it leaves, and that its result can be made again."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from .conftest import REPOSITORY, Demo, environment, run_demo

PARTITIONS = [
    f"{crawl}|{domain}" for crawl in ("SAMPLE-2023-06", "SAMPLE-2025-08") for domain in ("databases", "languages")
]


def test_it_tells_each_asset_and_ends_with_a_table_and_where_to_look(demo: Demo) -> None:
    lines = demo.said.splitlines()
    for asset in ("seeds", "nodes_only", "edges", "graph", "graph_aggr"):
        assert any(asset in line and "done, rows:" in line for line in lines), demo.said
    for partition in PARTITIONS:
        assert any(line.startswith(partition) and line.endswith(".png") for line in lines), demo.said
    assert "index.html" in demo.said
    assert "engineshed reproduce" in demo.said


def test_drivers_and_libraries_write_nothing_into_it(demo: Demo) -> None:
    assert "Warning" not in demo.said
    assert " INFO " not in demo.said
    assert max(len(line) for line in demo.said.splitlines()) < 200


def test_every_partition_is_a_picture_of_its_own_and_one_page_shows_all(demo: Demo, home: Path) -> None:
    pictures = {path.name: path.read_bytes() for path in (home / "pictures").glob("*.png")}
    assert set(pictures) == {f"{partition.replace('|', '-')}.png" for partition in PARTITIONS}
    assert len(set(pictures.values())) == len(PARTITIONS)
    page = (home / "pictures" / "index.html").read_text()
    assert all(f'src="{name}"' in page for name in pictures)
    assert "http://" not in page
    assert "https://" not in page


def test_without_any_engine_it_names_asset_reason_and_remedy(tmp_path: Path) -> None:
    location = tmp_path / "location.yaml"
    location.write_text(
        f"{{team: web-graph, code_location: web_graph, payloads: '{REPOSITORY}/spark/web_graph', mode: sample, "
        "engines: {sail: {python: /nowhere/python}, local: {python: /nowhere/python}}}"
    )
    demo = run_demo(tmp_path / "home", ENGINESHED_LOCATION=str(location))
    assert demo.code != 0
    (reason,) = [line for line in demo.said.splitlines() if line.startswith("demo: ")]
    assert reason.startswith("demo: nodes_only: no engine can run the job")
    assert "engines.sail.python" in reason
    assert ".venv/bin/engineshed doctor" in demo.said
    assert "Traceback" not in demo.said


def test_a_second_one_says_that_it_makes_everything_anew(demo: Demo, home: Path) -> None:
    again = run_demo(home)
    assert again.code == 0, again.said
    assert "made anew" in again.said
    assert "made anew" not in demo.said


@pytest.mark.parametrize("engine", ["sail", pytest.param("local", marks=pytest.mark.needs_java)])
def test_its_run_is_made_again_with_equal_contents(demo: Demo, home: Path, engine: str) -> None:
    run = demo.said.rpartition("engineshed reproduce ")[2].split()[0]
    done = subprocess.run(
        [".venv/bin/engineshed", "reproduce", run, "--engine", engine, "--json"],
        cwd=REPOSITORY,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    compared = json.loads(done.stdout)
    assert {(c["asset"], c["partition"]) for c in compared} == {
        (asset, partition) for asset in ("nodes_only", "edges", "graph", "graph_aggr") for partition in PARTITIONS
    }
    assert [c for c in compared if not c["equal"] or c["engine"] != engine] == []
