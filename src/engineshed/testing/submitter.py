"""A launcher in a process of its own, for tests that kill it: `python -m engineshed.testing.submitter` < order.

Reads one JSON object from standard input (`request` and the arguments of `build_engine`), submits, prints the launch's
native id, and then waits to be killed until its standard input ends.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from engineshed.model.launch import Token
from engineshed.model.request import Request
from engineshed.ports.engine import Engine, Surroundings
from engineshed.running.system_clock import SystemClock
from engineshed.storage.objects import open_store


def build_engine(
    builder: str,
    settings: dict[str, Any],
    home: str,
    python: str,
    exchange: str = "",
    exchange_access: Mapping[str, str] | None = None,
) -> Engine:
    """The engine that `builder` (`module:function`, as an entry point names it) makes.

    exchange: root of the object store through which launcher and drivers give each other code, where there is one.
    """
    module, _, function = builder.partition(":")
    access = dict(exchange_access or {})
    surroundings = Surroundings(
        home=home,
        python=python,
        clock=SystemClock(),
        exchange=open_store(exchange, access) if exchange else None,
        exchange_access=access,
    )
    engine: Engine = getattr(import_module(module), function)(settings, surroundings)
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
