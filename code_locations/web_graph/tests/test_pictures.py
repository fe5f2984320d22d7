"""The pictures of the web graph: readable, small, the same each time, whatever the names in a seed list are."""

from __future__ import annotations

import base64
import io
import itertools
import random
import re
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256

import pyarrow as pa
import pytest
from PIL import Image

from web_graph.pictures import (
    describe,
    draw_degrees,
    draw_network,
    draw_network_svg,
    illustrate,
    top_pairs_markdown,
)
from web_graph.pictures.naming import shown_name
from web_graph.pictures.network import read_network
from web_graph.pictures.scene import FRAME, Scene, compose
from web_graph.research import read_domains

HOSTILE = (
    "a | b",
    "$x_1$ and $\\frac{",
    "two\nlines\tand a tab",
    "party 🎉 rocket 🚀",
    "L" * 200,
    "日本語の組織",
    "Москва",
    "[link](https://evil.example)",
    "<script>alert(1)</script>",
    "",
    "\u202eright to left",
)
Pair = tuple[str, str, int]


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    """A missing glyph is a warning: none may be drawn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def tables(
    pairs: Sequence[Pair], names: dict[str, str | None] | None = None, alone: Sequence[str] = ()
) -> tuple[pa.Table, pa.Table]:
    """The two tables of a graph; `pairs` are (source, target, weight)."""
    linked = {(a, b) for a, b, _ in pairs}
    domains = sorted({d for pair in linked for d in pair} | set(alone))
    edges = pa.table(
        {
            "src_domain": pa.array([a for a, _, _ in pairs], pa.string()),
            "dst_domain": pa.array([b for _, b, _ in pairs], pa.string()),
            "weight": pa.array([w for _, _, w in pairs], pa.int64()),
            "pages": pa.array([1 for _ in pairs], pa.int64()),
            "reciprocal": pa.array([(b, a) in linked for a, b, _ in pairs], pa.bool_()),
        }
    )
    received, sent = Counter[str](), Counter[str]()
    for a, b, w in pairs:
        sent[a] += w
        received[b] += w
    sources, targets = Counter(a for a, _ in linked), Counter(b for _, b in linked)
    degrees = pa.table(
        {
            "domain": pa.array(domains, pa.string()),
            "organisation": pa.array([(names or {}).get(d, d.split(".")[0].title()) for d in domains], pa.string()),
            "in_degree": pa.array([targets[d] for d in domains], pa.int64()),
            "out_degree": pa.array([sources[d] for d in domains], pa.int64()),
            "in_weight": pa.array([received[d] for d in domains], pa.int64()),
            "out_weight": pa.array([sent[d] for d in domains], pa.int64()),
            "pages": pa.array([3 if sent[d] else 0 for d in domains], pa.int64()),
        }
    )
    return edges, degrees


def scattered(nodes: int, links: int, seed: int = 3) -> list[Pair]:
    """A graph with a few hubs."""
    chance = random.Random(seed)
    found: dict[tuple[str, str], int] = {}
    while len(found) < links:
        a, b = chance.randrange(nodes), int(nodes * chance.random() ** 2)
        if a != b:
            found[f"site{a}.example", f"site{b}.example"] = int(chance.paretovariate(1.2))
    return [(a, b, w) for (a, b), w in found.items()]


def picture(edges: pa.Table, degrees: pa.Table, title: str = "Who links to whom", subtitle: str = "a test") -> bytes:
    return draw_network(edges, degrees, title=title, subtitle=subtitle)


SMALL = scattered(60, 130)


def collisions(scene: Scene) -> list[tuple[str, str]]:
    """Names that lie on another name, on a node or outside the frame."""
    found = [(a.text, b.text) for a, b in itertools.combinations(scene.labels, 2) if a.box.overlap(b.box)]
    found += [(label.text, "the frame") for label in scene.labels if not label.box.within(FRAME)]
    for label in scene.labels:
        for node, (x, y), radius in zip(scene.network.nodes, scene.at, scene.radii, strict=True):
            across = min(max(x, label.box.left), label.box.right) - x
            down = min(max(y, label.box.top), label.box.bottom) - y
            if across**2 + down**2 < radius**2:
                found.append((label.text, node.domain))
    return found


def touching(scene: Scene) -> list[tuple[str, str]]:
    """Nodes that lie on one another."""
    circles = zip(scene.network.nodes, scene.at, scene.radii, strict=True)
    return [
        (one.domain, other.domain)
        for (one, (ax, ay), a), (other, (bx, by), b) in itertools.combinations(circles, 2)
        if (ax - bx) ** 2 + (ay - by) ** 2 < (a + b) ** 2
    ]


@pytest.fixture(scope="module")
def drawn() -> bytes:
    return picture(*tables(SMALL))


@pytest.fixture(scope="module")
def scene() -> Scene:
    return compose(read_network(*tables(SMALL)))


def test_same_graph_same_bytes_in_any_order_of_rows_and_in_any_process(drawn: bytes) -> None:
    script = (
        f"import sys; sys.path[:0] = {[str(p) for p in sys.path if p]!r}\n"
        "import importlib.util as u, hashlib\n"
        f"spec = u.spec_from_file_location('t', {__file__!r}); t = u.module_from_spec(spec)\n"
        "sys.modules['t'] = t; spec.loader.exec_module(t)\n"
        "edges, degrees = t.tables(t.SMALL[::-1])\n"
        "picture = t.picture(edges, degrees.take(list(range(degrees.num_rows))[::-1]))\n"
        "print(hashlib.sha256(picture).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "77"}
    )
    assert other.stdout.split() == [sha256(drawn).hexdigest()]


def test_picture_fits_a_laptop_and_dagster_metadata(drawn: bytes) -> None:
    assert Image.open(io.BytesIO(drawn)).size == (1600, 1100)
    assert len(drawn) <= 300_000


def test_every_name_of_a_sample_sized_graph_is_legible(scene: Scene) -> None:
    assert len(scene.labels) >= 0.95 * len(scene.network.nodes)
    assert collisions(scene) == []


def test_nodes_use_the_whole_frame_and_do_not_touch(scene: Scene) -> None:
    assert scene.at[:, 0].max() - scene.at[:, 0].min() > 0.8 * FRAME.width
    assert scene.at[:, 1].max() - scene.at[:, 1].min() > 0.8 * FRAME.height
    assert touching(scene) == []


def test_long_names_around_one_hub_still_find_room() -> None:
    leaves = [f"leaf{i}.org" for i in range(60)]
    names: dict[str, str | None] = {leaf: f"Foundation of long name {i}" for i, leaf in enumerate(leaves)}
    scene = compose(read_network(*tables([(leaf, "hub.org", 1) for leaf in leaves], names)))
    assert len(scene.labels) >= 60
    assert collisions(scene) == []


def test_arrows_end_at_their_target_and_width_and_area_grow_with_weight() -> None:
    scene = compose(read_network(*tables([("a.org", "b.org", 40), ("a.org", "c.org", 4)])))
    for curve in scene.curves:
        x, y = curve.head[0] - scene.at[curve.link.target]
        assert 0 < (x**2 + y**2) ** 0.5 - scene.radii[curve.link.target] < 5
    heavy, light = sorted(scene.curves, key=lambda curve: -curve.link.weight)
    assert heavy.width > light.width
    area = {node.domain: radius**2 for node, radius in zip(scene.network.nodes, scene.radii, strict=True)}
    assert area["b.org"] == pytest.approx(10 * area["c.org"])


def test_large_graph_shows_its_heaviest_links_and_says_what_it_leaves_out() -> None:
    pairs = scattered(400, 2_000)
    edges, degrees = tables(pairs)
    network = read_network(edges, degrees)
    assert 140 <= len(network.links) <= 150
    assert network.links_left_out == 2_000 - len(network.links)
    assert max(w for _, _, w in pairs) in {link.weight for link in network.links}
    assert len(picture(edges, degrees)) <= 300_000
    scene = compose(network)
    named = {label.node for label in scene.labels}
    assert set(network.importance()[:10]) <= named
    assert collisions(scene) == []
    assert touching(scene) == []


def test_both_directions_of_a_pair_stay_together_and_each_domain_keeps_a_link() -> None:
    hub = [(f"n{i}.org", "hub.org", 50) for i in range(8)] + [("hub.org", "n0.org", 1), ("x.org", "y.org", 1)]
    network = read_network(*tables(hub), max_links=10)
    ends = {(network.nodes[link.source].domain, network.nodes[link.target].domain) for link in network.links}
    assert {("hub.org", "n0.org"), ("n0.org", "hub.org"), ("x.org", "y.org")} <= ends


def test_empty_graph_and_one_link() -> None:
    blank = Image.open(io.BytesIO(picture(*tables([]))))
    alone = Image.open(io.BytesIO(picture(*tables([], alone=["a.org"]))))
    one = Image.open(io.BytesIO(picture(*tables([("a.org", "b.org", 1)]))))
    assert blank.size == alone.size == one.size
    assert blank.tobytes() != alone.tobytes() != one.tobytes()
    assert read_network(*tables([], alone=["a.org"])).isolated == ("A",)


def test_hostile_names_are_drawn_as_plain_short_text() -> None:
    names: dict[str, str | None] = {f"n{i}.org": name for i, name in enumerate(HOSTILE)}
    names["n99.org"] = None
    edges, degrees = tables([(domain, "n0.org", 1) for domain in names if domain != "n0.org"], names, ["n100.org"])
    network = read_network(edges, degrees)
    assert all(len(node.name) <= 26 and "\n" not in node.name for node in network.nodes)
    shown = {node.domain: node.name for node in network.nodes}
    assert shown["n2.org"] == "two lines and a tab"
    assert shown["n3.org"] == "party rocket"
    assert shown["n5.org"] == "n5.org"
    assert shown["n6.org"] == "Москва"
    assert shown["n99.org"] == "n99.org"
    assert len(picture(edges, degrees, title="$" * 300, subtitle="🎉 $\\frac{ " * 60)) <= 300_000


def test_two_domains_of_one_organisation_are_told_apart() -> None:
    edges, degrees = tables([("x.readthedocs.example", "y.org", 2)], {"x.readthedocs.example": "Y", "y.org": "Y"})
    assert {node.name for node in read_network(edges, degrees).nodes} == {"Y", "x.readthedocs.example"}
    assert shown_name(None, "a-rather-long-name.readthedocs.example") == "a-rather-long-name"


def test_edges_of_another_partition_are_refused() -> None:
    edges, _ = tables([("a.org", "b.org", 1)])
    _, degrees = tables([("c.org", "d.org", 1)])
    with pytest.raises(ValueError, match=r"'a\.org', which the table of degrees lacks"):
        picture(edges, degrees)


def test_svg_is_the_same_each_time() -> None:
    graph = tables(SMALL[:20])
    first, second = (draw_network_svg(*graph, title="Who", subtitle="") for _ in range(2))
    assert first == second
    assert "<svg" in first


def test_degree_distribution_is_small() -> None:
    for graph in (tables(SMALL), tables([])):
        drawn = draw_degrees(graph[1])
        assert Image.open(io.BytesIO(drawn)).size == (900, 440)
        assert len(drawn) <= 80_000


def test_top_pairs_are_the_heaviest_and_escape_names() -> None:
    names: dict[str, str | None] = {f"n{i}.org": name for i, name in enumerate(HOSTILE)}
    pairs = [(f"n{i}.org", f"n{i + 1}.org", 10 * (i + 1)) for i in range(len(HOSTILE) - 1)]
    table = top_pairs_markdown(*tables(pairs, names), limit=8)
    rows = [line for line in table.splitlines() if line.startswith("|")][2:]
    assert len(rows) == 8
    assert [int(re.split(r"(?<!\\)\|", row)[3]) for row in rows] == sorted((w for _, _, w in pairs), reverse=True)[:8]
    assert all(len(re.split(r"(?<!\\)\|", row)) == 7 for row in rows)
    assert "[n6.org](https://n6.org/)" in table
    assert "<script>" not in table
    assert "8 of 10 pairs." in table
    assert r"a \| b" in top_pairs_markdown(*tables(pairs, names))
    assert r"\[link\]\(https:" in table


def test_no_pairs_and_domains_that_are_none() -> None:
    assert top_pairs_markdown(*tables([])) == "No organisation links to another."
    table = top_pairs_markdown(*tables([("javascript:alert(1)", "b.org", 1)]))
    assert "](https://javascript" not in table


class Partition:
    """What the hook reads of a published partition."""

    def __init__(self, partition: str, edges: pa.Table, degrees: pa.Table) -> None:
        self.partition = partition
        self._tables = {"graph_aggr": edges, "degrees": degrees}

    def read(self, table: str) -> pa.Table:
        return self._tables[table]


def test_metadata_of_a_partition() -> None:
    edges, degrees = tables([("a.org", "b.org", 3), ("b.org", "a.org", 1), ("a.org", "c.org", 2)], alone=["d.org"])
    metadata = illustrate(Partition("SAMPLE-2025-08|databases", edges, degrees))  # type: ignore[arg-type]
    assert set(metadata) == {
        "network",
        "degree_distribution",
        "top_pairs",
        "organisations",
        "pairs",
        "links",
        "reciprocal_share",
        "density",
    }
    numbers = [metadata[key].value for key in ("organisations", "pairs", "links", "reciprocal_share", "density")]
    assert numbers == [4, 3, 6, pytest.approx(2 / 3, abs=1e-4), pytest.approx(3 / 12)]
    title, subtitle = describe(edges, degrees, "SAMPLE-2025-08|databases")
    assert subtitle.startswith("SAMPLE-2025-08  ·  4 organisations on 4 domains  ·  6 links between 3 pairs")
    shown = re.fullmatch(r"!\[(.+)\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)", metadata["network"].value)
    assert shown is not None
    picture = base64.b64decode(shown[2])
    assert Image.open(io.BytesIO(picture)).width == 1080, "wider pictures are cut in Dagster's dialogue"
    assert picture == draw_network(edges, degrees, title=title, subtitle=subtitle, width_px=1080)


def test_title_asks_the_question() -> None:
    nothing = tables([])
    assert describe(*nothing, "SAMPLE-2025-08|databases")[0] == read_domains()["databases"].title
    assert describe(*nothing, "CC-MAIN-2024-10|open_data")[0] == "Who links to whom among open data"
    assert describe(*nothing, "CC-MAIN-2024-10|../domains/databases")[0].startswith("Who links to whom among")
    assert describe(*nothing, None)[0] == "Who links to whom"
