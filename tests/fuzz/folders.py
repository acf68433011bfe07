"""Targets that read what lies in a target folder: journals, the ledger, claims of batches."""

from __future__ import annotations

import contextlib
import json
import unicodedata
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Final

from aihub_desktop.domain.leases import WorkFile
from aihub_desktop.domain.model import RemoteFile, SizeRange
from aihub_desktop.domain.names import OWN_FOLDER
from aihub_desktop.transport import claims, coverage, journal, ledger, reconcile
from aihub_desktop.transport.journal import Identity, Journal, Span, WholeLine, encoded, read_journal, read_lines
from aihub_desktop.transport.ledger import Entry, Ledger
from aihub_desktop.transport.manifest import manifest_line, parse_manifest
from aihub_desktop.transport.reconcile import StandingKind, look

from .archives import written
from .target import SEAM, Target, chance, holds, parts, same

_SHA: Final = "0123456789abcdef" * 4
_FILE: Final = RemoteFile("aihub", "7", "1", "라벨/하나.json", SizeRange(0, 200, "100 Byte"))
_WORK: Final = WorkFile(1, _FILE, "라벨/하나.json")
_BATCH: Final = "batch-0123456789abcdef.journal"


# ---- the journal beside the bytes


def _reads_a_journal(data: bytes, folder: Path) -> None:
    lines, length = read_lines(data)
    holds("a length beyond the end", 0 <= length <= len(data))
    same("the lines of what is right", read_lines(data[:length]), (lines, length))
    shorter = chance(data).randrange(len(data) + 1)
    before, kept = read_lines(data[:shorter])
    holds("a prefix claims what the whole does not", before == lines[: len(before)] and kept <= shorter)
    path = written(folder / "a.part.journal", data)
    state = read_journal(path)
    if state is None:
        same("lines of no journal", lines, [])
        return
    pieces = sorted(state.pieces)
    holds("pieces that overlap", all(one.stop <= two.start for one, two in pairwise(pieces)))
    claimed = {(line.start, line.stop, line.digest) for line in lines if isinstance(line, Span)}
    holds("a piece that no line claims", all((one.start, one.stop, one.digest) in claimed for one in pieces))
    _goes_on(path, state.identity, state.length)


def _goes_on(path: Path, identity: Identity, length: int) -> None:
    """A line that is appended is read, and what was right before it."""
    before, _ = read_lines(path.read_bytes())
    new = Span(1 << 40, (1 << 40) + 1, "0" * 32)
    ours = Journal(path, identity, length)
    ours.append([new])
    ours.close()
    same("a journal that goes on", read_lines(path.read_bytes())[0], [*before, new])


def _mended_journal(data: bytes) -> bytes:
    """Every line gets its right checksum."""
    lines = [line[9:] for line in data.split(b"\n")]
    return b"".join(b"%08x %s\n" % (zlib.crc32(line), line) for line in lines if line)


def _journals() -> list[bytes]:
    lines: list[journal.AnyLine] = [
        Span(0, 64, "a" * 32),
        Span(100, 150, "b" * 32),
        journal.Validator(150, '"e"'),
        Span(64, 100, "c" * 32),
        Span(90, 120, "d" * 32),
    ]
    head = encoded(Identity.of(_WORK))
    text = head + b"".join(encoded(line) for line in lines)
    whole = head + encoded(Span(0, 9, "a" * 32)) + encoded(WholeLine(9, _SHA))
    return [text, whole, text[:-20], head + bytes(100), head + encoded(WholeLine(0, _SHA, "빈 것"))]


# ---- the ledger


def _keeps_a_ledger(data: bytes, folder: Path) -> None:
    """Whatever manifest and log hold: what is recorded is found, and lines of others stay as they are."""
    manifest, log = parts(data, 2)
    written(folder / OWN_FOLDER / ledger.MANIFEST, manifest)
    written(folder / OWN_FOLDER / ledger.LOG, log)
    _round_trip(manifest)
    before = Ledger(folder).entries()
    holds("a place under another name", all(place == entry.place for place, entry in before.items()))
    place = unicodedata.normalize("NFC", "라벨/새 것.json")
    new = Entry(place, _SHA, 7, "aihub", "7", False, "9", place, "length", "2026-01-01T00:00:00+00:00")
    Ledger(folder).record([new])
    same("the entries after a record", Ledger(folder).entries(), {**before, place: new})
    with contextlib.suppress(FileNotFoundError):
        same("a record of what is there", _recorded_again(folder, new), {**before, place: new})


def _recorded_again(folder: Path, entry: Entry) -> dict[str, Entry]:
    ours = Ledger(folder)
    ours.record([entry])
    return ours.entries()


def _round_trip(manifest: bytes) -> None:
    lines = parse_manifest(manifest)
    sound = [line for line in lines if not any("\ud800" <= sign <= "\udfff" for sign in line.path)]
    text = b"".join(manifest_line(line.path, line.sha256) for line in sound)
    same("a manifest, written and read", parse_manifest(text), sound)


def _ledgers() -> list[bytes]:
    paths = ["라벨/하나.json", "./b c", "new\nline", "back\\slash", "cr\rend", "../out", "/etc/passwd", "ends in cr\r"]
    lines = b"".join(manifest_line(path, _SHA) for path in paths)
    entry = Entry(paths[0], _SHA, 8, "aihub", "7", False, "1", paths[0], "archive", "2026-01-01T00:00:00+00:00")
    log = json.dumps({name: getattr(entry, name) for name in entry.__struct_fields__}, ensure_ascii=False).encode()
    return [
        SEAM.join([lines, log + b"\n"]),
        SEAM.join([lines[:-1], log]),
        SEAM.join([lines.replace(b"\n", b"\r\n"), log + b"\r\n{}\n" + log]),
        SEAM.join([_SHA.upper().encode() + b" *" + "한글".encode("cp949") + b"\n# comment\n\n", b"[]\n"]),
        SEAM,
    ]


# ---- claims, and where a file stands by all of these


def _stands(data: bytes, folder: Path) -> None:
    batch, beside, manifest = parts(data, 3)
    written(folder / OWN_FOLDER / _BATCH, batch)
    written(folder / OWN_FOLDER / ledger.MANIFEST, manifest)
    written(folder / "라벨" / "하나.json.part", b"x" * 100)
    written(folder / "라벨" / "하나.json.part.journal", beside)
    found = claims.read_claims(folder)
    holds("a claim that is not whole", all(state.whole is not None for state in found.values()))
    shorter = chance(data).randrange(len(batch) + 1)
    less = [place for place, _ in journal.read_journals(batch[:shorter])]
    same("claims of a prefix", less, [place for place, _ in journal.read_journals(batch)][: len(less)])
    standing = look(folder, [_WORK])[1]
    holds("more bytes than are there", 0 <= standing.bytes <= 100)
    if standing.kind is StandingKind.WHOLE:
        same("the size of what is whole", standing.size, 100)
    reconcile.sweep(folder, [_WORK])


def _mended_claims(data: bytes) -> bytes:
    batch, beside, manifest = parts(data, 3)
    return SEAM.join([_mended_journal(batch), _mended_journal(beside), manifest])


def _claims() -> list[bytes]:
    head = encoded(Identity.of(_WORK))
    whole = head + encoded(Span(0, 100, "a" * 32)) + encoded(WholeLine(100, _SHA, _WORK.place))
    empty = encoded(Identity.of(_WORK)) + encoded(WholeLine(0, _SHA, "빈 것"))
    far = encoded(Identity.of(_WORK)) + encoded(WholeLine(0, _SHA, "../../x"))
    part = head + encoded(Span(0, 50, "a" * 32)) + encoded(Span(80, 200, "b" * 32))
    line = manifest_line(_WORK.place, _SHA)
    return [
        SEAM.join(three) for three in ((whole + empty, part, line), (b"", whole, b""), (far + whole[:-9], b"", b""))
    ]


_WORDS: Final = (
    *(b'{"line":"span","start":0,"stop":9,"digest":"', b'{"line":"whole","size":', b'"place":"', b'"path":"'),
    *(b'"version":2', b"[" * 2000, b'{"a":' * 2000, b"1e999", b"\xff", b'"\\ud800"', b"null", b"true", b"-1", SEAM),
)

TARGETS: Final = (
    Target("journal", _reads_a_journal, (journal, coverage), _journals, mend=_mended_journal, tokens=_WORDS),
    Target(
        "ledger", _keeps_a_ledger, (ledger,), _ledgers, tokens=(*_WORDS, b"\\", b"\\\\", b"\\n", b"  ", b" *", b"\r\n")
    ),
    Target("claims", _stands, (claims, journal, coverage, reconcile), _claims, mend=_mended_claims, tokens=_WORDS),
)
