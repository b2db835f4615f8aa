"""The command line over real HTTP: words or JSON on stdout, messages on stderr, 0 or 1."""

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mobile_stub.cli import main
from tests.unit.mobile_stub.conftest import PIN
from tests.unit.mobile_stub.double_jose import b64
from tests.unit.mobile_stub.service_double import ServiceDouble

CODE = "493021"
FIELDS = {
    "id",
    "challenge_id",
    "client_name",
    "sub",
    "purpose",
    "binding_message",
    "transaction",
    "tx_hash",
    "context",
    "require",
    "webauthn",
    "biometric",
    "fraud_reported",
    "iat",
    "exp",
}


@dataclass
class Ran:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run(state_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one command on the phone of this test."""

    def ran(*arguments: str) -> Ran:
        status = main(["--state", str(state_path), *arguments])
        return Ran(status, *capsys.readouterr())

    return ran


@pytest.fixture
def enrolled(run: Run, loopback: ServiceDouble) -> str:
    """A confirmed phone without a PIN; its id."""
    device_id: str = run("enroll", loopback.uri(), "--json").json["device_id"]
    loopback.confirm(device_id)
    return device_id


def test_enroll_prints_the_check_code_and_does_not_wait(run: Run, loopback: ServiceDouble) -> None:
    ran = run("enroll", loopback.uri(), "--pin", PIN, "--name", "Pixel 9")
    (device,) = loopback.devices.values()
    assert (ran.status, ran.err) == (0, "")
    assert f"Check code: {device.check_code}\n" in ran.out
    assert (device.claims["name"], device.pin, device.state) == ("Pixel 9", "set", "pending")


@pytest.mark.parametrize("before", [True, False])
def test_json_may_stand_before_or_after_the_command(
    before: bool, run: Run, loopback: ServiceDouble
) -> None:
    words = ["enroll", loopback.uri()]
    ran = run(*(["--json", *words] if before else [*words, "--json"]))
    (device,) = loopback.devices.values()
    assert ran.json == {
        "device_id": device.id,
        "sub": "alice",
        "issuer": loopback.issuer,
        "check_code": device.check_code,
        "state": "pending",
    }
    assert ran.out.count("\n") == 1


def test_the_code_can_be_typed_with_the_name_of_the_service(
    run: Run, loopback: ServiceDouble
) -> None:
    code = loopback.uri().rpartition("=")[2].lower()
    typed = "-".join(code[at : at + 4] for at in range(0, 26, 4))
    assert run("enroll", typed, "--issuer", loopback.issuer).status == 0


def test_a_pin_can_come_from_standard_input(
    run: Run, loopback: ServiceDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PIN}\n"))
    device_id = run("enroll", loopback.uri(), "--pin", "-", "--json").json["device_id"]
    loopback.confirm(device_id)
    challenge_id = loopback.ask(device_id, require=[["code", "pin"]])
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PIN}\r\n"))
    assert run("approve", challenge_id, "--code", CODE, "--pin", "-").status == 0


def test_pending_gives_every_field_as_it_was_signed(
    run: Run, enrolled: str, loopback: ServiceDouble
) -> None:
    assert run("pending", "--json").json == {"challenges": []}
    assert run("pending").out == "No requests.\n"
    transaction = {"amount": 49, "to": "a\u202eb"}
    challenge_id = loopback.ask(enrolled, transaction=transaction, tx_hash=b64(bytes(32)))
    (challenge,) = run("pending", "--json").json["challenges"]
    assert set(challenge) == FIELDS
    assert (challenge["id"], challenge["challenge_id"]) == (challenge_id, challenge_id)
    assert challenge["transaction"] == transaction
    assert (challenge["context"], challenge["fraud_reported"]) == (None, False)


def test_pending_in_words_says_who_asks_what_and_hides_no_trick(
    run: Run, enrolled: str, loopback: ServiceDouble
) -> None:
    challenge_id = loopback.ask(
        enrolled,
        client_name="Bank\u202e\x1b[2J",
        purpose="manage",
        fraud_reported=True,
        binding_message="Order\u20667",
        transaction={"to": "ACME\u061c\nLtd", "amount": "4\u200b9"},
        tx_hash=b64(bytes(32)),
        context={"ip": "192.0.2.1", "location": "\u2028Ulm", "application": None},
        require=[["code", "pin"], ["code", "webauthn"]],
    )
    out = run("pending").out
    assert out.isascii()
    assert not any(ord(char) < 32 and char != "\n" for char in out)
    assert f"Request {challenge_id}\n" in out
    assert "Bank\\u202e\\u001b[2J asks to change how you sign in, as alice." in out
    assert "fraud was reported" in out
    assert "Message: Order\\u20667\n" in out
    assert '"to": "ACME\\u061c\\nLtd"' in out
    assert '"amount": "4\\u200b9"' in out
    assert "Network address: 192.0.2.1\n" in out
    assert "Place: \\u2028Ulm\n" in out
    assert "your PIN, or the code that the browser shows and a passkey" in out


@pytest.mark.parametrize(
    ("command", "words", "status", "reason"),
    [
        (["approve", "--code", CODE], "Approved.\n", "satisfied", None),
        (["deny"], "Denied.\n", "denied", "user_denied"),
        (["report"], "Denied and reported as fraud.\n", "denied", "fraud_reported"),
    ],
)
def test_an_answer_is_confirmed_in_words_or_json(  # noqa: PLR0917  (rows of a table)
    command: list[str],
    words: str,
    status: str,
    reason: str | None,
    run: Run,
    enrolled: str,
    loopback: ServiceDouble,
) -> None:
    first, second = loopback.ask(enrolled), loopback.ask(enrolled)
    assert run(command[0], first, *command[1:]) == Ran(0, words, "")
    ran = run(command[0], second, *command[1:], "--json")
    assert (ran.status, ran.err) == (0, "")
    assert ran.json == {"challenge_id": second, "status": status, "reason": None}
    assert {one.reason for one in loopback.asked.values()} == {reason}


def test_a_further_proof_can_be_given(run: Run, enrolled: str, loopback: ServiceDouble) -> None:
    for option, method in (("--totp", "totp"), ("--recovery-code", "recovery_code")):
        challenge_id = loopback.ask(enrolled, require=[["code", method]])
        loopback.asked[challenge_id].proof = {"method": method, "code": "081804"}
        assert run("approve", challenge_id, "--code", CODE, option, "081804").status == 0
    both = ("--totp", "1", "--recovery-code", "2")
    assert run("approve", loopback.ask(enrolled), "--code", CODE, *both).status == 1


def test_a_proof_that_leaves_the_level_out_of_reach_is_no_success(
    run: Run, enrolled: str, loopback: ServiceDouble
) -> None:
    failed, waiting = loopback.ask(enrolled), loopback.ask(enrolled)
    loopback.asked[failed].then = "failed"
    loopback.asked[waiting].then = "pending"
    assert run("approve", failed, "--code", CODE).status == 1
    ran = run("approve", waiting, "--code", CODE)
    assert ran == Ran(0, "Accepted. The request still waits for another proof.\n", "")


def test_a_wrong_code_is_one_sentence_and_one_object(
    run: Run, enrolled: str, loopback: ServiceDouble
) -> None:
    challenge_id = loopback.ask(enrolled)
    ran = run("approve", challenge_id, "--code", "000000", "--json")
    assert ran.status == 1
    assert ran.json == {
        "error": "refused",
        "detail": ran.err.strip(),
        "http_status": 403,
        "slug": "proof-rejected",
        "attempts_left": 4,
    }
    ran = run("approve", challenge_id, "--code", "000000")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.endswith("Attempts left: 3.\n")


def test_a_missing_pin_is_named(run: Run, enrolled: str, loopback: ServiceDouble) -> None:
    challenge_id = loopback.ask(enrolled, require=[["code", "pin"]])
    ran = run("approve", challenge_id, "--code", CODE)
    assert ran == Ran(1, "", "This request needs your PIN.\n")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unheard-of"],
        ["enroll"],
        ["enroll", "not-a-link"],
        ["pending"],
        ["pending", "--unheard-of"],
        ["approve", "chl_1"],
        ["deny"],
        ["watch", "--count", "0"],
        ["watch"],
        ["remove", "--yes"],
    ],
)
def test_a_command_that_cannot_be_done_ends_with_1_and_says_why(
    arguments: list[str], run: Run
) -> None:
    ran = run(*arguments)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err
    assert "Traceback" not in ran.err


def test_a_command_without_a_state_file_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pending", "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out) == {"error": "bad-input", "detail": err.strip()}


def test_an_argument_too_many_is_not_repeated_since_it_may_be_a_pin(run: Run) -> None:
    ran = run("deny", "chl_1", PIN)
    assert ran == Ran(1, "", "There is an argument too many.\n")


def test_help_is_no_fault(run: Run) -> None:
    for arguments in (["--help"], ["approve", "--help"]):
        ran = run(*arguments)
        assert (ran.status, ran.err) == (0, "")
        assert "Usage:" in ran.out


def test_upkeep_from_the_command_line(
    run: Run, loopback: ServiceDouble, state_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loopback.confirm(run("enroll", loopback.uri(), "--pin", PIN, "--json").json["device_id"])
    assert run("status", "--json").json["pin"] == "set"
    assert "state: active\n" in run("status").out
    assert run("rotate", "--pin", PIN, "--json").json == {"rotated": True}
    change = ("change-pin", "--old-pin", PIN, "--new-pin")
    assert run(*change, "111111").status == 1
    assert run(*change, "314159", "--json").json == {"changed": True}
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    refused = run("remove")
    assert refused.status == 1
    assert "only an administrator can help" in refused.err
    assert state_path.exists()
    ran = run("remove", "--yes", "--json")
    assert ran.json == {"removed": True}
    assert "suspended" in ran.err
    assert not state_path.exists()


def test_a_phone_the_service_lost_can_be_forgotten_here(
    run: Run, enrolled: str, loopback: ServiceDouble, state_path: Path
) -> None:
    del loopback.devices[enrolled]
    assert run("remove", "--yes").status == 1
    assert state_path.exists()
    assert run("remove", "--local", "--yes").status == 0
    assert not state_path.exists()


def test_watch_prints_one_object_a_line_and_stops_after_the_count(
    run: Run, enrolled: str, loopback: ServiceDouble
) -> None:
    ids = [loopback.ask(enrolled), loopback.ask(enrolled)]
    ran = run("watch", "--count", "2", "--json")
    assert ran.status == 0
    assert [json.loads(line)["id"] for line in ran.out.splitlines()] == ids
