"""The attacks that the hosted page is made against, played in real browsers, side by side."""

from playwright.sync_api import expect

from tests.support.customers import RETURN, Customer
from tests.support.looking import check
from tests.support.phone import PinKey


def test_a_link_in_a_second_browser_shows_nothing_of_value(anna: Customer) -> None:
    anna.phone(PinKey())
    challenge = anna.asked(binding_message="Pay 4711 EUR to Krause")
    first = anna.opened(challenge)
    expect(first.locator(".digits")).to_be_visible()
    window = anna.window()
    window.expect("status of 410")
    for address in (challenge["page"], first.url):
        window.page.goto(address)
        shown = window.page.content()
        expect(window.page.get_by_role("heading", level=1)).to_have_text(
            "This link was opened in another browser"
        )
        for secret in (challenge["display_code"], "4711", "Krause", anna.sub, "Corner Shop"):
            assert secret not in shown
    check(window.page, "second-browser")


def test_a_forwarded_link_signs_nobody_in(anna: Customer) -> None:
    """Mallory starts a sign-in as Anna, and sends her the genuine link; she uses her passkey.

    Her browser gets the return code; the shop gives Mallory's session nothing without it.
    """
    victim = anna.window()
    anna.passkey(victim)
    challenge = anna.asked(acr_values=["phr"])
    page = anna.go(victim, challenge)
    page.get_by_role("button", name="Continue with your passkey").click()
    brought = anna.come_back(page)
    path = f"/v1/challenges/{challenge['id']}"
    for guess in ("", "?return_code=", "?return_code=AAAAAAAAAAAAAAAAAAAAAA"):
        read = anna.api.get(path + guess).get_json()
        assert read.get("acr") is None, "Mallory's browser cannot bring it: the shop sees no result"
        assert read.get("result_token") is None
    mallory = anna.window()
    mallory.expect("status of 410")
    mallory.page.goto(challenge["page"])
    assert "return_code" not in mallory.page.content()
    assert brought["return_code"] not in mallory.page.content()


def test_a_code_read_out_over_the_telephone_is_what_a_typed_code_cannot_stop(
    anna: Customer,
) -> None:
    """The other half of the same attack, which is why a phone is never worth `phr`.

    Mallory keeps the page to himself, calls Anna, and reads the code out to her. She types it.
    He is in, at aal2; the shop that asked for `phr` would have been safe, and her phone told her
    who asks, for what, and from where.
    """
    phone = anna.phone(PinKey())
    challenge = anna.asked(
        acr_values=["urn:stepup:acr:aal2"],
        context={"location": "Elsewhere", "application": "Corner Shop"},
    )
    mallory = anna.opened(challenge)
    read_out = mallory.locator("[data-code]").get_attribute("data-code")
    told = anna.world.fetch(phone, challenge["id"])
    assert told["context"]["location"] == "Elsewhere"
    assert str(read_out) not in str(told)
    anna.world.send(phone, challenge["id"], phone.answer(told, code=read_out, pin=phone.pin))
    found = anna.result(challenge, anna.come_back(mallory))
    assert (found["acr"], mallory.url.startswith(RETURN)) == ("urn:stepup:acr:aal2", True)
    refused = anna.api.post("/v1/challenges", {"sub": anna.sub, "acr_values": ["phr"]})
    assert refused.get_json()["type"].endswith("/acr-unattainable")


def test_two_people_side_by_side_do_not_meet(anna: Customer) -> None:
    bert = Customer(anna.world, anna.windows, sub="bert.adler")
    phones = {person.sub: person.phone() for person in (anna, bert)}
    asked = {person.sub: person.asked() for person in (anna, bert)}
    pages = {person.sub: person.opened(asked[person.sub]) for person in (anna, bert)}
    for person, other in ((anna, bert), (bert, anna)):
        expect(pages[person.sub].get_by_role("main")).to_contain_text(person.sub)
        expect(pages[person.sub].get_by_role("main")).not_to_contain_text(other.sub)
    bert.approve(phones[bert.sub], asked[bert.sub])
    assert bert.result(asked[bert.sub], bert.come_back(pages[bert.sub]))["status"] == "satisfied"
    expect(pages[anna.sub].locator(".digits")).to_be_visible()


def test_one_browser_can_hold_two_challenges(anna: Customer) -> None:
    phone = anna.phone()
    first, second = anna.asked(), anna.asked(expires_in=300)
    window = anna.window()
    anna.go(window, first)
    page = anna.go(window, second)
    anna.approve(phone, second)
    anna.result(second, anna.come_back(page))
    page.goto(f"{anna.world.issuer}/challenge/{first['id']}")
    expect(page.locator(".digits")).to_be_visible()
