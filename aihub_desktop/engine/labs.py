"""Machines of the lab that share their libraries: their tokens, and what they have.

A token is given for a run, or kept in the keychain; it goes to its machine and to the workers that fetch from there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec

from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.messages import AskLab, FileList, ListLabs, PutLab, RemoveLab
from aihub_desktop.domain.messages import Labs as LabRows
from aihub_desktop.domain.model import HUB, Dataset, Secret
from aihub_desktop.domain.sharing import lab_address, lab_token
from aihub_desktop.domain.storage import LabPlace
from aihub_desktop.engine.errands import Back, Errands
from aihub_desktop.sources.hosts import plain_host
from aihub_desktop.sources.lab.client import lab_files
from aihub_desktop.store.keychain import Vault
from aihub_desktop.store.queue import QueueStore

_log = logging.getLogger(__name__)
_NAME: Final = "labs"
_DEADLINE: Final = 60.0  # a keychain may wait for a dialog that nobody sees

OfLabs = AskLab | PutLab | RemoveLab | ListLabs
Reply = Callable[[Any, Problem | None], None]
Then = Callable[[LabPlace | None, Problem | None], None]


class Labs:
    """Lives on the engine's loop. `name`: the user agent and the seconds that a connection may take."""

    def __init__(
        self, store: QueueStore, vault: Vault, errands: Errands, post: Callable[[Back], None],
        name: Callable[[], tuple[str, float]],
    ) -> None:  # fmt: skip
        self._store = store
        self._vault = vault
        self._errands = errands
        self._name = name
        self._safe = Errands("lab-keychain", post, threads=1)
        self._kept = _kept(store)
        self._tokens: dict[str, Secret] = {}
        self._waiting: dict[str, tuple[float, list[Then]]] = {}  # for the keychain, until when

    def close(self) -> None:
        self._safe.close(1.0)

    # ---- asked by leases ----

    def place(self, address: str, then: Then) -> None:
        """Calls `then` on the loop, now or later: with the machine and its token, or with what keeps us from it."""
        if (token := self._tokens.get(address)) is not None:
            then(LabPlace(address, token), None)
        elif address in self._waiting:
            self._waiting[address][1].append(then)
        else:
            self._waiting[address] = time.monotonic() + _DEADLINE, [then]
            self._safe.run(lambda: self._vault.get_token(address), partial(self._found, address))

    def enforce(self) -> None:
        """Gives up a keychain that does not answer. Call it now and then."""
        now = time.monotonic()
        for address, (deadline, _) in list(self._waiting.items()):
            if now > deadline:
                self._found(address, None, Problem(Code.KEYCHAIN_LOCKED, {"why": "no answer"}))

    def _found(self, address: str, token: Secret | None, problem: Problem | None) -> None:
        _, waiting = self._waiting.pop(address, (0.0, []))
        if token is not None:
            self._tokens.setdefault(address, token)
        elif problem is None or problem.code is Code.KEYCHAIN_NONE:
            problem = Problem(Code.NO_CREDENTIALS, {"host": plain_host(address), "what": "lab"})
        known = self._tokens.get(address)
        for then in waiting:
            then(None if known is None else LabPlace(address, known), None if known is not None else problem)

    # ---- commands ----

    def handle(self, command: OfLabs, reply: Reply) -> None:
        """Answers through `reply`, on the loop. Raises BAD_COMMAND for what is no address, and no token."""
        match command:
            case AskLab(address=address, token=token):
                address = _address(address)
                if token is not None:
                    self._tokens[address] = _token(token)
                self.place(address, lambda place, problem: self._ask(command, place, problem, reply))
            case PutLab(address=address, token=token):
                self._put(LabPlace(_address(address), _token(token)), reply)
            case RemoveLab(address=address):
                self._remove(_address(address), reply)
            case ListLabs():
                reply(LabRows(sorted(self._kept)), None)

    def _ask(self, command: AskLab, place: LabPlace | None, problem: Problem | None, reply: Reply) -> None:
        if place is None:
            reply(None, problem)
            return
        agent, timeout = self._name()

        def job() -> FileList:
            files = lab_files(place, command.dataset, agent, timeout, alone=command.only)
            return FileList(Dataset(HUB, command.dataset, ""), files, "", time.time())

        self._errands.run_apart(f"lab {place.address}", job, reply)

    def _put(self, place: LabPlace, reply: Reply) -> None:
        """A token that the machine does not take is not kept. No dataset has the number 0, so its list is short."""
        agent, timeout = self._name()

        def told(value: Any, problem: Problem | None) -> None:
            if problem is not None:
                reply(None, problem)
            else:
                self._safe.run(lambda: self._vault.set_token(place.address, place.token), kept)

        def kept(value: Any, problem: Problem | None) -> None:
            if problem is not None:
                reply(None, problem)
                return
            self._tokens[place.address] = place.token
            self._enter(self._kept | {place.address}, reply)

        self._errands.run_apart(f"lab {place.address}", lambda: lab_files(place, "0", agent, timeout), told)

    def _remove(self, address: str, reply: Reply) -> None:
        def then(value: Any, problem: Problem | None) -> None:
            # Where there is no keychain there is nothing in it to forget.
            if problem is not None and problem.code is not Code.KEYCHAIN_NONE:
                reply(None, problem)
                return
            self._tokens.pop(address, None)
            self._enter(self._kept - {address}, reply)

        self._safe.run(lambda: self._vault.clear_token(address), then)

    def _enter(self, addresses: frozenset[str], reply: Reply) -> None:
        try:
            self._store.keep(_NAME, msgspec.json.encode(sorted(addresses)), time.time())
        except ProblemError as error:
            reply(None, error.problem)
            return
        self._kept = addresses
        reply(LabRows(sorted(addresses)), None)


def _kept(store: QueueStore) -> frozenset[str]:
    found = store.kept(_NAME)
    try:
        return frozenset() if found is None else frozenset(msgspec.json.decode(found[0], type=list[str]))
    except msgspec.MsgspecError:
        _log.warning("the machines of the lab that were kept cannot be read")
        return frozenset()


def _address(text: str) -> str:
    try:
        return lab_address(text)
    except ValueError:
        raise ProblemError(Code.BAD_COMMAND, what="address") from None


def _token(token: Secret) -> Secret:
    try:
        return lab_token(token.reveal())
    except ValueError:
        raise ProblemError(Code.BAD_COMMAND, what="token") from None
