"""Who lets others receive for a folder, and that it still lives: FOLDER/.aihub/dask/run.json, written again and again.

What receives looks at it and stops in good order once it is gone, another's, or has stood still for long: so it needs
no line to whoever asked, nor to what brought the two together.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.disk.files import disk_error
from aihub_desktop.disk.patience import contents, patiently_replace, remove
from aihub_desktop.domain.faults import Code, ProblemError

NAME: Final = "run.json"
BEAT_SECONDS: Final = 5.0
# A laptop's lid, a share that hangs: short of this nobody is given up.
SILENT_SECONDS: Final = 90.0


class Run(msgspec.Struct, frozen=True):
    """`rate`: bytes a second for each of those who receive, 0 for no limit. `locks_reach`: see `Lease`. `given_up`:
    names that nobody waits for any more, though the run goes on.
    """

    run: str
    beat: int = 0
    rate: int = 0
    locks_reach: bool = True
    given_up: list[str] = []


def read_run(folder: Path) -> Run | None:
    """None where nobody lets anybody receive. Raises `OSError` where that cannot be told."""
    try:
        return msgspec.json.decode(contents(folder / NAME), type=Run)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


class Baton:
    """The writing end, in `folder`, which is there. Methods raise `ProblemError`."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._clock = folder, clock
        self._run = Run(secrets.token_hex(8))
        self._wrote_at = float("-inf")

    @property
    def name(self) -> str:
        """Known to those who receive for this run."""
        return self._run.run

    def hold(self, rate: int, *, locks_reach: bool) -> None:
        """To be called often: writes where something is new, and as often as it must. Raises SYNC_BUSY where another
        run has taken over: the lock on the folder does not keep it out where locks do not reach.
        """
        now, run = self._clock(), self._run
        if (rate, locks_reach) == (run.rate, run.locks_reach) and now - self._wrote_at < BEAT_SECONDS:
            return
        self._write(Run(run.run, run.beat + 1, rate, locks_reach, run.given_up))

    def give_up(self, name: str) -> None:
        """Whoever receives `name` stops within seconds, or as soon as it is awake."""
        run = self._run
        self._write(Run(run.run, run.beat + 1, run.rate, run.locks_reach, [*run.given_up, name]))

    def drop(self) -> None:
        """Whoever receives for it stops within seconds."""
        with contextlib.suppress(OSError):
            if self._is_ours():
                remove(self._folder / NAME)

    def _is_ours(self) -> bool:
        there = read_run(self._folder)
        return there is not None and there.run == self.name

    def _write(self, run: Run) -> None:
        new = self._folder / f"{NAME}.{run.run}"  # of two runs neither takes the other's
        try:
            there = read_run(self._folder)
            if ("" if there is None else there.run) != (self.name if self._run.beat else ""):
                raise ProblemError(Code.SYNC_BUSY, path=str(self._folder))
            new.write_bytes(msgspec.json.encode(run))
            patiently_replace(new, self._folder / NAME)
        except OSError as error:
            raise disk_error(error, new) from error
        self._run, self._wrote_at = run, self._clock()


class Ear:
    """The reading end, of one who receives `name` for `run`."""

    def __init__(self, folder: Path, run: str, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._run, self._name, self._clock = folder, run, name, clock
        self._heard = Run("")
        self._heard_at = clock()

    @property
    def rate(self) -> int:
        return self._heard.rate

    def holds(self) -> bool:
        """Whether anybody still waits for it."""
        try:
            run = read_run(self._folder)
        except OSError:  # a share that is away for a moment
            run = self._heard if self._heard.run else Run(self._run)
        if run is None or run.run != self._run or self._name in run.given_up:
            return False
        if run != self._heard:
            self._heard, self._heard_at = run, self._clock()
        return self._clock() - self._heard_at < SILENT_SECONDS
