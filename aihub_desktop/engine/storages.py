"""The object storages that a person entered, and how each is asked: with keys from the keychain, from the usual
profiles, for this run only, or with none.

    a lease, a look at a bucket ──→ place(endpoint) ──→ for this run? known? ──→ S3Place
                                                    └─→ keychain, profile (threads of their own, with a deadline) ─┘
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.messages import ListStorages, PutStorage, RemoveStorage, StorageRow, Storages
from aihub_desktop.domain.model import Secret
from aihub_desktop.domain.storage import Access, Credentials, S3Place, Storage, plain_endpoint
from aihub_desktop.engine.errands import Back, Errands, awaited
from aihub_desktop.sources.s3.credentials import from_profile
from aihub_desktop.store import glance
from aihub_desktop.store.keychain import Vault
from aihub_desktop.store.queue import QueueStore

_log = logging.getLogger(__name__)

_NAME: Final = "storages"
_DEADLINE: Final = 60.0  # a keychain may wait for a dialog that nobody sees, a profile for a sign-in that nobody makes
# Temporary keys end; whoever gave them gives newer ones long before that. Files of profiles change as seldom.
_FRESH_SECONDS: Final = 300.0

Reply = Callable[[Storages | None, Problem | None], None]
Then = Callable[[S3Place | None, Problem | None], None]


@dataclass(slots=True)
class _Known:
    """What was found for an endpoint. `until`: steady clock."""

    credentials: Credentials | None
    until: float


@dataclass(slots=True, eq=False)
class _Search:
    """Keys that are looked for now, and who waits for them. A search that was given up finds nothing any more."""

    deadline: float
    waiting: list[Then] = field(default_factory=list)


class StorageKeys:
    """Lives on the engine's loop. `changed` is called with an endpoint when another way to be let in is known.

    What of it is kept, is kept in the queue's store without its keys: those are in the keychain, or nowhere.
    """

    def __init__(
        self, store: QueueStore, vault: Vault, post: Callable[[Back], None], changed: Callable[[str], object]
    ) -> None:
        self._store = store
        self._vault = vault
        self._changed = changed
        # Apart from the hub's own key: a profile that asks a machine far away must not keep that one waiting.
        self._safe = Errands("storage-keychain", post, threads=1)
        self._profiles = Errands("storage-profile", post, threads=1)
        self._storages = _kept(store)
        self._of_run: dict[str, Storage] = {}  # in place of those that are kept, until the engine ends
        self._for_run: dict[str, Credentials] = {}
        self._known: dict[str, _Known] = {}
        self._searches: dict[str, _Search] = {}
        self._masked: dict[str, str] = {}

    def close(self) -> None:
        self._safe.close(1.0)
        self._profiles.close(0.0)

    # ---- asked by leases and looks ----

    def place(self, endpoint: str, then: Then) -> None:
        """Calls `then` on the loop, now or later: with how the storage is asked, or with what keeps us from it."""
        storage = self._storage(endpoint)
        if (credentials := self._at_hand(storage)) is not None:
            then(_place(storage, credentials.credentials), None)
            return
        search = self._searches.get(endpoint)
        if search is None:
            search = self._searches[endpoint] = _Search(time.monotonic() + _DEADLINE)
            self._look_for(storage, search)
        search.waiting.append(then)

    def refused(self, endpoint: str) -> None:
        """The storage did not let us in: what is known of its keys is looked for anew next time."""
        self._known.pop(endpoint, None)

    def enforce(self) -> None:
        """Gives up what does not answer. Call it now and then."""
        now = time.monotonic()
        for endpoint, search in list(self._searches.items()):
            if now > search.deadline:
                locked = self._storage(endpoint).access is Access.KEYCHAIN
                code = Code.KEYCHAIN_LOCKED if locked else Code.NO_CREDENTIALS
                self._found(endpoint, search, None, Problem(code, {"host": _host(endpoint), "why": "no answer"}))

    def _at_hand(self, storage: Storage) -> _Known | None:
        if (credentials := self._for_run.get(storage.endpoint)) is not None:
            return _Known(credentials, 0.0)
        if storage.access is Access.ANONYMOUS:
            return _Known(None, 0.0)
        known = self._known.get(storage.endpoint)
        return known if known is not None and time.monotonic() < known.until else None

    def _look_for(self, storage: Storage, search: _Search) -> None:
        endpoint = storage.endpoint

        def then(value: Any, problem: Problem | None) -> None:
            self._found(endpoint, search, value, problem)

        if storage.access is Access.KEYCHAIN:
            self._safe.run(lambda: _pair(self._vault, endpoint), then)
        else:
            self._profiles.run(lambda: from_profile(storage.profile), then)

    def _found(self, endpoint: str, search: _Search, credentials: Credentials | None, problem: Problem | None) -> None:
        if self._searches.get(endpoint) is not search:
            return
        del self._searches[endpoint]
        storage = self._storage(endpoint)
        if problem is None:
            lasts = storage.access is Access.KEYCHAIN
            self._known[endpoint] = _Known(credentials, float("inf") if lasts else time.monotonic() + _FRESH_SECONDS)
        for then in search.waiting:
            then(None if problem else _place(storage, credentials), problem)

    # ---- commands ----

    def handle(self, command: ListStorages | PutStorage | RemoveStorage, reply: Reply) -> None:
        """Obeys and answers through `reply`, on the loop, now or later. Raises BAD_COMMAND for what cannot be."""
        match command:
            case ListStorages():
                self._list(reply)
            case PutStorage():
                self._put(command, reply)
            case RemoveStorage(endpoint=endpoint):
                self._remove(_endpoint(endpoint), reply)

    def _list(self, reply: Reply) -> None:
        unknown = [
            one.endpoint
            for one in self._storages.values()
            if one.access is Access.KEYCHAIN and one.endpoint not in self._masked
        ]
        if not unknown:
            reply(self._rows(), None)
            return

        def then(value: dict[str, str] | None, problem: Problem | None) -> None:
            self._masked |= value or {}
            reply(self._rows(), None)  # the list is good even where the keychain says nothing

        self._safe.run(lambda: _masks(self._vault, unknown), then)

    def _put(self, command: PutStorage, reply: Reply) -> None:
        storage = msgspec.structs.replace(command.storage, endpoint=_endpoint(command.storage.endpoint))
        access_key, secret_key = command.access_key, command.secret_key
        if bool(access_key) != (secret_key is not None and bool(secret_key.reveal())):
            raise ProblemError(Code.BAD_COMMAND, what="keys")
        if command.for_run and not access_key:
            self._forget(storage.endpoint)
            self._of_run[storage.endpoint] = storage
            self._changed(storage.endpoint)
            self._list(reply)
        elif not access_key or secret_key is None:
            self._enter(storage, reply)
        elif command.for_run:
            self._enter(storage, reply, Credentials(access_key, secret_key, Secret("")))
        else:
            kept = msgspec.structs.replace(storage, access=Access.KEYCHAIN)
            pair = Credentials(access_key, secret_key, Secret(""))

            def then(value: Any, problem: Problem | None) -> None:
                if problem is None:
                    self._enter(kept, reply)
                else:
                    reply(None, problem)

            self._safe.run(lambda: self._vault.set_pair(storage.endpoint, pair), then)

    def _enter(self, storage: Storage, reply: Reply, for_run: Credentials | None = None) -> None:
        endpoint = storage.endpoint
        before = self._storages.get(endpoint)
        self._forget(endpoint)
        if for_run is not None:
            self._for_run[endpoint] = for_run
        self._storages[endpoint] = storage
        if not self._keep(reply):
            return
        if before is not None and before.access is Access.KEYCHAIN and storage.access is not Access.KEYCHAIN:
            self._safe.run(lambda: self._vault.clear_pair(endpoint), _cleared)
        self._changed(endpoint)
        self._list(reply)

    def _remove(self, endpoint: str, reply: Reply) -> None:
        storage = self._storages.get(endpoint)
        if storage is None or storage.access is not Access.KEYCHAIN:
            self._drop(endpoint, reply)
            return

        def then(value: Any, problem: Problem | None) -> None:
            # Where there is no keychain there is nothing in it to forget.
            if problem is None or problem.code is Code.KEYCHAIN_NONE:
                self._drop(endpoint, reply)
            else:
                reply(None, problem)

        self._safe.run(lambda: self._vault.clear_pair(endpoint), then)

    def _drop(self, endpoint: str, reply: Reply) -> None:
        self._forget(endpoint)
        self._storages.pop(endpoint, None)
        if self._keep(reply):
            self._list(reply)

    def _forget(self, endpoint: str) -> None:
        """Nothing that was known of its keys holds; who waits for them gets what is found from now on."""
        self._for_run.pop(endpoint, None)
        self._of_run.pop(endpoint, None)
        self._known.pop(endpoint, None)
        self._masked.pop(endpoint, None)
        search = self._searches.pop(endpoint, None)
        for then in search.waiting if search else []:
            then(None, Problem(Code.NO_CREDENTIALS, {"host": _host(endpoint), "why": "changed"}))

    def _keep(self, reply: Reply) -> bool:
        """What is not on disk was not done."""
        try:
            body = msgspec.json.encode(list(self._storages.values()))
            self._store.keep(_NAME, body, time.time())
        except ProblemError as error:
            reply(None, error.problem)
            return False
        return True

    def _rows(self) -> Storages:
        rows = []
        for endpoint, storage in (self._storages | self._of_run).items():
            run = self._for_run.get(endpoint)
            rows.append(StorageRow(storage, _mask(run.access_key) if run else self._masked.get(endpoint, "")))
        return Storages(rows)

    def _storage(self, endpoint: str) -> Storage:
        """A storage that nobody entered is asked with whatever the usual profiles know."""
        return self._of_run.get(endpoint) or self._storages.get(endpoint) or Storage(endpoint)


def glanced(home: Path) -> list[Storage]:
    """The storages that were entered, as the queue of a state folder has them now, whoever holds it."""
    body = glance.kept(home / "queue.sqlite", _NAME)
    return list(_storages(body).values())


def place_of(storage: Storage) -> S3Place:
    """How the storage is asked. Not for the loop: it waits for keychain or profile.

    Raises `ProblemError` NO_CREDENTIALS, KEYCHAIN_LOCKED, KEYCHAIN_NONE.
    """
    if storage.access is Access.ANONYMOUS:
        return _place(storage, None)
    locked = storage.access is Access.KEYCHAIN
    look = (lambda: _pair(Vault(), storage.endpoint)) if locked else (lambda: from_profile(storage.profile))
    answer = awaited("storage-keys", look, _DEADLINE)
    if answer is None:
        code = Code.KEYCHAIN_LOCKED if locked else Code.NO_CREDENTIALS
        raise ProblemError(code, host=_host(storage.endpoint), why="no answer")
    if answer.problem is not None:
        raise ProblemError.of(answer.problem)
    return _place(storage, answer.value)


def _kept(store: QueueStore) -> dict[str, Storage]:
    found = store.kept(_NAME)
    return _storages(None if found is None else found[0])


def _storages(body: bytes | None) -> dict[str, Storage]:
    try:
        storages = [] if body is None else msgspec.json.decode(body, type=list[Storage])
    except msgspec.MsgspecError:
        _log.warning("the storages that were kept cannot be read")
        storages = []
    return {one.endpoint: one for one in storages}


def _place(storage: Storage, credentials: Credentials | None) -> S3Place:
    return S3Place(storage.endpoint, storage.region, storage.style, credentials)


def _pair(vault: Vault, endpoint: str) -> Credentials:
    pair = vault.get_pair(endpoint)
    if pair is None:
        raise ProblemError(Code.NO_CREDENTIALS, host=_host(endpoint))
    return pair


def _masks(vault: Vault, endpoints: list[str]) -> dict[str, str]:
    pairs = ((endpoint, vault.get_pair(endpoint)) for endpoint in endpoints)
    return {endpoint: _mask(pair.access_key) if pair else "" for endpoint, pair in pairs}


def _mask(access_key: str) -> str:
    return Secret(access_key).masked()


def _cleared(value: Any, problem: Problem | None) -> None:
    if problem is not None and problem.code is not Code.KEYCHAIN_NONE:
        _log.warning("old keys of a storage stay in the keychain: %s", problem.code)


def _host(endpoint: str) -> str:
    return urlsplit(endpoint).netloc


def _endpoint(text: str) -> str:
    try:
        return plain_endpoint(text)
    except ValueError:
        raise ProblemError(Code.BAD_COMMAND, what="endpoint") from None
