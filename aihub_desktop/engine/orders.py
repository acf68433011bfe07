"""What a worker is told to do: a decision of the core, with what the settings say at that moment."""

from __future__ import annotations

from typing import Final

from aihub_desktop import __version__
from aihub_desktop.domain.checkup import Learned
from aihub_desktop.domain.leases import Gather, Receive
from aihub_desktop.domain.model import Secret
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.storage import AnyPlace
from aihub_desktop.engine.deeds import Collect, Fetch

_OWN_NAME: Final = f"aihub-desktop/{__version__}"
_LEAST_BUFFER: Final = 4 << 20  # of one stream: less could not bridge a moment in which the disk is busy


def user_agent(settings: Settings) -> str:
    """The name that the hub and every other place hear: the program's own, unless the user set another."""
    return settings.user_agent or _OWN_NAME


def agent(settings: Settings) -> tuple[str, float]:
    """(the name that places hear, seconds that a connection may take)."""
    return user_agent(settings), settings.connect_timeout


def reception(
    fetch: Fetch, hub: str, key: Secret, settings: Settings, known: Learned, *, share: int, device: int
) -> Receive:
    """`share`: bytes a second of the limit, 0 for no limit. The buffer is this stream's part of the whole budget.

    `device`: the volume on which the folder must be found, 0 for any. `known`: what was learned of the hub.
    """
    use = settings
    buffer = max(_LEAST_BUFFER, use.buffer_bytes // use.parallel)
    return Receive(
        fetch.lease, hub, fetch.folder, fetch.files, key, user_agent(use), use.connect_timeout, use.stall_seconds,
        use.stall_rate, use.mark_bytes, use.mark_seconds, buffer, share, device,
        stream_key=known.stream_key is not False, address_again=known.address_again is True,
    )  # fmt: skip


def gathering(
    collect: Collect, place: AnyPlace, settings: Settings, *, share: int, device: int, one_writer: bool = False
) -> Gather:
    """`share`, `device` as above. `one_writer`: few should write to the drive at once, and in order."""
    use = settings
    return Gather(
        collect.lease, place, collect.folder, collect.files, collect.connections, user_agent(use), use.connect_timeout,
        use.stall_seconds, use.stall_rate, use.piece_bytes, use.mark_seconds, share, device, one_writer,
    )  # fmt: skip
