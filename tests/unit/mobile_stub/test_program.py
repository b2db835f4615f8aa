"""The program as its own process: how it stops."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mobile_stub.enrolling import Claim
from mobile_stub.enrollment_uri import offer_from_uri
from mobile_stub.phone import Phone
from tests.unit.mobile_stub.service_double import ServiceDouble

ROOT = Path(__file__).parents[3]


@pytest.fixture
def enrolled(loopback: ServiceDouble, state_path: Path) -> str:
    """A confirmed phone without a PIN; its id."""
    offer = offer_from_uri(loopback.uri())
    device_id = Phone(state_path).enroll(offer, Claim(name="Pixel 9")).device_id
    loopback.confirm(device_id)
    return device_id


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_program_itself_watches_until_it_is_told_to_stop(
    number: signal.Signals, enrolled: str, loopback: ServiceDouble, state_path: Path
) -> None:
    challenge_id = loopback.ask(enrolled)
    command = [sys.executable, "-m", "mobile_stub", "--state", str(state_path), "watch", "--json"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["id"] == challenge_id
        process.send_signal(number)
        out, err = process.communicate()
    assert (process.returncode, out, err) == (0, "", "")


def test_a_reader_that_goes_away_ends_the_program_quietly(
    enrolled: str, loopback: ServiceDouble, state_path: Path
) -> None:
    loopback.ask(enrolled)
    command = [sys.executable, "-m", "mobile_stub", "--state", str(state_path), "pending"]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ran = subprocess.run(
            command,
            cwd=ROOT,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    assert (ran.returncode, ran.stderr) == (1, "")
