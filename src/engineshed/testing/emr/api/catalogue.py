"""What EMR offers: releases, and the instance types of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engineshed.testing.emr.catalogue import releases, supported_types
from engineshed.testing.emr.paging import page, paged
from engineshed.testing.emr.refusals import bad_request

if TYPE_CHECKING:
    from engineshed.testing.emr.account import Account

Given = dict[str, Any]


def list_supported_instance_types(account: Account, given: Given) -> Given:
    """Of a release that exists."""
    release = given["ReleaseLabel"]
    if release not in releases():
        raise bad_request(f"The supplied release label is invalid: {release}.")
    types = supported_types(release)
    items, marker = page(types, f"types of {release}", given.get("Marker"), account.page_size, lambda t: t["Type"])
    return paged("SupportedInstanceTypes", items, marker)


def list_release_labels(account: Account, given: Given) -> Given:
    """Newest first."""
    size = min(account.page_size, int(given.get("MaxResults") or account.page_size))
    prefix = (given.get("Filters") or {}).get("Prefix", "")
    labels = [label for label in releases() if label.startswith(prefix)]
    items, token = page(labels, "releases", given.get("NextToken"), size, str)
    return {"ReleaseLabels": list(items), **({"NextToken": token} if token else {})}


HANDLERS = {
    "ListSupportedInstanceTypes": list_supported_instance_types,
    "ListReleaseLabels": list_release_labels,
}
