"""What crosses the seam engine ↔ worker: loans of work, and news of them. JSON lines.

A lease is one loan of work to one worker. News of a lease that has ended is ignored, so a worker that was
given up can say what it likes. Leases of tasks are numbered below zero: the core never meets them.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from aihub_desktop.domain.adoption import AdoptWish, FoundFile, Stock
from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.holdings import Misfit
from aihub_desktop.domain.model import Count, Dataset, RemoteFile, Secret
from aihub_desktop.domain.storage import AnyPlace
from aihub_desktop.domain.unpacking import Unpacked, UnpackProgress, UnpackWish


class Proof(StrEnum):
    """How far a file is proved beyond its SHA-256, which is always recorded."""

    CHECKSUM = "checksum"  # the place's own checksum is right; the note says which
    ARCHIVE = "archive"  # a zip: directory read, the CRC of every entry right
    STRUCTURE = "structure"  # a zip whose directory reads, but with entries that cannot be opened (encrypted, exotic)
    LENGTH = "length"  # every byte came, the length fits, nothing more can be known


class WorkFile(msgspec.Struct, frozen=True):
    """A file of the queue, for a worker. `place` is the text of its `SafePath`.

    `proof` and `note`: what was proved of it while it came, in this run of the engine; a `Check` need not read it.
    """

    id: int
    file: RemoteFile
    place: str
    proof: Proof | None = None
    note: str = ""


class Work(msgspec.Struct, frozen=True, tag_field="work", tag=str.lower):
    lease: int


class Receive(Work, frozen=True):
    """One request for 1 to 50 file keys; the tar's members are routed to their files by name and offset."""

    hub: str
    folder: str
    files: list[WorkFile]
    key: Secret
    user_agent: str
    connect_timeout: float
    stall_seconds: float
    stall_rate: int
    mark_bytes: int
    mark_seconds: float
    buffer_bytes: int = 32 << 20  # received and not written yet, at most
    rate: int = 0  # bytes a second at most, 0 for no limit
    device: int = 0  # `os.stat` of the folder must tell this one, 0 for any: else its drive is not there
    # What was learned of the hub, see `checkup.Learned`; wrong costs a request, no more.
    stream_key: bool = True
    address_again: bool = False


class Gather(Work, frozen=True):
    """Files of one place that serves ranges, in this order, over up to `connections` connections at once.

    Each file ends for itself: Whole (then it is checked), Proved (a small one, under its final name already), or
    Failed. `piece_bytes`: what one connection may lose at most when the power goes.
    """

    place: AnyPlace
    folder: str
    files: list[WorkFile]
    connections: int
    user_agent: str
    connect_timeout: float
    stall_seconds: float
    stall_rate: int
    piece_bytes: int
    mark_seconds: float
    rate: int = 0
    device: int = 0
    one_writer: bool = False  # the drive is slow to seek: few writers, in order


class Rate(Work, frozen=True):
    """From now on the stream of this lease is read no faster than `rate` bytes a second; 0 for no limit."""

    rate: int


class Chart(Work, frozen=True):
    """Somebody looks at this file of the lease: `Charted` tells once where its bytes are."""

    file: int


class Check(Work, frozen=True):
    """Prove whole files and give them their final names: one file, or all volumes of a split set together."""

    folder: str
    files: list[WorkFile]


class Verify(Work, frozen=True):
    """A task: whether the folder still holds what its manifest says. `threads` read at once."""

    folder: str
    deep: bool = True
    threads: int = 1


class Unpack(Work, frozen=True):
    """A task: archives of a folder are unpacked."""

    wish: UnpackWish
    threads: int = 1


class Adopt(Work, frozen=True):
    """A task: what other tools left of `dataset`, whose tree `files` are, is looked through and taken over."""

    wish: AdoptWish
    dataset: Dataset
    files: list[RemoteFile]


class Drop(Work, frozen=True):
    """Stop the lease: make durable what came, say `Ended`."""


AnyWork = Receive | Gather | Rate | Chart | Check | Verify | Unpack | Adopt | Drop


class News(msgspec.Struct, frozen=True, tag_field="news", tag=str.lower):
    lease: int


class FileReach(msgspec.Struct, frozen=True, array_like=True):
    file: int
    bytes: int  # distinct bytes of the file that are written
    again: int  # bytes of this lease that were on disk already


class Reached(News, frozen=True):
    """For the eye, about five times a second. `received`: bytes this lease has read from the network.

    `opened`: the hub's answer has begun. `held`: seconds so far in which the network had to wait for the disk.
    `connections`: open at present, of a `Gather`; `eased`: the place asked for fewer, or for later.
    """

    received: int
    files: list[FileReach]
    opened: bool = False
    held: float = 0.0
    connections: int = 0
    eased: bool = False


class Charted(News, frozen=True):
    """Where the bytes of a file are, as `messages.FileMap` has it. Spans are joined where there are too many."""

    file: int
    size: int
    durable: list[tuple[int, int]]
    written: list[tuple[int, int]] = []
    coming: list[tuple[int, int]] = []
    read: int = 0
    again: int = 0


class Safe(News, frozen=True):
    """For the count of attempts: `bytes` of the file are durable and in its journal, `new` since the last `Safe`."""

    file: int
    bytes: int
    new: int


class Whole(News, frozen=True):
    """Every byte of the file is durable, the tar's end was seen, the size fits.

    `proof`: what could be proved of it already while its bytes passed; None where it has to be read for that.
    """

    file: int
    size: int
    sha256: str
    proof: Proof | None = None
    note: str = ""


class Checked(News, frozen=True):
    """Progress of a check, for the eye."""

    bytes: int


class Proved(News, frozen=True):
    """The file stands under its final name. The journal is still there: whoever records the proof removes it, one of
    many with the last of them.
    """

    file: int
    size: int
    sha256: str
    proof: Proof
    note: str = ""  # e.g. "encrypted"
    batch: str = ""  # the journal of many that claims it, see `transport.claims`
    batch_files: int = 0  # so many files that one claims
    modified: int = 0  # the file's own time on disk, in nanoseconds since 1970


class Seen(News, frozen=True):
    """Of a verification, so far: files that were looked at, and bytes of them that were read."""

    files: int
    bytes: int


class Found(News, frozen=True):
    """The end of a verification that looked at everything: how many of each finding, and the first misfits."""

    counts: dict[str, int]
    misfits: list[Misfit]


class Unpacking(News, frozen=True):
    """Progress of an unpacking."""

    progress: UnpackProgress


class Emptied(News, frozen=True):
    """One archive is done with."""

    archive: Unpacked


class Taking(News, frozen=True):
    """Progress of an adoption: files that are done with, and bytes that were read, of what there is to read."""

    files: Count
    bytes: Count
    files_total: Count
    bytes_total: Count


class Taken(News, frozen=True):
    """The end of a survey or an adoption. `lines`: the first of what was found, what needs an eye before the rest.

    `missing`: numbers of `Adopt.files`, from 0. `files` and `bytes` were adopted, `refused` could have been.
    """

    stock: Stock
    lines: list[FoundFile]
    missing: list[int]
    files: Count = 0
    bytes: Count = 0
    refused: Count = 0


class Failed(News, frozen=True):
    """This file, for this reason; the other files of the lease go on."""

    file: int
    problem: Problem


class Ended(News, frozen=True):
    """The last news of a lease. `problem` concerns every file of it that is not whole, failed or proved."""

    problem: Problem | None = None


AnyNews = (
    Reached | Charted | Safe | Whole | Checked | Proved | Seen | Found | Unpacking | Emptied | Taking | Taken | Failed
    | Ended
)  # fmt: skip
