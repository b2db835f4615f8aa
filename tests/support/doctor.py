"""`mfa doctor` as a test asks it, and what is true of whatever it says."""

import json
from dataclasses import dataclass

from sqlalchemy import make_url

from .command_line import command_line
from .redis import PASSWORD
from .remote import environment
from .rolling import NEW
from .slapd import READER_SECRET
from .world import MASTER_KEYS

SECRETS = (MASTER_KEYS.split(":")[1], NEW.split(":")[1], PASSWORD, READER_SECRET)


@dataclass(frozen=True)
class Told:
    """What the doctor said, by what was looked at."""

    status: int
    findings: list[dict[str, str]]

    def of(self, check: str) -> list[tuple[str, str]]:
        return [(f["level"], f["what"]) for f in self.findings if f["check"] == check]

    def worse(self) -> set[tuple[str, str]]:
        return {(f["level"], f["check"]) for f in self.findings if f["level"] != "ok"}


def doctor(env: dict[str, str], *arguments: str) -> Told:
    ran = command_line(env, "doctor", "--json", *arguments)
    known = [*SECRETS, *(secret for secret in [_password(env)] if secret)]
    assert [secret for secret in known if secret in ran.out + ran.err] == []
    told = Told(ran.status, json.loads(ran.out))
    worst = {level for level, _ in told.worse()}
    assert ran.status == (2 if "error" in worst else 1 if worst else 0)
    for finding in told.findings:
        assert finding["level"] == "ok" or (finding["why"] and finding["todo"]), finding
    return told


def _password(env: dict[str, str]) -> str | None:
    return make_url(env.get("MFA_DATABASE_URL", "sqlite://")).password


def prepared(url: str) -> dict[str, str]:
    env = environment(url)
    assert command_line(env, "db", "upgrade").status == 0
    return env
