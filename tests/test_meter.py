"""Speeds of files, transfers and everything, from what the records say."""

from __future__ import annotations

import pytest

from aihub_desktop.domain.messages import Progress
from aihub_desktop.domain.model import HUB, Dataset, RemoteFile, SizeRange
from aihub_desktop.engine.meter import Meter
from aihub_desktop.engine.records import Book, FileRecord, Moment, TransferRecord

MB = 1_000_000


def queue() -> tuple[Book, list[TransferRecord], list[FileRecord]]:
    """Two transfers of one file each, of 1000 MB."""
    book = Book()
    transfers = [book.new_transfer(Dataset(HUB, key, ""), f"/{key}", Moment(0.0, 0.0)) for key in "12"]
    size = SizeRange(900 * MB, 1100 * MB, "")
    return book, transfers, [book.new_file(one, RemoteFile(HUB, "1", "K", "a", size), "a") for one in transfers]


def read(meter: Meter, files: list[FileRecord], transfers: list[TransferRecord], now: float) -> Progress:
    return meter.read(1, files, transfers, now)


def test_nothing_moves_at_first() -> None:
    _, transfers, files = queue()
    transfers[0].received = 500 * MB  # of an earlier run: no speed of this one
    progress = read(Meter(), files, transfers, 50.0)
    assert progress.rate == 0
    assert [row.rate for row in progress.files] == [0, 0]
    assert [row.left for row in progress.transfers] == [None, None]


def test_speeds_and_counts_are_those_of_the_records() -> None:
    book, transfers, files = queue()
    meter = Meter()
    for tick in range(601):
        for file, transfer, speed in zip(files, transfers, (4, 2), strict=True):
            book.reach(file, tick * speed * MB // 10, 0)
            transfer.received = tick * speed * MB // 10
        progress = read(meter, files, transfers, 100 + tick / 10)
    assert progress.seq == 1
    assert progress.rate == pytest.approx(6 * MB, rel=0.01)
    assert [row.rate for row in progress.files] == pytest.approx([4 * MB, 2 * MB], rel=0.01)
    assert [row.rate for row in progress.transfers] == pytest.approx([4 * MB, 2 * MB], rel=0.01)
    assert [(row.file, row.transfer, row.bytes, row.again) for row in progress.files] == [
        (files[0].id, transfers[0].id, 240 * MB, 0),
        (files[1].id, transfers[1].id, 120 * MB, 0),
    ]
    assert [(row.transfer, row.bytes, row.received) for row in progress.transfers] == [
        (transfers[0].id, 240 * MB, 240 * MB),
        (transfers[1].id, 120 * MB, 120 * MB),
    ]
    assert progress.transfers[0].left == pytest.approx(760 / 4, rel=0.01)


def test_bytes_that_come_again_are_movement_of_the_file_and_not_nearer_to_the_end() -> None:
    book, transfers, files = queue()
    meter = Meter()
    book.reach(files[0], 300 * MB, 0)
    for tick in range(601):
        book.reach(files[0], 300 * MB, tick * MB // 10)
        transfers[0].received = transfers[0].again = tick * MB // 10
        progress = read(meter, files[:1], transfers[:1], tick / 10)
    assert progress.files[0].rate == pytest.approx(MB, rel=0.01)
    assert (progress.files[0].bytes, progress.files[0].again) == (300 * MB, 60 * MB)
    assert progress.transfers[0].again == 60 * MB
    assert progress.transfers[0].left == pytest.approx(700, rel=0.01)


def test_a_count_that_falls_is_no_speed() -> None:
    book, transfers, files = queue()
    meter = Meter()
    book.reach(files[0], 500 * MB, 0)
    read(meter, files, transfers, 0.0)
    book.reach(files[0], 0, 0)
    assert read(meter, files, transfers, 1.0).files[0].rate == 0
    book.reach(files[0], MB, 0)
    assert 0 < read(meter, files, transfers, 2.0).files[0].rate <= MB


def test_what_is_not_given_any_more_is_forgotten() -> None:
    book, transfers, files = queue()
    meter = Meter()
    read(meter, files, transfers, 0.0)
    book.reach(files[0], 100 * MB, 0)
    assert read(meter, files, transfers, 1.0).files[0].rate > 0
    assert read(meter, files[1:], transfers[1:], 2.0).files[0].file == files[1].id
    book.reach(files[0], 200 * MB, 0)
    assert [row.rate for row in read(meter, files, transfers, 3.0).files] == [0, 0]


def test_silence_brings_the_sum_down() -> None:
    _, transfers, files = queue()
    meter = Meter()
    for tick in range(101):
        transfers[0].received = tick * MB
        before = read(meter, files, transfers, tick / 10).rate
    values = [read(meter, files, transfers, 10.0 + tick).rate for tick in range(1, 40)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < before / 1000


def test_the_end_is_told_as_a_range_and_not_before_it_can_be_known() -> None:
    book, transfers, files = queue()
    meter = Meter()
    for tick in range(301):
        book.reach(files[0], tick * MB, 0)
        transfers[0].received = tick * MB
        progress = meter.read(1, files[:1], transfers[:1], tick / 2, transfers[1:])
        if tick < 20:
            assert progress.transfers[0].between is None
            assert progress.between is None
    between = progress.transfers[0].between
    assert between == pytest.approx(((900 - 300) / 2, (1100 - 300) / 2), rel=0.02)
    # The other one waits, and comes after it.
    assert progress.between == pytest.approx((1500 / 2, 1900 / 2), rel=0.02)


def test_bytes_that_come_again_bring_no_end_nearer() -> None:
    book, transfers, files = queue()
    meter = Meter()
    book.reach(files[0], 300 * MB, 0)
    for tick in range(60):
        book.reach(files[0], 300 * MB, tick * MB)
        transfers[0].received = transfers[0].again = tick * MB
        progress = read(meter, files[:1], transfers[:1], float(tick))
    assert progress.transfers[0].between is None


def test_where_a_size_is_unknown_nobody_knows_the_end() -> None:
    book, transfers, _ = queue()
    book.new_file(transfers[1], RemoteFile("web", "", "k", "b", SizeRange(0, 0, "")), "b")
    file = book.files_of(transfers[0])[0]
    meter = Meter()
    for tick in range(40):
        book.reach(file, tick * MB, 0)
        transfers[0].received = tick * MB
        progress = meter.read(1, [file], transfers[:1], float(tick), transfers[1:])
    assert progress.transfers[0].between is not None
    assert progress.between is None
