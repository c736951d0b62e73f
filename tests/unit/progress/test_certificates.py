"""The authority, what it issues, and when it hands over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from finetune_operator.reconciler.progress.authority import Authority, AuthorityError, _parse, _secret
from finetune_operator.reconciler.progress.certificates import Pair, issue, make_authority, needs_renewal
from tests.unit.progress.stories import START

NAME = "finetune-operator-progress.finetune-system.svc"
YEAR = timedelta(days=365)


def trusts(bundle: str, serving: Pair, *, days: float = 0, name: str = NAME) -> bool:
    store = Store(x509.load_pem_x509_certificates(bundle.encode()))
    verifier = PolicyBuilder().store(store).time(START + timedelta(days=days)).build_server_verifier(x509.DNSName(name))
    try:
        verifier.verify(x509.load_pem_x509_certificate(serving.certificate.encode()), [])
    except VerificationError:
        return False
    return True


def test_what_the_authority_issues_is_trusted_for_its_names_only() -> None:
    authority = make_authority(START)
    serving = issue(authority, (NAME, "10.0.0.1", NAME), START)
    assert trusts(authority.certificate, serving)
    assert not trusts(authority.certificate, serving, name="another.svc")
    assert not trusts(make_authority(START).certificate, serving)


def test_a_clock_that_is_minutes_behind_accepts_what_was_just_issued() -> None:
    authority = make_authority(START)
    assert trusts(authority.certificate, issue(authority, (NAME,), START), days=-9 / 1440)


def test_the_authority_lives_ten_years_and_may_sign_certificates_only() -> None:
    parsed = x509.load_pem_x509_certificate(make_authority(START).certificate.encode())
    usage = parsed.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
    assert parsed.not_valid_after_utc - START == timedelta(days=3650)


def test_a_serving_certificate_is_renewed_days_before_its_end() -> None:
    serving = issue(make_authority(START), (NAME,), START)
    assert not needs_renewal(serving, START + timedelta(days=19))
    assert needs_renewal(serving, START + timedelta(days=21))


def test_a_serving_certificate_never_outlives_its_authority() -> None:
    authority = make_authority(START)
    serving = issue(authority, (NAME,), START + timedelta(days=3640))
    assert serving.not_after == authority.not_after


def test_the_private_key_does_not_show_in_a_repr() -> None:
    assert "PRIVATE" not in repr(Authority(make_authority(START)))


def test_an_authority_names_its_successor_two_years_ahead_and_hands_over_one_year_ahead() -> None:
    young = Authority(make_authority(START))
    assert young.at(START + 7 * YEAR) == young
    announced = young.at(START + 8.5 * YEAR)
    assert announced.current == young.current
    assert announced.successor is not None
    assert announced.at(START + 8.9 * YEAR) == announced
    after = announced.at(START + 9.1 * YEAR)
    assert after == Authority(announced.successor)


def test_a_pod_that_was_started_in_the_year_before_trusts_both_sides_of_a_handover() -> None:
    announced = Authority(make_authority(START)).at(START + 8.5 * YEAR)
    before, after = START + 8.9 * YEAR, START + 9.1 * YEAR
    for moment in (before, after):
        serving = issue(announced.at(moment).current, (NAME,), moment)
        assert trusts(announced.bundle, serving, days=(moment - START).days + 1)


def test_an_authority_that_ended_long_ago_is_replaced_at_once() -> None:
    old = Authority(make_authority(START))
    new = old.at(START + 20 * YEAR)
    assert new.current != old.current
    assert new.successor is None


def test_an_authority_survives_its_secret() -> None:
    for authority in (Authority(make_authority(START)), Authority(make_authority(START), make_authority(START))):
        assert _parse(_secret(authority, "ns"), "ns") == authority


@pytest.mark.parametrize("spoil", ["missing", "garbage", "foreign key", "serving"])
def test_a_secret_without_a_usable_authority_is_refused_with_what_to_do(spoil: str) -> None:
    authority = make_authority(START)
    pairs = {
        "missing": authority,
        "garbage": Pair("no pem", authority.key),
        "foreign key": Pair(authority.certificate, make_authority(START).key),
        "serving": issue(authority, (NAME,), START),
    }
    secret = _secret(Authority(pairs[spoil]), "ns")
    if spoil == "missing":
        del secret["data"]["tls.crt"]
    with pytest.raises(AuthorityError, match="Delete it and restart the operator"):
        _parse(secret, "ns")
