"""Looks into archives through a real engine: listed in pages, read in parts, taken out, and what unpacking would do."""

from __future__ import annotations

import io
import itertools
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from engines import RunningEngine
from packed import Raw, raw_zip, tool

from aihub_desktop.archives.inside import save
from aihub_desktop.demo.content import noise
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.inside import Entries, EntryPart, Inside, LookState, Order, TakenOut
from aihub_desktop.domain.tasks import TASK_ENDED, TaskRow
from aihub_desktop.domain.unpacking import Refusal, Rehearsal, UnpackWish
from aihub_desktop.transport.ledger import Entry, Ledger

NOWHERE = "http://127.0.0.1:9"
LONGEST = 60.0
FILES = {
    "자료/원천/b.wav": noise(3_000_000, 2), "자료/라벨/가.json": b'{"a": 1}', "자료/라벨/나.json": b'{"b": [1, 2]}',
    "readme.txt": b"hello",
}  # fmt: skip
_looks = itertools.count(1)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunningEngine]:
    with RunningEngine(tmp_path / "home", NOWHERE) as running:
        yield running


class Peek:
    """One look."""

    def __init__(self, run: RunningEngine, path: Path) -> None:
        self.run, self.number = run, next(_looks)
        self.inside = run.ask(m.LookInside(run.engine.number(), self.number, str(path)), Inside)

    def page(
        self, offset: int = 0, limit: int = 500, find: str = "", order: Order = Order.ARCHIVE,
        *, descending: bool = False, encoding: str = "",
    ) -> Entries:  # fmt: skip
        wish = m.ListEntries(
            self.run.engine.number(), self.number, offset, limit, find, order, descending, encoding
        )  # fmt: skip
        return self.run.ask(wish, Entries)

    def names(self, find: str = "", order: Order = Order.ARCHIVE, *, encoding: str = "") -> list[str]:
        return [row.name for row in self.page(find=find, order=order, encoding=encoding).rows]

    def entry(self, name: str) -> int:
        return next(row.number for row in self.page().rows if row.name == name)

    def part(self, entry: int, offset: int = 0, limit: int = 1 << 20) -> EntryPart:
        return self.run.ask(m.ReadEntry(self.run.engine.number(), self.number, entry, offset, limit), EntryPart)

    def all_of(self, entry: int) -> bytes:
        data = b""
        while True:
            part = self.part(entry, len(data))
            data += part.data
            if part.is_last:
                return data

    def take(self, folder: Path, *entries: int, encoding: str = "") -> TakenOut:
        wish = m.TakeOut(self.run.engine.number(), self.number, list(entries), str(folder), encoding)
        return self.run.ask(wish, TakenOut)

    def end(self) -> None:
        self.run.ask(m.EndLook(self.run.engine.number(), self.number), object)


def refused(run: RunningEngine, command: m.AnyCommand) -> Code:
    with pytest.raises(ProblemError) as caught:
        run.ask(command, object)
    return caught.value.problem.code


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("자료/", b"")
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_entries_are_listed_read_and_taken_out(run: RunningEngine, tmp_path: Path, name: str) -> None:
    path = (zipped if name.endswith("zip") else tarred)(tmp_path / name, FILES)
    peek = Peek(run, path)
    sizes = sum(map(len, FILES.values()))
    assert (peek.inside.files, peek.inside.bytes, peek.inside.encoding) == (4, sizes, "utf-8")
    assert peek.inside.packed == path.stat().st_size
    assert peek.names() == list(FILES)
    for wanted in ("자료/원천/b.wav", "readme.txt", "자료/라벨/가.json"):  # there and back again
        assert peek.all_of(peek.entry(wanted)) == FILES[wanted]
    assert peek.part(peek.entry("readme.txt"), 1, 3) == EntryPart(b"ell", False)
    assert run.ask(m.ShowLook(run.engine.number(), peek.number), LookState).entries == 4
    out = tmp_path / "out"
    out.mkdir()
    (out / "나.json").write_bytes(b"mine")
    taken = peek.take(out, *(peek.entry(one) for one in ("자료/라벨/나.json", "자료/원천/b.wav")))
    assert (taken.problem, taken.refused) == (None, [])
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        "나.json": b"mine", "나 (2).json": FILES["자료/라벨/나.json"], "b.wav": FILES["자료/원천/b.wav"],
    }  # fmt: skip
    peek.end()
    assert refused(run, m.ShowLook(run.engine.number(), peek.number)) is Code.BAD_COMMAND


def test_pages_are_found_and_sorted(run: RunningEngine, tmp_path: Path) -> None:
    files = {
        f"폴더 {number % 3}/File_{number:04}.{'JSON' if number % 2 else 'txt'}": b"x" * number for number in range(900)
    }
    peek = Peek(run, zipped(tmp_path / "many.zip", files))
    page = peek.page(700, 1000)
    assert (page.total, [row.name for row in page.rows]) == (900, list(files)[700:])
    assert peek.page(0, 3, order=Order.SIZE, descending=True).rows[0].size == 899
    assert peek.page(0, 3, order=Order.NAME).rows[0].name == "폴더 0/File_0000.txt"
    assert peek.page(0, 1, order=Order.KIND).rows[0].name.endswith("JSON")
    found = peek.page(find="file_00 json 폴더")
    assert found.total == 50
    assert all("File_00" in row.name for row in found.rows)
    assert peek.page(find="폴더 0/File_0000.txt폴더").total == 0
    assert peek.page(find="없음").total == 0


def test_names_are_read_in_another_encoding_at_once(run: RunningEngine, tmp_path: Path) -> None:
    korean = "한글 폴더/가나다.json".encode("cp949")
    path = raw_zip(tmp_path / "old.zip", [Raw(korean, b"{}"), Raw(b"plain.txt", b"1")])
    peek = Peek(run, path)
    assert peek.inside.encoding == "cp949"
    assert peek.names() == ["한글 폴더/가나다.json", "plain.txt"]
    path.unlink()  # nothing is read again
    assert "�" in peek.names(encoding="utf-8")[0]
    assert peek.names(encoding="cp949") == ["한글 폴더/가나다.json", "plain.txt"]
    assert peek.names("가나다", encoding="cp949") == ["한글 폴더/가나다.json"]
    assert peek.names("가나다", encoding="utf-8") == []
    other = Peek(run, zipped(tmp_path / "new.zip", {"가나다.txt": b"1"}))
    assert other.names(encoding="cp949") == ["가나다.txt"], "a name that says what it is stays"


def test_a_name_cannot_lead_out_of_the_folder(run: RunningEngine, tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "evil.zip", {"../../evil.txt": b"1", "/etc/passwd": b"2", "a/..": b"3", "C:\\x\\con": b"4"}
    )
    peek = Peek(run, path)
    out = tmp_path / "deep/er"
    out.mkdir(parents=True)
    taken = peek.take(out, *range(4))
    assert sorted(one.name for one in out.iterdir()) == ["_con", "evil.txt", "passwd"]
    assert [(one.name, one.why) for one in taken.refused] == [("a/..", Refusal.UNSAFE_NAME)]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["deep", "evil.zip", "home"]


def test_a_damaged_entry_says_so_and_leaves_nothing(run: RunningEngine, tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.bin", noise(50_000, 1))
        archive.writestr("bad.bin", noise(2_000_000, 2))
    data = bytearray(path.read_bytes())
    data[1_000_000] ^= 1
    path.write_bytes(data)
    peek = Peek(run, path)
    bad = peek.entry("bad.bin")
    assert len(peek.part(bad, 0, 1000).data) == 1000, "its beginning can be looked at"
    with pytest.raises(ProblemError) as caught:
        peek.all_of(bad)
    assert caught.value.problem.code is Code.BAD_ARCHIVE
    assert peek.all_of(peek.entry("good.bin")) == noise(50_000, 1)
    out = tmp_path / "out"
    out.mkdir()
    taken = peek.take(out, bad, peek.entry("good.bin"))
    assert [path.name for path in out.iterdir()] == ["good.bin"]
    assert [(one.name, one.why) for one in taken.refused] == [("bad.bin", Refusal.DAMAGED)]


def test_what_is_taken_out_has_its_name_once_it_is_whole(tmp_path: Path) -> None:
    """Else a death in the middle would leave half an entry that looks like one."""
    path = tmp_path / "a.wav"

    def portions(last: bytes) -> Iterator[bytes]:
        yield b"half"
        assert not path.exists()
        yield last

    save(path, portions(b" and half"))
    assert path.read_bytes() == b"half and half"
    with pytest.raises(ProblemError) as caught:
        save(path, iter([b"other"]))
    assert caught.value.problem.code is Code.IN_THE_WAY
    assert path.read_bytes() == b"half and half"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_locked_is_listed_and_stays_closed(run: RunningEngine, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_bytes(b"secret" * 100)
    command = [tool("7z"), "a", "-tzip", "-ppassword", "locked.zip", "secret.txt"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    peek = Peek(run, tmp_path / "locked.zip")
    (row,) = peek.page().rows
    assert (row.name, row.size, row.closed) == ("secret.txt", 600, Refusal.ENCRYPTED)
    assert refused(run, m.ReadEntry(run.engine.number(), peek.number, row.number)) is Code.BAD_COMMAND
    out = tmp_path / "out"
    out.mkdir()
    assert [one.why for one in peek.take(out, row.number).refused] == [Refusal.ENCRYPTED]
    assert list(out.iterdir()) == []


def test_a_split_set_is_one_archive(run: RunningEngine, tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"{number}.bin").write_bytes(noise(60_000, number))
    names = [f"{number}.bin" for number in range(4)]
    subprocess.run(
        [tool("zip"), "-q", "-s", "64k", "set.zip", *names], cwd=tmp_path, check=True, capture_output=True
    )  # fmt: skip
    for name in ("set.zip", "set.z01"):
        peek = Peek(run, tmp_path / name)
        assert sorted(peek.names()) == names
        assert peek.all_of(peek.entry("3.bin")) == noise(60_000, 3)
    (tmp_path / "set.z02").unlink()
    wish = m.LookInside(run.engine.number(), next(_looks), str(tmp_path / "set.zip"))
    assert refused(run, wish) is Code.VOLUME_MISSING


def test_what_is_asked_wrongly_is_refused(run: RunningEngine, tmp_path: Path) -> None:
    number = run.engine.number
    peek = Peek(run, zipped(tmp_path / "a.zip", FILES))
    look = peek.number
    (tmp_path / "no.zip").write_bytes(noise(5000, 1))
    for command, code in (
        (m.LookInside(number(), look, str(tmp_path / "a.zip")), Code.BAD_COMMAND),
        (m.LookInside(number(), 10**6, "a.zip"), Code.BAD_COMMAND),
        (m.LookInside(number(), 10**6 + 1, str(tmp_path / "none.zip")), Code.TARGET_MISSING),
        (m.LookInside(number(), 10**6 + 2, str(tmp_path / "no.zip")), Code.BAD_ARCHIVE),
        (m.ReadEntry(number(), look, 99), Code.BAD_COMMAND),
        (m.ListEntries(number(), 10**7), Code.BAD_COMMAND),
        (m.ListEntries(number(), look, encoding="rot13"), Code.BAD_COMMAND),
        (m.TakeOut(number(), look, [0], "out"), Code.BAD_COMMAND),
        (m.TakeOut(number(), look, list(range(1001)), str(tmp_path)), Code.BAD_COMMAND),
        (m.Rehearse(number(), UnpackWish(str(tmp_path), [])), Code.BAD_COMMAND),
        (m.FindArchives(number(), "relative"), Code.BAD_COMMAND),
        (m.ListLeftOut(number(), 99), Code.BAD_COMMAND),
    ):
        assert refused(run, command) is code, command
    missing = peek.take(tmp_path / "not there", 0)
    assert missing.problem is not None
    assert missing.problem.code is Code.TARGET_MISSING
    assert peek.all_of(peek.entry("readme.txt")) == b"hello", "and nothing is lost by it"


def test_another_entry_ends_the_one_before_and_a_save_can_be_halted(run: RunningEngine, tmp_path: Path) -> None:
    files = {f"{number}.bin": noise(1 << 20, number) for number in range(40)}
    peek = Peek(run, tarred(tmp_path / "a.tar.gz", files))
    # The answers come in the lane's order: the first was given up, or was done already.
    number = run.engine.number
    run.engine.send(m.ReadEntry(first := number(), peek.number, 39))
    assert peek.all_of(0) == files["0.bin"]
    answer = None
    while not (isinstance(answer, m.Answer) and answer.id == first):
        answer = run.engine.get(LONGEST)
    assert answer.refused is None or answer.refused.code is Code.STOPPED
    out = tmp_path / "out"
    out.mkdir()
    run.engine.send(m.TakeOut(number(), peek.number, list(range(40)), str(out)))
    run.engine.send(m.TakeOut(number(), peek.number, halt=True))
    assert peek.all_of(1) == files["1.bin"], "a read waits for the save, and comes"
    for path in out.iterdir():
        assert path.read_bytes() == files[path.name], "what lies there is whole"


# ---- unpacking -----------------------------------------------------------------------------------


def test_a_rehearsal_tells_what_it_would_be(run: RunningEngine, tmp_path: Path) -> None:
    zipped(tmp_path / "a.zip", FILES)

    def rehearsed(**more: object) -> Rehearsal:
        wish = UnpackWish(str(tmp_path), ["a.zip"], **more)  # type: ignore[arg-type]
        return run.ask(m.Rehearse(run.engine.number(), wish), Rehearsal)

    whole = rehearsed()
    assert (whole.entries, whole.bytes, whole.problem) == (4, sum(map(len, FILES.values())), None)
    assert whole.missing_bytes >= whole.bytes
    assert whole.free > whole.floor > 0
    assert set(whole.names) == set(FILES)
    labels = rehearsed(patterns=["*.json"])
    assert (labels.entries, labels.bytes) == (2, 8 + 13)
    assert set(labels.names) == {"자료/라벨/가.json", "자료/라벨/나.json"}
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("home", "a.zip")] == []


def over(run: RunningEngine, task: int) -> TaskRow:
    while (event := run.engine.get(LONGEST)) is not None:
        run.events.append(event)
        for row in event.tasks if isinstance(event, m.TaskChanged) else []:
            if row.id == task and row.state in TASK_ENDED:
                return row
    raise AssertionError("the task never ended")


@pytest.mark.skipif(sys.platform == "win32", reason="this system gives no links to everybody")
def test_what_was_left_out_is_told_with_its_reasons(run: RunningEngine, tmp_path: Path) -> None:
    folder = tmp_path / "받은 것"
    folder.mkdir()
    os.symlink("readme.txt", folder / "link")
    (folder / "readme.txt").write_bytes(b"1")
    command = [tool("zip"), "-q", "--symlinks", "../a.zip", "link", "readme.txt"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04" + noise(500, 1))
    entry = Entry("a.zip", "0" * 64, 1, "aihub", "1", False, "1", "a.zip", "length", "2026-01-02T03:04:05+00:00")
    Ledger(tmp_path).record([entry])
    assert run.ask(m.FindArchives(run.engine.number(), str(tmp_path)), m.Archives).places == ["a.zip"]
    wish = UnpackWish(str(tmp_path), ["a.zip", "bad.zip"])
    task = run.ask(m.Begin(run.engine.number(), unpack=wish), m.Begun).task
    row = over(run, task)
    told = run.ask(m.ListLeftOut(run.engine.number(), task), m.LeftOutRows)
    assert row.refused == 1
    assert (told.total, told.count) == (2, 2)
    link, bad = told.rows
    assert (link.archive, link.name, link.why) == ("a.zip", "link", Refusal.LINK)
    assert (bad.archive, bad.name) == ("bad.zip", "")
    assert bad.problem is not None
    assert bad.problem.code is Code.BAD_ARCHIVE
    assert run.ask(m.ListLeftOut(run.engine.number(), task, 1, 1), m.LeftOutRows).rows == [bad]
