"""Every code has its fault, and the drawing in the module says the same as the table."""

from __future__ import annotations

import re

import pytest

from aihub_desktop.domain import faults
from aihub_desktop.domain.faults import FAULT_OF, Code, Fault, Problem, ProblemError


def drawn(text: str) -> dict[Code, Fault]:
    """The codes of the tree in the docstring, below their faults."""
    found: dict[Code, Fault] = {}
    fault = None
    for line in text.splitlines():
        if head := re.match(r"\s+Fault\.([A-Z]+)\s", line):
            fault = Fault[head[1]]
        elif fault is not None and re.match(r"\s+[├└]─ ", line):
            found.update(dict.fromkeys((Code[name] for name in re.findall(r"[A-Z][A-Z_]+", line)), fault))
    return found


def test_every_code_has_a_fault_and_every_fault_a_code() -> None:
    assert set(FAULT_OF) == set(Code)
    assert set(FAULT_OF.values()) == set(Fault)


def test_the_drawing_is_the_table() -> None:
    assert drawn(faults.__doc__ or "") == FAULT_OF


@pytest.mark.parametrize("code", Code)
def test_a_code_is_named_after_its_text(code: Code) -> None:
    assert code.value == code.name.lower().replace("_", "-")


@pytest.mark.parametrize("code", Code)
def test_a_problem_knows_its_fault(code: Code) -> None:
    assert Problem(code).fault is FAULT_OF[code]


def test_a_problem_goes_through_an_error_and_back() -> None:
    problem = Problem(Code.DISK_FULL, {"path": "/받은 것", "need": 5})
    assert ProblemError.of(problem).problem == problem
    assert ProblemError(Code.DISK_FULL, path="/받은 것", need=5).problem == problem


def test_a_fact_may_have_any_name() -> None:
    problem = Problem(Code.HUB_ERROR, {"code": 502, "self": "x", "cls": "y", "status": 1})
    assert ProblemError.of(problem).problem == problem


def test_an_error_says_its_code_and_facts() -> None:
    assert str(ProblemError(Code.CUT)) == "cut"
    assert "502" in str(ProblemError(Code.HUB_ERROR, status=502))


def test_problems_do_not_share_their_facts() -> None:
    assert Problem(Code.CUT).facts is not Problem(Code.CUT).facts
