"""Vectors that others published: RFC 4226, 6238, 7515, 7638, 8037 and 8785."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from mfa_service import canonical, jose
from mfa_service.domain.errors import ProofRejected
from mfa_service.domain.factor import Binding, Credential
from mfa_service.factors.totp import Totp

VECTORS = Path(__file__).parents[1] / "vectors"
OTP: dict[str, Any] = json.loads((VECTORS / "otp.json").read_text())
JOSE: dict[str, Any] = json.loads((VECTORS / "jose.json").read_text())
SECRET = base64.b32encode(OTP["secret_ascii"].encode()).decode()
PERIOD = 30


def matched_step(code: str, *, at: int, drift: int) -> int | None:
    """Return the step that the factor says `code` belongs to."""
    credential = Credential({"secret": SECRET})
    return Totp(drift=drift).verify(credential, {"code": code}, binding=Binding(), at=at).counter


@pytest.mark.parametrize("row", OTP["hotp"], ids=lambda row: str(row["count"]))
def test_rfc_4226_appendix_d_codes_are_those_of_their_counters(row: dict[str, Any]) -> None:
    at = row["count"] * PERIOD
    assert matched_step(row["otp"], at=at, drift=0) == row["count"]


@pytest.mark.parametrize("row", OTP["totp"], ids=lambda row: str(row["unix_time"]))
def test_rfc_6238_appendix_b_codes_are_those_of_their_times(row: dict[str, Any]) -> None:
    at = row["unix_time"]
    assert matched_step(row["otp"], at=at, drift=0) == at // PERIOD


@pytest.mark.parametrize("row", OTP["totp"], ids=lambda row: str(row["unix_time"]))
@pytest.mark.parametrize("steps", [-1, 1])
def test_rfc_6238_codes_are_accepted_one_step_early_or_late(
    row: dict[str, Any], steps: int
) -> None:
    at = row["unix_time"] + steps * PERIOD
    assert matched_step(row["otp"], at=at, drift=1) == row["unix_time"] // PERIOD


@pytest.mark.parametrize("row", OTP["totp"][1:], ids=lambda row: str(row["unix_time"]))
@pytest.mark.parametrize("steps", [-2, 2])
def test_rfc_6238_codes_are_refused_two_steps_early_or_late(
    row: dict[str, Any], steps: int
) -> None:
    with pytest.raises(ProofRejected):
        matched_step(row["otp"], at=row["unix_time"] + steps * PERIOD, drift=1)


@pytest.mark.parametrize("row", OTP["totp"], ids=lambda row: str(row["unix_time"]))
def test_rfc_6238_codes_of_eight_digits_are_not_ours(row: dict[str, Any]) -> None:
    with pytest.raises(ProofRejected):
        matched_step(row["otp_8"], at=row["unix_time"], drift=0)


def test_rfc_7638_section_3_1_thumbprint_of_an_rsa_key() -> None:
    vector = JOSE["rfc7638_rsa"]
    assert jose.thumbprint(vector["jwk"]) == vector["thumbprint"]


def test_rfc_8037_appendix_a_3_thumbprint_of_an_ed25519_key() -> None:
    vector = JOSE["rfc8037_ed25519"]
    assert jose.thumbprint(vector["jwk"]) == vector["thumbprint"]


def test_rfc_7515_appendix_a_3_signature_verifies() -> None:
    vector = JOSE["rfc7515_es256"]
    parsed = jose.parse(vector["jws"], typ=(None,), members={"alg"})
    jose.verify_es256(parsed, jose.p256_key(vector["jwk"]))
    assert parsed.claims == vector["claims"]


@pytest.mark.parametrize("part", [1, 2])
def test_rfc_7515_appendix_a_3_signature_covers_every_character(part: int) -> None:
    vector = JOSE["rfc7515_es256"]
    key = jose.p256_key(vector["jwk"])
    parts = vector["jws"].split(".")
    text = parts[part]
    parts[part] = ("E" if text[0] == "D" else "e") + text[1:] if part == 2 else "eyJpc3MiOiJqb3UifQ"
    parsed = jose.parse(".".join(parts), typ=(None,), members={"alg"})
    with pytest.raises(jose.JoseError):
        jose.verify_es256(parsed, key)


def test_rfc_8037_appendix_a_5_ed25519_signature_verifies() -> None:
    vector = JOSE["rfc8037_ed25519"]
    message = vector["signing_input"].encode()
    assert jose.holds_ed25519(vector["jwk"], vector["signature"], message)
    assert not jose.holds_ed25519(vector["jwk"], vector["signature"], message + b"x")


RFC_8785 = {
    "3.2.2 strings and literals": (
        (
            '{"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/",'
            '"literals":[null,true,false]}'
        ),
        '{"literals":[null,true,false],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    ),
    "3.2.3 sorting by UTF-16 code units": (
        (
            '{"\\u20ac":"Euro Sign","\\r":"Carriage Return",'
            '"\\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",'
            '"\\ud83d\\ude00":"Emoji: Grinning Face","\\u0080":"Control",'
            '"\\u00f6":"Latin Small Letter O With Diaeresis"}'
        ),
        (
            '{"\\r":"Carriage Return","1":"One","\u0080":"Control",'
            '"ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign",'
            '"\U0001f600":"Emoji: Grinning Face",'
            '"\ufb33":"Hebrew Letter Dalet With Dagesh"}'
        ),
    ),
    "3.2.1 no white space": ('{ "b" : [ 1 , 2 ] , "a" : { } }', '{"a":{},"b":[1,2]}'),
    "integers up to 2^53-1": (
        '{"a":9007199254740991,"b":-9007199254740991,"c":0,"d":-0}',
        '{"a":9007199254740991,"b":-9007199254740991,"c":0,"d":0}',
    ),
}


@pytest.mark.parametrize(("given", "canonical_form"), RFC_8785.values(), ids=RFC_8785.keys())
def test_rfc_8785_canonical_form(given: str, canonical_form: str) -> None:
    assert canonical.canonical_json(json.loads(given)) == canonical_form.encode()


@pytest.mark.parametrize("number", ["1.5", "1e-1", "9007199254740993", "-9007199254740993"])
@pytest.mark.parametrize("place", ['{"a":%s}', '{"a":[%s]}', '{"a":{"b":[{"c":%s}]}}'])
def test_numbers_that_are_no_safe_integers_have_no_canonical_form_here(
    number: str, place: str
) -> None:
    with pytest.raises(canonical.NotCanonical):
        canonical.canonical_json(json.loads(place % number))
