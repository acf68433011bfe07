"""One object, put in parts by several hands; it has its name once every part and the whole were right.

bytes in order ──▶ part ──▶ there already, with the same hash? ──▶ counted, not sent
                             else sent, and proved by the storage's answer ──▶ record
all parts, the hash of the whole ──▶ complete ──▶ its header: size, ETag of parts, checksum ──▶ Kept
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Final

from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.model import Algorithm
from aihub_desktop.engine.pushing.depot import Depot, Room
from aihub_desktop.engine.pushing.record import Begun, Doubted, Over, PartSent, Record
from aihub_desktop.sources.s3.checksums import of_etag
from aihub_desktop.sources.s3.multipart import SentPart
from aihub_desktop.sources.s3.uploads import OWN_SHA256, Receipt, Stored, Uploads

USUAL_HEADERS: Final = {"content-type": "application/octet-stream"}


@dataclass(frozen=True, slots=True)
class Means:
    """What all objects of a run share."""

    depot: Depot
    record: Record
    hands: Executor
    room: Room


class InParts:
    """Used by one thread, which gives the parts; `hands` send them. `passed`, `sent`: bytes that were there, that went.

    Every method raises `ProblemError`. `moved` hears the bytes of each part once it is there.
    """

    def __init__(self, means: Means, key: str, moved: Callable[[int], None]) -> None:
        self.passed = 0
        self.sent = 0
        self._depot = means.depot
        self._record = means.record
        self._hands = means.hands
        self._room = means.room
        self._key = key
        self._moved = moved
        self._known: dict[int, SentPart] = {}  # that the storage had before
        self._recorded: dict[int, PartSent] = {}
        self._parts: dict[int, PartSent] = {}
        self._coming: list[Future[None]] = []
        self._begun: Begun | None = None
        self._bytes = 0

    @property
    def part_bytes(self) -> int:
        assert self._begun is not None
        return self._begun.part_bytes

    def open(self, part_bytes: int, sha256: str = "") -> None:
        """Goes on with an upload of this content that was begun, or begins one. `sha256`: see `Begun`."""
        begun = self._record.begun(self._key)
        if begun is not None and begun.sha256 == sha256 and self._resumes(begun):
            self._begun = begun
            return
        if begun is not None:
            self._give_up(begun)
        headers = {**USUAL_HEADERS, **({OWN_SHA256: sha256} if sha256 else {})}
        upload = self._depot.persistently(lambda uploads: uploads.begin(self._key, headers))
        self._begun = self._record.begin(self._key, upload, part_bytes, sha256)

    def part(self, number: int, body: memoryview) -> None:
        """The next part; `body` is not to be touched any more. Waits for room, raises what an earlier one met."""
        self._must_be_well()
        self._bytes += len(body)
        self._room.take(len(body))
        self._coming.append(self._hands.submit(self._one, number, body))

    def finish(self) -> Stored:
        """The object, as the storage tells it, proved. Raises WRONG_CHECKSUM where it is another: then it has the name
        all the same, for nothing is ever deleted, but no list tells of it, and the next try puts another in its place.
        """
        self.settle()
        self._complete()
        stored = self._stored()
        if stored is None or not self._is_right(stored):
            self._record.add(Doubted(self._key))
            raise ProblemError(Code.WRONG_CHECKSUM, algorithm=Algorithm.ETAG_PARTS.value)
        return stored

    def settle(self) -> None:
        """Waits for what is under way. Raises what one of the parts met."""
        coming, self._coming = self._coming, []
        problems = [error for one in coming if (error := one.exception()) is not None]
        if problems:
            raise problems[0]

    def leave(self) -> None:
        """What was sent stays, to be gone on with; what is under way is waited for."""
        coming, self._coming = self._coming, []
        for one in coming:
            one.exception()

    def abort(self) -> None:
        """Nothing of it is left at the storage."""
        self.leave()
        if self._begun is not None:
            self._give_up(self._begun)

    def proof(self, stored: Stored) -> str:
        """By what the storage is known to have the right bytes: "sha-256", "etag-parts", "length"."""
        if self._composite() and stored.composite == self._composite():
            return Algorithm.SHA256.value
        proved = all(part.proof for part in self._parts.values())
        return Algorithm.ETAG_PARTS.value if proved and self.etag() == stored.etag else "length"

    @property
    def _upload(self) -> str:
        assert self._begun is not None
        return self._begun.upload

    def _resumes(self, begun: Begun) -> bool:
        try:
            parts = self._depot.persistently(lambda uploads: uploads.parts(self._key, begun.upload))
        except ProblemError as error:
            if error.problem.code is not Code.NOT_THERE:
                raise
            self._record.add(Over(begun.upload))
            return False
        self._known = {part.number: part for part in parts}
        self._recorded = self._record.parts(begun.upload)
        return True

    def _give_up(self, begun: Begun) -> None:
        self._depot.persistently(lambda uploads: uploads.abort(begun.key, begun.upload))
        self._record.add(Over(begun.upload))

    def _must_be_well(self) -> None:
        done = [one for one in self._coming if one.done()]
        for one in done:
            if (error := one.exception()) is not None:
                raise error
        self._coming = [one for one in self._coming if one not in done]

    # ---- one part, by a hand ----

    def _one(self, number: int, body: memoryview) -> None:
        try:
            digest = hashlib.sha256(body).hexdigest()
            there = self._there(number, body, digest)
            if there is None:
                there = self._send(number, body, digest)
                self.sent += len(body)
                self._depot.took(len(body))
            else:
                self.passed += len(body)
            self._parts[number] = there
            self._moved(len(body))
        finally:
            self._room.give_back(len(body))

    def _send(self, number: int, body: memoryview, digest: str) -> PartSent:
        receipt = self._depot.persistently(
            lambda uploads: uploads.send_part(self._key, self._upload, number, body, digest)
        )
        proof = receipt.proof.value if receipt.proof else ""
        part = PartSent(self._upload, number, len(body), receipt.etag, digest, proof)
        self._record.add(part)
        return part

    def _there(self, number: int, body: memoryview, digest: str) -> PartSent | None:
        """The part, where the storage has these very bytes from before."""
        known, ours = self._known.get(number), self._recorded.get(number)
        if known is None or known.size != len(body):
            return None
        if ours is not None and (ours.etag, ours.sha256) == (known.etag, digest):
            return ours
        if known.sha256 == digest:
            return PartSent(self._upload, number, len(body), known.etag, digest, Algorithm.SHA256.value)
        told = of_etag(known.etag)
        if told is None or told.value != hashlib.md5(body, usedforsecurity=False).hexdigest():
            return None
        return PartSent(self._upload, number, len(body), known.etag, digest, Algorithm.MD5.value)

    # ---- the whole ----

    def _complete(self) -> None:
        # A storage that was told of checksums when the upload began wants that of each part now, others want none.
        sums = bool(self._composite())
        try:
            try:
                self._ask_to_complete(sums=sums)
            except ProblemError as error:
                if error.problem.facts.get("status") != 400:
                    raise
                self._ask_to_complete(sums=not sums)
        except ProblemError as error:
            self._could_not(error.problem)
        self._record.add(Over(self._upload))

    def _ask_to_complete(self, *, sums: bool) -> None:
        parts = [SentPart(one.number, one.size, one.etag, one.sha256) for one in self._in_order()]
        self._depot.persistently(lambda uploads: uploads.complete(self._key, self._upload, parts, checksums=sums))

    def _could_not(self, problem: Problem) -> None:
        """Raises what it means that the parts did not become an object, unless they did."""
        if problem.code is Code.NOT_THERE:
            # It may have been completed by a request whose answer never came.
            if (now := self._stored()) is not None and self._is_right(now):
                return
            self._record.add(Over(self._upload))
            raise ProblemError(Code.SERVER_ERROR, text="the upload is lost")
        if problem.facts.get("status") == 400:
            self.abort()  # as it is it can never be completed: the next try begins anew
        raise ProblemError.of(problem)

    def _stored(self) -> Stored | None:
        return self._depot.persistently(lambda uploads: uploads.stored(self._key))

    def _is_right(self, stored: Stored) -> bool:
        if stored.size != self._bytes:
            return False
        if stored.composite and self._composite():
            return stored.composite == self._composite()
        is_told = of_etag(stored.etag) is not None and "-" in stored.etag
        return not is_told or not self.etag() or stored.etag == self.etag()

    def _in_order(self) -> list[PartSent]:
        return [self._parts[number] for number in sorted(self._parts)]

    def _composite(self) -> str:
        """The checksum of the parts' SHA-256, as S3 has it; "" for a storage that knows none of them."""
        parts = self._in_order()
        if not any(part.proof == Algorithm.SHA256.value for part in parts):
            return ""
        joined = hashlib.sha256(b"".join(bytes.fromhex(part.sha256) for part in parts)).digest()
        return f"{base64.b64encode(joined).decode()}-{len(parts)}"

    def etag(self) -> str:
        """The ETag that the whole should have; "" where those of the parts are no MD5."""
        parts = self._in_order()
        told = [of_etag(part.etag) for part in parts]
        if not all(one is not None and one.algorithm is Algorithm.MD5 for one in told):
            return ""
        joined = b"".join(bytes.fromhex(one.value) for one in told if one is not None)
        return f'"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(parts)}"'


def put(depot: Depot, record: Record, key: str, body: memoryview, sha256: str) -> Receipt:
    """One object in one piece, with SHA-256 `sha256`. Raises `ProblemError`."""
    headers = {**USUAL_HEADERS, OWN_SHA256: sha256}

    def act(uploads: Uploads) -> Receipt:
        try:
            return uploads.put(key, body, sha256, headers)
        except ProblemError as error:
            if error.problem.code is Code.WRONG_CHECKSUM:
                record.add(Doubted(key))  # a storage that does not look has it under the name of what was meant
            raise

    return depot.persistently(act)
