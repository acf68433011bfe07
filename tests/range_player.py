"""A gathering, once more where a file failed, and its check: in a process to be killed, or whose calls are recorded.

    python range_player.py FOLDER PIECE_BYTES CONNECTIONS URL…

The news are JSON lines on stdout, each written when it was told. Of "URL=SIZE" the size is known beforehand.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
from gatherings import TICK, PlainTerms, gather, remote

from aihub_desktop.domain import wire
from aihub_desktop.domain.leases import AnyNews, Check, Ended, Proved, Whole
from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.sources.lanes import Ranges
from aihub_desktop.transport.check import Checking
from aihub_desktop.transport.gather import Gathering


def files(addresses: Iterable[str]) -> list[RemoteFile]:
    parts = [address.partition("=") for address in addresses]
    return [remote(address, size=int(size) if size else None) for address, _, size in parts]


def main(folder: str, piece_bytes: str, connections: str, *addresses: str) -> None:
    told: list[AnyNews] = []

    def tell(news: AnyNews) -> None:
        told.append(news)
        os.write(1, wire.line(news))

    order = gather(Path(folder), files(addresses), piece_bytes=int(piece_bytes), connections=int(connections))
    place = Ranges(PlainTerms(), user_agent="test", connect_timeout=5.0, tick=TICK)
    left = order.files
    while left:
        Gathering(msgspec.structs.replace(order, files=left), place, tell).run()
        done = {news.file for news in told if isinstance(news, Proved | Whole)}
        left = [work for work in left if work.id not in done]
        if told[-1] != Ended(order.lease):
            return
    proved = {news.file for news in told if isinstance(news, Proved)}
    Checking(Check(2, folder, [work for work in order.files if work.id not in proved]), tell).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
