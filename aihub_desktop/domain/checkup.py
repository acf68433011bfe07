"""What a first contact with a hub finds out: codes and facts for whoever puts them into words.

A `Finding` answers one `Topic`; its code is one of `STATE_OF[topic]`, which also says how good that is. Each has
words in the message catalogue (`doctor.TOPIC.CODE`), and a test fails for one without.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

import msgspec

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.marks import Sighting

Fact = str | int | float


class Topic(StrEnum):
    """What is looked at, in this order. From FILE on it takes a person's consent, for bytes are received."""

    NAME = "name"
    ROUTE = "route"
    PROXY = "proxy"
    CERTIFICATE = "certificate"
    CLOCK = "clock"
    COUNTRY = "country"
    VERSION = "version"
    LIST = "list"
    TREE = "tree"
    KEY = "key"
    FILE = "file"
    STREAM_KEY = "stream-key"
    ADDRESS = "address"
    SAMENESS = "sameness"
    RANGE = "range"
    NAMING = "naming"
    ORDER = "order"
    SPEED = "speed"


class Health(StrEnum):
    OK = "ok"
    ADVICE = "advice"  # it works, and could be better
    FAILED = "failed"
    UNKNOWN = "unknown"  # nothing was learned, and nothing is wrong with that


NOT_TRIED: Final = "not-tried"  # of any topic: what it needs was not there

STATE_OF: Final[dict[Topic, dict[str, Health]]] = {
    Topic.NAME: {"resolved": Health.OK, "by-proxy": Health.OK, "failed": Health.FAILED},
    Topic.ROUTE: {"open": Health.OK, "by-proxy": Health.OK, "failed": Health.FAILED},
    Topic.PROXY: {"none": Health.OK, "in-use": Health.OK, "failed": Health.FAILED},
    Topic.CERTIFICATE: {
        "plain": Health.OK,  # a hub on this machine, by http
        "public": Health.OK,
        "private": Health.ADVICE,  # trusted here, but by no public list: somebody reads along
        "failed": Health.FAILED,
    },
    Topic.CLOCK: {"right": Health.OK, "wrong": Health.ADVICE, "unknown": Health.UNKNOWN},
    Topic.COUNTRY: {"allowed": Health.OK, "unknown": Health.UNKNOWN, "failed": Health.FAILED},
    Topic.VERSION: {
        "known": Health.OK,
        "changed": Health.ADVICE,  # another script that still speaks our version
        "newer": Health.ADVICE,
        "unknown": Health.UNKNOWN,
    },
    Topic.LIST: {"read": Health.OK, "failed": Health.FAILED},
    Topic.TREE: {"read": Health.OK, "failed": Health.FAILED},
    Topic.KEY: {"accepted": Health.OK, "unclear": Health.UNKNOWN, "failed": Health.FAILED},
    Topic.FILE: {
        "received": Health.OK,
        "unnamed": Health.UNKNOWN,  # no dataset is known to be wanted
        "declined": Health.UNKNOWN,
        "failed": Health.FAILED,
    },
    Topic.STREAM_KEY: {"needed": Health.OK, "not-needed": Health.OK, "unknown": Health.UNKNOWN},
    Topic.ADDRESS: {"again": Health.OK, "once": Health.OK, "unknown": Health.UNKNOWN},
    Topic.SAMENESS: {
        "identical": Health.OK,
        "headers-differ": Health.OK,
        "different": Health.ADVICE,
        "unknown": Health.UNKNOWN,
    },
    Topic.RANGE: {"honoured": Health.OK, "ignored": Health.OK, "refused": Health.OK, "unknown": Health.UNKNOWN},
    Topic.NAMING: {"offsets": Health.OK, "bare": Health.OK, "other": Health.ADVICE, "unknown": Health.UNKNOWN},
    Topic.ORDER: {
        "of-the-tree": Health.OK,
        "of-the-request": Health.OK,
        "of-the-keys": Health.OK,
        "other": Health.OK,
        "unknown": Health.UNKNOWN,
    },
    Topic.SPEED: {"measured": Health.OK, "refused": Health.ADVICE, "unknown": Health.UNKNOWN},
}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """`code` is one of the topic's; a failed finding has its `problem`; `seconds` is how long it took."""

    topic: Topic
    state: Health
    code: str
    facts: dict[str, Fact] = {}
    problem: Problem | None = None
    seconds: float = 0.0


def found(topic: Topic, code: str, problem: Problem | None = None, /, **facts: Fact) -> Finding:
    """A finding with the state that its code has."""
    state = Health.UNKNOWN if code == NOT_TRIED else STATE_OF[topic][code]
    return Finding(topic=topic, state=state, code=code, facts=facts, problem=problem)


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one hub that nobody has published; None where it is not known.

    Downloads work without any of it, and with all of it wrong: an address that serves no second time is asked for
    anew, a stream host that wants the key after all gets it. `identical` is shown and not used: comparing what
    passes costs nothing that can be measured, and skipping durable pieces by their count alone would let a file
    that was released anew mix with what is on disk.
    """

    hub: str = ""
    at: float = 0.0  # seconds since 1970
    stream_key: bool | None = None  # the stream host wants the key
    address_again: bool | None = None  # the address of a stream serves more than once
    identical: bool | None = None  # two tars of the same files are the same bytes
    ranges: bool | None = None  # a part of a stream can be asked for
    naming: str = ""
    order: str = ""
    speeds: list[int] = []  # bytes a second of 1, 2, 3 … streams together
    approvals: dict[str, Sighting] = {}  # of datasets, by key, whose smallest file was asked for


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is asked to consent to: this file, and `most` bytes received in all."""

    dataset: str
    file_key: str
    path: str
    shown: str  # the file's size as the hub shows it
    most: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything found, to be sent in: no key, no name of a person or folder, no whole address of the network."""

    report: int = 1  # the version of this form
    program: str
    python: str
    system: str
    agent: str  # the User-Agent that was sent
    hub: str
    at: str  # UTC
    findings: list[Finding]
    learned: Learned

    def plain(self) -> Any:
        return msgspec.to_builtins(self)
