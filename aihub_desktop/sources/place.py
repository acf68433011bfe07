"""What every source promises. The faces and the engine know no more of a source than this."""

from __future__ import annotations

from typing import Protocol

import msgspec

from aihub_desktop.domain.model import Dataset, RemoteFile, Secret


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
