"""Colours that stay apart for colour-blind readers (Okabe and Ito 2008; wine for its pale yellow)."""

from __future__ import annotations

from typing import Final

GROUPS: Final = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#882255")
OTHER: Final = "#8d949b"
BOTH_WAYS: Final = "#2b3038"
ALL: Final = (*GROUPS, OTHER, BOTH_WAYS)


def colour_of(group: int | None) -> str:
    """The colour of a group by its number; grey for what belongs to none."""
    return OTHER if group is None else GROUPS[group % len(GROUPS)]
