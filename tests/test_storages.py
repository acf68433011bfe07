"""Object storages: which keys one is asked with, that no key is kept in the queue, and that a wait has an end."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.messages import ListStorages, PutStorage, RemoveStorage, Storages
from aihub_desktop.domain.model import Secret
from aihub_desktop.domain.storage import Access, Credentials, S3Place, Storage, Style
from aihub_desktop.engine import storages as storages_module
from aihub_desktop.engine.errands import Back
from aihub_desktop.engine.storages import StorageKeys
from aihub_desktop.store.keychain import Vault
from aihub_desktop.store.queue import QueueStore

ENDPOINT = "https://kr.example"
LONGEST = 30.0


class Loop:
    """The engine's loop, turned by hand: what errands bring is done when somebody waits for it."""

    def __init__(self, home: Path) -> None:
        self.path = home / "queue.sqlite"
        self.inbox: queue.SimpleQueue[Back] = queue.SimpleQueue()
        self.changed: list[str] = []
        self.open()

    def open(self) -> None:
        self.store = QueueStore(self.path)
        self.keys = StorageKeys(self.store, Vault(), self.inbox.put, self.changed.append)

    def close(self) -> None:
        self.keys.close()
        self.store.close()

    def answer(self, ask: Callable[[Callable[[Any, Problem | None], None]], None]) -> tuple[Any, Problem | None]:
        found: list[tuple[Any, Problem | None]] = []
        ask(lambda value, problem: found.append((value, problem)))
        deadline = time.monotonic() + LONGEST
        while not found:
            back = self.inbox.get(timeout=max(0.01, deadline - time.monotonic()))
            back.then(back.value, back.problem)
        return found[0]

    def place(self, endpoint: str = ENDPOINT) -> S3Place:
        place, problem = self.answer(lambda then: self.keys.place(endpoint, then))
        assert problem is None
        assert isinstance(place, S3Place)
        return place

    def refusal(self, endpoint: str = ENDPOINT) -> Problem:
        place, problem = self.answer(lambda then: self.keys.place(endpoint, then))
        assert place is None
        assert problem is not None
        return problem

    def tell(self, command: ListStorages | PutStorage | RemoveStorage) -> Storages | Problem:
        rows, problem = self.answer(lambda reply: self.keys.handle(command, reply))
        found: Storages | Problem = problem or rows
        return found


@pytest.fixture
def loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")  # a system without a keychain
    loop = Loop(tmp_path)
    yield loop
    loop.close()


def keys(name: str = "AKIAIOSFODNN7EXAMPLE", secret: str = "wJalrXUtnFEMI", token: str = "") -> Credentials:
    return Credentials(name, Secret(secret), Secret(token))


def test_a_storage_that_nobody_entered_is_asked_with_the_usual_variables(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "S1")
    assert loop.place() == S3Place(ENDPOINT, "", Style.AUTO, keys("A1", "S1"))


def test_where_no_profile_knows_keys_requests_are_not_signed(loop: Loop) -> None:
    assert loop.place().credentials is None


def test_what_a_profile_said_holds_for_a_while_and_a_refusal_ends_that(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert loop.place().credentials is None
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "S1")
    assert loop.place().credentials is None
    loop.keys.refused(ENDPOINT)
    assert loop.place().credentials == keys("A1", "S1")


def test_temporary_keys_are_asked_for_anew_after_a_while(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "S1")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "T1")
    monkeypatch.setattr(storages_module, "_FRESH_SECONDS", 0.0)
    assert loop.place().credentials == keys("A1", "S1", "T1")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "T2")
    assert loop.place().credentials == keys("A1", "S1", "T2")


def test_one_that_is_anonymous_is_asked_without_looking_for_keys(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "S1")
    loop.tell(PutStorage(1, Storage(ENDPOINT, region="kr", style=Style.PATH, access=Access.ANONYMOUS)))
    found: list[S3Place | None] = []
    loop.keys.place(ENDPOINT, lambda place, problem: found.append(place))
    assert found == [S3Place(ENDPOINT, "kr", Style.PATH, None)]


def test_keys_for_this_run_are_kept_nowhere(loop: Loop) -> None:
    pair = keys()
    rows = loop.tell(PutStorage(1, Storage("KR.example/", name="거울"), pair.access_key, pair.secret_key, for_run=True))
    assert isinstance(rows, Storages)
    assert [(row.storage.endpoint, row.storage.name, row.masked) for row in rows.rows] == [
        (ENDPOINT, "거울", "AKIA…LE")
    ]
    assert loop.place().credentials == pair
    assert loop.changed == [ENDPOINT]
    loop.close()
    content = b"".join(path.read_bytes() for path in loop.path.parent.iterdir() if path.is_file())
    assert b"wJalrXUtnFEMI" not in content
    assert pair.access_key.encode() not in content
    loop.open()
    rows = loop.tell(ListStorages(2))
    assert isinstance(rows, Storages)
    assert [(row.storage.name, row.masked) for row in rows.rows] == [("거울", "")]
    assert loop.place().credentials is None


def test_keys_for_a_keychain_that_is_not_there_are_refused_and_nothing_is_entered(loop: Loop) -> None:
    pair = keys()
    assert loop.tell(PutStorage(1, Storage(ENDPOINT), pair.access_key, pair.secret_key)) == Problem(Code.KEYCHAIN_NONE)
    rows = loop.tell(ListStorages(2))
    assert isinstance(rows, Storages)
    assert rows.rows == []
    assert loop.changed == []


def test_a_storage_whose_keys_should_be_in_a_keychain_that_is_not_there_says_so(loop: Loop) -> None:
    loop.tell(PutStorage(1, Storage(ENDPOINT, access=Access.KEYCHAIN)))
    assert loop.refusal().code is Code.KEYCHAIN_NONE
    assert loop.tell(RemoveStorage(2, ENDPOINT)) == Storages([]), "nothing in it to forget"


def test_a_storage_entered_again_takes_the_place_of_the_old_and_a_removed_one_is_gone(loop: Loop) -> None:
    loop.tell(PutStorage(1, Storage(ENDPOINT, name="one", access=Access.ANONYMOUS)))
    loop.tell(PutStorage(2, Storage(ENDPOINT, name="two", access=Access.ANONYMOUS)))
    loop.close()
    loop.open()
    rows = loop.tell(ListStorages(3))
    assert isinstance(rows, Storages)
    assert [row.storage.name for row in rows.rows] == ["two"]
    assert loop.tell(RemoveStorage(4, "kr.example")) == Storages([])
    loop.close()
    loop.open()
    assert loop.tell(ListStorages(5)) == Storages([])


@pytest.mark.parametrize(
    ("storage", "access_key", "secret_key", "what"),
    [
        (Storage("ftp://h"), "", None, "endpoint"),
        (Storage("https://u:p@h"), "", None, "endpoint"),
        (Storage("https://h/bucket"), "", None, "endpoint"),
        (Storage(ENDPOINT), "A", None, "keys"),
        (Storage(ENDPOINT), "", Secret("S"), "keys"),
        (Storage(ENDPOINT), "A", Secret(""), "keys"),
    ],
)
def test_what_cannot_be_entered_is_refused(
    loop: Loop, storage: Storage, access_key: str, secret_key: Secret | None, what: str
) -> None:
    with pytest.raises(ProblemError) as caught:
        loop.tell(PutStorage(1, storage, access_key, secret_key))
    assert caught.value.problem == Problem(Code.BAD_COMMAND, {"what": what})


def test_keys_that_nobody_gives_in_time_end_the_wait_and_come_too_late(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storages_module, "_DEADLINE", -1.0)
    found: list[Problem | None] = []
    loop.keys.place(ENDPOINT, lambda place, problem: found.append(problem))
    loop.keys.place(ENDPOINT, lambda place, problem: found.append(problem))
    loop.keys.enforce()
    assert [problem and problem.code for problem in found] == [Code.NO_CREDENTIALS] * 2
    back = loop.inbox.get(timeout=LONGEST)
    back.then(back.value, back.problem)
    assert len(found) == 2


def test_storages_that_cannot_be_read_are_none(tmp_path: Path) -> None:
    store = QueueStore(tmp_path / "queue.sqlite")
    store.keep("storages", b'[{"endpoint":5}]', 0.0)
    store.close()
    loop = Loop(tmp_path)
    assert loop.tell(ListStorages(1)) == Storages([])
    loop.close()
