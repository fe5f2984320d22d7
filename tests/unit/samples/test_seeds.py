from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

SECTORS = {"databases", "data-analysis", "languages", "tooling", "web", "standards"}


def test_rows_have_the_columns_that_queries_select_by(seed_rows: Sequence[dict[str, str]]) -> None:
    assert list(seed_rows[0]) == ["organisation", "url", "sector", "country"]
    assert {sector for row in seed_rows for sector in row["sector"].split(";")} == SECTORS
    assert all(re.fullmatch(r"([A-Z]{2})?", row["country"]) for row in seed_rows)
    assert all(row["organisation"] for row in seed_rows)


def test_the_list_is_as_dirty_as_a_real_registry(seed_rows: Sequence[dict[str, str]]) -> None:
    urls = [row["url"] for row in seed_rows]
    hosts = [urlsplit(url.lower()).hostname or "" for url in urls]
    bare = Counter(host.removeprefix("www.") for host in hosts if host)

    assert "" in urls
    assert sum(1 for url, host in zip(urls, hosts, strict=True) if url and not host) >= 2
    assert any(re.fullmatch(r"[\d.]+", host) for host in hosts)
    assert {"github.com", "bit.ly", "linkedin.com", "twitter.com", "amazon.com"} <= set(bare)
    assert any(host.endswith(".sedoparking.com") for host in hosts)
    assert bare["postgresql.org"] >= 2
    assert bare["sqlite.org"] >= 2
