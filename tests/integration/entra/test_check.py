"""`mfa entra check`: it holds for a service that is set up well, and explains each fault."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from mfa_service.app import create_app, services_of
from mfa_service.services.clients import NewClient
from mfa_service.settings import Settings
from mfa_service.wiring import Ports
from tests.support.command_line import command_line
from tests.support.entra import OTHER_TENANT, TENANT, EntraDouble
from tests.support.leash import free_port
from tests.support.live import listening
from tests.support.login_issuer import Answer, served
from tests.support.remote import WallClock, environment
from tests.support.tls import Authority


@dataclass
class Setting:
    """A service behind TLS, what it is configured with, and Entra's side."""

    entra: EntraDouble
    folder: Path
    env: dict[str, str]
    clients: dict[str, str] = field(default_factory=dict)

    def use(self, client: str) -> None:
        self.env["MFA_ENTRA"] = self.entra.settings(self.folder, self.clients[client])

    def faults(self, *options: str) -> list[str]:
        """Return what the command finds wrong."""
        ran = command_line(self.env, "entra", "check", "--json", *options)
        findings = json.loads(ran.out)
        wrong = [f"{found['about']}: {found['text']}" for found in findings if not found["held"]]
        assert ran.status == (1 if wrong else 0)
        assert findings
        return wrong


CLIENTS: dict[str, dict[str, Any]] = {
    "good": {},
    "no scope": {"scopes": ("orders",)},
    "no address": {"redirect_uris": ("https://elsewhere.example/",)},
    "other algorithm": {"metadata": {"id_token_signed_response_alg": "ES256"}},
}


@pytest.fixture(scope="module")
def made(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    """Run a service with TLS of its own on loopback, which the command visits as Entra would."""
    folder, port = tmp_path_factory.mktemp("entra"), free_port()
    database = folder / "mfa.db"
    database.write_bytes(sqlite_template.read_bytes())
    authority = Authority()
    authority.write_server(folder)
    env = environment(f"sqlite:///{database}", issuer=f"https://localhost:{port}")
    with served(lambda address: EntraDouble(WallClock(), address)) as entra:
        setting = Setting(entra, folder, env | {"MFA_ENTRA": entra.settings(folder, "cli_none")})
        with behind_tls(setting, port) as app:
            services = services_of(app)
            for name, members in CLIENTS.items():
                usual = {"scopes": ("mfa:challenge",), "redirect_uris": (entra.redirect_uri,)}
                new = NewClient(name=name, **{**usual, **members})
                setting.clients[name] = services.clients.add(new).client.id
            yield setting


@contextmanager
def behind_tls(setting: Setting, port: int) -> Iterator[Flask]:
    app = create_app(Settings.load(setting.env), Ports.real())
    foundation = services_of(app).foundation
    foundation.keys.ensure()
    files = (str(setting.folder / "server.pem"), str(setting.folder / "server.key"))
    with listening(app, port, files=files):
        yield app
    foundation.work.engine.dispose()


@pytest.fixture
def setting(made: Setting, monkeypatch: pytest.MonkeyPatch) -> Setting:
    monkeypatch.setenv("SSL_CERT_FILE", str(made.folder / "ca.pem"))
    made.entra.answers.clear()
    made.use("good")
    return Setting(made.entra, made.folder, dict(made.env), made.clients)


def test_a_service_that_is_set_up_well_has_no_fault(setting: Setting) -> None:
    assert setting.faults() == []
    ran = command_line(setting.env, "entra", "check")
    assert "replayed: the id token is as Entra wants it" in ran.out
    assert all(line.startswith("ok ") for line in ran.out.splitlines())


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ("no scope", "lacks the scope mfa:challenge"),
        ("no address", "lacks the redirect URI"),
        ("other algorithm", "another algorithm than RS256"),
    ],
)
def test_a_client_that_is_not_registered_right_is_said(
    setting: Setting, client: str, expected: str
) -> None:
    setting.use(client)
    first, second = setting.faults()
    assert expected in first
    assert second.startswith(f"exchange with {TENANT}: ")


def test_a_client_that_is_not_there_is_said(setting: Setting) -> None:
    setting.env["MFA_ENTRA"] = setting.entra.settings(setting.folder, "cli_other")
    (fault,) = setting.faults()
    assert "is not registered, or disabled" in fault


def test_an_issuer_without_tls_is_said(setting: Setting) -> None:
    setting.env["MFA_ISSUER"] = setting.env["MFA_ISSUER"].replace("https:", "http:")
    first, second, *_ = setting.faults()
    assert first.startswith("issuer: ")
    assert "cannot be fetched" in second


def test_another_database_than_the_services_is_said(setting: Setting, sqlite_url: str) -> None:
    setting.env["MFA_DATABASE_URL"] = sqlite_url
    command_line(setting.env, "db", "upgrade")
    assert any("use different databases" in fault for fault in setting.faults())


@pytest.mark.parametrize(
    ("path", "answer", "expected"),
    [
        ("/common/v2.0/.well-known/openid-configuration", Answer(500), "status 500"),
        (
            "/common/v2.0/.well-known/openid-configuration",
            Answer(body={"issuer": "https://x.example", "jwks_uri": "https://x.example"}),
            "its issuer is https://x.example, not",
        ),
        ("/common/discovery/v2.0/keys", Answer(body=[]), "not a JSON object"),
        (f"/{TENANT}/v2.0/.well-known/openid-configuration", Answer(404, {}), "status 404"),
        (
            f"/{TENANT}/v2.0/.well-known/openid-configuration",
            Answer(body={"issuer": "https://x.example"}),
            "look at tenant_id and cloud",
        ),
    ],
)
def test_what_is_wrong_at_entra_is_said(
    setting: Setting, path: str, answer: Answer, expected: str
) -> None:
    setting.entra.answers[path] = answer
    assert any(expected in fault for fault in setting.faults())


def test_a_clock_that_is_apart_is_said(setting: Setting) -> None:
    path = "/common/v2.0/.well-known/openid-configuration"
    body = setting.entra.answer_at(path).body
    headers = {"Date": "Fri, 01 Jan 2021 00:00:00 GMT"}
    setting.entra.answers[path] = Answer(body=body, headers=headers)
    assert any("synchronize it" in fault for fault in setting.faults())


def test_a_tenant_that_is_not_configured_is_said(setting: Setting) -> None:
    ran = command_line(setting.env, "entra", "check", "--tenant", OTHER_TENANT)
    assert (ran.status, ran.err) == (1, "Error: MFA_ENTRA names no such tenant.\n")


def test_one_tenant_is_checked_alone(setting: Setting) -> None:
    assert setting.faults("--tenant", TENANT) == []
