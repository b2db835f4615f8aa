"""The published nginx in front of the service: a step-up goes through, and no secret is logged."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from mfa_service.http.reading import MAX_BODY_BYTES
from tests.support.leash import free_port
from tests.support.nginx import PUBLISHED, Front, command_in, front
from tests.support.patience import until
from tests.support.phone import PinKey
from tests.support.processes import ServerProcess, start_service
from tests.support.raw_http import exchange
from tests.support.remote import environment, remote_world
from tests.support.world import AAL2, World

LONGEST_WAIT, SPARE = 30, 10
SECRET = "SeCrEtLiNk123"
SECRET_PATHS = [
    f"/challenge/{SECRET}",
    f"/%63hallenge/{SECRET}",
    f"//challenge//{SECRET}",
    f"/x/../challenge/{SECRET}",
    f"/challenge/{SECRET}/live?wait=1",
    f"/account/link/{SECRET}",
    f"/account/signed-in?code={SECRET}&state={SECRET}",
    f"/oauth2/authorize?login_hint={SECRET}",
    f"/no/such/page?{SECRET}",
]


@dataclass(frozen=True)
class Chain:
    """nginx, the service behind it, and the world as seen through nginx."""

    front: Front
    service: ServerProcess
    world: World

    def get(self, path: str, **headers: str) -> int:
        """Send exactly this path by TLS; return the status."""
        target = httpx.URL(self.front.url).copy_with(raw_path=path.encode())
        answer = httpx.get(target, headers=headers, verify=False, trust_env=False)
        return answer.status_code


@pytest.fixture(scope="module")
def chain(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """Lend a chain with two hosts of the service, of which the first is down."""
    folder, tls = tmp_path_factory.mktemp("front"), free_port()
    shutil.copy(sqlite_template, folder / "mfa.db")
    url, issuer = f"sqlite:///{folder / 'mfa.db'}", f"https://localhost:{tls}"
    (folder / "nginx").mkdir()
    with (
        start_service(environment(url, issuer=issuer), folder=folder) as service,
        front(folder / "nginx", tls=tls, services=[free_port(), service.port]) as nginx,
        remote_world(nginx.url, url, issuer=issuer) as world,
    ):
        yield Chain(nginx, service, world)


def directive(name: str) -> str:
    text = (PUBLISHED / "nginx.conf").read_text("utf-8")
    (value,) = re.findall(rf"^\s*{name}\s+([^;]+);", text, re.MULTILINE)
    return str(value)


def test_nginx_finds_no_fault_in_the_configuration(tmp_path: Path) -> None:
    command = [*command_in(tmp_path), "-t"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    said = ended.stderr + (tmp_path / "log" / "error").read_text()
    assert ended.returncode == 0, said
    assert "successful" in said
    assert not re.search("warn|emerg|alert", said)


def test_the_times_and_sizes_fit_the_service() -> None:
    assert int(directive("proxy_read_timeout").removesuffix("s")) >= LONGEST_WAIT + SPARE
    assert int(directive("client_max_body_size").removesuffix("k")) * 1024 == MAX_BODY_BYTES


def test_a_step_up_by_phone_goes_through_and_wakes_who_waits(chain: Chain) -> None:
    world = chain.world
    phone, api = world.phone(pin=PinKey()), world.client()
    challenge = api.challenge(acr_values=[AAL2])
    with ThreadPoolExecutor(1) as pool:
        since = time.monotonic()
        waiting = pool.submit(api.get, f"/v1/challenges/{challenge['id']}?wait={LONGEST_WAIT}")
        answer = world.approve(phone, challenge, pin=phone.pin)
        assert answer.status_code == 200, answer.text
        told = waiting.result().get_json()
    assert (told["status"], told["acr"]) == ("satisfied", AAL2)
    assert time.monotonic() - since < LONGEST_WAIT


def test_pages_keep_their_headers(chain: Chain) -> None:
    answer = httpx.get(f"{chain.front.url}/account", verify=False, trust_env=False)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/metrics", "//metrics", "/%6detrics", "/x/../metrics", "/gateway/check"]
)
def test_what_is_for_our_own_machines_is_not_served_to_others(chain: Chain, path: str) -> None:
    assert chain.get(path) == 404
    own = httpx.get(f"{chain.service.url}/metrics", trust_env=False)
    assert own.status_code == 200


def test_without_tls_a_page_is_led_on_and_a_program_refused(chain: Chain) -> None:
    port = chain.front.process.port
    head = "{} /account?x=1 HTTP/1.1\r\nHost: mfa.example\r\nConnection: close\r\n\r\n"
    (led,) = exchange(port, head.format("GET").encode())
    assert (led.status, led.headers["Location"]) == (301, "https://mfa.example/account?x=1")
    (refused,) = exchange(port, head.format("POST").encode())
    assert refused.status == 403


def test_no_link_that_is_a_secret_is_logged_not_even_when_the_service_is_away(
    chain: Chain,
) -> None:
    def ask() -> set[int]:
        with httpx.Client(trust_env=False) as http:
            http.get(f"http://127.0.0.1:{chain.front.process.port}{SECRET_PATHS[0]}")
        return {chain.get(path, Referer=f"https://x.example/{SECRET}") for path in SECRET_PATHS}

    assert 502 not in ask()
    chain.service.stop()
    assert ask() == {502}
    until(lambda: chain.front.logged().count('"status":502,') >= len(SECRET_PATHS))
    assert SECRET not in chain.front.logged()
    assert chain.front.logged().count('"path":"/challenge/-"') == 10
    assert '"path":"/account/signed-in"' in chain.front.logged()
