"""Texts without what belongs to one person: keys, places of a home folder, addresses of a network. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

# Keys and the addresses of streams have the same shape; of both the beginning is enough to tell two apart.
_UUID: Final = re.compile(r"\b([0-9A-Fa-f]{4})[0-9A-Fa-f]{4}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b")
_HOME: Final = re.compile(r"(?i)(?:[a-z]:)?[/\\](?:home|users|documents and settings)[/\\][^/\\\s\"',;]+")
_IPV4: Final = re.compile(r"(?<![\d.])(?!127\.)(\d{1,3}\.\d{1,3})\.\d{1,3}\.\d{1,3}(?![\d.])")
_IPV6: Final = re.compile(r"(?<![\w:.])([0-9A-Fa-f]{1,4}):(?:[0-9A-Fa-f]{0,4}:){2,6}[0-9A-Fa-f]{0,4}(?![\w:])")
_LOGIN: Final = re.compile(r"(?<=//)[^/\s@]+@")


class Redaction:
    """`secrets` vanish wherever they occur; `folders` become "~"."""

    def __init__(self, secrets: Iterable[str] = (), folders: Iterable[str] = ()) -> None:
        self._secrets = [secret for secret in secrets if secret]
        # The longest first: a folder may lie in another one.
        self._folders = sorted((folder for folder in folders if len(folder) > 1), key=len, reverse=True)

    def text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "…")
        for folder in self._folders:
            text = text.replace(folder, "~")
        text = _LOGIN.sub("", _HOME.sub("~", _UUID.sub(r"\1…", text)))
        return _IPV6.sub(r"\1::x", _IPV4.sub(r"\1.x.x", text))

    def value(self, value: Any) -> Any:
        """The same value with every text in it redacted; the names of fields stay."""
        match value:
            case str():
                return self.text(value)
            case list() | tuple():
                return [self.value(each) for each in value]
            case dict():
                return {name: self.value(each) for name, each in value.items()}
        return value
