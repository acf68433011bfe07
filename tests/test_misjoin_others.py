"""The right order of what is no single zip: tars and gzips by their own signs, volumes by their set's directory."""

from __future__ import annotations

import gzip
import io
import random
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from leavings import SEED, Leavings, finished, remote

from aihub_desktop.archives.volumes import Extent, Volumes
from aihub_desktop.demo.archives import Entry, split_zip
from aihub_desktop.domain.adoption import Fate, State
from aihub_desktop.domain.leases import Proof
from aihub_desktop.holdings import misjoin_gzip, misjoin_set, misjoin_tar
from aihub_desktop.holdings.fates import Ways
from aihub_desktop.holdings.survey import survey
from aihub_desktop.transport.ledger import Ledger

PIECE = 64 << 10
Order = tuple[Extent, ...]


def tar_of(sizes: list[int], dice: random.Random, form: int = tarfile.GNU_FORMAT, name: str = "가/{}.wav") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for number, size in enumerate(sizes):
            member = tarfile.TarInfo(name.format(number))
            member.size = size
            tar.addfile(member, io.BytesIO(dice.randbytes(size)))
    return out.getvalue()


def pieces_of(data: bytes, length: int) -> list[bytes]:
    return [data[at : at + length] for at in range(0, len(data), length)]


def mixed(data: bytes, length: int, dice: random.Random) -> bytes:
    pieces = pieces_of(data, length)
    while (found := b"".join(dice.sample(pieces, len(pieces)))) == data:
        pass
    return found


def textual(data: bytes, length: int) -> bytes:
    pieces = pieces_of(data, length)
    return b"".join(pieces[number] for number in sorted(range(len(pieces)), key=lambda one: str(one * length)))


def read(order: Order | None) -> bytes | None:
    if order is None:
        return None
    with Volumes([order]) as data:
        return data.read(0, data.size)


# ---- tars


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_any_order_of_a_tar(tmp_path: Path, form: int) -> None:
    dice = random.Random(SEED + form)
    print(f"seed {SEED + form}")
    for _ in range(12):
        length = dice.choice([1, 2]) * PIECE
        name = dice.choice(["{}.wav", "가/{}.wav", "가" * 25 + "/{}.wav"])
        sizes = [dice.randrange(2 * length // 3) for _ in range(dice.randrange(5, 30))]
        data = tar_of(sizes, dice, form, name)
        path = tmp_path / "a.tar"
        path.write_bytes(mixed(data, length, dice))
        found = read(misjoin_tar.right_order(path, len(data)))
        # Members of a size may leave it open which of two pieces is the first: then none is chosen.
        assert found in (data, None), (length, sizes)
        path.write_bytes(textual(data, length))
        if path.read_bytes() != data:
            assert read(misjoin_tar.right_order(path, len(data))) in (data, None)


def test_most_orders_of_a_tar_are_found(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    path, count = tmp_path / "a.tar", 0
    for _ in range(20):
        data = tar_of([dice.randrange(300_000) for _ in range(25)], dice)
        path.write_bytes(mixed(data, 8 * PIECE, dice))
        count += read(misjoin_tar.right_order(path, len(data))) == data
    assert count >= 16  # of the others two orders fit


def test_a_tar_of_another_program(tmp_path: Path) -> None:
    """GNU tar's own, with folders, a link and names that are longer than a header has room for."""
    dice = random.Random(SEED)
    for number in range(20):
        finished(tmp_path / "in", {f"{'길' * 40}/{number}/{number}.wav": dice.randbytes(dice.randrange(99_000))})
    (tmp_path / "in/link").symlink_to("nowhere")
    subprocess.run(["tar", "-cf", tmp_path / "a.tar", "-C", tmp_path / "in", "."], check=True)
    data = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(mixed(data, 4 * PIECE, dice))
    assert read(misjoin_tar.right_order(tmp_path / "a.tar", len(data))) == data


def test_a_tar_in_order_and_what_is_none(tmp_path: Path) -> None:
    dice, path = random.Random(SEED), tmp_path / "a.tar"
    data = tar_of([50_000] * 9, dice)
    for wrong in (data, b"", b"x", bytes(300_000), dice.randbytes(300_000), data[:-20_000], data[:512] * 400):
        path.write_bytes(wrong)
        assert misjoin_tar.right_order(path, len(wrong)) is None


def test_pieces_without_headers_are_not_guessed(tmp_path: Path) -> None:
    """Of a member over several pieces nothing says which of them is the first."""
    data = tar_of([10_000, 5 * PIECE, 10_000], random.Random(SEED))
    pieces = pieces_of(data, PIECE)
    path = tmp_path / "a.tar"
    path.write_bytes(b"".join([pieces[-1], *pieces[:2], *pieces[3:-1], pieces[2]]))
    assert misjoin_tar.right_order(path, len(data)) is None
    # One alone can only be where no other is.
    data = tar_of([50_000, 2 * PIECE + 10_000, 30_000, 40_000], random.Random(SEED))
    pieces = pieces_of(data, PIECE)
    path.write_bytes(b"".join(pieces[::-1]))
    assert read(misjoin_tar.right_order(path, len(data))) == data


def test_too_many_ways_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members of one size, as long as the pieces: every order fits."""
    path = tmp_path / "a.tar"
    data = tar_of([PIECE - 512] * 40, random.Random(SEED))
    path.write_bytes(mixed(data, PIECE, random.Random(SEED)))
    assert misjoin_tar.right_order(path, len(data)) is None
    monkeypatch.setattr(misjoin_tar, "_MOST_READS", 100)
    assert misjoin_tar.right_order(path, len(data)) is None


def test_headers_are_read_about_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dice, path = random.Random(SEED), tmp_path / "a.tar"
    data = tar_of([dice.randrange(9_000) for _ in range(900)], dice)
    path.write_bytes(mixed(data, 1 << 20, dice))
    monkeypatch.setattr(misjoin_tar, "_MOST_READS", 2 * 900 + 2000)
    assert read(misjoin_tar.right_order(path, len(data))) == data


@pytest.mark.parametrize("way", ["textual", "mixed"])
def test_a_tar_is_put_right(folder: Path, way: str) -> None:
    dice = random.Random(SEED + 1)
    data = tar_of([dice.randrange(99_000) for _ in range(40)], dice)
    left = Leavings([remote("1", "가/a.tar", len(data))], b"", {"가/a.tar": data})
    wrong = textual(data, 4 * PIECE) if way == "textual" else mixed(data, 4 * PIECE, random.Random(SEED))
    finished(folder, {"가/a.tar": wrong})
    assert left.states(folder) == {"가/a.tar": State.MISJOINED}
    assert left.adopt(folder) == {"가/a.tar": Fate.ADOPTED}
    left.check(folder)
    assert (folder / "가/a.tar.bad").read_bytes() == wrong
    (entry,) = Ledger(folder).entries().values()
    assert (entry.proof, entry.note) == (Proof.STRUCTURE, "adopted tar")


def test_a_tar_that_is_broken_in_its_middle_is_damaged(folder: Path) -> None:
    data = tar_of([9_000] * 9, random.Random(SEED))
    left = Leavings([remote("1", "a.tar", len(data))], b"", {"a.tar": data})
    finished(folder, {"a.tar": data[:28_000] + b"x" * 10_000 + data[38_000:]})
    assert left.adopt(folder) == {"a.tar": Fate.DAMAGED}
    left.check(folder, [])
    # Zeros may be an end, behind which somebody wrote something of his own: of it the length is known.
    finished(folder, {"a.tar": data[:28_000] + bytes(10_000) + data[38_000:]})
    assert left.adopt(folder) == {"a.tar": Fate.ADOPTED}
    assert {entry.proof for entry in Ledger(folder).entries().values()} == {Proof.LENGTH}


# ---- gzips


def gzipped(data: bytes, way: str) -> bytes:
    match way:
        case "one":
            return gzip.compress(data, 1, mtime=0)
        case "many":
            return b"".join(gzip.compress(data[at : at + 50_000], 1, mtime=0) for at in range(0, len(data), 50_000))
        case _:
            if shutil.which("gzip") is None:
                pytest.skip("gzip is not installed")
            done = subprocess.run(["gzip", "-1"], input=data, capture_output=True, check=True)
            return done.stdout + bytes(700)


def noise(size: int, dice: random.Random) -> bytes:
    """It can be packed, but not by much."""
    return dice.randbytes(size // 2).hex().encode()


@pytest.mark.parametrize("way", ["one", "many", "program"])
def test_any_order_of_a_gzip(tmp_path: Path, way: str) -> None:
    dice = random.Random(f"{SEED}{way}")
    print(f"seed {SEED}{way}")
    path = tmp_path / "a.gz"
    for _ in range(6):
        length = dice.choice([1, 2]) * PIECE
        data = gzipped(noise(dice.randrange(4, 20) * length, dice), way)
        path.write_bytes(mixed(data, length, dice))
        assert read(misjoin_gzip.right_order(path, len(data))) == data


def test_a_gzip_that_no_order_mends(tmp_path: Path) -> None:
    dice, path = random.Random(SEED), tmp_path / "a.gz"
    data = gzip.compress(noise(600_000, dice), mtime=0)
    wrong = bytearray(mixed(data, PIECE, dice))
    wrong[100_000] ^= 1
    # Blocks of data that were stored only are all of one length, so that every order goes well up to the CRC.
    stored = mixed(gzip.compress(noise(40 * PIECE, dice), 0, mtime=0), PIECE, dice)
    for one in (bytes(wrong), data[:-9], b"", b"\x1f\x8b", bytes(300_000), dice.randbytes(300_000), stored):
        path.write_bytes(one)
        assert misjoin_gzip.right_order(path, len(one)) is None


def test_a_gzip_is_read_about_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dice, path = random.Random(SEED), tmp_path / "a.gz"
    data = gzip.compress(noise(12 << 20, dice), 1, mtime=0)
    path.write_bytes(textual(data, 1 << 20))
    monkeypatch.setattr(misjoin_gzip, "USUAL_PIECES", (1 << 20,))
    read_bytes: list[int] = []
    assert read(misjoin_gzip.right_order(path, len(data), progress=read_bytes.append)) == data
    assert sum(read_bytes) < 1.5 * len(data)


def packed_tar(dice: random.Random) -> bytes:
    """Of what can be packed, so that a wrong piece fails within 64 KiB as any does within 1 GiB."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for number in range(30):
            data = noise(dice.randrange(100_000), dice)
            member = tarfile.TarInfo(f"{number}.csv")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(out.getvalue(), 1, mtime=0)


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "a.csv.gz"])
def test_a_gzip_is_put_right(folder: Path, tmp_path: Path, name: str) -> None:
    dice = random.Random(SEED)
    data = packed_tar(dice)
    left = Leavings([remote("1", name, len(data))], b"", {name: data})
    wrong = textual(data, PIECE)
    assert wrong != data
    finished(folder, {name: wrong})
    assert left.adopt(folder) == {name: Fate.ADOPTED}
    left.check(folder)
    assert (folder / f"{name}.bad").read_bytes() == wrong
    # The same from another folder, of which nothing is changed.
    finished(tmp_path / "old", {name: wrong})
    (tmp_path / "new").mkdir()
    assert left.adopt(tmp_path / "old", tmp_path / "new", Ways(move=True)) == {name: Fate.ADOPTED}
    left.check(tmp_path / "new")
    assert (tmp_path / "old" / name).read_bytes() == wrong


def test_a_gzip_may_go_once_it_is_put_right(folder: Path) -> None:
    data = packed_tar(random.Random(SEED))
    left = Leavings([remote("1", "a.tar.gz", len(data))], b"", {"a.tar.gz": data})
    finished(folder, {"a.tar.gz": textual(data, PIECE)})
    assert left.adopt(folder, ways=Ways(drop_broken=True)) == {"a.tar.gz": Fate.ADOPTED}
    assert [path.name for path in folder.iterdir() if path.is_file()] == ["a.tar.gz"]


# ---- volumes of a set


def volumes(dice: random.Random, each: int = 9_000, count: int = 200, limit: int = 9 * PIECE) -> dict[str, bytes]:
    entries = [Entry(name=f"{number}.wav", data=dice.randbytes(dice.randrange(each))) for number in range(count)]
    return split_zip("가/소리", entries, limit)


def left_of(given: dict[str, bytes]) -> Leavings:
    tree = [remote(str(number), place, len(data)) for number, (place, data) in enumerate(given.items(), 1)]
    return Leavings(tree, b"", given)


@pytest.mark.parametrize("way", ["textual", "mixed"])
@pytest.mark.parametrize("which", ["first", "last", "all"])
def test_volumes_are_put_right(folder: Path, way: str, which: str) -> None:
    dice = random.Random(f"{SEED}{way}{which}")
    given = volumes(dice, 20_000, limit=11 * PIECE + 99 if way == "textual" else 9 * PIECE)
    assert len(given) > 2
    wrong: dict[str, bytes] = {}
    for number, (place, data) in enumerate(given.items()):
        is_meant = (
            which == "all" or (which == "first" and number == 0) or (which == "last" and number == len(given) - 1)
        )
        change: Callable[[bytes], bytes] = (
            (lambda data: textual(data, PIECE)) if way == "textual" else (lambda data: mixed(data, PIECE, dice))
        )
        if is_meant and len(data) > 2 * PIECE and (changed := change(data)) != data:
            wrong[place] = changed
    left = left_of(given)
    finished(folder, given | wrong)
    states = left.states(folder)
    assert {place for place, state in states.items() if state is State.MISJOINED} == set(wrong)
    assert set(left.adopt(folder).values()) == {Fate.ADOPTED}
    left.check(folder)
    assert {entry.proof for entry in Ledger(folder).entries().values()} == {Proof.ARCHIVE}
    for place, data in wrong.items():
        assert (folder / f"{place}.bad").read_bytes() == data


def test_a_volume_whose_set_was_recorded_before(folder: Path) -> None:
    dice = random.Random(SEED)
    given = volumes(dice)
    left = left_of(given)
    finished(folder, given)
    left.adopt(folder)
    first = next(iter(given))
    entries = [entry for entry in Ledger(folder).entries().values() if entry.place != first]
    (folder / ".aihub/manifest-sha256.txt").unlink()
    (folder / ".aihub/log.jsonl").unlink()
    Ledger(folder).record(entries)
    finished(folder, {first: mixed(given[first], PIECE, dice)})
    assert left.states(folder)[first] is State.MISJOINED
    assert left.adopt(folder) == {first: Fate.ADOPTED}
    left.check(folder)


def test_a_volume_that_no_order_mends_is_damaged(folder: Path) -> None:
    dice = random.Random(SEED)
    given = volumes(dice)
    first = next(iter(given))
    left = left_of(given)
    finished(folder, given | {first: given[first][:200_000] + bytes(200_000) + given[first][400_000:]})
    assert left.states(folder)[first] is State.WHOLE
    assert left.adopt(folder)[first] is Fate.DAMAGED
    assert first not in Ledger(folder).entries()


def test_a_set_that_cannot_be_read_leaves_the_others_alone(folder: Path) -> None:
    dice = random.Random(SEED)
    one = volumes(dice)
    other = {place.replace("소리", "다른"): data for place, data in volumes(dice).items()}
    left = left_of(one | other)
    finished(folder, one | other)
    found = survey(folder, left.tree)
    last, first = list(one)[-1], next(iter(other))
    (folder / last).unlink()
    (folder / first).write_bytes(mixed(other[first], PIECE, dice))
    misjoin_set.put_right(found, lambda: False)
    assert [find.path for find in found.finds if find.state is State.MISJOINED] == [first]


def test_pieces_of_a_volume_without_headers_are_not_guessed(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    given = volumes(dice, each=400_000, count=6)
    orders: list[Order] = []
    for place, data in given.items():
        path = tmp_path / Path(place).name
        path.write_bytes(mixed(data, PIECE, dice) if place.endswith("z01") else data)
        orders.append((Extent(path, 0, len(data)),))
    for order in misjoin_set.right_orders(orders).values():
        assert read(order) == next(iter(given.values()))


def test_no_order_of_a_volume_is_guessed_without_its_set(folder: Path) -> None:
    """Its headers and its directory lie right in many orders of the pieces that hold nothing but data."""
    dice = random.Random(SEED)
    entries = [
        Entry(name=f"{number}.wav", data=dice.randbytes(size)) for number, size in enumerate((20 * PIECE, 9_000))
    ]
    given = split_zip("가/소리", entries, 14 * PIECE)
    first, last = given
    wrong = mixed(given[last], PIECE, dice)
    left = left_of(given)
    finished(folder, {last: wrong})
    assert left.states(folder)[last] is State.MISJOINED
    assert left.adopt(folder) == {last: Fate.DAMAGED}
    assert (folder / last).read_bytes() == wrong
    assert not Ledger(folder).entries()
    # With all volumes the CRCs tell whether it is right.
    finished(folder, {first: given[first]})
    assert left.adopt(folder)[last] is Fate.DAMAGED
    assert last not in Ledger(folder).entries()
