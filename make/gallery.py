"""The demo's pictures as files, with one static page that shows them all. Needs no server and no network."""

from __future__ import annotations

import html
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import engineshed
from web_graph.pictures import describe, draw_network

PAGE = "index.html"

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Who links to whom</title>
<style>
  body { margin: 2rem auto; max-width: 1600px; padding: 0 1rem; background: #fbfaf6; color: #22262b;
         font: 1.05rem/1.5 system-ui, sans-serif; }
  figure { margin: 2.5rem 0; }
  img { width: 100%; height: auto; border: 1px solid #d8d5cb; }
</style>
</head>
<body>
<h1>Who links to whom</h1>
<p>One picture for each crawl and each research query, drawn from the published tables of <code>graph_aggr</code>.</p>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One partition's picture and the numbers behind it."""

    partition: str
    title: str
    subtitle: str
    path: Path
    pages: int
    links: int
    organisations: int
    pairs: int


def draw(folder: Path, partitions: list[str], *, root: str, mode: str) -> list[Drawn]:
    """Empty the folder and draw every partition into it, with a page that shows all."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    drawn = [_draw(folder, partition, root, mode) for partition in partitions]
    (folder / PAGE).write_text(_page(drawn), encoding="utf-8")
    return drawn


def _draw(folder: Path, partition: str, root: str, mode: str) -> Drawn:
    def table(asset: str, name: str) -> Any:
        return engineshed.open(asset, partition, table=name, root=root, mode=mode).to_arrow()

    pairs, degrees = table("graph_aggr", "graph_aggr"), table("graph_aggr", "degrees")
    title, subtitle = describe(pairs, degrees, partition)
    path = folder / f"{partition.replace('|', '-')}.png"
    path.write_bytes(draw_network(pairs, degrees, title=title, subtitle=subtitle))
    return Drawn(
        partition=partition,
        title=title,
        subtitle=subtitle,
        path=path,
        pages=table("edges", "pages").num_rows,
        links=table("edges", "links").num_rows,
        organisations=len(set(degrees["organisation"].to_pylist())),
        pairs=pairs.num_rows,
    )


def _page(drawn: list[Drawn]) -> str:
    figures = [
        f'<figure id="{html.escape(d.path.stem)}">\n<h2>{html.escape(d.partition.replace("|", ", "))}</h2>\n'
        f'<img src="{html.escape(d.path.name)}" alt="{html.escape(f"{d.title}: {d.subtitle}")}">\n</figure>\n'
        for d in drawn
    ]
    return f"{_HEAD}{''.join(figures)}</body>\n</html>\n"
