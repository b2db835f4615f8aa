"""Representative calls of every operation, right and wrong, for the check against openapi.yaml."""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from tests.contract.flows_of_people import people
from tests.support.ciba import Asker, approve, asker
from tests.support.clients import basic, token_request
from tests.support.code_flow import party_of
from tests.support.gateway import Gate
from tests.support.phone import Phone, PinKey
from tests.support.world import AAL2, World

Seen = set[tuple[str, int]]
FCM = {"provider": "fcm", "token": "t"}


def _fresh(world: World) -> str:
    """Return a subject of its own, so that flows can follow one another."""
    return f"alice{world.clock.now()}"


def challenges(world: World) -> Seen:
    """Open, read, answer, push, cancel."""
    sub, api = _fresh(world), world.client()
    phone = world.phone(sub, pin=PinKey(), push=FCM)
    totp = world.totp(sub, reason="test")
    opened = api.challenge(sub, acr_values=[AAL2], transaction={"a": [1]}, nonce="n")
    path = f"/v1/challenges/{opened['id']}"
    world.services.outbox.deliver()
    api.get(path)
    api.post(f"{path}/push")
    api.post(f"{path}/webauthn")
    api.answer(opened["id"], "totp", totp.wrong())
    api.answer(opened["id"], "totp", totp.next())
    world.approve(phone, opened, pin=phone.pin)
    api.get(path)
    api.call("DELETE", path)
    other = api.challenge(sub, methods=["totp"])
    api.call("DELETE", f"/v1/challenges/{other['id']}")
    api.get(f"/v1/challenges/{other['id']}")
    return {
        ("openChallenge", 201),
        ("readChallenge", 200),
        ("pushAgain", 202),
        ("webauthnOptions", 409),
        ("answerChallenge", 403),
        ("answerChallenge", 200),
        ("cancelChallenge", 409),
        ("cancelChallenge", 204),
    }


def refused_challenges(world: World) -> Seen:
    """Every kind of refusal of the client's calls."""
    api, path = world.client(), "/v1/challenges"
    api.post(path, {"sub": "nobody"})
    api.post(path, {"sub": 1})
    api.post(path, b"{")
    api.post(path, b"{}", headers={"Content-Type": "text/plain"})
    api.post(path, b"[" * 65_537)
    api.post(path, {"sub": "x"}, headers={"Authorization": ""})
    world.client("enroller", ("mfa:enroll",)).post(path, {"sub": "x"})
    missing = f"{path}/chl_nothing"
    api.get(missing)
    api.get(f"{missing}?wait=31")
    api.call("DELETE", missing)
    api.post(f"{missing}/push")
    api.post(f"{missing}/webauthn")
    api.answer("chl_nothing", "totp", "123456")
    world.totp(_fresh(world))
    world.client().challenge(_fresh(world), methods=["totp"])
    return {("openChallenge", status) for status in (400, 401, 403, 409, 413, 415, 422)} | {
        (name, 404) for name in ("readChallenge", "cancelChallenge", "answerChallenge")
    }


def idempotent_replays(world: World) -> Seen:
    """The first answer again, another body, and an answer whose secret is gone."""
    sub, api = _fresh(world), world.client()
    headers = {"Idempotency-Key": f"key-{sub}"}
    body = {"sub": sub, "type": "totp"}
    for _ in range(2):
        api.post("/v1/enrollments", body, headers=headers)
    api.post("/v1/enrollments", {**body, "label": "x"}, headers=headers)
    world.clock.advance(600)
    world.client().post("/v1/enrollments", body, headers=headers)
    return {("startEnrollment", status) for status in (201, 422, 409)}


def enrollments(world: World) -> Seen:
    """Start, read, confirm, cancel; each type."""
    sub, api = _fresh(world), world.client()
    totp = api.enroll(sub, type="totp", label="Mine")
    path = f"/v1/enrollments/{totp['id']}"
    api.confirm(totp, code="000000")
    api.confirm(totp)
    api.get(path)
    api.call("DELETE", path)
    api.get(path)
    done = world.totp(sub)
    codes = api.enroll(sub, type="recovery_codes", reason="test")
    api.get(f"/v1/enrollments/{codes['id']}")
    api.call("DELETE", f"/v1/enrollments/{codes['id']}")
    api.confirm(codes, code="1")
    api.post("/v1/enrollments", {"sub": sub, "type": "totp"})
    phone = api.enroll(sub, type="phone", reason="test")
    api.get(f"/v1/enrollments/{phone['id']}")
    api.get("/v1/enrollments/enr_nothing")
    assert done.id
    return {
        *{("startEnrollment", status) for status in (201, 403)},
        *{("readEnrollment", status) for status in (200, 404)},
        *{("confirmEnrollment", status) for status in (200, 403, 409, 422)},
        *{("cancelEnrollment", status) for status in (204, 409)},
    }


def users_and_authenticators(world: World) -> Seen:
    """Find, read, change, remove, erase."""
    sub, api = _fresh(world), world.client()
    phone = world.phone(sub, pin=PinKey())
    world.totp(sub, reason="test")
    world.recovery_codes(sub, reason="test")
    found = api.get(f"/v1/users?sub={sub}").get_json()["users"][0]
    api.get("/v1/users?sub=nobody")
    api.get("/v1/users")
    api.get(f"/v1/users/{found['id']}")
    api.get(f"/v1/authenticators?sub={sub}")
    path = f"/v1/authenticators/{phone.device_id}"
    api.get(path)
    api.call("PATCH", path, {"label": "New", "state": "suspended"})
    api.call("PATCH", path, {"state": "active"})
    api.get(path)
    api.call("DELETE", path)
    api.call("DELETE", f"{path}?reason=test")
    api.get(path)
    api.call("DELETE", f"/v1/users/{found['id']}")
    api.call("DELETE", f"/v1/users/{found['id']}?reason=test")
    api.get(f"/v1/users/{found['id']}")
    return {
        *{("findUsers", status) for status in (200, 422)},
        *{("readUser", status) for status in (200, 404)},
        *{("eraseUser", status) for status in (204, 422)},
        ("listAuthenticators", 200),
        *{("readAuthenticator", status) for status in (200, 404)},
        *{("changeAuthenticator", status) for status in (200, 403)},
        *{("removeAuthenticator", status) for status in (204, 403)},
    }


def _upkeep(world: World, phone: Phone, pin: PinKey) -> None:
    for old in (PinKey(), pin):
        body, authorization = phone.pin_change(pin, old=old)
        world.app.test_client().put(
            "/v1/device/pin",
            data=body,
            content_type="application/json",
            headers={"Authorization": authorization},
        )
    successor = generate_private_key(SECP256R1())
    world.device(phone, "POST", "/v1/device/keys", "no JWS")
    world.device(phone, "POST", "/v1/device/keys", phone.rotation(successor, pin=pin))
    phone.key = successor


def phones(world: World) -> Seen:
    """What a phone calls."""
    sub, api, pin = _fresh(world), world.client(), PinKey()
    phone = world.phone(sub, pin=pin)
    world.claim(phone, "nothing")
    world.device(phone, "GET", "/v1/device")
    world.device(phone, "GET", "/v1/device", iat=1)
    world.device(phone, "PUT", "/v1/device/push", FCM)
    world.device(phone, "PUT", "/v1/device/push", {"provider": "pigeon"})
    challenge = api.challenge(sub)
    path = f"/v1/device/challenges/{challenge['id']}"
    world.device(phone, "GET", "/v1/device/challenges?wait=0")
    asked = world.fetch(phone, challenge["id"])
    world.send(phone, challenge["id"], "no JWS")
    world.send(phone, challenge["id"], phone.answer(asked, code="", pin=pin))
    world.approve(phone, challenge, pin=pin)
    world.device(phone, "GET", path)
    world.device(phone, "GET", f"{path}x")
    _upkeep(world, phone, pin)
    world.device(phone, "DELETE", "/v1/device")
    return {
        *{("claimEnrollment", status) for status in (201, 409)},
        *{("readDevice", status) for status in (200, 401)},
        *{("setPush", status) for status in (204, 422)},
        ("listDeviceChallenges", 200),
        *{("readDeviceChallenge", status) for status in (200, 404, 409)},
        *{("answerDeviceChallenge", status) for status in (200, 403)},
        *{("changePin", status) for status in (204, 403)},
        *{("rotateDeviceKey", status) for status in (200, 403)},
        ("removeDevice", 204),
    }


def service_documents(world: World) -> Seen:
    """What the service says about itself, and its token endpoint."""
    api, client = world.client(), world.app.test_client()
    token_request(world, {}, basic(api.client_id, api.secret))
    token_request(world, {"scope": "mfa:other"}, basic(api.client_id, api.secret))
    token_request(world, {}, basic(api.client_id, "wrong"))
    documents = (
        "openid-configuration",
        "oauth-authorization-server",
        "jwks.json",
        "webauthn",
    )
    for path in (*(f"/.well-known/{name}" for name in documents), "/healthz", "/readyz"):
        client.get(path)
    return {
        *{("token", status) for status in (200, 400, 401)},
        *{(name, 200) for name in ("discovery", "authorizationServerMetadata", "jwks")},
        *{(name, 200) for name in ("relatedOrigins", "healthz", "readyz")},
    }


def code_flow(world: World) -> Seen:
    """Push a request, step up, redeem the code, and read the access token; and what is wrong."""
    party, client = party_of(world), world.app.test_client()
    token = party.tokens(world.totp("carol"), login_hint="carol")["access_token"]
    for given in ({"token": token}, {}):
        party.post("/oauth2/introspect", given)
    for bearer in (token, "nonsense"):
        for method in ("GET", "POST"):
            headers = {"Authorization": f"Bearer {bearer}"}
            client.open("/oauth2/userinfo", method=method, headers=headers)
    party.push(code_challenge="")
    for path in ("/oauth2/par", "/oauth2/introspect"):
        client.post(path, data={"token": "x"})
    return {
        ("pushAuthorizationRequest", 201),
        *{("pushAuthorizationRequest", status) for status in (400, 401)},
        *{("introspect", status) for status in (200, 400, 401)},
        *{(name, status) for name in ("userinfo", "userinfoByPost") for status in (200, 401)},
    }


def ciba(world: World) -> Seen:
    """Ask on the phone, guard a person by a code, and what is wrong."""
    sub, api = _fresh(world), world.client()
    phone, till = world.phone(sub), asker(world, metadata={"backchannel_user_code_parameter": True})
    user = api.get(f"/v1/users?sub={sub}").get_json()["users"][0]["id"]
    for path in (f"/v1/users/{user}/user-code", f"/v1/users/{user}x/user-code"):
        api.call("PUT", path, {"user_code": "abcd"})
        api.call("DELETE", path)
    api.call("PUT", f"/v1/users/{user}/user-code", {"user_code": "abc"})
    asked = till.asked(login_hint=sub)
    till.poll(asked["auth_req_id"])
    approve(world, phone, asked)
    till.poll(asked["auth_req_id"])
    till.ask(login_hint="nobody")
    claims = '{"id_token": {"acr": {"essential": true, "values": ["urn:unheard:of"]}}}'
    till.ask(login_hint=sub, claims=claims)
    Asker(world, till.id, "wrong").ask()
    return {
        *{("backchannelAuthenticate", status) for status in (200, 400, 401, 403)},
        *{("setUserCode", status) for status in (204, 404, 422)},
        *{("removeUserCode", status) for status in (204, 404)},
        *{("token", status) for status in (200, 400)},
    }


def gateway(world: World) -> Seen:
    """Ask as nginx does, about a request that may pass and about some that may not."""
    gate = Gate(world, "nginx")
    gate.ask(token=gate.token())
    gate.ask(token="nonsense")
    gate.ask("/payments", gate.token())
    gate.ask(token=gate.token("payments"))
    gate.ask("/nowhere")
    return {("checkAccess", 200), ("checkAccess", 401), ("checkAccess", 403)}


FLOWS: tuple[Callable[[World], Seen], ...] = (
    challenges,
    refused_challenges,
    idempotent_replays,
    enrollments,
    users_and_authenticators,
    phones,
    people,
    service_documents,
    code_flow,
    ciba,
    gateway,
)
