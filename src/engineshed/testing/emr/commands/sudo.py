"""`sudo`: the same user all the time, for nothing here needs another one."""

from __future__ import annotations

import os
import sys

from engineshed.testing.emr import environment

_WITH_VALUE = ("-u", "--user", "-g", "--group")


def main(argv: list[str]) -> None:
    """Becomes the command."""
    rest, variables = list(argv), dict(environment.of_process())
    while rest and (rest[0].startswith("-") or "=" in rest[0].partition("/")[0]):
        word = rest.pop(0)
        if word in _WITH_VALUE:
            rest.pop(0)
        elif not word.startswith("-"):
            name, _, value = word.partition("=")
            variables[name] = value
    if rest:
        os.execvpe(rest[0], rest, variables)


if __name__ == "__main__":
    main(sys.argv[1:])
