"""Partitions of the web graph: crawl x domain."""

from __future__ import annotations

import dagster as dg

from web_graph.research import read_crawls, read_domains

CRAWLS = read_crawls()
DOMAINS = read_domains()

CRAWL_BY_DOMAIN = dg.MultiPartitionsDefinition(
    {
        "crawl": dg.StaticPartitionsDefinition(CRAWLS.ids),
        "domain": dg.StaticPartitionsDefinition(list(DOMAINS)),
    }
)
