"""Tables at the end of a run: what tests found out, printed by whichever process was asked to run them.

A test says `record_property(*cell("Fault matrix", "cut", "first ×1", "454/302 K"))` or
`record_property(*line("Crashes", "100 kills"))`. Properties travel with a test's report, so it may have run in a
process of pytest-xdist. Cells stand in the order in which rows and columns are first told by `order`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

import msgspec
import pytest

_CELL: Final = "table cell"
_LINE: Final = "table line"


def cell(table: str, row: str, column: str, text: str, order: tuple[int, int] = (0, 0)) -> tuple[str, str]:
    """One cell. `order`: the places of row and column among the others."""
    return _CELL, msgspec.json.encode((table, row, column, text, order)).decode()


def line(table: str, text: str) -> tuple[str, str]:
    """A line below the table of that name, or alone."""
    return _LINE, msgspec.json.encode((table, text)).decode()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what the tests of this run have told."""
    told = [
        (name, value)
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
    ]
    tables: dict[str, list[str]] = {}
    cells = [msgspec.json.decode(str(value)) for name, value in told if name == _CELL]
    for table in sorted({each[0] for each in cells}):
        tables[table] = list(_table(each[1:] for each in cells if each[0] == table))
    for name, value in told:
        if name == _LINE:
            table, text = msgspec.json.decode(str(value))
            tables.setdefault(table, []).append(text)
    for table, lines in tables.items():
        terminalreporter.section(table)
        for text in lines:
            terminalreporter.write_line(text)


def _table(cells: Iterable[tuple[str, str, str, tuple[int, int]]]) -> Iterable[str]:
    rows: dict[str, dict[str, str]] = {}
    order: dict[str, int] = {}
    columns: dict[str, int] = {}
    for row, column, text, (row_place, column_place) in cells:
        rows.setdefault(row, {})[column] = text
        order[row], columns[column] = row_place, column_place
    names = sorted(columns, key=columns.__getitem__)
    first = max(map(_width, rows))
    widths = {name: max(_width(name), *(_width(row.get(name, "")) for row in rows.values())) for name in names}
    yield "  ".join([" " * first, *(_padded(name, widths[name]) for name in names)]).rstrip()
    for row in sorted(rows, key=order.__getitem__):
        texts = (_padded(rows[row].get(name, ""), widths[name]) for name in names)
        yield "  ".join([_padded(row, first), *texts]).rstrip()


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
