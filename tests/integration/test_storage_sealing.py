"""Whoever may write to the database gains nothing by moving sealed values (S 9.6.7, T10)."""

from collections.abc import Callable, Iterator

import pytest

from mfa_service.domain.ports import SealBroken
from mfa_service.services.keys import KeysUnreadable
from tests.support.database import execute, rows
from tests.support.forging import slug
from tests.support.phone import Phone, PinKey, claims_of
from tests.support.world import ISSUER, MASTER_KEYS, Totp, World, close, make_world

ROLLED = f"k2:{'QkJC' * 10}QkI=,{MASTER_KEYS}"
OTHER = f"k9:{'Q0ND' * 10}Q0M="


def credential(world: World, authenticator_id: str) -> bytes:
    query = "SELECT credential FROM authenticator WHERE id = :id"
    return bytes(rows(world, query, id=authenticator_id)[0]["credential"])


def put_credential(world: World, authenticator_id: str, sealed: bytes) -> None:
    statement = "UPDATE authenticator SET credential = :sealed WHERE id = :id"
    assert execute(world, statement, sealed=sealed, id=authenticator_id) == 1


def sealed_values(world: World) -> dict[str, bytes]:
    """Return one sealed value of each column that holds some."""
    world.phone("alice", push={"provider": "fcm", "token": "t"})
    world.client().enroll("bob", type="totp")
    world.client().challenge("alice")
    world.client().post(
        "/v1/enrollments",
        {"sub": "carol", "type": "totp"},
        headers={"Idempotency-Key": "k"},
    )
    columns = {
        "authenticator": "credential",
        "device": "push_address",
        "enrollment": "sealed",
        "challenge": "request",
        "signing_key": "sealed",
        "idempotent_reply": "sealed",
    }
    return {
        table: bytes(
            rows(world, f"SELECT {name} AS v FROM {table} WHERE {name} IS NOT NULL")[0]["v"]
        )
        for table, name in columns.items()
    }


def totp_answer(world: World, totp: Totp, sub: str = "alice") -> int:
    """Return the status of the right answer, and see that it satisfied nothing but by 200."""
    challenge = world.client().challenge(sub, methods=["totp"])
    status = world.client().answer(challenge["id"], "totp", totp.next()).status_code
    read = world.client().read(challenge["id"])
    assert (read["status"] == "satisfied") == (status == 200)
    return status


def test_a_seed_moved_to_another_user_does_not_open(world: World) -> None:
    victim, mine = world.totp("alice"), world.totp("mallory")
    put_credential(world, victim.id, credential(world, mine.id))
    assert totp_answer(world, mine, "alice") == 500
    assert totp_answer(world, mine, "mallory") == 200


def test_seeds_swapped_between_two_rows_of_one_user_do_not_open(world: World) -> None:
    first = world.totp()
    second = world.totp(reason="second")
    one, two = credential(world, first.id), credential(world, second.id)
    put_credential(world, first.id, two)
    put_credential(world, second.id, one)
    assert totp_answer(world, first) == 500
    put_credential(world, first.id, one)
    put_credential(world, second.id, two)
    assert totp_answer(world, first) == 200


def test_a_row_moved_to_another_user_does_not_open(world: World) -> None:
    world.totp("alice")
    mine = world.totp("mallory")
    alice = rows(world, "SELECT id FROM user WHERE sub = 'alice'")[0]["id"]
    execute(world, "UPDATE authenticator SET user_id = :u WHERE id = :id", u=alice, id=mine.id)
    assert totp_answer(world, mine, "alice") == 500


def test_a_phones_keys_moved_to_another_phone_do_not_open(world: World) -> None:
    victim, mine = world.phone("alice"), world.phone("mallory")
    put_credential(world, victim.device_id, credential(world, mine.device_id))
    thief = Phone(ISSUER, world.clock.now, None, mine.key, victim.device_id)
    assert world.device(thief, "GET", "/v1/device").status_code == 500


def test_a_phones_key_replaced_in_clear_is_not_believed(world: World) -> None:
    victim = world.phone()
    put_credential(world, victim.device_id, b'{"device_key": {}, "pin_key": null}')
    assert world.device(victim, "GET", "/v1/device").status_code == 500


def test_a_push_address_moved_to_another_phone_is_not_used_and_holds_up_nobody(
    world: World,
) -> None:
    world.phone("alice", push={"provider": "fcm", "token": "of alice"})
    mine = world.phone("mallory", push={"provider": "fcm", "token": "of mallory"})
    world.phone("bob", push={"provider": "fcm", "token": "of bob"})
    query = "SELECT push_address FROM device WHERE authenticator_id = :id"
    address = rows(world, query, id=mine.device_id)[0]["push_address"]
    alice = rows(
        world,
        "SELECT a.id FROM authenticator a JOIN user u ON u.id = a.user_id WHERE u.sub = 'alice'",
    )[0]["id"]
    statement = "UPDATE device SET push_address = :a WHERE authenticator_id = :id"
    execute(world, statement, a=address, id=alice)
    challenge = world.client().challenge("alice")
    world.client().challenge("bob")
    world.services.outbox.deliver()
    assert [message.address for message in world.senders["fcm"].sent] == [{"token": "of bob"}]
    assert world.client().read(challenge["id"])["push"]["state"] == "failed"


def test_a_challenges_request_moved_to_another_challenge_does_not_open(world: World) -> None:
    totp = world.totp()
    victim, mine = world.client().challenge(), world.client().challenge()
    request = rows(world, "SELECT request FROM challenge WHERE id = :id", id=mine["id"])[0]
    statement = "UPDATE challenge SET request = :r WHERE id = :id"
    execute(world, statement, r=request["request"], id=victim["id"])
    assert slug(world.client().get(f"/v1/challenges/{victim['id']}")) == (500, "internal")
    answer = world.client().answer(victim["id"], "totp", totp.next())
    assert slug(answer) == (500, "internal")


def test_what_does_not_open_is_told_to_the_operator_without_the_value(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    totp = world.totp()
    before = credential(world, totp.id)
    put_credential(world, totp.id, before[:-1])
    assert totp_answer(world, totp) == 500
    assert [record.levelname for record in caplog.records].count("ERROR") == 1
    assert before[10:40].hex() not in caplog.text


def altered(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return change


ALTERED = {
    "truncated by the tag": altered(lambda sealed: sealed[:-16]),
    "truncated by one byte": altered(lambda sealed: sealed[:-1]),
    "truncated to its head": altered(lambda sealed: sealed[:4]),
    "truncated to one byte": altered(lambda sealed: sealed[:1]),
    "empty": altered(lambda _: b""),
    "longer by one byte": altered(lambda sealed: sealed + b"\0"),
    "with a flipped bit at the end": altered(lambda s: s[:-1] + bytes([s[-1] ^ 1])),
    "with a flipped bit in the middle": altered(lambda s: s[:20] + bytes([s[20] ^ 1]) + s[21:]),
    "of another version": altered(lambda sealed: b"\x02" + sealed[1:]),
    "of an unknown key": altered(lambda sealed: sealed[:2] + b"k7" + sealed[4:]),
    "with a key id that is no text": altered(lambda sealed: sealed[:2] + b"\xff\xfe" + sealed[4:]),
    "with a key id that is too long": altered(lambda sealed: sealed[:1] + b"\xff" + sealed[2:]),
}


@pytest.mark.parametrize("change", ALTERED.values(), ids=ALTERED)
def test_what_was_altered_does_not_open(world: World, change: Callable[[bytes], bytes]) -> None:
    totp = world.totp()
    put_credential(world, totp.id, change(credential(world, totp.id)))
    assert totp_answer(world, totp) == 500


def test_no_value_opens_at_the_place_of_another_column(world: World) -> None:
    values = sealed_values(world)
    box = world.services.foundation.secret_box
    places = ["authenticator|credential|x|y", "device|push_address|x", "challenge|request|x", ""]
    for sealed in values.values():
        for place in places:
            with pytest.raises(SealBroken):
                box.open(sealed, place=place)


def test_the_same_value_is_sealed_differently_each_time(world: World) -> None:
    box = world.services.foundation.secret_box
    sealed = {box.seal(b"secret", place="here") for _ in range(1000)}
    assert len({value[4:16] for value in sealed}) == 1000
    assert {box.open(value, place="here") for value in sealed} == {b"secret"}


def test_every_sealed_value_names_its_key(world: World) -> None:
    assert {value[2:4] for value in sealed_values(world).values()} == {b"k1"}


@pytest.fixture
def rolled(sqlite_url: str) -> Iterator[Callable[[str], World]]:
    """Return a maker of worlds over one database under these master keys."""
    made: list[World] = []

    def make(master_keys: str) -> World:
        made.append(make_world(sqlite_url, MFA_MASTER_KEYS=master_keys))
        return made[-1]

    yield make
    for world in made:
        close(world)


Rolled = Callable[[str], World]


def same_client(before: World, after: World) -> None:
    """Let the second world use the first one's clients."""
    after._tokens.update(before._tokens)
    for name, api in list(after._tokens.items()):
        after._tokens[name] = type(api)(after.app, "", api.client_id, api.secret)


def test_everything_of_before_works_after_a_new_master_key(rolled: Rolled) -> None:
    before = rolled(MASTER_KEYS)
    totp, pin = before.totp(), PinKey()
    phone = before.phone(reason="second", pin=pin, push={"provider": "fcm", "token": "t"})
    codes = before.recovery_codes(reason="third")
    pending = before.client().enroll("bob", type="phone")
    challenge = before.client().challenge()
    after = rolled(ROLLED)
    same_client(before, after)
    after.services.outbox.deliver()
    assert [message.address for message in after.senders["fcm"].sent] == [{"token": "t"}]
    assert after.approve(phone, challenge, pin=pin).get_json() == {"status": "satisfied"}
    totp.world = after
    assert totp_answer(after, totp) == 200
    answer = {"method": "recovery_code", "code": codes[0]}
    assert after.client().challenge(answer=answer)["status"] == "satisfied"
    newcomer = Phone(ISSUER, after.clock.now)
    claimed = after.claim(newcomer, pending["manual_code"].replace("-", ""))
    code = claimed.get_json()["check_code"]
    assert after.client().confirm(pending, check_code=code).status_code == 200


def test_a_client_of_before_keeps_its_secret_after_a_new_master_key(rolled: Rolled) -> None:
    api = rolled(MASTER_KEYS).client()
    after = rolled(ROLLED)
    assert after.services.client_authentication.by_secret(api.client_id, api.secret) is not None
    assert after.services.client_authentication.by_secret(api.client_id, "wrong") is None


def test_the_signing_key_stays_after_a_new_master_key(rolled: Rolled) -> None:
    before = rolled(MASTER_KEYS)
    totp = before.totp()
    answer = {"method": "totp", "code": totp.next()}
    token = before.client().challenge(answer=answer)["result_token"]
    after = rolled(ROLLED)
    published = [w.app.test_client().get("/.well-known/jwks.json").data for w in (before, after)]
    assert published[0] == published[1]
    same_client(before, after)
    read = after.client().read(claims_of(token)["txn"])
    assert claims_of(read["result_token"]) == claims_of(token)


def test_what_is_new_is_sealed_under_the_first_key_while_old_workers_still_read_the_old(
    rolled: Rolled,
) -> None:
    before, after = rolled(MASTER_KEYS), rolled(ROLLED)
    old, new = before.totp("alice"), after.totp("bob")
    assert credential(before, old.id)[2:4] == b"k1"
    assert credential(before, new.id)[2:4] == b"k2"
    assert totp_answer(before, old, "alice") == 200
    assert totp_answer(before, new, "bob") == 500


def test_without_the_key_that_sealed_it_nothing_is_signed(rolled: Rolled) -> None:
    api = rolled(MASTER_KEYS).client()
    stranger = rolled(OTHER)
    client = stranger.services.client_authentication.find(api.client_id)
    assert client is not None
    assert stranger.services.client_authentication.by_secret(api.client_id, api.secret) is None
    with pytest.raises(KeysUnreadable, match="MFA_MASTER_KEYS"):
        stranger.services.tokens.issue(client, scopes=(), resources=())
