"""What every source promises. The faces and the engine know no more of a source than this."""

from __future__ import annotations

from typing import Protocol

import msgspec

from aihub_desktop.domain.model import Checksum, Dataset, RemoteFile, Secret


class Listing(msgspec.Struct, frozen=True):
    """The files of one dataset in the source's own order; `notice` is the source's own notice text."""

    files: list[RemoteFile]
    notice: str = ""


class Body(Protocol):
    """The bytes of one answer, after its header. Owned by one reading thread; `shut` may come from any other.

    Framing (chunks, Content-Length) is undone; content coding is refused at the header.
    """

    def readinto(self, view: memoryview) -> int:
        """Between 1 and len(view) bytes; 0 at the clean end of the answer.

        Waits no longer than `tick` seconds for the first byte: raises `TimeoutError` then, and may be called
        again. Raises `ProblemError` CUT for a reset or an end before the end.
        """
        ...

    def shut(self) -> None:
        """Ends the connection at once; a `readinto` that waits in another thread raises `ProblemError` CUT."""
        ...

    def close(self) -> None: ...


class Opened(Protocol):
    """An answer to a request for a range of a file, judged and ready to be read. Whoever opened it closes `body`.

    The body's bytes are those of the file from `start` on, up to `stop` (None: to an end that nobody knows).
    """

    @property
    def start(self) -> int: ...

    @property
    def stop(self) -> int | None: ...

    @property
    def size(self) -> int | None:
        """Of the whole file, in bytes; None where the answer does not tell."""
        ...

    @property
    def etag(self) -> str:
        """Its strong validator, with its quotes, or its date; "" for none."""
        ...

    @property
    def ranges(self) -> bool:
        """Whether a part of it can be asked for, as far as the answer tells."""
        ...

    @property
    def checksums(self) -> tuple[Checksum, ...]:
        """Of the whole file, as the headers give them."""
        ...

    @property
    def body(self) -> Body: ...


class Lane(Protocol):
    """One connection after another to one place, kept open between requests. Used by one thread; `shut` by any."""

    def open(self, file: RemoteFile, start: int, stop: int | None, etag: str, *, mirror: int = 0) -> Opened:
        """The bytes start ≤ i < stop of a file, or to its end; `etag`: the answer must be of this very content.

        A place that knows no ranges answers from byte 0 whatever was asked: `Opened.start` tells. `mirror`: which of
        the file's addresses, counted round. Raises `ProblemError`: CHANGED where the content is another one,
        SERVER_BUSY with the fact "retry_after", SERVER_ERROR, WRONG_ANSWER, NO_ACCESS, NOT_THERE, UNREACHABLE, ….
        """
        ...

    def shut(self) -> None:
        """Ends what waits or reads at once; nothing can be opened any more."""
        ...

    def close(self) -> None: ...


class RangePlace(Protocol):
    """A place that serves ranges: object storage, a web server. Usable from several threads at once."""

    def lane(self) -> Lane: ...

    def close(self) -> None: ...


class Source(Protocol):
    """One place that lists and gives datasets. Every method may block; each raises only `ProblemError`."""

    def datasets(self) -> list[Dataset]: ...

    def files(self, dataset: Dataset) -> Listing: ...

    def check_key(self, key: Secret) -> bool | None:
        """True: accepted. False: refused. None: the source said nothing that can be relied on."""
        ...

    def open_stream(self, dataset: Dataset, file_keys: list[str], key: Secret) -> Body:
        """One answer with the bytes of these files. For the hub: a tar of pieces."""
        ...

    def close(self) -> None: ...
