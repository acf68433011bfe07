"""Keys and storages from where AWS's own programs look, in a home of the test's own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.model import Secret
from aihub_desktop.domain.storage import Access, Credentials, Storage, Style
from aihub_desktop.sources.s3.credentials import from_profile, usual_storage

CONFIG = """
[default]
region = ap-northeast-2

[profile naver]
endpoint_url = https://kr.object.ncloudstorage.com
region = kr-standard
s3 =
    addressing_style = path

[profile lab]
services = own
endpoint_url = https://other.example

[services own]
s3 =
    endpoint_url = http://127.0.0.1:9000/

[profile china]
region = cn-north-1

[profile wrong]
endpoint_url = https://user:pass@storage.example/path

[profile program]
credential_process = {program}

[profile broken]
credential_process = {broken}

[profile half]
aws_access_key_id = AKIDHALF
"""
SHARED = """
[default]
aws_access_key_id = AKIDDEFAULT
aws_secret_access_key = secret-of-default

[naver]
aws_access_key_id = AKIDNAVER
aws_secret_access_key = secret/of+naver
aws_session_token = token
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, in which no profile can be found but those of the test."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


@pytest.fixture
def files(home: Path) -> Path:
    """The files of AWS's programs in that home."""
    (home / ".aws").mkdir()
    said = '{"Version": 1, "AccessKeyId": "AKIDPROGRAM", "SecretAccessKey": "said"}'
    (home / "says.py").write_text(f"print('''{said}''')", encoding="utf-8")
    (home / "fails.py").write_text("import sys; sys.exit('secret words')", encoding="utf-8")
    words = {
        name: f'"{Path(sys.executable).as_posix()}" "{(home / script).as_posix()}"'
        for name, script in (("program", "says.py"), ("broken", "fails.py"))
    }
    (home / ".aws/config").write_text(CONFIG.format(**words), encoding="utf-8")
    (home / ".aws/credentials").write_text(SHARED, encoding="utf-8")
    return home


def problem_of(act: Callable[[], object]) -> Problem:
    with pytest.raises(ProblemError) as caught:
        act()
    return caught.value.problem


def test_nothing_anywhere_is_none_and_asks_no_network() -> None:
    """Every connection beyond loopback fails a test; one to nowhere would also take its seconds."""
    began = time.monotonic()
    assert from_profile() is None
    assert time.monotonic() - began < 20
    assert usual_storage() == Storage("https://s3.amazonaws.com", access=Access.PROFILE)


def test_variables(monkeypatch: pytest.MonkeyPatch, files: Path) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret of env")
    assert from_profile() == Credentials("AKIDENV", Secret("secret of env"), Secret(""))
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t")
    assert from_profile() == Credentials("AKIDENV", Secret("secret of env"), Secret("t"))
    # A profile that is named comes before the variables.
    assert from_profile("naver") == Credentials("AKIDNAVER", Secret("secret/of+naver"), Secret("token"))


def test_files_and_profiles(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert from_profile() == Credentials("AKIDDEFAULT", Secret("secret-of-default"), Secret(""))
    monkeypatch.setenv("AWS_PROFILE", "naver")
    assert from_profile() == Credentials("AKIDNAVER", Secret("secret/of+naver"), Secret("token"))
    assert usual_storage().endpoint == "https://kr.object.ncloudstorage.com"


def test_files_that_variables_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "열쇠").write_text(SHARED, encoding="utf-8")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "열쇠"))
    assert from_profile() == Credentials("AKIDDEFAULT", Secret("secret-of-default"), Secret(""))


def test_a_program_that_a_profile_names(files: Path) -> None:
    assert from_profile("program") == Credentials("AKIDPROGRAM", Secret("said"), Secret(""))


@pytest.mark.parametrize("profile", ["nobody", "broken", "half"])
def test_a_profile_that_gives_no_keys(profile: str, files: Path) -> None:
    problem = problem_of(lambda: from_profile(profile))
    assert problem.code is Code.NO_CREDENTIALS
    assert "secret" not in str(problem)
    assert str(problem.facts["why"]).isidentifier()


def test_a_file_that_cannot_be_read(files: Path) -> None:
    (files / ".aws/credentials").write_text("secret without a section", encoding="utf-8")
    problem = problem_of(from_profile)
    assert problem.code is Code.NO_CREDENTIALS
    assert "secret" not in str(problem)


@pytest.mark.parametrize(
    ("profile", "storage"),
    [
        ("", Storage("https://s3.ap-northeast-2.amazonaws.com", region="ap-northeast-2")),
        ("china", Storage("https://s3.cn-north-1.amazonaws.com.cn", region="cn-north-1", profile="china")),
        (
            "naver",
            Storage("https://kr.object.ncloudstorage.com", region="kr-standard", style=Style.PATH, profile="naver"),
        ),
        ("lab", Storage("http://127.0.0.1:9000", profile="lab")),
    ],
)
def test_the_usual_storage(profile: str, storage: Storage, files: Path) -> None:
    assert usual_storage(profile) == storage


def test_variables_name_the_storage(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://general.example")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert usual_storage() == Storage("https://general.example", region="eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://storage.example:9000/")
    assert usual_storage("naver").endpoint == "https://storage.example:9000"
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert usual_storage().endpoint == "https://s3.eu-west-1.amazonaws.com"


def test_what_is_no_endpoint(files: Path) -> None:
    problem = problem_of(lambda: usual_storage("wrong"))
    assert problem.code is Code.BAD_ADDRESS
    assert "pass" not in str(problem)
    assert problem_of(lambda: usual_storage("nobody")).code is Code.NO_CREDENTIALS
