"""Inputs by address: patterns that name nothing are refused, remote streams are resumed."""

from __future__ import annotations

import http.server
import threading

import pytest

from webgraph.streams import InputMissing, expand, open_binary

CONTENT = bytes(range(256)) * 4096


@pytest.fixture
def server():
    """Serves CONTENT and breaks off after each quarter; `/plain` knows no ranges, `/gone` is not there."""
    asked: list[str | None] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Range"))
            if self.path == "/gone":
                self.send_error(404)
                return
            start = int((self.headers.get("Range") or "bytes=0-")[6:-1]) if self.path != "/plain" else 0
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(CONTENT) - start))
            self.end_headers()
            self.wfile.write(CONTENT[start : start + len(CONTENT) // 4])

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}", asked
        running.shutdown()


def test_a_stream_that_breaks_off_is_resumed_where_it_stopped(server):
    address, asked = server
    waits: list[float] = []
    with open_binary(f"{address}/crawl", sleep=waits.append) as stream:
        assert stream.read() == CONTENT
    quarter = len(CONTENT) // 4
    assert asked == [None, *(f"bytes={n * quarter}-" for n in (1, 2, 3))]
    assert len(waits) == 3


def test_what_is_not_there_is_not_asked_for_again(server):
    address, asked = server
    with pytest.raises(OSError, match="404"):
        open_binary(f"{address}/gone", sleep=lambda _: None)
    assert len(asked) == 1


def test_a_server_without_ranges_is_not_resumed_from_the_start(server):
    address, _ = server
    with open_binary(f"{address}/plain", sleep=lambda _: None) as stream, pytest.raises(OSError, match="ranges"):
        stream.read()


def test_patterns_name_files_sorted_and_once(tmp_path):
    for name in ("b.warc.gz", "a.warc.gz", "c.txt"):
        (tmp_path / name).touch()
    (tmp_path / "d.warc.gz").mkdir()
    pattern = f"{tmp_path}/*.warc.gz"
    found = expand([pattern, f"file://{tmp_path}/a.warc.gz", "https://host.example/x?y"])
    assert found == [str(tmp_path / "a.warc.gz"), str(tmp_path / "b.warc.gz"), "https://host.example/x?y"]


def test_a_pattern_without_a_match_is_refused_by_name(tmp_path):
    with pytest.raises(InputMissing, match=r"none-here"):
        expand([f"{tmp_path}/none-here*.warc.gz"])
    with pytest.raises(InputMissing, match="no input pattern"):
        expand([])
