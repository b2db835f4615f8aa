"""One assertion, one credential id, one page link: good once, however many come at once."""

from functools import partial

from mfa_service.persistence.models import Authenticator, Challenge, Prompt
from tests.integration.races.rows import column
from tests.support import passkeys
from tests.support.authenticator import SoftAuthenticator
from tests.support.browsing import Browser
from tests.support.racing import race, statuses
from tests.support.world import ISSUER, World

AT_ONCE = 12


def test_one_assertion_many_times_satisfies_once(any_world: World) -> None:
    passkey = passkeys.enrolled(any_world, key=SoftAuthenticator(counts=True))
    challenge = any_world.client().challenge()
    credential = passkey.credential(challenge)
    send = partial(passkeys.send, passkey.api, challenge, credential)
    answers = race([send] * AT_ONCE)
    assert statuses(answers)[200] == 1
    assert column(any_world, Prompt.nonce) == []
    assert column(any_world, Authenticator.counter) == [1]


def test_many_options_at_once_leave_one_that_can_be_answered(any_world: World) -> None:
    passkey = passkeys.enrolled(any_world)
    challenge = any_world.client().challenge(expires_in=600)
    given = race([partial(passkeys.options, passkey.api, challenge)] * AT_ONCE)
    (kept,) = column(any_world, Prompt.nonce)
    held = [options for options in given if options["challenge"] == kept]
    assert len(held) == 1
    credential = passkeys.sign(passkey.key, held[0])
    assert passkeys.send(passkey.api, challenge, credential).status_code == 200


def test_one_credential_enrolled_for_many_at_once_is_one_persons(any_world: World) -> None:
    api, key = any_world.client(), SoftAuthenticator()
    begun = [api.enroll(f"sub{number}", type="webauthn") for number in range(AT_ONCE)]
    made = [key.create(one["publicKey"], origin=ISSUER, credential_id=b"the same") for one in begun]
    confirmed = race(
        [partial(api.confirm, one, credential=it) for one, it in zip(begun, made, strict=True)]
    )
    assert statuses(confirmed) == {200: 1, 403: AT_ONCE - 1}
    assert len(column(any_world, Authenticator.id)) == 1


def test_one_enrollment_confirmed_many_times_at_once_makes_one(any_world: World) -> None:
    api, key = any_world.client(), SoftAuthenticator()
    begun = api.enroll(type="webauthn")
    made = key.create(begun["publicKey"], origin=ISSUER)
    confirmed = race([partial(api.confirm, begun, credential=made)] * AT_ONCE)
    assert statuses(confirmed)[200] == 1
    assert len(column(any_world, Authenticator.id)) == 1


def test_one_counter_at_two_challenges_at_once_is_believed_once(any_world: World) -> None:
    """A clone that answers in the same moment as the original, with the same count."""
    passkey = passkeys.enrolled(any_world, key=SoftAuthenticator(counts=True))
    opened = [passkey.api.challenge() for _ in range(2)]
    clone = passkey.key.copy()
    answers = [
        passkeys.sign(key, passkeys.options(passkey.api, challenge))
        for key, challenge in zip((passkey.key, clone), opened, strict=True)
    ]
    sent = race(
        [
            partial(passkeys.send, passkey.api, challenge, credential)
            for challenge, credential in zip(opened, answers, strict=True)
        ]
    )
    assert statuses(sent) == {200: 1, 403: 1}


def test_a_page_link_opened_by_many_browsers_at_once_is_one_browsers(any_world: World) -> None:
    any_world.totp()
    link = any_world.client().challenge()["page"]
    browsers = [Browser(any_world.app) for _ in range(AT_ONCE)]
    opened = race([partial(browser.open, link) for browser in browsers])
    assert statuses(opened) == {303: 1, 410: AT_ONCE - 1}
    assert column(any_world, Challenge.page_session)[0] is not None
