"""`make demo-gateway` holds: nginx, an API, a program and a person, each over real HTTP."""

import subprocess
import sys
from pathlib import Path

import pytest

from examples.gateway_demo.challenges import challenge_of

ROOT = Path(__file__).parents[2]


def test_the_demo_holds_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "examples.gateway_demo"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == "", "warnings of what was left open show here, not in the status"
    assert "All 17 steps held." in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("Bearer", {}),
        ('Bearer error="a b", max_age=5', {"error": "a b", "max_age": "5"}),
        ('bearer max_age="5",acr_values="a b"', {"max_age": "5", "acr_values": "a b"}),
        ('Bearer error_description="say \\"x\\", y"', {"error_description": 'say "x", y'}),
        ('Bearer acr_values="a", DPoP algs="ES256"', {"acr_values": "a"}),
        ('DPoP acr_values="a"', {}),
        ("", {}),
    ],
)
def test_a_challenge_is_read_in_any_order(header: str, found: dict[str, str]) -> None:
    assert challenge_of(header) == found
