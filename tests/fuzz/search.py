"""The search: inputs are made of those that went new ways, for as long as there is time. One process, one target."""

from __future__ import annotations

import hashlib
import random
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .bounds import MEMORY_BYTES, SLOW_SECONDS, Clock, Fence, OutsideError, peak_memory
from .mutation import LONGEST, Mutator
from .paths import Paths
from .target import Target, WrongError

# Traced code takes some ten times as long: only what is slower than this is looked at again without.
_SUSPICIOUS_SECONDS: Final = 0.3
_SMALLER_SECONDS: Final = 2.0  # so long a finding is made smaller
_MOST_FINDINGS: Final = 10
_NEWEST: Final = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """An input and what it did. `kind`: raised, wrong, outside, slow, memory, hang."""

    target: str
    kind: str
    what: str
    trace: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Tally:
    """What one search did. `paths`: pairs of lines, and how often; `kept`: inputs that went new ways.

    `seconds` of processor time.
    """

    target: str
    inputs: int
    paths: int
    kept: int
    seconds: float


class Search:
    """`corpus`: a folder with inputs that earlier searches kept, to which those of this one are added."""

    def __init__(self, target: Target, fence: Fence, clock: Clock, corpus: Path, seed: int) -> None:
        self._target = target
        self._fence = fence
        self._clock = clock
        self._corpus = corpus
        self._rng = random.Random(f"{seed} {target.name}")
        self._mutator = Mutator(self._rng, target.tokens, target.longest)
        self._paths = Paths(target.modules)
        self._inputs = 0
        self._now = 0.0  # of processor time; to ask for it costs as much as a small input
        self._memory = 0
        self._kept: list[bytes] = [b""]
        self._found: dict[str, Finding] = {}

    def run(self, seconds: float, inputs: int, tell: Callable[[Finding], None]) -> Tally:
        """Until `seconds` of processor time are over, or that many `inputs` were tried."""
        beginnings = self._beginnings()
        began = self._now = time.process_time()
        self._memory = peak_memory()
        for data in beginnings:
            self._try(data, tell, keep=True)
        while self._now - began < seconds and self._inputs < inputs and len(self._found) < _MOST_FINDINGS:
            self._try(self._made(), tell)
        self._clock.end()
        return Tally(self._target.name, self._inputs, len(self._paths), len(self._kept), time.process_time() - began)

    def _beginnings(self) -> list[bytes]:
        earlier = [path.read_bytes() for path in sorted(self._corpus.iterdir()) if path.is_file()]
        return [data[: self._target.longest] for data in (b"", *self._target.seeds(), *earlier)]

    def _made(self) -> bytes:
        rng, kept = self._rng, self._kept
        if rng.random() < 0.4:
            kept = kept[-_NEWEST:]
        one, other = rng.choice(kept), rng.choice(self._kept)
        data = self._mutator.changed(one, other)
        mend = self._target.mend
        return mend(data)[:LONGEST] if mend is not None and rng.random() < 0.5 else data

    def _try(self, data: bytes, tell: Callable[[Finding], None], *, keep: bool = False) -> None:
        self._inputs += 1
        # Of long inputs, which are not kept, no path matters: traced they would take most of the time.
        finding = self._outcome(data, traced=len(data) <= self._target.longest)
        if finding is None:
            finding = self._excess(data)
        if (self._paths.took_new() or keep) and finding is None:
            self._keep(data)
        if finding is not None and (key := f"{finding.kind} {_place(finding)}") not in self._found:
            self._found[key] = finding
            tell(self._smaller(finding))

    def _outcome(self, data: bytes, *, traced: bool = False) -> Finding | None:
        self._fence.clear()
        self._clock.begin(data)
        try:
            with self._fence.up():
                if traced:
                    self._paths.follow(lambda: self._target.run(data, self._fence.folder))
                else:
                    self._target.run(data, self._fence.folder)
        except self._target.may_raise:
            return None
        except Exception as error:
            kind = "outside" if isinstance(error, OutsideError) else "wrong" if isinstance(error, WrongError) else ""
            trace = "".join(traceback.format_exception(error, limit=-6))
            return self._finding(kind or "raised", f"{type(error).__name__}: {error}"[:400], trace, data)
        return None

    def _excess(self, data: bytes) -> Finding | None:
        """What the last run took beyond measure."""
        memory, self._memory = self._memory, peak_memory()
        now, self._now = self._now, time.process_time()
        if self._memory - memory > MEMORY_BYTES + 20 * len(data):
            return self._finding("memory", f"{(self._memory - memory) >> 20} MiB", "", data)
        return self._slowness(data) if self._now - now > _SUSPICIOUS_SECONDS else None

    def _slowness(self, data: bytes) -> Finding | None:
        began = time.process_time()
        self._outcome(data)
        took = time.process_time() - began
        if took < SLOW_SECONDS:
            return None
        return self._finding("slow", f"{took:.1f} s for {len(data)} bytes", "", data)

    def _finding(self, kind: str, what: str, trace: str, data: bytes) -> Finding:
        return Finding(self._target.name, kind, what, trace, data)

    def _keep(self, data: bytes) -> None:
        if data in self._kept or len(data) > self._target.longest:
            return
        self._kept.append(data)
        path = self._corpus / hashlib.sha256(data).hexdigest()[:16]
        if not path.exists():
            path.write_bytes(data)

    def _smaller(self, finding: Finding) -> Finding:
        """The same finding by fewer bytes, as far as a moment's trying leads."""
        deadline = time.process_time() + _SMALLER_SECONDS
        step = len(finding.data) // 2
        while step and finding.kind in ("raised", "wrong", "outside"):
            at = 0
            while at < len(finding.data):
                if time.process_time() > deadline:
                    return finding
                less = self._outcome(finding.data[:at] + finding.data[at + step :])
                if less is not None and (less.kind, _place(less)) == (finding.kind, _place(finding)):
                    finding = less
                else:
                    at += step
            step //= 2
        return finding


def _place(finding: Finding) -> str:
    """Findings of one place are one."""
    lines = [line.strip() for line in finding.trace.splitlines() if line.startswith("  File")]
    return finding.what.partition(":")[0] + (lines[-1] if lines else finding.kind)
