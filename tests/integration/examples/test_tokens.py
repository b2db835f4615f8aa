"""Codes, refresh tokens and what the tokens of the example authorization server say."""

from joserfc import jwt
from joserfc.jwk import KeySet

from tests.integration.examples.asking import (
    AAL2,
    VERIFIER,
    callback,
    code_for,
    part,
    post_token,
    redeem,
    refresh,
    request_url,
)
from tests.integration.examples.conftest import AS, SECRET, SHOP, World


def tokens_at_aal2(world: World) -> dict[str, str]:
    """Sign alice in by password and phone."""
    world.double.own("alice", "phone")
    world.sign_in("alice")
    world.browser.open(request_url(acr_values=AAL2))
    world.double.approve()
    world.browser.reload()
    tokens: dict[str, str] = redeem(world, callback(world)["code"]).json()
    return tokens


def test_the_id_token_states_how_well_the_person_signed_in(world: World) -> None:
    claims = part(tokens_at_aal2(world)["id_token"], 1)
    assert claims["iss"] == AS
    assert claims["aud"] == "corner-books"
    assert claims["sub"] == "alice"
    assert claims["nonce"] == "the-nonce"
    assert claims["acr"] == AAL2
    assert claims["amr"] == ["mca", "mfa", "pin", "pwd", "swk", "user"]
    assert claims["auth_time"] == world.double.only().auth_time
    assert "tx_hash" not in claims


def test_the_access_token_is_an_rfc_9068_token_for_the_api(world: World, keys: KeySet) -> None:
    token = tokens_at_aal2(world)["access_token"]
    claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
    assert part(token, 0)["typ"] == "at+jwt"
    assert claims["aud"] == f"{SHOP}/api"
    assert claims["client_id"] == "corner-books"
    assert (claims["acr"], claims["sub"]) == (AAL2, "alice")
    assert claims["auth_time"] == world.double.only().auth_time
    assert claims["exp"] - claims["iat"] == 300


def test_refreshing_keeps_level_methods_and_time(world: World) -> None:
    world.clock.later = -1800
    first = tokens_at_aal2(world)
    world.clock.later = 0
    second = refresh(world, first["refresh_token"]).json()
    assert part(second["id_token"], 1)["auth_time"] == world.double.only().auth_time
    for name, place in (("id_token", 1), ("access_token", 1)):
        before, after = part(first[name], place), part(second[name], place)
        assert [after[claim] for claim in ("acr", "amr", "auth_time", "sub")] == [
            before[claim] for claim in ("acr", "amr", "auth_time", "sub")
        ]


def test_a_refresh_token_works_once_and_its_replay_ends_the_family(world: World) -> None:
    first = tokens_at_aal2(world)["refresh_token"]
    second = refresh(world, first).json()["refresh_token"]
    assert refresh(world, first).json()["error"] == "invalid_grant"
    assert refresh(world, second).json()["error"] == "invalid_grant"


def test_a_narrower_refresh_gets_a_narrower_access_token(world: World) -> None:
    first = tokens_at_aal2(world)["refresh_token"]
    narrowed = refresh(world, first, scope="openid").json()
    assert part(narrowed["access_token"], 1)["scope"] == "openid"


def test_a_replayed_code_is_refused_and_revokes_what_it_gave(world: World) -> None:
    code = code_for(world)
    tokens = redeem(world, code).json()
    assert redeem(world, code).json()["error"] == "invalid_grant"
    assert refresh(world, tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_code_dies_after_a_minute(world: World) -> None:
    code = code_for(world)
    world.clock.later = 61
    assert redeem(world, code).json()["error"] == "invalid_grant"


def test_a_code_needs_its_verifier(world: World) -> None:
    wrong = redeem(world, code_for(world), code_verifier=VERIFIER[::-1])
    assert wrong.json()["error"] == "invalid_grant"
    without = redeem(world, code_for(world), code_verifier="")
    assert without.json()["error"] == "invalid_request"


def test_a_code_needs_its_redirect_uri(world: World) -> None:
    answer = redeem(world, code_for(world), redirect_uri=f"{SHOP}/callback/")
    assert answer.json()["error"] == "invalid_grant"


def test_the_client_proves_itself_by_basic_alone(world: World) -> None:
    code = code_for(world)
    wrong = post_token(world, "not the secret", grant_type="authorization_code", code=code)
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert "WWW-Authenticate" in wrong.headers
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": "corner-books",
        "client_secret": SECRET,
        "redirect_uri": f"{SHOP}/callback",
        "code_verifier": VERIFIER,
    }
    in_body = world.client().post(f"{AS}/token", data=form)
    assert (in_body.status_code, in_body.json()["error"]) == (400, "invalid_request")
    del form["client_secret"]
    public = world.client().post(f"{AS}/token", data=form)
    assert public.status_code == 401
    assert redeem(world, code).status_code == 200


def test_token_answers_are_not_stored(world: World) -> None:
    assert redeem(world, code_for(world)).headers["Cache-Control"] == "no-store"
