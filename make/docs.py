"""Writes the reference pages that can be read off the code: command line, settings, errors, values of the charts.

`make docs` writes them; a test fails when they are not current.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import click
from make import chart_values, telemetry_pages
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from engineshed.cli import cli
from engineshed.model import errors
from engineshed.running import premises
from engineshed.running.settings import LocationSettings, PlatformSettings

ROOT = Path(__file__).resolve().parent.parent
HEAD = "<!-- Written by `make docs`; change the code it is read from. -->\n\n"


def command_line() -> str:
    """docs/reference/cli.md: every command's own help."""
    parts = [HEAD + "# Command line\n"]
    for name, command in _commands("engineshed", cli):
        context = click.Context(command, info_name=name, max_content_width=100)
        parts.append(f"## {name}\n\n```\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def _commands(name: str, group: click.Group) -> Iterator[tuple[str, click.Command]]:
    """Those of a group by their whole names, each before the ones that it has."""
    for own, command in sorted(group.commands.items()):
        yield f"{name} {own}", command
        if isinstance(command, click.Group):
            yield from _commands(f"{name} {own}", command)


def settings() -> str:
    """docs/reference/settings.md: both files and the environment."""
    variables = (inspect.getdoc(premises) or "").split("\n\n")[-1]
    return "\n".join(
        [
            HEAD + "# Settings\n",
            "Unknown keys and wrong values are refused at start, with file, key and what is allowed. An engine's own",
            "block is checked by that engine: `engineshed engines --show` prints what is in force, ",
            "docs/engines.md explains it.\n",
            *_schema("location.yaml", LocationSettings),
            *_schema("platform.yaml", PlatformSettings),
            "## Environment\n",
            variables,
            "",
        ]
    )


def error_classes() -> str:
    """docs/reference/errors.md: the tree, and what the route does."""
    tree = inspect.getdoc(errors) or ""
    return HEAD + "# Errors\n\n```\n" + tree + "\n```\n"


def _schema(file: str, schema: type[BaseModel]) -> list[str]:
    lines = [f"## {file}\n", inspect.getdoc(schema) or "", "", "| key | default | means |", "|---|---|---|"]
    lines += _rows(schema, "")
    return [*lines, ""]


def _rows(schema: type[BaseModel], prefix: str) -> list[str]:
    rows: list[str] = []
    for name, field in schema.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            rows += _rows(inner, f"{prefix}{name}.")
        else:
            rows.append(f"| `{prefix}{name}` | {_default(field)} | {field.description or ''} |")
    return rows


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "none" if value in (None, "", (), {}) else f"`{value}`"


PAGES: Mapping[str, Callable[[], str]] = {
    "docs/reference/cli.md": command_line,
    "docs/reference/settings.md": settings,
    "docs/reference/errors.md": error_classes,
    "docs/reference/metrics.md": lambda: HEAD + telemetry_pages.metrics(),
    **{
        str(page.relative_to(ROOT)): partial(chart_values.readme, page.parent)
        for page in sorted(ROOT.glob("charts/*/README.md"))
    },
}


def main() -> None:
    """Write all pages, or with --check say which are not current."""
    stale = []
    for name, page in PAGES.items():
        path, text = ROOT / name, page().rstrip() + "\n"
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if "--check" in sys.argv and stale:
        sys.exit(f"not current: {', '.join(stale)}. Run `make docs`.")
    print("written: " + ", ".join(stale) if stale else "all current")


if __name__ == "__main__":
    main()
