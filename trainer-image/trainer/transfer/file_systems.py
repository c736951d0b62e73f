"""fsspec's file systems for s3, gs and https, opened with the credentials of one purpose."""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Any, Final

from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trainer.transfer.places import Place, Scheme
    from trainer.transfer.secrets import Secrets

CONNECT_SECONDS: Final = 20
SILENT_SECONDS: Final = 60
"""That a server may say nothing, in the middle of a file too."""
OWN_IDENTITY: Final = ("AWS_ACCESS_KEY_ID", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_PROFILE")
"""Variables by which a cluster gives a pod an identity; without them and without a Secret a bucket is asked as anyone."""


def open_file_system(place: Place, secrets: Secrets) -> Any:  # noqa: ANN401 - a file system of fsspec
    """The file system of a place's scheme; UserError (SourceForbidden) when the credentials make no sense."""
    # Instances must not be shared: two purposes may have different credentials, and listings change.
    return _OPENERS[place.scheme](place, secrets, {"skip_instance_cache": True, "use_listings_cache": False})


def _s3(_: Place, secrets: Secrets, options: Mapping[str, object]) -> Any:  # noqa: ANN401 - s3fs has no types
    from s3fs import S3FileSystem  # noqa: PLC0415 - heavy

    endpoint = secrets.get("ENDPOINT") or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    config: dict[str, object] = {"connect_timeout": CONNECT_SECONDS, "read_timeout": SILENT_SECONDS}
    if endpoint:
        # What is not Amazon's has buckets as paths, and may not know its newer checksums.
        config |= {"s3": {"addressing_style": "path"}, "request_checksum_calculation": "when_required"}
    return S3FileSystem(
        key=secrets.get("ACCESS_KEY_ID") or None,
        secret=secrets.get("SECRET_ACCESS_KEY") or None,
        token=secrets.get("SESSION_TOKEN") or None,
        anon=not secrets.given and not any(name in os.environ for name in OWN_IDENTITY),
        endpoint_url=endpoint or None,
        client_kwargs={"region_name": secrets.get("REGION") or os.environ.get("AWS_REGION") or "us-east-1"},
        config_kwargs=config,
        **options,
    )


def _gs(_: Place, secrets: Secrets, options: Mapping[str, object]) -> Any:  # noqa: ANN401 - gcsfs has no types
    from gcsfs import GCSFileSystem  # noqa: PLC0415 - heavy

    token: object = _service_account(secrets) if secrets.given else None
    if token is None and os.environ.get("STORAGE_EMULATOR_HOST"):
        token = "anon"  # noqa: S105 - gcsfs's word for no credentials
    return GCSFileSystem(token=token, timeout=SILENT_SECONDS, **options)


def _https(_: Place, secrets: Secrets, options: Mapping[str, object]) -> Any:  # noqa: ANN401 - fsspec has no types
    import aiohttp  # noqa: PLC0415 - heavy
    from fsspec.implementations.http import HTTPFileSystem  # noqa: PLC0415

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENT_SECONDS)
    headers = {"Accept-Encoding": "identity"}  # sizes and ranges are those of the file itself
    if secrets.get("TOKEN"):
        headers["Authorization"] = f"Bearer {secrets.get('TOKEN')}"
    elif secrets.get("USERNAME"):
        pair = f"{secrets.get('USERNAME')}:{secrets.get('PASSWORD')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    return HTTPFileSystem(client_kwargs={"timeout": timeout, "headers": headers, "trust_env": True}, **options)


def _service_account(secrets: Secrets) -> dict[str, object]:
    try:
        document: object = json.loads(secrets.get("CREDENTIALS"))
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise UserError(
            "SourceForbidden",
            f"{secrets.name}: CREDENTIALS is not the JSON of a service account's key",
            advice="Put the whole key file into the Secret's key `credentials`.",
        )
    return document


_OPENERS: Final[Mapping[Scheme, Callable[[Place, Secrets, Mapping[str, object]], Any]]] = {
    "s3": _s3,
    "gs": _gs,
    "https": _https,
}
