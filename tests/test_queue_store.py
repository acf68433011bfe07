"""The queue on disk: what goes in comes out, whole turns or none, and no file of someone else's is touched."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest
import queue_player
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from queue_player import code_of, file, files_of_turn, reopened, transfer

import aihub_desktop
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.filters import Filter
from aihub_desktop.domain.findings import Finding
from aihub_desktop.domain.holdings import Misfit, Summary, Verdict
from aihub_desktop.domain.messages import FileRow, TransferRow
from aihub_desktop.domain.model import (
    WEB,
    Algorithm,
    Checksum,
    Dataset,
    Origin,
    PieceHashes,
    RemoteFile,
    SizeRange,
)
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.domain.turns import GAP, Priority
from aihub_desktop.store import queue
from aihub_desktop.store.holdings import Held
from aihub_desktop.store.queue import QueueStore

COUNT: Final = st.integers(0, (1 << 63) - 1)
MOMENT: Final = st.floats(0, 1e11)
TEXT: Final = st.text()
PROBLEM: Final = st.builds(Problem, st.sampled_from(Code), st.dictionaries(TEXT, st.one_of(TEXT, COUNT), max_size=3))
CHECKSUM: Final = st.builds(Checksum, st.sampled_from(Algorithm), TEXT)
PIECES: Final = st.builds(PieceHashes, st.sampled_from(Algorithm), COUNT, st.lists(TEXT, max_size=2))
ORIGIN: Final = st.builds(
    Origin,
    st.lists(TEXT, max_size=3).map(tuple),
    TEXT,
    st.lists(CHECKSUM, max_size=2).map(tuple),
    st.none() | PIECES,
    COUNT,
)
DATASET: Final = st.builds(Dataset, TEXT, TEXT, TEXT, st.booleans())
TRANSFER: Final = st.builds(
    TransferRow,
    dataset=DATASET,
    state=st.sampled_from(TransferState),
    problem=st.none() | PROBLEM,
    **dict.fromkeys(("id", "files", "done", "failed", "skipped", "bytes", "low", "high", "received", "again"), COUNT),
    folder=TEXT,
    running=st.just(0),  # nothing runs when a queue is opened
    added_at=MOMENT,
    ended_at=st.none() | MOMENT,
    rank=st.integers(-(1 << 62), 1 << 62),
    priority=st.sampled_from(Priority),
)
FILE: Final = st.builds(
    FileRow,
    id=COUNT,
    transfer=st.just(1),
    file=st.builds(
        RemoteFile, TEXT, TEXT, TEXT, TEXT, st.builds(SizeRange, COUNT, COUNT, TEXT), st.booleans(), st.none() | ORIGIN
    ),
    place=TEXT,
    state=st.sampled_from(FileState),
    bytes=COUNT,
    size=st.none() | COUNT,
    sha256=TEXT,
    proof=TEXT,
    problem=st.none() | PROBLEM,
    attempts=COUNT,
    next_try=st.none() | MOMENT,
    rank=st.integers(-(1 << 62), 1 << 62),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[QueueStore]:
    opened = QueueStore(path)
    yield opened
    opened.close()


def player(*words: str | Path) -> list[str]:
    return [sys.executable, queue_player.__file__, *map(str, words)]


def surroundings() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(aihub_desktop.__file__).parents[1])}


# ---- rows ----------------------------------------------------------------------------------------


def test_a_new_queue_is_empty(store: QueueStore) -> None:
    assert store.transfers() == []
    assert store.files(1) == []
    assert store.last_file() == 0
    assert store.settings() == Settings()
    assert store.kept("datasets") is None


@given(
    st.lists(TRANSFER, max_size=4, unique_by=lambda row: row.id), st.lists(FILE, max_size=4, unique_by=lambda f: f.id)
)
@hypothesis_settings(max_examples=40)
def test_every_row_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, transfers: list[TransferRow], files: list[FileRow]
) -> None:
    path = tmp_path_factory.mktemp("rows") / "queue.sqlite3"
    owner = transfer(1)
    transfers = [owner, *(row for row in transfers if row.id != owner.id)]
    store = QueueStore(path)
    store.save(transfers, files, [], [])
    store.close()
    assert reopened(path) == (
        sorted(transfers, key=lambda row: row.id),
        sorted(files, key=lambda row: (row.rank, row.id)),
    )


def test_a_row_saved_again_takes_the_place_of_the_old(store: QueueStore, path: Path) -> None:
    store.save([transfer()], [file(1), file(2)], [], [])
    problem = Problem(Code.HUB_ERROR, {"status": 502, "text": "인증실패"})
    newer = msgspec.structs.replace(file(2), state=FileState.FAILED, problem=problem, size=7, next_try=9.5)
    store.save([transfer(received=9)], [newer], [], [])
    assert reopened(path) == ([transfer(received=9)], [file(1), newer])


def test_a_removed_transfer_takes_its_files_along(store: QueueStore, path: Path) -> None:
    store.save([transfer(1), transfer(2)], [file(1), file(2, owner=2)], [], [])
    store.save([], [], [1], [])
    assert reopened(path) == ([transfer(2)], [file(2, owner=2)])
    assert store.files(1) == []


def test_a_dropped_file_goes_alone(store: QueueStore, path: Path) -> None:
    store.save([transfer()], [file(1), file(2), file(3)], [], [])
    store.save([], [file(4)], [], [2])
    assert reopened(path) == ([transfer()], [file(1), file(3), file(4)])


def test_files_come_in_pages_in_the_order_that_they_have(store: QueueStore) -> None:
    store.save([transfer(1), transfer(2)], [file(key) for key in range(1, 11)] + [file(99, owner=2)], [], [])
    assert [row.id for row in store.files(1, offset=3, limit=4)] == [4, 5, 6, 7]
    assert [row.id for row in store.files(1, offset=8, limit=4)] == [9, 10]
    assert store.files(1, offset=10, limit=4) == []
    assert [row.id for row in store.files(1)] == list(range(1, 11))
    assert store.last_file() == 99
    moved = [msgspec.structs.replace(file(key), rank=rank) for key, rank in ((9, -1), (2, 5), (3, 5), (1, 6))]
    store.save([], moved, [], [])
    assert [row.id for row in store.files(1)] == [9, 4, 5, 6, 7, 8, 10, 2, 3, 1]
    assert [row.id for row in store.files(1, offset=7, limit=2)] == [2, 3]
    assert [row.id for row in store.files(1, limit=2, wanted=Filter.of(["가 1"], []))] == [10, 1]


def test_pages_are_read_by_the_index_of_their_order(path: Path) -> None:
    """Else each page of 100,000 files would be sorted anew."""
    QueueStore(path).close()
    opened = sqlite3.connect(path)
    plan = opened.execute(
        "EXPLAIN QUERY PLAN SELECT * FROM file WHERE transfer = 1 ORDER BY rank, id LIMIT 9"
    ).fetchall()
    opened.close()
    assert [step[3] for step in plan] == ["SEARCH file USING INDEX file_in_order (transfer=?)"]


@pytest.mark.parametrize(
    "bad",
    [
        msgspec.structs.replace(file(2), bytes=1 << 63),
        msgspec.structs.replace(file(2), place="\udcff"),
        file(2, owner=77),
    ],
    ids=["a number beyond SQLite's", "text that is no text", "a file of no transfer"],
)
def test_a_turn_that_cannot_be_written_leaves_nothing_and_the_next_one_can(
    store: QueueStore, path: Path, bad: FileRow
) -> None:
    store.save([transfer()], [file(1)], [], [])
    with pytest.raises((ProblemError, OverflowError, UnicodeEncodeError)):
        store.save([transfer(received=5), transfer(2)], [file(3), bad], [], [1])
    assert reopened(path) == ([transfer()], [file(1)])
    store.save([transfer(received=6)], [file(2)], [], [])
    assert reopened(path) == ([transfer(received=6)], [file(1), file(2)])


@pytest.mark.parametrize(
    ("table", "column"), [("transfer", "state"), ("file", "state"), ("file", "problem"), ("file", "origin")]
)
def test_a_row_that_this_version_cannot_read_is_a_broken_queue(
    store: QueueStore, path: Path, table: str, column: str
) -> None:
    store.save([transfer()], [file(1)], [], [])
    other = sqlite3.connect(path)
    other.execute(f"UPDATE {table} SET {column} = 'sleeping'")
    other.commit()
    other.close()
    assert code_of(lambda: reopened(path)) is Code.STORE_BROKEN


# ---- copies and settings -------------------------------------------------------------------------


def test_a_copy_is_kept_until_the_next(store: QueueStore) -> None:
    store.keep("datasets", b"\x00\xff one", 5.5)
    store.keep("tree/86", b"", 6.0)
    store.keep("datasets", b"two", 7.25)
    assert store.kept("datasets") == (b"two", 7.25)
    assert store.kept("tree/86") == (b"", 6.0)
    assert store.kept("tree/87") is None


def test_settings_come_back(store: QueueStore) -> None:
    chosen = Settings(parallel=9, spread=0.0, folder="D:\\받은 것")
    store.keep_settings(chosen, 5.0)
    assert store.settings() == chosen


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"parallel":9,"a setting of next year":{"deep":[1]}}', Settings(parallel=9)),
        (b'{"parallel":9}', Settings(parallel=9)),
        (b'{"parallel":9999,"folder":"/a"}', Settings(folder="/a")),
        (b'{"parallel":"many","stall_rate":7}', Settings(stall_rate=7)),
        (b'{"folder":null,"parallel":5}', Settings(parallel=5)),
        (b'{"spread":[],"mark_bytes":1e999,"parallel":5}', Settings()),
        (b"{}", Settings()),
        (b"[]", Settings()),
        (b"", Settings()),
        (b"\xff\x00", Settings()),
        (b'{"folder":"\xff"}', Settings()),
    ],
)
def test_a_setting_that_cannot_be_kept_falls_back_alone(store: QueueStore, body: bytes, expected: Settings) -> None:
    store.keep("settings", body, 5.0)
    assert store.settings() == expected


# ---- versions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_queue_of_a_newer_version_is_refused_untouched(path: Path, mode: str) -> None:
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA journal_mode = {mode}")
    newer.executescript("CREATE TABLE transfer (soul TEXT); PRAGMA user_version = 99;")
    newer.close()
    before = path.read_bytes()
    with pytest.raises(ProblemError) as caught:
        QueueStore(path)
    assert caught.value.problem == Problem(Code.STORE_NEWER, {"path": str(path), "version": 99})
    assert path.read_bytes() == before
    assert [left.name for left in path.parent.iterdir()] == [path.name]


def test_a_step_of_the_schema_keeps_the_rows_and_a_copy_of_the_old(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = QueueStore(path)
    store.save([transfer()], [file(1)], [], [])
    store.close()
    monkeypatch.setattr(queue, "_STEPS", (*queue._STEPS, "ALTER TABLE file ADD COLUMN colour TEXT;"))
    assert reopened(path) == ([transfer()], [file(1)])
    found = sqlite3.connect(path)
    assert found.execute("PRAGMA user_version").fetchone() == (len(queue._STEPS),)
    assert found.execute("SELECT colour FROM file").fetchall() == [(None,)]
    found.close()
    monkeypatch.undo()
    assert code_of(lambda: QueueStore(path)) is Code.STORE_NEWER
    assert reopened(path.with_name(f"{path.name}.v{len(queue._STEPS)}")) == ([transfer()], [file(1)])


def test_a_queue_of_before_the_volumes_was_begun_where_anything_had_come(path: Path) -> None:
    old = sqlite3.connect(path)
    old.executescript(f"{queue._STEPS[0]} PRAGMA user_version = 1;")
    for key, count in ((1, 0), (2, 5)):
        values = (key, "aihub", "86", "", 0, "/f", "queued", None, 2, 0, 0, 0, count, 10, 20, count, 0, 5.0, None)
        old.execute(f"INSERT INTO transfer VALUES ({', '.join('?' * len(values))})", values)
    old.commit()
    old.close()
    transfers, _ = reopened(path)
    assert [row.volume for row in transfers] == ["", "\n"]


def test_a_queue_of_before_the_ranges_keeps_its_files_which_are_the_hubs(path: Path) -> None:
    old = sqlite3.connect(path)
    for number, step in enumerate(queue._STEPS[:2]):
        old.executescript(f"{step} PRAGMA user_version = {number + 1};")
    values: tuple[object, ...] = (
        1, "aihub", "86", "", 0, "/f", "queued", None, 1, 0, 0, 0, 5, 10, 20, 5, 0, 5.0, None, "uuid:1",
    )  # fmt: skip
    old.execute(f"INSERT INTO transfer VALUES ({', '.join('?' * len(values))})", values)
    values = (7, 1, "aihub", "86", 0, "K7", "a.zip", 5, 10, "1 KB", "a.zip", "fetching", 5, None, "", "", None, 0, None)
    old.execute(f"INSERT INTO file VALUES ({', '.join('?' * len(values))})", values)
    old.commit()
    old.close()
    _, (row,) = reopened(path)
    assert row.file == RemoteFile("aihub", "86", "K7", "a.zip", SizeRange(5, 10, "1 KB"))
    assert sqlite_version(path) == len(queue._STEPS)
    assert sqlite_version(path.with_name(f"{path.name}.v2")) == 2, "the copy of before"
    remote = RemoteFile(WEB, "", "k", "b", SizeRange.exactly(1), origin=Origin())
    newer = msgspec.structs.replace(file(8), file=remote, rank=8 * GAP)
    store = QueueStore(path)
    store.save([], [newer], [], [])
    store.close()
    assert reopened(path)[1] == [row, newer]


def test_a_queue_of_before_the_library_gives_it_the_folders_that_hold_something(path: Path) -> None:
    old = sqlite3.connect(path)
    for number, step in enumerate(queue._STEPS[:3]):
        old.executescript(f"{step} PRAGMA user_version = {number + 1};")
    for key, folder, done in ((1, "/받은 것", 2), (2, "/nothing", 0), (3, "/받은 것", 5), (4, "/b", 1)):
        values: tuple[object, ...] = (
            key, "aihub", "86", "", 0, folder, "done", None, 5, done, 0, 0, 5, 10, 20, 5, 0, float(key), None, "",
        )  # fmt: skip
        old.execute(f"INSERT INTO transfer VALUES ({', '.join('?' * len(values))})", values)
    old.commit()
    old.close()
    store = QueueStore(path)
    assert [(held.folder, held.added_at) for held in store.holdings.all()] == [("/받은 것", 1.0), ("/b", 4.0)]
    assert [held.summary for held in store.holdings.all()] == [None, None]
    assert [row.unpack for row in store.transfers()] == [False] * 4
    store.close()
    assert sqlite_version(path.with_name(f"{path.name}.v3")) == 3, "the copy of before"


def test_a_queue_of_before_the_order_stands_as_it_was_asked_for(path: Path) -> None:
    old = sqlite3.connect(path)
    for number, step in enumerate(queue._STEPS[:4]):
        old.executescript(f"{step} PRAGMA user_version = {number + 1};")
    for key in (7, 2, 30):
        values: tuple[object, ...] = (
            key, "aihub", "86", "", 0, "/f", "queued", None, 5, 0, 0, 0, 5, 10, 20, 5, 0, 5.0, None, "", 0,
        )  # fmt: skip
        old.execute(f"INSERT INTO transfer VALUES ({', '.join('?' * len(values))})", values)
    old.commit()
    old.close()
    transfers, _ = reopened(path)
    assert [(row.id, row.rank, row.priority) for row in transfers] == [
        (key, key * GAP, Priority.NORMAL) for key in (2, 7, 30)
    ]
    assert sqlite_version(path.with_name(f"{path.name}.v4")) == 4, "the copy of before"


def test_files_of_before_their_order_come_as_they_were_asked_for(path: Path) -> None:
    old = sqlite3.connect(path)
    for number, step in enumerate(queue._STEPS[:5]):
        old.executescript(f"{step} PRAGMA user_version = {number + 1};")
    values: tuple[object, ...] = (
        1, "aihub", "86", "", 0, "/f", "queued", None, 3, 0, 0, 0, 5, 10, 20, 5, 0, 5.0, None, "", 0, GAP, "normal",
    )  # fmt: skip
    old.execute(f"INSERT INTO transfer VALUES ({', '.join('?' * len(values))})", values)
    for key in (7, 2, 30):
        place = f"{key}.zip"
        values = (key, 1, "aihub", "86", 0, f"K{key}", place, 5, 10, "1 KB", place, "waiting", 5, None, "", "", None, 0,
                  None, None)  # fmt: skip
        old.execute(f"INSERT INTO file VALUES ({', '.join('?' * len(values))})", values)
    old.commit()
    old.close()
    _, files = reopened(path)
    assert [(row.id, row.rank) for row in files] == [(key, key * GAP) for key in (2, 7, 30)]
    assert sqlite_version(path) == len(queue._STEPS)
    assert sqlite_version(path.with_name(f"{path.name}.v5")) == 5, "the copy of before"


def test_files_are_found_by_words_and_states(store: QueueStore) -> None:
    done = [msgspec.structs.replace(file(key), state=FileState.DONE) for key in (1, 2)]
    store.save([transfer(1), transfer(2)], [*done, file(3), file(21, owner=2)], [], [])
    by_word = Filter.of(["가 2"], [])
    assert [row.id for row in store.files(1, wanted=by_word)] == [2]
    assert store.count(by_word, [1, 2, 9]) == {1: 1, 2: 1}
    assert store.count(by_word, [2]) == {2: 1}
    waiting = Filter.of(["D/", ".ZIP"], [FileState.WAITING, FileState.FAILED])
    assert [row.id for row in store.files(1, wanted=waiting)] == [3]
    assert store.count(waiting, [1, 2]) == {1: 1, 2: 1}
    assert [row.id for row in store.files(1, 1, 1, Filter.of([], [FileState.DONE]))] == [2]
    assert store.count(Filter.of(["없음"], []), [1, 2]) == {}
    assert store.count(Filter(), [1]) == {1: 3}


def test_a_folder_of_the_library_comes_back_and_its_number_never_does(store: QueueStore, path: Path) -> None:
    shelf = store.holdings
    first = shelf.enter("/받은 것", 5.0)
    assert shelf.enter("/받은 것", 6.0) == first
    summary = Summary(Dataset("aihub", "86", "감성"), 1, 3, 7, proofs={"length": 3}, last_at=5.0, volume="uuid:1\n/")
    verdict = Verdict(9.0, True, {"ok": 2, "missing": 1}, [Misfit("가.zip", Finding.MISSING, -1, 0)])
    shelf.keep(Held(first, "/받은 것", 5.0, summary, verdict))
    other = QueueStore(path)
    assert other.holdings.all() == [Held(first, "/받은 것", 5.0, summary, verdict)]
    other.close()
    shelf.remove(first)
    assert shelf.all() == []
    assert shelf.enter("/받은 것", 7.0) > first


def test_a_summary_of_another_version_is_read_from_the_folder_again(store: QueueStore, path: Path) -> None:
    number = store.holdings.enter("/f", 5.0)
    other = sqlite3.connect(path)
    other.execute("UPDATE holding SET summary = '{\"files\": \"many\"}', verdict = 'x'")
    other.commit()
    other.close()
    assert store.holdings.all() == [Held(number, "/f", 5.0)]


def test_where_files_lie_and_what_was_asked_for_there(store: QueueStore) -> None:
    done = [msgspec.structs.replace(file(key), state=FileState.DONE) for key in (1, 2)]
    store.save([transfer()], [*done, file(3)], [], [])
    assert store.places(1, FileState.DONE) == ["d/가_1.zip", "d/가_2.zip"]
    assert [row.id for row in store.files_at("/받은 것", ["d/가_2.zip", "d/가_3.zip", "none"])] == [2, 3]
    assert store.files_at("/elsewhere", ["d/가_2.zip"]) == []


def sqlite_version(path: Path) -> int:
    with sqlite3.connect(path) as found:
        (version,) = found.execute("PRAGMA user_version").fetchone()
    found.close()
    return int(version)


def test_an_address_that_was_renewed_is_what_comes_back(store: QueueStore, path: Path) -> None:
    old, new = (
        RemoteFile(WEB, "", "https://h/a", "a", SizeRange.exactly(1), origin=Origin((f"https://h/a?sig={n}",)))
        for n in (1, 2)
    )
    store.save([transfer()], [msgspec.structs.replace(file(1), file=old)], [], [])
    store.save([], [msgspec.structs.replace(file(1), file=new)], [], [])
    assert [row.file for row in reopened(path)[1]] == [new]


def test_a_step_that_fails_leaves_the_version_before_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = QueueStore(path)
    store.save([transfer()], [file(1)], [], [])
    store.close()
    monkeypatch.setattr(queue, "_STEPS", (*queue._STEPS, "ALTER TABLE file ADD COLUMN colour TEXT; NONSENSE;"))
    assert code_of(lambda: QueueStore(path)) is Code.STORE_BROKEN
    monkeypatch.undo()
    assert reopened(path) == ([transfer()], [file(1)])


# ---- files that are no queue ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"this is no database" * 100, b"SQLite format 3\x00" + b"\xff" * 4096, b"\x00" * 9000]
)
def test_a_file_that_is_no_database_is_refused_untouched(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert code_of(lambda: QueueStore(path)) is Code.STORE_BROKEN
    assert path.read_bytes() == content


def test_someone_elses_database_is_refused(path: Path) -> None:
    other = sqlite3.connect(path)
    other.executescript("CREATE TABLE transfer (theirs TEXT); INSERT INTO transfer VALUES ('dear');")
    other.close()
    assert code_of(lambda: QueueStore(path)) is Code.STORE_BROKEN
    other = sqlite3.connect(path)
    assert other.execute("SELECT theirs FROM transfer").fetchall() == [("dear",)]
    other.close()


def test_damage_in_the_middle_is_found_when_it_is_read(path: Path) -> None:
    store = QueueStore(path)
    store.save([transfer()], [file(key) for key in range(1, 2000)], [], [])
    store.close()
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xa5" * (len(content) - 8192)
    path.write_bytes(content)
    assert code_of(lambda: reopened(path)) is Code.STORE_BROKEN


def test_an_empty_file_becomes_a_queue(path: Path) -> None:
    path.touch()
    assert reopened(path) == ([], [])


def test_a_folder_in_the_place_of_the_queue_is_refused(path: Path) -> None:
    path.mkdir()
    assert code_of(lambda: QueueStore(path)) is Code.NOT_WRITABLE


def test_a_queue_in_no_folder_is_refused(tmp_path: Path) -> None:
    assert code_of(lambda: QueueStore(tmp_path / "none" / "queue.sqlite3")) is Code.NOT_WRITABLE


# ---- a process that dies -------------------------------------------------------------------------


def test_a_kill_at_any_moment_leaves_whole_turns_and_all_that_were_durable(path: Path) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    dice = random.Random(seed)
    for _ in range(6):
        saving = subprocess.Popen(player("save", path), stdout=subprocess.PIPE, env=surroundings())
        assert saving.stdout is not None
        durable = [int(saving.stdout.readline()) for _ in range(dice.randrange(1, 20))]
        with pytest.raises(subprocess.TimeoutExpired):  # a moment within a turn: one takes a few milliseconds
            saving.wait(dice.uniform(0, 0.02))
        saving.kill()
        durable += map(int, saving.stdout.read().split())
        saving.stdout.close()
        saving.wait()
        (row,), files = reopened(path)
        assert row.received in (durable[-1], durable[-1] + 1)
        assert files == files_of_turn(row.received)


# ---- disks that refuse ---------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> list[str]:
    """The start of a command that runs the rest with a disk of 1 MiB at tmp_path / "disk"."""
    mount = tmp_path / "disk"
    mount.mkdir()
    script = f'mount -t tmpfs -o size=1m none "{mount}" && exec "$@"'
    start = ["unshare", "-Urm", "sh", "-c", script, "sh"]
    if shutil.which("unshare") is None or subprocess.run([*start, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a small disk of one's own needs unshare and the right to mount in a namespace (Linux)")
    return start


def played(command: list[str]) -> dict[str, str | None]:
    done = subprocess.run(command, capture_output=True, env=surroundings(), check=False, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, str | None] = json.loads(done.stdout)
    return found


def test_a_full_disk_costs_the_turn_and_nothing_before_it(small_disk: list[str], tmp_path: Path) -> None:
    found = played([*small_disk, *player("full", tmp_path / "disk")])
    full = ("a turn", "the next", "a copy", "a new queue")
    assert found == {**dict.fromkeys(full, Code.DISK_FULL.value), "with room": None}


def test_a_disk_that_cannot_be_written_is_said_to_be_so(small_disk: list[str], tmp_path: Path) -> None:
    found = played([*small_disk, *player("sealed", tmp_path / "disk")])
    assert found == dict.fromkeys(("the queue", "a new queue"), Code.NOT_WRITABLE.value)
