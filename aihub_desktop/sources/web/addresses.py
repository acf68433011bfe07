"""Addresses: what may be asked for, and what of them may be shown and kept. Pure.

They are read by httpx's own parser, the one that also connects: what is judged here is what is reached.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

import httpx

from aihub_desktop.domain.faults import Code, ProblemError

MIRRORS: Final = "\t"  # between the addresses of one file, as in aria2's lists

_SHOWN_SIGNS: Final = 120
_PLAIN_HOST: Final = re.compile(r"[0-9a-z_-]+(?:\.[0-9a-z_-]+)*\.?|[0-9a-f:.]+")
# A backslash before the path, at which parsers fall out with each other over what the host is.
_TWISTED: Final = re.compile(r"[^:/?#]*:/*+[^/?#]*\\")
# Addresses that httpx would leave as they are: nearly all, and its parser costs more than a small file's request.
_SIGN: Final = r"(?:[A-Za-z0-9_~!$&'()*+,;=:@/.-]|%[0-9A-Fa-f]{2})*"
_BYTE: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_HOST: Final = rf"(?:(?:[0-9a-z_-]+\.)*[0-9a-z_-]*[a-z]|(?:{_BYTE}\.){{3}}{_BYTE})"
_PLAIN: Final = re.compile(rf"https?://{_HOST}(?::(?P<port>[1-9][0-9]{{0,4}}))?/{_SIGN}(?:\?{_SIGN})?")
_SESSION: Final = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/;]*", re.IGNORECASE)

# Parameters that sign, pass or grant: by whole words of their name, …
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORD: Final = re.compile(
    "tokens?|sig|auth|pwd|pass|passwd|jwt|hmac|bearer|expires?|expiry|hdnts|hdnea|hdntl|sas", re.IGNORECASE
)
# … by what their name holds, or how it begins.
_SECRET_PART: Final = re.compile(
    r"token$|secret|signature|password|passwd|credential|authori[sz]ation"
    r"|apikey|accesskey|accessid|keypairid|sessionid|privatekey"
)
_SECRET_START: Final = ("x-amz-", "x-goog-", "x-oss-", "x-cos-", "x-obs-", "q-sign-", "q-ak", "q-key-time")
# These are common names of harmless things as well, so they count only beside a signature.
_BESIDE: Final = re.compile(
    "s[epvrtsi]|srt|sip|spr|ses|skoid|sktid|skt|ske|sks|skv|saoid|suoid|scid|policy|exp", re.IGNORECASE
)
_SIGNATURE: Final = re.compile(r"signature$|^sig$|^hdn(?:ts|ea|tl)$|^hmac$|^expires$")


def spelt(address: str) -> str:
    """As a request spells it: without login and fragment, in ASCII. Raises `ProblemError` BAD_ADDRESS."""
    return address if _is_plain(address) else _without_login(parsed(address))


def parsed(address: str) -> httpx.URL:
    """The address, without its fragment. Raises `ProblemError` BAD_ADDRESS for what is neither http nor https."""
    try:
        scheme, colon, rest = address.strip().partition(":")
        url = httpx.URL(f"{scheme.lower()}{colon}{rest}")  # else it keeps the usual port of "HTTP:"
        host = url.raw_host.decode("ascii").lower()
        usable = url.scheme in ("http", "https") and 0 < (80 if url.port is None else url.port) < 65536
        if usable and _PLAIN_HOST.fullmatch(host) and not _TWISTED.match(address.strip()):
            return url.copy_with(fragment=None) if url.fragment else url
    except (httpx.InvalidURL, ValueError):
        pass
    raise ProblemError(Code.BAD_ADDRESS, address=_unread(address))


def clean(address: str) -> str:
    """The form of an address for manifests, journals and people; it is its own clean form.

    Without the user's name, the fragment, and parameters that sign, grant or run out; the others stay as they are.
    Raises `ProblemError` BAD_ADDRESS.
    """
    path, _, query = spelt(address).partition("?")
    kept = [pair for pair, secret in _judged(query) if not secret]
    return f"{_SESSION.sub('', path)}{'?' * bool(kept)}{'&'.join(kept)}"


def secrets_of(address: str) -> set[str]:
    """What of an address must not be repeated, as it stands there and decoded."""
    url = parsed(address)
    pairs = [pair for pair, secret in _judged(url.query.decode("ascii")) if secret]
    found = {pair.partition("=")[2] for pair in pairs} | {url.userinfo.decode("ascii"), url.password}
    return {text for secret in found for text in (secret, unquote(secret)) if text}


def is_signed(address: str) -> bool:
    """Whether an address grants access by itself, and so for a time only."""
    names = (_name_of(pair).lower() for pair in parsed(address).query.decode("ascii").split("&"))
    return any(_SIGNATURE.search(name) for name in names)


def _is_plain(address: str) -> bool:
    found = _PLAIN.fullmatch(address)
    if found is None or "/." in address:
        return False
    return found["port"] is None or (int(found["port"]) < 65536 and found["port"] not in ("80", "443"))


def _without_login(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii')}{url.raw_path.decode('ascii')}"


def _judged(query: str) -> list[tuple[str, bool]]:
    """(parameter as it stands, whether it is secret or passes)."""
    pairs = [pair for pair in query.split("&") if pair]
    signed = any(_SIGNATURE.search(_name_of(pair).lower()) for pair in pairs)
    return [(pair, _is_secret(pair, signed)) for pair in pairs]


def _is_secret(pair: str, signed: bool) -> bool:
    name = _name_of(pair)
    lower = name.lower()
    if lower.startswith(_SECRET_START) or (signed and _BESIDE.fullmatch(name)):
        return True
    if _SECRET_PART.search(re.sub(r"[^a-z0-9]", "", lower)):
        return True
    if any(_SECRET_WORD.fullmatch(word) for word in _WORD.findall(name)):
        return True
    # An address within the address may be signed itself.
    inner = unquote(pair.partition("=")[2])
    return "://" in inner and any(_is_secret(each, True) for each in re.split("[?&]", inner)[1:])


def _name_of(pair: str) -> str:
    return unquote(pair.partition("=")[0])


def _unread(address: str) -> str:
    """What may be shown of text that cannot be read as an address: nothing that may be a login or a signature."""
    text = re.split(r"[?#]", address, maxsplit=1)[0]
    before, slashes, rest = re.sub(r"[\x00-\x1f\x7f]", "", text).partition("//")
    return f"{before}{slashes}{rest.rpartition('@')[2]}"[:_SHOWN_SIGNS]
