"""The sentence of a refusal as the last line that a process says when it dies of it.

Dagster wraps what definitions raise while they load: the sentence stands in the middle of a traceback, while a person
looks at the end of a crashed pod's log. It is silent where the refusal is caught, as by tools that only list.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from engineshed.model.errors import ConfigurationInvalid


@contextmanager
def last_word() -> Iterator[None]:
    """Should this process end by a refusal raised within, or by what wraps it, it is repeated below the traceback."""
    try:
        yield
    except ConfigurationInvalid as refusal:
        _repeat_at_the_end(refusal)
        raise


def _repeat_at_the_end(refusal: ConfigurationInvalid) -> None:
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, stack: TracebackType | None) -> None:
        before(kind, error, stack)
        if any(one is refusal for one in _chain(error)):
            sys.stderr.write(f"engineshed: {' '.join(str(refusal).split())}\n")

    sys.excepthook = hook


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and what it was raised for."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
