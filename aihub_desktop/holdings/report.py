"""A report of a look at a folder, for programs (JSON), for Excel (CSV) and for paper (HTML).

What is wrong comes first. Each is written beside its final name and appears whole. The HTML page needs nothing but
itself: no script, no address, no font.
"""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from aihub_desktop import __version__
from aihub_desktop.domain.findings import HARMLESS, Finding
from aihub_desktop.domain.model import HUB
from aihub_desktop.holdings.account import Account
from aihub_desktop.holdings.looking import Seen
from aihub_desktop.holdings.writing import replaced
from aihub_desktop.transport.ledger import Entry

# Excel takes what begins so for a formula, also behind blanks.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "|", "%")
_COLUMNS: Final = ("finding", "path", "bytes", "proof", "received", "source", "dataset", "release")
_SHOWN: Final = ("path", "size", "proof", "received", "dataset", "release")
_MOST_ROWS: Final = 10_000  # of a table on paper: two hundred pages. The other kinds of report have all of them


class _Section(StrEnum):
    """A table of the page, in its order."""

    PROBLEMS = "problems"
    OTHERS = "others"
    FILES = "files"


_SECTIONS: Final = dict.fromkeys(Finding, _Section.PROBLEMS) | {
    Finding.UNFINISHED: _Section.OTHERS, Finding.EXTRA: _Section.OTHERS, Finding.OK: _Section.FILES,
}  # fmt: skip
_COLUMNS_OF: Final = {
    _Section.PROBLEMS: ("finding", *_SHOWN),
    _Section.OTHERS: ("finding", "path"),  # of what is in no list nothing else is known
    _Section.FILES: _SHOWN,
}


class Wording(Protocol):
    """The catalogue in one language."""

    language: str

    def say(self, key: str, **facts: str | int | float) -> str: ...
    def size(self, size: float, /) -> str: ...
    def proof(self, proof: str, note: str = "", /) -> str: ...


def write_json(path: Path, account: Account, words: Wording) -> None:
    """One object: "folder", "at", "depth", "counts", "bytes", and "files", a line each. Raises `ProblemError`."""
    del words
    head: dict[str, Any] = {
        "program": f"AI Hub Desktop {__version__}", "folder": account.folder, "at": account.at,
        "depth": account.depth, "manifest": account.manifest, "bytes": account.bytes,
        "counts": {finding.value: account.counts[finding] for finding in Finding},
    }  # fmt: skip
    with replaced(path) as file:
        file.write(msgspec.json.encode(head)[:-1] + b',"files":[')
        for number, seen in enumerate(account.findings()):
            file.write((b",\n" if number else b"\n") + msgspec.json.encode(_plain(seen)))
        file.write(b"\n]}\n")


def write_csv(path: Path, account: Account, words: Wording) -> None:
    """For Excel: with a mark of its encoding, and no cell that would be taken for a formula. Raises `ProblemError`."""
    with replaced(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        table = csv.writer(text)
        table.writerow([*(words.say(f"report.{name}") for name in _COLUMNS), "SHA-256"])
        for seen in account.findings():
            cells = _cells(seen, words)
            table.writerow([*(_harmless(cells[name]) for name in _COLUMNS), seen.sha256])
        text.detach()


def write_html(path: Path, account: Account, words: Wording) -> None:
    """A page of A4 to be printed or kept. Raises `ProblemError`."""
    with replaced(path) as file:
        for part in _page(account, words):
            file.write(part.encode())


WRITERS: Final[Mapping[str, Callable[[Path, Account, Wording], None]]] = {
    ".json": write_json, ".csv": write_csv, ".html": write_html, ".htm": write_html,
}  # fmt: skip


def _plain(seen: Seen) -> dict[str, Any]:
    entry = seen.entry
    told: dict[str, Any] = {"path": seen.path, "finding": seen.finding, "sha256": seen.sha256}
    if seen.stamp is not None:
        told["size"] = seen.stamp.size
    if entry is not None:
        told |= {
            "proof": entry.proof, "note": entry.note, "received": entry.at, "source": entry.source,
            "dataset": entry.dataset, "package": entry.package, "file_key": entry.key, "source_path": entry.path,
            "size_received": entry.size,
        }  # fmt: skip
    return told


def _cells(seen: Seen, words: Wording) -> dict[str, str]:
    entry = seen.entry
    size = seen.stamp.size if seen.stamp is not None else entry.size if entry is not None else None
    told = {
        "finding": words.say(f"finding.{seen.finding}"), "path": seen.path,
        "bytes": "" if size is None else str(size), "size": "" if size is None else words.size(size),
    }  # fmt: skip
    return told | (dict.fromkeys(_COLUMNS[3:], "") if entry is None else _story(entry, words))


def _story(entry: Entry, words: Wording) -> dict[str, str]:
    return {
        "proof": words.proof(entry.proof, entry.note),
        "received": entry.at.partition("+")[0].replace("T", " ") + (" UTC" if entry.at else ""),
        "source": entry.source,
        "dataset": _dataset(entry.source, entry.dataset, entry.package, words),
        "release": entry.key,
    }


def _dataset(source: str, dataset: str, package: bool, words: Wording) -> str:
    if source != HUB:
        return dataset
    return words.say("report.hub-package" if package else "report.hub-dataset", dataset=dataset)


def _harmless(cell: str) -> str:
    """A leading apostrophe makes Excel take it for text. A number is one, also below zero: none is ours."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell


# ---- the page ----

_STYLE: Final = """
@page { size: A4; margin: 16mm 14mm }
body { font: 10pt/1.45 "Noto Sans KR","Malgun Gothic","Apple SD Gothic Neo","NanumGothic",sans-serif; color: #1a1a1a;
       background: #fff; margin: 2em auto; max-width: 190mm }
h1 { font-size: 16pt; margin: 0 0 .6em } h2 { font-size: 12pt; margin: 1.6em 0 .5em }
table { border-collapse: collapse; width: 100% } thead { display: table-header-group } tr { break-inside: avoid }
th { text-align: left; font-weight: 600; border-bottom: 1.2pt solid #555; padding: 3pt 6pt 3pt 0 }
td { border-bottom: .4pt solid #ccc; padding: 3pt 6pt 3pt 0; vertical-align: top; overflow-wrap: anywhere }
.facts td, .facts th { border: 0; padding: 1pt 8pt 1pt 0 } .facts th { width: 9em; color: #555 }
.number { text-align: right; white-space: nowrap } .small { font-size: 8.5pt }
.verdict { padding: 7pt 10pt; border-left: 4pt solid #1b7f3b; background: #f1f8f3; font-weight: 600 }
.bad { border-color: #b3261e; background: #fcf1f0 }
@media print { body { margin: 0; max-width: none } }
"""


def _page(account: Account, words: Wording) -> Iterator[str]:
    title = _text(words.say("report.title"))
    yield (
        f'<!DOCTYPE html>\n<html lang="{words.language}"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f'<meta name="viewport" content="width=device-width"><title>{title}</title><style>{_STYLE}</style></head>'
        f"<body>\n<h1>{title}</h1>\n"
    )
    yield from _verdict(account, words)
    yield from _facts(account, words)
    sums = _sets(account, words)
    for section, found in groupby(account.findings(), lambda seen: _SECTIONS[seen.finding]):
        if section is not _Section.PROBLEMS:
            yield from sums
        yield from _table(found, words, section)
    yield from sums
    yield "</body></html>\n"


def _verdict(account: Account, words: Wording) -> Iterator[str]:
    bad = sum(count for finding, count in account.counts.items() if finding not in HARMLESS)
    count = bad + account.counts[Finding.OK]
    said = words.say("report.wrong", n=count, bad=bad) if bad else words.say("report.right", n=count)
    yield f'<p class="verdict{" bad" if bad else ""}">{_text(said)}</p>\n'


def _facts(account: Account, words: Wording) -> Iterator[str]:
    facts = {
        "folder": account.folder, "at": account.at, "depth": words.say(f"depth.{account.depth}"),
        "manifest": account.manifest, "read": words.size(account.bytes) if account.bytes else "",
        "program": f"AI Hub Desktop {__version__}",
    }  # fmt: skip
    rows = "".join(
        f"<tr><th>{_text(words.say(f'report.{name}'))}</th><td>{_text(fact)}</td></tr>"
        for name, fact in facts.items()
        if fact
    )
    yield f'<table class="facts">{rows}</table>\n'


def _sets(account: Account, words: Wording) -> Iterator[str]:
    """Of each dataset: how many files of it, how large, and how many of them are wrong."""
    if not account.sums:
        return
    yield _head(words, "report.sets", ("dataset", "count", "size", "problems"))
    named = ((_dataset(*key, words) or key[0], one) for key, one in account.sums.items())
    for name, one in sorted(named, key=lambda pair: pair[0]):
        numbers = (f"{one.files:,}", words.size(one.bytes), f"{one.problems:,}" if one.problems else "–")
        cells = "".join(f'<td class="number">{_text(number)}</td>' for number in numbers)
        yield f"<tr><td>{_text(name)}</td>{cells}</tr>\n"
    yield "</tbody></table>\n"


def _table(found: Iterator[Seen], words: Wording, section: _Section) -> Iterator[str]:
    """As many rows as a person may leaf through, and how many more there are."""
    names = _COLUMNS_OF[section]
    yield _head(words, f"report.{section}", names)
    for seen in islice(found, _MOST_ROWS):
        cells = _cells(seen, words)
        yield f"<tr>{''.join(_cell(name, cells.get(name, '')) for name in names)}</tr>\n"
    yield "</tbody></table>\n"
    if more := sum(1 for _ in found):
        yield f'<p class="small">{_text(words.say("report.more", n=more))}</p>\n'


def _head(words: Wording, title: str, names: Sequence[str]) -> str:
    heads = "".join(
        f'<th class="number">{_text(words.say(f"report.{name}"))}</th>' if name in _NUMBERS
        else f"<th>{_text(words.say(f'report.{name}'))}</th>"
        for name in names
    )  # fmt: skip
    return f'<h2>{_text(words.say(title))}</h2>\n<table class="small"><thead><tr>{heads}</tr></thead><tbody>\n'


_NUMBERS: Final = frozenset({"size", "count", "problems"})


def _cell(name: str, text: str) -> str:
    return f'<td class="number">{_text(text)}</td>' if name in _NUMBERS else f"<td>{_text(text)}</td>"


def _text(text: str) -> str:
    # Signs that turn the direction of reading would let one name pass for another on paper.
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in html.escape(text))
