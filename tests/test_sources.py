"""One suite for every place that files come from: the hub, object storages of four kinds, a web server.

Each is a real server (the hub: its demo, Naver: a strict double of its limits), asked by a real engine with real
worker processes. Whatever the place: right bytes under the final names, or the right error, and never a mix.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from engines import RunningEngine, manifest, sha256
from ground import check_claims, check_final, check_rest
from naver import Kept, Naver, naver
from objects import Writer
from servers import Storage, nginx

from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.leases import Proof
from aihub_desktop.domain.model import S3, WEB, Dataset, RemoteFile, Secret
from aihub_desktop.domain.states import TRANSFER_ENDED, FileState, TransferState
from aihub_desktop.domain.storage import Access, S3Place, container
from aihub_desktop.domain.storage import Storage as Known

NOWHERE: Final = "http://127.0.0.1:9"  # no hub is asked for what is not its own
BUCKET: Final = "conformance"
LARGE: Final = "deep/er/large.bin"


def content(name: str, size: int) -> bytes:
    """Bytes that are no one else's, the same each time."""
    seed = sha256(name.encode()).encode()
    return (seed * (size // len(seed) + 1))[:size]


DATA: Final = {
    name: content(name, size)
    for name, size in {
        "small.csv": 1_000, "한글 이름.json": 70_001, LARGE: 5_000_017, "last.dat": 1 << 20, "none.bin": 0,
    }.items()
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """A place with `DATA` in it. `list` asks for it as a person would; `put` and `remove` change it later on."""

    list: Callable[[RunningEngine], tuple[Dataset, list[RemoteFile]]]
    put: Callable[[str, bytes], None]
    remove: Callable[[str], None]
    proof: frozenset[str]
    goes_on: bool  # what was received is not received again


PLACES: Final = ("hub", "web", "seaweed", "swift", "rclone", "naver")
# What a new release of the hub does is played at every moment in test_fault_matrix.py.
CHANGING: Final = PLACES[1:]
OBJECTS: Final = PLACES[2:]


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with contextlib.ExitStack() as running:
        yield running.enter_context(_KINDS[request.param](request, tmp_path / "place", monkeypatch))


@contextlib.contextmanager
def _hub(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("AIHUB_APIKEY", DEMO_KEY)
    # A file without a byte has no size that the hub could show.
    with DemoHub(Catalogue.of({name: data for name, data in DATA.items() if data})) as hub:
        monkeypatch.setenv("CONFORMANCE_HUB", hub.url)

        def listed(engine: RunningEngine) -> tuple[Dataset, list[RemoteFile]]:
            found = engine.ask(m.ListFiles(engine.engine.number(), "90001", refresh=True), m.FileList)
            return found.dataset, found.files

        def refused(name: str, data: bytes = b"") -> None:
            raise NotImplementedError(name)

        yield Place(listed, refused, refused, frozenset({Proof.LENGTH.value}), goes_on=False)


@contextlib.contextmanager
def _web(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    root, own = folder / "www", folder / "nginx"
    own.mkdir(parents=True)

    def put(name: str, data: bytes) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name("new").write_bytes(data)
        os.replace(path.with_name("new"), path)

    for name, data in DATA.items():
        put(name, data)
    with nginx(root, own, more="limit_rate 4m;") as url:

        def listed(engine: RunningEngine) -> tuple[Dataset, list[RemoteFile]]:
            addresses = [f"{url}/{name.replace(' ', '%20')}" for name in DATA]
            names = dict(zip(addresses, DATA, strict=True))
            found = engine.ask(m.Inspect(engine.engine.number(), addresses, names), m.Inspected)
            assert not found.problems
            return Dataset(WEB, "", "web"), found.files

        yield Place(listed, put, lambda name: (root / name).unlink(), frozenset({Proof.LENGTH.value}), goes_on=True)


def _storage(place: S3Place, put: Callable[[str, bytes], None], remove: Callable[[str], None]) -> Place:
    assert place.credentials is not None
    keys = place.credentials

    def listed(engine: RunningEngine) -> tuple[Dataset, list[RemoteFile]]:
        known = Known(place.endpoint, region=place.region, style=place.style, access=Access.KEYCHAIN)
        enter(engine, known, keys.access_key, keys.secret_key)
        found = engine.ask(m.Expand(engine.engine.number(), place.endpoint, BUCKET, [""]), m.FileList)
        return Dataset(S3, container(place.endpoint, BUCKET), BUCKET), found.files

    return Place(listed, put, remove, frozenset({Proof.CHECKSUM.value}), goes_on=True)


def enter(engine: RunningEngine, storage: Known, access_key: str, secret_key: Secret) -> None:
    command = m.PutStorage(engine.engine.number(), storage, access_key, secret_key, for_run=True)
    engine.ask(command, m.Storages)


def _real(name: str) -> Callable[..., contextlib.AbstractContextManager[Place]]:
    @contextlib.contextmanager
    def opened(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
        storage: Storage = request.getfixturevalue(f"{name}_storage")
        with Writer(storage) as writer:
            with contextlib.suppress(AssertionError):  # another test has made it
                writer.make_bucket(BUCKET)
            for key, data in DATA.items():
                writer.put(BUCKET, key, data)

            def remove(key: str) -> None:
                writer.send("DELETE", f"/{BUCKET}/{key}")

            yield _storage(storage.place(), lambda key, data: writer.put(BUCKET, key, data), remove)

    return opened


@contextlib.contextmanager
def _naver(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    kept = {key: Kept(data) for key, data in DATA.items()}
    with naver({BUCKET: kept}) as double:
        assert isinstance(double, Naver)

        def put(key: str, data: bytes) -> None:
            kept[key] = Kept(data)

        def remove(key: str) -> None:
            del kept[key]

        yield _storage(double.place(), put, remove)


_KINDS: Final[dict[str, Callable[..., contextlib.AbstractContextManager[Place]]]] = {
    "hub": _hub,
    "web": _web,
    "seaweed": _real("seaweed"),
    "swift": _real("swift"),
    "rclone": _real("rclone"),
    "naver": _naver,
}


@pytest.fixture
def engine(place: Place, tmp_path: Path) -> Iterator[RunningEngine]:
    hub = os.environ.get("CONFORMANCE_HUB", NOWHERE)
    settings = {"piece_bytes": 1 << 18, "connections": 3}
    with RunningEngine(tmp_path / "home", hub, patience=20.0, **settings) as running:
        yield running


def add(engine: RunningEngine, dataset: Dataset, files: list[RemoteFile], folder: Path) -> int:
    return engine.ask(m.Add(engine.engine.number(), dataset, files, str(folder)), m.Added).transfer


def right(files: list[RemoteFile]) -> dict[str, bytes]:
    return {file.path.replace(" ", "_"): DATA[file.path] for file in files}


def ended(engine: RunningEngine, transfer: int) -> m.TransferRow:
    return engine.wait_for(transfer, *TRANSFER_ENDED, TransferState.NEEDS_USER)


def test_everything_arrives_and_is_proved(place: Place, engine: RunningEngine, tmp_path: Path) -> None:
    dataset, files = place.list(engine)
    assert {file.path for file in files} >= {name for name, data in DATA.items() if data}
    transfer = add(engine, dataset, files, tmp_path / "to")
    assert ended(engine, transfer).state is TransferState.DONE
    wanted = right(files)
    assert check_rest(tmp_path / "to", wanted) == wanted
    assert manifest(tmp_path / "to") == {name: sha256(data) for name, data in wanted.items()}
    # A file without a byte may have no checksum that says so.
    assert {row.proof for row in engine.files(transfer) if row.size} <= place.proof


def test_a_second_wish_asks_for_nothing(place: Place, engine: RunningEngine, tmp_path: Path) -> None:
    dataset, files = place.list(engine)
    first = ended(engine, add(engine, dataset, files, tmp_path / "to"))
    again = add(engine, dataset, files, tmp_path / "to")
    row = ended(engine, again)
    assert row.state is TransferState.DONE
    assert row.received == first.received


def test_stopped_in_the_middle_it_goes_on(place: Place, engine: RunningEngine, tmp_path: Path) -> None:
    dataset, files = place.list(engine)
    transfer = add(engine, dataset, files, tmp_path / "to")
    engine.wait_for(transfer, TransferState.RUNNING)
    engine.ask(m.Pause(engine.engine.number()), type(None))
    check_claims(tmp_path / "to")
    engine.ask(m.Resume(engine.engine.number()), type(None))
    row = ended(engine, transfer)
    assert row.state is TransferState.DONE
    assert check_rest(tmp_path / "to", right(files)) == right(files)
    if place.goes_on:
        # What was on its way when it was stopped comes again: a little of each connection.
        assert row.again <= 3 * (1 << 20)


@pytest.mark.parametrize("place", CHANGING, indirect=True)
def test_a_file_that_is_gone_is_told_and_the_others_come(place: Place, engine: RunningEngine, tmp_path: Path) -> None:
    dataset, files = place.list(engine)
    place.remove("small.csv")
    transfer = add(engine, dataset, files, tmp_path / "to")
    assert ended(engine, transfer).state is TransferState.FAILED
    failed = [row for row in engine.files(transfer) if row.state is FileState.FAILED]
    assert [(row.file.path, row.problem and row.problem.code) for row in failed] == [("small.csv", Code.NOT_THERE)]
    wanted = {name: data for name, data in right(files).items() if name != "small.csv"}
    assert check_rest(tmp_path / "to", wanted) == wanted
    place.put("small.csv", DATA["small.csv"])


@pytest.mark.parametrize("place", CHANGING, indirect=True)
def test_a_file_that_changed_since_it_was_listed_is_never_mixed(
    place: Place, engine: RunningEngine, tmp_path: Path
) -> None:
    dataset, files = place.list(engine)
    new = content("another release", len(DATA[LARGE]))
    place.put(LARGE, new)
    transfer = add(engine, dataset, files, tmp_path / "to")
    row = ended(engine, transfer)
    found = check_final(tmp_path / "to", {**right(files), LARGE: new})
    if row.state is not TransferState.DONE:
        (failed,) = [one for one in engine.files(transfer) if one.state is FileState.FAILED]
        assert (failed.file.path, failed.problem and failed.problem.code) == (LARGE, Code.CHANGED)
        assert LARGE not in found
    place.put(LARGE, DATA[LARGE])


@pytest.mark.parametrize("place", OBJECTS, indirect=True)
def test_wrong_keys_wait_for_right_ones(place: Place, engine: RunningEngine, tmp_path: Path) -> None:
    dataset, files = place.list(engine)
    endpoint = dataset.key.rpartition("/")[0]
    listed = [row.storage for row in engine.ask(m.ListStorages(engine.engine.number()), m.Storages).rows]
    (storage,) = [one for one in listed if one.endpoint == endpoint]
    enter(engine, storage, "NOBODY", Secret("wrong"))
    transfer = add(engine, dataset, files, tmp_path / "to")
    row = ended(engine, transfer)
    assert (row.state, row.problem and row.problem.code) == (TransferState.NEEDS_USER, Code.NO_ACCESS)
    assert check_final(tmp_path / "to", {}) == {}
    place.list(engine)  # enters the right ones
    assert engine.wait_for(transfer, *TRANSFER_ENDED).state is TransferState.DONE
    assert check_rest(tmp_path / "to", right(files)) == right(files)
