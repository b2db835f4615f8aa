"""What MFA_ENTRA may hold, and what it is told when it holds anything else."""

from pathlib import Path

import pytest

from mfa_service.domain.entra import CLOUDS
from mfa_service.domain.toml_table import TomlInvalid
from mfa_service.settings import Settings, SettingsInvalid
from mfa_service.settings_entra import tenants_from_toml

TENANT = "11111111-2222-3333-4444-555555555555"
APPLICATION = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
GOOD = (
    f'[[tenant]]\ntenant_id = "{TENANT}"\nclient_id = "cli_x"\napplication_id = "{APPLICATION}"\n'
)


def test_a_tenant_is_of_the_global_cloud_unless_said() -> None:
    (tenant,) = tenants_from_toml(GOOD)
    assert tenant.cloud is CLOUDS["global"]
    assert tenant.issuer == f"https://login.microsoftonline.com/{TENANT}/v2.0"


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("global", "login.microsoftonline.com"),
        ("us-government", "login.microsoftonline.us"),
        ("china", "login.partner.microsoftonline.cn"),
    ],
)
def test_microsofts_clouds_are_known(name: str, host: str) -> None:
    (tenant,) = tenants_from_toml(f'{GOOD}cloud = "{name}"\n')
    found = tenant.cloud
    assert found.redirect_uri == f"https://{host}/common/federation/externalauthprovider"
    assert found.metadata == f"https://{host}/common/v2.0/.well-known/openid-configuration"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "has no [[tenant]]"),
        ("tenant = 1", "tenant is written [[tenant]]"),
        ("[[tenants]]", "knows [[tenant]] and [[cloud]] and nothing else"),
        ("[[tenant]]", "tenant 1: tenant_id is a GUID in lower case"),
        (GOOD.replace(TENANT, TENANT.replace("1", "A")), "tenant_id is a GUID in lower case"),
        (GOOD.replace(APPLICATION, "x"), "application_id is a GUID in lower case"),
        (GOOD.replace('"cli_x"', "7"), "client_id is a text"),
        (GOOD + 'cloud = "moon"\n', "cloud is one of global, us-government, china"),
        (GOOD + 'secret = "x"\n', "'secret' is not known"),
        (GOOD + GOOD, "one is listed twice for a client"),
        (GOOD + '[[cloud]]\nname = "x"\n', "cloud 1: authority is no URL"),
        (
            GOOD + '[[cloud]]\nname = "x"\nauthority = "http://x.example"\n',
            "cloud 1: authority is no URL",
        ),
        (
            GOOD + '[[cloud]]\nname = "x"\nauthority = "https://x.example"\n',
            "cloud 1: redirect_uri is no https address",
        ),
    ],
)
def test_what_is_wrong_is_said(text: str, fault: str) -> None:
    with pytest.raises(TomlInvalid) as refused:
        tenants_from_toml(text)
    assert any(fault in each for each in refused.value.faults), refused.value.faults


def test_a_wrong_file_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "entra.toml"
    path.write_text("[[tenant]]")
    environ = {"MFA_MASTER_KEYS": "k1:" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="}
    with pytest.raises(SettingsInvalid) as refused:
        Settings.load(environ | {"MFA_ENTRA": str(path)})
    assert str(refused.value).count("MFA_ENTRA: tenant 1:") == 3
