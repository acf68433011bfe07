"""Keys in the system's own keychain, and nowhere else: that of the hub, and pairs for object storages.

Only keychains that encrypt are used: Secret Service (GNOME Keyring, KeePassXC …), KWallet, the Windows
Credential Manager and the macOS Keychain. What `keyring` would pick by itself is not taken, for it may be a
plain file (keyrings.alt), a chain that ends in one, or a store that forgets.
"""

from __future__ import annotations

import logging
import os
from importlib import import_module
from typing import Final, cast
from urllib.parse import urlsplit

import msgspec
from keyring.backend import KeyringBackend
from keyring.errors import NoKeyringError, PasswordDeleteError

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import Secret
from aihub_desktop.domain.storage import Credentials

SERVICE: Final = "AI Hub Desktop"
_REAL: Final = (
    ("keyring.backends.SecretService", "Keyring"),
    ("keyring.backends.kwallet", "DBusKeyring"),
    ("keyring.backends.Windows", "WinVaultKeyring"),
    ("keyring.backends.macOS", "Keyring"),
)
# Whoever sets keyring's own variable has chosen: one of the above, or none at all.
_CHOICE: Final = "PYTHON_KEYRING_BACKEND"

log = logging.getLogger(__name__)


class _Entry:
    """One text of one account. Every method may block for as long as the system asks its user to unlock.

    Each raises `ProblemError`: KEYCHAIN_NONE where the system has no keychain, KEYCHAIN_LOCKED where it has
    one that cannot be opened now, with the fact `why`.
    """

    def __init__(self, account: str) -> None:
        self._account = account
        self._backend: KeyringBackend | None = None

    @property
    def backend(self) -> str:
        """The name of the keychain in use."""
        try:
            return str(self._opened().name)
        except NoKeyringError as error:
            raise _problem(error) from None

    def get(self) -> Secret | None:
        try:
            text = self._opened().get_password(SERVICE, self._account)
        except Exception as error:
            raise _problem(error) from None
        return Secret(text) if text else None

    def set(self, key: Secret) -> None:
        try:
            self._opened().set_password(SERVICE, self._account, key.reveal())
        except Exception as error:
            raise _problem(error) from None

    def clear(self) -> None:
        """Forgets the key; nothing happens where there is none."""
        try:
            self._opened().delete_password(SERVICE, self._account)
        except PasswordDeleteError:
            if self.get() is not None:
                raise ProblemError(Code.KEYCHAIN_LOCKED, why="PasswordDeleteError") from None
        except Exception as error:
            raise _problem(error) from None

    def _opened(self) -> KeyringBackend:
        if self._backend is None:
            self._backend = _best()
        return self._backend


class Keychain(_Entry):
    """The key for one hub. Blocks and raises as `_Entry` does."""

    def __init__(self, hub: str) -> None:
        super().__init__(urlsplit(hub).netloc.rpartition("@")[2].casefold())


class Vault:
    """A pair of keys for each object storage, by its endpoint; a token for each machine of the lab.

    Blocks and raises as `_Entry` does.
    """

    def get_pair(self, endpoint: str) -> Credentials | None:
        """None where there is none, or where another program has put something else there."""
        kept = _pair(endpoint).get()
        if kept is None:
            return None
        try:
            pair = msgspec.json.decode(kept.reveal(), type=_Pair)
        except (msgspec.MsgspecError, UnicodeError):
            log.warning("the keychain's entry for %s is not ours", endpoint)
            return None
        return Credentials(pair.access_key, Secret(pair.secret_key), Secret(pair.token))

    def set_pair(self, endpoint: str, credentials: Credentials) -> None:
        pair = _Pair(credentials.access_key, credentials.secret_key.reveal(), credentials.token.reveal())
        _pair(endpoint).set(Secret(msgspec.json.encode(pair).decode()))

    def get_token(self, address: str) -> Secret | None:
        """That of a machine of the lab; None where there is none."""
        return _token(address).get()

    def set_token(self, address: str, token: Secret) -> None:
        _token(address).set(token)

    def clear_token(self, address: str) -> None:
        """Forgets the token; nothing happens where there is none."""
        _token(address).clear()

    def clear_pair(self, endpoint: str) -> None:
        """Forgets the pair; nothing happens where there is none."""
        _pair(endpoint).clear()


class _Pair(msgspec.Struct, frozen=True):
    """As it is kept: one entry, so that the two can never be of different storages."""

    access_key: str
    secret_key: str
    token: str = ""

    def __repr__(self) -> str:
        return "_Pair(…)"


def _pair(endpoint: str) -> _Entry:
    return _Entry(f"s3 {endpoint}")


def _token(address: str) -> _Entry:
    return _Entry(f"lab {address}")


def _best() -> KeyringBackend:
    """The keychain of this system that serves best now. Raises `NoKeyringError`."""
    found: list[tuple[float, type[KeyringBackend]]] = []
    for module, name in _REAL:
        if os.environ.get(_CHOICE) not in (None, "", f"{module}.{name}"):
            continue
        try:
            kind = cast("type[KeyringBackend]", getattr(import_module(module), name))
            found.append((float(kind.priority), kind))
        except Exception as error:  # each says in its own way that it cannot serve here
            log.debug("%s: %s", module, type(error).__name__)
    if not found:
        raise NoKeyringError
    return max(found, key=lambda pair: pair[0])[1]()


def _problem(error: Exception) -> ProblemError:
    """Backends raise what they please; none of their texts is passed on, for one might quote what it stored."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, NoKeyringError):
        return ProblemError(Code.KEYCHAIN_NONE)
    return ProblemError(Code.KEYCHAIN_LOCKED, why=type(error).__name__)
