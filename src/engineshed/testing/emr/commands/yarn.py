"""`yarn application -list | -status ID | -kill ID`."""

from __future__ import annotations

import sys
from pathlib import Path

from engineshed.testing.emr import environment
from engineshed.testing.emr.commands import applications


def main(argv: list[str]) -> None:
    """Ends with 255 for what it does not know, as yarn does."""
    folder = Path(environment.of_process()["EMR_DOUBLE_YARN"])
    known = {application.id: application for application in applications.every(folder)}
    if argv[:2] == ["application", "-list"]:
        live = [a for a in known.values() if applications.state(a) not in applications.FINAL]
        sys.stdout.writelines(f"{a.id}\t{applications.state(a)}\n" for a in live)
    elif argv[:1] == ["application"] and len(argv) == 3 and argv[2] in known and argv[1] in ("-kill", "-status"):
        if argv[1] == "-kill":
            applications.kill(known[argv[2]])
        sys.stdout.write(f"{argv[2]}\t{applications.state(known[argv[2]])}\n")
    else:
        sys.stderr.write(f"yarn {' '.join(argv)}: no such application or command\n")
        sys.exit(255)


if __name__ == "__main__":
    main(sys.argv[1:])
