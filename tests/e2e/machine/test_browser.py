"""The web pages in a real browser, where there is one: they are drawn by JavaScript that no other test runs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from .webserver import Webserver

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1500,1800",
    "--virtual-time-budget=20000",
    "--dump-dom",
)


@pytest.fixture(scope="module")
def browser() -> str:
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(_NAMES)} is on PATH")
    return found


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("/locations", ["company_registry", "web_graph", "Loaded"]),
        ("/asset-groups", ["company_registry", "web_graph"]),
        ("/assets/graph_aggr", ["network", "[Show Markdown]", "engineshed/plan", "web-graph@example.org"]),
        ("/assets/graph_aggr?view=checks", ["graph_aggr_has_rows", "Succeeded"]),
    ],
)
def test_a_page_is_drawn(web: Webserver, browser: str, tmp_path: Path, page: str, shown: list[str]) -> None:
    drawn = subprocess.run(
        [browser, *_OPTIONS, f"--user-data-dir={tmp_path}", f"{web.url}{page}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert [text for text in shown if text not in drawn.stdout] == [], drawn.stderr[-2000:]
