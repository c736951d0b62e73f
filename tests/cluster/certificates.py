"""Certificates and kubeconfigs of one cluster: made afresh at every start, worth nothing outside of it."""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=365)
CLOCK_SKEW = timedelta(minutes=5)
BOTH_USES = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH)


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, both in PEM."""

    certificate: bytes
    key: bytes

    def write(self, folder: Path, name: str) -> None:
        """Write `name.crt`, and `name.key` readable by its owner alone."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.crt").write_bytes(self.certificate)
        key = folder / f"{name}.key"
        key.touch(mode=0o600)
        key.write_bytes(self.key)


@dataclass(frozen=True)
class Subject:
    """Whom a certificate names: user and groups for Kubernetes, addresses and names for those who connect."""

    user: str
    groups: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class Authority:
    """A certificate authority of one cluster."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "local-cluster")])
        builder = self._builder(self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        # Python 3.13 refuses an authority that does not say that it signs.
        self._certificate = builder.add_extension(_authority_usage(), critical=True).sign(self._key, hashes.SHA256())

    @property
    def pair(self) -> Pair:
        """Its own certificate and key."""
        return _pem(self._certificate, self._key)

    def issue(self, subject: Subject) -> Pair:
        """A certificate for `subject`, for use as a client and as a server."""
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in subject.groups]
        name = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, subject.user)])
        builder = self._builder(name, key).add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True
        )
        builder = builder.add_extension(x509.ExtendedKeyUsage(BOTH_USES), critical=False)
        if subject.names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName(list(map(_alternative, subject.names))), critical=False
            )
        return _pem(builder.sign(self._key, hashes.SHA256()), key)

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - CLOCK_SKEW)
            .not_valid_after(self._now + LIFETIME)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(authority, critical=False)
        )


def kubeconfig(server: str, authority: bytes, client: Pair) -> str:
    """A kubeconfig with everything inside it.

    Args:
        server: URL of the API server.
        authority: PEM certificate that signed the server's.
        client: certificate and key of the user.
    """
    cluster = {"server": server, "certificate-authority-data": _base64(authority)}
    user = {"client-certificate-data": _base64(client.certificate), "client-key-data": _base64(client.key)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": cluster}],
        "users": [{"name": "local", "user": user}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": "local"}}],
        "current-context": "local",
    }
    return yaml.safe_dump(content, sort_keys=False)


def _authority_usage() -> x509.KeyUsage:
    signs = {"key_cert_sign": True, "crl_sign": True}
    other = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    return x509.KeyUsage(**signs, **dict.fromkeys((*other, "encipher_only", "decipher_only"), False))


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return Pair(certificate.public_bytes(serialization.Encoding.PEM), private)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
