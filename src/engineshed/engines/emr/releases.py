"""What each release of EMR has: Spark, and the Pythons beside it.

Source: Amazon EMR Release Guide, "Application versions in Amazon EMR 7.x releases" and "Spark release history" (read
2026-11-27). The first Python is the release's default; the driver's side needs 3.10 at least, so the newest is used.
"""

from __future__ import annotations

from dataclasses import dataclass

from engineshed.model.errors import JobInvalid
from engineshed.model.staged import PackedEnvironment

_ARCHITECTURES = {"x86_64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True, slots=True)
class Release:
    """One release label."""

    spark: str
    pythons: tuple[str, ...]

    @property
    def python(self) -> str:
        """The Python that drivers and executors use."""
        return self.pythons[-1]


_BOTH = ("3.9", "3.11")

RELEASES = {
    "emr-7.1.0": Release("3.5.0", _BOTH),
    "emr-7.2.0": Release("3.5.1", _BOTH),
    "emr-7.3.0": Release("3.5.1", _BOTH),
    "emr-7.4.0": Release("3.5.2", _BOTH),
    "emr-7.5.0": Release("3.5.2", _BOTH),
    "emr-7.6.0": Release("3.5.3", _BOTH),
    "emr-7.7.0": Release("3.5.3", _BOTH),
    "emr-7.8.0": Release("3.5.4", _BOTH),
    "emr-7.9.0": Release("3.5.5", _BOTH),
    "emr-7.10.0": Release("3.5.5", _BOTH),
    "emr-7.11.0": Release("3.5.6", _BOTH),
    "emr-7.12.0": Release("3.5.6", _BOTH),
}
"""emr-7.0.0 is left out: its only Python is 3.9."""


def require_packed_for(packed: PackedEnvironment, label: str, architecture: str, job: str) -> None:
    """Raises JobInvalid where the wheels are for another Python or machine than the release's."""
    wanted, machine = RELEASES[label].python, _ARCHITECTURES[architecture]
    if packed.python != wanted or packed.architecture != machine:
        raise JobInvalid(
            f"job {job!r}: its environment is packed for Python {packed.python} on {packed.architecture}, but {label} "
            f"runs Python {wanted} on {machine}: engineshed pack --python {wanted} --architecture {machine}."
        )
