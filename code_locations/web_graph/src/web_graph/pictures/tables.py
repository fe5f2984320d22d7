"""The heaviest pairs as a Markdown table: the figures behind the picture."""

from __future__ import annotations

import re

import pyarrow as pa

from web_graph.pictures.naming import escaped, one_line, shortened

_MAX_NAME_CHARS = 60
# What the public suffix list calls a domain, in ASCII form. Anything else is shown, but not made a link.
_is_domain = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)+", re.IGNORECASE).fullmatch


def top_pairs_markdown(edges: pa.Table, degrees: pa.Table, limit: int = 15) -> str:
    """The pairs with most links, heaviest first, ties by name; each domain links to its site."""
    organisations = dict(zip(degrees["domain"].to_pylist(), degrees["organisation"].to_pylist(), strict=True))
    rows = sorted(edges.to_pylist(), key=lambda row: (-row["weight"], row["src_domain"], row["dst_domain"]))
    if not rows:
        return "No organisation links to another."
    lines = ["| From | To | Links | Pages | Both ways |", "| --- | --- | ---: | ---: | :---: |"]
    for row in rows[:limit]:
        ends = (_end(organisations.get(domain), domain) for domain in (row["src_domain"], row["dst_domain"]))
        both = "yes" if row["reciprocal"] else ""
        lines.append(f"| {' | '.join(ends)} | {row['weight']:,} | {row['pages']:,} | {both} |")
    if len(rows) > limit:
        lines += ["", f"{limit:,} of {len(rows):,} pairs."]
    return "\n".join(lines)


def _end(organisation: str | None, domain: str) -> str:
    shown = escaped(domain)
    site = f"[{shown}](https://{domain}/)" if _is_domain(domain) else shown
    name = escaped(shortened(one_line(organisation or ""), _MAX_NAME_CHARS))
    return f"{name} ({site})" if name else site
