"""For authors of engines and channels and for teams' tests: contracts, a virtual clock, a virtual platform, a step.

`pip install engineshed[testing]`. An engine's author subclasses EngineContract and supplies a Bench (docs/engines.md).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engineshed.testing.bench import Bench
    from engineshed.testing.channel_contract import ChannelContract
    from engineshed.testing.clock import VirtualClock
    from engineshed.testing.contract import EngineContract
    from engineshed.testing.platform import Script, VirtualEngine, VirtualPlatform
    from engineshed.testing.steps import RecordedStep

_HOMES = {
    "Bench": "bench",
    "ChannelContract": "channel_contract",
    "EngineContract": "contract",
    "RecordedStep": "steps",
    "Script": "platform",
    "VirtualClock": "clock",
    "VirtualEngine": "platform",
    "VirtualPlatform": "platform",
}

__all__ = [
    "Bench",
    "ChannelContract",
    "EngineContract",
    "RecordedStep",
    "Script",
    "VirtualClock",
    "VirtualEngine",
    "VirtualPlatform",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'engineshed.testing' has no attribute {name!r}")
    return getattr(importlib.import_module(f"engineshed.testing.{_HOMES[name]}"), name)
