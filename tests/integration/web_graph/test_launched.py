"""A payload as an engine launches it: one run for several partitions, their tables, counts and nothing else left."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from engineshed.channels.files import FileChannel
from engineshed.model.launch import Token
from engineshed.model.message import REPORT_KEY
from engineshed.model.partition import partition_dir
from engineshed.testing.channel_contract import CONTEXT

REPOSITORY = Path(__file__).parents[3]
TOKEN = Token("es-0123456789abcdef01234567")
KEYS = {
    "2024|north": {"crawl": "2024", "domain": "north"},
    "2025|north": {"crawl": "2025", "domain": "north"},
    "2025|south": {"crawl": "2025", "domain": "south"},
}
SEEDS = {"north": ["n.example"], "south": ["n.example", "s.example"]}


def warc(path: Path, *hosts: str) -> str:
    records = []
    for host in hosts:
        block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<title>%s</title><a href=/x>x</a>" % host.encode()
        header = (
            f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Date: 2024-03-01T10:00:00Z\r\nWARC-Target-URI: http://{host}/\r\n"
            f"WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000000>\r\nContent-Length: {len(block)}\r\n\r\n"
        )
        records.append(gzip.compress(header.encode() + block + b"\r\n\r\n"))
    path.write_bytes(b"".join(records))
    return str(path)


def test_edges_of_several_partitions_in_one_run(tmp_path):
    crawls = {
        "2024": [warc(tmp_path / "one.warc.gz", "n.example", "s.example")],
        "2025": [warc(tmp_path / "two.warc.gz", "n.example", "s.example", "other.example")],
    }
    inputs = {}
    for key, dimensions in KEYS.items():
        file = tmp_path / f"nodes-{dimensions['domain']}.parquet"
        pq.write_table(pa.table({"domain": SEEDS[dimensions["domain"]]}), file)
        inputs[key] = {"nodes_only": {"nodes": [str(file)]}}
    outputs = {key: tmp_path / "out" / partition_dir(key) for key in KEYS}
    launch = {
        "token": TOKEN,
        "mode": "sample",
        "tables": ["pages", "links"],
        "settings": {"crawls": crawls, "domains": {"north": {}, "south": {"url_patterns": {"exclude": ["//n"]}}}},
        "partition": {"keys": list(KEYS), "by_key": KEYS},
        "inputs": inputs,
        "outputs": {key: path.as_uri() for key, path in outputs.items()},
    }
    channel = FileChannel(tmp_path / "channels")
    wiring = channel.prepare(TOKEN, {**CONTEXT, "extras": {"engineshed": launch}})
    environment = {**os.environ, **wiring.env, "ENGINESHED_SESSION": json.dumps({"kind": "sail"})}
    environment["PYTHONPATH"] = str(REPOSITORY / "spark" / "driver")
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "spark" / "web_graph" / "edges.py")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]

    def hosts(key: str) -> list[str]:
        return sorted(ds.dataset(outputs[key] / "pages").to_table()["host"].to_pylist())

    assert {key: hosts(key) for key in KEYS} == {
        "2024|north": ["n.example"],
        "2025|north": ["n.example"],
        "2025|south": ["s.example"],
    }
    assert ds.dataset(outputs["2025|south"] / "links").to_table()["dst_url"].to_pylist() == ["http://s.example/x"]
    messages = channel.reader(str(tmp_path / "channels" / TOKEN)).poll("").messages
    payloads = [m.params["payload"] for m in messages if m.method == "report_custom_message"]
    report = {name: said for p in payloads for name, said in p.get(REPORT_KEY, {}).items()}
    assert [Path(i["uri"]).stat().st_size for i in report["inputs"]] == [i["size"] for i in report["inputs"]]
    assert all(i["etag"] for i in report["inputs"])
    south = report["by_partition"]["2025|south"]
    assert (south["files"], south["records"], south["pages"], south["links"]) == (1, 3, 1, 1)
    assert south["drops"] == {"not_seed": 1, "url_pattern": 1}
