"""References to Secrets: a credential is named in a resource and never written into it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from finetune_operator.api.model import ApiModel

SecretName = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
SecretKey = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]


class SecretRef(ApiModel):
    """A Secret of the job's namespace that opens a place: the Hub, an object store, a web server."""

    name: SecretName
    """The Secret's name."""
    key: SecretKey | None = None
    """The key of a token. Absent: the usual keys of the place: token for hf:// and https://, accessKeyId, secretAccessKey
    and, if need be, sessionToken, endpoint and region for s3://, credentials for gs://."""


class SecretKeyRef(ApiModel):
    """One key of a Secret of the job's namespace."""

    name: SecretName
    """The Secret's name."""
    key: SecretKey
    """The key whose value is used."""
