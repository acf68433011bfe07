"""Bytes that nobody wrote for us, found by fuzzing: what each of them did once, it does no more."""

from __future__ import annotations

import contextlib
import json
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from aihub_desktop.archives.passing import TextLook, Verdict
from aihub_desktop.archives.ziparchive import recall, verify
from aihub_desktop.archives.zipstream import ZipStream
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import Proof, WorkFile
from aihub_desktop.domain.model import Dataset, Piece, RemoteFile, Secret, SizeRange
from aihub_desktop.domain.names import OWN_FOLDER
from aihub_desktop.domain.storage import Credentials
from aihub_desktop.sources.aihub.errors import of_stream_head
from aihub_desktop.sources.aihub.listing import parse_tree
from aihub_desktop.sources.aihub.tarstream import End, Kind, Member, TarReader
from aihub_desktop.sources.s3.errors import refusal as s3_refusal
from aihub_desktop.sources.s3.listing import Entry, StorageError, read_error, read_page
from aihub_desktop.sources.web.addresses import parsed
from aihub_desktop.sources.web.answers import refusal
from aihub_desktop.sources.web.metalink import read_metalink
from aihub_desktop.sources.web.names import safe_part
from aihub_desktop.sources.web.redirects import Road
from aihub_desktop.transport.claims import read_claims, sweep_claims
from aihub_desktop.transport.coverage import Coverage, latest
from aihub_desktop.transport.journal import Identity, Span, WholeLine, encoded, read_journals, read_lines
from aihub_desktop.transport.ledger import LOG, MANIFEST, Ledger
from aihub_desktop.transport.ledger import Entry as LedgerEntry
from aihub_desktop.transport.manifest import manifest_line

SHA: Final = "0123456789abcdef" * 4
WORK: Final = WorkFile(1, RemoteFile("aihub", "7", "1", "a", SizeRange(0, 9, "5 Byte")), "a")
IDENTITY: Final = encoded(Identity.of(WORK))
# Each of these took minutes or for ever, and takes a tenth of a second.
SOON_SECONDS: Final = 4.0


@contextlib.contextmanager
def soon() -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < SOON_SECONDS


def code_of(read: Callable[[], object]) -> Code:
    with pytest.raises(ProblemError) as caught:
        read()
    return caught.value.problem.code


# ---- what took for ever


@pytest.mark.parametrize("head", [b"<!---->" * 500, b"<!-- -->\n" * 400, b" " * 4096, b"<!--" * 1000, b"<?xml" * 800])
def test_a_page_of_comments_is_known_at_once(head: bytes) -> None:
    with soon():
        assert of_stream_head(head).problem.code is Code.NOT_A_TAR


@pytest.mark.parametrize(
    "front", [b"", b"<!-- a -->", b"<?xml version='1.0'?>\n<!-- a --> <!-- > b -->\n", b"\n \n<!----><?xml?>"]
)
def test_a_page_behind_its_comments_is_a_page(front: bytes) -> None:
    # A sentence of the hub on a page of somebody else's means nothing.
    page = front + "<!DOCTYPE html><html>동시</html>".encode()
    assert of_stream_head(page).problem.code is Code.NOT_A_TAR
    assert of_stream_head(front + "동시".encode()).problem.code is Code.HUB_BUSY


@pytest.mark.parametrize("body", [b"a" * 65536, b"<Code>" * 10_000, b"a://" * 16_000, b"<title" * 10_000])
def test_a_long_refusal_is_read_in_part(body: bytes) -> None:
    with soon():
        assert refusal(Road.to("http://h/x"), 404, {}, body).problem.code is Code.NOT_THERE


def test_a_secret_is_not_cut_in_two() -> None:
    road = Road.to("http://h/x?token=hidden-and-long")
    body = b"a" + b" " * 4085 + b"hidden-and-long and more"
    assert "hidden" not in str(refusal(road, 500, {}, body).problem.facts)
    told = str(refusal(road, 500, {}, b"a" + b" " * 4000 + b"b" + b" c" * 100).problem.facts["text"])
    assert told.startswith("a b c c")
    assert len(told) <= 160


@pytest.mark.parametrize("address", [" " * 60_000 + "http://h/x", "\x1f" * 60_000 + "https://h/"])
def test_blanks_before_an_address(address: str) -> None:
    with soon():
        assert parsed(address).host == "h"


def test_what_is_no_address_is_shown_without_its_login() -> None:
    for text in (
        "x:" + "//" * 40_000,
        "x://user:hidden@h",
        "x://us\ner:hid\nden@h//b@c",
        "//hidden//hidden@h",
        "a" * 9999,
    ):
        with soon(), pytest.raises(ProblemError) as caught:
            parsed(text)
        assert "hid" not in str(caught.value.problem.facts)
        assert len(str(caught.value.problem.facts["address"])) <= 120


def metalink(inside: str) -> bytes:
    return f'<metalink xmlns="urn:ietf:params:xml:ns:metalink">{inside}</metalink>'.encode()


def test_many_mirrors_and_the_first_of_them() -> None:
    urls = [f"http://h/{number % 90_000}" for number in range(100_000)]
    with soon():
        found = read_metalink(metalink(f'<file name="a">{"".join(f"<url>{url}</url>" for url in urls)}</file>'))
    origin = found.files[0].origin
    assert origin is not None
    assert origin.addresses == tuple(urls[:200])


def test_the_name_of_a_book() -> None:
    document = metalink(f'<file name="{":" * 20_000}"><url>http://h/</url></file>')
    assert code_of(lambda: read_metalink(document)) is Code.BAD_LIST


def test_many_names_that_have_to_be_mended() -> None:
    with soon():
        assert {safe_part(f"{number}" + "?*:한글" * 20) for number in range(10_000)}


def test_a_journal_of_many_files_takes_the_time_of_its_length() -> None:
    with soon():
        found = read_journals((IDENTITY + encoded(WholeLine(0, SHA, "a"))) * 30_000 + b"torn")
    assert len(found) == 30_000


def test_claims_to_the_same_bytes_again_and_again() -> None:
    pieces = [Piece(at, at + 1) for at in range(0, 40_000, 2)]
    with soon():
        assert latest([*pieces, *reversed(pieces)]) == pieces


def test_only_a_piece_that_is_there_is_removed() -> None:
    coverage = Coverage([Piece(2, 4, "a")])
    for other in (Piece(0, 1), Piece(2, 4, "b"), Piece(3, 4, "a"), Piece(5, 6)):
        with pytest.raises(ValueError, match="not here"):
            coverage.remove(other)
    coverage.remove(Piece(2, 4, "a"))
    assert (coverage.pieces(), coverage.bytes) == ([], 0)


def overlapping(count: int, data: bytes) -> bytes:
    """So many entries of one local header and its data."""
    name, packer = b"n", zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(data) + packer.flush()
    fixed = (20, 0, 8, 0, 0, zlib.crc32(data), len(packed), len(data))
    local = struct.pack("<4s5H3L2H", b"PK\3\4", *fixed, len(name), 0) + name + packed
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, *fixed, len(name), 0, 0, 0, 0, 0, 0) + name
    return (
        local
        + count * entry
        + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, count * len(entry), len(local), 0)
    )


@pytest.mark.parametrize("hands", [1, 3])
def test_entries_that_overlap_are_not_opened_one_after_the_other(tmp_path: Path, hands: int) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(overlapping(5000, bytes(4 << 20)))
    counts: list[int] = []
    with soon():
        assert code_of(lambda: verify(path, counts.append, hands=hands)) is Code.BAD_ARCHIVE
    assert sum(counts) < path.stat().st_size * (1 if hands == 1 else 2)  # the first to overlap may have been read
    path.write_bytes(overlapping(1, bytes(4 << 20)))
    assert verify(path).is_sound


# ---- what depended on where the bytes were cut


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (b"\xea\xea", "readable"),
        ("가나다".encode(), "readable"),
        ("가나다".encode("cp949"), "readable"),
        ("a, 가".encode() + b"\xff", "unreadable"),
        ("한글".encode() + "힣".encode("cp949"), "unreadable"),
        ("가".encode()[:2], "unreadable"),
        (b"abc\0", "unreadable"),
        (b"", "readable"),
    ],
)
def test_a_text_is_the_same_however_it_comes(text: bytes, note: str) -> None:
    for size in (1, 2, 3, 100):
        look = TextLook()
        for at in range(0, len(text), size):
            look.feed(memoryview(text)[at : at + size])
        assert look.verdict() == Verdict(Proof.LENGTH, note)


# ---- what filled the memory


def test_pax_records_without_end_are_not_kept() -> None:
    starts = range(0, 20_000, 5_000)
    records = [pax(b"g", *(b"%015d=%09d" % (number, number) for number in range(at, at + 5_000))) for at in starts]
    reader = TarReader()
    tracemalloc.start()
    for record in records:
        assert list(reader.feed(memoryview(record))) == []
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 1 << 20


def pax_header(kind: bytes, size: int) -> bytes:
    block = bytearray(512)
    block[:1], block[124:136], block[156:157], block[257:265] = b"x", b"%011o\0" % size, kind, b"ustar\x0000"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def pax(kind: bytes, *records: bytes) -> bytes:
    lines = b"".join(b"%d %s\n" % (len(record) + (4 if len(record) > 6 else 3), record) for record in records)
    return pax_header(kind, len(lines)) + lines + bytes(-len(lines) % 512)


def test_what_matters_of_pax_records_is_kept() -> None:
    member, end = pax_header(b"0", 0), bytes(1024)
    text = pax(b"g", b"path=all", b"comment=x") + pax(b"x", b"comment=y") + member + pax(b"x", b"path=") + member
    text += pax(b"x", b"GNU.sparse.major=1") + member + pax(b"x", b"GNU.sparse.major=") + member + end
    found = list(TarReader().feed(memoryview(text)))
    assert [(event.name, event.kind) if isinstance(event, Member) else event for event in found] == [
        ("all", Kind.FILE), ("x", Kind.FILE), ("all", Kind.SPARSE), ("all", Kind.FILE), End(),
    ]  # fmt: skip


@pytest.mark.parametrize("record", [b"path=a", b"comment=a", b"mtime=1"])
def test_an_end_where_a_member_was_announced(record: bytes) -> None:
    text = pax(b"x", record) + bytes(1024)
    assert code_of(lambda: list(TarReader().feed(memoryview(text)))) is Code.BROKEN_TAR


def test_a_stream_of_more_entries_than_can_be_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(overlapping(1, b"data"))
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    stream = ZipStream(most=10)
    for _ in range(50):
        stream.feed(memoryview(local))
    assert len(stream.seen) == 10
    assert recall(path, stream.seen, lambda: False) is None
    whole = ZipStream(most=1)
    for portion in whole.feed(memoryview(path.read_bytes())):
        portion.unpack()
    assert recall(path, whole.seen, lambda: False) == verify(path)


def test_a_tree_whose_paths_are_longer_than_itself() -> None:
    head = "=====공지사항=====\n\n=====\n"
    deep = f"├─{'a' * 5000}\n" + "".join(f"│  └─{number} | 1 KB | {number}\n" for number in range(9))
    assert code_of(lambda: parse_tree(head + deep, Dataset("aihub", "7", ""))) is Code.BAD_ANSWER
    fine = deep.replace("a" * 5000, "a" * 4000)
    assert len(parse_tree(head + fine, Dataset("aihub", "7", "")).files) == 9


# ---- what came as an error of Python's own


CODINGS: Final = ("no-such", "rot13", "hex", "cp949", "idna", "undefined", "utf-7")


@pytest.mark.parametrize("coding", CODINGS)
def test_a_document_in_a_coding_that_is_none(coding: str) -> None:
    document = f'<?xml version="1.0" encoding="{coding}"?><Error><Code>NoSuchKey</Code></Error>'.encode()
    assert code_of(lambda: read_page(document)) is Code.WRONG_ANSWER
    assert read_error(document) in (StorageError(), StorageError("NoSuchKey"))


def page(size: str) -> bytes:
    inside = f"<KeyCount>1</KeyCount><Contents><Key>a</Key><Size>{size}</Size></Contents>"
    return f"<ListBucketResult>{inside}</ListBucketResult>".encode()


@pytest.mark.parametrize(
    "size", ["9" * 5000, "0" * 20 + "9" * 30, str((1 << 62) + 1), "", "1.5", "-1", "+1", "１", " 1"]
)
def test_a_size_that_is_none(size: str) -> None:
    assert code_of(lambda: read_page(page(size))) is Code.WRONG_ANSWER


@pytest.mark.parametrize(("size", "read"), [("0" * 5000, 0), ("007", 7), (str(1 << 62), 1 << 62)])
def test_a_size_with_zeros_in_front(size: str, read: int) -> None:
    assert read_page(page(size)).entries == [Entry("a", read, "")]


def test_a_secret_in_place_of_a_code_is_not_shown() -> None:
    secrets = Credentials("ACCESSKEY", Secret("HIDDEN"), Secret(""))
    for status in (301, 403, 500):
        body = b"<Error><Code>HIDDEN</Code><Message>HIDDEN</Message></Error>"
        assert "HIDDEN" not in str(s3_refusal(status, {}, body, host="h", credentials=secrets).problem.facts)


def line(text: bytes) -> bytes:
    """A line of a journal with its right checksum."""
    return b"%08x %s\n" % (zlib.crc32(text), text)


BROKEN: Final = (
    b'{"line":"span","start":0,"stop":9,"digest":"\xff"}',
    b'{"line":"span","start":0,"stop":9,"digest":' + b"[" * 5000,
    b'{"line":"span","x":' + b'{"a":' * 5000,
    b"\xff\xfe",
)


@pytest.mark.parametrize("text", BROKEN, ids=["no-utf-8", "brackets", "braces", "bytes"])
def test_a_line_that_only_looks_right_ends_a_journal(text: bytes) -> None:
    right = IDENTITY + encoded(Span(0, 9, "0" * 32))
    lines, length = read_lines(right + line(text) + encoded(Span(9, 10, "0" * 32)))
    assert (len(lines), length) == (2, len(right))


@pytest.mark.parametrize(
    "text",
    ['{"place":"한글"}'.encode("cp949"), b'{"x":' + b"[" * 5000, b'{"place":"\xff","sha256":""}'],
    ids=["cp949", "brackets", "bytes"],
)
def test_a_line_of_the_log_that_cannot_be_read_is_passed_over(tmp_path: Path, text: bytes) -> None:
    own = tmp_path / OWN_FOLDER
    own.mkdir()
    (own / MANIFEST).write_bytes(manifest_line("a", SHA))
    story = json.dumps({"place": "a", "sha256": SHA, "size": 7, "proof": "length"}).encode()
    (own / LOG).write_bytes(text + b"\n" + story + b"\n" + text + b"\n")
    assert Ledger(tmp_path).entries() == {"a": LedgerEntry("a", SHA, 7, proof="length")}
    Ledger(tmp_path).record([LedgerEntry("b", SHA)])
    assert set(Ledger(tmp_path).entries()) == {"a", "b"}


@pytest.mark.parametrize("place", ["x" * 5000, "../outside", "/etc/passwd", "a\0b", "", "l/x"])
def test_a_claim_to_a_place_that_is_none_goes(tmp_path: Path, place: str) -> None:
    """What lies outside of the folder, or behind a link, is not even asked for."""
    folder = tmp_path / "folder"
    (folder / OWN_FOLDER).mkdir(parents=True)
    (tmp_path / "outside").write_bytes(b"")
    path = folder / OWN_FOLDER / "batch-0123456789abcdef.journal"
    path.write_bytes(IDENTITY + encoded(WholeLine(0, SHA, place)))
    assert set(read_claims(folder)) == {place}
    sweep_claims(folder, {})
    assert not path.exists()


def test_a_claim_to_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / OWN_FOLDER).mkdir()
    path = tmp_path / OWN_FOLDER / "batch-0123456789abcdef.journal"
    path.write_bytes(IDENTITY + encoded(WholeLine(0, SHA, "a")))
    (tmp_path / "a.part").write_bytes(b"")
    sweep_claims(tmp_path, {})
    assert path.exists()
    (tmp_path / "a.part").rename(tmp_path / "a")
    sweep_claims(tmp_path, {"a": "another"})
    assert path.exists()
    sweep_claims(tmp_path, {"a": SHA})
    assert not path.exists()
