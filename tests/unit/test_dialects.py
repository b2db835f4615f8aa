"""One truth, many names: the table of every dialect, and that no name promises more than it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfa_service.domain.assurance import LevelTable
from mfa_service.domain.dialects import DIALECTS, REGISTERED_AMR
from tests.support.world import AAL1, AAL2

LEVELS = LevelTable.default()
AAL3 = "urn:stepup:acr:aal3"
OURS = ("0", AAL1, AAL2, "phr", "phrh", AAL3)
OKTA1, OKTA2 = "urn:okta:loa:1fa:any", "urn:okta:loa:2fa:any"
SFA, MFA = "https://refeds.org/profile/sfa", "https://refeds.org/profile/mfa"
NIST = "http://idmanagement.gov/ns/assurance/aal/"
NAMES = {
    "contract": OURS,
    "rfc8176": OURS,
    "okta": ("0", OKTA1, OKTA2, "phr", "phrh", "phrh"),
    "keycloak": ("0", "1", "2", "3", "4", "5"),
    "refeds": ("0", SFA, MFA, MFA, MFA, MFA),
    "nist": ("0", f"{NIST}1", f"{NIST}2", f"{NIST}2", f"{NIST}2", f"{NIST}3"),
}
EVIDENCE = st.frozensets(st.sampled_from(sorted(LEVELS.worths)), max_size=4)
ANY = st.sampled_from(sorted(DIALECTS))
ASKED = st.lists(
    st.sampled_from(sorted({name for names in NAMES.values() for name in names} | {"gold"})),
    max_size=4,
)


def test_the_table_is_complete() -> None:
    assert set(NAMES) == set(DIALECTS)


@pytest.mark.parametrize("dialect", NAMES)
def test_each_level_has_this_name(dialect: str) -> None:
    told = [DIALECTS[dialect].name_of(acr, LEVELS) for acr in OURS]
    assert tuple(told) == NAMES[dialect]


@pytest.mark.parametrize("dialect", NAMES)
def test_a_name_asks_for_the_lowest_level_that_bears_it(dialect: str) -> None:
    named = DIALECTS[dialect]
    for name in NAMES[dialect]:
        (asked,) = named.understood([name], LEVELS)
        assert asked == OURS[NAMES[dialect].index(name)]


@pytest.mark.parametrize("dialect", NAMES)
def test_the_names_of_the_table_mean_themselves_everywhere(dialect: str) -> None:
    assert DIALECTS[dialect].understood(OURS, LEVELS)[1:] == OURS[1:]


@pytest.mark.parametrize("dialect", NAMES)
def test_an_unknown_name_is_satisfied_by_nothing(dialect: str) -> None:
    asked = DIALECTS[dialect].understood(["gold"], LEVELS)
    assert not LEVELS.satisfies(LEVELS.worths, asked)


@given(ANY, EVIDENCE, ASKED)
def test_no_dialect_tells_more_than_was_proven(
    name: str, evidence: frozenset[str], asked: list[str]
) -> None:
    """What is told, asked again, is satisfied by the same evidence."""
    dialect = DIALECTS[name]
    found = LEVELS.assurance_for(evidence, dialect.understood(asked, LEVELS))
    told = dialect.told(found, LEVELS)
    for acr in (told.acr, *told.acr_satisfied):
        assert LEVELS.satisfies(evidence, dialect.understood([acr], LEVELS))
    assert set(told.amr) <= set(found.amr)


@given(st.sampled_from(sorted(set(DIALECTS) - {"contract"})), EVIDENCE)
def test_others_are_told_registered_methods_only(name: str, evidence: frozenset[str]) -> None:
    told = DIALECTS[name].told(LEVELS.assurance_for(evidence, ()), LEVELS)
    assert set(told.amr) <= REGISTERED_AMR
