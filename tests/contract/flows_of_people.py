"""What people call for themselves, and what their browsers are led by."""

from tests.support.authenticator import SoftAuthenticator
from tests.support.me import PeoplesWorld, Person
from tests.support.ports import FakeLogin
from tests.support.world import ISSUER, Totp, World

FCM = {"provider": "fcm", "token": "t"}


def people(world: World) -> set[tuple[str, int]]:
    """What people call for themselves."""
    assert isinstance(world.login, FakeLogin)
    anna = PeoplesWorld(world, world.login).person(f"anna-{world.clock.now()}")
    anna.get("")
    enrollment = anna.enroll(type="totp")
    own = f"/enrollments/{enrollment['id']}"
    totp = Totp.of_secret(world, enrollment["secret"])
    anna.confirm(enrollment, code=totp.wrong())
    anna.call("DELETE", f"/enrollments/{anna.enroll(type='totp')['id']}")
    anna.confirm(enrollment, code=totp.code())
    anna.get(own)
    anna.call("DELETE", own)
    for refused in ({"type": "totp"}, {"type": "totp", "sub": "x"}):
        anna.post("/enrollments", refused)
    totp.id = anna.get("/authenticators").get_json()["authenticators"][0]["id"]
    _own_challenges(anna, totp)
    path = f"/authenticators/{totp.id}"
    anna.get(path)
    anna.call("PATCH", path, {"label": "New"})
    anna.call("DELETE", path)
    step_up = anna.challenge(purpose="manage")["id"]
    anna.answer(step_up, "totp", totp.next())
    anna.call("DELETE", f"{path}?challenge_id={step_up}")
    for closed in ("", "/authenticators", path, own, f"/challenges/{step_up}"):
        PeoplesWorld(world, world.login).person("x", scope="").get(closed)
        world.app.test_client().get(f"/v1/me{closed}")
    return {
        *{("readMe", status) for status in (200, 401, 403)},
        *{("startMyEnrollment", status) for status in (201, 403, 422)},
        *{("confirmMyEnrollment", status) for status in (200, 403)},
        *{("cancelMyEnrollment", status) for status in (204, 409)},
        *{("readMyAuthenticator", status) for status in (200, 401, 403)},
        *{("removeMyAuthenticator", status) for status in (204, 403)},
        *{("answerMyChallenge", status) for status in (200, 403, 409)},
        *{("cancelMyChallenge", status) for status in (204, 409)},
        ("makeAccountLink", 201),
        ("readMyEnrollment", 200),
        ("listMyAuthenticators", 200),
        ("changeMyAuthenticator", 200),
        ("openMyChallenge", 201),
        ("readMyChallenge", 200),
        ("myWebauthnOptions", 200),
        ("pushToMeAgain", 202),
    }


def _own_challenges(anna: Person, totp: Totp) -> None:
    totp.world.client().post("/v1/account-links", {"sub": anna.sub})
    opened = anna.challenge()["id"]
    anna.get(f"/challenges/{opened}")
    anna.get("/challenges/chl_nothing")
    anna.post(f"/challenges/{opened}/push")
    anna.post(f"/challenges/{opened}/webauthn")
    anna.answer(opened, "totp", totp.wrong())
    anna.answer(opened, "totp", totp.next())
    anna.answer(opened, "totp", totp.next())
    anna.call("DELETE", f"/challenges/{opened}")
    anna.call("DELETE", f"/challenges/{anna.challenge()['id']}")
    _with_phone_and_passkey(anna, totp)


def _with_phone_and_passkey(anna: Person, totp: Totp) -> None:
    """Offer everything, notify and give options."""
    world = totp.world
    world.phone(anna.sub, push=FCM, reason="test")
    made = world.client().enroll(anna.sub, type="webauthn", reason="test")
    credential = SoftAuthenticator().create(made["publicKey"], origin=ISSUER)
    assert world.client().confirm(made, credential=credential).status_code == 200
    opened = anna.challenge()["id"]
    anna.post(f"/challenges/{opened}/push")
    anna.post(f"/challenges/{opened}/webauthn")
    for other in anna.me()["authenticators"]:
        if other["id"] != totp.id:
            world.client().call("DELETE", f"/v1/authenticators/{other['id']}?reason=test")
