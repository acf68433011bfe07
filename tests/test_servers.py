"""The servers that other tests lean on: each is what it is taken for."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import servers


def test_nginx_serves_ranges(tmp_path: Path) -> None:
    root, own = tmp_path / "root", tmp_path / "own"
    root.mkdir()
    own.mkdir()
    (root / "file.bin").write_bytes(b"0123456789")
    with servers.nginx(root, own, more="limit_rate 1m;") as address:
        request = urllib.request.Request(f"{address}/file.bin", headers={"Range": "bytes=2-4"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert (answer.status, answer.read()) == (206, b"234")


@pytest.mark.skipif(sys.platform == "win32", reason="asks for a program of Unix")
def test_a_server_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    shell = "sleep 600 & echo $!; trap '' TERM; wait"
    with servers.running(["/bin/sh", "-c", shell], tmp_path) as process:
        log = tmp_path / "sh.log"
        while not log.read_text().endswith("\n"):
            assert process.poll() is None
        child = int(log.read_text())
    assert process.returncode is not None
    alive = subprocess.run(["ps", "-o", "stat=", "-p", str(child)], capture_output=True, text=True, check=False)
    assert alive.stdout.strip() in ("", "Z", "Zs")


def test_a_missing_program_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="not installed: no-such-program"):
        servers.needs("no-such-program")
    monkeypatch.setenv("CI", "1")
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(pytest.fail.Exception, match="not installed: no-such-program"):
        servers.needs(Path(sys.executable).name, "no-such-program")


def test_ports_lie_in_a_row() -> None:
    base = servers.free_ports(3, above=10_000)
    assert base % 10 == 0
    assert base + 10_002 < 32_768
