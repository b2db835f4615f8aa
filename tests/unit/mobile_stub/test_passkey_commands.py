"""Passkeys and biometrics from the command line."""

import io
import json
import secrets
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mobile_stub.cli import main
from mobile_stub.enrolling import Claim
from mobile_stub.enrollment_uri import offer_from_uri
from mobile_stub.phone import Phone
from mobile_stub.state import StateFile
from tests.unit.mobile_stub.double_jose import b64
from tests.unit.mobile_stub.service_double import ServiceDouble
from tests.unit.mobile_stub.test_cli import CODE, Ran
from tests.unit.mobile_stub.test_passkeys import creation, request

HOST = "localhost"
Run = Callable[..., Ran]


@pytest.fixture
def run(state_path: Path, loopback: ServiceDouble, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one command on a phone whose service has a name, as passkeys need one."""
    loopback.issuer = loopback.issuer.replace("127.0.0.1", HOST)
    enrolled = Phone(state_path).enroll(offer_from_uri(loopback.uri()), Claim(name="Pixel 9"))
    loopback.confirm(enrolled.device_id)

    def ran(*arguments: str) -> Ran:
        status = main(["--state", str(state_path), *arguments])
        return Ran(status, *capsys.readouterr())

    return ran


def options(**changes: Any) -> str:
    return json.dumps(creation(**{"rp": {"id": HOST, "name": "Example"}, **changes}))


def asked_with_options(service: ServiceDouble, credential: dict[str, Any]) -> str:
    (device,) = service.devices
    nonce = b64(secrets.token_bytes(32))
    sent = {**request(credential, rpId=HOST), "challenge": nonce}
    challenge_id = service.ask(
        device, nonce=nonce, webauthn=sent, require=[["code", "pin"], ["code", "webauthn"]]
    )
    service.asked[challenge_id].proof = lambda proof: proof["credential"]["id"] == credential["id"]
    return challenge_id


def test_a_passkey_is_printed_as_json_with_and_without_the_flag(run: Run) -> None:
    plain, flagged = run("passkey", options()), run("passkey", options(), "--json")
    for ran in (plain, flagged):
        assert (ran.status, ran.err, ran.out.count("\n")) == (0, "", 1)
        assert set(ran.json["response"]) >= {"clientDataJSON", "attestationObject"}


def test_options_come_from_an_argument_a_file_or_standard_input(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = json.dumps({"id": "enr_1", "publicKey": json.loads(options())})
    (tmp_path / "options.json").write_text(whole)
    monkeypatch.setattr(sys, "stdin", io.StringIO(whole))
    for given in (whole, f"@{tmp_path}/options.json", "-"):
        assert run("passkey", given).status == 0
    assert run("passkey", f"@{tmp_path}/nowhere.json").err == (
        "The file of that name cannot be read.\n"
    )


@pytest.mark.parametrize("text", ["", "rubbish", "[]", '{"publicKey": 7}', "{}", '{"a":1,"a":2}'])
@pytest.mark.parametrize("command", ["passkey", "assert"])
def test_what_are_no_options_are_refused(command: str, text: str, run: Run) -> None:
    ran = run(command, text, "--json")
    assert (ran.status, ran.json["error"]) == (1, "bad-input")


def test_request_options_are_signed(run: Run) -> None:
    made = run("passkey", options(), "--synced", "--biometric", "absent").json
    ran = run("assert", json.dumps(request(made, rpId=HOST)), "--origin", "https://a.example")
    assert (ran.status, ran.json["id"]) == (0, made["id"])
    failed = run("assert", json.dumps(request(made, rpId=HOST)), "--biometric", "fail", "--json")
    assert (failed.status, failed.json["error"]) == (1, "not-verified")
    assert run("assert", json.dumps(request(made, rpId=HOST)), "--origin", "ftp://a").status == 1


def test_a_request_that_biometrics_can_answer_says_so(run: Run, loopback: ServiceDouble) -> None:
    made = run("passkey", options()).json
    asked_with_options(loopback, made)
    (seen,) = run("pending", "--json").json["challenges"]
    assert seen["biometric"] is True
    assert seen["webauthn"]["allowCredentials"] == [{"type": "public-key", "id": made["id"]}]
    assert "or the code that the browser shows and your fingerprint or face" in run("pending").out


@pytest.mark.parametrize("value", [(), ("ok",), ("absent",)])
def test_biometrics_approve(value: tuple[str, ...], run: Run, loopback: ServiceDouble) -> None:
    challenge_id = asked_with_options(loopback, run("passkey", options()).json)
    ran = run("approve", challenge_id, "--code", CODE, "--biometric", *value)
    assert ran == Ran(0, "Approved.\n", "")


def test_biometrics_that_fail_end_with_1_and_send_nothing(
    run: Run, loopback: ServiceDouble
) -> None:
    challenge_id = asked_with_options(loopback, run("passkey", options()).json)
    ran = run("approve", challenge_id, "--code", CODE, "--biometric", "fail")
    assert ran == Ran(1, "", "Your finger or face was not recognised. Nothing was sent.\n")
    assert loopback.asked[challenge_id].attempts_left == 5
    assert run("approve", challenge_id, "--biometric", "--code", CODE).status == 0


def test_one_further_proof_is_enough(run: Run, loopback: ServiceDouble) -> None:
    challenge_id = asked_with_options(loopback, run("passkey", options()).json)
    ran = run("approve", challenge_id, "--code", CODE, "--biometric", "--totp", "123456")
    assert (ran.status, ran.err.split(":")[0]) == (1, "One further proof is enough")


@pytest.mark.parametrize("command", [("approve", "--code", CODE), ("deny",), ("report",)])
def test_the_only_request_need_not_be_named_and_is_shown(
    command: tuple[str, ...], run: Run, loopback: ServiceDouble
) -> None:
    assert run(*command) == Ran(1, "", "No request waits.\n")
    (device,) = loopback.devices
    challenge_id = loopback.ask(device, binding_message="Pay 20 EUR")
    ran = run(*command, "--json")
    assert (ran.status, ran.json["challenge_id"]) == (0, challenge_id)
    assert "Pay 20 EUR" in ran.err
    loopback.ask(device)
    loopback.ask(device)
    assert run(*command) == Ran(1, "", "Several requests wait; say which one.\n")


def test_an_origin_belongs_to_biometrics(run: Run, loopback: ServiceDouble) -> None:
    challenge_id = asked_with_options(loopback, run("passkey", options()).json)
    ran = run("approve", challenge_id, "--code", CODE, "--origin", "https://a.example")
    assert ran == Ran(1, "", "--origin belongs to --biometric.\n")


def test_a_service_at_an_address_gets_no_passkey(run: Run, state_path: Path) -> None:
    store = StateFile(state_path)
    store.save(replace(store.load(), issuer="http://127.0.0.1:8000"))
    ran = run("passkey", options())
    assert (ran.status, ran.err.split(";")[0]) == (1, "This passkey would be for another service")
