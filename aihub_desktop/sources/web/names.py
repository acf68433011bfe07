"""What a file from the web is called: as its server says, else as its address ends; always safe. Pure."""

from __future__ import annotations

import re
import unicodedata
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from aihub_desktop.domain.names import LONGEST_NAME_BYTES, UnsafeNameError, clash_key, safe_path

NAMELESS: Final = "download"

_PARAMETER: Final = re.compile(r'(?:^|;)\s*([\w!#$%&\'*+.^`|~-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)
_QUOTED: Final = re.compile(r'\\(["\\])')  # other backslashes are those of a path from Windows
_PERCENT: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_ENCODED_WORD: Final = re.compile(r"=\?[\w-]+\?[bBqQ]\?[^?]*\?=")
_HANGUL: Final = re.compile("[가-힣]")
# Those that servers are known to write; a codec of Python's own, such as "punycode", is none.
_CHARSET: Final = re.compile(
    r"utf-?8|us-ascii|iso-8859-1|iso-8859-15|windows-1252|euc-kr|cp949|ms949|ks_c_5601-1987|ksc5601|iso-2022-(?:kr|jp)"
    r"|shift_jis|euc-jp|gb2312|gbk|gb18030|big5",
    re.IGNORECASE,
)
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_EXTENSION: Final = re.compile(r"(?:\.(?:tar|nii|csv|json|jsonl|part))?\.(?=[0-9]*[A-Za-z]|[0-9]{3})[0-9A-Za-z]{1,10}$")
_LONGEST_EXTENSION: Final = 20
# A program's name, which says nothing of what it gives.
_PROGRAMS: Final = re.compile("php|aspx?|jspx?|do|cgi|action|ashx", re.IGNORECASE)
_ROOM: Final = 8  # bytes for " (99999)"


def file_name(disposition: str, address: str) -> str:
    """A safe name of one part, never empty. `disposition`: the header Content-Disposition, "" for none."""
    for text in (of_disposition(disposition), of_address(address)):
        parts = _parts(text)
        if parts:
            return safe_part(parts[-1])
    return NAMELESS


def of_disposition(header: str) -> str:
    """The name that the header gives, as it is given: "" for none. Takes raw bytes of UTF-8 or cp949 as latin-1."""
    parameters = {name.lower(): value.strip() for name, value in _PARAMETER.findall(header)}
    extended = _extended(_unquoted(parameters.get("filename*", "")))
    if extended:
        return extended
    name = _repaired(_unquoted(parameters.get("filename", "")))
    if _ENCODED_WORD.search(name):
        return _words(name)
    return _of_bytes(unquote_to_bytes(name)) if name.isascii() and _PERCENT.search(name) else name


def of_address(address: str) -> str:
    """The last part of an address that is not empty, decoded; "" for none."""
    try:
        path = urlsplit(address).path.rstrip("/")
    except ValueError:
        return ""
    return _of_bytes(unquote_to_bytes(path.rpartition("/")[2]))


def extension(name: str) -> str:
    """ ".zip" or ".tar.gz", "" for none."""
    found = _EXTENSION.search(name)
    return found[0] if found and found.start() > 0 else ""


def says_its_name(address: str) -> bool:
    """Whether the address ends with a file's name, and asks nothing beside: then it need not be asked for it."""
    parts = urlsplit(address)
    kind = extension(of_address(address)).rpartition(".")[2]
    return not parts.query and not parts.path.endswith("/") and bool(kind) and not _PROGRAMS.fullmatch(kind)


def safe_part(text: str) -> str:
    """One part of a path from any text: what `safe_path` forbids is replaced, what is too long is shortened."""
    name = unicodedata.normalize("NFC", text).strip()
    if not _is_safe(name):
        name = "".join(sign if _may_stand(sign) else "_" for sign in name)
        name = _shortened(name.rstrip(". "), LONGEST_NAME_BYTES)
        name = name if _is_safe(name) else f"_{_shortened(name, LONGEST_NAME_BYTES - 1)}"
    return name if _is_safe(name) and name.strip("_ ") else NAMELESS


def safe_folders(text: str) -> str:
    """A path from a list: its folders stay, but nothing that leads out of the target."""
    return "/".join(safe_part(part) for part in _parts(text)) or NAMELESS


def unique(names: list[str]) -> list[str]:
    """The same names, but of those that would be one file on any system all but the first get a number."""
    taken: set[str] = set()
    last: dict[str, int] = {}
    given: list[str] = []
    for name in names:
        key, number = _key(name), 1
        if key in taken:
            number = last.get(key, 1) + 1
            while _key(_numbered(name, number)) in taken:
                number += 1
            last[key] = number
        given.append(name if number == 1 else _numbered(name, number))
        taken.add(_key(given[-1]))
    return given


def _numbered(name: str, number: int) -> str:
    folder, slash, last = name.rpartition("/")
    last = _shortened(last, LONGEST_NAME_BYTES - _ROOM)
    kind = extension(last)
    return f"{folder}{slash}{last.removesuffix(kind)} ({number}){kind}"


def _key(name: str) -> str:
    return clash_key(name.replace(" ", "_"))


@lru_cache(maxsize=4096)  # a list may hold a hundred thousand names to be mended
def _may_stand(sign: str) -> bool:
    return sign == "." or _is_safe(f"x{sign}x")


def _is_safe(part: str) -> bool:
    try:
        safe_path(part)
    except UnsafeNameError:
        return False
    return "/" not in part


def _shortened(name: str, most: int) -> str:
    """At most so many bytes of UTF-8, with the extension kept."""
    if len(name.encode()) <= most:
        return name
    kind = extension(name)[-_LONGEST_EXTENSION:]
    stem = name.removesuffix(kind).encode()[: most - len(kind)].decode("utf-8", "ignore")
    return (stem + kind).rstrip(". ")


def _parts(text: str) -> list[str]:
    """The parts of a path of any system that name something."""
    parts = [part.strip() for part in re.split(r"[/\\]", text.replace("\0", ""))]
    return [part for part in parts if part.strip(". ") and not _DRIVE.fullmatch(part)]


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return _QUOTED.sub(r"\1", value[1:-1])
    return value.strip('"')


def _extended(value: str) -> str:
    """ "UTF-8''%EA%B0%80.zip" (RFC 5987); "" for what cannot be read."""
    charset, _, rest = value.partition("'")
    _, _, coded = rest.partition("'")
    if not _CHARSET.fullmatch(charset):
        return ""
    try:
        if not coded.isascii():
            return _repaired(coded)
        return unquote_to_bytes(coded).decode(charset)
    except (UnicodeDecodeError, LookupError):
        return ""


def _words(text: str) -> str:
    """ "=?UTF-8?B?…?=": a mail's way, which no header of the web should have."""
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        return text


def _repaired(text: str) -> str:
    """Bytes that were read as latin-1, as what they were before."""
    try:
        raw = text.encode("latin-1")
    except UnicodeEncodeError:
        return text  # it has been decoded rightly already
    return _of_bytes(raw)


def _of_bytes(raw: bytes) -> str:
    for charset in ("utf-8", "cp949"):
        try:
            text = raw.decode(charset)
        except UnicodeDecodeError:
            continue
        # Other letters of Europe make cp949 too, but hardly ever a syllable.
        if charset == "utf-8" or _HANGUL.search(text):
            return text
    return raw.decode("latin-1")
