"""Hosts that are no organisation's own site: platforms where many have a page, and parked domains.

A seed that points to one of these would make the platform a node of the network, so it is dropped with that
reason. The lists are short on purpose: what matters are the hosts that registries are full of.
"""

from __future__ import annotations

from typing import Final

_SOCIAL: Final = """
facebook.com fb.com fb.me instagram.com twitter.com x.com linkedin.com xing.com youtube.com youtu.be tiktok.com
pinterest.com reddit.com vk.com ok.ru weibo.com t.me telegram.me whatsapp.com wa.me snapchat.com discord.com
discord.gg medium.com tumblr.com flickr.com vimeo.com twitch.tv threads.net bsky.app mastodon.social
"""
_SHOPS: Final = """
etsy.com shopify.com myshopify.com aliexpress.com alibaba.com rakuten.com walmart.com booking.com tripadvisor.com
yelp.com airbnb.com gumtree.com willhaben.at kleinanzeigen.de
"""
_CODE: Final = "github.com gitlab.com bitbucket.org sourceforge.net codeberg.org sr.ht"
_SHORTENERS: Final = """
bit.ly t.co goo.gl tinyurl.com ow.ly is.gd buff.ly lnkd.in rebrand.ly cutt.ly shorturl.at linktr.ee tiny.cc
"""
_BUILDERS: Final = "wixsite.com wordpress.com weebly.com jimdo.com squarespace.com site123.me strikingly.com"
_PLATFORMS: Final = frozenset(f"{_SOCIAL} {_SHOPS} {_CODE} {_SHORTENERS} {_BUILDERS}".split())
# Under the suffix of every country.
_EVERYWHERE: Final = frozenset(["amazon", "ebay", "tripadvisor", "zalando"])
_PARKED: Final = """
sedo.com sedoparking.com parkingcrew.net bodis.com dan.com afternic.com hugedomains.com above.com undeveloped.com
parklogic.com domainmarket.com buydomains.com cashparking.com dsparking.com namedrive.com voodoo.com
"""
_PARKING: Final = frozenset(_PARKED.split())
# Marks in a URL that registrars put on their placeholder pages.
_PARKED_MARKS: Final = ("domain-for-sale", "domainforsale", "this-domain", "/lander", "suspendedpage.cgi", "parked-")


def is_platform(domain: str) -> bool:
    """Whether a registrable domain is one where others have their pages."""
    return domain in _PLATFORMS or domain.split(".", 1)[0] in _EVERYWHERE


def is_parked(domain: str, url: str) -> bool:
    """Whether a URL leads to a parking service or a registrar's placeholder."""
    return domain in _PARKING or any(mark in url for mark in _PARKED_MARKS)
