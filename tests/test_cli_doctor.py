"""`aihub doctor` as people and scripts run it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from commandline import LONGEST, Aihub
from engines import RunningEngine

from aihub_desktop import __version__
from aihub_desktop.demo import faults as f
from aihub_desktop.demo.answers import Refusal
from aihub_desktop.demo.catalogue import DEMO_KEY
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.demo.offer import CP949, NOT_APPROVED
from aihub_desktop.domain.checkup import Topic
from aihub_desktop.store.learned import recall
from aihub_desktop.system.words import LANGUAGES, Words

UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def aihub(tmp_path: Path, hub: DemoHub) -> Iterator[Aihub]:
    made = Aihub(tmp_path / "home", hub.url)
    yield made
    made.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_is_told_in_order_and_ends_in_advice(aihub: Aihub, hub: DemoHub, language: str) -> None:
    run = aihub("doctor", "--dataset", CP949, "--yes", AIHUB_LANG=language)
    words = Words(language)
    assert run.code == 0
    lines = run.out.splitlines()
    for topic in Topic:
        assert any(words.say(f"doctor.topic.{topic}") in line for line in lines), topic
    assert words.say("doctor.to-do") in run.err
    assert words.say("doctor.advice.version-changed") in run.err  # the demo's script is its own
    told = run.out + run.err
    other = Words("en" if language == "ko" else "ko")
    assert other.say("doctor.to-do") not in run.err
    assert lines[0].endswith(f"(User-Agent: aihub-desktop/{__version__})")
    assert DEMO_KEY not in told
    assert not UUID.search(told)
    assert DEMO_KEY.encode() not in aihub.written()
    assert recall(aihub.home, hub.url).address_again is True


def test_the_report_as_json_and_as_a_file(aihub: Aihub, hub: DemoHub, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    run = aihub("doctor", "--json", "--yes", "--dataset", CP949, "--report", file)
    assert run.code == 0
    (report,) = run.records
    assert set(report) == {"report", "program", "python", "system", "agent", "hub", "at", "findings", "learned"}
    assert (report["report"], report["program"], report["hub"]) == (1, __version__, hub.url)
    assert [made["topic"] for made in report["findings"]] == list(Topic)
    for made in report["findings"]:
        assert set(made) == {"topic", "state", "code", "facts", "problem", "seconds"}
    assert set(report["learned"]) == {
        "hub", "at", "stream_key", "address_again", "identical", "ranges", "naming", "order", "speeds", "approvals",
    }  # fmt: skip
    assert report["learned"]["approvals"] == {}, "they are of a person"
    text = file.read_text(encoding="utf-8")
    assert json.loads(text) == report
    for hidden in (DEMO_KEY, str(tmp_path), str(Path.home()) + "/", socket.gethostname() + " "):
        assert hidden not in text
    assert not UUID.search(text)


def test_a_report_that_cannot_be_written_is_told_after_all_else(aihub: Aihub, tmp_path: Path) -> None:
    run = aihub("doctor", "--no-download", "--json", "--report", tmp_path / "none" / "x.json")
    assert run.code == 4
    assert run.records[0]["findings"]


def test_nothing_is_received_unasked(aihub: Aihub, hub: DemoHub) -> None:
    run = aihub("doctor", "--dataset", CP949)
    assert run.code == 0
    assert "--yes" in run.err
    assert not [seen for seen in hub.requests if "/down/" in seen.path]
    silent = aihub("doctor", "--dataset", CP949, "--no-download", "--json")
    assert silent.records[0]["findings"][-1]["code"] == "declined"
    assert not [seen for seen in hub.requests if "/down/" in seen.path]


def test_a_yes_and_a_no_do_not_go_together(aihub: Aihub) -> None:
    assert aihub("doctor", "--yes", "--no-download").code == 2


@pytest.mark.parametrize(
    ("word", "received"), [(b"y\n", True), (b"\n", False), (b"n\n", False), ("네\n".encode(), True)]
)
def test_a_person_is_asked(aihub: Aihub, hub: DemoHub, word: bytes, received: bool) -> None:
    if sys.platform == "win32":
        pytest.skip("Windows has no pseudo-terminals that a test could type into")
    else:
        import pty  # noqa: PLC0415 - where there is one

        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            aihub.command("doctor", "--dataset", CP949),
            stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs, env=aihub.environment(),
        )  # fmt: skip
        os.close(theirs)
        try:
            seen = b""
            deadline = time.monotonic() + LONGEST
            while b"[y/N]" not in seen and time.monotonic() < deadline:
                seen += os.read(ours, 4096)
            assert not [each for each in hub.requests if "/down/" in each.path]
            os.write(ours, word)
            while True:
                try:
                    if not os.read(ours, 4096):
                        break
                except OSError:  # how Linux says that the other side is closed
                    break
            assert process.wait(LONGEST) == 0
        finally:
            process.kill()
            process.wait()
            os.close(ours)
        assert bool([each for each in hub.requests if "/down/" in each.path]) == received


def test_it_needs_no_lock_of_the_folder(aihub: Aihub, hub: DemoHub, tmp_path: Path) -> None:
    with RunningEngine(aihub.home, hub.url) as engine:
        assert aihub("datasets").code == 3  # a second engine is kept out
        (tmp_path / "x").mkdir()
        engine.fetch(tmp_path / "x", CP949)
        run = aihub("doctor", "--yes", "--json")  # the queue says which dataset to try
        assert run.code == 0
        codes = {made["topic"]: made["code"] for made in run.records[0]["findings"]}
        assert (codes["file"], codes["tree"]) == ("received", "read")
        assert engine.fetch(tmp_path / "x", CP949)


def test_exits(aihub: Aihub, hub: DemoHub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nowhere = f"http://127.0.0.1:{listener.getsockname()[1]}"
    away = aihub("doctor", AIHUB_API_URL=nowhere)
    assert away.code == 5
    assert "1. " in away.err
    assert aihub("doctor", "--no-download", AIHUB_APIKEY="").code == 3
    assert aihub("doctor", "--no-download", AIHUB_APIKEY="de300000-4a1b-4c0d-8e0f-000000000000").code == 3
    assert aihub("doctor", "--yes", "--dataset", NOT_APPROVED).code == 3
    assert aihub("doctor", "--no-download", "--dataset", "404").code == 1
    hub.faults.add(f.Refuse(refusal=Refusal.ABROAD))
    abroad = aihub("doctor", "--yes", "--dataset", CP949)
    assert abroad.code == 3
    assert Words("en").say("problem.abroad.title") in abroad.err


def test_an_empty_state_folder_is_enough(hub: DemoHub, tmp_path: Path, aihub: Aihub) -> None:
    run = aihub("doctor", "--json", "--home", tmp_path / "fresh")
    assert run.code == 0
    assert run.records[0]["findings"][-1]["code"] == "unnamed"
    assert Words("en").say("doctor.advice.file-unnamed") in run.err
