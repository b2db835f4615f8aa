"""Headers that a client sends to be somebody else, or to be somewhere else (contract section 9)."""

from pathlib import Path

import pytest

from tests.support.gateway import API, CHECK, IDENTITY, NAMES, SCOPES, Gate, denied, gate

LIES = {
    "X-Original-Method": "GET",
    "X-Original-Host": "api.example",
    "X-Original-URI": "/public/x",
    "X-Original-Url": "/public/x",
    "X-Forwarded-Method": "GET",
    "X-Forwarded-Host": "api.example",
    "X-Forwarded-Uri": "/public/x",
    "X-Forwarded-Path": "/public/x",
    "X-Forwarded-Prefix": "/public",
    "X-Forwarded-For": "127.0.0.1",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "443",
    "X-Real-Ip": "127.0.0.1",
    "Forwarded": "for=127.0.0.1;host=api.example;proto=https",
    "X-Http-Method-Override": "GET",
    "X-Rewrite-Url": "/public/x",
    "X-Envoy-Original-Path": "/public/x",
    "X-Envoy-Auth-Partial-Body": "true",
    "X-Auth-Sub": "admin",
    "X-Auth-Client": "admin",
    "X-Auth-Scope": "orders:read orders:write payments",
    "X-Auth-Acr": "urn:stepup:acr:aal3",
    "X-Auth-Amr": "mfa",
}


def lies_beside(gate: Gate) -> dict[str, str]:
    """Return every header that could be believed but for those that the proxy sets itself."""
    told = NAMES.get(gate.mode, ())
    return {name: value for name, value in LIES.items() if name not in told}


def test_no_other_source_is_read(any_gate: Gate) -> None:
    """The proxy tells `/payments`; whatever else says `/public` is not heard."""
    token, lies = any_gate.token("orders:read"), lies_beside(any_gate)
    assert any_gate.ask("/public/x", token, headers=lies).status_code == 200
    wanted = 'Bearer error="insufficient_scope", scope="payments"'
    denied(any_gate.ask("/payments/1", token, headers=lies), 403, wanted)
    denied(any_gate.ask("/payments/1", headers=lies), 401, "Bearer")
    denied(any_gate.ask("/nowhere", token, headers=lies), 403)


def test_the_identity_comes_from_the_token_alone(any_gate: Gate) -> None:
    response = any_gate.ask(token=any_gate.token("orders:read"), headers=lies_beside(any_gate))
    client_id = any_gate.world.client("caller").client_id
    assert [response.headers.get_all(name) for name in IDENTITY] == [
        [client_id],
        [client_id],
        ["orders:read"],
        [""],
        [""],
    ]


@pytest.mark.parametrize("mode", ["nginx", "forwarded"])
@pytest.mark.parametrize("missing", range(3))
def test_a_header_that_the_proxy_did_not_set_is_not_made_up(
    sqlite_url: str, tmp_path: Path, mode: str, missing: int
) -> None:
    """Neither the other mode's headers nor the request's own method, host and path stand in."""
    with gate(sqlite_url, tmp_path, mode) as made:
        told = zip(NAMES[mode], ("GET", "api.example", "/public/x"), strict=True)
        headers = lies_beside(made) | dict(told)
        del headers[NAMES[mode][missing]]
        headers |= {"Authorization": f"Bearer {made.token()}", "Host": "api.example"}
        denied(made.world.app.test_client().get(CHECK, headers=headers), 403)


@pytest.mark.parametrize("mode", ["nginx", "forwarded"])
@pytest.mark.parametrize("twice", range(3))
def test_a_header_that_comes_twice_is_refused(
    sqlite_url: str, tmp_path: Path, mode: str, twice: int
) -> None:
    with gate(sqlite_url, tmp_path, mode) as made:
        told = list(zip(NAMES[mode], ("GET", "api.example", "/public/x"), strict=True))
        headers = [*told, told[twice], ("Authorization", f"Bearer {made.token()}")]
        denied(made.world.app.test_client().get(CHECK, headers=headers), 403)


def test_a_token_that_comes_twice_is_invalid(any_gate: Gate) -> None:
    token = any_gate.token()
    headers = {"Authorization": f"Bearer {token}, Bearer {token}"}
    denied(any_gate.ask(headers=headers), 401, 'Bearer error="invalid_token"')


@pytest.mark.parametrize(
    "lie",
    [
        ("GET POST", "api.example", "/public/x"),
        ("", "api.example", "/public/x"),
        ("GET", "", "/public/x"),
        ("GET", "api.example/x", "/public/x"),
        ("GET", "api.example@evil.example", "/public/x"),
        ("GET", "evil.example, api.example", "/public/x"),
        ("GET", "api.example:port", "/public/x"),
        ("GET", "api.example", ""),
        ("GET", "api.example", "public/x"),
        ("GET", "api.example", "https://api.example/public/x"),
        ("GET", "api.example", "/payments/1,/public/x"),
        ("GET", "api.example", "/public/x, /public/x"),
        ("GET", "api.example", "/public/x /payments"),
        ("GET", "api.example", "*"),
    ],
    ids=str,
)
@pytest.mark.parametrize("mode", ["nginx", "forwarded"])
def test_a_source_that_is_not_clean_is_refused(
    sqlite_url: str, tmp_path: Path, mode: str, lie: tuple[str, str, str]
) -> None:
    with gate(sqlite_url, tmp_path, mode) as made:
        method, host, target = lie
        response = made.ask(target, made.token(), method=method, host=host)
        denied(response, 403)


@pytest.mark.parametrize("peer", ["192.0.2.1", "10.0.0.1", "::2", "", "unknown"])
def test_whoever_is_no_peer_may_not_ask(any_gate: Gate, peer: str) -> None:
    headers = {"X-Forwarded-For": "127.0.0.1", "X-Real-Ip": "127.0.0.1"}
    told = lies_beside(any_gate) | headers
    denied(any_gate.ask("/public/x", any_gate.token(), peer=peer, headers=told), 403)


def test_a_peer_that_is_named_may_ask_and_loopback_then_may_not(
    sqlite_url: str, tmp_path: Path
) -> None:
    with gate(sqlite_url, tmp_path, MFA_GATEWAY_PEERS="10.1.0.0/16") as made:
        assert made.ask("/public/x", made.token(), peer="10.1.2.3").status_code == 200
        assert made.ask("/public/x", made.token(), peer="::ffff:10.1.2.3").status_code == 200
        denied(made.ask("/public/x", made.token(), peer="127.0.0.1"), 403)


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("alice b", "alice%20b"),
        ("älice", "%C3%A4lice"),
        ("%C3%A4lice", "%25C3%25A4lice"),
        ("alice,bob", "alice,bob"),
        ('"alice"', '"alice"'),
    ],
)
def test_no_name_can_look_like_another_ones(
    sqlite_url: str, tmp_path: Path, name: str, sent: str
) -> None:
    """Percent-encoded outside visible ASCII, and `%` itself, or two names would look the same."""
    with gate(sqlite_url, tmp_path) as made:
        api = made.world.client("caller", scopes=SCOPES, resources=(API,))
        at = made.world.clock.now()
        claims = {
            "iss": made.world.issuer,
            "aud": API,
            "sub": name,
            "client_id": api.client_id,
            "scope": "payments",
            "iat": at,
            "exp": at + 300,
            "jti": "1",
        }
        token = made.world.services.foundation.keys.signer.sign(claims, typ="at+jwt")
        assert made.ask("/public/x", token).headers["X-Auth-Sub"] == sent
