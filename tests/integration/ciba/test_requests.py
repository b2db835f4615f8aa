"""What the backchannel authentication endpoint takes and refuses (CIBA Core §7, §13)."""

import unicodedata
from typing import Any

import pytest

from tests.support.ciba import Asker, approve, asker, shown
from tests.support.clients import KeyPair, oauth_error
from tests.support.phone import Phone
from tests.support.world import AAL2, World

KEY = KeyPair("ES256")
TOKEN = "n" * 22


def nobody_was_asked(world: World, phone: Phone) -> bool:
    return shown(world, phone) == []


@pytest.fixture
def phone(world: World) -> Phone:
    return world.phone()


@pytest.fixture
def till(world: World, phone: Phone) -> Asker:
    assert phone.device_id, "somebody can be asked"
    return asker(world)


def test_the_person_is_asked_on_the_phone(till: Asker, phone: Phone) -> None:
    response = till.ask(binding_message="Table 4")
    body = response.get_json()
    assert response.headers["Cache-Control"] == "no-store"
    assert set(body) == {"auth_req_id", "expires_in", "interval", "display_code"}
    assert (body["expires_in"], body["interval"]) == (300, 5)
    assert len(body["auth_req_id"]) == 43
    (claims,) = shown(till.world, phone)
    assert claims["binding_message"] == "Table 4"
    assert len(body["display_code"]) == 6


@pytest.mark.parametrize(
    ("asked", "given"), [("5", 30), ("30", 30), ("90", 90), ("600", 600), ("9999", 600)]
)
def test_the_requested_expiry_is_kept_within_bounds(till: Asker, asked: str, given: int) -> None:
    assert till.asked(requested_expiry=asked)["expires_in"] == given


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "email"}, "invalid_scope"),
        ({"scope": "openid mfa:admin"}, "invalid_scope"),
        ({"login_hint": ""}, "invalid_request"),
        ({"id_token_hint": "x"}, "invalid_request"),
        ({"login_hint_token": "x"}, "invalid_request"),
        ({"login_hint": "", "login_hint_token": "x"}, "invalid_request"),
        ({"login_hint": "", "id_token_hint": "a.b.c"}, "invalid_request"),
        ({"login_hint": "bob"}, "unknown_user_id"),
        ({"login_hint": "b" * 300}, "unknown_user_id"),
        ({"requested_expiry": "0"}, "invalid_request"),
        ({"requested_expiry": "-1"}, "invalid_request"),
        ({"requested_expiry": "soon"}, "invalid_request"),
        ({"acr_values": "urn:unheard:of", "claims": "{"}, "invalid_request"),
        ({"prior": "[]"}, "invalid_request"),
        ({"max_age": "x"}, "invalid_request"),
        ({"resource": "https://other.example"}, "invalid_target"),
        ({"request_uri": "https://client.example/r"}, "invalid_request"),
        ({"binding_message": "x" * 65}, "invalid_binding_message"),
        ({"binding_message": "see https://evil.example"}, "invalid_binding_message"),
        ({"binding_message": "see WWW.evil.example"}, "invalid_binding_message"),
        ({"binding_message": "pay \u202e001"}, "invalid_binding_message"),
    ],
)
def test_each_fault_has_its_error_and_asks_nobody(
    till: Asker, phone: Phone, form: dict[str, str], error: str
) -> None:
    oauth_error(till.ask(**form), 400, error)
    assert nobody_was_asked(till.world, phone)


def test_a_parameter_twice_is_refused(till: Asker) -> None:
    form: dict[str, Any] = {"login_hint": ["alice", "bob"]}
    oauth_error(till.ask(**form), 400, "invalid_request")


def test_a_message_is_shown_in_its_composed_form(till: Asker, phone: Phone) -> None:
    till.asked(binding_message=unicodedata.normalize("NFD", "Café"))
    (claims,) = shown(till.world, phone)
    assert claims["binding_message"] == unicodedata.normalize("NFC", "Café")


def test_who_cannot_prove_to_be_the_client_asks_nobody(till: Asker, phone: Phone) -> None:
    stranger = Asker(till.world, till.id, "wrong")
    oauth_error(stranger.ask(), 401, "invalid_client")
    assert nobody_was_asked(till.world, phone)


def test_a_client_without_the_scope_asks_nobody(till: Asker, phone: Phone) -> None:
    other = asker(till.world, "other", scopes=("orders",))
    oauth_error(other.ask(), 400, "unauthorized_client")
    assert nobody_was_asked(till.world, phone)


def test_a_person_of_another_realm_is_not_known(till: Asker) -> None:
    other = asker(till.world, "other", realm="staff")
    oauth_error(other.ask(), 400, "unknown_user_id")


def test_a_person_without_a_phone_cannot_be_asked(world: World) -> None:
    """Nobody has a page open in CIBA: what only a page takes does not count."""
    world.totp()
    oauth_error(asker(world).ask(), 400, "unknown_user_id")


def test_an_essential_level_out_of_reach_is_refused_at_once(till: Asker, phone: Phone) -> None:
    claims = '{"id_token": {"acr": {"essential": true, "values": ["urn:unheard:of"]}}}'
    oauth_error(till.ask(claims=claims), 403, "access_denied")
    assert nobody_was_asked(till.world, phone)


def test_a_voluntary_level_out_of_reach_is_left_out(till: Asker) -> None:
    till.asked(acr_values="urn:unheard:of")


def test_the_password_that_the_client_verified_counts(till: Asker, phone: Phone) -> None:
    at = till.world.clock.now()
    prior = f'{{"amr": ["pwd"], "auth_time": {at}}}'
    asked = till.asked(prior=prior, acr_values=AAL2)
    assert approve(till.world, phone, asked).status_code == 200
    assert till.poll(asked["auth_req_id"]).status_code == 200


def test_a_client_that_is_pinged_needs_a_token_for_it(world: World, phone: Phone) -> None:
    metadata = {
        "backchannel_token_delivery_mode": "ping",
        "backchannel_client_notification_endpoint": "https://client.example/cb",
    }
    pinged = asker(world, metadata=metadata)
    for token in ("", "short", "spaces in the token of it", "n" * 1025):
        oauth_error(pinged.ask(client_notification_token=token), 400, "invalid_request")
    assert nobody_was_asked(world, phone)
    pinged.asked(client_notification_token=TOKEN)


def test_a_hint_of_the_client_names_the_person(world: World, phone: Phone) -> None:
    keyed = asker(world, pair=KEY)
    keyed.asked(login_hint="", login_hint_token=keyed.signed(sub="alice"))
    assert not nobody_was_asked(world, phone)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"exp": 1}, "expired_login_hint_token"),
        ({"aud": "https://other.example"}, "invalid_request"),
        ({"iss": "somebody"}, "invalid_request"),
        ({"sub": None}, "invalid_request"),
        ({"exp": None}, "invalid_request"),
        ({"sub": "bob"}, "unknown_user_id"),
    ],
)
def test_a_hint_that_does_not_hold_names_nobody(
    world: World, phone: Phone, changed: dict[str, Any], error: str
) -> None:
    keyed = asker(world, pair=KEY)
    token = keyed.signed(**{"sub": "alice", **changed})
    oauth_error(keyed.ask(login_hint="", login_hint_token=token), 400, error)
    assert nobody_was_asked(world, phone)


def test_a_hint_of_another_clients_key_names_nobody(world: World, phone: Phone) -> None:
    keyed, other = asker(world, pair=KEY), asker(world, "other", pair=KeyPair("ES256"))
    token = Asker(world, keyed.id, pair=other.pair).signed(sub="alice")
    oauth_error(keyed.ask(login_hint="", login_hint_token=token), 400, "invalid_request")
    assert nobody_was_asked(world, phone)
