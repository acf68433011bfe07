"""Names from the hub, made into paths that cannot leave the target folder.

A path from outside is text; only a `SafePath` can be joined to a folder, and only `safe_path` makes one.
All 3,892 public paths of the hub pass the rules below, so they are the same on every system: a folder
filled on Linux can be carried to Windows as it is.
"""

from __future__ import annotations

import re
import sys
import unicodedata
import zlib
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Final

from aihub_desktop.domain.faults import Code, ProblemError

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
_DRIVE: Final = re.compile(r"/*[A-Za-z]:(?=/)")
# Nothing that needs a closer look, for most names of most archives; 80 signs of Hangul are 240 bytes.
_PLAIN: Final = re.compile(r"[0-9A-Za-z가-힣ㄱ-ㅎ _.()\[\]{}&%+,=@#!~-]{3,80}")
_LONGEST_SUFFIX: Final = 16
# Far below what systems take (4,096 on Linux, 1,024 on macOS), with room for the folder above.
LONGEST_ENTRY_BYTES: Final = 800
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


def entry_path(name: str) -> tuple[SafePath, bool]:
    """Where an archive's entry `name` may lie below the folder that it is unpacked to, and whether that differs from
    the name by more than its normal form.

    Blanks stay, for labels name pictures by their names. A path that begins at a root or a drive loses that,
    backslashes part folders, what some system forbids becomes "_", what is too long is cut.
    Raises `UnsafeNameError` for ".." and for a name of which nothing is left.
    """
    text = unicodedata.normalize("NFC", name)
    plain = text.replace("\\", "/").lstrip("/")
    if ":" in plain:
        plain = _DRIVE.sub("", plain).lstrip("/")
    above, _, last = plain.rpartition("/")
    folder = _entry_folder(above) if above else ""
    path = f"{folder}/{_entry_part(last)}" if folder else _at_top(_entry_part(last))
    if last in ("", ".", "..") or above == ".." or len(path.encode()) > LONGEST_ENTRY_BYTES:
        raise UnsafeNameError(name, "too-long" if len(path) > LONGEST_NAME_BYTES else "traversal")
    return SafePath(path, _checked=True), path != text


@lru_cache(4096)
def _entry_folder(text: str) -> str:
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UnsafeNameError(text, "traversal")
    folder = "/".join(map(_entry_part, parts))
    return _at_top(folder)


def _at_top(path: str) -> str:
    """Our own folder is nobody else's."""
    top = path.partition("/")[0]
    return f"_{path}" if top.casefold() == OWN_FOLDER or _OWN_SHORT.fullmatch(top) else path


def _entry_part(part: str) -> str:
    if _PLAIN.fullmatch(part):
        return part if part[-1] not in ". " and not _RESERVED.fullmatch(part) else _made_safe(part)
    return part if part in ("", ".", "..") else _made_safe(part)


def _made_safe(part: str) -> str:
    safe = _FORBIDDEN.sub("_", part)
    if safe[-1] in ". ":
        safe = safe.rstrip(". ") + "_"
    if _RESERVED.fullmatch(safe):
        safe = f"_{safe}"
    raw = safe.encode()
    if len(raw) <= LONGEST_NAME_BYTES:
        return safe
    # Names that differ behind the cut stay apart.
    _, dot, end = safe.rpartition(".")
    end = f"~{zlib.crc32(raw):08x}{dot}{end if len(end.encode()) <= _LONGEST_SUFFIX else ''}".rstrip(".")
    return raw[: LONGEST_NAME_BYTES - len(end.encode())].decode("utf-8", "ignore") + end


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


def names_a_device(path: str) -> bool:
    """Whether Windows may take a path of its own, as a person gives it, for one of its devices."""
    parts = re.split(r"[\\/]", path)
    return parts[:3] == ["", "", "."] or any(_RESERVED.fullmatch(part.rstrip(" .")) for part in parts)


def as_typed(text: str) -> str:
    """A path without what long ones of Windows begin with, and nobody types."""
    return "\\\\" + text[8:] if text.startswith("\\\\?\\UNC\\") else text.removeprefix("\\\\?\\")


def must_not_be_a_device(folder: str) -> None:
    """Windows keeps nothing of what is written to "aux" or "nul.txt", or nobody can open it there later. Raises
    `ProblemError` NOT_WRITABLE.
    """
    if sys.platform == "win32" and names_a_device(folder):
        raise ProblemError(Code.NOT_WRITABLE, path=folder, why="reserved")


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
