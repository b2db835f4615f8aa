"""Published vectors first, then the strictness of what is read and typed."""

import pytest

from mobile_stub import jws
from mobile_stub.encoding import (
    ascii_digits,
    from_base64url,
    json_object,
    typed_enrollment_code,
    typed_number,
)
from mobile_stub.keys import PinKey, key_from_pem, key_to_pem, new_device_key, public_jwk
from tests.unit.mobile_stub.double_jose import (
    b64,
    demand_header,
    demand_signature,
    key_from_jwk,
    take_apart,
)

RFC_7638_MODULUS = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
    "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
    "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
    "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
)


def test_the_thumbprint_is_that_of_rfc_7638() -> None:
    jwk = {"kty": "RSA", "n": RFC_7638_MODULUS, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}
    assert jws.thumbprint(jwk) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_thumbprint_of_an_ed25519_key_is_that_of_rfc_8037() -> None:
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": x}
    assert jws.thumbprint(jwk) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_pin_key_is_the_one_that_openssl_derives_and_signs_with() -> None:
    # Computed with `openssl kdf … PBKDF2`, `openssl pkey` and `openssl pkeyutl -rawin`.
    key = PinKey.derive("271828", bytes(range(32)))
    public = "565cedf5b96c83bedbc188749078d48a002d8abdbcc7ac55505f190c43b83859"
    signature = (
        "69025fc68f49daa2355d4108876590286d0baab219620df53afa781603dd10f4"
        "1d3110af4e3e2c0381c32750de8f3b3acd91bed92774be3c9c5ee9ef0ee66a07"
    )
    assert key.jwk() == {"kty": "OKP", "crv": "Ed25519", "x": b64(bytes.fromhex(public))}
    assert key.proof("answer", "chl_a", "nonce", "493021") == b64(bytes.fromhex(signature))


def test_a_signed_message_has_no_header_but_the_ones_the_contract_names() -> None:
    key = new_device_key()
    token = take_apart(jws.sign(key, {"typ": "stepup-req+jwt", "kid": "aut_1"}, {"a": 1}))
    demand_header(token, "stepup-req+jwt", "kid")
    demand_signature(token, key_from_jwk(public_jwk(key)))
    assert token.claims == {"a": 1}
    assert len(token.signature) == 64


def test_a_device_key_survives_its_file_form() -> None:
    key = new_device_key()
    assert public_jwk(key_from_pem(key_to_pem(key))) == public_jwk(key)


@pytest.mark.parametrize("text", ["a", "YQ==", "YR", "Y Q", "YQ\n", "é", "Y+/w"])
def test_base64url_that_is_padded_loose_or_not_canonical_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64"):
        from_base64url(text)


@pytest.mark.parametrize(
    "data", [b'{"a":1,"a":1}', b"[]", b'{"a":NaN}', b'{"a":"\xff"}', b"", b"[" * 100_000]
)
def test_json_that_could_be_read_in_two_ways_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (json raises subclasses with its own texts)
        json_object(data)


def test_digits_of_other_scripts_are_typed_as_ascii() -> None:
    assert ascii_digits("٤٩\uff13\u096621") == "493021"
    assert typed_number(" ٤٩٣ 021 ") == "493021"


def test_a_typed_enrollment_code_forgives_case_dashes_and_lookalikes() -> None:
    assert typed_enrollment_code(" oil2-34aB cd\u2010ef ") == "011234ABCDEF"
