"""Names and rules of the levels are configuration: one table, refused when it does not hold."""

from importlib import resources
from pathlib import Path

import pytest

from mfa_service.domain.assurance import PASSWORD, LevelTable, LevelTableInvalid
from mfa_service.settings import Settings, SettingsInvalid

DEFAULT = resources.files("mfa_service.domain").joinpath("levels.toml").read_text("utf-8")
RECOVERY_ROW = 'amr = ["otp", "recovery"]\nkinds = []'


def changed(old: str, new: str) -> str:
    """Return the default table with one text replaced; the text has to be there."""
    assert old in DEFAULT
    return DEFAULT.replace(old, new)


def test_recovery_codes_can_be_made_to_count_towards_aal2() -> None:
    table = LevelTable.from_toml(
        changed(RECOVERY_ROW, RECOVERY_ROW.replace("kinds = []", 'kinds = ["have"]'))
    )
    found = table.assurance_for(("recovery_code", PASSWORD), ())
    assert found.acr == "urn:stepup:acr:aal2"
    assert found.amr == ("mfa", "otp", "pwd", "recovery")
    assert table.assurance_for(("recovery_code",), ()).acr == "urn:stepup:acr:aal1"


def test_levels_can_be_renamed() -> None:
    table = LevelTable.from_toml(changed('"urn:stepup:acr:aal2"', '"https://acr.example/gold"'))
    found = table.assurance_for(("totp", PASSWORD), ("https://acr.example/gold",))
    assert found.acr == "https://acr.example/gold"
    assert found.acr_satisfied == ("0", "urn:stepup:acr:aal1", "https://acr.example/gold")
    assert not table.satisfies(("totp", PASSWORD), ("urn:stepup:acr:aal2",))


def test_a_small_table_of_ones_own_is_enough() -> None:
    table = LevelTable.from_toml(
        """
        [levels]
        none = "low"
        high = "high"
        [combined]
        level = "high"
        [worth.password]
        amr = ["pwd"]
        kinds = ["know"]
        alone = "none"
        [worth.totp]
        amr = ["otp"]
        kinds = ["have"]
        alone = "none"
        [binding]
        totp = "high"
        """
    )
    assert table.assurance_for(("totp",), ()).acr == "low"
    assert table.assurance_for(("totp", PASSWORD), ()).acr == "high"


BROKEN = {
    "no TOML at all": "levels = = 1",
    "empty": "",
    "no levels": "[combined]\nlevel = 'aal2'",
    "combined names an unknown level": changed('level = "aal2"', 'level = "aal9"'),
    "a worth names an unknown level": changed('alone = "phrh"', 'alone = "gold"'),
    "a worth lacks its kinds": changed(RECOVERY_ROW, 'amr = ["otp", "recovery"]'),
    "binding names an unknown level": changed('phone = "aal2"', 'phone = "aal9"'),
    "levels is a list": "levels = ['0']",
    "two levels under one name": changed('aal2 = "urn:stepup:acr:aal2"', 'aal2 = "0"'),
    "a level's name is no text": changed('aal2 = "urn:stepup:acr:aal2"', "aal2 = 2"),
    "amr is a text": changed('amr = ["pwd"]', 'amr = "pwd"'),
    "an amr value is a number": changed('amr = ["pwd"]', "amr = [1]"),
    "no worth for a phone": DEFAULT.replace("[worth.phone]", "[worth.telephone]"),
    "no binding level for a phone": changed('phone = "aal2"\n', ""),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_a_table_that_does_not_hold_together_stops_the_start(text: str, tmp_path: Path) -> None:
    path = tmp_path / "levels.toml"
    path.write_text(text)
    environ = {"MFA_LEVELS": str(path), "MFA_MASTER_KEYS": "k:" + "QUFB" * 11}
    with pytest.raises(SettingsInvalid, match="MFA_LEVELS"):
        Settings.load(environ)


@pytest.mark.parametrize("text", ["levels = 1", "[levels]\nnone = '0'"])
def test_a_broken_table_is_refused_with_its_own_error(text: str) -> None:
    with pytest.raises(LevelTableInvalid):
        LevelTable.from_toml(text)
