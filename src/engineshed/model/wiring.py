"""The env and arguments that carry context out and messages back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """How a driver finds its context and where it sends its messages.

    env: variables to set for the driver. arguments: the same facts as command-line arguments, for platforms that pass
    no env. address: where the messages lie, durable in the Intent, so that any successor can read them.
    """

    channel: str
    address: str
    env: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
