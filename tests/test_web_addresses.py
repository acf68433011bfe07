"""Addresses: what of them may be shown, and which are asked for."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.sources.web.addresses import clean, is_signed, parsed, secrets_of, spelt

S3_SIGNED: Final = (
    "https://kr.object.ncloudstorage.com/b/a.zip?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20260101"
    "&X-Amz-Date=20260101T000000Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host&X-Amz-Signature=deadbeef"
)
CLEAN: Final = {
    "http://h/a.zip": "http://h/a.zip",
    "HTTP://H:80/a.zip": "http://h/a.zip",
    "https://h:443/a#part": "https://h/a",
    "https://h:8443/a?": "https://h:8443/a",
    "https://me:pass@h/a": "https://h/a",
    "https://h/가 나.zip": "https://h/%EA%B0%80%20%EB%82%98.zip",
    "https://[::1]:8/a": "https://[::1]:8/a",
    S3_SIGNED: "https://kr.object.ncloudstorage.com/b/a.zip",
    f"{S3_SIGNED}&versionId=7": "https://kr.object.ncloudstorage.com/b/a.zip?versionId=7",
    "https://h/a?X-Goog-Signature=1&X-Goog-Date=2&generation=3": "https://h/a?generation=3",
    "https://h/a?Expires=1&Signature=2&Key-Pair-Id=3&Policy=4": "https://h/a",
    "https://h/a?AWSAccessKeyId=1&Signature=2&Expires=3&id=4": "https://h/a?id=4",
    "https://h/a?sv=1&se=2&sr=b&sp=r&st=5&sig=6&id=7": "https://h/a?id=7",
    "https://h/a?st=seoul&sp=2": "https://h/a?st=seoul&sp=2",  # no signature beside them
    "https://h/a?token=1&access_token=2&auth=3&accessToken=4&id=5": "https://h/a?id=5",
    "https://h/a?apikey=1&api_key=2&API-Key=3&password=4&client_secret=5": "https://h/a",
    "https://h/a?author=kim&design=2&tokenizer=bert&passage=3": "https://h/a?author=kim&design=2&tokenizer=bert&passage=3",
    "https://h/a?b=1&b=2&c=%2F&d": "https://h/a?b=1&b=2&c=%2F&d",
    "https://h/a?to=https%3A%2F%2Fx%2Fb%3FSignature%3D1": "https://h/a",
    "https://h/a;jsessionid=1?b=2": "https://h/a?b=2",
    "https://h/a?%74oken=1": "https://h/a",
}
NO_ADDRESSES: Final = [
    *("", "a.zip", "ftp://h/a", "file:///etc/passwd", "http://", "http:///a", "https://h:99999/a", "https://h:0/"),
    *("javascript:alert(1)", "http://h\\@x/a", "http://h%/a", "http://h/\x00", "//h/a", "magnet:?xt=1", "http://[1/"),
]
PARAMETERS: Final = ["X-Amz-Signature", "Signature", "sig", "token", "access_token", "auth", "Expires", "apikey", "jwt"]


@pytest.mark.parametrize(("address", "shown"), CLEAN.items())
def test_what_is_secret_or_passes_is_not_shown(address: str, shown: str) -> None:
    assert clean(address) == shown
    assert clean(shown) == shown


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ProblemError) as caught:
        clean(address)
    assert caught.value.problem.code is Code.BAD_ADDRESS


def test_a_refused_address_is_named_without_its_secrets() -> None:
    with pytest.raises(ProblemError) as caught:
        clean("ftp://me:hidden@h/a?token=hidden#hidden")
    assert caught.value.problem.facts == {"address": "ftp://h/a"}


@given(st.lists(st.tuples(st.sampled_from(PARAMETERS), st.from_regex(r"\Asecret[0-9a-zA-Z%/+=]{8}\Z"))), st.text())
def test_no_secret_is_in_the_clean_form(pairs: list[tuple[str, str]], path: str) -> None:
    query = "&".join(f"{name}={value}" for name, value in pairs)
    address = f"https://secretname:secretword@h/{path}?id=1&{query}"
    try:
        shown = clean(address)
    except ProblemError:
        return
    assert "secret" not in shown.replace(clean(f"https://h/{path}"), "") or "secret" in path
    assert clean(shown) == shown


SIGNS: Final = "abZ09_~!$&'()*+,;=:@/.-%AB?#[]|^`{}<> 가"


@given(
    st.sampled_from(
        [
            "h",
            "a.b-c",
            "xn--a",
            "127.0.0.1",
            "1.2.3.256",
            "1.2.3",
            "01.2.3.4",
            "a..b",
            ".a",
            "a.",
            "h:80",
            "h:443",
            "h:8080",
            "h:70000",
            "u@h",
        ]
    ),
    st.text(SIGNS),
)
@example("h", "a/../b")
@example("h", "%2e./%zz")
def test_the_short_way_of_reading_spells_as_the_long_one(host: str, rest: str) -> None:
    for scheme in ("http", "https"):
        address = f"{scheme}://{host}/{rest}"
        try:
            url = parsed(address)
        except ProblemError:
            with pytest.raises(ProblemError):
                spelt(address)
            continue
        assert spelt(address) == f"{url.scheme}://{url.netloc.decode()}{url.raw_path.decode()}"


def test_signed_addresses_are_known() -> None:
    assert is_signed(S3_SIGNED)
    assert is_signed("https://h/a?sv=1&sig=2")
    assert is_signed("https://h/a?md5=1&expires=2")
    assert not is_signed("https://h/a?design=1&id=2")


def test_secrets_are_told_as_they_stand_and_decoded() -> None:
    assert secrets_of("https://me:p%40ss@h/a?id=1&sig=a%2Fb") == {"me:p%40ss", "me:p@ss", "p@ss", "a%2Fb", "a/b"}
