"""Certificates that every client accepts, Python 3.13's strict checks included."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import yaml
from cryptography import x509
from cryptography.x509 import verification

from tests.cluster.certificates import Authority, Subject, kubeconfig

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def test_a_server_certificate_is_accepted_by_a_strict_verifier() -> None:
    authority = Authority(NOW)
    issued = authority.issue(Subject("kube-apiserver", names=("kubernetes.default.svc", "10.96.0.1")))
    trusted = verification.Store([x509.load_pem_x509_certificate(authority.pair.certificate)])
    builder = verification.PolicyBuilder().store(trusted).time(NOW)
    verifier = builder.build_server_verifier(x509.DNSName("kubernetes.default.svc"))
    chain = verifier.verify(x509.load_pem_x509_certificate(issued.certificate), [])
    assert len(chain) == 2


def test_user_and_groups_stand_where_kubernetes_reads_them() -> None:
    issued = Authority(NOW).issue(Subject("system:node:node-0", groups=("system:nodes",)))
    subject = x509.load_pem_x509_certificate(issued.certificate).subject
    assert subject.rfc4514_string() == "CN=system:node:node-0,O=system:nodes"


def test_a_kubeconfig_needs_no_other_file() -> None:
    authority = Authority(NOW)
    user = authority.issue(Subject("admin"))
    content = yaml.safe_load(kubeconfig("https://10.0.0.1:6443", authority.pair.certificate, user))
    assert content["clusters"][0]["cluster"]["server"] == "https://10.0.0.1:6443"
    assert base64.b64decode(content["users"][0]["user"]["client-key-data"]) == user.key
