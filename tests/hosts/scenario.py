"""What is lost, one after the other, under load, and how long the callers notice it."""

import contextlib
import itertools
import json
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.people import People, Sizes, enroll_people
from mfa_service.settings import Settings
from tests.support.remote import environment
from tests.support.world import migrated

from .callers import Callers, Door
from .journal import Journal
from .lab import Lab, front
from .service import HOSTS, PROXY, SERVICE, Service
from .stores import Pair

_SIZES = Sizes(totp=200, phones=4, sets=0)
_BY_CODE, _CALM_SECONDS, _PATIENCE = 4, 1.0, 60
_CUT_SECONDS, _AWAY_SECONDS = 7, 1
_WARM_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Noticed:
    """What callers noticed of one loss, in seconds after it, or after its repair."""

    what: str
    last_trouble: float
    longest_silence: float
    troubles: dict[str, int]

    def __str__(self) -> str:
        seen = ", ".join(f"{count} x {what}" for what, count in self.troubles.items()) or "none"
        return (
            f"{self.what}: last trouble after {self.last_trouble:.1f} s,"
            f" longest time without a finished flow {self.longest_silence:.1f} s; troubles: {seen}"
        )


@dataclass
class Played:
    """All that was seen; `pair` still runs, for whoever looks into it."""

    journal: Journal
    pair: Pair
    service: Service
    callers: Callers
    noticed: list[Noticed] = field(default_factory=list)
    script: str = ""


class Scenario:
    """The losses; each returns when the callers are served as before."""

    def __init__(self, lab: Lab, played: Played) -> None:
        self._lab, self._played = lab, played
        self._journal = played.journal

    def redis_restarts(self) -> None:
        began = time.monotonic()
        self._played.service.redis.stop()
        time.sleep(_AWAY_SECONDS)
        self._played.service.redis.start()
        self._calm("Redis away for a second", began)

    def a_host_is_killed(self) -> None:
        began = time.monotonic()
        self._played.service.kill("host-b")
        self._calm("a service host killed", began)
        self._played.service.start("host-b")
        self._played.service.await_answer("host-b")
        self._calm("it is back", time.monotonic())

    def a_host_loses_its_stores(self) -> None:
        began = time.monotonic()
        self._lab.link("host-a", "back", up=False)
        time.sleep(_CUT_SECONDS)
        self._note("a service host cut off from its stores", began)
        back = time.monotonic()
        self._lab.link("host-a", "back", up=True)
        self._calm("its link is back", back)

    def the_standby_restarts(self) -> None:
        """Take the standby away for a moment: whoever commits waits for it, and nobody is lost."""
        began = time.monotonic()
        self._played.pair.kill("db-b")
        time.sleep(_AWAY_SECONDS)
        self._played.pair.start("db-b")
        self._calm("the standby away for a second", began)

    def the_primary_is_killed(self) -> None:
        began = time.monotonic()
        self._played.pair.kill("db-a")
        self._fail_over("the primary killed, the standby promoted", began)

    def the_primary_vanishes(self) -> None:
        """Cut its host off: no connection is told that it is over."""
        began = time.monotonic()
        self._lab.link("db-a", "back", up=False)
        self._fail_over("the primary vanished, the standby promoted", began)

    def _fail_over(self, what: str, began: float) -> None:
        fence = self._lab.link_command("db-a", "back", up=False)
        told = self._played.pair.fail_over(fence=fence)
        self._played.script = told.stderr
        if told.returncode != 0:
            raise RuntimeError(told.stderr)
        self._calm(what, began)

    def _calm(self, what: str, began: float) -> None:
        """Return when flows end again and nobody has had trouble for a while."""
        deadline = time.monotonic() + _PATIENCE
        while not self._is_calm(began):
            if time.monotonic() > deadline:
                self._note(what, began)
                raise RuntimeError(f"no recovery: {self._played.noticed[-1]}")
            time.sleep(0.05)
        self._note(what, began)

    def _is_calm(self, began: float) -> bool:
        since = time.monotonic() - _CALM_SECONDS
        return (
            since > began
            and not self._journal.troubles_since(since)
            and len(self._journal.done_since(since)) > 4
        )

    def _note(self, what: str, began: float) -> None:
        troubles = self._journal.troubles_since(began)
        moments = [began, *self._journal.done_since(began), time.monotonic()]
        silence = max(b - a for a, b in itertools.pairwise(moments))
        last = max((trouble.at - began for trouble in troubles), default=0.0)
        kinds = dict(Counter(trouble.what for trouble in troubles))
        self._played.noticed.append(Noticed(what, last, silence, kinds))


@contextlib.contextmanager
def played(*, vanishes: bool = False) -> Iterator[Played]:
    """Play everything, and lend what was seen while the stores still run.

    The primary is killed, or `vanishes` without a word.
    """
    with contextlib.ExitStack() as stack:
        lab = stack.enter_context(Lab())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mfa-hosts-")))
        stack.enter_context(lab.standing_at("people"))
        found: list[People] = []

        def prepare(url: str) -> None:
            migrated(url)
            found.append(enroll_people(Settings.load(environment(url)), _SIZES))

        pair = stack.enter_context(Pair(lab, prepare))
        service = stack.enter_context(Service(lab, folder, pair.url))
        (people,) = found
        journal = Journal()
        hosts = tuple(Door(front(host), SERVICE) for host in HOSTS)
        proxy = Door(front("proxy"), PROXY)
        callers = Callers(people, _token(proxy, people), journal, proxy, hosts)
        seen = Played(journal, pair, service, callers)
        with _calling(callers):
            scenario = Scenario(lab, seen)
            time.sleep(_WARM_SECONDS)
            for loss in _losses(scenario, vanishes=vanishes):
                loss()
        yield seen


def _losses(scenario: Scenario, *, vanishes: bool) -> tuple[Callable[[], None], ...]:
    return (
        scenario.redis_restarts,
        scenario.a_host_is_killed,
        scenario.a_host_loses_its_stores,
        scenario.the_standby_restarts,
        scenario.the_primary_vanishes if vanishes else scenario.the_primary_is_killed,
    )


@contextlib.contextmanager
def _calling(callers: Callers) -> Iterator[None]:
    """Let everybody call until the block ends, and finish what they began."""
    jobs = [callers.codes] * _BY_CODE + [callers.phones] * _SIZES.phones
    threads = [threading.Thread(target=job, daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        callers.over.set()
        for thread in threads:
            thread.join()


def _token(proxy: Door, people: People) -> str:
    """Return an access token; it lives longer than all of this lasts."""
    basic = b64encode(f"{people.client_id}:{people.secret}".encode()).decode()
    asked = urllib.request.Request(
        f"http://{proxy.address}:{proxy.port}/oauth2/token",
        urllib.parse.urlencode({"grant_type": "client_credentials"}).encode(),
        {"Authorization": f"Basic {basic}"},
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return str(json.load(answer)["access_token"])
