"""Names from the hub, made into paths that cannot leave the target folder.

A path from outside is text; only a `SafePath` can be joined to a folder, and only `safe_path` makes one.
All 3,892 public paths of the hub pass the rules below, so they are the same on every system: a folder
filled on Linux can be carried to Windows as it is.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path, PurePosixPath
from typing import Final

PART: Final = ".part"
JOURNAL: Final = ".part.journal"
OWN_FOLDER: Final = ".aihub"
# The short name that NTFS and FAT may give our folder opens it too.
_OWN_SHORT: Final = re.compile(r"aihub~[0-9]+", re.IGNORECASE)

# ext4, APFS and NTFS end at 255 (bytes, or UTF-16 units); 240 leaves room for ".part.journal".
LONGEST_NAME_BYTES: Final = 240

_RESERVED: Final = re.compile(r"(?i:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$|clock\$)(?:\..*)?")
# Control signs, what Windows forbids, signs that cannot be seen or turn the reading direction, half surrogates.
_FORBIDDEN: Final = re.compile(
    r'[\x00-\x1f\x7f-\x9f<>:"|?*\\\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]'
)
_PIECE: Final = re.compile(r"(?P<name>.+)\.part(?P<number>[0-9]{1,15})", re.DOTALL)


class UnsafeNameError(ValueError):
    """A name that must not become a path. `name` is the name as given, `why` a short code."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{why}: {name!r}")
        self.name = name
        self.why = why


class SafePath:
    """A relative path that stays inside the folder it is joined to. Made by `safe_path` only."""

    __slots__ = ("_text",)

    def __init__(self, text: str, *, _checked: bool = False) -> None:
        if not _checked:
            raise TypeError("use safe_path()")
        self._text = text

    def under(self, folder: Path) -> Path:
        """The path of this file below `folder`."""
        return folder.joinpath(*PurePosixPath(self._text).parts)

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"SafePath({self._text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SafePath) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


def safe_path(shown: str) -> SafePath:
    """The path on disk of a file that the hub shows as `shown` (parts joined by "/").

    Blanks become "_", as in the hub's own tar members, so that scripts written for the official tool go on
    working. Raises `UnsafeNameError` for an absolute path, "." and "..", drive letters, control signs,
    signs and names that Windows reserves, our own folder, and names too long to hold.
    """
    text = unicodedata.normalize("NFC", shown).replace(" ", "_")
    parts = text.split("/")
    for part in parts:
        if why := _fault_of(part):
            raise UnsafeNameError(shown, why)
    if parts[0].casefold() == OWN_FOLDER or _OWN_SHORT.fullmatch(parts[0]):
        raise UnsafeNameError(shown, "reserved")
    return SafePath(text, _checked=True)


def _fault_of(part: str) -> str | None:
    if part in ("", ".", ".."):
        return "traversal"
    if _FORBIDDEN.search(part):
        return "forbidden-sign"
    if part.endswith(".") or _RESERVED.fullmatch(part):
        return "reserved"
    if len(part.encode()) > LONGEST_NAME_BYTES:
        return "too-long"
    return None


def match_key(name: str) -> str:
    """What two spellings of one name have in common: the tree's "a b.zip" and the tar's "a_b.zip"."""
    return re.sub(r"\s", "_", unicodedata.normalize("NFC", name))


def split_piece(member: str) -> tuple[str, int] | None:
    """("NAME", 1073741824) for the tar member "NAME.part1073741824"; None for a bare name."""
    found = _PIECE.fullmatch(member)
    return (found["name"], int(found["number"])) if found else None


def taken_names(place: SafePath | str) -> tuple[str, str, str]:
    """Every name that receiving the file `place` occupies. Two files that share one cannot be received together."""
    return str(place), f"{place}{PART}", f"{place}{JOURNAL}"


def clash_key(name: str) -> str:
    """Names with the same key would be one file on Windows and macOS, so they clash everywhere."""
    return unicodedata.normalize("NFC", name).casefold()
