"""A launcher in a process of its own, for tests that kill it: `python -m engineshed.testing.submitter` < order.

Reads one JSON object from standard input (`builder`, `settings`, `home`, `python`, `request`), submits, prints the
launch's native id, and then waits to be killed until its standard input ends.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

from engineshed.model.launch import Token
from engineshed.model.request import Request
from engineshed.ports.engine import Engine, Surroundings
from engineshed.running.system_clock import SystemClock


def build_engine(builder: str, settings: dict[str, Any], home: str, python: str) -> Engine:
    """The engine that `builder` (`module:function`, as an entry point names it) makes."""
    module, _, function = builder.partition(":")
    engine: Engine = getattr(import_module(module), function)(
        settings, Surroundings(home=home, python=python, clock=SystemClock())
    )
    return engine


def main() -> None:
    """Submit what the first line orders."""
    order = json.loads(sys.stdin.readline())
    plain = order.pop("request")
    engine = build_engine(**order)
    launch = engine.submit(Request(plain["engine"], Token(plain["token"]), plain["body"]))
    sys.stdout.write(launch.native_id + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
