"""Each way is added on our own pages; what is secret is shown where it was asked for, and once."""

import json
import re

import pytest

from tests.support import passkeys
from tests.support.authenticator import SoftAuthenticator
from tests.support.browsing import Browser, Seen
from tests.support.database import rows
from tests.support.people import begun_phone, by_link, confirm, listed
from tests.support.world import ISSUER, Totp, World, close, make_world

CODE = r"\b[0-9A-Z]{2}(?:-[0-9A-Z]{4}){4}\b"


def begun(browser: Browser, kind: str, label: str = "") -> Seen:
    """Ask for one, where no step-up is needed."""
    browser.get(f"/account/add/{kind}")
    return browser.submit(f"/add/{kind}", label=label)


def secret_on(page: Seen) -> str:
    """Return the key that can be typed into an app."""
    (uri,) = [link for link in page.links if link.startswith("otpauth://")]
    return uri.partition("secret=")[2].partition("&")[0]


def test_a_phone_is_added_by_the_number_that_it_shows(world: World) -> None:
    browser = by_link(world)
    begun(browser, "phone")
    phone, number = begun_phone(browser, world)
    here = browser.page.path
    page = browser.get(here)
    assert "Type the number that your phone shows" in page.text
    assert number not in page.response.text
    assert "“Test phone” was added." in browser.submit("/confirm", code=number).text
    assert [(one["id"], one["state"]) for one in listed(world)] == [(phone.device_id, "active")]


def test_the_fifth_wrong_number_ends_it(world: World) -> None:
    browser = by_link(world)
    begun(browser, "phone")
    phone, number = begun_phone(browser, world)
    browser.get(browser.page.path)
    wrong = str((int(number) + 1) % 1_000_000).zfill(6)
    for left in ("4 tries are left", "3 tries are left", "2 tries are left", "One try is left"):
        assert left in browser.submit("/confirm", code=wrong).text
    page = browser.submit("/confirm", code=wrong)
    assert not [form for form in page.forms if form.action.endswith("/confirm")]
    assert world.device(phone, "GET", "/v1/device").status_code == 401
    assert listed(world) == []


def test_this_is_not_my_phone_revokes_it(world: World) -> None:
    browser = by_link(world)
    begun(browser, "phone")
    thief, number = begun_phone(browser, world)
    browser.get(browser.page.path)
    here = browser.page.path
    assert browser.submit("/cancel").path == "/account"
    assert world.device(thief, "GET", "/v1/device").status_code == 401
    fields = browser.page.form("/sign-out").fields
    assert browser.post(f"{here}/confirm", fields | {"code": number}).status_code == 409
    assert listed(world) == []


def test_an_app_is_added_and_a_wrong_code_costs_a_try(world: World) -> None:
    browser = by_link(world)
    page = begun(browser, "totp", "Blue app")
    totp = Totp.of_secret(world, secret_on(page))
    assert "That was not right. 4 tries are left." in browser.submit("/confirm", code="000000").text
    assert "“Blue app” was added." in browser.submit("/confirm", code=totp.code()).text


def test_a_picture_of_a_secret_is_shown_where_it_was_asked_for_and_nowhere_else(
    world: World,
) -> None:
    """Another session of the same person is another browser, perhaps in other hands."""
    browser = by_link(world)
    page = begun(browser, "totp")
    secret, here = secret_on(page), page.path
    assert secret in browser.get(here).response.text.replace("-", "")
    other = by_link(world)
    seen = other.get(here)
    assert "shown only where it was asked for" in seen.text
    assert secret not in seen.response.text.replace("-", "")


def test_the_secret_of_an_app_is_sealed_in_the_session(world: World) -> None:
    secret = secret_on(begun(by_link(world), "totp"))
    kept = rows(world, "SELECT * FROM session")
    assert secret not in str(kept)


def test_recovery_codes_are_shown_once(world: World) -> None:
    browser = by_link(world)
    page = begun(browser, "recovery_codes")
    codes = re.findall(CODE, page.text)
    assert len(set(codes)) == 10
    again = browser.get(page.path)
    assert "These codes were shown already" in again.text
    assert not any(code in again.response.text for code in codes)
    client = world.client()
    spent = client.answer(client.challenge()["id"], "recovery_code", codes[0])
    assert spent.get_json()["status"] == "satisfied"


def test_a_prefetch_does_not_use_up_the_one_look_at_the_codes(world: World) -> None:
    browser = by_link(world)
    fields = browser.get("/account/add/recovery_codes").form("/add/recovery_codes").fields
    here = browser.post("/account/add/recovery_codes", fields).headers["Location"]
    assert re.findall(CODE, browser.open(here, Sec_Purpose="prefetch").text) == []
    assert len(re.findall(CODE, browser.get(here).text)) == 10


def test_new_codes_replace_the_old_ones_behind_a_step_up(world: World) -> None:
    old = world.recovery_codes()
    totp, browser = world.totp(reason="test"), by_link(world)
    page = browser.get("/account/add/recovery_codes")
    assert "The codes that you have now stop working at once." in page.text
    browser.submit("/add/recovery_codes")
    assert browser.page.path.startswith("/challenge/")
    confirm(browser, totp, world)
    client = world.client()
    refused = client.answer(client.challenge()["id"], "recovery_code", old[0])
    assert refused.status_code == 403


def test_a_passkey_is_made_at_our_own_origin_only(world: World) -> None:
    browser, key = by_link(world), SoftAuthenticator()
    options = json.loads(begun(browser, "webauthn", "Laptop").data("options"))
    foreign = json.dumps(key.create(options, origin="https://evil.example"))
    page = browser.submit("/confirm", credential=foreign)
    assert "This passkey was not accepted." in page.text
    made = json.dumps(key.create(options, origin=ISSUER))
    assert "“Laptop” was added." in browser.submit("/confirm", credential=made).text


@pytest.mark.parametrize(
    ("credential", "status"),
    [("", 303), ("{", 303), ("[]", 422), ("null", 422), ("x" * 70_000, 413)],
)
def test_what_is_no_passkey_is_refused_and_breaks_nothing(
    world: World, credential: str, status: int
) -> None:
    browser = by_link(world)
    begun(browser, "webauthn")
    form = browser.page.form("/confirm")
    answer = browser.post(form.action, form.fields | {"credential": credential})
    assert answer.status_code == status
    assert listed(world) == []


def test_nobody_confirms_what_somebody_else_began(world: World) -> None:
    browser, mallory = by_link(world), by_link(world, "mallory")
    totp = Totp.of_secret(world, secret_on(begun(browser, "totp")))
    begun(mallory, "totp")
    form = mallory.page.form("/confirm")
    theirs = browser.page.form("/confirm").action
    answer = mallory.post(theirs, form.fields | {"code": totp.code()})
    assert answer.status_code == 404
    assert mallory.get(browser.page.path).status == 404
    assert (listed(world), listed(world, "mallory")) == ([], [])


def test_a_type_that_does_not_exist_is_404(world: World) -> None:
    assert by_link(world).get("/account/add/fingerprint").status == 404


def test_where_there_are_no_passkeys_none_can_be_added(sqlite_url: str) -> None:
    """An issuer that is an IP address has none: nobody is led into a step-up in vain."""
    issuer = "https://192.0.2.1"
    world = make_world(sqlite_url, MFA_ISSUER=issuer, MFA_ORIGINS="")
    made = world.client().post("/v1/account-links", {"sub": "alice"})
    browser = Browser(world.app, issuer)
    browser.get(made.get_json()["url"])
    browser.submit(browser.page.path)
    fields = browser.page.form("/sign-out").fields
    assert "/account/add/webauthn" not in browser.page.links
    assert browser.get("/account/add/webauthn").status == 404
    assert browser.post("/account/add/webauthn", fields, Origin=issuer).status_code == 404
    close(world)


def test_a_name_that_misleads_is_told_beside_its_field(world: World) -> None:
    browser = by_link(world)
    page = begun(browser, "totp", "evil\u202elive")
    assert page.status == 422
    assert "Use at most 64 letters, digits and signs that can be read." in page.text
    invalid = [given for given in page.attributes if given.get("aria-invalid") == "true"]
    assert [given["id"] for given in invalid] == ["label"]


def test_a_state_is_told_when_a_phone_has_claimed(world: World) -> None:
    browser = by_link(world)
    page = begun(browser, "phone")
    before = browser.script(page.data("state")).get_json()
    begun_phone(browser, world)
    after = browser.script(page.data("state"), known=before["revision"], wait="25").get_json()
    assert before["revision"] != after["revision"]
    assert by_link(world, "mallory").script(page.data("state")).status_code == 404


def test_the_landing_page_knows_no_code(world: World) -> None:
    browser = Browser(world.app)
    page = browser.get("/enroll")
    assert (page.status, "Add this phone" in page.text) == (200, True)
    assert page.forms == []
    assert page.response.headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in page.response.headers


def test_a_passkey_of_the_api_and_one_of_the_page_are_of_the_same_person(world: World) -> None:
    passkeys.enrolled(world)
    browser = by_link(world)
    browser.get("/account/add/webauthn")
    assert browser.submit("/add/webauthn").path.startswith("/challenge/")


def test_a_page_that_refreshes_itself_does_not_use_up_what_is_to_be_said(world: World) -> None:
    """The page of an enrollment notices its end while the browser is on its way to the next one."""
    browser = by_link(world)
    page = begun(browser, "totp")
    totp = Totp.of_secret(world, secret_on(page))
    form = page.form("/confirm")
    assert browser.post(form.action, form.fields | {"code": totp.code()}).status_code == 303
    browser.open(page.path, Sec_Fetch_Mode="cors", Sec_Fetch_Dest="empty")
    assert "was added." in browser.get("/account").text
