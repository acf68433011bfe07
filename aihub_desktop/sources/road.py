"""The way to a host, step by step, so that a person sees which step fails: name, connection, proxy, certificate.

Each function looks at one step and gives a `Finding`; none raises for what the world does.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from typing import Final

import httpx

from aihub_desktop.domain.checkup import Fact, Finding, Topic, found
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.sources.certificate import Certificate, read_certificate
from aihub_desktop.sources.connection import Connections, problem_of, proxy_of
from aihub_desktop.sources.hosts import plain_host

_FAMILIES: Final = {socket.AF_INET: "IPv4", socket.AF_INET6: "IPv6"}
_SHOWN_ADDRESSES: Final = 4


def name(urls: list[str]) -> Finding:
    """The addresses of each host. Behind a proxy it is the proxy that has to know them."""
    facts: dict[str, Fact] = {"hosts": ", ".join(map(plain_host, urls))}
    addresses: list[str] = []
    families: set[str] = set()
    for url in urls:
        try:
            infos = _resolved(*_target(url))
        except (OSError, UnicodeError):
            if _proxied(url):
                return found(Topic.NAME, "by-proxy", **facts)
            problem = Problem(Code.UNREACHABLE, {"why": "dns", "host": plain_host(url)})
            return found(Topic.NAME, "failed", problem, **facts)
        addresses += dict.fromkeys(str(info[4][0]) for info in infos)
        families |= {_FAMILIES.get(info[0], "other") for info in infos}
    shown = ", ".join(map(shortened, addresses[:_SHOWN_ADDRESSES]))
    return found(
        Topic.NAME, "resolved", **facts, n=len(addresses), addresses=shown, families=", ".join(sorted(families))
    )


def route(urls: list[str], connect_timeout: float) -> Finding:
    """How long TCP takes to each host, or to the proxy on the way to it."""
    times: list[str] = []
    by_proxy = False
    for url in urls:
        try:
            proxy = proxy_of(url)
            by_proxy = by_proxy or proxy is not None
            seconds = _connected(*_target(url if proxy is None else str(proxy)), connect_timeout)
        except ProblemError as error:
            return found(Topic.ROUTE, "failed", error.problem, host=plain_host(url))
        except (OSError, UnicodeError) as error:
            problem = problem_of(error, plain_host(url)).problem
            return found(Topic.ROUTE, "failed", problem, host=plain_host(url))
        times.append(f"{plain_host(url)} {seconds * 1000:.0f} ms")
    return found(Topic.ROUTE, "by-proxy" if by_proxy else "open", times=", ".join(times))


def proxy(url: str) -> Finding:
    """The proxy that the environment or the system names for this host, without its password."""
    try:
        named = proxy_of(url)
    except ProblemError as error:
        return found(Topic.PROXY, "failed", error.problem)
    if named is None:
        return found(Topic.PROXY, "none")
    host = shortened(named.host)
    port = "" if named.port is None else f":{named.port}"
    login = 1 if named.userinfo else 0
    return found(Topic.PROXY, "in-use", proxy=f"{named.scheme}://{host}{port}", login=login)


def certificate(url: str, connections: Connections, public_roots: str | None = None) -> Finding:
    """Who vouches for the host, and whether anybody beyond this machine's own trust store knows that authority.

    `public_roots`: a file of authorities in place of the public list that comes with the program.
    """
    if not url.startswith("https:"):
        return found(Topic.CERTIFICATE, "plain")
    try:
        facts = _facts(read_certificate(connections.certificate(url)))
    except ProblemError as error:
        # Who stands there instead could only be asked by believing it for a moment, which nothing here ever does.
        return found(Topic.CERTIFICATE, "failed", error.problem)
    try:
        connections.certificate(url, _public(public_roots))
    except ProblemError as error:
        if error.problem.code is Code.TLS_UNTRUSTED:
            return found(Topic.CERTIFICATE, "private", **facts)
    return found(Topic.CERTIFICATE, "public", **facts)


def shortened(host: str) -> str:
    """A host's name as it is; of an address only the part that says which network it belongs to."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_loopback:
        return host
    return f"{'.'.join(host.split('.')[:2])}.x.x" if address.version == 4 else f"{address.exploded[:9]}::x"


def _facts(seen: Certificate | None) -> dict[str, Fact]:
    if seen is None:
        return {}
    days = {"since": _day(seen.since), "until": _day(seen.until)}
    return {"issuer": seen.issuer, "subject": seen.subject, **days}


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def _public(roots: str | None) -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False) if roots is None else ssl.create_default_context(cafile=roots)


def _target(url: str) -> tuple[str, int]:
    address = httpx.URL(url)
    return address.raw_host.decode("ascii"), address.port or (443 if address.scheme == "https" else 80)


def _proxied(url: str) -> bool:
    try:
        return proxy_of(url) is not None
    except ProblemError:
        return False


def _resolved(host: str, port: int) -> list[tuple[socket.AddressFamily, int, int, str, tuple[object, ...]]]:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


def _connected(host: str, port: int, seconds: float) -> float:
    began = time.monotonic()
    socket.create_connection((host, port), seconds).close()
    return time.monotonic() - began
