"""Identifiers in the forms that EMR gives them; the same seed gives the same ones, so that a simulation can be
repeated.
"""

from __future__ import annotations

import random
import string

_LETTERS = string.ascii_uppercase + string.digits


class Ids:
    """A source of identifiers that never repeats one."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._given: set[str] = set()

    def new(self, prefix: str, length: int = 13) -> str:
        """`j-`, `s-`, `if-`, `ig-`, `ci-`: capital letters and digits."""
        return self._unique(prefix, _LETTERS, length)

    def ec2(self, prefix: str) -> str:
        """`i-`, `vol-`: 17 hexadecimal digits."""
        return self._unique(prefix, "0123456789abcdef", 17)

    def address(self) -> str:
        """A private IPv4 address."""
        return f"10.0.{self._random.randrange(256)}.{self._random.randrange(1, 255)}"

    def _unique(self, prefix: str, alphabet: str, length: int) -> str:
        while True:
            found = prefix + "".join(self._random.choices(alphabet, k=length))
            if found not in self._given:
                self._given.add(found)
                return found
