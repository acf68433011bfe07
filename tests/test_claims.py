"""Journals of many small files: they claim what is durable, survive a death between name and ledger, and go."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import xxhash
from engines import RunningEngine, manifest, sha256
from ground import check_rest
from servers import nginx

from aihub_desktop.domain import messages as m
from aihub_desktop.domain.leases import WorkFile
from aihub_desktop.domain.model import WEB, Dataset, Origin, RemoteFile, SizeRange
from aihub_desktop.domain.names import OWN_FOLDER
from aihub_desktop.domain.states import TRANSFER_ENDED, TransferState
from aihub_desktop.transport.claims import Claim, drop_claims, read_claims, sweep_claims, write_claims
from aihub_desktop.transport.reconcile import StandingKind, look

DATA: Final = {f"d/한글 {number}.bin".replace(" ", "_"): bytes([number]) * number for number in range(5)}


def work(number: int, place: str, address: str = "http://127.0.0.1/x") -> WorkFile:
    size = SizeRange.exactly(len(DATA[place]))
    return WorkFile(number, RemoteFile(WEB, "", address + place, place, size, origin=Origin((address + place,))), place)


def claims() -> list[Claim]:
    return [
        Claim(work(number, place), len(data), xxhash.xxh3_128_hexdigest(data), sha256(data))
        for number, (place, data) in enumerate(DATA.items())
    ]


def lay(folder: Path, end: str = "") -> None:
    for place, data in DATA.items():
        path = folder / (place + end)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_claims(tmp_path, claims())
    write_claims(tmp_path, [])
    found = read_claims(tmp_path)
    assert {place: state.whole and (state.whole.size, state.whole.sha256) for place, state in found.items()} == {
        place: (len(data), sha256(data)) for place, data in DATA.items()
    }


def test_a_torn_end_takes_no_more_than_its_own_file(tmp_path: Path) -> None:
    path = tmp_path / OWN_FOLDER / write_claims(tmp_path, claims())
    text = path.read_bytes()
    for length in range(len(text)):
        path.write_bytes(text[:length])
        found = read_claims(tmp_path)
        assert list(found) == list(DATA)[: len(found)]
        assert all(state.whole and state.whole.sha256 == sha256(DATA[place]) for place, state in found.items())


def test_names_that_nobody_recorded_are_known(tmp_path: Path) -> None:
    files = [work(number, place) for number, place in enumerate(DATA)]
    lay(tmp_path)
    write_claims(tmp_path, claims())
    assert {one.kind for one in look(tmp_path, files).values()} == {StandingKind.PUBLISHED}
    other = [work(number, place, "http://127.0.0.1/other") for number, place in enumerate(DATA)]
    assert {one.kind for one in look(tmp_path, other).values()} == {StandingKind.IN_THE_WAY}


def test_parts_that_have_no_name_yet_are_whole(tmp_path: Path) -> None:
    lay(tmp_path, ".part")
    write_claims(tmp_path, claims())
    kinds = {one.kind for one in look(tmp_path, [work(n, place) for n, place in enumerate(DATA)]).values()}
    assert kinds == {StandingKind.WHOLE}


def test_a_batch_goes_when_nothing_is_left_to_learn_from_it(tmp_path: Path) -> None:
    lay(tmp_path)
    name = write_claims(tmp_path, claims())
    recorded = {place: sha256(data) for place, data in DATA.items()}
    last, sha = recorded.popitem()
    sweep_claims(tmp_path, recorded)
    assert (tmp_path / OWN_FOLDER / name).exists()
    (tmp_path / last).unlink()
    sweep_claims(tmp_path, recorded)
    assert not (tmp_path / OWN_FOLDER / name).exists()
    name = write_claims(tmp_path, claims())
    drop_claims(tmp_path, f"../{OWN_FOLDER}/{name}")
    assert (tmp_path / OWN_FOLDER / name).exists()
    sweep_claims(tmp_path, {**recorded, last: sha})
    assert not (tmp_path / OWN_FOLDER / name).exists()


def test_a_death_between_name_and_ledger_costs_a_check_alone(tmp_path: Path) -> None:
    root, own, to = tmp_path / "www", tmp_path / "nginx", tmp_path / "to"
    lay(root)
    own.mkdir()
    with nginx(root, own) as url, RunningEngine(tmp_path / "home", "http://127.0.0.1:9") as engine:
        files = [work(number, place, f"{url}/").file for number, place in enumerate(DATA)]
        lay(to)
        write_claims(to, [
            Claim(WorkFile(n, file, file.path), len(DATA[file.path]), xxhash.xxh3_128_hexdigest(DATA[file.path]),
                  sha256(DATA[file.path]))
            for n, file in enumerate(files)
        ])  # fmt: skip
        added = engine.ask(m.Add(engine.engine.number(), Dataset(WEB, "", "web"), files, str(to)), m.Added)
        row = engine.wait_for(added.transfer, *TRANSFER_ENDED)
        assert (row.state, row.received) == (TransferState.DONE, 0)
        assert check_rest(to, DATA) == DATA
        assert manifest(to) == {place: sha256(data) for place, data in DATA.items()}
        again = engine.ask(m.Add(engine.engine.number(), Dataset(WEB, "", "web"), files, str(to)), m.Added)
        engine.wait_for(again.transfer, *TRANSFER_ENDED)
    assert not list((to / OWN_FOLDER).glob("batch-*"))
