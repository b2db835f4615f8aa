"""The phone believes only what the service signed for it."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from mobile_stub.errors import BadInput, ChallengeExpired, Refused, ServerNotTrusted
from mobile_stub.phone import Phone
from tests.unit.mobile_stub.double_jose import b64, jwk_of, signed_token, unb64
from tests.unit.mobile_stub.service_double import KID, ServiceDouble

HEADER = {"alg": "ES256", "typ": "stepup-challenge+jwt", "kid": KID}


def serve(service: ServiceDouble, token: object) -> None:
    service.overrides["GET /v1/device/challenges"] = lambda: (200, {}, {"challenges": [token]})


def test_a_genuine_challenge_shows_what_was_signed(
    phone: Phone, device: str, service: ServiceDouble
) -> None:
    transaction = {"amount": "49.00", "to": "ACME\nLtd"}
    context = {"ip": "192.0.2.1", "user_agent": None, "application": "Bank", "location": None}
    challenge_id = service.ask(
        device,
        transaction=transaction,
        tx_hash=b64(bytes(32)),
        context=context,
        binding_message="Order 7",
        purpose="manage",
        fraud_reported=True,
        require=[["code", "pin"], ["code", "webauthn"]],
        a_later_claim="ignored",
    )
    (challenge,) = phone.pending()
    assert challenge.id == challenge_id
    assert (challenge.transaction, challenge.context) == (transaction, context)
    assert (challenge.purpose, challenge.fraud_reported) == ("manage", True)
    assert (challenge.binding_message, challenge.client_name) == ("Order 7", "Example Bank")
    assert challenge.require == (("code", "pin"), ("code", "webauthn"))
    assert phone.challenge(challenge_id) == challenge


def changed_header(**changes: Any) -> Callable[[ServiceDouble, dict[str, Any]], str]:
    def token(service: ServiceDouble, claims: dict[str, Any]) -> str:
        header = {k: v for k, v in {**HEADER, **changes}.items() if v is not ...}
        return signed_token(service.key, header, claims)

    return token


def changed_claims(**changes: Any) -> Callable[[ServiceDouble, dict[str, Any]], str]:
    def token(service: ServiceDouble, claims: dict[str, Any]) -> str:
        whole = {k: v for k, v in {**claims, **changes}.items() if v is not ...}
        return signed_token(service.key, HEADER, whole)

    return token


def other_key(_: ServiceDouble, claims: dict[str, Any]) -> str:
    return signed_token(ec.generate_private_key(ec.SECP256R1()), HEADER, claims)


def swapped_payload(service: ServiceDouble, claims: dict[str, Any]) -> str:
    head, _, tail = signed_token(service.key, HEADER, claims).split(".")
    return f"{head}.{b64(json.dumps({**claims, 'client_name': 'Other'}).encode())}.{tail}"


def der_signature(service: ServiceDouble, claims: dict[str, Any]) -> str:
    head, body, tail = signed_token(service.key, HEADER, claims).split(".")
    r, s = (int.from_bytes(part, "big") for part in (unb64(tail)[:32], unb64(tail)[32:]))
    return f"{head}.{body}.{b64(encode_dss_signature(r, s))}"


def no_signature(service: ServiceDouble, claims: dict[str, Any]) -> str:
    return signed_token(service.key, HEADER, claims).rpartition(".")[0] + "."


def padded(service: ServiceDouble, claims: dict[str, Any]) -> str:
    return signed_token(service.key, HEADER, claims) + "=="


def four_parts(service: ServiceDouble, claims: dict[str, Any]) -> str:
    return signed_token(service.key, HEADER, claims) + ".e30"


def repeated_claim(service: ServiceDouble, claims: dict[str, Any]) -> str:
    text = json.dumps(claims)[:-1] + ', "client_name": "Other"}'
    head = b64(json.dumps(HEADER).encode())
    signed = f"{head}.{b64(text.encode())}"
    whole = signed_token(service.key, HEADER, claims)
    assert whole.startswith(head)
    return f"{signed}.{whole.rpartition('.')[2]}"


def hmac_header(service: ServiceDouble, claims: dict[str, Any]) -> str:
    return signed_token(service.key, {**HEADER, "alg": "HS256"}, claims)


TAMPERED = {
    "another key": other_key,
    "another payload": swapped_payload,
    "a DER signature": der_signature,
    "no signature": no_signature,
    "padding": padded,
    "four parts": four_parts,
    "a repeated claim": repeated_claim,
    "HS256": hmac_header,
    "alg none": changed_header(alg="none"),
    "no alg": changed_header(alg=...),
    "another typ": changed_header(typ="stepup-result+jwt"),
    "no typ": changed_header(typ=...),
    "typ in other case": changed_header(typ="STEPUP-challenge+jwt"),
    "no kid": changed_header(kid=...),
    "an unknown kid": changed_header(kid="other"),
    "kid of the RSA key": changed_header(kid="rsa"),
    "kid a number": changed_header(kid=1),
    "jku": changed_header(jku="https://evil.example/jwks.json"),
    "x5u": changed_header(x5u="https://evil.example/cert"),
    "crit": changed_header(crit=["exp"]),
    "b64": changed_header(b64=True),
    "jwk": changed_header(jwk=jwk_of(ec.generate_private_key(ec.SECP256R1()), KID)),
    "x5c": changed_header(x5c=["AA=="]),
    "another issuer": changed_claims(iss="https://evil.example"),
    "another device": changed_claims(aud="aut_" + "b" * 22),
    "aud a list": changed_claims(aud=["aut_" + "b" * 22]),
    "no aud": changed_claims(aud=...),
    "another subject": changed_claims(sub="mallory"),
    "iat in the future": changed_claims(iat=4_000_000_000, exp=4_000_000_060),
    "iat a float": changed_claims(iat=1.0),
    "exp a text": changed_claims(exp="4000000000"),
    "exp true": changed_claims(exp=True),
    "no exp": changed_claims(exp=...),
    "a short nonce": changed_claims(nonce=b64(bytes(16))),
    "no nonce": changed_claims(nonce=...),
    "an id that is a path": changed_claims(challenge_id="chl_../../../v1/device/keys"),
    "an unknown purpose": changed_claims(purpose="transfer"),
    "require a text": changed_claims(require="code"),
    "require flat": changed_claims(require=["code"]),
    "require of numbers": changed_claims(require=[[1]]),
    "a transaction without hash": changed_claims(transaction={"a": 1}),
    "a hash without transaction": changed_claims(tx_hash=b64(bytes(32))),
    "a short hash": changed_claims(transaction={}, tx_hash="AA"),
    "an empty hash": changed_claims(transaction={}, tx_hash=""),
    "a transaction that is a text": changed_claims(transaction="x", tx_hash=b64(bytes(32))),
    "no client name": changed_claims(client_name=...),
    "a fraud note that is a text": changed_claims(fraud_reported="no"),
}


@pytest.mark.parametrize("kind", TAMPERED)
def test_a_tampered_challenge_is_refused(
    kind: str, phone: Phone, device: str, service: ServiceDouble
) -> None:
    claims = service.asked[service.ask(device)].claims
    serve(service, TAMPERED[kind](service, claims))
    with pytest.raises(ServerNotTrusted):
        phone.pending()


def test_the_untampered_form_of_these_is_taken(
    phone: Phone, device: str, service: ServiceDouble
) -> None:
    claims = service.asked[service.ask(device)].claims
    serve(service, signed_token(service.key, HEADER, claims))
    assert len(phone.pending()) == 1


@pytest.mark.parametrize("token", [None, 1, "", "a.b.c", "..", "\u00e9"])
@pytest.mark.usefixtures("device")
def test_what_is_no_jws_at_all_is_refused(
    token: object, phone: Phone, service: ServiceDouble
) -> None:
    serve(service, token)
    with pytest.raises(ServerNotTrusted):
        phone.pending()


def test_an_expired_challenge_is_left_out_of_the_list_and_refused_alone(
    phone: Phone, device: str, service: ServiceDouble
) -> None:
    now = int(service.clock())
    challenge_id = service.ask(device, iat=now - 200, exp=now - 80)
    assert phone.pending() == []
    with pytest.raises(ChallengeExpired):
        phone.challenge(challenge_id)


def test_another_challenge_than_the_one_asked_for_is_refused(
    phone: Phone, device: str, service: ServiceDouble
) -> None:
    wanted, other = service.ask(device), service.ask(device)
    answer = {"challenge": service.token(other)}
    service.overrides[f"GET /v1/device/challenges/{wanted}"] = lambda: (200, {}, answer)
    with pytest.raises(ServerNotTrusted, match="another request"):
        phone.deny(wanted)
    assert service.asked[other].status == "pending"


def test_a_key_that_the_service_added_later_is_fetched_once(
    phone: Phone, device: str, service: ServiceDouble
) -> None:
    first = service.asked[service.ask(device)].claims
    service.key = ec.generate_private_key(ec.SECP256R1())
    service.jwks.append(jwk_of(service.key, "second"))
    second = service.asked[service.ask(device)].claims
    tokens = [signed_token(service.key, {**HEADER, "kid": "second"}, c) for c in (first, second)]
    answer = {"challenges": tokens}
    service.overrides["GET /v1/device/challenges"] = lambda: (200, {}, answer)
    before = len(service.log)
    assert len(phone.pending()) == 2
    asked = [target for _, target, _ in service.log[before:]]
    assert asked.count("/.well-known/jwks.json") == 1


def test_two_keys_of_one_name_are_refused(
    phone: Phone, device: str, service: ServiceDouble
) -> None:
    service.jwks.append(jwk_of(ec.generate_private_key(ec.SECP256R1()), KID))
    service.ask(device)
    with pytest.raises(ServerNotTrusted, match="same name"):
        phone.pending()


def test_a_key_off_the_curve_is_not_used(phone: Phone, device: str, service: ServiceDouble) -> None:
    service.ask(device)
    service.jwks[0]["y"] = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")
    with pytest.raises(ServerNotTrusted):
        phone.pending()


@pytest.mark.parametrize("typed", ["", "chl_", "../device", "chl_aaaaaaaaaaaaaaaaaaaaaa/answer"])
@pytest.mark.usefixtures("device")
def test_an_id_that_could_lead_elsewhere_is_not_sent(
    typed: str, phone: Phone, service: ServiceDouble
) -> None:
    before = len(service.log)
    with pytest.raises(BadInput):
        phone.deny(typed)
    assert len(service.log) == before


@pytest.mark.usefixtures("device")
def test_an_unknown_id_is_said_plainly(phone: Phone) -> None:
    with pytest.raises(Refused, match="no such request"):
        phone.deny("chl_" + "a" * 22)
