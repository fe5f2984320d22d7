"""What a transport of messages must do: context out, messages back, nothing lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from engineshed.model.launch import Token
from engineshed.model.message import Batch
from engineshed.model.wiring import Wiring
from engineshed.ports.engine import Surroundings


class Reader(Protocol):
    """Reads one address. Holds no state that a successor could not rebuild from the cursor."""

    def poll(self, cursor: str) -> Batch:
        """What has arrived after the cursor (empty: from the start), in order, without waiting.

        The same cursor gives the same messages again with the same sequence numbers. Raises ChannelError, and
        AccessDenied at once when reading is refused.
        """
        ...


class Channel(Protocol):
    """One transport."""

    @property
    def name(self) -> str:
        """As engines name it in their capabilities."""
        ...

    def prepare(self, token: Token, context: Mapping[str, Any]) -> Wiring:
        """Put the Pipes context where the driver will find it and make the address. Idempotent per token."""
        ...

    def reader(self, address: str) -> Reader:
        """A reader of that address, whoever prepared it."""
        ...

    def remove(self, address: str) -> None:
        """Delete context and messages. No error when they are gone."""
        ...


ChannelBuilder = Callable[[Mapping[str, Any], Surroundings], Channel]
"""What an entry point of the group `engineshed.channels` names."""
