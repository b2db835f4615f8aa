"""One thing broken in a ceremony that would hold: refused, each and every one (S 5.7, S 5.5)."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from mfa_service.domain.errors import ProofRejected
from mfa_service.domain.factor import PAGE, Place
from tests.support.ceremonies import ORIGIN, Ceremonies, bound, judge
from tests.support.cose import b64url, unb64url

FOREIGN_ORIGINS = (
    "https://example.org.evil",
    "http://example.org",
    "https://EXAMPLE.org",
    "https://example.org/",
    "https://example.org:443",
    "https://sub.example.org",
    "null",
    "",
)


def said(**members: Any) -> dict[str, Any]:
    """Say something else in the client data; `None` leaves it out."""

    def change(data: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in (data | members).items() if value is not None}

    return {"client_data": change}


def raw(change: Callable[[bytes], bytes]) -> dict[str, Any]:
    """Send client data whose bytes differ from plain JSON."""
    return {"client_data": lambda data: change(json.dumps(data).encode())}


def answered(*path: str, with_: Callable[[str], Any]) -> dict[str, Any]:
    """Change one text of the answer after it was made."""

    def change(answer: dict[str, Any]) -> dict[str, Any]:
        place: Any = answer
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = with_(place[path[-1]])
        return answer

    return {"answer": change}


CLIENT_DATA: dict[str, dict[str, Any]] = {
    "another challenge": said(challenge=b64url(b"x" * 32)),
    "padded challenge": {"client_data": lambda data: data | {"challenge": data["challenge"] + "="}},
    "no challenge": said(challenge=None),
    "no type": said(type=None),
    "no origin": said(origin=None),
    "origin in a list": said(origin=[ORIGIN]),
    "framed by another origin": said(crossOrigin=True),
    "crossOrigin is no boolean": said(crossOrigin="false"),
    "a top origin": said(topOrigin="https://example.com"),
    "our own as top origin": said(topOrigin=ORIGIN),
    "byte order mark": raw(lambda text: b"\xef\xbb\xbf" + text),
    "a member twice": raw(lambda text: text[:-1] + b', "origin": "https://evil.example"}'),
    "bytes after": raw(lambda text: text + b"x"),
    "no JSON": raw(lambda _: b"{"),
    "a list": raw(lambda _: b"[]"),
    "no UTF-8": raw(lambda _: b"\xff"),
    "empty": raw(lambda _: b""),
}
BOTH: dict[str, dict[str, Any]] = {
    **CLIENT_DATA,
    "another party": {"rp_id": "example.com"},
    "a party below ours": {"rp_id": "login.example.org"},
    "nobody was present": {"up": False},
    "backed up and not eligible": {"be": False, "bs": True},
    "no response": answered("response", with_=lambda _: None),
    "another kind": answered("type", with_=lambda _: "password"),
    "id and rawId differ": answered("rawId", with_=lambda _: b64url(b"x" * 32)),
    "id in plain base64": answered("id", with_=lambda text: text + "="),
    "client data in plain base64": answered(
        "response",
        "clientDataJSON",
        with_=lambda text: base64.b64encode(unb64url(text)).decode() + "==",
    ),
    "client data missing": answered("response", "clientDataJSON", with_=lambda _: None),
    "authenticator data cut": {"auth_data": lambda data: data[:-1]},
    "bytes after the authenticator data": {"auth_data": lambda data: data + b"\0"},
    "extensions announced and missing": {
        "auth_data": lambda data: data[:32] + bytes([data[32] | 0x80]) + data[33:]
    },
}


@pytest.mark.parametrize("odd", BOTH.values(), ids=BOTH)
def test_a_registration_with_one_fault_is_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(ProofRejected):
        Ceremonies().register(**odd)


@pytest.mark.parametrize("odd", BOTH.values(), ids=BOTH)
def test_an_assertion_with_one_fault_is_refused(odd: dict[str, Any]) -> None:
    party = Ceremonies()
    credential = party.register()
    with pytest.raises(ProofRejected):
        party.authenticate(credential, **odd)


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_only_exactly_our_origins_count(origin: str) -> None:
    party = Ceremonies()
    credential = party.register()
    with pytest.raises(ProofRejected):
        party.register(origin=origin)
    with pytest.raises(ProofRejected):
        party.authenticate(credential, origin=origin)


def test_an_origin_of_another_place_does_not_count() -> None:
    party = Ceremonies(origins=(ORIGIN, "https://app.example.org"))
    credential = party.register(origin="https://app.example.org")
    page = bound(place=Place(PAGE, (ORIGIN,)))
    with pytest.raises(ProofRejected):
        judge(credential, party.signed(origin="https://app.example.org"), page)
    assert judge(credential, party.signed(), page).evidence == ("passkey_unattested",)


def test_each_ceremony_refuses_the_other() -> None:
    party = Ceremonies()
    credential = party.register()
    with pytest.raises(ProofRejected):
        party.register(**said(type="webauthn.get"))
    with pytest.raises(ProofRejected):
        party.authenticate(credential, **said(type="webauthn.create"))


@pytest.mark.parametrize("length", [0, 1024])
def test_an_id_has_1_to_1023_bytes(length: int) -> None:
    with pytest.raises(ProofRejected):
        Ceremonies().register(credential_id=bytes(length))


@pytest.mark.parametrize("length", [1, 1023])
def test_ids_of_every_length_that_is_allowed_are_taken(length: int) -> None:
    party = Ceremonies()
    credential = party.register(credential_id=bytes(length))
    assert party.authenticate(credential).evidence == ("passkey_unattested",)


def test_the_id_that_is_named_has_to_be_the_one_that_was_attested() -> None:
    other = b64url(b"x" * 32)
    with pytest.raises(ProofRejected):
        Ceremonies().register(answer=lambda made: made | {"id": other, "rawId": other})
