"""All that clients, people, phones and loops do, once: for tests of what the database is told."""

import secrets
from collections.abc import Callable

from tests.contract.api_flows import FCM, FLOWS

from . import passkeys
from .alice import RETURN, Alice, alice_of
from .browsing import Browser as Visitor
from .ciba import approve, asker
from .code_flow import CALLBACK
from .gateway import ROUTES
from .notified import Endpoint
from .people import WatchedLogin, by_link, by_login, confirm
from .phone import PinKey
from .world import World

_DAY = 86_400
_PAUSE = 1000
GATEWAY_ROUTES = ROUTES
"""What `MFA_GATEWAY_ROUTES` has to hold, in mode `nginx`, for all this."""


def everything(world: World, notified: Endpoint) -> None:
    """Do it all; the world has a `WatchedLogin`, a gateway, and may call what is notified."""
    world.client("shop", redirect_uris=(RETURN, CALLBACK))
    alice = alice_of(world)
    for step in (_in_one_call, _on_the_hosted_page, _waiting, _in_self_service, _erased):
        step(alice)
        world.clock.advance(_PAUSE)
    for flow in FLOWS:
        flow(world)
        world.clock.advance(_PAUSE)
    _pinged(world, notified)
    _passkey(world)
    _tidied(world)


def prepared_to_step_up(world: World) -> Callable[[], None]:
    """Enroll people; return what has them step up by a code, a phone and a passkey."""
    totp, phone = world.totp("anna"), world.phone("bob", pin=PinKey(), push=FCM)
    passkey = passkeys.enrolled(world, "carl")

    def step_up() -> None:
        api = world.client()
        api.challenge("anna", answer={"method": "totp", "code": totp.next()})
        opened = api.challenge("bob")
        world.services.outbox.deliver()
        world.device(phone, "GET", "/v1/device/challenges?wait=0")
        assert world.approve(phone, opened, pin=phone.pin).status_code == 200
        assert api.read(opened["id"])["status"] == "satisfied"
        assert passkey.answer(api.challenge("carl")).status_code == 200

    return step_up


def _in_one_call(alice: Alice) -> None:
    """Answer in the call that opens, wrong and right, and run out of tries."""
    for method, code in (
        ("totp", alice.totp.wrong()),
        ("totp", alice.totp.next()),
        ("recovery_code", alice.codes[0]),
    ):
        alice.api.challenge(answer={"method": method, "code": code})
    opened = alice.api.challenge()
    for _ in range(6):
        alice.api.answer(opened["id"], "totp", alice.totp.wrong())
    asked = alice.api.challenge()
    claims = alice.world.fetch(alice.phone, asked["id"])
    report = alice.phone.answer(claims, "report_fraud")
    assert alice.world.send(alice.phone, asked["id"], report).status_code == 200


def _on_the_hosted_page(alice: Alice) -> None:
    alice.world.clock.advance(_DAY)
    _, browser = alice.opened()
    browser.go(f"{browser.here}?method=totp")
    browser.submit("answers", code=alice.totp.wrong())
    browser.submit("answers", code=alice.totp.next())
    assert "Confirmed" in browser.page.text
    _, browser = alice.opened()
    browser.go(f"{browser.here}?method=recovery_code")
    browser.submit("answers", code=alice.codes[1])
    assert "Confirmed" in browser.page.text


def _waiting(alice: Alice) -> None:
    """Have the watcher look at what callers, phones and people wait for."""
    world = alice.world
    opened = alice.api.challenge()
    user = alice.api.get("/v1/users?sub=alice").get_json()["users"][0]["id"]
    enrollment = alice.api.enroll("bob", type="phone")["id"]
    topics = (f"challenge:{opened['id']}", f"user:{user}", f"enrollment:{enrollment}")
    place = world.services.wake_up.park(*topics)
    assert place is not None
    world.services.watcher.look()
    place.close()
    shown = world.device(alice.phone, "GET", "/v1/device/challenges?wait=0").get_json()
    assert len(shown["challenges"]) == 1
    world.services.outbox.deliver()


def _in_self_service(alice: Alice) -> None:
    world, login = alice.world, alice.world.login
    assert isinstance(login, WatchedLogin)
    world.clock.advance(_PAUSE)
    opened = alice.api.challenge()
    assert world.approve(alice.phone, opened).status_code == 200
    browser = by_login(world, login)
    for path in ("", "/activity", f"/activity/{opened['id']}"):
        assert browser.get(f"/account{path}").status == 200
    browser.get(f"/account/activity?before={opened['id']}")
    browser.get(f"/account/authenticators/{alice.totp.id}")
    browser.get(f"/account/activity/{opened['id']}/not-me")
    browser.submit("/not-me")
    _added(alice)


def _added(alice: Alice) -> None:
    """Begin to add a TOTP in another browser, step up for it, and end its session."""
    browser: Visitor = by_link(alice.world)
    browser.get("/account/add/totp")
    browser.submit("/account/add/totp")
    confirm(browser, alice.totp, alice.world)
    assert browser.page.path.startswith("/account/enrollments/"), browser.page.path
    browser.get("/account")
    browser.submit("/account/sign-out")


def _erased(alice: Alice) -> None:
    alice.api.challenge()
    user = alice.world.client().get("/v1/users?sub=alice").get_json()["users"][0]["id"]
    gone = alice.world.client().call("DELETE", f"/v1/users/{user}?reason=test")
    assert gone.status_code == 204


def _pinged(world: World, notified: Endpoint) -> None:
    """Tell a CIBA client how it ended."""
    metadata = {
        "backchannel_token_delivery_mode": "ping",
        "backchannel_client_notification_endpoint": notified.url,
    }
    till = asker(world, "pinged", metadata=metadata)
    phone = world.phone("pat")
    asked = till.asked(login_hint="pat", client_notification_token=secrets.token_hex(16))
    approve(world, phone, asked)
    world.services.protocols.pings.deliver()
    assert notified.auth_req_ids == [asked["auth_req_id"]]


def _passkey(world: World) -> None:
    passkey = passkeys.enrolled(world, "percy")
    done = passkey.answer(world.client().challenge("percy"))
    assert done.get_json()["status"] == "satisfied"


def _tidied(world: World) -> None:
    """Tidy what is open, what is over, and what was kept for long enough."""
    world.services.housekeeping.run()
    for days in (1, 40):
        world.client().challenge("percy")
        world.clock.advance(days * _DAY)
        world.services.housekeeping.run()
