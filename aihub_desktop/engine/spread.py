"""How far apart two starts are: the hub refuses what begins at the same moment, and 2 s apart is known to be fine."""

from __future__ import annotations

from typing import Final

_SHORTER: Final = 0.75  # after each start that was accepted
_SHORTEST: Final = 8  # an eighth of the setting
_LONGEST: Final = 4
_LEAST: Final = 0.25  # seconds after a refusal, where the setting is none at all
_WARY: Final = 600.0  # seconds after a refusal in which the setting is not fallen short of


class Spread:
    """One start at a time: the next one waits for the answer to the last, though no longer than the setting says."""

    def __init__(self) -> None:
        self._seconds: float | None = None
        self._started_at = float("-inf")
        self._opening: int | None = None
        self._wary_until = float("-inf")

    def seconds(self, setting: float) -> float:
        return setting if self._seconds is None else self._seconds

    def started(self, lease: int, now: float) -> None:
        self._started_at, self._opening = now, lease

    def accepted(self, lease: int, setting: float, now: float) -> None:
        """The hub's answer to this start has begun."""
        self.ended(lease)
        shortest = setting if now < self._wary_until else setting / _SHORTEST
        self._seconds = max(shortest, self.seconds(setting) * _SHORTER)

    def refused(self, setting: float, now: float) -> bool:
        """True where the starts were closer together than the setting says: that may be what was refused."""
        close = self.seconds(setting) < max(setting, _LEAST)
        usual = max(setting, _LEAST)
        self._seconds = min(_LONGEST * usual, 2 * max(usual, self.seconds(setting)))
        self._wary_until = now + _WARY
        return close

    def ended(self, lease: int) -> None:
        """There is no answer to wait for any more."""
        if self._opening == lease:
            self._opening = None

    def anew(self) -> None:
        """Another line, or another setting."""
        self._seconds, self._opening = None, None

    def next_start(self, setting: float) -> float:
        """The first moment (steady clock) at which the next request may begin."""
        wait = self.seconds(setting)
        return self._started_at + (wait if self._opening is None else max(wait, setting))
