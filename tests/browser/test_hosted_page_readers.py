"""The hosted page for every reader: by keyboard, without motion, in German."""

from playwright.sync_api import APIResponse, Locator, Page, Route, expect

from tests.support.customers import Customer
from tests.support.looking import accessible, check, picture
from tests.support.phone import PinKey

_MOST_STOPS = 15


def tab_to(page: Page, wanted: Locator) -> int:
    """Press Tab until `wanted` has the focus, and return how often; fail if it never has."""
    for stops in range(1, _MOST_STOPS):
        page.keyboard.press("Tab")
        if wanted.evaluate("(element) => element === document.activeElement"):
            return stops
    raise AssertionError(f"no way to {wanted} by keyboard")


def test_everything_is_reached_by_keyboard_and_the_focus_is_seen(anna: Customer) -> None:
    anna.phone()
    totp, challenge = anna.totp(), anna.asked()
    page = anna.opened(challenge)
    assert tab_to(page, page.get_by_role("link", name="Skip to the content")) == 1
    picture(page, "challenge-skip-link")
    page.keyboard.press("Enter")
    way = page.get_by_role("link", name="Type a code from an app")
    assert tab_to(page, way) == 1, "the link skips to what is asked"
    outline = way.evaluate("(element) => getComputedStyle(element).outlineStyle")
    assert outline == "solid"
    picture(page, "challenge-focus")
    page.keyboard.press("Enter")
    field = page.get_by_label("Code from your authenticator app")
    tab_to(page, field)
    page.keyboard.type(totp.code(1))
    assert tab_to(page, page.get_by_role("button", name="Confirm")) == 1
    page.keyboard.press("Space")
    assert anna.result(challenge, anna.come_back(page))["status"] == "satisfied"


def test_saying_no_needs_no_mouse_either(anna: Customer) -> None:
    anna.phone()
    challenge = anna.asked()
    page = anna.opened(challenge)
    tab_to(page, page.get_by_role("button", name="This was not me: cancel"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("link", name="Back to Corner Shop"))
    page.keyboard.press("Enter")
    assert anna.result(challenge, anna.come_back(page))["reason"] == "user_denied"


def test_what_was_typed_and_the_focus_stay_when_the_page_changes_by_itself(
    anna: Customer,
) -> None:
    phone = anna.phone(PinKey())
    anna.totp()
    challenge = anna.asked()
    page = anna.opened(challenge)
    page.get_by_role("link", name="Type a code from an app").click()
    field = page.get_by_label("Code from your authenticator app")
    field.fill("123")
    asked = anna.world.fetch(phone, challenge["id"])
    wrong = phone.answer(asked, code="000000", pin=phone.pin)
    before = page.get_by_role("main").get_attribute("data-revision")
    assert anna.world.send(phone, challenge["id"], wrong).status_code == 403
    expect(page.get_by_role("main")).not_to_have_attribute("data-revision", str(before))
    expect(field).to_be_focused()
    expect(field).to_have_value("123")
    page.keyboard.type("456")
    expect(field).to_have_value("123456")


def test_the_end_takes_the_focus_of_who_was_on_the_page(anna: Customer) -> None:
    phone, challenge = anna.phone(), anna.asked_to_stay()
    page = anna.opened(challenge)
    tab_to(page, page.get_by_role("button", name="This was not me: cancel"))
    anna.approve(phone, challenge)
    expect(page.get_by_role("heading", name="Confirmed")).to_be_visible()
    expect(page.get_by_role("main")).to_be_focused()


def test_nothing_moves_for_who_asked_for_that(anna: Customer) -> None:
    anna.phone()
    challenge = anna.asked()
    moving = "(element) => getComputedStyle(element).animationName"
    page = anna.opened(challenge)
    assert page.locator(".dot").evaluate(moving) == "breathe"
    page.emulate_media(reduced_motion="reduce")
    assert page.locator(".dot").evaluate(moving) == "none"


def test_colours_that_a_reader_forces_leave_everything_visible(anna: Customer) -> None:
    anna.phone()
    page = anna.opened(anna.asked())
    page.emulate_media(forced_colors="active")
    accessible(page)
    picture(page, "challenge-forced-colours")


def test_it_speaks_german_to_who_reads_german(anna: Customer) -> None:
    anna.phone()
    totp = anna.totp()
    challenge = anna.asked(binding_message="Bestellung 4711 bezahlen")
    page = anna.opened(challenge, locale="de-DE")
    assert page.locator("html").get_attribute("lang") == "de"
    expect(page.get_by_role("heading", level=1)).to_have_text("Bestätigen Sie, dass Sie es sind")
    check(page, "challenge-german")
    page.get_by_role("link", name="Code aus einer App eingeben").click()
    page.locator("#code").fill(totp.wrong())
    page.keyboard.press("Enter")
    expect(page.locator("#code-error")).to_contain_text("4 Versuche")
    check(page, "challenge-german-wrong")


def test_another_language_is_one_step_away_and_stays(anna: Customer) -> None:
    anna.phone()
    challenge = anna.asked()
    page = anna.opened(challenge, locale="de-DE")
    page.get_by_role("link", name="English").click()
    title = page.get_by_role("heading", level=1)
    expect(title).to_have_text("Confirm that it is you")
    page.goto(f"{anna.world.issuer}/challenge/{challenge['id']}")
    expect(title).to_have_text("Confirm that it is you")


def test_a_form_on_its_way_is_not_overtaken_by_the_page_that_changes(anna: Customer) -> None:
    totp, challenge = anna.totp(), anna.asked()
    page = anna.opened(challenge)
    held: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        own = {"origin": anna.world.issuer, "sec-fetch-site": "same-origin"}
        answer = route.fetch(max_redirects=0, headers=route.request.headers | own)
        held.append((route, answer))

    page.route("**/answers", hold)
    page.get_by_label("Code from your authenticator app").fill(totp.code(1))
    with page.expect_response(
        lambda told: "/state?" in told.url
    ):  # the poll hears of the answer before the form does
        page.get_by_role("button", name="Confirm").click(no_wait_after=True)
    page.wait_for_timeout(1000)
    assert page.url.endswith(challenge["id"])
    ((route, response),) = held
    route.fulfill(response=response)
    assert anna.result(challenge, anna.come_back(page))["status"] == "satisfied"
