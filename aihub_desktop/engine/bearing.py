"""Which address the way is watched to: another way out, and no connection from before lives on. Pure."""

from __future__ import annotations

from aihub_desktop.domain.storage import split_container
from aihub_desktop.engine.records import RECEIVING, Book, LeaseKind


class Bearing:
    """To the hub if anything comes from there, else to a place of the leases."""

    def __init__(self, book: Book, hub: str) -> None:
        self._book = book
        self._hub = hub
        self._way = ("", hub)  # (place, address)

    def address(self) -> str:
        """ "" where nothing comes. A lease of small files is soon over; the next at its place leads the same way."""
        receiving = [lease for lease in self._book.leases.values() if lease.kind in RECEIVING]
        if not receiving:
            return ""
        if any(lease.kind is LeaseKind.FETCH for lease in receiving):
            return self._hub
        if self._way[0] not in {lease.place for lease in receiving}:
            file = self._book.files.get(receiving[0].held[0])
            if file is None or file.remote.origin is None:
                return self._hub
            addresses = file.remote.origin.addresses or split_container(file.remote.dataset)[:1]
            self._way = (receiving[0].place, addresses[0])
        return self._way[1]
