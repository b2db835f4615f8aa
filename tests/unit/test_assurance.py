"""The whole table of contract section 4, and the rules that choose `acr`."""

from dataclasses import dataclass

import pytest

from mfa_service.domain.assurance import PASSWORD, LevelTable

TABLE = LevelTable.default()
AAL1, AAL2, AAL3 = (f"urn:stepup:acr:aal{n}" for n in (1, 2, 3))
ACRS = ("0", AAL1, AAL2, "phr", "phrh", AAL3)


@dataclass(frozen=True)
class Row:
    """One row of the contract's table; `amr` as it is alone, in words."""

    verified: tuple[str, ...]
    amr: str
    alone: str
    with_password: str
    multi_factor_with_password: bool = True

    @property
    def id(self) -> str:
        return "+".join(self.verified)


ROWS = (
    Row((), "", "0", "0", multi_factor_with_password=False),
    Row(("totp",), "otp", AAL1, AAL2),
    Row(("recovery_code",), "otp recovery", AAL1, AAL1, multi_factor_with_password=False),
    Row(("phone",), "mca swk user", AAL1, AAL2),
    Row(("phone_hardware",), "hwk mca user", AAL1, AAL2),
    Row(("phone", "pin"), "mca mfa pin swk user", AAL2, AAL2),
    Row(("phone_hardware", "pin"), "hwk mca mfa pin user", AAL2, AAL2),
    Row(("phone", "totp"), "mca otp swk user", AAL1, AAL2),
    Row(("phone_hardware", "totp"), "hwk mca otp user", AAL1, AAL2),
    Row(("phone", "recovery_code"), "mca otp recovery swk user", AAL1, AAL2),
    Row(("phone_hardware", "recovery_code"), "hwk mca otp recovery user", AAL1, AAL2),
    Row(("phone", "pin", "totp"), "mca mfa otp pin swk user", AAL2, AAL2),
    Row(("webauthn_unattested",), "pop user", AAL1, AAL2),
    Row(("webauthn_hardware",), "hwk user", AAL1, AAL2),
    Row(("webauthn_synced",), "swk user", AAL1, AAL2),
    Row(("passkey_synced",), "mfa swk user", "phr", "phr"),
    Row(("passkey_unattested",), "mfa pop user", "phr", "phr"),
    Row(("passkey_hardware",), "hwk mfa user", "phrh", "phrh"),
    Row(("passkey_fips",), "hwk mfa user", AAL3, AAL3),
    Row(("phone", "webauthn_unattested"), "mca pop swk user", AAL1, AAL2),
    Row(("phone", "webauthn_synced"), "mca swk user", AAL1, AAL2),
    Row(("phone", "webauthn_hardware"), "hwk mca swk user", AAL1, AAL2),
    Row(("phone", "passkey_on_phone_unattested"), "mca mfa pop swk user", AAL2, AAL2),
    Row(("phone", "passkey_on_phone_synced"), "mca mfa swk user", AAL2, AAL2),
    Row(("phone_hardware", "passkey_on_phone_hardware"), "hwk mca mfa user", AAL2, AAL2),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id or "nothing")
def test_each_row_alone_has_the_amr_and_the_level_of_the_contract(row: Row) -> None:
    found = TABLE.assurance_for(row.verified, ())
    assert found.amr == tuple(row.amr.split())
    assert found.acr == row.alone
    assert found.acr_satisfied == ACRS[: ACRS.index(row.alone) + 1]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id or "nothing")
def test_each_row_with_a_counted_password_adds_pwd_and_the_level_of_the_contract(row: Row) -> None:
    found = TABLE.assurance_for((*row.verified, PASSWORD), ())
    mfa = {"mfa"} if row.multi_factor_with_password else set()
    assert found.amr == tuple(sorted({*row.amr.split(), "pwd"} | mfa))
    assert found.acr == row.with_password
    assert found.acr_satisfied == ACRS[: ACRS.index(row.with_password) + 1]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id or "nothing")
def test_the_order_in_which_things_were_verified_does_not_matter(row: Row) -> None:
    forwards = TABLE.assurance_for((*row.verified, PASSWORD), ())
    assert TABLE.assurance_for((PASSWORD, *reversed(row.verified)), ()) == forwards


def test_the_table_of_the_service_has_no_row_that_the_contract_lacks() -> None:
    covered = {name for row in ROWS for name in row.verified} | {PASSWORD}
    assert set(TABLE.worths) == covered


def test_the_levels_are_those_of_the_contract_lowest_first() -> None:
    assert TABLE.acrs == ACRS


@pytest.mark.parametrize(
    ("kind", "acr"),
    [("totp", AAL1), ("recovery_codes", AAL1), ("phone", AAL2), ("webauthn", "phr")],
)
def test_an_enrolled_authenticator_has_the_level_of_the_binding_rule(kind: str, acr: str) -> None:
    assert TABLE.acrs[TABLE.binding[kind]] == acr


@pytest.mark.parametrize(
    ("verified", "acr_values", "acr"),
    [
        (("totp",), (AAL2, AAL1), AAL1),
        (("totp", PASSWORD), (AAL2, AAL1), AAL2),
        (("totp", PASSWORD), (AAL1, AAL2), AAL1),
        (("totp",), ("0", AAL1), "0"),
        (("passkey_fips",), (AAL1,), AAL1),
        (("passkey_fips",), ("phr", AAL3), "phr"),
        (("totp",), ("urn:unknown", AAL1), AAL1),
        (("totp",), (AAL2,), AAL1),
        (("totp", PASSWORD), ("phr",), AAL2),
        (("totp", PASSWORD), ("urn:unknown",), AAL2),
        (("totp", PASSWORD), (), AAL2),
        ((), (), "0"),
    ],
)
def test_acr_is_the_first_satisfied_value_asked_for_else_the_highest_satisfied(
    verified: tuple[str, ...], acr_values: tuple[str, ...], acr: str
) -> None:
    assert TABLE.assurance_for(verified, acr_values).acr == acr


@pytest.mark.parametrize(
    ("acr_values", "held"),
    [
        ((AAL1,), True),
        (("0",), True),
        ((AAL2,), False),
        ((AAL2, AAL1), True),
        (("urn:unknown",), False),
        (("URN:STEPUP:ACR:AAL1",), False),
        ((f"{AAL1} ",), False),
        ((), False),
    ],
)
def test_a_level_is_satisfied_by_itself_or_a_higher_one_and_compared_exactly(
    acr_values: tuple[str, ...], held: bool
) -> None:
    assert TABLE.satisfies(("totp",), acr_values) is held


@pytest.mark.parametrize(
    "verified",
    [("phone", "pin", "totp", "recovery_code"), ("phone", "passkey_on_phone_hardware", "pin")],
)
def test_what_no_browser_ceremony_proved_never_reaches_a_phishing_resistant_level(
    verified: tuple[str, ...],
) -> None:
    assert TABLE.assurance_for((*verified, PASSWORD), ("phr", "phrh", AAL3)).acr == AAL2


@pytest.mark.parametrize(
    "verified", [("webauthn_hardware", "phone", "pin"), ("webauthn_unattested", PASSWORD)]
)
def test_a_key_without_user_verification_is_not_made_phishing_resistant_by_other_factors(
    verified: tuple[str, ...],
) -> None:
    assert TABLE.assurance_for(verified, ()).acr == AAL2
