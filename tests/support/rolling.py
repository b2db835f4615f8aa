"""Master keys that follow one another: worlds over one database, and everything that is sealed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import LargeBinary, Table, inspect, select

from mfa_service.adapters.master_keys import AesGcmBox, MasterKeys, seal_mark
from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.persistence.base import Base
from mfa_service.services.master_keys import MasterKeyService
from mfa_service.settings import Settings

from .browsing import Browser
from .ciba import Asker, asker
from .code_flow import party_of
from .passkeys import Passkey, enrolled
from .people import by_link, link
from .phone import Phone, PinKey
from .remote import environment
from .world import MASTER_KEYS, Totp, World

NEW = f"k2:{'QkJC' * 10}QkI="
CODE = "blue horse 7"
ROLLED = f"{NEW},{MASTER_KEYS}"


def master_key_service(world: World, master_keys: str = ROLLED, *, batch: int = 2) -> Any:
    """Return the use cases of `mfa keys master` over a world's database."""
    foundation, url = world.services.foundation, world.services.settings.database_url
    settings = Settings.load(environment(url) | {"MFA_MASTER_KEYS": master_keys})
    keys = MasterKeys(settings.master_keys)
    box = AesGcmBox(keys, SystemRandomness())
    return MasterKeyService(foundation.work, keys, box, world.clock, batch=batch)


def sealed_columns() -> Iterable[tuple[Table, str]]:
    """Yield every column of bytes that a model has."""
    for mapper in Base.registry.mappers:
        table = mapper.local_table
        assert isinstance(table, Table)
        for column in inspect(mapper).columns:
            if isinstance(column.type, LargeBinary):
                yield table, column.name


def held_by(world: World, kid: str) -> dict[str, int]:
    """Return how many values each column holds that this key sealed, counted here one by one."""
    found: dict[str, int] = {}
    with world.services.foundation.work.reading() as tx:
        for table, name in sealed_columns():
            values = [bytes(value or b"") for value in tx.scalars(select(table.c[name]))]
            count = sum(value.startswith(seal_mark(kid)) for value in values)
            if count:
                found[f"{table.name}.{name}"] = count
    return found


def same_clients(before: World, after: World) -> None:
    """Let the second world use the first one's clients."""
    after._tokens.update(before._tokens)
    for name, api in list(after._tokens.items()):
        after._tokens[name] = type(api)(after.app, "", api.client_id, api.secret)


@dataclass
class Household:
    """People who enrolled everything there is, and what is under way; all by one client."""

    phone: Phone
    pin: PinKey
    totp: Totp
    passkey: Passkey
    codes: list[str]
    pending: dict[str, Any]
    till: Asker
    browser: Browser

    @classmethod
    def of(cls, world: World) -> "Household":
        """Fill every sealed column."""
        pin, browser = PinKey(), by_link(world, "gina")
        browser.get("/account/add/totp")
        browser.submit("/add/totp", label="")
        made = cls(
            world.phone("alice", pin=pin, push={"provider": "fcm", "token": "of alice"}),
            pin,
            world.totp("bob"),
            enrolled(world, "carol"),
            world.recovery_codes("dora"),
            world.client().enroll("erin", type="totp"),
            asker(world, metadata={"backchannel_user_code_parameter": True}),
            browser,
        )
        user = world.client().get("/v1/users?sub=alice").get_json()["users"][0]
        path = f"/v1/users/{user['id']}/user-code"
        assert world.client().call("PUT", path, {"user_code": CODE}).status_code == 204
        made.till.asked(user_code=CODE)
        party_of(world).pushed()
        link(world, "gina")
        world.client().enroll("hal", type="phone")
        world.client().post(
            "/v1/enrollments", {"sub": "fay", "type": "totp"}, headers={"Idempotency-Key": "k"}
        )
        return made

    def all_open(self, world: World) -> None:
        """See that each of them satisfies a challenge in a world."""
        api = world.client()
        challenge = api.challenge("alice")
        assert world.approve(self.phone, challenge, pin=self.pin).status_code == 200
        self.totp.world = world
        challenge = api.challenge("bob", methods=["totp"])
        assert api.answer(challenge["id"], "totp", self.totp.next()).status_code == 200
        self.passkey.api = api
        assert self.passkey.answer(api.challenge("carol")).status_code == 200
        challenge = api.challenge("dora")
        assert api.answer(challenge["id"], "recovery_code", self.codes.pop()).status_code == 200
        totp = Totp.of_secret(world, self.pending["secret"])
        assert api.confirm(self.pending, code=totp.next()).status_code == 200
