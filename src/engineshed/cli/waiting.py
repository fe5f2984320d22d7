"""Waits for a database that is not there yet: a server that starts, or a new pod whose network is not open yet."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import click

from engineshed.model.errors import LedgerBusy

T = TypeVar("T")

_LOOK_S = 1.0


def once_there(call: Callable[[], T], wait_s: float) -> T:
    """What the call returns, tried again while the ledger is away. Raises LedgerBusy after `wait_s` seconds."""
    give_up_s = time.monotonic() + wait_s
    while True:
        try:
            return call()
        except LedgerBusy as error:
            if time.monotonic() > give_up_s:
                raise
            click.echo(f"waiting: {error}", err=True)
            time.sleep(_LOOK_S)
