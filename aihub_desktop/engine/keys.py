"""The key in use: from `AIHUB_APIKEY`, for the run, or from the keychain; never written anywhere else."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, Final

from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.messages import ClearKey, KeyState, SetKey, ShowKey, TestKey
from aihub_desktop.domain.model import Secret
from aihub_desktop.engine.errands import Back, Errands, awaited
from aihub_desktop.sources.place import Source
from aihub_desktop.store.keychain import Keychain

KEY_VARIABLE: Final = "AIHUB_APIKEY"
# A keychain may wait for a dialog that nobody sees; long enough for one to be answered.
_DEADLINE: Final = 60.0

Reply = Callable[[KeyState | None, Problem | None], None]


class Keys:
    """Lives on the engine's loop. `problem` says why the keychain told nothing."""

    def __init__(self, hub: str, source: Source, errands: Errands, post: Callable[[Back], None]) -> None:
        self._keychain = Keychain(hub)
        self._source = source
        self._errands = errands
        self._vault = Errands("keychain", post, threads=1)
        env = os.environ.get(KEY_VARIABLE, "").strip()
        # The variable comes before the keychain, as users of the official script expect; a key that a person
        # enters now comes before both.
        self._variable = Secret(env) if env else None
        self._key = self._variable
        self._origin = "env" if env else ""
        self.known = bool(env)
        self.problem: Problem | None = None
        self._waiting: list[tuple[float, Callable[[], None]]] = []

    def close(self) -> None:
        self._vault.close(1.0)

    def current(self) -> Secret | None:
        return self._key

    def when_known(self, act: Callable[[], None]) -> None:
        """Calls `act` as soon as the keychain has answered, or has not answered in time."""
        if self.known:
            act()
            return
        if not self._waiting:
            self._vault.run(self._keychain.get, self._loaded)
        self._waiting.append((time.monotonic() + _DEADLINE, act))

    def enforce(self) -> None:
        """Gives up a keychain that does not answer. Call it now and then."""
        if self._waiting and time.monotonic() > self._waiting[0][0]:
            self._loaded(None, Problem(Code.KEYCHAIN_LOCKED, {"why": "no answer"}))

    def handle(self, command: SetKey | ShowKey | TestKey | ClearKey, reply: Reply) -> None:
        """Obeys and answers through `reply`, on the loop, now or later."""
        match command:
            case SetKey(key=key, for_run=True):
                self._use(key, "run")
                reply(self._state(), None)
            case SetKey(key=key):
                self._vault.run(lambda: self._keychain.set(key), lambda _, problem: self._stored(key, problem, reply))
            case ShowKey():
                self.when_known(lambda: reply(self._state(), None))
            case TestKey():
                self.when_known(lambda: self._test(reply))
            case ClearKey():
                self._vault.run(self._keychain.clear, lambda _, problem: self._cleared(problem, reply))

    def _state(self, valid: bool | None = None) -> KeyState:
        return KeyState(self._origin, self._key.masked() if self._key else "", valid)

    def _use(self, key: Secret | None, origin: str, problem: Problem | None = None) -> None:
        self._key, self._origin = key, origin
        self.known, self.problem = problem is None, problem
        waiting, self._waiting = self._waiting, []
        for _, act in waiting:
            act()

    def _loaded(self, key: Any, problem: Problem | None) -> None:
        if self.known:
            return
        # A system without a keychain has no key in it; a locked one may have, so it is asked again next time.
        locked = problem if problem and problem.code is Code.KEYCHAIN_LOCKED else None
        self._use(key, "keychain" if key else "", locked)

    def _stored(self, key: Secret, problem: Problem | None, reply: Reply) -> None:
        if problem is None:
            self._use(key, "keychain")
        reply(None if problem else self._state(), problem)

    def _cleared(self, problem: Problem | None, reply: Reply) -> None:
        if problem is not None and problem.code is Code.KEYCHAIN_NONE and self._origin == "run":
            problem = None  # where there is no keychain, a key for the run is all there is to forget
        if problem is None:
            self._use(self._variable, "env" if self._variable else "")
        reply(None if problem else self._state(), problem)

    def _test(self, reply: Reply) -> None:
        key = self._key
        if key is None:
            reply(None, self.problem or Problem(Code.NO_KEY))
            return
        self._errands.run(
            lambda: self._source.check_key(key),
            lambda valid, problem: reply(None if problem else self._state(valid), problem),
        )


def key_at_hand(hub: str) -> Secret:
    """The key that a download would use. Not for the loop. Raises `ProblemError` NO_KEY, KEYCHAIN_LOCKED."""
    if named := os.environ.get(KEY_VARIABLE, "").strip():
        return Secret(named)
    answer = awaited("keychain", Keychain(hub).get, _DEADLINE)
    if answer is None:
        raise ProblemError(Code.KEYCHAIN_LOCKED, why="no answer")
    if answer.value is not None:
        return Secret(answer.value.reveal())
    locked = answer.problem is not None and answer.problem.code is Code.KEYCHAIN_LOCKED
    raise ProblemError.of(answer.problem if locked and answer.problem else Problem(Code.NO_KEY))
