"""`aihub doctor`: first contact with the hub, in plain words, and a report that can be sent in."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop import __version__
from aihub_desktop.cli.console import Console, padded, width
from aihub_desktop.cli.exits import Exit, exit_of, worst
from aihub_desktop.cli.session import Session
from aihub_desktop.domain.checkup import NOT_TRIED, Fact, Finding, Health, Learned, Offer, Report, Topic
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.engine.doctor import Doctor
from aihub_desktop.system import logs
from aihub_desktop.system.words import Words

_SPEEDS: Final = ("one", "two", "three", "four")


def doctor(session: Session, args: argparse.Namespace) -> Exit:
    console = session.console
    logs.start(session.home, "doctor")
    doctor = Doctor(
        session.home,
        session.hub,
        (lambda finding: None) if args.json else (lambda finding: _say(console, finding)),
        dataset=args.dataset,
        consent=None if args.no_download else functools.partial(_consents, console, yes=args.yes),
    )
    if not args.json:
        console.data(console.words.say("doctor.begin", version=__version__, hub=session.hub, agent=doctor.agent))
    report = doctor.examine()
    if args.json:
        console.record(**report.plain())
    else:
        _say_learned(console, report.learned)
    _advise(console, report)
    if doctor.unkept is not None:
        console.problem(doctor.unkept)
    if args.report:
        _write(Path(args.report), report)
        console.say("doctor.reported", path=args.report)
    problems = [finding.problem for finding in report.findings if finding.state is Health.FAILED]
    return worst(exit_of(problem.code) for problem in problems if problem is not None)


def _consents(console: Console, offer: Offer, *, yes: bool) -> bool:
    """Whether this may be received: never silently, and without anybody to ask, never at all."""
    console.say("doctor.offer", dataset=offer.dataset, path=offer.path, shown=offer.shown, most=offer.most)
    if yes:
        return True
    if not console.can_ask:
        console.note("doctor.unasked")
        return False
    console.say("doctor.question")
    return console.agrees()


def _write(path: Path, report: Report) -> None:
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    except OSError as error:
        raise ProblemError(Code.NOT_WRITABLE, path=str(path), why=error.strerror or "") from None


def _say(console: Console, finding: Finding) -> None:
    words = console.words
    states = {state: words.say(f"doctor.state.{state}") for state in Health}
    topics = {topic: words.say(f"doctor.topic.{topic}") for topic in Topic}
    state = padded(states[finding.state], max(map(width, states.values())))
    topic = padded(topics[finding.topic], max(map(width, topics.values())))
    took = "" if finding.seconds < 0.1 else f"  ({finding.seconds:.1f} s)"
    console.data(f"{state}  {topic}  {finding_text(words, finding)}{took}")


def finding_text(words: Words, finding: Finding) -> str:
    """What was found, as a sentence. A problem is told by its own words behind the topic's."""
    if finding.code == NOT_TRIED:
        return words.say("doctor.not-tried")
    facts: dict[str, Fact] = dict(finding.facts)
    if finding.problem is not None:
        facts["problem"] = words.problem(finding.problem).title
    if finding.topic is Topic.SPEED:
        facts |= {name: words.speed(int(facts[name])) for name in _SPEEDS if name in facts}
    if finding.topic is Topic.CLOCK and "ahead" in facts:
        facts = _clock(words, int(facts["ahead"]))
    if "blanks" in facts:
        facts["blanks"] = words.say(f"doctor.blanks.{facts['blanks']}")
    return words.say(f"doctor.{finding.topic}.{finding.code}", **facts)


def _clock(words: Words, ahead: int) -> dict[str, Fact]:
    side = "ahead" if ahead > 0 else "behind" if ahead < 0 else "level"
    return {"off": words.say(f"doctor.clock-{side}", duration=words.duration(abs(ahead)))}


def _say_learned(console: Console, learned: Learned) -> None:
    words = console.words
    if not learned.at:
        return
    console.data("")
    console.data(words.say("doctor.learned", at=words.moment(learned.at)))
    sure = {True: "yes", False: "no"}
    for name in ("stream_key", "address_again", "identical", "ranges"):
        known = getattr(learned, name)
        if known is not None:
            console.data(f"  {words.say(f'doctor.lesson.{name}-{sure[known]}')}")


def _advise(console: Console, report: Report) -> None:
    """What to do, most important first: what failed, in the order of the way, for the first failure is the cause."""
    words = console.words
    lines = []
    for state in (Health.FAILED, Health.ADVICE):
        for finding in report.findings:
            if finding.state is state:
                lines.append(_advice(words, finding))
    if any(finding.topic is Topic.FILE and finding.code == "unnamed" for finding in report.findings):
        lines.append(words.say("doctor.advice.file-unnamed"))
    if not lines:
        console.say("doctor.well")
        return
    console.say("doctor.to-do")
    for number, line in enumerate(dict.fromkeys(lines), 1):
        console.tell(f"{number}. {line}")


def _advice(words: Words, finding: Finding) -> str:
    if finding.state is Health.FAILED and finding.problem is not None:
        told = words.problem(finding.problem)
        return f"{told.title}. {told.advice}"
    return words.say(f"doctor.advice.{finding.topic}-{finding.code}", **finding.facts)
