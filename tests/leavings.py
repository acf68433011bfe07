"""What the official script and browsers leave behind, made by their own steps against the demo hub."""

from __future__ import annotations

import io
import json
import random
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engines import final_files, manifest, offered, sha256

from aihub_desktop.demo.archives import Entry, split_zip, zipped
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.adoption import Fate, State
from aihub_desktop.domain.model import HUB, RemoteFile, SizeRange
from aihub_desktop.holdings.adopt import Adoption
from aihub_desktop.holdings.copying import Steps
from aihub_desktop.holdings.fates import Told, Ways
from aihub_desktop.holdings.finds import Find
from aihub_desktop.holdings.survey import survey

SEED: Final = 20260505
PIECE: Final = 64 << 10
TOOLS: Final = ("bash", "curl", "tar", "cat")
MISSING: Final = [tool for tool in TOOLS if shutil.which(tool) is None]
TOP: Final = "가 나"
BIG: Final = f"{TOP}/1.데이터/TS 01.zip"
TABLE: Final = f"{TOP}/표.csv"
AS_IT_IS: Final = Ways()
SPLIT: Final = f"{TOP}/3.분할/소리"


def archive(size: int, seed: int = SEED, *, entries: int = 40, deflated: bool = False) -> bytes:
    """A zip of about `size` bytes."""
    dice = random.Random(seed)
    each = size // entries
    data = [dice.randbytes(each // 2).hex().encode() if deflated else dice.randbytes(each) for _ in range(entries)]
    return zipped(
        [Entry(name=f"소리/{number}.wav", data=bytes(one), deflated=deflated) for number, one in enumerate(data)]
    )


def _tar(dice: random.Random, mode: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:  # type: ignore[call-overload]
        for number in range(3):
            data = dice.randbytes(30_000)
            member = tarfile.TarInfo(f"{number}.bin")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def files() -> dict[str, bytes]:
    dice = random.Random(SEED)
    volumes = split_zip(
        SPLIT, [Entry(name=f"{number}.wav", data=dice.randbytes(40_000)) for number in range(6)], 100_000
    )
    return {
        BIG: archive(700_000),
        f"{TOP}/1.데이터/TL_01.zip": archive(60_000, 1, deflated=True),
        f"{TOP}/2.데이터/TL_01.zip": archive(90_000, 2, deflated=True),
        **volumes,
        TABLE: dice.randbytes(60_000).hex().encode(),
        f"{TOP}/작은 것.json": json.dumps({"이름": "값"}).encode(),
        f"{TOP}/묶음.tar": _tar(dice, "w"),
        f"{TOP}/묶음.tar.gz": _tar(dice, "w:gz"),
    }


@dataclass
class Leavings:
    """A dataset as the hub offers it: its tree, its tar as curl got it, its files as they should be."""

    tree: list[RemoteFile]
    tar: bytes
    right: dict[str, bytes]
    told: list[Told] = field(default_factory=list)

    @classmethod
    def of(cls, given: dict[str, bytes], folder: Path, piece: int = PIECE) -> Leavings:
        catalogue = Catalogue.of(given)
        with DemoHub(catalogue, piece_size=piece) as hub:
            got = curl(hub, folder / "download.tar")
            data = got.read_bytes()
            got.unlink()
        (offer,) = catalogue.datasets
        tree = [remote(file.key, file.path, file.content.size) for file in offer.files]
        return cls(tree, data, offered(catalogue))

    def file(self, path: str) -> RemoteFile:
        return next(file for file in self.tree if file.path == path)

    def adopt(
        self, folder: Path, target: Path | str = "", ways: Ways = AS_IT_IS, stopped: Callable[[], bool] = lambda: False
    ) -> dict[str, Fate]:
        """What became of each file that could be adopted, by its place."""
        self.told = []
        steps = Steps(stopped=stopped)
        Adoption(survey(folder, self.tree, target), self.told.append, steps, ways).run()
        places = [told.work.place for told in self.told]
        assert len(places) == len(set(places)), "told twice"
        return {told.work.place: told.fate for told in self.told}

    def look(self, folder: Path) -> list[Find]:
        return survey(folder, self.tree).finds

    def states(self, folder: Path) -> dict[str, State]:
        """By the paths on disk, in the form in which they are shown."""
        return {find.path: find.state for find in self.look(folder)}

    def check(self, target: Path, wanted: Sequence[str] | None = None) -> None:
        """Files in the ledger are right, and are those wanted (all if not named); nothing unfinished is left."""
        found = manifest(target)
        assert set(found) == set(self.right if wanted is None else wanted)
        for place, hash_ in found.items():
            assert sha256((target / place).read_bytes()) == hash_ == sha256(self.right[place])
        assert not list(target.rglob("*.part.journal"))

    def right_names(self, folder: Path) -> None:
        """Whatever has a final name that we gave is right."""
        for place, data in final_files(folder).items():
            assert place not in self.right or data == self.right[place], place


def remote(key: str, path: str, size: int, dataset: str = "90001") -> RemoteFile:
    """As the tree tells of it: the size rounded."""
    for unit, name in ((1 << 20, "MB"), (1 << 10, "KB")):
        if size >= unit:
            shown = (size + unit // 2) // unit
            low, high = shown * unit - unit // 2, shown * unit + unit // 2
            return RemoteFile(HUB, dataset, key, path, SizeRange(low, high, f"{shown} {name}"))
    return RemoteFile(HUB, dataset, key, path, SizeRange(size, size, f"{size} Byte"))


def curl(hub: DemoHub, to: Path, dataset: str = "90001", keys: str = "all") -> Path:
    """The script's first step."""
    address = f"{hub.url}/down/0.6/{dataset}.do?fileSn={keys}"
    command = ["curl", "-sSf", "-L", "-H", f"apikey:{DEMO_KEY}", "-o", str(to), address]
    subprocess.run(command, check=True, timeout=60)
    return to


def untar(tar: Path) -> None:
    """Its second step; of a tar that was cut off, tar makes what it can, and fails."""
    subprocess.run(["tar", "-xf", tar.name], cwd=tar.parent, check=False, capture_output=True, timeout=60)


def pieces_of(folder: Path, place: str) -> list[Path]:
    """In the order of their offsets."""
    found = folder.joinpath(place).parent.glob(f"{Path(place).name.replace('[', '[[]')}.part*")
    return sorted(found, key=lambda path: int(path.name.rpartition(".part")[2]))


def cat(folder: Path, place: str, order: Callable[[list[Path]], list[Path]] | None = None) -> None:
    """Its third step, in the right order or in another; the pieces go."""
    found = pieces_of(folder, place)
    with (folder / place).open("wb") as out:
        subprocess.run(["cat", *(order(found) if order else found)], stdout=out, check=True, timeout=60)
    for path in found:
        path.unlink()


def finished(folder: Path, right: dict[str, bytes]) -> None:
    """A folder that any tool may have filled."""
    for place, data in right.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """(size, time of change) of every file but our own."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and ".aihub" not in path.parts
    }
