"""What lies in object storages, behind web addresses and on machines of the lab: looked at off the engine's loop, for
the faces.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.messages import (
    AskLab,
    Browse,
    Expand,
    FileList,
    Inspect,
    Inspected,
    ListLabs,
    ListStorages,
    PutLab,
    PutStorage,
    RemoveLab,
    RemoveStorage,
    Shelf,
)
from aihub_desktop.domain.model import S3, Dataset
from aihub_desktop.domain.storage import S3Place, container, plain_endpoint
from aihub_desktop.engine.errands import Errands
from aihub_desktop.engine.labs import Labs, OfLabs
from aihub_desktop.engine.storages import StorageKeys
from aihub_desktop.sources.s3.client import S3 as S3Client
from aihub_desktop.sources.web.client import Web

OfShelves = ListStorages | PutStorage | RemoveStorage | Browse | Expand | Inspect | OfLabs
Reply = Callable[[Any, Problem | None], None]


class Shelves:
    """Lives on the engine's loop. `name`: the user agent and the seconds that a connection may take, at that moment.

    Every storage has a lane of its own: one that does not answer holds up no other.
    """

    def __init__(self, keys: StorageKeys, labs: Labs, errands: Errands, name: Callable[[], tuple[str, float]]) -> None:
        self._keys = keys
        self._labs = labs
        self._errands = errands
        self._name = name

    def handle(self, command: OfShelves, reply: Reply) -> None:
        """Answers through `reply`, on the loop. Raises BAD_COMMAND for what is no endpoint."""
        match command:
            case AskLab() | PutLab() | RemoveLab() | ListLabs():
                self._labs.handle(command, reply)
            case Inspect():
                self._inspect(command, reply)
            case Browse() | Expand():
                self._browse(command, reply)
            case _:
                self._keys.handle(command, reply)

    def _browse(self, command: Browse | Expand, reply: Reply) -> None:
        try:
            endpoint = plain_endpoint(command.endpoint)
        except ValueError:
            raise ProblemError(Code.BAD_COMMAND, what="endpoint") from None

        def look(place: S3Place | None, problem: Problem | None) -> None:
            if place is None:
                reply(None, problem)
                return
            agent, timeout = self._name()

            def then(value: Any, problem: Problem | None) -> None:
                if problem is not None and problem.code in (Code.NO_ACCESS, Code.NO_CREDENTIALS):
                    self._keys.refused(endpoint)
                reply(value, problem)

            job = partial(_look, command, endpoint, place, agent, timeout)
            self._errands.run_apart(f"shelf {endpoint}", job, then)

        self._keys.place(endpoint, look)

    def _inspect(self, command: Inspect, reply: Reply) -> None:
        agent, timeout = self._name()

        def job() -> Inspected:
            with contextlib.closing(Web(agent, timeout)) as web:
                return web.inspect(command.addresses, command.names, command.checksums, ask_all=command.ask_all)

        self._errands.run_apart("inspect", job, reply)


def _look(command: Browse | Expand, endpoint: str, place: S3Place, agent: str, timeout: float) -> Shelf | FileList:
    with contextlib.closing(S3Client(place, agent, timeout)) as client:
        if isinstance(command, Expand):
            files = client.expand(command.bucket, command.prefixes, command.base)
            dataset = Dataset(S3, container(endpoint, command.bucket), command.bucket)
            return FileList(dataset, files, "", time.time())
        if not command.bucket:
            return Shelf(client.buckets(), [])
        return client.page(command.bucket, command.prefix, command.after)
