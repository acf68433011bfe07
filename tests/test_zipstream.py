"""What a zip proves while it passes, against the verdict of the check that reads it from disk."""

from __future__ import annotations

import io
import random
import shutil
import struct
import subprocess
import tracemalloc
import zipfile
import zlib
from collections import deque
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tapes import Pipe, Tape, check, order, pieces, receive, sha256, tar, work

from aihub_desktop.archives.companion import Companion
from aihub_desktop.archives.ziparchive import ZipVerdict, recall, verify
from aihub_desktop.archives.zipstream import Portion, Seen, ZipStream
from aihub_desktop.disk.target import Target
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import Proof, Whole, WorkFile
from aihub_desktop.transport.reading import Reading

SEED = 20261123
FILES = {"a.txt": b"content " * 40, "빈 것": b"", "folder/": b"", "noise": random.Random(SEED).randbytes(5_000)}


def archive(
    files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, *, piped: bool = False, wide: bool = False
) -> bytes:
    out, pipe = io.BytesIO(), Pipe()
    with zipfile.ZipFile(pipe if piped else out, "w", method) as file:
        for name, data in files.items():
            with file.open(name, "w", force_zip64=wide) as entry:
                entry.write(data)
    return bytes(pipe.data) if piped else out.getvalue()


def streamed(data: bytes, cuts: Iterable[int]) -> Seen:
    """Fed from one buffer that is overwritten each time, as the network's is."""
    stream, at = ZipStream(), 0
    for cut in [*cuts, len(data)]:
        if (part := data[at : at + cut]) or not data:
            view = memoryview(bytearray(part))
            for portion in stream.feed(view):
                portion.unpack()
            view[:] = bytes(len(view))
            at += len(part)
    return stream.seen


def beside(data: bytes, cuts: Iterable[int], rng: random.Random) -> Seen:
    """Portions unpacked late and in any order, those of an entry in their own."""
    stream, at = ZipStream(), 0
    waiting: dict[int, deque[Portion]] = {}
    for cut in [*cuts, len(data)]:
        for portion in stream.feed(memoryview(bytes(data[at : at + cut]))):
            waiting.setdefault(id(portion.entry), deque()).append(portion)
        at += cut
        while waiting and rng.random() < 0.4:
            unpack_one(waiting, rng)
    while waiting:
        unpack_one(waiting, rng)
    return stream.seen


def unpack_one(waiting: dict[int, deque[Portion]], rng: random.Random) -> None:
    entry = rng.choice(sorted(waiting))
    waiting[entry].popleft().unpack()
    if not waiting[entry]:
        del waiting[entry]


def in_passing(folder: Path, data: bytes, cuts: Iterable[int] = ()) -> ZipVerdict | None:
    path = folder / "a.zip"
    path.write_bytes(data)
    return recall(path, streamed(data, cuts), lambda: False)


def by_reading(folder: Path, data: bytes) -> ZipVerdict | None:
    path = folder / "a.zip"
    path.write_bytes(data)
    try:
        verdict = verify(path)
    except ProblemError as error:
        if error.problem.code is not Code.BAD_ARCHIVE:
            raise
        return None
    return verdict if verdict.is_sound else None


METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]
ANY_METHOD = [*METHODS, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("cut", [1, 7, 1000, 1 << 20])
def test_a_sound_archive_is_proved_however_it_is_cut(folder: Path, method: int, wide: bool, cut: int) -> None:
    data = archive(FILES, method, wide=wide)
    verdict = in_passing(folder, data, [cut] * (len(data) // cut))
    assert verdict == by_reading(folder, data)
    assert verdict is not None
    assert (verdict.proof, verdict.entries) == (Proof.ARCHIVE, len(FILES))


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("cut", [1, 7, 1 << 20])
def test_data_descriptors_are_followed(folder: Path, wide: bool, cut: int) -> None:
    data = archive(FILES, piped=True, wide=wide)
    assert b"PK\x07\x08" in data
    verdict = in_passing(folder, data, [cut] * (len(data) // cut))
    assert verdict is not None
    assert verdict.proof is Proof.ARCHIVE
    # Without the signature, which is not demanded of writers.
    bare = data.replace(b"PK\x07\x08", b"", 1)
    assert streamed(bare, []).find(0) == 0
    assert len(streamed(bare, [])) == len(FILES)


def test_a_stored_entry_with_a_descriptor_is_left_to_the_check(folder: Path) -> None:
    data = archive(FILES, zipfile.ZIP_STORED, piped=True)
    assert by_reading(folder, data) is not None
    assert in_passing(folder, data) is None


@pytest.mark.parametrize("front", [b"#!/bin/sh\n" * 100, b"PK"])
def test_data_in_front_is_left_to_the_check(folder: Path, front: bytes) -> None:
    data = front + archive(FILES)
    assert by_reading(folder, data) is not None
    assert in_passing(folder, data) is None


def test_a_mark_in_front_and_an_empty_archive(folder: Path) -> None:
    for data in (b"PK00" + archive(FILES), archive({}), archive(FILES) + bytes(100)):
        assert by_reading(folder, data) is not None
        assert in_passing(folder, data) is not None


@pytest.mark.parametrize("method", ANY_METHOD[2:])
def test_slow_methods_are_left_to_the_check(folder: Path, method: int) -> None:
    data = archive({"a": b"content" * 90}, method)
    assert by_reading(folder, data) is not None
    assert in_passing(folder, data) is None


@pytest.mark.parametrize(("flags", "method", "note"), [(1, 8, "encrypted"), (0, 9, "method 9")])
def test_what_nobody_can_open_is_proved_in_structure(folder: Path, flags: int, method: int, note: str) -> None:
    data = bytearray(archive({"a": b"content" * 50, "b": b"open"}))
    for at in (data.index(b"PK\x01\x02") + 8, 6):
        data[at : at + 4] = struct.pack("<HH", flags, method)
    verdict = in_passing(folder, bytes(data))
    assert verdict == by_reading(folder, bytes(data))
    assert verdict is not None
    assert (verdict.proof, verdict.note) == (Proof.STRUCTURE, note)


def test_what_unpacks_to_too_much_holds_up_no_network(folder: Path) -> None:
    data = archive({"zeros": bytes(200 << 20)})
    assert by_reading(folder, data) is not None
    assert in_passing(folder, data) is None


def test_a_damaged_entry_says_nothing_of_those_beside_it(folder: Path) -> None:
    print("seed", SEED)
    files = {str(number): random.Random(number).randbytes(50_000) for number in range(9)}
    data = bytearray(archive(files))
    infos = zipfile.ZipFile(io.BytesIO(data)).infolist()
    data[infos[3].header_offset + 31 + 30_000] ^= 1
    seen = beside(bytes(data), [7_000] * 100, random.Random(SEED))
    right = [
        seen.unpacks_to(number, info.compress_size, info.file_size, info.CRC)
        for info in infos
        if (number := seen.find(info.header_offset)) is not None
    ]
    assert right == [number != 3 for number in range(9)]
    (folder / "a.zip").write_bytes(data)
    assert recall(folder / "a.zip", seen, lambda: False) is None
    assert [damage.name for damage in verify(folder / "a.zip").damaged] == ["3"]


@pytest.mark.parametrize("size", [0, 100, 40_000_000])
def test_an_entry_that_is_longer_than_its_header_says_is_given_up_there(size: int) -> None:
    data = bytearray(archive({"zeros": bytes(60 << 20), "after": b"content"}))
    struct.pack_into("<L", data, 22, size)
    tracemalloc.start()
    seen = streamed(bytes(data), [])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    (zeros, after) = zipfile.ZipFile(io.BytesIO(data)).infolist()
    assert not seen.unpacks_to(0, zeros.compress_size, size, zeros.CRC)
    assert seen.find(after.header_offset) == 1
    assert seen.unpacks_to(1, after.compress_size, 7, after.CRC)
    assert peak < 4 << 20


def test_many_that_grow_much_are_left_to_the_check_after_the_first() -> None:
    """Each of them alone may grow so much."""
    data = archive({str(number): bytes(50 << 20) for number in range(3)})
    seen = streamed(data, [])
    infos = zipfile.ZipFile(io.BytesIO(data)).infolist()
    assert [seen.unpacks_to(n, info.compress_size, 50 << 20, info.CRC) for n, info in enumerate(infos)] == [
        True, False, False,
    ]  # fmt: skip


def test_every_bad_byte_is_refused_in_passing(folder: Path) -> None:
    whole = archive({"a": b"content " * 5, "b": random.Random(SEED).randbytes(50)})
    for at in range(len(whole)):
        data = whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :]
        assert in_passing(folder, data) in (None, by_reading(folder, data)), at


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    names = draw(st.lists(st.sampled_from(["a", "b.zip", "글", "d/", "d/e"]), max_size=5))
    kinds = [
        st.binary(max_size=80),
        st.just(b"again " * 500),
        st.just(archive(FILES)),
        st.integers(0, 9).map(lambda n: random.Random(n).randbytes(3_000)),
    ]
    out, pipe, piped = io.BytesIO(), Pipe(), draw(st.booleans())
    with zipfile.ZipFile(pipe if piped else out, "w") as file:
        for number, name in enumerate(names):
            info = zipfile.ZipInfo(f"{number}{name}")
            info.compress_type = draw(st.sampled_from(ANY_METHOD))
            info.extra = draw(st.sampled_from([b"", struct.pack("<HHL", 0x7075, 4, 9)]))
            with file.open(info, "w", force_zip64=draw(st.booleans())) as entry:
                entry.write(draw(st.one_of(kinds)))
        file.comment = draw(st.sampled_from([b"", b"comment PK\x05\x06"]))
    return bytes(pipe.data) if piped else out.getvalue()


@st.composite
def damages(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(archives()))
    marks = [at for mark in (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08") for at in _all(data, mark)]
    for _ in range(draw(st.integers(0, 3))):
        near = st.builds(lambda mark, add: min(mark + add, len(data) - 1), st.sampled_from(marks), st.integers(0, 60))
        at = draw(st.one_of(st.integers(0, len(data) - 1), near))
        match draw(st.sampled_from(["set", "cut out", "put in", "copy"])):
            case "set":
                data[at] = draw(st.integers(0, 255))
            case "cut out" if len(data) > 30:
                del data[at : at + draw(st.integers(1, 20))]
            case "put in":
                data[at:at] = draw(st.binary(max_size=20))
            case "copy":
                data[at : at + 46] = data[marks[0] : marks[0] + 46]
    return bytes(data)


def _all(data: bytes | bytearray, mark: bytes) -> list[int]:
    return [at for at in range(len(data)) if data.startswith(mark, at)]


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=damages(), cuts=st.lists(st.integers(1, 4_000), max_size=30))
def test_nothing_passes_in_passing_that_the_check_would_refuse(folder: Path, data: bytes, cuts: list[int]) -> None:
    verdict = in_passing(folder, data, cuts)
    if verdict is not None:
        assert verdict == by_reading(folder, data)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=damages(), cuts=st.lists(st.integers(1, 4_000), max_size=30), rng=st.randoms(use_true_random=False))
def test_the_order_of_unpacking_makes_no_difference(
    folder: Path, data: bytes, cuts: list[int], rng: random.Random
) -> None:
    path = folder / "a.zip"
    path.write_bytes(data)
    one, other = streamed(data, cuts), beside(data, cuts, rng)
    assert len(one) == len(other)
    assert recall(path, one, lambda: False) == recall(path, other, lambda: False)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=archives(), cuts=st.lists(st.integers(1, 4_000), max_size=30))
def test_cuts_make_no_difference(folder: Path, data: bytes, cuts: list[int]) -> None:
    assert in_passing(folder, data, cuts) == in_passing(folder, data)


@pytest.mark.parametrize("options", [["-0"], ["-9"], ["-fd"], ["-P", "secret"], ["-fz"]], ids=" ".join)
def test_archives_of_info_zip(folder: Path, options: list[str]) -> None:
    program = shutil.which("zip")
    if program is None:
        pytest.skip("zip is not installed here")
    for name, content in FILES.items():
        if not name.endswith("/"):
            (folder / name).write_bytes(content)
    subprocess.run([program, "-q", "-r", *options, "out.zip", "."], cwd=folder, check=True)
    data = (folder / "out.zip").read_bytes()
    verdict = in_passing(folder, data)
    if options == ["-P", "secret"]:
        # It puts descriptors behind encrypted data, whose end cannot be found.
        assert verdict is None
    elif options != ["-fd"]:
        assert verdict == by_reading(folder, data)
        assert verdict is not None


@pytest.mark.parametrize("method", ["Copy", "Deflate", "Deflate64"])
def test_archives_of_7_zip(folder: Path, method: str) -> None:
    program = shutil.which("7z")
    if program is None:
        pytest.skip("7z is not installed here")
    (folder / "file").write_bytes(FILES["noise"] * 9)
    subprocess.run([program, "a", "-bd", f"-mm={method}", "out.zip", "file"], cwd=folder, check=True, stdout=-3)
    data = (folder / "out.zip").read_bytes()
    verdict = in_passing(folder, data)
    assert verdict == by_reading(folder, data)
    assert verdict is not None


def test_many_entries_in_little_memory() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for number in range(20_000):
            file.writestr(zipfile.ZipInfo(f"folder/{number:06}.json"), b'{"n": 1}')
    view = memoryview(out.getvalue())
    tracemalloc.start()
    stream = ZipStream()
    assert stream.feed(view) == []  # of what is tiny nothing is handed out
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(stream.seen) == 20_000
    assert peak < 20_000 * 60


def test_a_directory_in_another_order(folder: Path) -> None:
    data = archive({name: name.encode() for name in "abc"})
    at = data.index(b"PK\x01\x02")
    length = (data.index(b"PK\x05\x06") - at) // 3
    entries = [data[at + n * length : at + (n + 1) * length] for n in range(3)]
    other = data[:at] + b"".join(reversed(entries)) + data[at + 3 * length :]
    assert by_reading(folder, other) is not None
    assert in_passing(folder, other) is not None


# The same with hands beside each other, in a buffer that is used again.


@pytest.mark.parametrize("hands", [1, 2, 8])
@pytest.mark.parametrize("piped", [False, True])
def test_many_hands_see_the_same_in_a_ring_of_views(folder: Path, hands: int, piped: bool) -> None:
    print("seed", SEED)
    rng = random.Random(SEED)
    sizes = [rng.choice([0, 50, 5_000, 40_000, 3_000_000]) for _ in range(60)]
    data = archive({f"{n}": (rng.randbytes(size // 2 + 1) * 2)[:size] for n, size in enumerate(sizes)}, piped=piped)
    target = Target(str(folder))
    companion = Companion(400_000, hands)
    reading = Reading(target.spot("a.zip"), companion)
    free, used = list[memoryview](), deque[memoryview]()
    at = 0
    while at < len(data):
        block = free.pop() if free else memoryview(bytearray(150_000))
        view = block[: min(rng.randrange(1, 150_000), len(data) - at)]
        view[:] = data[at : at + len(view)]
        reading.offer(at, view)
        at += len(view)
        used.append(block)
        for _ in range(companion.turn(len(view))):
            free.append(used.popleft())
            free[-1][:] = bytes(150_000)
    (folder / "a.zip.part").write_bytes(data)
    found = reading.finding(lambda: False)
    companion.stop()
    assert (found.size, found.sha256, found.proof) == (len(data), sha256(data), Proof.ARCHIVE)


# The same on the whole road, from the tar to the final name.


def proof_of(folder: Path, one: WorkFile, body: Tape | bytes) -> Whole:
    (whole,) = receive(order(folder, [one]), body).of(Whole)
    return whole


@pytest.mark.parametrize("road", ["in order", "backwards", "resumed"])
def test_a_whole_file_is_proved_as_it_comes_and_then_only_published(folder: Path, road: str) -> None:
    data = archive(FILES | {"more": random.Random(SEED).randbytes(300_000)})
    members = pieces("a.zip", data, 50_000)
    one = work(1, "a.zip", len(data))
    if road == "resumed":
        receive(order(folder, [one], mark_bytes=20_000), Tape(tar(members)[:170_000], ending="cut"))
    whole = proof_of(folder, one, tar(members[::-1] if road == "backwards" else members))
    assert (whole.sha256, whole.proof, whole.note) == (sha256(data), Proof.ARCHIVE, "")
    known = WorkFile(1, one.file, one.place, whole.proof, whole.note)
    # What is not read cannot be found wrong: the proof is taken for what it says.
    with (folder / "a.zip.part").open("r+b") as file:
        file.write(b"?")
    proved = check(folder, [known]).proved[1]
    assert (proved.sha256, proved.proof) == (sha256(data), Proof.ARCHIVE)
    assert (folder / "a.zip").exists()


def test_a_damaged_archive_is_left_to_the_check_which_refuses_it(folder: Path) -> None:
    data = bytearray(archive({"noise": random.Random(SEED).randbytes(9_000)}))
    data[4_000] ^= 1
    one = work(1, "a.zip", len(data))
    whole = proof_of(folder, one, tar(pieces("a.zip", bytes(data), 5_000)))
    assert whole.proof is None
    news = check(folder, [one])
    assert news.failed == {1: Code.BAD_ARCHIVE}
    assert list(folder.iterdir()) == []


def test_other_files_are_proved_by_their_length_and_volumes_not_at_all(folder: Path) -> None:
    works = [work(1, "a.csv", 3), work(2, "b.z01", 3), work(3, "b.zip", 3)]
    news = receive(order(folder, works), tar([("a.csv", b"abc"), ("b.z01", b"abc"), ("b.zip", b"abc")]))
    assert {one.file: one.proof for one in news.of(Whole)} == {1: Proof.LENGTH, 2: None, 3: None}


def test_what_an_earlier_run_received_has_no_proof(folder: Path) -> None:
    data = archive(FILES)
    one = work(1, "a.zip", len(data))
    proof_of(folder, one, tar(pieces("a.zip", data, 5_000)))
    assert proof_of(folder, one, b"never asked for").proof is None


def test_crc_of_what_was_seen() -> None:
    seen = streamed(archive({"a": b"content"}, zipfile.ZIP_STORED), [])
    assert seen.find(0) == 0
    assert seen.find(1) is None
    assert seen.header(0, b"b", 0) is None
    assert seen.header(0, b"a", 8) is None
    assert seen.header(0, b"a", 0) == 31
    assert seen.unpacks_to(0, 7, 7, zlib.crc32(b"content"))
    assert not seen.unpacks_to(0, 7, 7, zlib.crc32(b"Content"))
