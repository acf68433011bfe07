"""The keychain: a real one in a session bus of its own, a locked one, and none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aihub_desktop.store import keychain

REAL = pytest.mark.skipif(
    sys.platform != "linux" or not all(map(shutil.which, ("dbus-run-session", "gnome-keyring-daemon"))),
    reason="needs Linux with dbus-run-session and gnome-keyring-daemon",
)

_LIFE = """
from aihub_desktop.domain.model import Secret
from aihub_desktop.store.keychain import Keychain

first, second = Keychain("https://api.aihub.or.kr"), Keychain("http://127.0.0.1:8080")
assert first.get() is None
first.clear()
first.set(Secret("11111111-2222-3333-4444-555555555555"))
second.set(Secret("99999999-2222-3333-4444-555555555555"))
first.set(Secret("11111111-2222-3333-4444-666666666666"))
assert Keychain("https://API.aihub.or.kr/").get() == Secret("11111111-2222-3333-4444-666666666666")
first.clear()
assert first.get() is None
assert second.get() == Secret("99999999-2222-3333-4444-555555555555")
print(first.backend)
"""

_PAIRS = """
from keyring.backends.SecretService import Keyring
from aihub_desktop.domain.model import Secret
from aihub_desktop.domain.storage import Credentials
from aihub_desktop.store.keychain import SERVICE, Keychain, Vault

naver, lab = "https://kr.object.ncloudstorage.com", "http://127.0.0.1:9000"
pair = Credentials("AKIDNAVER", Secret("비밀/of+naver"), Secret(""))
vault = Vault()
assert vault.get_pair(naver) is None
vault.clear_pair(naver)
vault.set_pair(naver, Credentials("OLD", Secret("old"), Secret("")))
vault.set_pair(naver, pair)
vault.set_pair(lab, Credentials("LAB", Secret("s" * 40), Secret("t" * 900)))
Keychain("https://kr.object.ncloudstorage.com").set(Secret("11111111-2222-3333-4444-555555555555"))
assert Vault().get_pair(naver) == pair
assert Vault().get_pair(lab) == Credentials("LAB", Secret("s" * 40), Secret("t" * 900))
vault.clear_pair(naver)
assert vault.get_pair(naver) is None
assert vault.get_pair(lab) is not None
Keyring().set_password(SERVICE, f"s3 {lab}", "not ours")
assert vault.get_pair(lab) is None
assert vault.get_token(lab) is None
vault.clear_token(lab)
vault.set_token(lab, Secret("old-token-of-a-lab"))
vault.set_token(lab, Secret("token-of-a-lab-0123"))
assert Vault().get_token(lab) == Secret("token-of-a-lab-0123")
assert vault.get_token(naver) is None
vault.clear_token(lab)
assert vault.get_token(lab) is None
print("kept")
"""

_REFUSED = """
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.model import Secret
from aihub_desktop.domain.storage import Credentials
from aihub_desktop.store.keychain import Keychain, Vault

chain, vault = Keychain("https://api.aihub.or.kr"), Vault()
pair = Credentials("AKID", Secret("11111111-2222-3333-4444-555555555555"), Secret(""))
for act in (
    chain.get, lambda: chain.set(Secret("11111111-2222-3333-4444-555555555555")), chain.clear,
    lambda: vault.get_pair("https://h"), lambda: vault.set_pair("https://h", pair), lambda: vault.clear_pair("https://h"),
):
    try:
        act()
    except ProblemError as error:
        assert "11111111" not in str(error) + repr(error.problem)
        print(error.problem.code)
"""


def environment(home: Path, **more: str) -> dict[str, str]:
    """One in which no keychain of this machine can be found."""
    gone = ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "PYTHON_KEYRING_BACKEND")
    kept = {name: value for name, value in os.environ.items() if name not in gone}
    runtime = home / "runtime"
    runtime.mkdir(mode=0o700)
    return {**kept, "HOME": str(home), "XDG_RUNTIME_DIR": str(runtime), "XDG_DATA_HOME": str(home / "data"), **more}


def run(words: list[str], env: dict[str, str]) -> str:
    found = subprocess.run(words, capture_output=True, text=True, timeout=60, env=env, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout


def in_session(script: str, before: str, home: Path) -> str:
    shell = f'{before}\nexec "$0" -W error -c "$1"'
    return run(["dbus-run-session", "--", "bash", "-ec", shell, sys.executable, script], environment(home))


@REAL
def test_a_real_keychain_keeps_keys_apart_by_hub(tmp_path: Path) -> None:
    unlock = "printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null"
    assert "SecretService" in in_session(_LIFE, unlock, tmp_path)


@REAL
def test_pairs_of_keys_are_kept_by_endpoint(tmp_path: Path) -> None:
    unlock = "printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null"
    assert in_session(_PAIRS, unlock, tmp_path) == "kept\n"


@REAL
def test_a_locked_keychain_says_so(tmp_path: Path) -> None:
    lock = "\n".join(
        (
            "printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null",
            "dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets"
            " org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login >/dev/null",
        )
    )
    assert in_session(_REFUSED, lock, tmp_path).split() == ["keychain-locked"] * 6


@pytest.mark.skipif(sys.platform != "linux", reason="Windows and macOS always have a keychain")
def test_without_a_bus_there_is_none(tmp_path: Path) -> None:
    found = run([sys.executable, "-W", "error", "-c", _REFUSED], environment(tmp_path))
    assert found.split() == ["keychain-none"] * 6


def test_a_plain_file_is_never_taken(tmp_path: Path) -> None:
    """keyring would take what is named here; such a store keeps keys in the clear."""
    (tmp_path / "plainfile.py").write_text(
        "from keyring.backend import KeyringBackend\n"
        "class Keyring(KeyringBackend):\n"
        "    priority = 99\n"
        "    def get_password(self, service, username): raise SystemExit('asked')\n"
        "    set_password = delete_password = get_password\n"
    )
    env = environment(tmp_path, PYTHON_KEYRING_BACKEND="plainfile.Keyring", PYTHONPATH=str(tmp_path))
    env["PYTHONPATH"] = os.pathsep.join((str(tmp_path), str(Path(keychain.__file__).parents[2])))
    assert run([sys.executable, "-c", _REFUSED], env).split() == ["keychain-none"] * 6


def test_disabled_by_the_users_choice(tmp_path: Path) -> None:
    env = environment(tmp_path, PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring")
    assert run([sys.executable, "-c", _REFUSED], env).split() == ["keychain-none"] * 6
