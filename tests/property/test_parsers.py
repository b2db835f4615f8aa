"""Whatever comes over the wire, the parsers accept it or raise their own error."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfa_service import jose
from mfa_service.domain import strict_json
from tests.support.properties import REPEATABLE, json_objects, json_values

BRACKETS = st.text(alphabet='[]{}",:\\u0naltrue 1e9-.\x00\ud800', max_size=80)


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def parsed(data: bytes) -> tuple[bool, object]:
    """Return whether the bytes were accepted, and the value."""
    try:
        return True, strict_json.loads(data)
    except strict_json.NotStrictJson:
        return False, None


@REPEATABLE
@given(st.binary(max_size=200) | BRACKETS.map(encoded))
def test_any_bytes_are_json_or_refused_as_not_strict_json(data: bytes) -> None:
    accepted, value = parsed(data)
    if accepted:
        assert json.loads(data) == value


@REPEATABLE
@given(json_values, st.booleans())
def test_what_is_json_without_duplicates_is_read_as_it_is(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert parsed(encoded(text)) == (True, value)


@REPEATABLE
@given(json_values, st.integers(0, 60))
def test_depth_is_counted_and_nothing_deeper_than_32_is_accepted(
    value: object, levels: int
) -> None:
    text = "[" * levels + json.dumps(value) + "]" * levels
    accepted, _ = parsed(encoded(text))
    assert accepted is (levels + depth(value) <= 32)


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((depth(inner) for inner in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((depth(inner) for inner in value), default=0)
    return 0


@REPEATABLE
@given(json_values)
def test_faults_name_a_path_and_a_text_for_anything(value: object) -> None:
    assert all(path and text for path, text in strict_json.faults(value))


EDGES = st.recursive(
    st.text(alphabet="a\x00\x1f \n\x7f\x80\x9f\xa0é\ufffd")
    | st.integers(-(10**17), 10**17)
    | st.sampled_from([2**53 - 1, 2**53, -(2**53), 1e300, 1.5, 123456789012345.75]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(alphabet="ab\x00\x85", max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@REPEATABLE
@given(json_values | EDGES, st.booleans(), st.sampled_from(["", "a", "transaction"]))
def test_a_glance_at_the_text_misses_no_fault(
    value: object, ascii_only: bool, newline_under: str
) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    accepted, read = parsed(data)
    if accepted:
        glance = list(strict_json.faults_in(data, read, newline_under=newline_under))
        assert glance == list(strict_json.faults(read, newline_under=newline_under))


@pytest.mark.parametrize("text", ["1e400", "-1E400", '{"a": 1e999}', "9" * 400 + ".0"])
def test_a_number_beyond_all_numbers_is_seen_at_a_glance(text: str) -> None:
    value = strict_json.loads(text.encode())
    assert list(strict_json.faults_in(text.encode(), value))


@REPEATABLE
@given(
    st.text(alphabet="AQgwEIMUYcZ09-_=+ \n", max_size=9) | st.binary(max_size=9).map(jose.b64url)
)
def test_base64url_has_one_spelling(text: str) -> None:
    try:
        data = jose.unb64url(text)
    except jose.JoseError:
        padded = text + "=" * (-len(text) % 4)
        assert not canonical_text(padded, text)
    else:
        assert jose.b64url(data) == text


def canonical_text(padded: str, text: str) -> bool:
    """Tell by the standard library alone whether a text is canonical base64url."""
    try:
        data = base64.b64decode(padded, altchars=b"-_", validate=True)
    except ValueError:
        return False
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode() == text


def token(*parts: object) -> str:
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts
    )


HEADERS = st.fixed_dictionaries(
    {"alg": st.sampled_from(["ES256", "none", "HS256", 1, None])},
    optional={"typ": st.sampled_from(["JWT", "at+jwt", None, []]), "kid": json_values},
)


@REPEATABLE
@given(
    st.text(max_size=120)
    | st.text(alphabet="eyJhbGciOiJFUzI1NiJ9._-=+/ \n", max_size=120)
    | st.builds(token, HEADERS | json_values, json_objects | json_values, st.just("x"))
)
def test_any_text_is_a_jws_or_refused_with_jose_error(text: str) -> None:
    for call in (
        lambda: jose.parse(text, typ="JWT", members={"alg", "typ"}),
        lambda: jose.parse(text, typ=("JWT", None), members={"alg"}),
        lambda: jose.header_of(text),
    ):
        try:
            call()
        except jose.JoseError:
            continue


KEYS = st.fixed_dictionaries(
    {"kty": st.sampled_from(["EC", "OKP", "RSA", "oct", 1, None])},
    optional={
        "crv": st.sampled_from(["P-256", "P-384", "Ed25519", "X25519", 1, None]),
        "x": st.sampled_from(["", "AA", "A" * 43, "/" * 43]) | json_values,
        "y": st.sampled_from(["", "A" * 43]) | json_values,
        "n": st.sampled_from(["", "AQAB", "_" * 342]) | json_values,
        "e": st.sampled_from(["", "AQAB", "AA"]) | json_values,
        "d": st.just("A" * 43),
    },
)


@REPEATABLE
@given(KEYS | json_objects, HEADERS, st.binary(max_size=80))
def test_any_key_is_read_or_refused_with_jose_error(
    jwk: dict[str, Any], header: dict[str, Any], signature: bytes
) -> None:
    jws = jose.Jws(header, {}, b"a.b", signature)
    algorithms = frozenset({"ES256", "EdDSA", "PS256", "RS256"})
    calls = (
        lambda: jose.p256_key(jwk),
        lambda: jose.ed25519_key(jwk),
        lambda: jose.verify_jwk(jws, jwk, algorithms=algorithms),
    )
    refused = 0
    for call in calls:
        try:
            call()
        except jose.JoseError:
            refused += 1
    assert refused >= 2
    assert jose.is_public_jwk(jwk) in {True, False}
    assert jose.holds_ed25519(jwk, "AA", b"message") is False
