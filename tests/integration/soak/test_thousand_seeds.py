"""A thousand stories of the route in virtual time: deaths, lost replies, outages, changed prices and wishes, two bodies
at once. `make soak` tells more.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engineshed.testing.soak.seeds import Teller, teller

BLOCK = 100


@pytest.fixture(scope="module")
def storyteller() -> Iterator[Teller]:
    with teller() as found:
        yield found


@pytest.mark.parametrize("first", range(1, 1001, BLOCK))
def test_every_story_keeps_every_claim(storyteller: Teller, first: int) -> None:
    told = [storyteller.tell(seed) for seed in range(first, first + BLOCK)]
    broken = [
        "\n".join([f"seed {story.seed} (repeat it: {story.repeat})", *story.broken, *story.said])
        for story in told
        if story.broken
    ]
    assert not broken, "\n\n".join(broken)


def test_a_story_is_the_same_at_every_telling(storyteller: Teller) -> None:
    """Tokens come from the ledger's counter, which goes on; all else is the seed's."""
    first, second = ([line.split("es-")[0] for line in storyteller.tell(16).said] for _ in range(2))
    assert first == second
    assert len(first) > 5
