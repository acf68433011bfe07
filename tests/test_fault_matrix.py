"""Every fault of the hub × where it strikes × on how many streams at once: right bytes, or the right error.

Each file is a zip that comes in five pieces. Either one file is received, or four on four streams that are under way
at the same moment (the hub makes sure of that), and then every one of the four is struck.

Where a fault strikes
    first, middle, last   in the middle of that piece; between: at the border of two pieces
    changed content       the same, counted in the file that is released anew while its first release is half received
    twice, reversed, …    a run of pieces: the first ones, the middle ones, the last ones; between: the border itself,
                          that is the first half comes once more before the second one, or all pieces are mixed up
    502, HTML, elsewhere  instead of an answer of the api: to the first, the second, the last request of a file whose
                          stream is cut twice; between: instead of the stream, after the api's redirect was given
    uuid refused          by the stream host, to those same requests; between: after a cut at the border of two pieces

What is right
    most                  the bytes, in the same run
    changed content       the bytes of the new release alone
    502, HTML, elsewhere  first the texts that heal are followed by one that lasts: the transfer ends in its error, and
                          nothing has a final name; once the hub is well again and the person says so, the bytes
    twice … slow          the bytes, by a single request

The table at the end of the run shows for each cell the outcome, and the bytes received / the bytes of the files.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from engines import RunningEngine
from ground import check_rest, journals, parts
from tables import cell

from aihub_desktop.demo import faults as f
from aihub_desktop.demo import tarball
from aihub_desktop.demo.answers import PAGE, Refusal
from aihub_desktop.demo.archives import Entry, zipped
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue, DemoFile
from aihub_desktop.demo.desk import Seen
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.states import TRANSFER_ENDED, TransferState
from aihub_desktop.system.words import Words

SEED: Final = 20261123
PIECE: Final = 1 << 16
_ENTRIES, _ENTRY = 30, 10_000  # of each zip: four whole pieces and one of 40 KB
_STREAMS: Final = (1, 4)


class Where(StrEnum):
    FIRST = "first"
    MIDDLE = "middle"
    LAST = "last"
    BETWEEN = "between"


# In the file, in bytes. The last piece ends with the directory of the zip, which its middle is well before.
_PLACES: Final = {
    Where.FIRST: PIECE // 2,
    Where.MIDDLE: PIECE * 5 // 2,
    Where.LAST: PIECE * 4 + 20_000,
    Where.BETWEEN: PIECE * 2,
}
_RUNS: Final = {Where.FIRST: (0, 3), Where.MIDDLE: (1, 4), Where.LAST: (2, 5), Where.BETWEEN: (0, 5)}
_TWICE: Final = {Where.FIRST: (0, 1), Where.MIDDLE: (2, 3), Where.LAST: (4, 5), Where.BETWEEN: (0, 2)}
_REQUESTS: Final = {Where.FIRST: 0, Where.MIDDLE: 1, Where.LAST: 2, Where.BETWEEN: 1}


def _entries(number: int) -> list[Entry]:
    noise = random.Random(SEED + number).randbytes
    return [Entry(name=f"음성/{place:03}.wav", data=noise(_ENTRY)) for place in range(_ENTRIES)]


def _path(number: int) -> str:
    return f"07.골목 소리/1.Training/원천 데이터/TS_{number}.zip"


CATALOGUE: Final = Catalogue.of({_path(number): zipped(_entries(number)) for number in range(4)})
FILES: Final = CATALOGUE.datasets[0].files


@cache
def released_anew(number: int, where: Where) -> bytes:
    """The zip with one other entry: the one that holds the byte at that place (and, between, the one before it)."""
    old, place = CATALOGUE.bytes_of(FILES[number].key), _PLACES[where]
    for hit, entry in enumerate(entries := _entries(number)):
        start = old.index(entry.data)
        if start < place < start + _ENTRY:
            entries[hit] = replace(entry, data=bytes(byte ^ 0xFF for byte in entry.data))
            new = zipped(entries)
            assert len(new) == len(old)
            assert new[: start - 1000] == old[: start - 1000]
            assert new[place - 1] != old[place - 1]
            assert new[place] != old[place]
            return new
    raise AssertionError(f"no entry holds byte {place}")


def offset_of(file: DemoFile, place: int) -> int:
    """Where in the hub's tar the byte at `place` of the file is: for the first of a piece, where its header begins."""
    offset = 0
    for member in tarball.pieces([file], PIECE):
        if place <= member.start:
            return offset
        offset += len(member.header())
        if place < member.stop:
            return offset + place - member.start
        offset += member.stop - member.start + -(member.stop - member.start) % tarball.BLOCK
    raise AssertionError(f"the file has no byte {place}")


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault about to hit one file."""

    number: int
    where: Where

    @property
    def offset(self) -> int:
        return offset_of(FILES[self.number], _PLACES[self.where])

    def cuts(self) -> list[f.Fault]:
        """The stream is cut twice, so that the file takes three requests."""
        places = (PIECE * 3 // 2, PIECE * 7 // 2) if self.where is not Where.BETWEEN else (PIECE * 2, PIECE * 3)
        offsets = [offset_of(FILES[self.number], place) for place in places]
        return [f.Cut(after=offset, skip=skip, times=1) for skip, offset in enumerate(offsets)]


def _at(strike: Strike) -> f.Place:
    return f.Place.STREAM if strike.where is Where.BETWEEN else f.Place.DOWN


def _twice(strike: Strike) -> list[f.Fault]:
    start, stop = _TWICE[strike.where]
    return [f.Twice(start=start, stop=stop)]


def _reversed(strike: Strike) -> list[f.Fault]:
    start, stop = _RUNS[strike.where]
    return [f.Reversed(start=start, stop=stop)]


def _shuffled(strike: Strike) -> list[f.Fault]:
    start, stop = _RUNS[strike.where]
    pieces = list(range(start, stop))
    orders = (seed for seed in range(SEED, SEED + 1000) if _is_mixed(random.Random(seed).sample(pieces, len(pieces))))
    return [f.Shuffled(seed=next(orders), start=start, stop=stop)]


def _is_mixed(order: list[int]) -> bool:
    return order not in (sorted(order), sorted(order, reverse=True)) and order[0] != min(order)


def _changed(strike: Strike) -> list[f.Fault]:
    new = released_anew(strike.number, strike.where)
    half = offset_of(FILES[strike.number], _HALF_RECEIVED)
    return [f.Cut(after=half, times=1), f.Replaced(contents={FILES[strike.number].key: new}, skip=1)]


def _texts(strike: Strike) -> list[f.Fault]:
    texts = (Refusal.UNKNOWN, Refusal.AT_ONCE, Refusal.CLOSED)
    skip = _REQUESTS[strike.where]
    heal = [f.Refuse(refusal=text, skip=skip + n, times=1, at=_at(strike)) for n, text in enumerate(texts)]
    return [*strike.cuts(), *heal, f.Refuse(refusal=Refusal.EXPIRED, skip=skip + len(texts), at=_at(strike))]


def _page(strike: Strike) -> list[f.Fault]:
    return [*strike.cuts(), f.Answer(skip=_REQUESTS[strike.where], at=_at(strike))]


def _elsewhere(strike: Strike) -> list[f.Fault]:
    away = f.Redirect(to="http://192.0.2.1/elsewhere", skip=_REQUESTS[strike.where], at=_at(strike))
    return [*strike.cuts(), away]


def _uuid(strike: Strike) -> list[f.Fault]:
    refused = f.Refuse(refusal=Refusal.NO_PAGE, skip=_REQUESTS[strike.where], times=1, at=f.Place.STREAM)
    return [*strike.cuts(), refused]


_HALF_RECEIVED: Final = PIECE * 4 + 30_000  # of a file that is then released anew: behind every place of a change


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A fault, and what is right. `told`: the codes that a person can see meanwhile, all of them and no others
    (`maybe` may be seen or not); `error`: what it ends in while it lasts; `requests`: streams for each file."""

    name: str
    faults: Callable[[Strike], list[f.Fault]]
    told: frozenset[Code] = frozenset()
    maybe: frozenset[Code] = frozenset()
    error: TransferState | None = None
    is_anew: bool = False
    requests: int | None = None
    stall_seconds: float = 30.0
    instead: bool = False  # of an answer

    def right(self, number: int, where: Where) -> bytes:
        return released_anew(number, where) if self.is_anew else CATALOGUE.bytes_of(FILES[number].key)


def _codes(*codes: Code) -> frozenset[Code]:
    return frozenset(codes)


ROWS: Final = (
    Row(
        name="cut", told=_codes(Code.CUT), requests=2,
        faults=lambda strike: [f.Cut(after=strike.offset, times=1)],
    ),
    Row(
        name="reset", told=_codes(Code.CUT), requests=2,
        faults=lambda strike: [f.Cut(after=strike.offset, times=1, way=f.Way.RESET)],
    ),
    Row(
        name="stall", told=_codes(Code.STALLED), requests=2, stall_seconds=0.5,
        faults=lambda strike: [f.Stall(after=strike.offset, times=1)],
    ),
    Row(
        name="short end", told=_codes(Code.SHORT), requests=2,
        faults=lambda strike: [f.ShortEnd(after=strike.offset, times=1)],
    ),
    Row(name="twice", faults=_twice, requests=1),
    Row(name="reversed", faults=_reversed, requests=1),
    Row(name="shuffled", faults=_shuffled, requests=1),
    Row(name="changed", faults=_changed, told=_codes(Code.CUT, Code.CHANGED), is_anew=True, requests=3),
    Row(
        # Twenty times the speed of a stall; the hub's own streams are as uneven.
        name="slow", requests=1, faults=lambda strike: [f.Stall(after=strike.offset, rate=400_000)],
    ),
    Row(
        name="502 texts", faults=_texts, told=_codes(Code.HUB_ERROR, Code.HUB_BUSY, Code.APPROVAL_EXPIRED),
        maybe=_codes(Code.CUT), error=TransferState.NEEDS_USER, instead=True,
    ),
    Row(
        name="HTML", faults=_page, told=_codes(Code.NOT_A_TAR),
        maybe=_codes(Code.CUT), error=TransferState.FAILED, instead=True,
    ),
    Row(
        name="elsewhere", faults=_elsewhere, told=_codes(Code.INSECURE),
        maybe=_codes(Code.CUT), error=TransferState.NEEDS_USER, instead=True,
    ),
    Row(name="uuid refused", faults=_uuid, told=_codes(Code.HUB_ERROR, Code.CUT), instead=True),
)  # fmt: skip


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIHUB_APIKEY", DEMO_KEY)


@pytest.fixture
def matrix_hub() -> Iterator[DemoHub]:
    with DemoHub(CATALOGUE, piece_size=PIECE) as hub:
        yield hub


Cell = tuple[Row, Where, int]
CELLS: Final[list[Cell]] = [(row, where, streams) for row in ROWS for where in Where for streams in _STREAMS]


@pytest.mark.parametrize("place", CELLS, ids=lambda cell: f"{cell[0].name}-{cell[1]}-{cell[2]}".replace(" ", "-"))
def test_right_bytes_or_the_right_error(
    matrix_hub: DemoHub, folder: Path, tmp_path: Path, record_property: Callable[[str, object], None], place: Cell
) -> None:
    row, where, streams = place
    numbers = range(streams)
    door = f.Place.DOWN if row.instead else f.Place.STREAM
    gate = matrix_hub.faults.add(f.Together(count=streams, at=door))
    for number in numbers:
        for fault in row.faults(Strike(number, where)):
            matrix_hub.faults.add(replace(fault, keys=frozenset({FILES[number].key})))
    right = {FILES[number].path.replace(" ", "_"): row.right(number, where) for number in numbers}
    with RunningEngine(
        tmp_path / "home", matrix_hub.url, patience=None,
        parallel=streams, bundle_files=1, mark_bytes=PIECE // 4, stall_seconds=row.stall_seconds,
    ) as run:  # fmt: skip
        transfer = run.add(folder, keys=[FILES[number].key for number in numbers])
        ended = run.wait_for(transfer, *TRANSFER_ENDED, TransferState.NEEDS_USER)
        assert gate.met.is_set(), "the streams were not under way at the same moment"
        if row.error is not None:
            assert ended.state is row.error, ended
            assert check_rest(folder, {}) == {}
            matrix_hub.faults.clear()
            again = m.Retry if row.error is TransferState.FAILED else m.Resume
            run.ask(again(run.engine.number(), [transfer]), type(None))
            ended = run.wait_for(transfer, TransferState.DONE)
        assert ended.state is TransferState.DONE, (ended, run.files(transfer))
        rows = run.files(transfer)
        told = problems(run)
    assert check_rest(folder, right) == right
    assert [*parts(folder), *journals(folder)] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted({"home", folder.name})
    assert {one.proof for one in rows} == {"archive"}
    assert row.told <= {problem.code for problem in told} <= row.told | row.maybe
    for problem in told:
        check_words(problem)
    check_bytes(row, matrix_hub, ended, right)
    record_property(
        *cell(
            "Fault matrix: outcome, and KB received / KB of the files, of one stream (×1) or four at once (×4)",
            row.name,
            f"{where} ×{streams}",
            f"{outcome(row)} {ended.received // 1000}/{ended.bytes // 1000}",
            (ROWS.index(row), list(Where).index(where) + 4 * _STREAMS.index(streams)),
        )
    )


def outcome(row: Row) -> str:
    if row.error is not None:
        return "error, right"
    return "right (new)" if row.is_anew else "right"


def problems(run: RunningEngine) -> list[Problem]:
    """All that a person could have seen of problems."""
    changes = [event for event in run.events if isinstance(event, m.Changed)]
    files = [row.problem for event in changes for row in event.files]
    transfers = [row.problem for event in changes for row in event.transfers]
    return [problem for problem in [*files, *transfers] if problem is not None]


def check_words(problem: Problem) -> None:
    titles = set()
    for language in ("ko", "en"):
        told = Words(language).problem(problem)
        assert told.title
        assert told.advice
        assert not {"{", "}", "[["} & set(told.title + told.advice)
        titles.add(told.title)
    assert len(titles) == 2


def check_bytes(row: Row, hub: DemoHub, ended: m.TransferRow, right: dict[str, bytes]) -> None:
    """Every byte received is one of the files, one that came again, one of a release that is gone, or tar around."""
    payload = sum(map(len, right.values()))
    assert ended.bytes == payload
    answers = [seen for seen in hub.requests if is_tar(seen)]
    sent = sum(seen.sent for seen in answers)
    gone = _HALF_RECEIVED * len(right) if row.is_anew else 0
    around = ended.received - payload - ended.again - gone
    members = len(tarball.pieces(FILES[:1], PIECE))
    # For each member a header, those of a long name, and the filling of its last block; "twice" sends them twice.
    most = len(answers) * (2 * members * 5 * tarball.BLOCK + 2 * tarball.BLOCK)
    # A change is noticed at the end of a durable piece; what had been received behind it by then is of no use.
    assert 0 <= around <= most + (payload if row.is_anew else 0)
    if row.name in ("reset", "changed") or row.error is TransferState.NEEDS_USER:
        assert ended.received <= sent  # the rest was under way when the connection or the transfer ended
    else:
        assert ended.received == sent
    if row.requests is not None:
        assert len(answers) == row.requests * len(right)


def is_tar(seen: Seen) -> bool:
    return seen.host == "stream" and seen.status == 200 and seen.sent != len(PAGE.encode())


@pytest.mark.parametrize("where", Where)
def test_a_place_in_the_tar_is_the_place_in_the_file(where: Where) -> None:
    """The faults strike where their names say: at the border of two pieces, or within one."""
    for file in FILES:
        pieces = tarball.pieces([file], PIECE)
        assert len(pieces) == 5
        tar = b"".join(map(bytes, tarball.blocks(pieces)))
        place = _PLACES[where]
        offset = offset_of(file, place)
        data = CATALOGUE.bytes_of(file.key)
        if where is Where.BETWEEN:
            assert tar[offset - 100 : offset] == data[place - 100 : place]
            assert tar[offset:].startswith(pieces[place // PIECE].header())
        else:
            assert tar[offset - 100 : offset + 100] == data[place - 100 : place + 100]
