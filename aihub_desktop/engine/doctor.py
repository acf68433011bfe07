"""First contact with a hub: looks at everything on the way to it, learns what it can, and remembers that.

Needs nothing of a running engine, not its lock either: it only glances at the queue, and writes a file of its own.
No sentence is made here; faces put the findings into words.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from aihub_desktop import __version__
from aihub_desktop.domain.checkup import NOT_TRIED, Finding, Health, Learned, Offer, Report, Topic, found
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.marks import APPROVAL_OF, Approval, Sighting
from aihub_desktop.domain.model import HUB, Dataset, RemoteFile, Secret
from aihub_desktop.domain.redaction import Redaction
from aihub_desktop.domain.settings import Settings
from aihub_desktop.engine.keys import key_at_hand
from aihub_desktop.engine.orders import user_agent
from aihub_desktop.sources import road
from aihub_desktop.sources.aihub import probe
from aihub_desktop.sources.aihub.client import AIHub
from aihub_desktop.sources.aihub.sample import SAMPLE_BYTES, SAMPLES, TAR_BYTES, Allowance, Sample, Tap
from aihub_desktop.sources.aihub.speed import MOST_STREAMS, WINDOW_BYTES, WINDOW_SECONDS, share_of, speed
from aihub_desktop.sources.connection import Connections
from aihub_desktop.sources.hosts import may_have_key
from aihub_desktop.store.glance import glance
from aihub_desktop.store.learned import recall, remember

T = TypeVar("T")
Tell = Callable[[Finding], None]
Consent = Callable[[Offer], bool]

# Where the hub itself streams from. That of another hub is known only once it redirects.
_STREAMS: Final = "https://stream.aihub.or.kr"
_MOST_CANDIDATES: Final = 5
_GROUP: Final = 3  # files that show whose order an answer has
_GROUP_BYTES: Final = 8 << 20
_NOT_THIS_ONE: Final = frozenset({Code.NOT_APPROVED, Code.APPROVAL_EXPIRED})


class Doctor:
    """One examination of one hub. `tell` hears each finding as it is made; of two of a topic the later one counts.

    `dataset`: whose smallest file may be received; "" for those in the queue, as far as they are approved.
    `consent`: asked before any file is; None to leave that out. `agent` is the User-Agent that is sent.
    `public_roots`: as in `road.certificate`. `unkept`: why what was learned could not be kept, after `examine`.
    """

    def __init__(
        self,
        home: Path,
        hub: str,
        tell: Tell,
        *,
        dataset: str = "",
        consent: Consent | None = None,
        public_roots: str | None = None,
        known_script: str = probe.KNOWN_SCRIPT,
        window_seconds: float = WINDOW_SECONDS,
    ) -> None:
        self._home, self._hub, self._tell = home, hub.rstrip("/"), tell
        self._dataset, self._consent = dataset, consent
        self._public_roots, self._known_script, self._window = public_roots, known_script, window_seconds
        seen = glance(home / "queue.sqlite")
        self._settings: Settings = seen.settings
        self._queued = list(seen.wanted[:_MOST_CANDIDATES])
        self.agent = user_agent(self._settings)
        self._key: Secret | None = None
        self.unkept: Problem | None = None
        self._findings: dict[Topic, Finding] = {}
        self._approvals: dict[str, Sighting] = {}  # what the datasets that were asked for told, by key
        self._candidates: list[Dataset] = []
        self._trees: dict[Dataset, list[RemoteFile]] = {}

    def examine(self) -> Report:
        """Everything, in order. Never fails for what the world does: that is in the report."""
        seconds = self._settings.connect_timeout
        self._connections = Connections(self.agent, seconds)
        self._source = AIHub(self._hub, user_agent=self.agent, connect_timeout=seconds)
        try:
            self._look_at_road(seconds)
            self._look_at_hub()
            self._look_at_key()
            self._receive()
        finally:
            self._connections.close()
            self._source.close()
        return self._report(self._learn())

    # ---- the steps ----

    def _look_at_road(self, connect_timeout: float) -> None:
        urls = [self._hub, _STREAMS] if may_have_key(self._hub, _STREAMS) else [self._hub]
        self._make(lambda: road.name(urls))
        self._make(lambda: road.route(urls, connect_timeout))
        self._make(lambda: road.proxy(self._hub))
        self._make(lambda: road.certificate(self._hub, self._connections, self._public_roots))

    def _look_at_hub(self) -> None:
        if self._is_cut_off:
            for topic in (Topic.CLOCK, Topic.COUNTRY, Topic.VERSION, Topic.LIST, Topic.TREE):
                self._make(lambda topic=topic: found(topic, NOT_TRIED))  # type: ignore[misc]
            return
        asked: list[probe.Script] = []

        def clock() -> Finding:
            asked.append(probe.script(self._hub, self._connections))
            return probe.clock(asked[0])

        self._make(clock)
        # Nothing but the answer to a download tells from where the hub sees us.
        self._make(lambda: found(Topic.COUNTRY, "unknown"))
        self._make(lambda: probe.version(asked[0], self._known_script))
        listed = self._making(lambda: probe.datasets(self._source))
        self._candidates = self._chosen(listed)
        first = next(iter(self._candidates or listed), None)
        if first is None:
            self._make(lambda: found(Topic.TREE, NOT_TRIED))
        else:
            self._trees[first] = self._making(lambda: probe.tree(self._source, first))

    def _look_at_key(self) -> None:
        def look() -> Finding:
            try:
                self._key = key_at_hand(self._hub)
            except ProblemError as error:
                return found(Topic.KEY, "failed", error.problem)
            return found(Topic.KEY, NOT_TRIED) if self._is_cut_off else probe.key(self._source, self._key)

        self._make(look)

    def _receive(self) -> None:
        if (code := self._obstacle()) is not None:
            self._make(lambda: found(Topic.FILE, code))
            return
        agreed = 0
        for dataset in self._candidates:
            plan = _Plan.of(dataset, self._files(dataset))
            if plan is None:
                continue
            if plan.most > agreed and not self._agrees(plan.offer):
                self._make(lambda: found(Topic.FILE, "declined"))
                return
            agreed = max(agreed, plan.most)
            if self._sampled(plan):
                return
        if Topic.FILE not in self._findings:
            self._make(lambda: found(Topic.FILE, NOT_TRIED))

    def _obstacle(self) -> str | None:
        """Why no file can be asked for; None where one can."""
        if self._key is None or self._is_cut_off:
            return NOT_TRIED
        if self._consent is None:
            return "declined"
        return None if self._candidates else "unnamed"

    def _agrees(self, offer: Offer) -> bool:
        return self._consent is not None and self._consent(offer)

    def _sampled(self, plan: _Plan) -> bool:
        """Whether there is an answer; False where another dataset may have been approved."""
        assert self._key is not None
        tap = Tap(self._hub, self._connections, self._key, Allowance(plan.most), self._settings.spread)
        sample = Sample(tap, plan.dataset, plan.smallest)
        first = self._make(sample.file)
        code = first.problem.code if first.problem is not None else None
        self._sight(plan.dataset, Approval.APPROVED if code is None else APPROVAL_OF.get(code))
        if first.state is Health.FAILED:
            if code is Code.ABROAD:
                self._make(lambda: found(Topic.COUNTRY, "failed", first.problem))
            return code not in _NOT_THIS_ONE
        self._make(lambda: found(Topic.COUNTRY, "allowed"))
        if self._state(Topic.KEY) is not Health.OK:
            # What a key opens says more of it than the hub's own check, of which nobody knows whether it is alive.
            self._make(lambda: found(Topic.KEY, "accepted"))
        for question in (sample.stream_key, sample.address, sample.sameness, sample.range, sample.naming):
            self._make(question)
        self._make(lambda: sample.order(plan.group))
        self._make(lambda: speed(tap, plan.dataset, plan.long, with_key=sample.with_key, seconds=self._window))
        return True

    def _sight(self, dataset: Dataset, approval: Approval | None) -> None:
        if approval is not None and not dataset.package:
            self._approvals[dataset.key] = Sighting(approval, time.time())

    # ---- datasets ----

    def _chosen(self, listed: list[Dataset]) -> list[Dataset]:
        """The datasets whose files may be received: the one that was named, else those of the queue."""
        if not self._dataset:
            return self._queued
        named = [one for one in listed if one.key == self._dataset]
        return named[:1] or [Dataset(HUB, self._dataset, "")]

    def _files(self, dataset: Dataset) -> list[RemoteFile]:
        if dataset not in self._trees:
            self._trees[dataset] = probe.tree(self._source, dataset)[1]
        return self._trees[dataset]

    # ---- findings ----

    @property
    def _is_cut_off(self) -> bool:
        """Whether nobody can be asked anything; a certificate that is not trusted is as good as no hub."""
        steps = (Topic.NAME, Topic.ROUTE, Topic.PROXY, Topic.CERTIFICATE)
        return any(self._state(topic) is Health.FAILED for topic in steps)

    def _state(self, topic: Topic) -> Health:
        return self._findings[topic].state

    def _make(self, look: Callable[[], Finding]) -> Finding:
        began = time.monotonic()
        finding = look()
        return self._found(finding, began)

    def _making(self, look: Callable[[], tuple[Finding, Any]]) -> Any:
        began = time.monotonic()
        finding, value = look()
        self._found(finding, began)
        return value

    def _found(self, finding: Finding, began: float) -> Finding:
        finding = msgspec.structs.replace(finding, seconds=round(time.monotonic() - began, 3))
        finding = _redacted(finding, Finding, self._key)
        self._findings[finding.topic] = finding
        self._tell(finding)
        return finding

    # ---- the end ----

    def _learn(self) -> Learned:
        """What is known now, kept. What was not looked at this time stays as it was."""
        before = recall(self._home, self._hub)
        known = dict(_lessons(self._findings))
        if self._approvals:
            known["approvals"] = {**before.approvals, **self._approvals}
        if not known:
            return before
        learned = msgspec.structs.replace(before, hub=self._hub, at=time.time(), **known)
        try:
            remember(self._home, learned)
        except ProblemError as error:
            self.unkept = error.problem
        return learned

    def _report(self, learned: Learned) -> Report:
        report = Report(
            program=__version__,
            python=platform.python_version(),
            system=platform.platform(),
            agent=self.agent,
            hub=self._hub,
            at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            findings=[self._findings[topic] for topic in Topic if topic in self._findings],
            learned=msgspec.structs.replace(learned, approvals={}),  # of a person, not of the hub
        )
        return _redacted(report, Report, self._key)


class _Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What would be received of a dataset."""

    dataset: Dataset
    smallest: RemoteFile
    group: list[RemoteFile]  # for the order of members, in the tree's order
    long: RemoteFile  # for speeds

    @classmethod
    def of(cls, dataset: Dataset, files: list[RemoteFile]) -> _Plan | None:
        """None for a dataset without files."""
        if not files:
            return None
        by_size = sorted(files, key=lambda file: (file.size.high, file.key))
        small = {file.key for file in by_size[:_GROUP] if file.size.high <= _GROUP_BYTES // _GROUP}
        long = next((file for file in by_size if file.size.low >= WINDOW_BYTES), by_size[-1])
        return cls(
            dataset=dataset,
            smallest=by_size[0],
            group=[file for file in files if file.key in small],
            long=long,
        )

    @property
    def most(self) -> int:
        samples = SAMPLES * min(SAMPLE_BYTES, self.smallest.size.high + TAR_BYTES)
        group = sum(file.size.high + TAR_BYTES for file in self.group)
        return samples + group + MOST_STREAMS * share_of(self.long)

    @property
    def offer(self) -> Offer:
        file = self.smallest
        return Offer(dataset=self.dataset.key, file_key=file.key, path=file.path, shown=file.size.shown, most=self.most)


def _lessons(findings: dict[Topic, Finding]) -> Iterator[tuple[str, Any]]:
    """The fields of `Learned` that the findings settle."""
    codes = {topic: finding.code for topic, finding in findings.items() if finding.state is not Health.UNKNOWN}
    settled: dict[Topic, tuple[str, dict[str, Any]]] = {
        Topic.STREAM_KEY: ("stream_key", {"needed": True, "not-needed": False}),
        Topic.ADDRESS: ("address_again", {"again": True, "once": False}),
        Topic.SAMENESS: ("identical", {"identical": True, "headers-differ": False, "different": False}),
        Topic.RANGE: ("ranges", {"honoured": True, "ignored": False, "refused": False}),
    }
    for topic, (name, meanings) in settled.items():
        if topic in codes:
            yield name, meanings[codes[topic]]
    for topic, name in ((Topic.NAMING, "naming"), (Topic.ORDER, "order")):
        if topic in codes:
            yield name, codes[topic]
    if Topic.SPEED in codes:
        facts = findings[Topic.SPEED].facts
        yield "speeds", [int(facts[name]) for name in ("one", "two", "three", "four") if name in facts]


def _redacted(value: T, kind: type[T], key: Secret | None) -> T:
    hide = Redaction([key.reveal()] if key is not None else [], [str(Path.home())])
    return msgspec.convert(hide.value(msgspec.to_builtins(value)), kind)
