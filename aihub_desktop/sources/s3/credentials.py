"""Keys, endpoint and region from where AWS's own programs look: variables, files, and what a profile names.

botocore's chain is used, but for its step that asks the address at which a virtual machine of AWS finds its own
keys: elsewhere that costs seconds, or reaches a stranger.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any, Final

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import Secret
from aihub_desktop.domain.storage import Access, Credentials, Storage, Style, plain_endpoint

_METADATA: Final = "iam-role"  # botocore's name for that step
_SERVICE: Final = "s3"


def from_profile(profile: str = "") -> Credentials | None:
    """The keys of `profile`, or of the usual chain for ""; None where there are none.

    A profile may name a program or a login of its own, which then runs: so this may block, for as long as it wants.
    Raises `ProblemError` NO_CREDENTIALS, with the fact `why`, for a profile that is not there or gives no keys now.
    """
    session = _session(profile)
    resolver = session.get_component("credential_provider")
    if any(provider.METHOD == _METADATA for provider in resolver.providers):
        resolver.remove(_METADATA)
    try:
        found = resolver.load_credentials()
        frozen = None if found is None else found.get_frozen_credentials()
    except Exception as error:  # of a program, a file, a login: each raises what it pleases
        raise _problem(error) from None
    if frozen is None or not frozen.access_key or not frozen.secret_key:
        return None
    return Credentials(frozen.access_key, Secret(frozen.secret_key), Secret(frozen.token or ""))


def usual_storage(profile: str = "") -> Storage:
    """The storage that AWS's own programs would use with `profile`: endpoint, region, style; AWS's own by default.

    Raises `ProblemError`: NO_CREDENTIALS for a profile that is not there, BAD_ADDRESS for an endpoint that is none.
    """
    session = _session(profile)
    try:
        config = session.get_scoped_config()
        region = os.environ.get("AWS_REGION") or session.get_config_variable("region") or ""
        named = _endpoint(session.full_config, config, os.environ)
    except Exception as error:
        raise _problem(error) from None
    try:
        endpoint = plain_endpoint(named) if named else _aws(region)
    except ValueError:
        raise ProblemError(Code.BAD_ADDRESS, why="endpoint") from None
    return Storage(endpoint, region=region, style=_style(config), access=Access.PROFILE, profile=profile)


def _session(profile: str) -> Any:
    # At its finest botocore logs what files hold.
    logging.getLogger("botocore").setLevel(logging.WARNING)
    import botocore.session  # noqa: PLC0415 - it takes a third of a second, which only those pay who have storages

    session = botocore.session.Session(profile=profile or None)
    try:
        session.get_scoped_config()
    except Exception as error:
        raise _problem(error) from None
    return session


def _endpoint(full: Mapping[str, Any], scoped: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    """From variables, the profile's services, or the profile itself, in that order."""
    from botocore.configprovider import ConfiguredEndpointProvider  # noqa: PLC0415 - as above

    ignored = environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") or scoped.get("ignore_configured_endpoint_urls", "")
    if str(ignored).lower() == "true":
        return ""
    return str(ConfiguredEndpointProvider(full, scoped, _SERVICE, environ).provide() or "")


def _aws(region: str) -> str:
    if not region:
        return "https://s3.amazonaws.com"
    return plain_endpoint(f"https://s3.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}")


def _style(config: Mapping[str, Any]) -> Style:
    own = config.get(_SERVICE)
    text = own.get("addressing_style", "") if isinstance(own, dict) else ""
    return Style(text) if text in set(Style) else Style.AUTO


def _problem(error: Exception) -> ProblemError:
    """Only the kind of the failure is told: its text may quote a file of secrets, or what a program said."""
    return ProblemError(Code.NO_CREDENTIALS, why=type(error).__name__)
