"""More evidence never means less, and nobody gets a level that one ceremony did not earn."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from mfa_service.domain.assurance import PASSWORD, LevelTable
from tests.support.properties import REPEATABLE

TABLE = LevelTable.default()
KINDS = {
    "totp": {"have"},
    "recovery_code": set[str](),
    "phone": {"have"},
    "phone_hardware": {"have"},
    "pin": {"know"},
    PASSWORD: {"know"},
    "webauthn_unattested": {"have"},
    "webauthn_hardware": {"have"},
    "webauthn_synced": {"have"},
}
TWO_KINDS = {"have", "know or are"}
IN_BROWSER = {
    "passkey_synced": "phr",
    "passkey_unattested": "phr",
    "passkey_hardware": "phrh",
    "passkey_fips": "urn:stepup:acr:aal3",
}
names = st.sampled_from(sorted(TABLE.worths))
evidence = st.lists(names, max_size=6)
acr_values = st.lists(st.sampled_from([*TABLE.acrs, "urn:unknown", ""]), max_size=4)


def kinds(verified: list[str]) -> set[str]:
    return set().union(*(KINDS.get(name, TWO_KINDS) for name in verified))


@REPEATABLE
@given(evidence, evidence, acr_values)
def test_more_evidence_never_lowers_the_level_nor_loses_a_method(
    some: list[str], more: list[str], asked: list[str]
) -> None:
    before, after = TABLE.assurance_for(some, ()), TABLE.assurance_for(some + more, ())
    assert TABLE.acrs.index(before.acr) <= TABLE.acrs.index(after.acr)
    assert set(before.acr_satisfied) <= set(after.acr_satisfied)
    assert set(before.amr) <= set(after.amr)
    assert TABLE.satisfies(some + more, asked) or not TABLE.satisfies(some, asked)


@REPEATABLE
@given(evidence)
def test_mfa_appears_exactly_when_two_kinds_were_proven(verified: list[str]) -> None:
    assert ("mfa" in TABLE.assurance_for(verified, ()).amr) is (len(kinds(verified)) > 1)


@REPEATABLE
@given(evidence)
def test_phishing_resistant_levels_come_from_one_single_ceremony_in_the_browser(
    verified: list[str],
) -> None:
    acr = TABLE.assurance_for(verified, ()).acr
    earned = [TABLE.acrs.index(IN_BROWSER[name]) for name in verified if name in IN_BROWSER]
    if TABLE.acrs.index(acr) >= TABLE.acrs.index("phr") or earned:
        assert TABLE.acrs.index(acr) == max(earned)


@REPEATABLE
@given(evidence, acr_values)
def test_acr_is_always_among_the_satisfied_levels_and_these_have_no_gap(
    verified: list[str], asked: list[str]
) -> None:
    found = TABLE.assurance_for(verified, asked)
    assert found.acr in found.acr_satisfied
    assert found.acr_satisfied == TABLE.acrs[: len(found.acr_satisfied)]
    assert TABLE.satisfies(verified, asked) is bool(set(asked) & set(found.acr_satisfied))


@REPEATABLE
@given(evidence, st.randoms(use_true_random=False), acr_values)
def test_amr_is_sorted_without_duplicates_and_order_and_repetition_do_not_matter(
    verified: list[str], random: Random, asked: list[str]
) -> None:
    found = TABLE.assurance_for(verified, asked)
    shuffled = [*verified, *verified]
    random.shuffle(shuffled)
    assert list(found.amr) == sorted(set(found.amr))
    assert TABLE.assurance_for(shuffled, asked) == found


@REPEATABLE
@given(evidence)
def test_pwd_mca_and_pin_are_claimed_only_for_what_was_verified(verified: list[str]) -> None:
    amr = TABLE.assurance_for(verified, ()).amr
    assert ("pwd" in amr) is (PASSWORD in verified)
    assert ("mca" in amr) is bool({"phone", "phone_hardware"} & set(verified))
    assert ("pin" in amr) is ("pin" in verified)
    assert ("recovery" in amr) is ("recovery_code" in verified)
