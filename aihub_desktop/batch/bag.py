"""A bag as BagIt has it (RFC 8493), version 1.0, with SHA-256 alone.

bagit.txt                 written last of all: without it nobody takes the folder for a bag
bag-info.txt              Payload-Oxum, Bag-Group-Identifier, Bag-Count …
manifest-sha256.txt       SHA-256 of every file below data/
fetch.txt                 what of it is still to come, with a public address
aihub-files.jsonl         of which file of which dataset each is, how that was proved, and when
tagmanifest-sha256.txt    SHA-256 of all of the above
tagmanifest-sha256.txt.sig   if it was signed
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from aihub_desktop.disk.files import disk_error, hashed, plain_file
from aihub_desktop.domain.faults import Code, ProblemError

BAGIT: Final = "bagit.txt"
INFO: Final = "bag-info.txt"
MANIFEST: Final = "manifest-sha256.txt"
TAG_MANIFEST: Final = "tagmanifest-sha256.txt"
FETCH: Final = "fetch.txt"
DECLARATION: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_LINE: Final = re.compile(r"([0-9A-Fa-f]{64})[ \t]+\*?(.+)")
_ESCAPED: Final = re.compile(r"%(0[AaDd]|25)")
_LARGEST: Final = 256 << 20  # of a list: 100,000 files take 20 MB


def manifest_text(sums: Iterable[tuple[str, str]]) -> Iterator[bytes]:
    """Lines for (path, SHA-256), in the order of the paths."""
    for path, sha256 in sorted(sums):
        yield f"{sha256}  {_escaped(path)}\n".encode()


def fetch_text(wanted: Iterable[tuple[str, int | None, str]]) -> bytes:
    """Lines for (address, size, path)."""
    lines = (f"{address} {'-' if size is None else size} {_escaped(path)}\n" for address, size, path in wanted)
    return "".join(lines).encode()


def info_text(fields: Iterable[tuple[str, str]]) -> bytes:
    """`LABEL: VALUE` lines; no value may break its line."""
    return "".join(f"{label}: {' '.join(value.split())}\n" for label, value in fields).encode()


def _escaped(path: str) -> str:
    return path.replace("%", "%25").replace("\n", "%0A").replace("\r", "%0D")


def read_manifest(path: Path) -> dict[str, str]:
    """SHA-256 by path; these may be unsafe. Raises `ProblemError` BAG_BROKEN, the disk's."""
    found: dict[str, str] = {}
    for line in _text(path).split("\n"):
        text = line.removesuffix("\r")
        if not text:
            continue
        match = _LINE.fullmatch(text)
        name = "" if match is None else _ESCAPED.sub(lambda code: chr(int(code[1], 16)), match[2])
        if match is None or name in found:
            raise broken(path)
        found[name] = match[1].lower()
    return found


def read_info(path: Path) -> dict[str, str]:
    """Values by label in lower case; the first of each. Raises as `read_manifest`."""
    found: dict[str, str] = {}
    for line in _text(path).split("\n"):
        label, colon, value = line.partition(":")
        if colon and not line[:1].isspace():
            found.setdefault(label.strip().lower(), value.strip())
    return found


def check_declaration(root: Path) -> None:
    """Raises `ProblemError` BAG_BROKEN for a bag of another version or encoding than ours."""
    text = _text(root / BAGIT).replace("\r\n", "\n").removeprefix("\ufeff")
    if not re.match(r"BagIt-Version: (0\.97|1\.\d+)\nTag-File-Character-Encoding: UTF-8\s*$", text):
        raise broken(root / BAGIT)


def check_tags(root: Path, needed: Iterable[str]) -> Mapping[str, str]:
    """Every file of the tag manifest holds the bytes that it should; those that are `needed` are among them.

    Raises `ProblemError` BAG_BROKEN with the name of the first that does not.
    """
    sums = read_manifest(root / TAG_MANIFEST)
    for name in needed:
        if name not in sums:
            raise broken(root / name)
    for name, sha256 in sums.items():
        # Ours all lie at the top. What is named elsewhere is none of ours, and a name may lead anywhere.
        if "/" in name or "\\" in name or name in (".", "..") or hashed(root / name) != sha256:
            raise broken(root / name)
    return sums


def broken(path: Path) -> ProblemError:
    return ProblemError(Code.BAG_BROKEN, path=str(path.parent), name=path.name[:200])


def _text(path: Path) -> str:
    state = plain_file(path)
    if state is None or state.st_size > _LARGEST:
        raise broken(path)
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise broken(path) from None
    except OSError as error:
        raise disk_error(error, path) from error
