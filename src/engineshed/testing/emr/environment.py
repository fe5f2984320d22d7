"""What the processes of a cluster get of this machine's environment: as little as they need to find Java and a shell.

The one place of the double that reads the environment. A driver must not see what a developer's shell holds: on EMR
it is not there either.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

_KEPT = ("JAVA_HOME", "LD_LIBRARY_PATH", "PATH", "SSL_CERT_FILE", "TMPDIR")


def of_machine() -> dict[str, str]:
    """Variables that a machine of a cluster takes over."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


def of_process() -> Mapping[str, str]:
    """All variables of this very process: for the commands, which hand them on."""
    return dict(os.environ)
