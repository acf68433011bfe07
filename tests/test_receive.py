"""One pass from the tar to the files: offsets, order, resumption, comparison, and every way to break off."""

from __future__ import annotations

import os
import random
import threading
import unicodedata
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tapes import News, Tape, order, pieces, receive, sha256, tar, work

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import AnyNews, FileReach, Reached, Safe
from aihub_desktop.sources.place import Body
from aihub_desktop.transport.journal import read_journal
from aihub_desktop.transport.receive import Reception

SEED = 20260301
KIB = 1 << 10


def noise(size: int, seed: int = SEED) -> bytes:
    return random.Random(seed).randbytes(size)


def part(folder: Path, place: str = "d/a_b.zip") -> bytes:
    return (folder / f"{place}.part").read_bytes()


def coverage(folder: Path, place: str = "d/a_b.zip") -> list[tuple[int, int]]:
    state = read_journal(folder / f"{place}.part.journal")
    return [(piece.start, piece.stop) for piece in state.pieces] if state else []


def test_pieces_become_one_file_without_a_tar_on_disk(folder: Path) -> None:
    data = noise(300 * KIB)
    news = receive(order(folder, [work(1, "d/a b.zip", len(data))]), tar(pieces("d/a_b.zip", data, 100 * KIB)))
    assert news.ended is None
    assert news.whole == {1: (len(data), sha256(data))}
    assert part(folder) == data
    state = read_journal(folder / "d/a_b.zip.part.journal")
    assert state is not None
    assert state.whole is not None
    assert (state.whole.size, state.whole.sha256) == (len(data), sha256(data))
    assert sorted(path.name for path in folder.rglob("*")) == ["a_b.zip.part", "a_b.zip.part.journal", "d"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), size=st.integers(1, 60_000), piece=st.integers(4096, 30_000), cut=st.integers(1, 70_000))
def test_every_order_and_cutting_of_pieces_gives_the_same_file(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, size: int, piece: int, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("any")
    content = noise(size)
    members = pieces("a.zip", content, piece)
    times = data.draw(st.integers(1, 2))
    shuffled = data.draw(st.permutations(members * times))
    # Bytes of small reads cost time: as many as a few hundred are enough.
    tape = Tape(tar(shuffled), cut=max(cut, size * times // 200))
    mark = data.draw(st.integers(1, 80_000))
    news = receive(order(folder, [work(1, "a.zip", size, slack=size)], mark_bytes=max(mark, size // 50)), tape)
    assert news.whole == {1: (size, sha256(content))}
    assert part(folder, "a.zip") == content
    assert news.new == size
    assert news.again == size * (times - 1)


@pytest.mark.parametrize("name", ["a b.zip", "./a b.zip.part0", "a_b.zip.part0", "a_b.zip"])
def test_spellings_of_a_name(folder: Path, name: str) -> None:
    news = receive(order(folder, [work(1, "a b.zip", 3)]), tar([(name, b"abc")]))
    assert news.whole == {1: (3, sha256(b"abc"))}
    assert part(folder, "a_b.zip") == b"abc"


def test_names_match_whatever_their_unicode_form(folder: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "한글.csv") for form in ("NFC", "NFD"))
    news = receive(order(folder, [work(1, decomposed, 3)]), tar([(f"{composed}.part0", b"abc")]))
    assert news.whole[1] == (3, sha256(b"abc"))
    assert (folder / f"{composed}.part").exists()


def test_an_index_in_place_of_offsets_is_accepted_where_sizes_prove_it(folder: Path) -> None:
    data = noise(25_000)
    members = [(f"a.zip.part{index}", data[index * 10_000 : (index + 1) * 10_000]) for index in range(3)]
    news = receive(order(folder, [work(1, "a.zip", len(data))]), tar(members * 2))
    assert news.whole == {1: (len(data), sha256(data))}
    assert news.again == len(data)


def test_a_piece_whose_place_nothing_proves_is_refused(folder: Path) -> None:
    data = noise(20_000)
    members = [("a.zip.part7", data[:10_000]), ("b.zip.part0", b"ok")]
    news = receive(order(folder, [work(1, "a.zip", 20_000), work(2, "b.zip", 2)]), tar(members))
    assert news.failed == {1: Code.MISPLACED}
    assert set(news.whole) == {2}
    assert not (folder / "a.zip.part").exists()


def test_a_bundle_of_many_small_files(folder: Path) -> None:
    files = {f"d/{number}/small {number}.json": noise(number * 37, number) for number in range(50)}
    members = [(f"{path.replace(' ', '_')}.part0", data) for path, data in files.items()]
    works = [work(number, path, len(data)) for number, (path, data) in enumerate(files.items())]
    news = receive(order(folder, works), tar(members))
    assert news.ended is None
    assert news.whole == {number: (len(data), sha256(data)) for number, data in enumerate(files.values())}
    for path, data in files.items():
        assert part(folder, path.replace(" ", "_")) == data


def test_an_empty_file(folder: Path) -> None:
    news = receive(order(folder, [work(1, "a.csv", 0)]), tar([("a.csv.part0", b"")]))
    assert news.whole == {1: (0, sha256(b""))}
    assert part(folder, "a.csv") == b""
    again = receive(order(folder, [work(1, "a.csv", 0)]), b"never asked for")
    assert again.whole == news.whole


def test_members_nobody_asked_for_are_passed_over(folder: Path) -> None:
    members = [("other.zip.part0", noise(5000)), ("a.zip.part0", b"abc"), ("x/y.csv", b"1")]
    news = receive(order(folder, [work(1, "a.zip", 3)]), tar(members))
    assert news.whole == {1: (3, sha256(b"abc"))}
    assert sorted(path.name for path in folder.iterdir()) == ["a.zip.part", "a.zip.part.journal"]


def test_a_file_that_never_comes(folder: Path) -> None:
    news = receive(order(folder, [work(1, "a.zip", 3), work(2, "b.zip", 3)]), tar([("b.zip.part0", b"abc")]))
    assert (news.failed, set(news.whole), news.ended) == ({1: Code.MISSING_MEMBER}, {2}, None)


@pytest.mark.parametrize("gap", [0, 1, 2])
def test_a_missing_piece_is_short_and_what_came_is_kept(folder: Path, gap: int) -> None:
    data = noise(30_000)
    members = pieces("d/a_b.zip", data, 10_000)
    short = receive(order(folder, [work(1, "d/a b.zip", len(data))]), tar(members[:gap] + members[gap + 1 :]))
    assert (short.failed, short.whole, short.new) == ({1: Code.SHORT}, {}, 20_000)
    rest = receive(order(folder, [work(1, "d/a b.zip", len(data))]), tar(members[gap : gap + 1]))
    assert rest.whole == {1: (len(data), sha256(data))}
    assert (rest.new, rest.again) == (10_000, 0)
    assert part(folder) == data


def test_a_file_larger_than_the_tree_allows_is_not_written_beyond(folder: Path) -> None:
    data = noise(30_000)
    news = receive(order(folder, [work(1, "a.zip", 25_000)]), tar(pieces("a.zip", data, 10_000)))
    assert news.failed == {1: Code.WRONG_SIZE}
    assert len(part(folder, "a.zip")) == 20_000
    far = receive(order(folder, [work(2, "b.zip", 25_000)]), tar([("b.zip.part999999999999", b"far")]))
    assert far.failed == {2: Code.WRONG_SIZE}
    assert not (folder / "b.zip.part").exists()


def test_the_end_of_the_tar_must_be_seen(folder: Path) -> None:
    data = noise(20_000)
    news = receive(order(folder, [work(1, "a.zip", len(data))]), tar(pieces("a.zip", data, 10_000), end=False))
    assert (news.code, news.whole, news.new) == (Code.SHORT, {}, 20_000)


def test_what_follows_the_end_does_no_harm(folder: Path) -> None:
    stream = tar([("a.zip.part0", b"abc")]) + b"\xa5" * 3_000_000
    news = receive(order(folder, [work(1, "a.zip", 3)]), stream)
    assert (news.ended, set(news.whole)) == (None, {1})


def test_text_in_place_of_a_tar_is_never_written(folder: Path) -> None:
    page = b"<!DOCTYPE html><html><body>login</body></html>" * 50
    news = receive(order(folder, [work(1, "a.zip", 3)]), page)
    assert news.code is Code.NOT_A_TAR
    told = receive(
        order(folder, [work(1, "a.zip", 3)]), "AI 허브는 해외에서의 데이터 다운로드를 제한하고 있습니다.".encode()
    )
    assert told.code is Code.ABROAD
    assert list(folder.iterdir()) == []


def test_a_broken_header_keeps_what_came(folder: Path) -> None:
    data = noise(20_000)
    stream = bytearray(tar(pieces("a.zip", data, 10_240)))
    stream[512 + 10_240 + 150] ^= 1
    news = receive(order(folder, [work(1, "a.zip", len(data))]), bytes(stream))
    assert (news.code, news.new) == (Code.BROKEN_TAR, 10_240)


@pytest.mark.parametrize("ending", ["cut", "clean"])
def test_a_broken_stream_is_resumed_and_nothing_is_written_twice(folder: Path, ending: str) -> None:
    rng = random.Random(SEED)
    print("seed", SEED)
    data = noise(400 * KIB)
    stream = tar(pieces("d/a_b.zip", data, 90 * KIB))
    task = order(folder, [work(1, "d/a b.zip", len(data))], mark_bytes=50 * KIB)
    written, place = 0, 0
    while (place := place + rng.randrange(20 * KIB, 150 * KIB)) < len(data):
        news = receive(task, Tape(stream[:place], ending=ending, cut=7777))
        assert news.code is (Code.CUT if ending == "cut" else Code.SHORT)
        assert news.again == written
        written += news.new
        assert sum(stop - start for start, stop in coverage(folder)) == written
    last = receive(task, Tape(stream, cut=8888))
    assert last.whole == {1: (len(data), sha256(data))}
    assert written + last.new == len(data)
    assert last.again == written
    assert part(folder) == data


def test_what_is_whole_is_told_without_asking_the_hub(folder: Path) -> None:
    data = noise(5000)
    task = order(folder, [work(1, "a.zip", len(data))])
    first = receive(task, tar(pieces("a.zip", data, 5000)))
    told: list[AnyNews] = []

    def never() -> Body:
        raise AssertionError("the hub was asked")

    Reception(task, never, told.append).run()
    assert News(told).whole == first.whole
    assert News(told).ended is None


def test_a_changed_source_drops_all_pieces(folder: Path) -> None:
    data = noise(200 * KIB)
    stream = tar(pieces("d/a_b.zip", data, 50 * KIB))
    changed = bytearray(data)
    changed[70 * KIB] ^= 1
    task = order(folder, [work(1, "d/a b.zip", len(data)), work(2, "b.csv", 2)])
    receive(task, Tape(stream[: 120 * KIB], ending="cut"))
    assert coverage(folder)
    news = receive(task, tar([*pieces("d/a_b.zip", bytes(changed), 50 * KIB), ("b.csv.part0", b"ok")]))
    assert news.failed == {1: Code.CHANGED}
    assert set(news.whole) == {2}
    assert coverage(folder) == []
    assert not (folder / "d/a_b.zip.part").exists()
    anew = receive(task, tar(pieces("d/a_b.zip", bytes(changed), 50 * KIB)))
    assert anew.whole[1] == (len(data), sha256(bytes(changed)))
    assert part(folder) == changed


def test_a_changed_source_is_seen_in_pieces_that_pass_in_part(folder: Path) -> None:
    data = noise(50_000)
    task = order(folder, [work(1, "a.zip", len(data), slack=50_000)])
    receive(task, tar(pieces("a.zip", data, 50_000), end=False))
    shorter = data[:100] + b"?" + data[101:30_000]
    assert receive(task, tar(pieces("a.zip", shorter, 50_000))).failed == {1: Code.CHANGED}


def test_a_second_copy_that_differs_is_refused(folder: Path) -> None:
    data = noise(30_000)
    members = pieces("a.zip", data, 10_000)
    bad = [(name, content[:-1] + bytes([content[-1] ^ 1])) for name, content in members]
    news = receive(order(folder, [work(1, "a.zip", len(data))]), tar([*members, bad[1]]))
    assert news.failed == {1: Code.OVERLAPPING}
    assert coverage(folder, "a.zip") == []


@pytest.mark.parametrize("differs", [False, True])
def test_pieces_that_overlap_in_part(folder: Path, differs: bool) -> None:
    data = noise(30_000)
    second = (b"?" if differs else data[9_000:9_001]) + data[9_001:]
    news = receive(
        order(folder, [work(1, "a.zip", len(data))]), tar([("a.zip.part0", data[:10_000]), ("a.zip.part9000", second)])
    )
    if differs:
        assert news.failed == {1: Code.OVERLAPPING}
    else:
        assert news.whole == {1: (len(data), sha256(data))}
        assert news.again == 1000


def test_a_piece_that_the_disk_lost_is_written_again(folder: Path) -> None:
    data = noise(200 * KIB)
    stream = tar(pieces("d/a_b.zip", data, 50 * KIB))
    task = order(folder, [work(1, "d/a b.zip", len(data))])
    receive(task, Tape(stream[: 160 * KIB], ending="cut"))
    with (folder / "d/a_b.zip.part").open("r+b") as file:
        file.seek(60 * KIB)
        file.write(b"decay")
    news = receive(task, stream)
    assert news.whole == {1: (len(data), sha256(data))}
    assert part(folder) == data
    assert news.failed == {}


def test_a_part_cut_short_by_someone_is_filled_again(folder: Path) -> None:
    data = noise(100 * KIB)
    stream = tar(pieces("d/a_b.zip", data, 50 * KIB))
    task = order(folder, [work(1, "d/a b.zip", len(data))])
    receive(task, stream)
    with (folder / "d/a_b.zip.part").open("r+b") as file:
        file.truncate(70 * KIB)
    news = receive(task, stream)
    assert news.whole == {1: (len(data), sha256(data))}
    assert part(folder) == data
    # Also where the bytes that were lost do not come a second time.
    with (folder / "d/a_b.zip.part").open("r+b") as file:
        file.truncate(70 * KIB)
    assert receive(task, tar(pieces("d/a_b.zip", data, 50 * KIB)[:1])).failed == {1: Code.SHORT}


def test_bytes_beyond_the_end_are_cut_off(folder: Path) -> None:
    """A run was killed after it wrote what it had not claimed yet, and the hub has other bytes now."""
    data = noise(30_000)
    task = order(folder, [work(1, "a.zip", 30_000, slack=20_000)])
    receive(task, Tape(tar(pieces("a.zip", data, 30_000))[:20_000], ending="cut"))
    with (folder / "a.zip.part").open("ab") as file:
        file.write(b"?" * 25_000)
    news = receive(task, tar(pieces("a.zip", data, 30_000)))
    assert news.whole == {1: (30_000, sha256(data))}
    assert part(folder, "a.zip") == data


def test_pieces_of_another_file_are_dropped_before_the_first_byte(folder: Path) -> None:
    old, new = noise(40_000), noise(40_000, 2)
    receive(order(folder, [work(1, "a.zip", 40_000, key="old")]), Tape(tar(pieces("a.zip", old, 20_000))[:30_000]))
    news = receive(order(folder, [work(1, "a.zip", 40_000, key="new")]), tar(pieces("a.zip", new, 20_000)))
    assert (news.whole, news.again) == ({1: (40_000, sha256(new))}, 0)
    state = read_journal(folder / "a.zip.part.journal")
    assert state is not None
    assert state.identity.key == "new"


def test_a_stray_part_without_a_journal_is_not_believed(folder: Path) -> None:
    other = folder / "mine"
    other.write_bytes(b"x" * 50_000)
    (folder / "a.zip.part").hardlink_to(other)
    data = noise(20_000)
    news = receive(order(folder, [work(1, "a.zip", 20_000)]), tar(pieces("a.zip", data, 20_000)))
    assert news.whole == {1: (20_000, sha256(data))}
    assert part(folder, "a.zip") == data
    assert other.read_bytes() == b"x" * 50_000


def test_marks_come_by_bytes_and_by_time(folder: Path) -> None:
    data = noise(100_000)
    stream = tar(pieces("a.zip", data, 100_000))
    by_bytes = receive(order(folder, [work(1, "a.zip", 100_000)], mark_bytes=30_000), Tape(stream, cut=10_000))
    assert len(by_bytes.of(Safe)) >= 3
    safe = by_bytes.of(Safe)
    assert [news.bytes for news in safe] == [sum(one.new for one in safe[: n + 1]) for n in range(len(safe))]
    by_time = receive(
        order(folder, [work(2, "b.zip", 100_000)], mark_seconds=0.0),
        Tape(tar(pieces("b.zip", data, 100_000)), cut=10_000),
    )
    assert len(by_time.of(Safe)) >= 10


def test_a_stall_is_given_up_and_what_came_is_durable(folder: Path) -> None:
    data = noise(50_000)
    tape = Tape(tar(pieces("a.zip", data, 50_000))[:30_000], ending="stall")
    news = receive(order(folder, [work(1, "a.zip", 50_000)], stall_seconds=0.2, stall_rate=50_000), tape)
    assert news.code is Code.STALLED
    assert news.new == 30_000 - 512
    assert tape.closed


def test_a_pause_makes_old_bytes_durable_while_nothing_comes(folder: Path) -> None:
    data = noise(50_000)
    marked = threading.Event()
    tape = Tape(tar(pieces("a.zip", data, 50_000))[:30_000], ending="stall")
    told: list[AnyNews] = []

    def hear(news: AnyNews) -> None:
        told.append(news)
        if isinstance(news, Safe):
            marked.set()

    task = order(folder, [work(1, "a.zip", 50_000)], mark_seconds=0.1)
    reception = Reception(task, lambda: tape, hear)
    thread = threading.Thread(target=reception.run)
    thread.start()
    assert marked.wait(10)
    reception.drop()
    thread.join(10)
    assert not thread.is_alive()
    assert News(told).ended is None


@pytest.mark.parametrize("when", ["before", "connecting", "middle"])
def test_drop_keeps_what_came_and_says_so(folder: Path, when: str) -> None:
    data = noise(100_000)
    told: list[AnyNews] = []
    stream = tar(pieces("a.zip", data, 100_000))[:60_000]

    def stop() -> None:
        reception.drop()

    tape = Tape(stream, cut=10_000, ending="stall", at={60_000: stop} if when == "middle" else {})

    def connect() -> Body:
        if when == "connecting":
            reception.drop()
        return tape

    reception = Reception(order(folder, [work(1, "a.zip", 100_000)]), connect, told.append)
    if when == "before":
        reception.drop()
    reception.run()
    news = News(told)
    assert news.ended is None
    assert news.new == (60_000 - 512 if when == "middle" else 0)
    assert tape.closed is (when != "before")


def test_drop_does_not_wait_until_a_large_file_is_read_back(folder: Path) -> None:
    data = noise(100_000)
    stream = tar(pieces("a.zip", data, 40_000)[::-1])
    told: list[AnyNews] = []

    def stop() -> None:
        reception.drop()

    reception = Reception(
        order(folder, [work(1, "a.zip", 100_000)]), lambda: Tape(stream, at={len(stream): stop}), told.append
    )
    reception.run()
    assert (News(told).whole, News(told).failed, News(told).ended) == ({}, {}, None)
    assert News(told).new == len(data)
    assert receive(order(folder, [work(1, "a.zip", 100_000)]), stream).whole == {1: (100_000, sha256(data))}


def test_a_problem_of_the_hub_ends_the_lease(folder: Path) -> None:
    told: list[AnyNews] = []

    def refuse() -> Body:
        raise ProblemError(Code.NOT_APPROVED)

    Reception(order(folder, [work(1, "a.zip", 3)]), refuse, told.append).run()
    assert News(told).code is Code.NOT_APPROVED


def test_a_bug_is_told_as_one_and_logged(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    told: list[AnyNews] = []

    def break_down() -> Body:
        raise LookupError("a-key")

    Reception(order(folder, [work(1, "a.zip", 3)]), break_down, told.append).run()
    problem = News(told).ended
    assert problem is not None
    assert (problem.code, problem.facts) == (Code.BUG, {"why": "LookupError"})
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_news_of_the_reach_counts_distinct_bytes(folder: Path) -> None:
    data = noise(30_000)
    news = receive(order(folder, [work(1, "a.zip", 30_000)]), tar(pieces("a.zip", data, 10_000) * 2))
    last = news.of(Reached)[-1]
    assert last.files == [FileReach(1, 30_000, 30_000)]
    assert last.received == len(tar(pieces("a.zip", data, 10_000) * 2))


def test_two_files_of_one_name_are_not_mixed(folder: Path) -> None:
    task = order(folder, [work(1, "a b.zip", 3), work(2, "a_b.zip", 3)])
    news = receive(task, tar([("a_b.zip.part0", b"abc")]))
    assert (set(news.whole), news.failed) == ({1}, {2: Code.NAME_CLASH})


def test_a_folder_that_is_missing_is_not_made(tmp_path: Path) -> None:
    """Its drive may be away; a folder in its place would fill another one."""
    gone = tmp_path / "drive" / "folder"
    news = receive(order(gone, [work(1, "a.zip", 3)]), tar([("a.zip.part0", b"abc")]))
    assert news.code is Code.TARGET_MISSING
    assert not gone.parent.exists()


def test_a_folder_on_another_device_is_left_alone(folder: Path) -> None:
    here = os.stat(folder).st_dev
    task, stream = order(folder, [work(1, "a.zip", 3)]), tar([("a.zip.part0", b"abc")])
    news = receive(msgspec.structs.replace(task, device=here + 1), stream)
    assert news.code is Code.DRIVE_MISSING
    assert not list(folder.iterdir())
    assert set(receive(msgspec.structs.replace(task, device=here), stream).whole) == {1}
