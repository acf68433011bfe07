"""Links that lead to a dataset: `aihub:71631`, and the address of its page at the hub."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs, urlsplit

SCHEME: Final = "aihub"
# aihub:71631, aihub:dataset/71631, aihub://dataset/71631
_OURS: Final = re.compile(rf"{SCHEME}:(?://)?(?:dataset/)?([0-9]{{1,9}})/?", re.IGNORECASE)
_HOSTS: Final = frozenset({"aihub.or.kr", "www.aihub.or.kr"})
_PAGE_KEY: Final = re.compile(r"[0-9]{1,9}")


def is_link(text: str) -> bool:
    """Whether `text` is meant as a link of ours, be it well made or not."""
    return text.strip()[: len(SCHEME) + 1].casefold() == f"{SCHEME}:"


def dataset_of(text: str) -> str | None:
    """The dataset's key; None for what leads to no dataset."""
    text = text.strip()
    if found := _OURS.fullmatch(text):
        return found[1]
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or parts.hostname not in _HOSTS:
        return None
    keys = parse_qs(parts.query).get("dataSetSn", [])
    return keys[0] if len(keys) == 1 and _PAGE_KEY.fullmatch(keys[0]) else None
