"""`make` for people with an odd environment, or with a word in mind that it does not know."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = """\
#!/bin/sh
if [ "$1" = --version ]; then echo "uv 0.99.0"; exit; fi
echo "cache $UV_CACHE_DIR, Pythons $UV_PYTHON_INSTALL_DIR" >&2
exit 3
"""


@pytest.mark.parametrize(("locale", "given"), [("C", "C.UTF-8"), ("POSIX", "C.UTF-8"), ("C.UTF-8", "C.UTF-8")])
def test_targets_run_in_utf_8(locale: str, given: str) -> None:
    show = "--eval=show: ; @echo $$LC_ALL"
    env = {"PATH": os.environ["PATH"], "LC_ALL": locale}
    done = subprocess.run(["make", show, "show"], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == given


@pytest.mark.parametrize("home", ["/proc/nobody", None])
def test_setup_without_a_home_keeps_its_cache_in_the_repository(tmp_path: Path, home: str | None) -> None:
    shutil.copytree(ROOT / "make", tmp_path / "make")
    for file in ("requirements.lock", "pyproject.toml", "spark/driver/pyproject.toml"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    shutil.copytree(ROOT / "code_locations" / "web_graph", tmp_path / "code_locations" / "web_graph", symlinks=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "uv").write_text(UV)
    (tmp_path / "bin" / "uv").chmod(0o755)
    env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", **({"HOME": home} if home else {})}
    done = subprocess.run([tmp_path / "make" / "setup.sh"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    kept = tmp_path / ".venv-cache"
    assert f"cache {kept}/uv, Pythons {kept}/python" in done.stderr
    assert "no cache can be kept in the home folder" in done.stderr


@pytest.mark.parametrize("name", ["PORT", "METRICS"])
def test_ui_starts_nothing_beside_a_port_that_is_taken(tmp_path: Path, name: str) -> None:
    with socket.socket() as taken, socket.socket() as free:
        for one in (taken, free):
            one.bind(("127.0.0.1", 0))
        taken.listen()
        ports = {"PORT": free.getsockname()[1], "METRICS": free.getsockname()[1], name: taken.getsockname()[1]}
        env = {"PATH": os.environ["PATH"], "DAGSTER_HOME": str(tmp_path / "home")}
        command = ["make/ui.sh", str(ports["PORT"]), str(ports["METRICS"])]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert f"make ui {name}={ports[name] + 1}" in done.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("verb", ["location", "namespace"])
@pytest.mark.parametrize("location", ["nosuch", ""])
def test_a_code_location_that_is_not_there_is_told_from_those_that_are(verb: str, location: str) -> None:
    command = ["make/release.sh", verb, *filter(None, [location])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    (said,) = done.stderr.splitlines()
    assert f"no code location '{location}'" in said
    assert said.endswith("one of company_registry web_graph")


@pytest.mark.parametrize("partition", ["bogus", "SAMPLE-2025-08|nosuch", "SAMPLE-2025-08|languages|more"])
def test_a_partition_that_is_not_there_is_told_from_those_that_are(partition: str) -> None:
    dimensions = [
        {"name": "crawl", "partitionKeys": ["SAMPLE-2023-06", "SAMPLE-2025-08"]},
        {"name": "domain", "partitionKeys": ["databases", "languages"]},
    ]
    said = _materialise(partition, {"__typename": "AssetNode", "partitionKeysByDimension": dimensions})
    assert said == (
        f"the showcase has no partition '{partition}': give PARTITION='crawl|domain', where "
        "crawl is one of SAMPLE-2023-06, SAMPLE-2025-08; domain is one of databases, languages."
    )


def test_a_showcase_that_is_not_there_is_told_with_the_remedy() -> None:
    said = _materialise("SAMPLE-2025-08|languages", {"__typename": "AssetNotFoundError"})
    assert "asset nodes_only is not at" in said
    assert "make location LOCATION=web_graph" in said


def test_pages_that_are_not_there_are_told_with_the_remedy() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        said = _asked(deaf.getsockname()[1], "SAMPLE-2025-08|languages")
    assert "no web pages of Dagster at" in said
    assert "`make pages`" in said


def _materialise(partition: str, node: dict[str, object]) -> str:
    """What `make materialise` says where the pages answer so of the asset: Dagster's own answers, cut."""

    class Pages(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"data": {"assetNodeOrError": node}}).encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        return _asked(server.server_address[1], partition)


def _asked(port: int, partition: str) -> str:
    command = [sys.executable, "make/ask.py", f"http://127.0.0.1:{port}", "materialise", partition]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    (said,) = done.stderr.splitlines()
    return said
