"""Real relays with hand-made launches: what an engine on another machine starts, without that machine."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engineshed.model.wiring import Wiring
from engineshed.ports.store import ObjectStore

DRIVER = Path(__file__).parents[3] / "spark" / "driver"
PATIENCE_S = 60.0


def stage(store: ObjectStore, files: Mapping[str, str]) -> list[dict[str, str]]:
    """Files as the relay is told of them."""
    staged = []
    for name, text in files.items():
        data = text.encode()
        key = f"staged/{uuid.uuid4().hex}/{name}"
        store.put(key, data)
        staged.append({"name": name, "sha256": hashlib.sha256(data).hexdigest(), "uri": store.uri(key)})
    return staged


def start(
    folder: Path,
    wiring: Wiring,
    staged: Mapping[str, Any],
    argv: Sequence[str] = ("script.py",),
    *,
    by_argument: bool = False,
    **launch: Any,
) -> subprocess.Popen[bytes]:
    """A relay, with its own scratch folder below `folder`; its output lies in `folder`/relay.log."""
    order = {"version": 1, "argv": list(argv), "staged": dict(staged), **launch}
    env = {
        **os.environ,
        "ENGINESHED_RELAY": json.dumps(order),
        "ENGINESHED_SCRATCH": str(folder / f"scratch-{uuid.uuid4().hex[:8]}"),
        "PYTHONPATH": str(DRIVER),
        **({} if by_argument else wiring.env),
    }
    arguments = wiring.arguments if by_argument else ()
    with (folder / "relay.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "engineshed_relay", *arguments], env=env, stdout=log, stderr=log, cwd=folder
        )


def run(*given: Any, **launch: Any) -> int:
    """The exit code of a relay that ends by itself."""
    relay = start(*given, **launch)
    try:
        return relay.wait(PATIENCE_S)
    finally:
        relay.kill()
        relay.wait()
