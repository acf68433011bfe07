"""A bag as it comes from outside: nothing of it is believed before it was checked, and no name before it is safe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aihub_desktop.archives.volumes import Extent
from aihub_desktop.batch import bag, signature
from aihub_desktop.batch.bundle_files import FILES, BundleHead, bag_folders, head_of, lines_of, must_be_finished
from aihub_desktop.batch.drives import Drive, look_at
from aihub_desktop.batch.landing import Source
from aihub_desktop.batch.layout import PAYLOAD
from aihub_desktop.batch.values import Carried, Held, Portion
from aihub_desktop.disk.files import plain_file
from aihub_desktop.disk.target import Target
from aihub_desktop.domain.faults import Code, Problem, ProblemError

_LARGEST: Final = 1 << 30  # bytes of a list: a million files
_NEEDED: Final = (bag.BAGIT, bag.INFO, bag.MANIFEST, FILES)
# These are of one bag. A signature that is not as it should be is a person's affair before anything is taken.
_OF_A_BAG: Final = frozenset(
    {
        *(Code.BAG_BROKEN, Code.BAG_UNFINISHED, Code.NO_BAG, Code.BAD_DOCUMENT, Code.DOCUMENT_NEWER),
        *(Code.IN_THE_WAY, Code.DISK_ERROR),
    }
)


@dataclass(frozen=True, slots=True)
class Incoming:
    """`signer` "": not checked. `told`: (bytes, files) that its payload should have, as its label says."""

    drive: Drive
    folder: Path
    target: Target  # the folder, whose ways down were looked at
    head: BundleHead
    carried: Sequence[Carried]
    sums: Mapping[str, str]
    signer: str = ""
    told: tuple[int, int] | None = None

    def source(self, portion: Portion, carried: Carried) -> Source | None:
        """Where its bytes are; None where there are none, or not as many. Raises UNSAFE_NAME, IN_THE_WAY."""
        spot = self.target.spot(portion.path)
        if not self.target.check_parents(spot) or (state := plain_file(spot.final)) is None:
            return None
        if (sha256 := self.sums.get(portion.path)) is None or not (carried.fetch or state.st_size == portion.length):
            return None
        return Source(Extent(spot.final, 0, state.st_size), portion.start, sha256)

    def held(self) -> list[Held]:
        """Files of which it has portions."""
        own = (one for one in self.carried if any(portion.bag == self.head.bag for portion in one.portions))
        return [Held.of_story(one.story) for one in own if not one.fetch]

    def there(self) -> tuple[int, int]:
        """(bytes, files) of the payload, by the names in the manifest. Quick: nothing is read."""
        size, count = 0, 0
        for path in self.sums:
            try:
                spot = self.target.spot(path)
                state = plain_file(spot.final) if self.target.check_parents(spot) else None
            except ProblemError:
                continue
            if state is not None:
                size, count = size + state.st_size, count + 1
        return size, count


def incoming(folder: Path, signers: Path | None, hear: Callable[[Problem], None]) -> list[Incoming]:
    """Every finished bag of a drive, or the one that the folder is; none for a drive without any. The signature is
    checked first where `signers` are given.

    `hear` is told of each bag that cannot be taken: BAG_UNFINISHED where there is no other, NO_BAG for one that is none
    of ours, BAG_BROKEN, BAD_DOCUMENT, DOCUMENT_NEWER, IN_THE_WAY, DISK_ERROR. Raises `ProblemError`: those of
    signatures, DRIVE_GONE.
    """
    drive = look_at(folder)
    folders = bag_folders(drive.folder)
    finished = [one for one in folders if (one / bag.BAGIT).exists()]
    found: list[Incoming] = []
    for one in finished or folders[:1]:
        try:
            must_be_finished(one)
            found.append(_opened(drive, one, signers))
        except ProblemError as error:
            drive.must_be_there()
            if error.problem.code not in _OF_A_BAG:
                raise
            hear(error.problem)
    return found


def _opened(drive: Drive, folder: Path, signers: Path | None) -> Incoming:
    bag.check_declaration(folder)
    if (state := plain_file(folder / FILES)) is None:
        raise ProblemError(Code.NO_BAG, path=str(folder))
    if state.st_size > _LARGEST:
        raise bag.broken(folder / FILES)
    signer = signature.checked(folder, signers) if signers is not None else ""
    bag.check_tags(folder, _NEEDED)
    head, sums = head_of(folder / FILES), bag.read_manifest(folder / bag.MANIFEST)
    carried = list(lines_of(folder / FILES))
    for one in carried:
        for portion in one.portions:
            if portion.bag == head.bag:
                _must_agree(folder, portion, one, sums)
    return Incoming(drive, folder, Target(folder), head, carried, sums, signer, _told(folder))


def _must_agree(folder: Path, portion: Portion, carried: Carried, sums: Mapping[str, str]) -> None:
    wanted = portion.sha256 or carried.story.sha256
    if not portion.path.startswith(f"{PAYLOAD}/") or sums.get(portion.path) != wanted:
        raise bag.broken(folder / bag.MANIFEST)


def _told(folder: Path) -> tuple[int, int] | None:
    size, dot, count = bag.read_info(folder / bag.INFO).get("payload-oxum", "").partition(".")
    return (int(size), int(count)) if dot and size.isdecimal() and count.isdecimal() else None
