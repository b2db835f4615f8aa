"""Which enrollment links the phone follows."""

from urllib.parse import quote

import pytest

from mobile_stub.enrollment_uri import offer_from_code, offer_from_uri
from mobile_stub.errors import BadInput

CODE = "0123456789ABCDEFGHJKMNPQRS"
ISSUER = "https://mfa.example.org"


def link(*, place: str = ISSUER, v: str = "1", iss: str | None = None, c: str = CODE) -> str:
    named = place if iss is None else iss
    return f"{place}/enroll#v={v}&iss={quote(named, safe='')}&c={c}"


@pytest.mark.parametrize(
    "issuer",
    [
        ISSUER,
        "https://mfa.example.org:8443",
        "https://example.org/mfa",
        "http://localhost:8000",
        "http://127.0.0.1:1",
        "http://[::1]:8000",
    ],
)
def test_a_link_names_its_service_and_its_code(issuer: str) -> None:
    offer = offer_from_uri(link(place=issuer))
    assert (offer.issuer, offer.code) == (issuer, CODE)
    assert CODE not in repr(offer)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://mfa.example.org/enroll",
        f"{ISSUER}/other#v=1&iss={quote(ISSUER, safe='')}&c={CODE}",
        link(v="2"),
        link(v=""),
        link(iss="https://evil.example"),
        link(iss=ISSUER + "/"),
        link(place="http://mfa.example.org"),
        link(place="http://localhost.example.org"),
        link(place="ftp://mfa.example.org"),
        link(place="https://user@mfa.example.org"),
        link(place="https://mfa.example.org/"),
        link(place="https://"),
        link(place="https://[::1"),
        link(place="https://mfa.example.org:x"),
        link(place="https://mfa example.org"),
        link(c=""),
        link(c=CODE[:-1]),
        link(c=CODE[:-1] + "U"),
        link() + "&c=" + CODE,
        link().replace("&c=", "&d="),
        f"{ISSUER}/enroll#v",
    ],
)
def test_a_link_that_is_foreign_newer_damaged_or_ambiguous_is_refused(uri: str) -> None:
    with pytest.raises(BadInput) as refused:
        offer_from_uri(uri)
    assert CODE not in str(refused.value)


def test_a_code_can_be_typed_in_groups_with_lookalikes() -> None:
    typed = "oI23-4567-89ab-cdef-ghjk-mnpq-rs"
    assert offer_from_code(typed, issuer=ISSUER).code == CODE


def test_a_typed_code_needs_a_safe_service_too() -> None:
    with pytest.raises(BadInput, match="https"):
        offer_from_code(CODE, issuer="http://mfa.example.org")
