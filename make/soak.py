"""Tells stories of the route with fresh seeds until the time or the number is over; a broken one is told in full.

`make soak` runs it, SEED=.. for one story that was found broken.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time

from engineshed.testing.soak.seeds import Told, teller

_EVERY_S = 10.0


def main() -> int:
    """The number of stories that were broken, as an exit code of 0 or 1."""
    asked = _asked()
    first = asked.seed if asked.seed is not None else secrets.randbelow(10**9)
    most = 1 if asked.seed is not None else asked.seeds
    until_s = time.monotonic() + asked.minutes * 60
    told = broken = 0
    said_s = time.monotonic()
    print(f"soak: seeds from {first} on", flush=True)
    with teller() as stories:
        while (most is None or told < most) and (most is not None or time.monotonic() < until_s):
            story = stories.tell(first + told)
            told += 1
            broken += bool(story.broken)
            if story.broken or asked.seed is not None:
                _show(story)
            if time.monotonic() - said_s > _EVERY_S:
                said_s = time.monotonic()
                print(f"soak: {told} stories, {broken} broken", flush=True)
    print(f"soak: {told} stories, {broken} broken")
    return 1 if broken else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--seed", type=int, help="tell this one story")
    parser.add_argument("--seeds", type=int, help="how many stories; without it, for --minutes")
    parser.add_argument("--minutes", type=float, default=10.0, help="for how long (10)")
    return parser.parse_args()


def _show(story: Told) -> None:
    print(f"seed {story.seed}")
    for line in story.said:
        print(f"  {line}")
    for claim in story.broken:
        print(f"  BROKEN: {claim}")
    if story.broken:
        print(f"  repeat it: {story.repeat}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
