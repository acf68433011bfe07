"""The tar reader, against Python's tarfile, GNU tar, and bytes built by hand."""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import tarfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.names import UnsafeNameError, safe_path
from aihub_desktop.sources.aihub.tarstream import LONGEST_TRAIL, Chunk, End, Kind, Member, TarReader

Seen = list[tuple[str, Kind, bytes]]

FORMATS: Final[tuple[Literal[0, 1, 2], ...]] = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
END: Final = bytes(1024)


def read(parts: Iterable[bytes]) -> tuple[Seen, TarReader]:
    """Members with their data, and the reader as it stands after the last part."""
    reader = TarReader()
    members: list[tuple[Member, bytearray]] = []
    ended = 0
    for part in parts:
        for event in reader.feed(memoryview(part)):
            match event:
                case Member():
                    members.append((event, bytearray()))
                case Chunk(data=data):
                    members[-1][1].extend(data)
                case End():
                    ended += 1
    assert ended == reader.at_end
    if reader.at_end:
        assert all(member.size == len(data) for member, data in members)
    return [(member.name, member.kind, bytes(data)) for member, data in members], reader


def problem(parts: Iterable[bytes]) -> Code:
    with pytest.raises(ProblemError) as caught:
        read(parts)[1].finish()
    return caught.value.problem.code


def outcome(parts: Iterable[bytes]) -> Code | None:
    try:
        read(parts)[1].finish()
    except ProblemError as error:
        return error.problem.code
    return None


def header(
    name: bytes, size: int | bytes = 0, kind: bytes = b"0", magic: bytes = b"ustar  \0", prefix: bytes = b""
) -> bytes:
    """One header block with a right checksum. `size` may be the bytes of its field."""
    field = size if isinstance(size, bytes) else b"%011o\0" % size
    block = bytearray(
        struct.pack("100s8s8s8s12s12s8s1s100s8s", name, b"0000644", b"0", b"0", field, b"0", b"", kind, b"", magic)
    )
    block += bytes(345 - len(block)) + prefix
    block += bytes(512 - len(block))
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def member(name: bytes, data: bytes, kind: bytes = b"0") -> bytes:
    return header(name, len(data), kind) + padded(data)


def made(files: list[tuple[str, bytes]], tar_format: Literal[0, 1, 2]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tar_format) as tar:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


names = st.text(st.sampled_from("ab 한글[]&~·.字"), min_size=1, max_size=60).filter(
    lambda name: name.strip("./ ") != ""
)
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
files = st.lists(st.tuples(paths, st.binary(max_size=2000)), max_size=5)


@settings(deadline=None)
@given(files=files, tar_format=st.sampled_from(FORMATS), data=st.data())
def test_any_cutting_gives_what_tarfile_gives(
    files: list[tuple[str, bytes]], tar_format: Literal[0, 1, 2], data: st.DataObject
) -> None:
    try:
        archive = made(files, tar_format)
    except ValueError:  # a name that ustar cannot hold
        return
    cuts = sorted(data.draw(st.lists(st.integers(0, len(archive)), max_size=30)))
    parts = [archive[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(archive)], strict=True)]
    seen, reader = read(parts)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        expected = [(info.name, Kind.FILE, (tar.extractfile(info) or io.BytesIO()).read()) for info in tar]
    assert seen == expected
    assert reader.at_end


def test_one_byte_at_a_time() -> None:
    long = "폴더/" * 30 + "가 나.zip.part1073741824"
    archive = made([(long, b"abc" * 300), ("x", b"")], tarfile.GNU_FORMAT)
    assert read([archive[at : at + 1] for at in range(len(archive))])[0] == read([archive])[0]


@pytest.mark.parametrize("tar_format", ["gnu", "oldgnu", "posix", "ustar", "v7"])
def test_archives_of_gnu_tar(tmp_path: Path, tar_format: str) -> None:
    tar = shutil.which("tar")
    if tar is None or b"GNU" not in subprocess.run([tar, "--version"], capture_output=True, check=True).stdout:
        pytest.skip("no GNU tar on this machine")
    depth = 1 if tar_format == "v7" else 6 if tar_format == "ustar" else 20
    content = {f"{'데이터 1/' * depth}나.zip": os.urandom(70_000), "작은.csv": b"1,2\n", "빈": b""}
    for name, data in content.items():
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    archive = tmp_path / "a.tar"
    subprocess.run([tar, f"--format={tar_format}", "-cf", archive, "-C", tmp_path / "in", *sorted(content)], check=True)
    seen, reader = read([archive.read_bytes()])
    assert {name: data for name, _, data in seen} == content
    assert reader.at_end


def test_data_is_a_slice_of_what_was_fed() -> None:
    fed = memoryview(bytearray(member(b"a", b"x" * 5000)))
    chunks = [event.data for event in TarReader().feed(fed) if isinstance(event, Chunk)]
    fed[512:5512] = b"y" * 5000
    assert [bytes(chunk) for chunk in chunks] == [b"y" * 5000]


def test_kinds_are_told_apart() -> None:
    kinds = {
        b"0": "file",
        b"\0": "file",
        b"7": "file",
        b"1": "hardlink",
        b"2": "symlink",
        b"3": "device",
        b"4": "device",
    }
    kinds |= {b"5": "directory", b"6": "fifo", b"S": "sparse", b"V": "other", b"Z": "other"}
    archive = b"".join(header(b"m" + kind.strip(b"\0"), 0, kind) for kind in kinds) + END
    assert [kind for _, kind, _ in read([archive])[0]] == list(kinds.values())


def test_links_and_folders_have_no_data_whatever_they_claim() -> None:
    archive = header(b"l", 4096, b"2") + header(b"d/", 512, b"5") + member(b"f", b"data") + END
    assert read([archive])[0] == [("l", Kind.SYMLINK, b""), ("d", Kind.DIRECTORY, b""), ("f", Kind.FILE, b"data")]


def test_an_old_writers_folder_is_a_name_with_a_slash() -> None:
    assert read([header(b"d/", 0, b"\0") + END])[0] == [("d", Kind.DIRECTORY, b"")]


def test_a_long_link_target_is_passed_over() -> None:
    archive = member(b"././@LongLink", b"t" * 300 + b"\0", b"K") + header(b"l", 0, b"2") + member(b"f", b"1") + END
    assert read([archive])[0] == [("l", Kind.SYMLINK, b""), ("f", Kind.FILE, b"1")]


def test_the_ustar_prefix_counts_only_in_ustar() -> None:
    ustar = header(b"name", magic=b"ustar\x0000", prefix=b"folder")
    gnu = header(b"name", prefix=b"14712334455")  # GNU keeps times there
    assert [name for name, _, _ in read([ustar + gnu + END])[0]] == ["folder/name", "name"]


def test_sizes_in_base_256() -> None:
    size = 20 << 30
    reader = TarReader()
    events = list(reader.feed(memoryview(header(b"big", b"\x80" + size.to_bytes(11, "big")))))
    assert events == [Member("big", size, Kind.FILE)]


@pytest.mark.parametrize(
    "field", [b"\xff" * 12, b"\x80" + b"\xff" * 11, b"12x\0", b"-1\0", b"0x10\0", b"1 1\0", b"9\0"]
)
def test_impossible_sizes_are_refused(field: bytes) -> None:
    assert problem([header(b"a", 0) + header(b"b", field)]) is Code.BROKEN_TAR


def test_a_signed_checksum_is_right_too() -> None:
    block = bytearray(header("한".encode()))
    rest = block[:148] + block[156:]
    block[148:156] = b"%06o\0 " % (sum(byte - 256 if byte > 127 else byte for byte in rest) + 256)
    assert read([bytes(block) + END])[0] == [("한", Kind.FILE, b"")]


def test_names_in_cp949_are_read_and_other_bytes_are_no_safe_name() -> None:
    archive = header("한글.zip".encode("cp949")) + header(b"\xff\xfe\xff.zip") + END
    (korean, _, _), (odd, _, _) = read([archive])[0]
    assert korean == "한글.zip"
    with pytest.raises(UnsafeNameError):
        safe_path(odd)


def pax(*records: bytes, kind: bytes = b"x") -> bytes:
    lines = b""
    for record in records:
        length = len(record) + 3
        while length != len(line := b"%d %s\n" % (length, record)):
            length = len(line)
        lines += line
    return member(b"pax", lines, kind)


def test_pax_paths_and_sizes() -> None:
    archive = (
        pax(b"path=all/of/them", kind=b"g")
        + member(b"a", b"1")
        + pax("path=긴 이름".encode(), b"size=3", b"comment=a=b\nc")
        + header(b"b", 0)
        + padded(b"xyz")
        + pax(b"path=", kind=b"g")
        + member(b"c", b"2")
        + END
    )
    assert [(name, data) for name, _, data in read([archive])[0]] == [
        ("all/of/them", b"1"),
        ("긴 이름", b"xyz"),
        ("c", b"2"),
    ]


def test_pax_wins_over_a_gnu_name_before_it() -> None:
    archive = member(b"././@LongLink", b"gnu\0", b"L") + pax("path=팩스".encode()) + member(b"short", b"1") + END
    assert read([archive])[0] == [("팩스", Kind.FILE, b"1")]


def test_a_sparse_file_of_pax_is_told() -> None:
    archive = pax(b"GNU.sparse.major=1", b"GNU.sparse.name=a") + member(b"a", b"1") + END
    assert read([archive])[0] == [("a", Kind.SPARSE, b"1")]


@pytest.mark.parametrize(
    "record",
    [b"path=x\n", b"11 path=x\n", b"99 path=x\n", b"8 path=x\n", b"6 path\n", b"0 a=b\n", b"5 =a\n", b"-9 path=x\n"],
)
def test_malformed_pax_is_refused(record: bytes) -> None:
    assert problem([member(b"pax", record, b"x") + member(b"a", b"1") + END]) is Code.BROKEN_TAR


@pytest.mark.parametrize(
    ("kind", "size"), [(b"L", (64 << 10) + 1), (b"K", 1 << 30), (b"x", (1 << 20) + 1), (b"g", 1 << 40)]
)
def test_records_are_bounded(kind: bytes, size: int) -> None:
    field = b"\x80" + size.to_bytes(11, "big")
    assert problem([header(b"././@LongLink", field, kind)]) is Code.BROKEN_TAR


def test_an_empty_long_name_is_no_name() -> None:
    assert read([header(b"././@LongLink", 0, b"L") + header(b"a") + END])[0] == [("a", Kind.FILE, b"")]


def test_breaks_in_the_middle_are_broken_not_foreign() -> None:
    good = member(b"a", b"1")
    wrong = bytearray(header(b"b"))
    wrong[0] ^= 1
    assert problem([good + bytes(wrong)]) is Code.BROKEN_TAR
    assert problem([good + b"<html>" * 100]) is Code.BROKEN_TAR
    assert problem([good + bytes(512) + good]) is Code.BROKEN_TAR
    assert problem([member(b"././@LongLink", b"a\0", b"L") + END]) is Code.BROKEN_TAR


@pytest.mark.parametrize("kept", [512, 513, 1023, 1024, 1536, 2047])
def test_an_end_before_the_end_is_short(kept: int) -> None:
    archive = member(b"a", b"1") + END
    assert problem([archive[:kept]]) is Code.SHORT


def test_nothing_at_all_is_short() -> None:
    assert problem([]) is Code.SHORT


def test_zeros_behind_the_end_are_fine_and_nothing_else() -> None:
    archive = member(b"a", b"1") + END
    assert read([archive, bytes(9216)])[1].at_end
    assert problem([archive, bytes(600) + b"x"]) is Code.BROKEN_TAR
    assert problem([archive + b"x"]) is Code.BROKEN_TAR
    assert problem([archive, *[bytes(1 << 20)] * ((LONGEST_TRAIL >> 20) + 1)]) is Code.BROKEN_TAR


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("인증실패, 권한이 거부되었습니다.", Code.KEY_REJECTED),
        ("AI 허브는 해외에서의 데이터 다운로드를 제한하고 있습니다.", Code.ABROAD),
        ("<!DOCTYPE html><html><body>" + "로그인 " * 400, Code.NOT_A_TAR),
        ("알 수 없는 글", Code.NOT_A_TAR),
        ("PK\x03\x04" + "z" * 600, Code.NOT_A_TAR),
    ],
)
def test_a_text_in_place_of_a_tar_says_what_it_means(text: str, code: Code) -> None:
    body = text.encode()
    assert problem([body]) is code
    assert problem([body[at : at + 7] for at in range(0, len(body), 7)]) is code


def test_the_head_is_kept_for_whoever_asks() -> None:
    reader = TarReader()
    page = b"<html>" + b"x" * 10_000
    with pytest.raises(ProblemError):
        list(reader.feed(memoryview(page)))
    assert reader.head == page[:4096]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_archives_never_crash(data: st.DataObject) -> None:
    archive = bytearray(made([("가" * 40 + "/b", b"x" * 700), ("c", b"y")], data.draw(st.sampled_from(FORMATS))))
    for _ in range(data.draw(st.integers(1, 5))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    assert outcome([bytes(archive)]) in (None, Code.BROKEN_TAR, Code.NOT_A_TAR, Code.SHORT)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=1500), max_size=5))
def test_noise_never_crashes(parts: list[bytes]) -> None:
    assert outcome(parts) in (None, Code.BROKEN_TAR, Code.NOT_A_TAR, Code.SHORT)


@pytest.mark.bench
def test_parsing_is_nothing_but_slicing() -> None:
    total, size = 4 << 30, 256 << 10
    field = b"\x80" + total.to_bytes(11, "big")
    reader = TarReader()
    list(reader.feed(memoryview(header(b"big", field))))
    view = memoryview(bytearray(size))
    passed = 0
    began = time.perf_counter()
    for _ in range(total // size):
        for event in reader.feed(view):
            assert isinstance(event, Chunk)
            passed += len(event.data)
    seconds = time.perf_counter() - began
    print(f"parse only, {size >> 10} KiB a feed: {total / seconds / 1e9:.0f} GB/s")
    assert passed == total
    assert total / seconds > 5e9
