"""What the hub says of itself, asked once each: clock, version of its script, lists, a tree, the key.

As in `sources.road`, each function gives a `Finding` and none raises for what the world does.
"""

from __future__ import annotations

import email.utils
import hashlib
import re
import time
from typing import Final

import msgspec

from aihub_desktop.domain.checkup import Fact, Finding, Topic, found
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.model import Dataset, RemoteFile, Secret
from aihub_desktop.sources.aihub.client import API_VERSION, AIHub
from aihub_desktop.sources.aihub.errors import decoded, shown
from aihub_desktop.sources.connection import Answer, Connections
from aihub_desktop.sources.hosts import is_insecure, plain_host

# SHA-256 of the script of the version that this program speaks.
KNOWN_SCRIPT: Final = "3475a89b89ca10cdebfd7ef0542ec54650759bd5c15491e4dc0da6c15d93390e"
# Certificates and signed addresses begin to fail at some minutes; two are told in time.
LARGEST_SKEW: Final = 120.0

_PATH_VERSION: Final = re.compile(r"/down/(?:pckage/)?(\d+(?:\.\d+)+)/")
_TOLD_VERSION: Final = re.compile(r"\b(?:\d\d\.\d\d\.\d\d\s+)?v\.?\s?(\d+(?:\.\d+)+)\b", re.IGNORECASE)


class Script(msgspec.Struct, frozen=True):
    """The answer to a request for the hub's own script, and our clock in the middle of it (seconds since 1970)."""

    answer: Answer | None
    at: float
    problem: Problem | None = None


def script(hub: str, connections: Connections) -> Script:
    """Asks for the script, whose answer also bears the hub's time."""
    url = f"{hub}/api/aihubshell.do"
    began = time.time()
    try:
        if is_insecure(hub, url):
            raise ProblemError(Code.INSECURE, host=plain_host(url))
        answer = connections.get(url)
    except ProblemError as error:
        return Script(None, began, error.problem)
    return Script(answer, (began + time.time()) / 2)


def clock(given: Script) -> Finding:
    """Our clock beside the hub's. The Date header counts whole seconds and may come from a proxy's memory."""
    told = given.answer.headers.get("date") if given.answer is not None else None
    try:
        theirs = email.utils.parsedate_to_datetime(told or "").timestamp()
    except (ValueError, OverflowError):
        return found(Topic.CLOCK, "unknown", given.problem)
    ahead = round(given.at - theirs)
    return found(Topic.CLOCK, "wrong" if abs(ahead) > LARGEST_SKEW else "right", ahead=ahead)


def version(given: Script, known: str = KNOWN_SCRIPT) -> Finding:
    """Whether the hub still hands out the script that this program was built beside.

    The status says as little here as with lists: what begins as a script is one.
    """
    text = "" if given.answer is None else decoded(given.answer.body)
    if given.answer is None or not text.lstrip().startswith("#!"):
        return found(Topic.VERSION, "unknown", given.problem)
    digest = hashlib.sha256(given.answer.body).hexdigest()
    used = sorted(set(_PATH_VERSION.findall(text)))
    told = _TOLD_VERSION.search(text)
    facts: dict[str, Fact] = {
        "sha256": digest,
        "ours": API_VERSION,
        "told": shown(told[0]) if told else "",
        "used": shown(", ".join(used)),
    }
    if digest == known:
        return found(Topic.VERSION, "known", **facts)
    versions = used or ([told[1]] if told else [])
    ours = not versions or API_VERSION in versions
    return found(Topic.VERSION, "changed" if ours else "newer", **facts)


def datasets(source: AIHub) -> tuple[Finding, list[Dataset]]:
    try:
        listed = source.datasets()
    except ProblemError as error:
        return found(Topic.LIST, "failed", error.problem), []
    packages = sum(one.package for one in listed)
    return found(Topic.LIST, "read", n=len(listed) - packages, packages=packages), listed


def tree(source: AIHub, dataset: Dataset) -> tuple[Finding, list[RemoteFile]]:
    try:
        files = source.files(dataset).files
    except ProblemError as error:
        return found(Topic.TREE, "failed", error.problem, dataset=dataset.key), []
    low, high = sum(file.size.low for file in files), sum(file.size.high for file in files)
    return found(Topic.TREE, "read", dataset=dataset.key, n=len(files), low=low, high=high), files


def key(source: AIHub, given: Secret) -> Finding:
    """An unclear answer stays unclear: nobody knows whether the hub's check of keys is alive."""
    try:
        accepted = source.check_key(given)
    except ProblemError as error:
        return found(Topic.KEY, "unclear", error.problem)
    if accepted is None:
        return found(Topic.KEY, "unclear")
    return found(Topic.KEY, "accepted") if accepted else found(Topic.KEY, "failed", Problem(Code.KEY_REJECTED))
