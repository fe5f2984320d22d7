"""The whole chain by hand, on both engines: the scripts' own processes, equal datasets."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest

REPOSITORY = Path(__file__).parents[3]
SCRIPTS = REPOSITORY / "spark" / "web_graph"
FOREIGN = REPOSITORY / "tests" / "data" / "warc"
CLASSIC = {"kind": "classic", "master": "local[2]", "conf": {"spark.sql.shuffle.partitions": "2"}}
SAIL = {"kind": "sail"}
SEEDS = """organisation,url,sector,country
IANA,iana.org,registry,US
Wikipedia,https://an.wikipedia.org/,reference,ES
Example,http://www.example.com,test,US
Examples,http://www.example.org,test,US
Twice,http://example.org/again,test,US
Consortium,https://www.w3.org/,standards,US
A page,https://facebook.com/page,social,US
garbage
"""
PAGES = {
    "http://www.example.com/one": "<a href=https://www.w3.org/TR/>specs</a><a href=two>o</a><a href=//iana.org/>i</a>",
    "http://www.w3.org/": "<title>W3C</title><a href=http://example.com/>e</a><a href=http://nowhere.example/>n</a>",
}


def record(url: str, html: str, date: str = "2024-03-01T10:00:00Z") -> bytes:
    block = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n{html}".encode()
    header = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Date: {date}\r\nWARC-Target-URI: {url}\r\n"
        f"WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000000>\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return gzip.compress(header.encode() + block + b"\r\n\r\n")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    for sample in FOREIGN.glob("*.warc*"):
        shutil.copy(sample, folder / sample.name)
    again = record("http://www.w3.org/", "<title>later</title>", date="2024-04-01T10:00:00Z")
    made = b"".join(record(url, html) for url, html in PAGES.items())
    (folder / "made.warc.gz").write_bytes(again + made)
    (folder / "seeds.csv").write_text(SEEDS)
    return folder


def run(script: str, *arguments: str | Path, session: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ENGINESHED_SESSION": json.dumps(session)}
    environment["PYTHONPATH"] = str(REPOSITORY / "spark" / "driver")
    return subprocess.run(
        [sys.executable, str(SCRIPTS / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
        check=False,
    )


def counts(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr[-3000:]
    last = json.loads(done.stdout.splitlines()[-1])
    assert last.pop("seconds") > 0
    return dict(last)


def chain(inputs: Path, out: Path, session: dict[str, Any]) -> dict[str, dict[str, Any]]:
    seeds = inputs / "seeds.csv"
    steps = {
        "nodes_only.py": ["--seeds", seeds],
        "edges.py": ["--warc", inputs / "*.warc*", "--seeds", seeds],
        "graph.py": ["--nodes", out / "nodes_only", "--links", out / "edges", "--kinds", "a", "area"],
        "graph_aggr.py": ["--nodes", out / "nodes_only", "--graph", out / "graph", "--pages", out / "edges"],
    }
    return {
        script: counts(run(script, *arguments, "--out", out / script.removesuffix(".py"), session=session))
        for script, arguments in steps.items()
    }


def rows(out: Path) -> dict[str, list[str]]:
    """Every table's rows, in an order of their own."""
    tables = {f"{folder.parent.name}/{folder.name}": folder for folder in out.glob("*/*")}
    return {
        name: sorted(json.dumps(row, default=str, sort_keys=True) for row in ds.dataset(folder).to_table().to_pylist())
        for name, folder in tables.items()
    }


@pytest.fixture(scope="module")
def on_sail(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, Any]]]:
    out = tmp_path_factory.mktemp("sail")
    return out, chain(inputs, out, SAIL)


def test_the_chain_gives_the_network_and_counts_what_it_left_out(on_sail):
    out, said = on_sail
    assert said["nodes_only.py"]["drops"] == {"wrong_fields": 1, "platform": 1, "duplicate": 1}
    assert said["edges.py"]["drops"]["repeated_page"] == 1
    assert said["edges.py"]["drops"]["clipped" if "clipped" in said["edges.py"]["drops"] else "not_seed"] >= 1
    tables = {name: [json.loads(row) for row in of_table] for name, of_table in rows(out).items()}
    assert set(tables) == {
        "nodes_only/nodes",
        "nodes_only/drops",
        "edges/pages",
        "edges/links",
        "graph/graph",
        "graph_aggr/graph_aggr",
        "graph_aggr/degrees",
    }
    assert said["edges.py"]["pages"] == len(tables["edges/pages"])
    assert said["edges.py"]["links"] == len(tables["edges/links"])
    assert [page["title"] for page in tables["edges/pages"] if page["page_url"] == "http://www.w3.org/"] == ["W3C"]
    assert list(tables["edges/pages"][0]) == ["fetched_at", "host", "page_url", "text", "title"]
    assert said["graph.py"]["links"] == said["edges.py"]["links"]
    assert said["graph.py"]["edges"] + sum(said["graph.py"]["drops"].values()) == said["graph.py"]["links"]
    pairs = {(row["src_domain"], row["dst_domain"]): row for row in tables["graph_aggr/graph_aggr"]}
    assert pairs["example.com", "w3.org"]["reciprocal"] is True
    assert pairs["example.com", "iana.org"]["reciprocal"] is False
    assert all(source != target for source, target in pairs)
    degrees = {row["domain"]: row for row in tables["graph_aggr/degrees"]}
    assert sum(row["in_weight"] for row in degrees.values()) == said["graph.py"]["edges"]
    assert degrees["w3.org"]["pages"] == 1
    assert sum(row["pages"] for row in degrees.values()) == said["edges.py"]["pages"]


@pytest.mark.needs_java
def test_both_engines_give_equal_datasets(inputs, on_sail, tmp_path):
    out, said = on_sail
    assert chain(inputs, tmp_path, CLASSIC) == said
    assert rows(tmp_path) == rows(out)


@pytest.mark.parametrize(
    ("script", "arguments", "message"),
    [
        ("edges.py", ["--warc", "/nowhere/*.warc.gz", "--out", "{out}"], "no file matches '/nowhere/*.warc.gz'"),
        ("edges.py", ["--warc", "{inputs}/*.warc*", "--out", "{inputs}"], "not empty"),
        ("edges.py", ["--warc", "{inputs}/*.warc*", "--include", "(", "--out", "{out}"], "url_patterns.include"),
        ("edges.py", ["--out", "{out}"], "--warc"),
        ("nodes_only.py", ["--seeds", "{inputs}/made.warc.gz", "--out", "{out}"], "lacks the columns"),
        (
            "nodes_only.py",
            ["--seeds", "/nowhere/s.csv", "--out", "{out}"],
            "seed list /nowhere/s.csv cannot be read (No",
        ),
        (
            "edges.py",
            ["--warc", "{inputs}/*", "--seeds", "/no.csv", "--out", "{out}"],
            "seed list /no.csv cannot be read",
        ),
        ("graph.py", ["--nodes", "{inputs}", "--links", "{inputs}", "--out", "{out}"], "no Parquet of nodes"),
        ("graph.py", ["--nodes", "x", "--links", "x", "--kinds", "b", "--out", "{out}"], "link_kinds"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line_without_touching_anything(
    inputs, tmp_path, script, arguments, message
):
    before = sorted(path.name for path in inputs.iterdir())
    places = {"inputs": inputs, "out": tmp_path / "out"}
    done = run(script, *(argument.format(**places) for argument in arguments), session=SAIL)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
    assert sorted(path.name for path in inputs.iterdir()) == before


@pytest.mark.parametrize("script", ["nodes_only.py", "edges.py", "graph.py", "graph_aggr.py"])
def test_each_script_explains_itself(script):
    done = run(script, "--help", session=SAIL)
    assert done.returncode == 0
    assert "--overwrite" in done.stdout


def test_overwrite_replaces_the_tables(inputs, tmp_path):
    arguments = ["--seeds", inputs / "seeds.csv", "--out", tmp_path]
    first = counts(run("nodes_only.py", *arguments, session=SAIL))
    again = run("nodes_only.py", *arguments, session=SAIL)
    assert (again.returncode, "--overwrite" in again.stderr) == (2, True)
    assert counts(run("nodes_only.py", *arguments, "--overwrite", session=SAIL)) == first


EMPTY = {
    "no_drops": ("A,a.com,s,AT\n", [], {"rows": 1, "selected": 1, "nodes": 1, "drops": {}}),
    "no_seeds": ("", [], {"rows": 0, "selected": 0, "nodes": 0, "drops": {}}),
    "none_selected": (
        "A,a.com,s,AT\nB,http://facebook.com/b,s,AT\n",
        ["--sector", "none"],
        {"rows": 2, "selected": 0, "nodes": 0, "drops": {"not_selected": 1, "platform": 1}},
    ),
}


@pytest.mark.parametrize(
    ("session", "case"),
    [
        (SAIL, "no_drops"),
        (SAIL, "no_seeds"),
        (SAIL, "none_selected"),
        pytest.param(CLASSIC, "no_seeds", marks=pytest.mark.needs_java),
    ],
)
def test_tables_without_rows_are_written_with_their_columns_and_read_by_the_next_steps(tmp_path, session, case):
    csv_text, arguments, said = EMPTY[case]
    (tmp_path / "seeds.csv").write_text("organisation,url,sector,country\n" + csv_text)
    (tmp_path / "w.warc.gz").write_bytes(record("http://nowhere.example/", "<a href=/x>x</a>"))
    out = tmp_path / "out"
    steps = {
        "nodes_only": ["--seeds", tmp_path / "seeds.csv", *arguments],
        "edges": ["--warc", tmp_path / "w.warc.gz", "--seeds", tmp_path / "seeds.csv"],
        "graph": ["--nodes", out / "nodes_only", "--links", out / "edges"],
        "graph_aggr": ["--nodes", out / "nodes_only", "--graph", out / "graph", "--pages", out / "edges"],
    }
    found = {
        name: counts(run(f"{name}.py", *given, "--out", out / name, session=session)) for name, given in steps.items()
    }
    assert found["nodes_only"] == said
    assert (found["edges"]["pages"], found["graph"]["links"], found["graph_aggr"]["pairs"]) == (0, 0, 0)
    assert found["graph_aggr"]["nodes"] == said["nodes"]
    drops = ds.dataset(out / "nodes_only" / "drops").to_table()
    assert drops.column_names == ["row", "organisation", "url", "reason"]
    assert drops.num_rows == sum(said["drops"].values())
    assert ds.dataset(out / "graph_aggr" / "degrees").to_table().num_rows == said["nodes"]
