"""Hosts, and which of them may see the key. Pure.

Names are read by httpx's own parser, the one that also connects: what is judged here is what is reached.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

import httpx

# The hub streams from another host of this domain. Other hubs get the key on their one host only: which suffixes
# are registrable is a list of thousands, and wrong when old.
_SHARED_DOMAIN: Final = "aihub.or.kr"
# Names and addresses without the signs (backslash, percent …) at which parsers fall out with each other.
_PLAIN_HOST: Final = re.compile(r"[0-9a-z_-]+(?:\.[0-9a-z_-]+)*|[0-9a-f:.]+")


def may_have_key(hub_url: str, target_url: str) -> bool:
    """Whether a request to `target_url` may carry the key for the hub at `hub_url`.

    Only to the hub's own host; for aihub.or.kr to every host of that domain; all names of loopback count as one.
    Only over https, except on loopback. Never to an address with a user's name in it, nor to one that cannot be
    read.
    """
    hub, target = _host(hub_url), _host(target_url)
    if not hub or not target or is_insecure(hub_url, target_url):
        return False
    if is_loopback(hub) and is_loopback(target):
        return True
    return hub == target or (_of_shared_domain(hub) and _of_shared_domain(target))


def is_insecure(hub_url: str, target_url: str) -> bool:
    """Whether `target_url` asks for plain http beyond what is allowed: from a hub on loopback to loopback."""
    try:
        plain = httpx.URL(target_url).scheme != "https"
    except (httpx.InvalidURL, ValueError):
        return True
    return plain and not (is_loopback(_host(hub_url)) and is_loopback(_host(target_url)))


def is_loopback(host: str) -> bool:
    """localhost, 127.0.0.0/8 and ::1; other spellings of them, and names that merely lead there, are not."""
    if host.lower().removesuffix(".") == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return (address.version == 6 and int(address) == 1) or address in ipaddress.ip_network("127.0.0.0/8")


def plain_host(url: str) -> str:
    """The host of an address, as a fact for people; "" for none."""
    try:
        return httpx.URL(url).host[:80]
    except (httpx.InvalidURL, ValueError):
        return ""


def plain_origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: what two addresses of one server have in common."""
    try:
        address = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return "", "", None
    return address.scheme, address.host, address.port


def _host(url: str) -> str:
    try:
        address = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return ""
    host = address.raw_host.decode("ascii").lower().removesuffix(".")
    return "" if address.userinfo or not _PLAIN_HOST.fullmatch(host) else host


def _of_shared_domain(host: str) -> bool:
    return host == _SHARED_DOMAIN or host.endswith(f".{_SHARED_DOMAIN}")
