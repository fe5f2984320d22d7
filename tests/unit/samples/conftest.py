from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

ROOT = Path(__file__).resolve().parents[3]
# The packing script runs by path, so that its package lies beside it and not on the path of the project.
sys.path.insert(0, str(ROOT / "samples"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    file: str
    kind: str
    url: str
    digests_hold: bool
    status: int
    content_type: str
    body: bytes


@pytest.fixture(scope="session")
def samples() -> Path:
    return ROOT / "samples"


@pytest.fixture(scope="session")
def seed_rows() -> Sequence[dict[str, str]]:
    path = ROOT / "code_locations/company_registry/src/company_registry/seeds.csv"
    with path.open(encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))


@pytest.fixture(scope="session")
def domains() -> Path:
    return ROOT / "code_locations/web_graph/src/web_graph/domains"


@pytest.fixture(scope="session")
def crawls(samples: Path) -> dict[str, list[Record]]:
    """Every record of the shipped files, by crawl."""
    return {
        folder.name: [record for path in sorted(folder.glob("*.warc.gz")) for record in _records(path)]
        for folder in sorted((samples / "crawls").iterdir())
    }


def _records(path: Path) -> list[Record]:
    found = []
    with path.open("rb") as data:
        for record in ArchiveIterator(data, parse_http=False):
            hold = record.verify_block_digest()
            http = None
            if record.record_type == WarcRecordType.response:
                record.parse_http()
                http = record.http_headers
                hold = hold and record.verify_payload_digest()
            found.append(
                Record(
                    file=path.name,
                    kind=record.headers["WARC-Type"] or "",
                    url=record.headers.get("WARC-Target-URI") or "",
                    digests_hold=hold,
                    status=(http.status_code or 0) if http else 0,
                    content_type=(http.get("Content-Type") or "") if http else "",
                    body=record.reader.read(),
                )
            )
    return found
