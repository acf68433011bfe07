"""Sizes and rates as a person types them: "500K", "2 MB/s", "1.5G", "0". Binary units, as the hub shows them."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = "KMGT"
_AMOUNT: Final = re.compile(rf"(\d+(?:\.\d+)?)\s*([{_UNITS}]?)(?:i?B)?(?:/s)?", re.IGNORECASE | re.ASCII)
_NONE: Final = frozenset({"none", "off", "unlimited", "없음"})
_MOST: Final = 1 << 62


def amount(text: str) -> int:
    """Bytes, or bytes a second. Raises `ValueError` for what cannot be read."""
    if text.strip().casefold() in _NONE:
        return 0
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    power = _UNITS.index(found[2].upper()) + 1 if found[2] else 0
    value = round(float(found[1]) * float(1 << (10 * power)))
    if value > _MOST:
        raise ValueError(text)
    return value


def shortest(value: int) -> str:
    """The shortest text that `amount` reads as this value: "2G" for 2147483648, "50000" for 50000."""
    power = 0
    while value and value % 1024 == 0 and power < len(_UNITS):
        value, power = value // 1024, power + 1
    return f"{value}{_UNITS[power - 1] if power else ''}"
