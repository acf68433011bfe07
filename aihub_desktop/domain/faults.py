"""What can go wrong, as codes. A code says what happened, its `Fault` says who can mend it.

Every code has words in Korean and English in the message catalogue, and a test fails for one without.

    Fault.TRANSIENT   the world: try again
      ├─ UNREACHABLE, HUB_ERROR, BAD_ANSWER, CUT, STALLED, SHORT, MISSING_MEMBER
      ├─ NOT_A_TAR, BROKEN_TAR, MISPLACED, OVERLAPPING, WRONG_SIZE, BAD_ARCHIVE
      ├─ SERVER_ERROR, WRONG_ANSWER, WRONG_CHECKSUM
      └─ WORKER_LOST, IN_USE, NO_CLUSTER, NO_WORKERS
    Fault.BUSY        the hub or a server asks for fewer or later
      └─ HUB_BUSY, SERVER_BUSY
    Fault.CHANGED     the file was released anew
      └─ CHANGED
    Fault.DENIED      the user must act, at aihub.or.kr or on the way there
      ├─ NO_KEY, KEY_REJECTED, NOT_APPROVED, APPROVAL_EXPIRED, ABROAD, API_OUTDATED, FORBIDDEN
      ├─ TLS_UNTRUSTED, INSECURE
      ├─ NO_ACCESS, NO_CREDENTIALS, ADDRESS_EXPIRED, CLOCK_WRONG, ARCHIVED
      └─ LEAVES_KOREA
    Fault.GONE        the hub or the server does not have it
      ├─ UNKNOWN_DATASET, UNKNOWN_FILE, RELEASED_ANEW, UNKNOWN_ORIGIN, SOURCE_BROKEN
      └─ NOT_THERE, BAD_ADDRESS, BAD_LIST
    Fault.LOCAL       this machine: disk, names, files in the way
      ├─ HOSTILE_MEMBER, UNSAFE_NAME, NAME_CLASH, IN_THE_WAY
      ├─ DISK_FULL, NO_ROOM, FILE_TOO_LARGE, NOT_WRITABLE, DISK_ERROR, TARGET_MISSING, DRIVE_MISSING
      ├─ NO_LEDGER, AT_WORK, NOT_AS_RECORDED, OTHER_OBJECT
      ├─ BAD_BATCH, BATCH_NEWER, BAD_DOCUMENT, DOCUMENT_NEWER
      ├─ NO_BAG, BAG_UNFINISHED, BAG_BROKEN, OTHER_BAG, DRIVE_GONE, DRIVE_WANTED, NO_DRIVE_ROOM
      ├─ NOT_SIGNED, WRONG_SIGNATURE, SIGNING_FAILED
      ├─ NO_DASK, OTHER_VERSION, NOT_SHARED, NOT_ENCRYPTED
      ├─ NOT_AN_ARCHIVE, EGG_ARCHIVE, VOLUME_MISSING, ARCHIVE_BOMB, ARCHIVE_OVERLAPS, STOPPED
      └─ KEYCHAIN_LOCKED, KEYCHAIN_NONE, ENGINE_BUSY, SYNC_BUSY, STORE_NEWER, STORE_BROKEN
    Fault.BUG         this program
      └─ BAD_COMMAND, BUG
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec


class Fault(StrEnum):
    """Who can mend it. Retrying looks at nothing else."""

    TRANSIENT = "transient"
    BUSY = "busy"
    CHANGED = "changed"
    DENIED = "denied"
    GONE = "gone"
    LOCAL = "local"
    BUG = "bug"


class Code(StrEnum):
    """What happened. Stored, sent, and shown through the message catalogue."""

    # the way to the hub
    UNREACHABLE = "unreachable"
    TLS_UNTRUSTED = "tls-untrusted"
    INSECURE = "insecure"  # a redirect or address asks for plain http outside loopback
    HUB_ERROR = "hub-error"  # an unknown body with a 5xx
    HUB_BUSY = "hub-busy"  # 429, 503, refusal of a simultaneous start
    BAD_ANSWER = "bad-answer"  # a list or tree that cannot be read
    # what the user must settle with the hub
    NO_KEY = "no-key"
    KEY_REJECTED = "key-rejected"
    NOT_APPROVED = "not-approved"
    APPROVAL_EXPIRED = "approval-expired"
    ABROAD = "abroad"
    API_OUTDATED = "api-outdated"
    FORBIDDEN = "forbidden"  # 403: the tree is not offered
    # what the hub does not have
    UNKNOWN_DATASET = "unknown-dataset"
    UNKNOWN_FILE = "unknown-file"
    RELEASED_ANEW = "released-anew"  # of a file that was received: the dataset has it no more under this key
    UNKNOWN_ORIGIN = "unknown-origin"  # of a file in a manifest: nothing tells where it came from
    # the stream
    CUT = "cut"
    STALLED = "stalled"
    SHORT = "short"  # a clean end before all bytes came
    MISSING_MEMBER = "missing-member"  # the answer holds no byte of a file that was asked for
    NOT_A_TAR = "not-a-tar"  # HTML or text where a tar was promised
    BROKEN_TAR = "broken-tar"
    MISPLACED = "misplaced"  # a piece whose place in the file cannot be known
    OVERLAPPING = "overlapping"  # two pieces of one answer differ where they overlap
    HOSTILE_MEMBER = "hostile-member"  # a link, a device, a name that would leave the folder
    # any server and object storage
    NO_ACCESS = "no-access"  # 401, 403, AccessDenied, a wrong key
    NO_CREDENTIALS = "no-credentials"  # none where the storage wants them
    ADDRESS_EXPIRED = "address-expired"  # a signed address whose time is over
    CLOCK_WRONG = "clock-wrong"  # this machine's clock is too far off for a signature
    ARCHIVED = "archived"  # in a storage class that has to be restored first
    NOT_THERE = "not-there"  # 404, 410, NoSuchKey, NoSuchBucket
    BAD_ADDRESS = "bad-address"  # an address that cannot be asked for
    BAD_LIST = "bad-list"  # a Metalink, a list of checksums or addresses that cannot be read
    SERVER_ERROR = "server-error"  # 5xx, or an answer that means nothing
    SERVER_BUSY = "server-busy"  # 429, 503, SlowDown
    WRONG_ANSWER = "wrong-answer"  # a page instead of data, a range that was not asked for, a coding against our wish
    WRONG_CHECKSUM = "wrong-checksum"  # every byte came, but not those that the place's checksum is of
    # putting files into object storage
    LEAVES_KOREA = "leaves-korea"  # the storage is not known to lie in Korea, and nobody has said that it may be
    NOT_AS_RECORDED = "not-as-recorded"  # a file on disk is not what was proved any more
    OTHER_OBJECT = "other-object"  # the name is taken by an object with another content
    # what came is not what it should be
    WRONG_SIZE = "wrong-size"  # outside what the tree's rounded size allows
    BAD_ARCHIVE = "bad-archive"  # a zip whose directory or whose entries are damaged
    SOURCE_BROKEN = "source-broken"  # the same damaged bytes came twice: the hub's copy is damaged
    CHANGED = "changed"  # a durable piece differs from what the hub sends now
    # unpacking
    NOT_AN_ARCHIVE = "not-an-archive"  # nothing that we can open
    EGG_ARCHIVE = "egg-archive"  # of a format that only its maker opens
    VOLUME_MISSING = "volume-missing"  # of a split archive
    ARCHIVE_BOMB = "archive-bomb"  # it unpacks to more than anything real does
    ARCHIVE_OVERLAPS = "archive-overlaps"  # its entries share their bytes
    STOPPED = "stopped"  # by a person, in the middle
    # this machine
    UNSAFE_NAME = "unsafe-name"
    NAME_CLASH = "name-clash"
    IN_THE_WAY = "in-the-way"
    IN_USE = "in-use"  # another run of this program writes to the file
    DISK_FULL = "disk-full"
    NO_ROOM = "no-room"  # what is still to come does not fit
    FILE_TOO_LARGE = "file-too-large"  # for the file system: FAT32 ends at 4 GiB
    NOT_WRITABLE = "not-writable"
    DISK_ERROR = "disk-error"
    TARGET_MISSING = "target-missing"
    DRIVE_MISSING = "drive-missing"  # the volume that the transfer began on is not there, or another one is
    NO_LEDGER = "no-ledger"  # a folder in which this program has recorded nothing
    AT_WORK = "at-work"  # a download or a task is at work in the folder
    KEYCHAIN_LOCKED = "keychain-locked"
    KEYCHAIN_NONE = "keychain-none"
    ENGINE_BUSY = "engine-busy"  # another engine holds this state folder
    SYNC_BUSY = "sync-busy"  # another run brings this folder to what a batch says, or a bundle into or out of it
    STORE_NEWER = "store-newer"  # the queue was written by a newer version
    STORE_BROKEN = "store-broken"
    # the machines of a cluster
    NO_DASK = "no-dask"  # the optional part of this program for it is not installed
    NO_CLUSTER = "no-cluster"  # its scheduler does not answer
    NO_WORKERS = "no-workers"  # nobody is there who could receive
    OTHER_VERSION = "other-version"  # a worker has another version of this program, or none
    NOT_SHARED = "not-shared"  # a worker does not see the folder
    NOT_ENCRYPTED = "not-encrypted"  # a signed address is not sent where anybody can read it
    BAD_BATCH = "bad-batch"  # a batch file that cannot be understood
    BATCH_NEWER = "batch-newer"  # one that a newer version wrote
    BAD_DOCUMENT = "bad-document"  # a request, a report, a list of a bundle that cannot be read
    DOCUMENT_NEWER = "document-newer"  # one that a newer version wrote
    NO_BAG = "no-bag"  # no bundle of this program lies there
    BAG_UNFINISHED = "bag-unfinished"  # a bundle that is still being made
    BAG_BROKEN = "bag-broken"  # a bundle's own lists are not as they were written
    OTHER_BAG = "other-bag"  # an unfinished bundle of something else is in the way
    DRIVE_GONE = "drive-gone"  # what is carried from or to is not there, or not any more
    DRIVE_WANTED = "drive-wanted"  # another drive of the set
    NO_DRIVE_ROOM = "no-drive-room"  # all drives together have no room for a bundle
    NOT_SIGNED = "not-signed"  # a bundle without the signature that was asked for
    WRONG_SIGNATURE = "wrong-signature"
    SIGNING_FAILED = "signing-failed"  # ssh-keygen did not sign
    BAD_COMMAND = "bad-command"  # a command the engine cannot obey, e.g. an unknown transfer
    WORKER_LOST = "worker-lost"
    BUG = "bug"


FAULT_OF: Final[dict[Code, Fault]] = {
    Code.UNREACHABLE: Fault.TRANSIENT,
    Code.TLS_UNTRUSTED: Fault.DENIED,
    Code.INSECURE: Fault.DENIED,
    Code.HUB_ERROR: Fault.TRANSIENT,
    Code.HUB_BUSY: Fault.BUSY,
    Code.BAD_ANSWER: Fault.TRANSIENT,
    Code.NO_KEY: Fault.DENIED,
    Code.KEY_REJECTED: Fault.DENIED,
    Code.NOT_APPROVED: Fault.DENIED,
    Code.APPROVAL_EXPIRED: Fault.DENIED,
    Code.ABROAD: Fault.DENIED,
    Code.API_OUTDATED: Fault.DENIED,
    Code.FORBIDDEN: Fault.DENIED,
    Code.UNKNOWN_DATASET: Fault.GONE,
    Code.UNKNOWN_FILE: Fault.GONE,
    Code.RELEASED_ANEW: Fault.GONE,
    Code.UNKNOWN_ORIGIN: Fault.GONE,
    Code.CUT: Fault.TRANSIENT,
    Code.STALLED: Fault.TRANSIENT,
    Code.SHORT: Fault.TRANSIENT,
    Code.MISSING_MEMBER: Fault.TRANSIENT,
    Code.NOT_A_TAR: Fault.TRANSIENT,
    Code.BROKEN_TAR: Fault.TRANSIENT,
    Code.MISPLACED: Fault.TRANSIENT,
    Code.OVERLAPPING: Fault.TRANSIENT,
    Code.HOSTILE_MEMBER: Fault.LOCAL,
    Code.NO_ACCESS: Fault.DENIED,
    Code.NO_CREDENTIALS: Fault.DENIED,
    Code.ADDRESS_EXPIRED: Fault.DENIED,
    Code.CLOCK_WRONG: Fault.DENIED,
    Code.ARCHIVED: Fault.DENIED,
    Code.NOT_THERE: Fault.GONE,
    Code.BAD_ADDRESS: Fault.GONE,
    Code.BAD_LIST: Fault.GONE,
    Code.LEAVES_KOREA: Fault.DENIED,
    Code.NOT_AS_RECORDED: Fault.LOCAL,
    Code.OTHER_OBJECT: Fault.LOCAL,
    Code.SERVER_ERROR: Fault.TRANSIENT,
    Code.SERVER_BUSY: Fault.BUSY,
    Code.WRONG_ANSWER: Fault.TRANSIENT,
    Code.WRONG_CHECKSUM: Fault.TRANSIENT,
    Code.WRONG_SIZE: Fault.TRANSIENT,
    Code.BAD_ARCHIVE: Fault.TRANSIENT,
    Code.SOURCE_BROKEN: Fault.GONE,
    Code.CHANGED: Fault.CHANGED,
    Code.NOT_AN_ARCHIVE: Fault.LOCAL,
    Code.EGG_ARCHIVE: Fault.LOCAL,
    Code.VOLUME_MISSING: Fault.LOCAL,
    Code.ARCHIVE_BOMB: Fault.LOCAL,
    Code.ARCHIVE_OVERLAPS: Fault.LOCAL,
    Code.STOPPED: Fault.LOCAL,
    Code.UNSAFE_NAME: Fault.LOCAL,
    Code.NAME_CLASH: Fault.LOCAL,
    Code.IN_THE_WAY: Fault.LOCAL,
    Code.IN_USE: Fault.TRANSIENT,
    Code.DISK_FULL: Fault.LOCAL,
    Code.NO_ROOM: Fault.LOCAL,
    Code.FILE_TOO_LARGE: Fault.LOCAL,
    Code.NOT_WRITABLE: Fault.LOCAL,
    Code.DISK_ERROR: Fault.LOCAL,
    Code.TARGET_MISSING: Fault.LOCAL,
    Code.DRIVE_MISSING: Fault.LOCAL,
    Code.NO_LEDGER: Fault.LOCAL,
    Code.AT_WORK: Fault.LOCAL,
    Code.KEYCHAIN_LOCKED: Fault.LOCAL,
    Code.KEYCHAIN_NONE: Fault.LOCAL,
    Code.ENGINE_BUSY: Fault.LOCAL,
    Code.SYNC_BUSY: Fault.LOCAL,
    Code.STORE_NEWER: Fault.LOCAL,
    Code.STORE_BROKEN: Fault.LOCAL,
    Code.NO_DASK: Fault.LOCAL,
    Code.NO_CLUSTER: Fault.TRANSIENT,
    Code.NO_WORKERS: Fault.TRANSIENT,
    Code.OTHER_VERSION: Fault.LOCAL,
    Code.NOT_SHARED: Fault.LOCAL,
    Code.NOT_ENCRYPTED: Fault.LOCAL,
    Code.BAD_BATCH: Fault.LOCAL,
    Code.BATCH_NEWER: Fault.LOCAL,
    Code.BAD_DOCUMENT: Fault.LOCAL,
    Code.DOCUMENT_NEWER: Fault.LOCAL,
    Code.NO_BAG: Fault.LOCAL,
    Code.BAG_UNFINISHED: Fault.LOCAL,
    Code.BAG_BROKEN: Fault.LOCAL,
    Code.OTHER_BAG: Fault.LOCAL,
    Code.DRIVE_GONE: Fault.LOCAL,
    Code.DRIVE_WANTED: Fault.LOCAL,
    Code.NO_DRIVE_ROOM: Fault.LOCAL,
    Code.NOT_SIGNED: Fault.LOCAL,
    Code.WRONG_SIGNATURE: Fault.LOCAL,
    Code.SIGNING_FAILED: Fault.LOCAL,
    Code.BAD_COMMAND: Fault.BUG,
    Code.WORKER_LOST: Fault.TRANSIENT,
    Code.BUG: Fault.BUG,
}


class Problem(msgspec.Struct, frozen=True):
    """A code with its facts: short texts and numbers that the message catalogue may name.

    Facts never hold the key; texts from outside are cut to a few hundred signs by whoever makes the problem.
    """

    code: Code
    facts: dict[str, str | int] = {}

    @property
    def fault(self) -> Fault:
        return FAULT_OF[self.code]


class ProblemError(Exception):
    """A problem on its way to whoever decides. The one exception that crosses rooms."""

    def __init__(self, code: Code, /, **facts: str | int) -> None:
        super().__init__(f"{code} {facts}" if facts else str(code))
        self.problem = Problem(code, facts)

    @classmethod
    def of(cls, problem: Problem) -> ProblemError:
        return cls(problem.code, **problem.facts)
