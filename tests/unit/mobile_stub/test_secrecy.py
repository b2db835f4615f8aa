"""Nothing secret is printed, kept or sent where it should not be; nothing is borrowed."""

import ast
import json
import logging
from pathlib import Path

import pytest

import mobile_stub
from mobile_stub.cli import main
from tests.unit.mobile_stub.service_double import ServiceDouble

PIN, NEW_PIN, TOTP, CODE = "739146", "602214", "081804", "493021"


@pytest.fixture
def told(
    loopback: ServiceDouble,
    state_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> str:
    """All that a life of a phone prints, logs and keeps, the faults included."""
    caplog.set_level(logging.DEBUG)
    uri = loopback.uri()
    kept: list[str] = []

    def run(*arguments: str) -> None:
        main(["--state", str(state_path), *arguments])
        kept.extend(path.read_text() for path in state_path.parent.iterdir() if path.is_file())

    run("enroll", uri, "--pin", PIN)
    (device,) = loopback.devices.values()
    loopback.confirm(device.id)
    for wrong in (False, True):
        challenge_id = loopback.ask(device.id, require=[["code", "pin", "totp"]])
        loopback.asked[challenge_id].proof = {"method": "totp", "code": TOTP}
        run("pending")
        typed = ["--code", CODE, "--pin", NEW_PIN if wrong else PIN, "--totp", TOTP]
        run("approve", challenge_id, *typed)
        run("approve", challenge_id, *typed, "--json")
    run("rotate", "--pin", PIN)
    run("change-pin", "--old-pin", PIN, "--new-pin", NEW_PIN, "--json")
    run("change-pin", "--old-pin", PIN, "--new-pin", PIN + "1")
    run("enroll", uri, "--pin", PIN)
    run("deny", "chl_1", PIN)
    out, err = capsys.readouterr()
    return "\n".join([out, err, caplog.text, *kept, f"code was {uri.rpartition('=')[2]}"])


def test_no_pin_code_proof_or_answer_is_printed_logged_or_kept(
    told: str, loopback: ServiceDouble
) -> None:
    everything, _, enrollment_code = told.rpartition("code was ")
    assert "check code" in everything.lower()
    for secret in (PIN, NEW_PIN, TOTP, CODE, enrollment_code):
        assert secret not in everything
    for name in ("pin_proof", "pin_jwk", "eyJ"):
        assert name not in everything
    bodies = [body.decode() for body in loopback.bodies if body]
    assert len(bodies) >= 8
    assert not [body for body in bodies if body in everything]


def test_only_public_halves_and_codes_that_were_typed_reach_the_service(
    loopback: ServiceDouble, state_path: Path
) -> None:
    assert main(["--state", str(state_path), "enroll", loopback.uri(), "--pin", PIN]) == 0
    sent = b"\n".join(loopback.bodies).decode()
    kept = json.loads(state_path.read_text())
    assert PIN not in sent
    assert kept["device_secret"] not in sent
    assert '"d"' not in sent


def test_the_phone_shares_no_code_with_the_service() -> None:
    folder = Path(str(mobile_stub.__file__)).parent
    modules = {
        (path.name, name.partition(".")[0])
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
        )
    }
    assert ("cli.py", "click") in modules
    assert not {path for path, name in modules if name == "mfa_service"}
