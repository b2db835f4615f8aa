"""Two who apply a file of clients at once, and one who is stopped in the middle."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from mfa_service.domain.client_file import DeclaredClient, clients_from_toml
from mfa_service.services.client_files import ClientFiles, Plan, PlanOutdated
from mfa_service.services.clients import ClientService, NewClient
from tests.support.racing import race
from tests.support.world import World, close, make_world

APPLIERS = 4
FILE = "".join(
    f'[[client]]\nname = "{name}"\nscopes = ["mfa:challenge"]\n' for name in ("one", "two", "three")
)


def declared(text: str = FILE) -> tuple[DeclaredClient, ...]:
    found, faults = clients_from_toml(text, lambda _: {})
    assert faults == []
    return found


def files_of(world: World) -> ClientFiles:
    return ClientFiles(world.services.foundation, world.services.clients)


def names(world: World) -> Counter[str]:
    return Counter(client.name for client in world.services.clients.all())


def outcome(files: ClientFiles, wanted: Sequence[DeclaredClient], plan: Plan) -> str:
    try:
        files.apply(wanted, plan)
    except PlanOutdated:
        return "outdated"
    return "done"


def test_of_several_appliers_one_wins_and_no_client_is_made_twice(any_url: str) -> None:
    worlds = [make_world(any_url) for _ in range(APPLIERS)]
    wanted = declared()
    plans = [(files, files.plan(wanted)) for files in map(files_of, worlds)]

    def applier(files: ClientFiles, plan: Plan) -> Callable[[], str]:
        return lambda: outcome(files, wanted, plan)

    ended = race(applier(files, plan) for files, plan in plans)
    assert Counter(ended) == {"done": 1, "outdated": APPLIERS - 1}
    assert names(worlds[0]) == {"one": 1, "two": 1, "three": 1}
    for world in worlds:
        close(world)


def test_of_two_changes_of_one_client_one_wins(any_url: str) -> None:
    worlds = [make_world(any_url) for _ in range(2)]
    files_of(worlds[0]).apply(declared(), files_of(worlds[0]).plan(declared()))
    wanted = [declared(FILE.replace("mfa:challenge", scope)) for scope in ("first", "second")]

    def applier(world: World, wished: Sequence[DeclaredClient]) -> Callable[[], str]:
        files = files_of(world)
        plan = files.plan(wished)
        return lambda: outcome(files, wished, plan)

    ended = race([applier(world, w) for world, w in zip(worlds, wanted, strict=True)])
    assert sorted(ended) == ["done", "outdated"]
    scopes = {client.scopes for client in worlds[0].services.clients.all()}
    assert scopes == {(("first", "second")[ended.index("done")],)}
    for world in worlds:
        close(world)


def test_a_client_added_since_the_plan_was_shown_makes_it_void(any_world: World) -> None:
    files, wanted = files_of(any_world), declared()
    plan = files.plan(wanted)
    any_world.services.clients.add(NewClient(name="two", scopes=("a",)))
    with pytest.raises(PlanOutdated):
        files.apply(wanted, plan)
    assert names(any_world) == {"two": 1}


class RunsDry:
    """Chance that is there for so many calls and then fails."""

    def __init__(self, calls: int) -> None:
        self._left = calls

    def bytes(self, count: int) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise RuntimeError("no chance left")
        return bytes([self._left]) * count

    def digits(self, count: int) -> str:
        raise AssertionError("no client has digits")


def test_what_fails_in_the_middle_changes_nothing(any_world: World) -> None:
    foundation = dataclasses.replace(any_world.services.foundation, randomness=RunsDry(3))
    service = ClientService(foundation, any_world.services.client_authentication)
    files, wanted = ClientFiles(foundation, service), declared()
    with pytest.raises(RuntimeError):
        files.apply(wanted, files.plan(wanted))
    assert names(any_world) == {}
    files_of(any_world).apply(wanted, files_of(any_world).plan(wanted))
    assert names(any_world) == {"one": 1, "two": 1, "three": 1}
