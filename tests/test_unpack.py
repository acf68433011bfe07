"""Archives onto disk: what other programs make of them is what we make of them; what is hostile stays in."""

from __future__ import annotations

import hashlib
import io
import os
import random
import shutil
import stat
import subprocess
import tarfile
import threading
import unicodedata
import zipfile
import zlib
from pathlib import Path

import pytest
from looks import looked
from packed import Raw, leftovers, link, member, raw_zip, run, tarred, told, tool, tree, unpacked, zeros, zipped

from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.findings import Depth
from aihub_desktop.domain.names import UnsafeNameError, entry_path
from aihub_desktop.domain.unpacking import Refusal, Unpacked, UnpackNews, UnpackProgress, UnpackWish
from aihub_desktop.transport.ledger import Entry, Ledger
from aihub_desktop.unpack.job import Unpacking
from aihub_desktop.unpack.record import unpacked_places

SEED = 20261127
NOISE = random.Random(SEED).randbytes
CONTENT = {
    "라벨/가 나.json": '{"이름": "값"}'.encode() * 500,
    "라벨/깊은/곳/b.txt": b"b" * 100_000,
    "empty.csv": b"",
    "noise.bin": NOISE(3_000_000),
}
WHY = dict[str, Refusal]


def spread(folder: Path, content: dict[str, bytes] = CONTENT) -> Path:
    """The content as files, for programs that pack them."""
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def below(top: str, content: dict[str, bytes] = CONTENT) -> dict[str, bytes]:
    return {f"{top}/{name}": data for name, data in content.items()}


def why(done: Unpacked) -> WHY:
    return {one.name: one.why for one in done.refused}


def in_folder(folder: Path, *archives: str) -> dict[str, bytes]:
    return {name: data for name, data in tree(folder).items() if name not in archives}


# ---- what other programs make ----


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return spread(tmp_path / "source")


MADE = {
    "zip.zip": ("zip", "-qr"),
    "stored.zip": ("zip", "-qr0"),
    "bzip2.zip": ("zip", "-qrZ", "bzip2"),
    "seven.zip": ("7z", "a", "-tzip", "-mcu=on", "-bd"),
    "lzma.zip": ("7z", "a", "-tzip", "-mm=LZMA", "-mcu=on", "-bd"),
    "gnu.tar": ("tar", "cf"),
    "pax.tar": ("tar", "--format=pax", "-cf"),
    "gzip.tar.gz": ("tar", "czf"),
    "short.tgz": ("tar", "czf"),
    "bzip2.tar.bz2": ("tar", "cjf"),
    "xz.tar.xz": ("tar", "cJf"),
}


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("threads", [1, 2])
def test_what_other_programs_pack(folder: Path, source: Path, name: str, threads: int) -> None:
    words = MADE[name]
    run(tool(words[0]), *words[1:], folder / name, *sorted(path.name for path in source.iterdir()), folder=source)
    [done] = unpacked(folder, name, threads=threads)
    assert done.problem is None
    assert (done.refused, done.entries) == ([], len(CONTENT))
    assert in_folder(folder, name) == below(done.into)
    assert done.bytes == sum(map(len, CONTENT.values()))
    assert leftovers(folder) == []


def test_as_unzip_has_it(folder: Path, tmp_path: Path, source: Path) -> None:
    run(tool("zip"), "-qr", folder / "a.zip", ".", folder=source)
    run(tool("unzip"), "-q", folder / "a.zip", "-d", tmp_path / "theirs", folder=tmp_path)
    unpacked(folder, "a.zip")
    assert tree(folder / "a") == tree(tmp_path / "theirs")


@pytest.mark.parametrize("named", ["set.zip", "set.z01"])
def test_a_split_set(folder: Path, source: Path, named: str) -> None:
    run(tool("zip"), "-qrs", "1m", folder / "set.zip", ".", folder=source)
    assert (folder / "set.z02").exists()
    [done] = unpacked(folder, named)
    assert (done.problem, done.into) == (None, "set")
    assert tree(folder / "set") == CONTENT


def test_a_missing_volume_is_named(folder: Path, source: Path) -> None:
    run(tool("zip"), "-qrs", "1m", folder / "set.zip", ".", folder=source)
    (folder / "set.z02").unlink()
    [done] = unpacked(folder, "set.zip")
    assert done.problem is not None
    assert (done.problem.code, done.problem.facts["name"]) == (Code.VOLUME_MISSING, "set.z02")
    (folder / "set.zip").unlink()
    [done] = unpacked(folder, "set.z01")
    assert done.problem is not None
    assert done.problem.code is Code.VOLUME_MISSING


def test_pieces_of_7zip_are_told_as_such(folder: Path, source: Path) -> None:
    run(tool("7z"), "a", "-tzip", "-v1m", "-bd", folder / "set.zip", ".", folder=source)
    [done] = unpacked(folder, "set.zip.001")
    assert done.problem is not None
    assert (done.problem.code, done.problem.facts["why"]) == (Code.NOT_AN_ARCHIVE, "pieces")


def test_zip64_and_descriptors(folder: Path) -> None:
    class Pipe(io.RawIOBase):
        """A place that cannot be gone back to, so that sizes follow the data."""

        def __init__(self, path: Path) -> None:
            self.file = path.open("wb")

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            return self.file.write(data)  # type: ignore[arg-type]

    pipe = Pipe(folder / "a.zip")
    with pipe.file, zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in CONTENT.items():
            with archive.open(name, "w", force_zip64=True) as entry:
                entry.write(data)
    [done] = unpacked(folder, "a.zip")
    assert (done.problem, done.refused) == (None, [])
    assert tree(folder / "a") == CONTENT


def test_many_more_entries_than_the_old_format_counts(folder: Path) -> None:
    count = 70_000
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        for number in range(count):
            archive.writestr(f"{number // 1000}/{number}", b"")
    [done] = unpacked(folder, "a.zip")
    assert (done.problem, done.entries) == (None, count)


@pytest.mark.parametrize("name", ["encrypted.zip"])
def test_encrypted_entries_are_told(folder: Path, source: Path, name: str) -> None:
    run(tool("zip"), "-qrP", "secret", folder / name, "noise.bin", folder=source)
    run(tool("zip"), "-q", folder / name, "empty.csv", folder=source)
    [done] = unpacked(folder, name)
    assert (done.problem, why(done)) == (None, {"noise.bin": Refusal.ENCRYPTED})
    assert in_folder(folder, name) == {"encrypted/empty.csv": b""}


def test_a_method_that_nobody_opens(folder: Path) -> None:
    raw_zip(folder / "a.zip", [Raw(b"a", b"x" * 10, method=98), Raw(b"b", b"y")])
    [done] = unpacked(folder, "a.zip")
    assert why(done) == {"a": Refusal.METHOD}
    assert tree(folder / "a") == {"b": b"y"}


def test_empty_archives(folder: Path) -> None:
    zipped(folder / "a.zip", {})
    tarred(folder / "b.tar", [])
    assert [(done.problem, done.entries) for done in unpacked(folder, "a.zip", "b.tar")] == [(None, 0)] * 2


# ---- names ----


@pytest.mark.parametrize(("written", "asked", "told_as"), [("cp949", "", "cp949"), ("utf-8", "", "utf-8"),
                                                           ("euc-jp", "euc-jp", "euc-jp")])  # fmt: skip
def test_names_without_a_flag(folder: Path, written: str, asked: str, told_as: str) -> None:
    names = ["라벨/한글 이름.json", "라벨/똠방각하.txt"] if written != "euc-jp" else ["日本/語.txt"]
    raw_zip(folder / "a.zip", [Raw(name.encode(written), name.encode()) for name in names])
    [done] = unpacked(folder, "a.zip", encoding=asked)
    assert (done.encoding, done.refused) == (told_as, [])
    assert tree(folder / "a") == {name: name.encode() for name in names}


def test_flagged_names_beside_old_ones(folder: Path) -> None:
    raw_zip(folder / "a.zip", [Raw("가".encode(), b"1", flags=1 << 11), Raw("나".encode("cp949"), b"2")])
    [done] = unpacked(folder, "a.zip")
    assert (done.encoding, tree(folder / "a")) == ("cp949", {"가": b"1", "나": b"2"})


def test_no_such_encoding(folder: Path) -> None:
    zipped(folder / "a.zip", {"a": b""})
    for name in ("klingon", "base64", "rot13"):
        [done] = unpacked(folder, "a.zip", encoding=name)
        assert done.problem is not None
        assert done.problem.code is Code.BAD_COMMAND


def test_names_of_macos_are_composed(folder: Path) -> None:
    name = "한글.txt"
    zipped(folder / "a.zip", {unicodedata.normalize("NFD", name): b"1"})
    [done] = unpacked(folder, "a.zip")
    assert (done.refused, os.listdir(folder / "a")) == ([], [name])


UNSAFE = {
    "/etc/absolute": "etc/absolute",
    "//server/share/x": "server/share/x",
    "C:/windows/x": "windows/x",
    "d:\\back\\slash": "back/slash",
    "back\\slash.txt": "back/slash.txt",
    "CON": "_CON",
    "aux.txt": "_aux.txt",
    "dots...": "dots_",
    "blank ": "blank_",
    'a<b>c:"d|e?f*': "a_b_c__d_e_f_",
    "line\nbreak": "line_break",
    "turn\u202egnp.exe": "turn_gnp.exe",
    ".aihub/manifest-sha256.txt": "_.aihub/manifest-sha256.txt",
    "AIHUB~1/x": "_AIHUB~1/x",
    "./dot/./x": "dot/x",
}


@pytest.mark.parametrize(("name", "place"), UNSAFE.items(), ids=map(repr, UNSAFE))
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_unsafe_names_are_made_safe(folder: Path, tmp_path: Path, name: str, place: str, kind: str) -> None:
    if kind == "zip":
        raw_zip(folder / "a.zip", [Raw(name.encode(), b"1"), Raw(b"b", b"2")])
    else:
        tarred(folder / "a.tar", [member(name, b"1"), member("b", b"2")])
    [done] = unpacked(folder, f"a.{kind}")
    assert [(one.name, one.why, one.place) for one in done.refused] == [(name, Refusal.RENAMED, place)]
    assert tree(folder / "a") == {place: b"1", "b": b"2"}
    assert sorted(os.listdir(tmp_path)) == [folder.name]


@pytest.mark.parametrize("name", ["../x", "a/../../x", "..", "a/..", "..\\x", "/../x", "C:/../x", "a\\..\\..\\x", "/"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_ways_out_are_refused(folder: Path, tmp_path: Path, name: str, kind: str) -> None:
    if kind == "zip":
        raw_zip(folder / "a.zip", [Raw(name.encode(), b"1"), Raw(b"b", b"2")])
    else:
        tarred(folder / "a.tar", [member(name, b"1"), member("b", b"2")])
    [done] = unpacked(folder, f"a.{kind}")
    assert set(why(done).values()) <= {Refusal.UNSAFE_NAME}
    assert tree(folder / "a") == {"b": b"2"}
    assert sorted(os.listdir(tmp_path)) == [folder.name]
    assert sorted(os.listdir(folder)) == [".aihub", "a", f"a.{kind}"]


def test_too_long_names_are_cut_and_stay_apart(folder: Path) -> None:
    names = [f"{'가' * 100}{end}.json" for end in ("나", "다")]
    raw_zip(folder / "a.zip", [Raw(name.encode(), name.encode()) for name in names])
    raw_zip(folder / "b.zip", [Raw(b"/".join([b"d" * 90] * 12), b"1")])
    first, second = unpacked(folder, "a.zip", "b.zip")
    found = tree(folder / "a")
    assert sorted(found.values()) == sorted(name.encode() for name in names)
    assert all(name.endswith(".json") and len(name.encode()) <= 240 for name in found)
    assert [one.why for one in first.refused] == [Refusal.RENAMED] * 2
    assert [one.why for one in second.refused] == [Refusal.UNSAFE_NAME]


def test_names_that_are_one_on_some_system(folder: Path) -> None:
    names = ["A.txt", "a.TXT", "A.txt", unicodedata.normalize("NFD", "é"), "é"]
    raw_zip(folder / "a.zip", [Raw(name.encode(), str(number).encode()) for number, name in enumerate(names)])
    [done] = unpacked(folder, "a.zip")
    assert tree(folder / "a") == {"A.txt": b"0", "a~1.TXT": b"1", "A~2.txt": b"2", "é": b"3", "é~4": b"4"}
    assert {one.why for one in done.refused} == {Refusal.RENAMED}


def test_a_name_that_is_a_file_and_a_folder(folder: Path) -> None:
    raw_zip(folder / "a.zip", [Raw(b"x", b"1"), Raw(b"x/y", b"2"), Raw(b"z", b"3")])
    for threads in (1, 2):
        [done] = unpacked(folder, "a.zip", into=str(threads), threads=threads)
        assert done.problem is None
        assert len(why(done)) == 1
        found = tree(folder / str(threads))
        assert found in ({"x": b"1", "z": b"3"}, {"x/y": b"2", "z": b"3"})


def test_what_macos_leaves(folder: Path) -> None:
    zipped(folder / "a.zip", {"__MACOSX/._a.txt": b"x", "d/.DS_Store": b"x", "d/a.txt": b"1"})
    [done] = unpacked(folder, "a.zip", keep=False)
    assert set(why(done).values()) == {Refusal.JUNK}
    assert tree(folder) == {"a/d/a.txt": b"1"}
    assert done.archive_deleted


def test_links_and_devices(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    raw_zip(folder / "a.zip", [link(str(outside)), Raw(b"link/x", b"1"), Raw(b"dev", mode=stat.S_IFCHR | 0o666)])
    tarred(
        folder / "b.tar",
        [
            member("link", kind=tarfile.SYMTYPE, link=str(outside)), member("link/x", b"1"),
            member("hard", kind=tarfile.LNKTYPE, link="../../outside"), member("pipe", kind=tarfile.FIFOTYPE),
            member("dev", kind=tarfile.CHRTYPE),
        ],
    )  # fmt: skip
    first, second = unpacked(folder, "a.zip", "b.tar")
    assert set(why(first).values()) == {Refusal.LINK, Refusal.SPECIAL, Refusal.RENAMED} or why(first) == {
        "link": Refusal.LINK, "dev": Refusal.SPECIAL,
    }  # fmt: skip
    assert why(second)["hard"] is Refusal.LINK
    assert why(second)["pipe"] is why(second)["dev"] is Refusal.SPECIAL
    assert list(outside.iterdir()) == []
    assert set(tree(folder / "a").values()) == set(tree(folder / "b").values()) == {b"1"}


@pytest.mark.skipif(os.name == "nt", reason="a link needs rights there")
def test_links_in_the_folder_are_not_followed(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / "a").symlink_to(outside)
    zipped(folder / "a.zip", {"x": b"1"})
    [done] = unpacked(folder, "a.zip")
    assert done.problem is not None or why(done) == {"x": Refusal.IN_THE_WAY}
    (folder / "a").unlink()
    (folder / "a").mkdir()
    (folder / "a/x").symlink_to(outside / "y")
    [done] = unpacked(folder, "a.zip")
    assert why(done) == {"x": Refusal.IN_THE_WAY}
    assert list(outside.iterdir()) == []


# ---- where to ----


def test_a_folder_is_not_doubled(folder: Path) -> None:
    zipped(folder / "TL1.zip", {"TL1/a.json": b"1", "TL1/b/c.json": b"2", "__MACOSX/TL1/._a.json": b"x"})
    zipped(folder / "TL2.zip", {"TL2/a.json": b"1", "c.json": b"2"})
    first, second = unpacked(folder, "TL1.zip", "TL2.zip")
    assert (first.into, second.into) == ("TL1", "TL2")
    assert set(in_folder(folder, "TL1.zip", "TL2.zip")) == {"TL1/a.json", "TL1/b/c.json", "TL2/TL2/a.json",
                                                            "TL2/c.json"}  # fmt: skip


def test_into_a_folder_of_choice(folder: Path, tmp_path: Path) -> None:
    zipped(folder / "a.zip", {"x": b"1"})
    other = tmp_path / "other"
    assert unpacked(folder, "a.zip", into="here/below")[0].into == "here/below"
    assert unpacked(folder, "a.zip", into=str(folder / "abs"))[0].problem is None
    assert unpacked(folder, "a.zip", into=str(other))[0].into == str(other)
    assert unpacked(folder, "a.zip", into=".")[0].into == ""
    assert (folder / "here/below/x").read_bytes() == (folder / "abs/x").read_bytes() == (other / "x").read_bytes()
    assert (folder / "x").read_bytes() == b"1"
    assert (other / ".aihub/unpacked").is_dir()
    for bad in ("../out", "a/../../out", ".aihub/x"):
        [done] = unpacked(folder, "a.zip", into=bad)
        assert done.problem is not None
        assert done.problem.code is Code.IN_THE_WAY
    assert sorted(os.listdir(tmp_path)) == sorted([folder.name, "other"])


def test_only_what_matches(folder: Path) -> None:
    zipped(folder / "a.zip", {"라벨/a.json": b"1", "라벨/b.txt": b"2", "c.json": b"3"})
    [done] = unpacked(folder, "a.zip", patterns=["라벨/*.json", "c.*"], keep=False)
    assert (done.entries, done.archive_deleted) == (2, False)
    assert tree(folder / "a") == {"라벨/a.json": b"1", "c.json": b"3"}


def test_foreign_files_are_left_alone(folder: Path) -> None:
    zipped(folder / "a.zip", {"x": b"1", "same": b"2", "y": b"3"})
    (folder / "a/y").mkdir(parents=True)
    (folder / "a/x").write_bytes(b"mine")
    (folder / "a/same").write_bytes(b"2")
    [done] = unpacked(folder, "a.zip", keep=False)
    assert why(done) == {"x": Refusal.IN_THE_WAY, "y": Refusal.IN_THE_WAY}
    assert tree(folder / "a") == {"x": b"mine", "same": b"2"}
    assert not done.archive_deleted


def test_archives_in_archives(folder: Path) -> None:
    data = b"deep"
    for depth in range(6):
        data = zipped(folder / "inner", {f"{depth}.zip" if depth else "file.txt": data}).read_bytes()
    (folder / "inner").unlink()
    (folder / "a.zip").write_bytes(data)
    news = unpacked(folder, "a.zip", nested=True)
    assert [one.place for one in news] == ["a.zip", "a/5.zip", "a/5/4.zip", "a/5/4/3.zip"]
    assert all(one.problem is None for one in news)
    assert (folder / "a/5/4/3/2.zip").is_file()


def test_a_nested_archive_that_is_none(folder: Path) -> None:
    zipped(folder / "a.zip", {"b.zip": b"no archive", "c.tar.gz": b"none either", "d.json": b"{}"})
    problems = [one.problem and one.problem.code for one in unpacked(folder, "a.zip", nested=True)]
    assert problems == [None, Code.BAD_ARCHIVE, Code.NOT_AN_ARCHIVE]


# ---- damage, bombs, other kinds ----


def test_a_damaged_entry_and_its_neighbours(folder: Path) -> None:
    path = zipped(folder / "a.zip", {"a": b"a" * 1000, "b": NOISE(1000), "c": b"c"}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[data.index(b"aaaa") + 500] ^= 1
    path.write_bytes(data)
    [done] = unpacked(folder, "a.zip", keep=False)
    assert (why(done), done.problem, done.archive_deleted) == ({"a": Refusal.DAMAGED}, None, False)
    assert set(tree(folder / "a")) == {"b", "c"}
    assert path.exists()
    assert leftovers(folder) == []


@pytest.mark.parametrize(
    "entry",
    [
        Raw(b"a", b"12345", size=4), Raw(b"a", b"12345", size=6), Raw(b"a", b"1", crc=7),
        Raw(b"a", b"1", local_name=b"b"), Raw(b"a", b"1", method=8, packed=b"\xff\xff\xff"),
        Raw(b"a", b"1", method=12, packed=b"BZh9xx"), Raw(b"a", b"1", at=1 << 20), Raw(b"a", b"1", at=3),
    ],
)  # fmt: skip
def test_entries_that_are_not_what_they_say(folder: Path, entry: Raw) -> None:
    raw_zip(folder / "a.zip", [entry, Raw(b"c" * 40, b"c" * 100)] if entry.at is None else [Raw(b"c", b"c"), entry])
    [done] = unpacked(folder, "a.zip")
    if done.problem is None:
        assert Refusal.DAMAGED in why(done).values()
        assert set(tree(folder / "a").values()) <= {b"c" * 100, b"c"}
    else:
        assert done.problem.code in (Code.ARCHIVE_OVERLAPS, Code.BAD_ARCHIVE)


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.xz", "a.tar.bz2"])
def test_what_is_cut_short(folder: Path, name: str) -> None:
    if name == "a.zip":
        path = zipped(folder / name, CONTENT)
    else:
        path = tarred(folder / name, [member(*one) for one in CONTENT.items()], f"w:{name[6:]}")
    whole = path.read_bytes()
    for size in (len(whole) // 2, len(whole.rstrip(b"\0")) - 100 if name == "a.tar" else len(whole) - 3):
        path.write_bytes(whole[:size])
        [done] = unpacked(folder, name)
        assert done.problem is not None
        assert done.problem.code is Code.BAD_ARCHIVE
        assert in_folder(folder, name) == {}


def test_a_wrong_checksum_at_the_end_of_a_gzip(folder: Path) -> None:
    path = tarred(folder / "a.tgz", [member("a", NOISE(100_000))], "w:gz")
    data = bytearray(path.read_bytes())
    data[-6] ^= 1
    path.write_bytes(data)
    [done] = unpacked(folder, "a.tgz")
    assert done.problem is not None
    assert done.problem.code is Code.BAD_ARCHIVE
    assert in_folder(folder, "a.tgz") == {}


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.egg", b"EGGA" + bytes(100), Code.EGG_ARCHIVE), ("b.zip", b"EGGA" + bytes(100), Code.EGG_ARCHIVE),
        ("a.rar", b"Rar!\x1a\x07", Code.NOT_AN_ARCHIVE), ("a.7z", b"7z\xbc\xaf\x27\x1c", Code.NOT_AN_ARCHIVE),
        ("a.zip", b"", Code.BAD_ARCHIVE), ("a.zip", bytes(1000), Code.BAD_ARCHIVE),
        ("c.zip", NOISE(5000), Code.BAD_ARCHIVE), ("c.tar", NOISE(5000), Code.NOT_AN_ARCHIVE),
        ("c.tgz", b"\x1f\x8b" + NOISE(500), Code.NOT_AN_ARCHIVE), ("d.json", b"{}", Code.NOT_AN_ARCHIVE),
        ("zeros.bin", bytes(2000), Code.NOT_AN_ARCHIVE),
    ],
)  # fmt: skip
def test_what_is_no_archive(folder: Path, name: str, data: bytes, code: Code) -> None:
    (folder / name).write_bytes(data)
    [done] = unpacked(folder, name, keep=False)
    assert done.problem is not None
    assert done.problem.code is code
    assert tree(folder) == {name: data}


def test_no_archive_at_all(folder: Path) -> None:
    (folder / "dir.zip").mkdir()
    problems = [done.problem and done.problem.code for done in unpacked(folder, "none.zip", "dir.zip")]
    assert problems == [Code.TARGET_MISSING, Code.IN_THE_WAY]
    assert os.listdir(folder) == ["dir.zip"]


def test_a_bomb_of_zeros(folder: Path) -> None:
    """Ten gigabytes in ten megabytes."""
    size, portion = 10 << 30, bytes(1 << 24)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join([packer.compress(portion) for _ in range(8)] + [packer.flush()])
    raw_zip(folder / "a.zip", [Raw(b"zeros", packed=packed, method=8, size=min(size, (1 << 32) - 2)), Raw(b"b", b"1")])
    [done] = unpacked(folder, "a.zip")
    assert (done.problem, why(done)) == (None, {"zeros": Refusal.BOMB})
    assert tree(folder / "a") == {"b": b"1"}


@pytest.mark.parametrize("kind", ["entry", "archive"])
def test_a_person_may_know_better(folder: Path, kind: str) -> None:
    """What is sound grows as much as it says, and lands; room is looked for all the same."""
    if kind == "entry":
        raw_zip(folder / "a.zip", [zeros(b"zeros", 300 << 20), Raw(b"b", b"1")])
    else:
        raw_zip(folder / "a.zip", [*(zeros(b"%d" % n, 250 << 20) for n in range(17)), Raw(b"b", b"1")])
    [refused] = unpacked(folder, "a.zip")
    if kind == "entry":
        assert why(refused) == {"zeros": Refusal.BOMB}
    else:
        assert refused.problem is not None
        assert refused.problem.code is Code.ARCHIVE_BOMB
    [full] = unpacked(folder, "a.zip", any_size=True, floor=1 << 50)
    assert full.problem is not None
    assert full.problem.code is Code.NO_ROOM
    [done] = unpacked(folder, "a.zip", any_size=True, patterns=["zeros", "b", "1"])
    assert (done.problem, done.refused) == (None, [])
    big = folder / "a" / ("zeros" if kind == "entry" else "1")
    assert big.stat().st_size == (300 << 20 if kind == "entry" else 250 << 20)


def test_entries_that_share_their_bytes(folder: Path) -> None:
    raw_zip(folder / "a.zip", [Raw(b"kernel", b"x" * 1000), *(Raw(b"copy%d" % n, b"x" * 1000, at=0) for n in range(9))])
    [done] = unpacked(folder, "a.zip")
    assert done.problem is not None
    assert done.problem.code is Code.ARCHIVE_OVERLAPS
    assert unpacked(folder, "a.zip", any_size=True)[0].problem == done.problem
    assert in_folder(folder, "a.zip") == {}


def test_more_than_the_drive_holds(folder: Path) -> None:
    zipped(folder / "a.zip", CONTENT)
    [done] = unpacked(folder, "a.zip", floor=1 << 50)
    assert done.problem is not None
    assert done.problem.code is Code.NO_ROOM
    assert in_folder(folder, "a.zip") == {}


# ---- again, and deleted ----


def test_a_second_run_finds_everything_done(folder: Path) -> None:
    zipped(folder / "a.zip", CONTENT)
    unpacked(folder, "a.zip")
    times = {path: path.stat().st_mtime_ns for path in (folder / "a").rglob("*")}
    record = next((folder / ".aihub/unpacked").iterdir()).read_bytes()
    [done] = unpacked(folder, "a.zip")
    assert (done.entries, done.bytes) == (len(CONTENT), sum(map(len, CONTENT.values())))
    assert {path: path.stat().st_mtime_ns for path in (folder / "a").rglob("*")} == times
    assert next((folder / ".aihub/unpacked").iterdir()).read_bytes() == record


def test_what_is_missing_or_torn_is_done_again(folder: Path) -> None:
    zipped(folder / "a.zip", CONTENT)
    unpacked(folder, "a.zip")
    record = next((folder / ".aihub/unpacked").iterdir())
    (folder / "a/noise.bin").unlink()
    [done] = unpacked(folder, "a.zip")
    assert (done.problem, tree(folder / "a")) == (None, CONTENT)
    record.write_bytes(record.read_bytes()[:200])
    [done] = unpacked(folder, "a.zip")
    assert (done.problem, done.refused, tree(folder / "a")) == (None, [], CONTENT)


def test_another_archive_of_that_name(folder: Path) -> None:
    zipped(folder / "a.zip", {"x": b"1", "y": b"2"})
    unpacked(folder, "a.zip")
    zipped(folder / "a.zip", {"x": b"1", "y": b"3", "z": b"4"})
    [done] = unpacked(folder, "a.zip")
    assert why(done) == {"y": Refusal.IN_THE_WAY}
    assert tree(folder / "a") == {"x": b"1", "y": b"2", "z": b"4"}


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_the_archive_goes_when_everything_stands(folder: Path, kind: str) -> None:
    name = f"라벨/a.{kind}"
    (folder / "라벨").mkdir()
    if kind == "zip":
        data = zipped(folder / name, CONTENT).read_bytes()
    else:
        data = tarred(folder / name, [member(*one) for one in CONTENT.items()]).read_bytes()
    other = folder / "other.csv"
    other.write_bytes(b"x")
    Ledger(folder).record(
        [Entry(name, hashlib.sha256(data).hexdigest(), len(data)), Entry("other.csv", hashlib.sha256(b"x").hexdigest())]
    )
    [done] = unpacked(folder, name, keep=False)
    assert (done.problem, done.archive_deleted) == (None, True)
    assert tree(folder) == {**below("라벨/a"), "other.csv": b"x"}
    report = looked(folder)
    assert report.is_right
    assert (len(report.ok), report.extra) == (len(CONTENT) + 1, [])
    if sums := shutil.which("sha256sum"):
        subprocess.run([sums, "-c", "--quiet", ".aihub/manifest-sha256.txt"], cwd=folder, check=True)
    assert unpacked(folder, name)[0].archive_deleted


def test_the_archive_goes_at_a_later_run(folder: Path, source: Path) -> None:
    run(tool("zip"), "-qrs", "1m", folder / "set.zip", ".", folder=source)
    assert not unpacked(folder, "set.zip")[0].archive_deleted
    assert unpacked(folder, "set.zip", keep=False)[0].archive_deleted
    assert tree(folder) == below("set")
    assert looked(folder).is_right
    assert len(looked(folder).ok) == len(CONTENT)


def test_a_changed_file_keeps_the_archive(folder: Path) -> None:
    zipped(folder / "a.zip", CONTENT)
    unpacked(folder, "a.zip")
    (folder / "a/empty.csv").write_bytes(b"mine")
    [done] = unpacked(folder, "a.zip", keep=False)
    assert (why(done), done.archive_deleted) == ({"empty.csv": Refusal.IN_THE_WAY}, False)
    assert (folder / "a.zip").exists()


def test_times_of_what_was_deleted_are_looked_at(folder: Path) -> None:
    """A quick look has something to go by, and says of a file that was written to that its time is another."""
    zipped(folder / "a.zip", CONTENT)
    assert unpacked(folder, "a.zip", keep=False)[0].archive_deleted
    assert len(looked(folder, depth=Depth.QUICK).ok) == len(CONTENT)
    (folder / "a/empty.csv").touch()
    report = looked(folder, depth=Depth.QUICK)
    assert report.unproved == ["a/empty.csv"]


@pytest.mark.parametrize("is_same", [True, False])
def test_a_file_that_was_written_to_is_read_before_the_archive_goes(folder: Path, is_same: bool) -> None:
    zipped(folder / "a.zip", CONTENT)
    unpacked(folder, "a.zip")
    data = CONTENT["noise.bin"]
    (folder / "a/noise.bin").write_bytes(data if is_same else bytes([data[0] ^ 1]) + data[1:])
    [done] = unpacked(folder, "a.zip", keep=False)
    assert (done.problem, done.archive_deleted) == (None, is_same)
    assert (folder / "a.zip").exists() is not is_same


def test_an_interrupted_removal_is_ended(folder: Path, source: Path) -> None:
    run(tool("zip"), "-qrs", "1m", folder / "set.zip", ".", folder=source)
    kept = {name: (folder / name).read_bytes() for name in ("set.z02", "set.zip")}
    unpacked(folder, "set.zip", keep=False)
    for name, data in kept.items():
        (folder / name).write_bytes(data)
    [done] = unpacked(folder, "set.zip")
    assert (done.problem, done.archive_deleted) == (None, True)
    assert tree(folder) == below("set")


def test_what_was_unpacked_can_be_asked(folder: Path) -> None:
    zipped(folder / "a.zip", CONTENT)
    assert list(unpacked_places(folder)) == []
    unpacked(folder, "a.zip")
    found = {one.place: (one.size, one.crc, one.archive) for one in unpacked_places(folder)}
    assert found == {f"a/{name}": (len(data), zlib.crc32(data), "a.zip") for name, data in CONTENT.items()}


# ---- news, and a stop ----


def test_progress_ends_at_the_total(folder: Path) -> None:
    zipped(folder / "a.zip", {**CONTENT, "../x": b"1"})
    news = told(folder, "a.zip")
    last = [one for one in news if isinstance(one, UnpackProgress)][-1]
    assert (last.entries, last.bytes) == (last.entries_total, last.bytes_total) == (4, sum(map(len, CONTENT.values())))
    assert isinstance(news[-1], Unpacked)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_stop_loses_nothing(folder: Path, kind: str, threads: int) -> None:
    content = {f"{number}": NOISE(200_000) for number in range(60)}
    if kind == "zip":
        zipped(folder / "a.zip", content)
    else:
        tarred(folder / "a.tar", [member(*one) for one in content.items()])
    news: list[UnpackNews] = []

    def hear(one: UnpackNews) -> None:
        news.append(one)
        unpacking.stop()

    unpacking = Unpacking(UnpackWish(str(folder), [f"a.{kind}", "b.zip"]), hear, threads=threads, floor=0)
    thread = threading.Thread(target=unpacking.run)
    thread.start()
    thread.join()
    done = [one for one in news if isinstance(one, Unpacked)]
    assert [one.problem and one.problem.code for one in done] == [Code.STOPPED] * 2
    found = tree(folder / "a") if (folder / "a").exists() else {}
    assert len(found) < len(content)
    assert found.items() <= content.items()
    [done_now] = unpacked(folder, f"a.{kind}")
    assert (done_now.problem, tree(folder / "a")) == (None, content)
    assert leftovers(folder) == []


def test_a_file_where_a_folder_has_to_be_counts_for_nothing(folder: Path) -> None:
    """Written, and refused when it should get its name: it is not among what stands."""
    zipped(folder / "a.zip", {"d": b"12", "d/e": b"1"})
    for _ in range(2):
        (done,) = unpacked(folder, "a.zip")
        assert (done.entries, done.bytes) == (1, 1)
        assert why(done) == {"d": Refusal.IN_THE_WAY}
    assert in_folder(folder, "a.zip") == {"a/d/e": b"1"}


@pytest.mark.parametrize("name", [".", "..", "a/..", "/", "a/.", ""])
def test_no_name_at_all(name: str) -> None:
    with pytest.raises(UnsafeNameError):
        entry_path(name)
