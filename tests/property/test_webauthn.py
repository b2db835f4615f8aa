"""Whatever bytes arrive as a WebAuthn answer, they are refused as such, or were made by the key."""

import base64
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mfa_service.domain.errors import ProofRejected
from tests.support.ceremonies import Ceremonies, judge
from tests.support.cose import b64url, unb64url
from tests.support.properties import REPEATABLE

PARTY = Ceremonies()
CREDENTIAL = PARTY.register()
ANSWER = PARTY.signed()
MADE = PARTY.key.create(
    {"rp": {"id": "example.org"}, "user": {"id": "aA"}, "challenge": "YQ"},
    origin="https://example.org",
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def refused(judged: Any) -> bool:
    try:
        judged()
    except ProofRejected:
        return True
    return False


@REPEATABLE
@given(json_values)
def test_any_json_is_refused(value: Any) -> None:
    assert refused(lambda: judge(CREDENTIAL, value))
    assert refused(lambda: PARTY.finish({"challenge": "YQ"}, value))


@REPEATABLE
@given(
    st.sampled_from(["clientDataJSON", "authenticatorData", "signature"]),
    st.binary(max_size=200) | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")),
)
def test_any_bytes_in_an_assertion_are_refused(member: str, data: bytes) -> None:
    response = ANSWER["response"] | {member: b64url(data)}
    assert refused(lambda: judge(CREDENTIAL, ANSWER | {"response": response}))


@REPEATABLE
@given(st.data())
def test_any_change_of_an_attestation_object_is_refused_or_changes_nothing(data: Any) -> None:
    """Without attestation nothing signs it: what is changed and accepted is another key."""
    raw = bytearray(unb64url(MADE["response"]["attestationObject"]))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[at]))
    response = MADE["response"] | {"attestationObject": b64url(bytes(raw))}
    try:
        found = PARTY.finish({"challenge": "YQ"}, MADE | {"response": response})
    except ProofRejected:
        return
    assert found.attributes["standing"] in {"unattested", "synced"}
    assert found.secret["credential_id"] == MADE["id"]


@REPEATABLE
@given(st.sampled_from(["clientDataJSON", "authenticatorData", "signature"]), st.booleans())
def test_another_alphabet_is_refused(member: str, padded: bool) -> None:
    text = base64.b64encode(unb64url(ANSWER["response"][member])).decode()
    changed = text + "=" if padded else text.replace("-", "+").replace("_", "/") + "+"
    response = ANSWER["response"] | {member: changed}
    assert refused(lambda: judge(CREDENTIAL, ANSWER | {"response": response}))
