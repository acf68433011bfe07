"""The manifest and the log: `sha256sum` is the judge, and no crash leaves a line that is not true."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tapes import sha256, work

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import Proof, Proved
from aihub_desktop.transport.ledger import Entry, Ledger, read_manifest
from aihub_desktop.transport.manifest import manifest_line, parse_manifest

FILES = {"라벨/파일 1.json": b"1", "a/b c/[x] (y) & 50% ~ +.zip": b"2", "d..e/f·g.csv": b"", "plain": b"4"}


def entry(place: str, data: bytes, **more: str) -> Entry:
    return Entry(
        place, sha256(data), len(data), "aihub", "7", False, more.get("key", "1"), place, "length", "2026-11-23", ""
    )


def lay(folder: Path, files: dict[str, bytes]) -> list[Entry]:
    for place, data in files.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(data)
    return [entry(place, data) for place, data in files.items()]


def manifest(folder: Path) -> Path:
    return folder / ".aihub" / "manifest-sha256.txt"


def log(folder: Path) -> Path:
    return folder / ".aihub" / "log.jsonl"


def sha256sum(folder: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("sha256sum")
    if program is None:
        pytest.skip("sha256sum is not installed here")
    command = [program, "--strict", "-c", ".aihub/manifest-sha256.txt"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)


def test_sha256sum_agrees(folder: Path) -> None:
    entries = lay(folder, FILES)
    ledger = Ledger(folder)
    ledger.record(entries[:1])
    ledger.record(entries[1:])
    done = sha256sum(folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(": OK") == len(FILES)
    (folder / "plain").write_bytes(b"5")
    assert sha256sum(folder).returncode == 1


def test_what_was_recorded_is_read_back(folder: Path) -> None:
    entries = lay(folder, FILES)
    Ledger(folder).record(entries)
    assert list(Ledger(folder).entries().values()) == entries
    assert [json.loads(line)["path"] for line in log(folder).read_text(encoding="utf-8").splitlines()] == list(FILES)


def test_an_entry_is_made_of_what_was_proved() -> None:
    one = work(3, "라벨/a b.zip", 5, key="77")
    made = Entry.of(one, Proved(1, 3, 5, "0" * 64, Proof.STRUCTURE, "encrypted"))
    assert (made.place, made.path, made.key, made.size) == ("라벨/a_b.zip", "라벨/a b.zip", "77", 5)
    assert (made.proof, made.note) == ("structure", "encrypted")
    assert made.at.endswith("+00:00")
    assert made.is_of(one.file)
    assert not made.is_of(work(3, "라벨/a b.zip", 5, key="78").file)


def test_nothing_is_written_for_nothing(folder: Path) -> None:
    Ledger(folder).record([])
    assert Ledger(folder).entries() == {}
    assert list(folder.iterdir()) == []


def test_recording_the_same_again_adds_no_line(folder: Path) -> None:
    entries = lay(folder, FILES)
    Ledger(folder).record(entries)
    before = manifest(folder).read_bytes()
    Ledger(folder).record(entries)
    assert manifest(folder).read_bytes() == before


def test_a_new_version_replaces_the_line(folder: Path) -> None:
    ledger = Ledger(folder)
    ledger.record(lay(folder, FILES))
    newer = lay(folder, {"plain": b"newer", "more": b"more"})
    ledger.record(newer)
    assert len(manifest(folder).read_bytes().splitlines()) == len(FILES) + 1
    assert sha256sum(folder).returncode == 0
    assert ledger.entries()["plain"] == newer[0]
    assert not (folder / ".aihub" / "manifest-sha256.txt.new").exists()


def test_two_ledgers_of_one_folder_see_each_other(folder: Path) -> None:
    entries = lay(folder, FILES)
    one, two = Ledger(folder), Ledger(folder)
    one.record(entries[:2])
    two.record(entries[2:])
    one.record([entry("plain", b"4")])
    assert set(one.entries()) == set(FILES)
    assert sha256sum(folder).returncode == 0


@pytest.mark.parametrize("place", ["가/b.csv", "a.csv.zip", "a.csv"])
def test_a_name_torn_into_that_of_something_else_is_cut_off(folder: Path, place: str) -> None:
    """The power went in the middle of a name, and what is left of it is the name of a folder or of another file."""
    kept, last = lay(folder, {"a.csv": b"1"} if place != "a.csv" else {"a": b"1"}) + lay(folder, {place: b"2"})
    Ledger(folder).record([kept])
    Ledger(folder).record([last])
    left = "가" if place.startswith("가") else kept.place
    text = manifest(folder).read_bytes()
    manifest(folder).write_bytes(text[: text.rindex(place.encode()) + len(left.encode())])
    assert set(Ledger(folder).entries()) == {kept.place}
    Ledger(folder).record([last])
    assert manifest(folder).read_bytes() == text
    assert sha256sum(folder).returncode == 0


@pytest.mark.parametrize("name", ["manifest-sha256.txt", "log.jsonl"])
@pytest.mark.parametrize("cut", [1, 30, 75])
def test_a_torn_last_line_is_cut_off(folder: Path, name: str, cut: int) -> None:
    entries = lay(folder, {"a": b"1", "b/c.json": b"2"})
    Ledger(folder).record(entries)
    path = folder / ".aihub" / name
    path.write_bytes(path.read_bytes()[:-cut])
    if name == "manifest-sha256.txt" and cut == 1:
        # The newline alone is missing, and the file that it names is there: the line is whole.
        assert Ledger(folder).entries()["b/c.json"] == entries[1]
    else:
        assert Ledger(folder).entries()["a"] == entries[0]
        assert entries[1] not in Ledger(folder).entries().values()
    Ledger(folder).record([entries[1], *lay(folder, {"d": b"3"})])
    assert list(Ledger(folder).entries().values())[:2] == entries
    assert sha256sum(folder).returncode == 0
    assert all(json.loads(line) for line in log(folder).read_bytes().splitlines())


def test_a_log_line_without_its_manifest_line_proves_nothing(folder: Path) -> None:
    entries = lay(folder, FILES)
    Ledger(folder).record(entries)
    manifest(folder).write_bytes(manifest_line("plain", sha256(b"4")))
    assert list(Ledger(folder).entries()) == ["plain"]


@pytest.mark.skipif(sys.platform == "win32", reason="there such names cannot be")
def test_a_manifest_of_sha256sum_is_understood(folder: Path) -> None:
    files = {"a b": b"1", "back\\slash": b"2", "new\nline": b"3", "라벨": b"4"}
    lay(folder, files)
    program = shutil.which("sha256sum")
    if program is None:
        pytest.skip("sha256sum is not installed here")
    done = subprocess.run([program, "-b", *files], cwd=folder, capture_output=True, check=True)
    (folder / ".aihub").mkdir()
    manifest(folder).write_bytes(b"# a comment\n" + done.stdout)
    assert Ledger(folder).entries() == {place: Entry(place, sha256(data)) for place, data in files.items()}
    # What is added leaves the other lines as they are.
    Ledger(folder).record([entry("a b", b"newer")])
    assert manifest(folder).read_bytes().startswith(b"# a comment\n")
    assert set(Ledger(folder).entries()) == set(files)


def test_a_log_that_cannot_be_read_costs_the_stories_only(folder: Path) -> None:
    Ledger(folder).record(lay(folder, {"a": b"1"}))
    log(folder).write_bytes(b'{"place": 7}\nnonsense\n\xff\n')
    assert Ledger(folder).entries() == {"a": Entry("a", sha256(b"1"))}


def test_names_are_kept_in_nfc(folder: Path) -> None:
    name = "한글.csv"
    Ledger(folder).record([entry(unicodedata.normalize("NFD", name), b"1")])
    assert list(Ledger(folder).entries()) == [unicodedata.normalize("NFC", name)]


@pytest.mark.parametrize("name", [".aihub", ".aihub/manifest-sha256.txt", ".aihub/log.jsonl"])
def test_links_are_not_followed(folder: Path, tmp_path: Path, name: str) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).symlink_to(other)
    with pytest.raises(ProblemError) as caught:
        Ledger(folder).record([entry("a", b"1")])
    assert caught.value.problem.code is Code.IN_THE_WAY
    assert list(other.iterdir()) == []


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_every_name_survives_its_line(place: str) -> None:
    lines = parse_manifest(manifest_line(place, "a" * 64))
    assert [(line.path, line.sha256) for line in lines] == [(place, "a" * 64)]


def test_there_may_be_no_manifest(folder: Path) -> None:
    assert read_manifest(folder) is None


def test_twenty_thousand_entries_in_small_turns_cost_each_what_the_first_ones_cost(folder: Path) -> None:
    """CPU alone: how long the disk takes for a sync is no matter of ours."""
    ledger, turn = Ledger(folder), 100
    seconds = []
    for start in range(0, 20_000, turn):
        entries = [entry(f"d/{number:05}.bin", b"") for number in range(start, start + turn)]
        began = time.process_time()
        ledger.record(entries)
        seconds.append(time.process_time() - began)
    first, last = sorted(seconds[1:51])[25] / turn, sorted(seconds[-50:])[25] / turn
    print(f"manifest: {first * 1e6:.0f} µs an entry at first, {last * 1e6:.0f} µs after 20,000")
    assert last < 3 * first + 10e-6
    assert len(Ledger(folder).entries()) == 20_000


def test_what_was_exchanged_is_remembered_as_gone(folder: Path) -> None:
    packed, inner = lay(folder, {"a.zip": b"packed", "b": b"inner"})
    ledger = Ledger(folder)
    ledger.record([packed])
    ledger.exchange(lambda: iter([inner]), ["a.zip"])
    for book in (ledger, Ledger(folder)):
        assert book.entries().keys() == {"b"}
        (gone,) = book.departed().values()
        assert (gone.place, gone.sha256, gone.gone) == ("a.zip", packed.sha256, True)
    # Received once more, it is there like any other file.
    ledger.record([packed])
    assert Ledger(folder).entries()["a.zip"] == packed
    assert Ledger(folder).departed() == {}


def test_what_others_record_during_an_exchange_stays(folder: Path) -> None:
    """To unpack and delete an archive reads for minutes, while downloads into the same folder come to their end."""
    packed, inner, *others = lay(folder, {"a.zip": b"packed", "b": b"inner", "c": b"1", "d": b"2", "e": b"3"})
    ledger, downloads = Ledger(folder), Ledger(folder)
    ledger.record([packed])

    def unpacked() -> Iterator[Entry]:
        downloads.record(others[:1])
        yield inner
        downloads.record(others[1:2])

    ledger.exchange(unpacked, ["a.zip"])
    downloads.record(others[2:])
    assert Ledger(folder).entries() == {one.place: one for one in (inner, *others)}
    assert Ledger(folder).departed().keys() == {"a.zip"}


def test_two_exchanges_at_once_are_kept_apart(folder: Path) -> None:
    one, two, inner = lay(folder, {"a.zip": b"1", "b.zip": b"2", "c": b"inner"})
    Ledger(folder).record([one, two])
    (folder / ".aihub/manifest-sha256.txt.next").write_bytes(b"left by a death")

    def unpacked() -> Iterator[Entry]:
        with pytest.raises(ProblemError) as caught:
            Ledger(folder).exchange(lambda: iter(()), ["b.zip"])
        assert caught.value.problem.code is Code.IN_USE
        yield inner

    Ledger(folder).exchange(unpacked, ["a.zip"])
    assert Ledger(folder).entries() == {"b.zip": two, "c": inner}
    Ledger(folder).exchange(lambda: iter(()), ["b.zip"])
    assert Ledger(folder).entries() == {"c": inner}


def test_writers_at_the_same_time_lose_nothing(folder: Path) -> None:
    """The engine, a worker that deletes an archive, and a command line in another process."""
    known = [entry(f"{number}", b"x") for number in range(90)]
    (folder / ".aihub").mkdir()

    def write(own: list[Entry]) -> None:
        ledger = Ledger(folder)
        for one in own:
            ledger.record([one])

    writers = [threading.Thread(target=write, args=(known[number::3],)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert Ledger(folder).entries() == {one.place: one for one in known}


def test_gone_counts_for_nothing_while_the_manifest_has_the_line(folder: Path) -> None:
    """The power went between the log and the manifest: the archive is there still."""
    (packed,) = lay(folder, {"a.zip": b"packed"})
    Ledger(folder).record([packed])
    before = manifest(folder).read_bytes()
    Ledger(folder).exchange(lambda: iter(()), ["a.zip"])
    manifest(folder).write_bytes(before)
    assert Ledger(folder).entries() == {"a.zip": packed}
    assert Ledger(folder).departed() == {}
