"""Whole downloads from a web server: a real engine, real workers, and files that stand proved under their names."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import msgspec
import pytest
from engines import RunningEngine, final_files, manifest, sha256
from loopback import answer
from web_site import Asked, Page, Site, ranged

from aihub_desktop.demo.content import noise
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.model import UNKNOWN_SIZE, WEB, Algorithm, Checksum, Dataset, Origin, RemoteFile, SizeRange
from aihub_desktop.domain.states import FileState, TransferState

MB = 1 << 20
NOWHERE = "http://127.0.0.1:9"  # the hub, which nobody asks here
SMALL = {f"작은 것/{number:03}.csv": noise(5_000 + number, number) for number in range(300)}
LARGE = {"large.bin": noise(20 * MB, 1)}


def paths(files: dict[str, bytes]) -> dict[str, str]:
    return {name: f"/{number}" for number, name in enumerate(files)}


def site(files: dict[str, bytes]) -> Site:
    return Site({path: ranged(files[name]) for name, path in paths(files).items()})


def remotes(server: Site, files: dict[str, bytes], *, size: bool = True, signature: str = "") -> list[RemoteFile]:
    found = []
    for name, path in paths(files).items():
        clean, data = f"{server.url}{path}", files[name]
        checksum = Checksum(Algorithm.MD5, hashlib.md5(data, usedforsecurity=False).hexdigest())
        told = SizeRange.exactly(len(data)) if size else UNKNOWN_SIZE
        found.append(RemoteFile(WEB, "", clean, name, told, origin=Origin((clean + signature,), checksums=(checksum,))))
    return found


def ask(run: RunningEngine, files: list[RemoteFile], folder: Path) -> int:
    return run.ask(m.Add(run.engine.number(), Dataset(WEB, "", ""), files, str(folder)), m.Added).transfer


def on_disk(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name.replace(" ", "_"): data for name, data in files.items()}


@pytest.mark.parametrize("size", [True, False], ids=["known", "unknown"])
def test_small_and_large_files_stand_proved_under_their_names(folder: Path, tmp_path: Path, size: bool) -> None:
    files = {**SMALL, **LARGE}
    with site(files) as server, RunningEngine(tmp_path / "home", NOWHERE) as run:
        number = ask(run, remotes(server, files, size=size), folder)
        row = run.wait_for(number, TransferState.DONE)
        assert (row.done, row.bytes, row.high) == (len(files), *[sum(map(len, files.values()))] * 2)
        assert {one.proof for one in run.files(number)} == {"checksum"}
    assert final_files(folder) == on_disk(files)
    assert manifest(folder) == {name: sha256(data) for name, data in on_disk(files).items()}
    assert not [path for path in folder.rglob("*") if ".part" in path.name], "no journal is left"


def test_signatures_are_neither_told_nor_written_beside_the_files(folder: Path, tmp_path: Path) -> None:
    with site(SMALL) as server, RunningEngine(tmp_path / "home", NOWHERE) as run:
        number = ask(run, remotes(server, SMALL, signature="?X-Amz-Signature=5ec2e7"), folder)
        run.wait_for(number, TransferState.DONE)
        assert all("5ec2e7" in asked.target for asked in server.asked if asked.method == "GET")
        rows = run.files(number)
        assert "5ec2e7" not in str(run.events) + str(rows)
        assert all(row.file.origin is not None for row in rows), "that it came in ranges is told"
    written = [path for path in [*folder.rglob("*"), *(tmp_path / "home" / "logs").rglob("*")] if path.is_file()]
    assert not [path for path in written if b"5ec2e7" in path.read_bytes()]


@pytest.mark.parametrize(
    ("status", "code"), [("404 Not Found", Code.NOT_THERE), ("403 Forbidden", Code.NO_ACCESS)], ids=["404", "403"]
)
def test_a_file_that_is_not_to_be_had_fails_alone(folder: Path, tmp_path: Path, status: str, code: Code) -> None:
    with site(SMALL) as server, RunningEngine(tmp_path / "home", NOWHERE) as run:
        files = remotes(server, SMALL)
        server.pages["/7"] = lambda asked: answer(b"", status=status)
        number = ask(run, files, folder)
        row = run.wait_for(number, TransferState.FAILED)
        assert (row.done, row.failed) == (len(SMALL) - 1, 1)
        (bad,) = [one for one in run.files(number) if one.state is FileState.FAILED]
        assert bad.problem is not None
        assert bad.problem.code is code
        server.pages["/7"] = ranged(SMALL[files[7].path])
        run.ask(m.Retry(run.engine.number(), [number]), type(None))
        assert run.wait_for(number, TransferState.DONE).done == len(SMALL)
    assert final_files(folder) == on_disk(SMALL)


def test_an_address_that_expired_waits_for_a_new_one(folder: Path, tmp_path: Path) -> None:
    data = LARGE["large.bin"]
    page = ranged(data)

    def signed(asked: Asked) -> bytes:
        if asked.target.endswith("=new"):
            return page(asked)
        return answer(b"<Error><Code>AccessDenied</Code></Error>", status="403 Forbidden")

    with Site({"/0": signed}) as server, RunningEngine(tmp_path / "home", NOWHERE) as run:
        number = ask(run, remotes(server, LARGE, signature="?X-Amz-Signature=old"), folder)
        row = run.wait_for(number, TransferState.NEEDS_USER)
        assert row.problem is not None
        assert row.problem.code in (Code.ADDRESS_EXPIRED, Code.NO_ACCESS)
        assert ask(run, remotes(server, LARGE, signature="?X-Amz-Signature=new"), folder) == number
        assert run.wait_for(number, TransferState.DONE).done == 1
    assert final_files(folder) == LARGE


def test_a_limit_holds_for_ranges_and_what_was_received_outlives_the_engine(folder: Path, tmp_path: Path) -> None:
    asked: list[str] = []
    page = ranged(LARGE["large.bin"])

    def noted(question: Asked) -> bytes:
        asked.append(question.headers.get("range", ""))
        return page(question)

    pages: dict[str, Page | bytes] = {"/0": noted}
    with Site(pages) as server:
        with RunningEngine(tmp_path / "home", NOWHERE, limit=4 * MB, piece_bytes=MB) as run:
            number = ask(run, remotes(server, LARGE), folder)
            began, received = time.monotonic(), 0
            while received < 8 * MB:
                event = run.engine.get(60.0)
                assert event is not None
                if isinstance(event, m.Progress) and event.transfers:
                    received = event.transfers[0].received
            assert time.monotonic() - began > 1.0, "twice the limit in less than a second"
        with RunningEngine(tmp_path / "home", NOWHERE) as run:
            row = run.wait_for(number, TransferState.DONE)
        assert row.received < len(LARGE["large.bin"]) + 9 * MB, "all of it came once more"
    assert final_files(folder) == LARGE


def test_hours_that_end_stop_ranges_at_once(folder: Path, tmp_path: Path) -> None:
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    not_now = f"{days[(time.localtime().tm_wday + 3) % 7]} 0-24"
    with site(LARGE) as server, RunningEngine(tmp_path / "home", NOWHERE, limit=MB) as run:
        number = ask(run, remotes(server, LARGE), folder)
        while not (isinstance(event := run.engine.get(60.0), m.Progress) and event.transfers[0].received > 100_000):
            assert event is not None
        run.ask(m.Configure(run.engine.number(), {"hours": not_now}, for_run=True), type(None))
        while not (isinstance(event := run.engine.get(60.0), m.Progress) and not event.transfers):
            assert event is not None
        assert event.brake is m.Brake.HOURS
        assert [one.state for one in run.files(number)] == [FileState.WAITING]
        run.ask(m.Configure(run.engine.number(), {"hours": "", "limit": 0}, for_run=True), type(None))
        assert run.wait_for(number, TransferState.DONE).done == 1
    assert final_files(folder) == LARGE


@pytest.mark.parametrize("size", [20 * MB, 700], ids=["large", "small"])
def test_a_file_that_changed_since_it_was_listed_comes_as_it_is_now(folder: Path, tmp_path: Path, size: int) -> None:
    """Else it could be tried again for ever, each time against the old list."""
    now = noise(size, 3)
    with Site({"/0": ranged(now, 'ETag: "new"')}) as server, RunningEngine(tmp_path / "home", NOWHERE) as run:
        for_old = RemoteFile(WEB, "", f"{server.url}/0", "a.bin", SizeRange.exactly(size - 5))
        listed = msgspec.structs.replace(for_old, origin=Origin((f"{server.url}/0",), etag='"old"'))
        row = run.wait_for(ask(run, [listed], folder), TransferState.DONE, TransferState.FAILED)
        assert (row.state, row.done, row.bytes) == (TransferState.DONE, 1, size)
    assert final_files(folder) == {"a.bin": now}


def test_what_was_promised_holds_though_the_file_changed(folder: Path, tmp_path: Path) -> None:
    promised = noise(3 * MB, 4)
    with (
        Site({"/0": ranged(noise(3 * MB, 5), 'ETag: "new"')}) as server,
        RunningEngine(tmp_path / "home", NOWHERE) as run,
    ):
        sum_ = Checksum(Algorithm.SHA256, hashlib.sha256(promised).hexdigest())
        origin = Origin((f"{server.url}/0",), etag='"old"', checksums=(sum_,))
        file = RemoteFile(WEB, "", f"{server.url}/0", "a.bin", SizeRange.exactly(3 * MB), origin=origin)
        number = ask(run, [file], folder)
        assert run.wait_for(number, TransferState.FAILED).failed == 1
        (bad,) = run.files(number)
        assert bad.problem is not None
        assert bad.problem.code is Code.WRONG_CHECKSUM
    assert final_files(folder) == {}
