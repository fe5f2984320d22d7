"""Libraries of a task: wheels, laid out in the cluster's own folder as pip would, without an index and without a build.

What a wheel requires must be there: in the interpreter that drivers use, among the wheels of the workspace's
wheelhouse, or installed before. Sdists, eggs, Maven and CRAN are refused.
"""

from __future__ import annotations

import importlib.metadata
import zipfile
from collections.abc import Iterable, Mapping
from email.parser import Parser
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import sys_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename


class NotInstalled(Exception):
    """A library cannot be installed; the text says which and why, as pip would."""


class Installer:
    """Installs into `target`. places: path on the platform -> path of this machine."""

    def __init__(self, target: Path, wheelhouse: Path | None) -> None:
        self._target, self._wheelhouse = target, wheelhouse
        target.mkdir(parents=True, exist_ok=True)

    def wheel(self, path: Path) -> None:
        """One wheel and, from the wheelhouse, what it requires. Raises NotInstalled."""
        try:
            _, _, _, tags = parse_wheel_filename(path.name)
        except InvalidWheelFilename as error:
            raise NotInstalled(f"ERROR: Invalid wheel filename: {error}") from None
        if not path.is_file():
            raise NotInstalled(f"ERROR: Could not install packages due to an OSError: No such file: '{path.name}'")
        if not tags & set(sys_tags()):
            raise NotInstalled(f"ERROR: {path.name} is not a supported wheel on this platform.")
        try:
            with zipfile.ZipFile(path) as archive:
                archive.extractall(self._target)
                required = _required(archive)
        except zipfile.BadZipFile:
            raise NotInstalled(f"ERROR: Wheel '{path.name}' is invalid: bad zip file") from None
        for requirement in required:
            self.requirement(requirement)

    def requirement(self, text: str) -> None:
        """A requirement as in a requirements file. Raises NotInstalled."""
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise NotInstalled(f"ERROR: Invalid requirement: '{text}': {error}") from None
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            return
        if self._installed(requirement):
            return
        for path in sorted(self._wheelhouse.glob("*.whl") if self._wheelhouse else ()):
            name, version, _, _ = parse_wheel_filename(path.name)
            if name == canonicalize_name(requirement.name) and version in requirement.specifier:
                self.wheel(path)
                return
        raise NotInstalled(
            f"ERROR: Could not find a version that satisfies the requirement {requirement.name} (from versions: none)\n"
            f"ERROR: No matching distribution found for {text}"
        )

    def _installed(self, requirement: Requirement) -> bool:
        wanted = canonicalize_name(requirement.name)
        places = [importlib.metadata.distributions(path=[str(self._target)]), importlib.metadata.distributions()]
        found = (d for place in places for d in place if canonicalize_name(d.metadata["Name"] or "") == wanted)
        distribution = next(found, None)
        return distribution is not None and distribution.version in requirement.specifier


def _required(archive: zipfile.ZipFile) -> list[str]:
    name = next((n for n in archive.namelist() if n.endswith(".dist-info/METADATA")), None)
    if name is None:
        return []
    return Parser().parsestr(archive.read(name).decode()).get_all("Requires-Dist") or []


def wheels_of(libraries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Lines to install, of a task's `libraries`; jars are not for Python. Raises NotInstalled."""
    lines = []
    for library in libraries:
        kind, value = next(iter(library.items()))
        if kind == "whl":
            lines.append(str(value))
        elif kind == "pypi":
            lines.append(str(value["package"]))
        elif kind == "requirements":
            lines.append(f"-r {value}")
        elif kind != "jar":
            raise NotInstalled(f"ERROR: the double installs no {kind} libraries.")
    return lines
