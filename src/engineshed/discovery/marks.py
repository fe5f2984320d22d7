"""The labels and annotations by which code locations are found, and what their values may be.

A team writes the marks of its Service; only who may label Namespaces writes a namespace's. Every value is matched whole
against a strict pattern and never repaired: what does not match is refused.
"""

from __future__ import annotations

import re
from typing import Final

DOMAIN: Final = "engineshed.dev/"

#: On a Namespace: whose it is. The permission boundary: a namespace without it is not looked at.
TEAM: Final = DOMAIN + "team"
#: On a Namespace, an annotation (optional): the names of code locations that it alone may use, by commas.
CLAIMS: Final = DOMAIN + "code-locations"
#: On a Service, a label: the name of the code location behind it.
CODE_LOCATION: Final = DOMAIN + "code-location"
ROLE: Final = DOMAIN + "role"

# On a Service, annotations.
SERVICE_ACCOUNT: Final = DOMAIN + "service-account"
IMAGE: Final = DOMAIN + "image"
OWNERS: Final = DOMAIN + "owners"
CONTACT: Final = DOMAIN + "contact"
COMMIT: Final = DOMAIN + "commit"
VERSION: Final = DOMAIN + "version"
REVISION: Final = DOMAIN + "revision"

SERVICE_OF_SLICE: Final = "kubernetes.io/service-name"
GRPC_PORT_NAME: Final = "grpc"

LOCATION_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
TEAM_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?")
#: RFC 1123, as the names of Namespaces and Services.
DNS_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
#: RFC 1123, as the names of ServiceAccounts.
DNS_SUBDOMAIN: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
#: A reference to an image, looser than the distribution's grammar but without blanks, quotes and control characters.
IMAGE_REFERENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,511}")
#: What is only shown to people: one printable line.
SHOWN_TEXT: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]{1,200}")


def is_whole(pattern: re.Pattern[str], value: object) -> bool:
    """Whether the whole value is a text that the pattern allows (no trailing newline, no other type)."""
    return isinstance(value, str) and pattern.fullmatch(value) is not None
