"""Seed companies cleaned: one node per registrable domain, and every row left out kept with its reason.

Works on rows, not on Spark: a seed list has at most a few million of them, and which of two rows is the
duplicate must not depend on how an engine splits its input.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from webgraph.domains import is_ip, registrable_domain
from webgraph.drops import Drop
from webgraph.platforms import is_parked, is_platform
from webgraph.selection import DefinitionInvalid
from webgraph.tables import SEED_COLUMNS
from webgraph.urls import host_of, page_url

_LINES_PER_ROW: Final = 5  # a quoted line break may span this many; a quote that is never closed spoils one line
_SELECTABLE: Final = frozenset(SEED_COLUMNS) - {"url"}
_has_scheme = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:").match
_has_port = re.compile(r"[^/?#:]*:\d").match


class SeedColumnsMissing(ValueError):
    """A seed list without the columns that it must have."""


class SeedsUnreadable(ValueError):
    """A seed list that cannot be opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """One row of a seed list; None in `url` and a reason in `broken` where the row could not be read."""

    row: int  # 1 is the first row below the header
    organisation: str | None = None
    url: str | None = None
    sector: str | None = None
    country: str | None = None
    broken: Drop | None = None


@dataclass(slots=True)
class CleanSeeds:
    """Rows for the tables `nodes` and `drops`, and how often each reason applied."""

    nodes: list[dict[str, str | None]] = field(default_factory=list)
    drops: list[dict[str, str | int | None]] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Dropped rows by reason."""
        return dict(Counter(str(drop["reason"]) for drop in self.drops))

    def selected(self) -> int:
        """Usable rows that the selector asks for, further rows of one domain included."""
        return len(self.nodes) + self.counts().get(Drop.DUPLICATE, 0)


def read_csv(path: str | Path) -> Iterator[Seed]:
    """Rows of a seed CSV with a header; bytes that are not UTF-8 are replaced, broken rows come marked as such.

    Raises SeedColumnsMissing naming the file, the missing and the present columns; SeedsUnreadable without file.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", errors="replace", newline="") as file:
            lines = file.read().replace("\x00", "").splitlines(keepends=True)
    except OSError as error:
        raise SeedsUnreadable(
            f"seed list {path} cannot be read ({error.strerror}): correct the path, or put a CSV there with the header "
            f"{','.join(SEED_COLUMNS)}"
        ) from error
    if not lines:
        raise missing_columns(str(path), ())
    columns = [name.strip().lower() for name in next(csv.reader([lines[0]]))]
    if not set(SEED_COLUMNS) <= set(columns):
        raise missing_columns(str(path), columns)
    position, row = 1, 0
    while position < len(lines):
        fields, used = _row(lines, position, len(columns))
        position += used
        if fields == []:
            continue
        row += 1
        if fields is None:
            yield Seed(row=row, broken=Drop.WRONG_FIELDS)
        else:
            yield seed_of(row, dict(zip(columns, fields, strict=True)))


def missing_columns(name: str, present: Iterable[str]) -> SeedColumnsMissing:
    """The error for a seed list, named by its file or asset, that lacks columns."""
    there = list(present)
    missing = [column for column in SEED_COLUMNS if column not in there]
    return SeedColumnsMissing(
        f"seed list {name} lacks the columns {', '.join(missing)}; it has {', '.join(there) or 'none'}. "
        f"Give it a header with {', '.join(SEED_COLUMNS)}."
    )


def seed_of(row: int, values: Mapping[str, Any]) -> Seed:
    """A seed from the values of its columns; blank ones become None."""
    organisation, url, sector, country = (_text(values[name]) for name in SEED_COLUMNS)
    return Seed(row=row, organisation=organisation, url=url, sector=sector, country=country)


def _text(value: object) -> str | None:
    return None if value is None else str(value).strip() or None


def clean(seeds: Iterable[Seed], selector: Mapping[str, Iterable[str]] | None = None) -> CleanSeeds:
    """One node per registrable domain, in the order of the rows; of equal domains the first row stays.

    `selector` maps columns to the values to keep, case ignored. Raises DefinitionInvalid for a key that is none.
    """
    allowed = {name: {value.lower() for value in values} for name, values in (selector or {}).items()}
    if set(allowed) - _SELECTABLE:
        raise DefinitionInvalid(f"seed_selector has {sorted(allowed)}: allowed are {sorted(_SELECTABLE)}")
    cleaned = CleanSeeds()
    taken: set[str] = set()
    for seed in seeds:
        node = _node(seed, allowed)
        if not isinstance(node, Drop) and node["domain"] in taken:
            node = Drop.DUPLICATE
        if isinstance(node, Drop):
            drop = {"row": seed.row, "organisation": seed.organisation, "url": seed.url, "reason": node.value}
            cleaned.drops.append(drop)
        else:
            taken.add(str(node["domain"]))
            cleaned.nodes.append(node)
    return cleaned


def _row(lines: list[str], position: int, width: int) -> tuple[list[str] | None, int]:
    """Fields of the row that starts at a line, None if broken, [] if blank; and how many lines it takes."""
    for used in range(1, min(_LINES_PER_ROW, len(lines) - position) + 1):
        try:
            fields = next(csv.reader(["".join(lines[position : position + used])], strict=True), [])
        except csv.Error:
            continue
        if len(fields) == width or not any(fields):
            return (fields if any(fields) else []), used
        return None, 1
    return None, 1


def _node(seed: Seed, allowed: Mapping[str, set[str]]) -> dict[str, str | None] | Drop:
    if seed.broken is not None:
        return seed.broken
    if not seed.url:
        return Drop.NO_URL
    url = _normalised(seed.url)
    if isinstance(url, Drop):
        return url
    host = host_of(url)
    if is_ip(host):
        return Drop.IP_HOST
    domain = registrable_domain(host)
    if domain is None:
        return Drop.NO_DOMAIN
    if is_parked(domain, url):
        return Drop.PARKED
    if is_platform(domain):
        return Drop.PLATFORM
    if any((getattr(seed, name) or "").lower() not in values for name, values in allowed.items()):
        return Drop.NOT_SELECTED
    return {
        "domain": domain,
        "organisation": seed.organisation,
        "url": url,
        "host": host,
        "sector": seed.sector,
        "country": seed.country,
    }


def _normalised(written: str) -> str | Drop:
    """The serialised URL of what a person wrote into a list; a missing scheme is taken for http."""
    schemeless = not _has_scheme(written) or _has_port(written)
    url = page_url(f"http://{written.lstrip('/')}" if schemeless else written)
    if url is not None and (not schemeless or "." in host_of(url)):
        return url
    return Drop.BAD_URL if schemeless or written.lower().startswith("http") else Drop.OTHER_SCHEME
