"""Where the installed engineshed_driver.py lies, found without importing it.

Asked of the distribution and not of the import path: a file of the same name on PYTHONPATH would otherwise be staged
beside every script.
"""

from __future__ import annotations

import json
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from engineshed.model.errors import ConfigurationInvalid

DISTRIBUTION = "engineshed-driver"
FILE = "engineshed_driver.py"


def driver_file() -> Path:
    """The file of the distribution engineshed-driver. Raises ConfigurationInvalid where there is none."""
    try:
        found = distribution(DISTRIBUTION)
    except PackageNotFoundError:
        raise ConfigurationInvalid(f"{DISTRIBUTION} is not installed: pip install {DISTRIBUTION}.") from None
    path = (_editable_folder(found) or Path(str(found.locate_file("")))) / FILE
    if not path.is_file():
        raise ConfigurationInvalid(
            f"{DISTRIBUTION} {found.version} is installed without {path}: install it again (here: make setup)."
        )
    return path


def _editable_folder(found: Distribution) -> Path | None:
    """The project's folder where it is installed by reference (PEP 610, direct_url.json)."""
    origin = json.loads(found.read_text("direct_url.json") or "{}")
    if not origin.get("dir_info", {}).get("editable"):
        return None
    return Path(url2pathname(urlsplit(origin["url"]).path))
