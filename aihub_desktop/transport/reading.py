"""What is learnt from the bytes of one file in their order, while they pass: its SHA-256, and what an archive holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from aihub_desktop.archives.companion import Companion, Job
from aihub_desktop.archives.passing import look_for
from aihub_desktop.archives.ziparchive import recall
from aihub_desktop.archives.zipstream import ZipStream
from aihub_desktop.disk.target import Spot
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import Proof
from aihub_desktop.domain.sets import volume_of
from aihub_desktop.transport.digests import Digests

_WORTH_A_COMPANION: Final = 64 << 10  # below, handing over costs more than it wins


@dataclass(frozen=True, slots=True)
class Finding:
    """A whole file. `proof` None: what there is to prove has still to be read from disk."""

    size: int
    sha256: str
    proof: Proof | None
    note: str


_Hear = Callable[[memoryview], Iterable[Job] | None]


class Reading:
    """Bytes may be offered in any order; those that follow on what was read are read."""

    def __init__(self, spot: Spot, companion: Companion, digests: Digests | None = None) -> None:
        """`digests`: the checksums that the place gives; with one of them right, nothing else has to be proved."""
        self.stop = 0  # so many bytes from the start were read
        self._spot = spot
        self._companion = companion
        self._sha256 = hashlib.sha256()
        self._digests = digests
        self._zip = ZipStream() if spot.place.casefold().endswith(".zip") else None
        self._look = look_for(spot.place)
        # Each hears all bytes in their order, and need not wait for the others.
        self._hearers: list[_Hear] = [self._sha256.update]
        if digests is not None:
            self._hearers.append(digests.update)
        if self._zip is not None:
            self._hearers.append(partial(_walk, self._zip))
        if self._look is not None:
            self._hearers.append(self._look.feed)

    def offer(self, at: int, view: memoryview) -> None:
        """These are the bytes from `at` on. They may be looked at until the companion's `turn` says otherwise."""
        known = self.stop - at
        if not 0 <= known < len(view):
            return
        rest = view[known:]
        self.stop += len(rest)
        if len(rest) < _WORTH_A_COMPANION and not self._companion.is_behind:
            self._hear(rest)
        else:
            self._hand_over(rest)

    def update(self, data: memoryview) -> None:
        """The next bytes; read when this returns."""
        self.stop += len(data)
        self._companion.join()
        if len(data) < _WORTH_A_COMPANION:
            self._hear(data)
        else:
            self._hand_over(data)
            self._companion.join()

    def hexdigest(self) -> str:
        self._companion.join()
        return self._sha256.hexdigest()

    def _hand_over(self, data: memoryview) -> None:
        for hear in self._hearers:
            self._companion.begin(Job(partial(hear, data), hear))

    def _hear(self, data: memoryview) -> None:
        for hear in self._hearers:
            for job in hear(data) or ():
                job.act()

    def finding(self, stopped: Callable[[], bool]) -> Finding:
        """To be asked once the whole file was read and is on disk. Raises what the disk says, and `StoppedError`.

        Raises WRONG_CHECKSUM (facts "algorithm", "sha256") where the place's own checksum is another one.
        """
        size, sha256 = self.stop, self.hexdigest()
        if self._digests is not None:
            if (wrong := self._digests.wrong(sha256)) is not None:
                raise ProblemError(Code.WRONG_CHECKSUM, algorithm=wrong.algorithm.value, sha256=sha256)
            if note := self._digests.note():
                return Finding(size, sha256, Proof.CHECKSUM, note)
        if self._zip is not None:
            verdict = recall(self._spot.part, self._zip.seen, stopped)
            return Finding(size, sha256, verdict.proof if verdict else None, verdict.note if verdict else "")
        if self._look is not None:
            told = self._look.verdict()
            # What seems damaged is read once more, from disk, before anybody is told so.
            return Finding(size, sha256, None if told.damage else told.proof, told.note)
        # One volume of a set proves nothing by itself, and nothing more than its bytes can be known of other files.
        return Finding(size, sha256, None if volume_of(self._spot.place) else Proof.LENGTH, "")


def _walk(stream: ZipStream, data: memoryview) -> list[Job]:
    return [Job(portion.unpack, portion.entry) for portion in stream.feed(data)]
