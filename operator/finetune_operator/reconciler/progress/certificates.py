"""Making and reading certificates: a certificate authority of our own, and what it issues. No I/O; time is an argument."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE: Final = timedelta(days=3650)
SERVING_LIFE: Final = timedelta(days=30)
RENEW_BEFORE: Final = timedelta(days=10)
BACKDATING: Final = timedelta(minutes=10)
"""A node whose clock is a little behind must still accept what was just issued."""
AUTHORITY_NAME: Final = "finetune-operator progress CA"
SERVING_NAME: Final = "finetune-operator progress"


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, both PEM. The key never shows in a repr."""

    certificate: str
    key: str = field(repr=False)

    @property
    def not_after(self) -> datetime:
        """When the certificate ends, in UTC."""
        return x509.load_pem_x509_certificate(self.certificate.encode()).not_valid_after_utc


def make_authority(now: datetime) -> Pair:
    """A new self-signed certificate authority on P-256, valid for ten years."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(AUTHORITY_NAME)
    builder = _builder(name, name, key.public_key(), now, now + AUTHORITY_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
    builder = builder.add_extension(_key_identifier(key.public_key()), critical=False)
    return _signed(builder, key, key)


def issue(authority: Pair, names: Iterable[str], now: datetime) -> Pair:
    """A serving certificate for DNS names and IP addresses, valid for thirty days but no longer than the authority."""
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode())
    signer = _private_key(authority.key)
    key = ec.generate_private_key(ec.SECP256R1())
    ends = min(now + SERVING_LIFE, issuer.not_valid_after_utc)
    builder = _builder(_name(SERVING_NAME), issuer.subject, key.public_key(), now, ends)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(_alternatives(names), critical=False)
    builder = builder.add_extension(_key_identifier(key.public_key()), critical=False)
    authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return _signed(builder.add_extension(authority_key, critical=False), key, signer)


def read_authority(certificate: str, key: str) -> Pair:
    """A stored authority. Raises ValueError that says what is wrong with it."""
    parsed = x509.load_pem_x509_certificate(certificate.encode())
    if _private_key(key).public_key() != parsed.public_key():
        raise ValueError("the private key does not belong to the certificate")
    try:
        constraints = parsed.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        raise ValueError("the certificate is not a certificate authority") from None
    if not constraints.ca:
        raise ValueError("the certificate is not a certificate authority")
    return Pair(certificate, key)


def needs_renewal(serving: Pair, now: datetime) -> bool:
    """Whether a serving certificate ends so soon that another should take its place."""
    return serving.not_after - now < RENEW_BEFORE


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before((now - BACKDATING).astimezone(UTC))
        .not_valid_after(ends.astimezone(UTC))
    )


def _signed(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey
) -> Pair:
    certificate = builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Pair(certificate.decode(), private.decode())


def _private_key(pem: str) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"the private key is no elliptic curve key: {type(key).__name__}")  # noqa: TRY004 - stored text
    return key


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _key_identifier(key: ec.EllipticCurvePublicKey) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    # Python 3.13 refuses an authority that does not say that it signs certificates.
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _alternatives(names: Iterable[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_alternative(name) for name in dict.fromkeys(names)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
