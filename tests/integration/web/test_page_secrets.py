"""What only the browser and the client may know stands in no log and in no address of ours."""

import logging

import pytest

from tests.support.alice import RETURN, Alice
from tests.support.world import World


def test_no_secret_of_the_page_is_logged(alice: Alice, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    challenge, browser = alice.opened(return_uri=RETURN, binding_message="Pay the rent")
    token = browser.page.forms["deny"]["csrf"]
    thief = alice.browser()
    thief.go(challenge["page"])
    thief.go(challenge["page"] + "x")
    browser.submit("deny", csrf="wrong-token")
    browser.go(f"{browser.here.rpartition('/')[0]}?method=totp")
    typed = [alice.totp.wrong(), alice.totp.next()]
    for code in typed:
        browser.submit("answers", code=code)
    code = str(browser.page.onward).rpartition("return_code=")[2]
    alice.api.get(f"/v1/challenges/{challenge['id']}?return_code={code}")
    secrets = {
        *typed,
        *browser.cookies().values(),
        token,
        code,
        "wrong-token",
        challenge["display_code"],
        challenge["page"].rpartition(".")[2],
        "Pay the rent",
    }
    logged = [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
    assert len(logged) > 5
    assert [secret for secret in secrets for line in logged if secret in line] == []


def test_no_address_after_the_exchange_holds_a_secret(alice: Alice) -> None:
    challenge, browser = alice.opened(return_uri=RETURN)
    session, token = *browser.cookies().values(), browser.page.forms["deny"]["csrf"]
    secrets = (session, token, challenge["page"].rpartition(".")[2], challenge["display_code"])
    for tag, attrs in browser.page.tags:
        addresses = [attrs.get(name, "") for name in ("href", "src", "action", "data-state")]
        assert not [each for each in addresses for secret in secrets if secret in each], tag
    assert session not in browser.response.text


def test_opening_the_page_is_audited_without_its_secret(alice: Alice, world: World) -> None:
    challenge, browser = alice.opened()
    (session,) = browser.cookies().values()
    with world.services.foundation.work.reading() as tx:
        rows = [str(tuple(row)) for row in tx.exec_driver_sql("select * from audit_event")]
    mine = [row for row in rows if challenge["id"] in row and "challenge.page" in row]
    assert len(mine) == 1
    assert session not in str(rows)
