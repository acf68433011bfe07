"""What an entry of an archive is: by its first bytes where they say it, else by its name."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

LONGEST_END: Final = 8


class Content(StrEnum):
    PICTURE = "picture"
    JSON = "json"
    TABLE = "table"
    TEXT = "text"
    PAGE = "page"  # html, xml and svg: what shows them runs what is in them
    SOUND = "sound"
    VIDEO = "video"
    PDF = "pdf"
    PROGRAM = "program"
    ARCHIVE = "archive"
    OTHER = "other"


TEXTS: Final = frozenset({Content.JSON, Content.TABLE, Content.TEXT, Content.PAGE})

_ENDS: Final[dict[Content, str]] = {
    Content.PICTURE: "png jpg jpeg bmp gif webp tif tiff",
    Content.JSON: "json jsonl geojson ndjson",
    Content.TABLE: "csv tsv",
    Content.TEXT: "txt log md srt vtt yaml yml ini lab",
    Content.PAGE: "html htm xml svg xhtml",
    Content.SOUND: "wav mp3 flac ogg m4a aac opus",
    Content.VIDEO: "mp4 avi mkv mov webm mpg mpeg",
    Content.PDF: "pdf",
    Content.PROGRAM: "exe bat cmd com scr ps1 sh py js jar vbs msi app lnk desktop url dll so",
    Content.ARCHIVE: "zip tar gz tgz bz2 xz 7z rar egg alz",
}
_BY_END: Final = {end: content for content, ends in _ENDS.items() for end in ends.split()}
_PICTURES: Final = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif"}
_SHORTEST_BMP: Final = 26
_HEADS: Final = {
    Content.PDF: (b"%PDF-",),
    Content.PROGRAM: (
        b"MZ", b"\x7fELF", b"#!", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"[Desktop Entry]",
    ),
    Content.ARCHIVE: (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf", b"Rar!", b"EGGA"),
}  # fmt: skip
# What the system may be asked to open: programs that only show. Of tables, the sheet shows them; of pages, a browser
# would run their scripts with a file's rights, so they are none of these.
_HARMLESS: Final = frozenset(
    {Content.PICTURE, Content.JSON, Content.TABLE, Content.TEXT, Content.SOUND, Content.VIDEO, Content.PDF}
)


def end_of(name: str) -> str:
    """What stands behind the last dot of a name, in small letters; "" for none that says anything."""
    _, dot, end = name.rpartition("/")[2].rpartition(".")
    return end.casefold() if dot and 0 < len(end) <= LONGEST_END and end.isalnum() else ""


def by_name(name: str) -> Content:
    return _BY_END.get(end_of(name), Content.OTHER)


def content_of(name: str, head: bytes) -> Content:
    """A name may say anything; bytes that are a program, a picture or an archive are that."""
    if picture_format(head):
        return Content.PICTURE
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return Content.SOUND
    for content, heads in _HEADS.items():
        if head.startswith(heads):
            return content
    named = by_name(name)
    if named is Content.PICTURE and head:
        return named if end_of(name) in ("tif", "tiff") else Content.OTHER
    return named


def picture_format(head: bytes) -> str:
    """The name of a format that is shown here, "" for none."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:2] == b"BM" and len(head) >= _SHORTEST_BMP and head[6:10] == bytes(4):
        return "bmp"
    return next((name for magic, name in _PICTURES.items() if head.startswith(magic)), "")


def may_open(name: str, head: bytes) -> bool:
    """Whether the system's own program for a file may be called: by its name, and by what is in it."""
    return by_name(name) in _HARMLESS and content_of(name, head) in _HARMLESS
