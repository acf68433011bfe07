"""Certificates, read from their bytes for people to see."""

from __future__ import annotations

import random
import ssl
import time
from typing import Final

import trustme

from aihub_desktop.sources.certificate import read_certificate

SEED: Final = 20261124


def test_a_certificate_is_read_from_its_bytes() -> None:
    authority = trustme.CA(organization_name="보안 장비", organization_unit_name="unit")
    der = ssl.PEM_cert_to_DER_cert(authority.issue_cert("hub.example").cert_chain_pems[0].bytes().decode())
    read = read_certificate(der)
    assert read is not None
    assert read.issuer.startswith("보안 장비")
    assert read.since < time.time() < read.until
    for cut in range(0, len(der) - 1, 7):
        assert read_certificate(der[:cut]) is None
    assert read_certificate(b"") is None


def test_bytes_that_are_no_certificate_do_no_harm() -> None:
    authority = trustme.CA()
    der = bytearray(ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode()))
    chance = random.Random(SEED)
    for _ in range(2_000):
        spoilt = bytearray(der)
        for _ in range(chance.randrange(1, 4)):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        read_certificate(bytes(spoilt))
