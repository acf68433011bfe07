"""Every sentence for people, in Korean and English, from resources/words/*.toml.

A leaf of the catalogue is a table with the texts of one sentence; its key is the path to it:

    [problem.no-key]
    title.ko = "API 키가 없습니다"
    title.en = "There is no key"             →  say("problem.no-key.title")

`{name}` is a fact, `{name:size}` a fact in bytes shown as a size, `{name:plain}` a number that counts nothing.
`[[…]]` is left out when a fact named in it is missing or empty. `one` is the English text for the fact n == 1.
Facts are never read as templates.
"""

from __future__ import annotations

import locale
import os
import re
import string
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.leases import Proof
from aihub_desktop.domain.model import SizeRange
from aihub_desktop.domain.names import as_typed
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.system.resources import resource

LANGUAGES: Final = ("ko", "en")
LANGUAGE_VARIABLE: Final = "AIHUB_LANG"
_TEXTS: Final = frozenset({*LANGUAGES, "one"})
_OPTIONAL: Final = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
_TO: Final = {"ko": "~", "en": "–"}  # between the ends of a range
_UNITS: Final = ("B", "KB", "MB", "GB", "TB", "PB")  # binary, as the hub shows them: 1 GB = 2^30

_SURE: Final = 0.1  # of the longest time: a narrower range is as good as one number
_SHORT: Final = 10.0  # seconds: what is over so soon is no matter of more or less
_VAGUE: Final = 8  # times as long: the shorter time says nothing then
_DAY: Final = 86400.0
_ENDLESS: Final = float("inf")
# Odd seconds of a long wait would pretend to know: (below so many seconds, rounded to so many).
_STEPS: Final = (
    (100.0, 5), (1200.0, 60), (7200.0, 300), (_DAY, 900), (4 * _DAY, 3600), (_ENDLESS, 86400),
)  # fmt: skip
# Of a range: (below so many seconds at most, a unit, in steps of so many, its name).
_UNITS_OF_TIME: Final = (
    (100.0, 1, 5, "seconds"), (1500.0, 60, 1, "minutes"), (6000.0, 60, 5, "minutes"), (36 * 3600.0, 3600, 1, "hours"),
    (_ENDLESS, 86400, 1, "days"),
)  # fmt: skip

Fact = str | int | float


class Told(NamedTuple):
    """A problem in words: what happened, and what can be done about it and where."""

    title: str
    advice: str


class CatalogueError(ValueError):
    """The catalogue contradicts itself: a bug of ours, found by the tests."""


@cache
def catalogue(folder: Path | None = None) -> Mapping[str, Mapping[str, str]]:
    """Every sentence of `folder` (the program's own by default): key → its texts by language."""
    merged: dict[str, Mapping[str, str]] = {}
    for file in sorted((folder or resource("words")).glob("*.toml")):
        for key, texts in _leaves(tomllib.loads(file.read_text(encoding="utf-8")), ""):
            if key in merged:
                raise CatalogueError(f"{key} stands twice, again in {file.name}")
            merged[key] = texts
    return merged


def _leaves(table: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    if path and set(LANGUAGES) <= set(table) <= _TEXTS and all(isinstance(text, str) for text in table.values()):
        yield path, table
        return
    for name, below in table.items():
        if not isinstance(below, dict):
            raise CatalogueError(f"{path}.{name} is no sentence in {' and '.join(LANGUAGES)}")
        yield from _leaves(below, f"{path}.{name}" if path else name)


def language(explicit: str | None = None) -> str:
    """ "ko" or "en": from `explicit`, else `AIHUB_LANG`, else the system's language."""
    wanted = explicit or os.environ.get(LANGUAGE_VARIABLE) or _system_language()
    return "ko" if wanted.casefold().startswith("ko") else "en"


def _system_language() -> str:
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            return value
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415 - for this platform alone

        return locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "")
    return ""


class Words:
    """The catalogue in one language, with the language's way of writing sizes and times."""

    def __init__(self, wanted: str | None = None) -> None:
        self.language = language(wanted)
        self._catalogue = catalogue()
        self._formatter = _Formatter(self)

    def say(self, key: str, **facts: Fact) -> str:
        """The sentence `key` with `facts`. Raises `KeyError` for a key or a fact that is not there."""
        texts = self._catalogue[key]
        text = texts[self.language]
        if self.language == "en" and facts.get("n") == 1:
            text = texts.get("one", text)
        text = _OPTIONAL.sub(lambda found: self._optional(found[1], facts), text)
        return self._formatter.vformat(text, (), facts)

    def has(self, key: str) -> bool:
        """Whether there is such a sentence."""
        return key in self._catalogue

    def _optional(self, text: str, facts: Mapping[str, Fact]) -> str:
        named = [name for _, name, _, _ in string.Formatter().parse(text) if name]
        return text if all(facts.get(name, "") != "" for name in named) else ""

    def problem(self, problem: Problem) -> Told:
        """What happened and what to do about it. Any facts will do: the sentences name none but in `[[…]]`."""
        facts: dict[str, Fact] = dict(problem.facts)
        if f"why.{facts.get('why')}" in self._catalogue:
            facts["why"] = self.say(f"why.{facts['why']}")
        if "algorithm" in facts:
            facts["algorithm"] = self.checksum(str(facts["algorithm"]))
        key = f"problem.{problem.code}"
        if self.has(f"{key}.{facts.get('what')}.title"):
            key += f".{facts['what']}"
        return Told(*(self.say(f"{key}.{part}", **facts) for part in ("title", "advice")))

    def state(self, state: FileState | TransferState) -> str:
        kind = "file" if isinstance(state, FileState) else "transfer"
        return self.say(f"state.{kind}.{state}")

    def proof(self, proof: Proof | str, note: str = "") -> str:
        """How far a file is proved; "" for no proof. `note`: of a checksum, which one it was, else what was noticed."""
        if proof == Proof.CHECKSUM:
            algorithm, _, lab = note.partition(" ")
            return self.say("proof.checksum", algorithm=self.checksum(algorithm), lab=lab)
        text, key = self.say(f"proof.{proof}") if proof else "", f"proof.note.{note}"
        return self.say("proof.noted", proof=text, note=self.say(key)) if text and note and self.has(key) else text

    def checksum(self, name: str) -> str:
        """The name of a checksum as people write it; what is not known stays as it is."""
        key = f"checksum.{name}"
        return self.say(key) if name and self.has(key) else name

    def size(self, size: float) -> str:
        """Bytes in three digits: "512 B", "1.23 GB", "12.3 GB"."""
        power = _power(size)
        return f"{_digits(size, power)} {_UNITS[power]}"

    def size_range(self, size: SizeRange) -> str:
        """ "about 12.3–12.5 GB", or the exact size where it is known."""
        span = self.size_span(size)
        return self.say("value.about", value=span) if 0 < size.low < size.high else span

    def size_span(self, size: SizeRange) -> str:
        """ "12.3–12.5 GB", in Korean "12.3~12.5 GB": as `size_range` where there is room for the figures alone."""
        if size.low >= size.high:
            return self.size(size.high)
        if size.low <= 0:
            return self.say("value.at-most", value=self.size(size.high))
        power = _power(size.high)
        low, high = _digits(size.low, power), _digits(size.high, power)
        return f"{high if low == high else f'{low}{_TO[self.language]}{high}'} {_UNITS[power]}"

    def file_size(self, size: SizeRange) -> str:
        """The size of a file as its place lists it, which may be not at all."""
        return self.say("value.unknown") if size.is_unknown else self.size_range(size)

    def speed(self, rate: float) -> str:
        """Bytes a second: "3.41 MB/s"."""
        return self.say("value.speed", size=self.size(rate))

    def duration(self, seconds: float) -> str:
        """Two units at most: "3 h 5 min"."""
        whole = max(0, round(seconds))
        if whole < 60:
            return self.say("value.seconds", seconds=whole)
        if whole < 3600:
            return self.say("value.minutes", minutes=whole // 60, seconds=whole % 60 or "")
        if whole < 86400:
            return self.say("value.hours", hours=whole // 3600, minutes=whole % 3600 // 60 or "")
        return self.say("value.days", days=whole // 86400, hours=whole % 86400 // 3600 or "")

    def time_between(self, between: tuple[float, float] | None) -> str:
        """An estimate that says how sure it is: "2–3 h", "about 40 min", "up to 5 min", or that nobody can tell."""
        if between is None:
            return self.say("value.time-unknown")
        least, most = between
        if most - least <= _SURE * most and most >= _SHORT:
            middle = (least + most) / 2
            step = next(step for limit, step in _STEPS if middle < limit)
            return self.say("value.about", value=self.duration(round(middle / step) * step))
        unit, step, key = next((unit, step, key) for limit, unit, step, key in _UNITS_OF_TIME if most < limit)
        low, high = int(least // (unit * step)) * step, -int(-most // (unit * step)) * step
        if low == 0 or low * _VAGUE <= high:
            return self.say("value.at-most", value=self.duration(high * unit))
        return self.say(f"value.between.{key}", low=low, high=high)

    def time_left(self, seconds: float | None) -> str:
        """An estimate in words, "" for none. Odd seconds of a long wait would pretend to know."""
        if seconds is None:
            return ""
        rounded = seconds if seconds < 60 else round(seconds / 60) * 60
        return self.say("value.left", duration=self.duration(rounded))

    def moment(self, at: float) -> str:
        """Seconds since 1970 as local date and time, the same in both languages."""
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


class _Formatter(string.Formatter):
    """`str.format` with the spec `size`; whole numbers without a spec have signs between their thousands."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == "size":
            return self._words.size(value) if isinstance(value, int | float) else str(value)
        if format_spec == "plain" or isinstance(value, bool):
            return str(value)
        if isinstance(value, str):
            value = as_typed(value)
        counts = isinstance(value, int) and not format_spec
        return str(super().format_field(value, "," if counts else format_spec))


def _power(size: float) -> int:
    power = 0
    while power < len(_UNITS) - 1 and round(size / 1024**power) >= 1024:
        power += 1
    return power


def _digits(size: float, power: int) -> str:
    value = size / 1024**power
    places = 0 if power == 0 or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:,.{places}f}"
