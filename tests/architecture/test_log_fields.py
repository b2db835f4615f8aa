"""The members of log lines are documented one by one: no more and no fewer than get out."""

import re

from mfa_service.observability.logs import ALWAYS, FIELDS
from tests.architecture.sources import ROOT, sources

ROW = re.compile(r"^\| `([a-z_]+)` \| .+ \|$", re.MULTILINE)


def documented() -> list[str]:
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    logs = text.partition("\n## Logs\n")[2].partition("\n## ")[0]
    return ROW.findall(logs)


def test_the_documented_members_are_those_that_get_out() -> None:
    assert documented() == [*ALWAYS, *FIELDS]


def test_every_member_is_used_somewhere() -> None:
    texts = [source.text for source in sources("mfa_service") if "observability" not in source.name]
    unused = [name for name in FIELDS if not any(f'"{name}"' in text for text in texts)]
    assert unused == []
