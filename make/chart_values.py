"""The table of values in each chart's README, read off values.yaml: key, default, and the `# --` comment above.

A key with a comment is one row, whatever is below it; keys without one are only a way to those below. Refuses a value
that no comment speaks of.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import yaml

BEGIN = "<!-- values: written by `make docs` from values.yaml -->"
END = "<!-- end of values -->"


def readme(chart: Path) -> str:
    """The chart's README with its table brought up to date. Raises ValueError where the table has no place."""
    text = (chart / "README.md").read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{chart.name}/README.md has no place for the values: put in {BEGIN} and {END}.")
    return "\n".join([before + BEGIN, "", *table(chart / "values.yaml"), "", END + after])


def table(values: Path) -> list[str]:
    """The lines of the table."""
    text = values.read_text()
    rows = _rows(yaml.compose(text, Loader=yaml.SafeLoader) or yaml.MappingNode("", []), text.splitlines(), "")
    return ["| value | default | means |", "|---|---|---|", *(f"| `{k}` | {d} | {m} |" for k, d, m in rows)]


def _rows(node: yaml.Node, lines: list[str], path: str) -> Iterator[tuple[str, str, str]]:
    if not isinstance(node, yaml.MappingNode) or not node.value:
        raise ValueError(f"the value {path} has no `# --` comment: say above it what it means.")
    for key, value in node.value:
        here = f"{path}.{key.value}" if path else key.value
        means = _comment(lines, key.start_mark.line)
        if means:
            yield here, _default(value), means.replace("|", "\\|")
        else:
            yield from _rows(value, lines, here)


def _comment(lines: list[str], line: int) -> str:
    """What the comment block above a line says after its `--`."""
    block: list[str] = []
    while line > 0 and lines[line - 1].lstrip().startswith("#"):
        line -= 1
        block.insert(0, lines[line].lstrip()[1:].strip())
    return " ".join(block).partition("-- ")[2]


def _default(node: yaml.Node) -> str:
    plain = yaml.safe_load(yaml.serialize(node, Dumper=yaml.SafeDumper))
    return "none" if plain in ("", None) else f"`{json.dumps(plain, ensure_ascii=False)}`"
