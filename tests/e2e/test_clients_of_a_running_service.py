"""`mfa client` beside a running service: what it does counts at once, without a restart."""

import httpx

from tests.e2e.conftest import Deployment
from tests.support.programs import Ran, run


def client(deployment: Deployment, *arguments: str) -> Ran:
    ran = run("mfa", "client", *arguments, folder=deployment.folder, env=deployment.env)
    assert ran.status == 0, ran
    return ran


def token(deployment: Deployment, pair: tuple[str, str]) -> httpx.Response:
    form = {"grant_type": "client_credentials"}
    return httpx.post(f"{deployment.server.url}/oauth2/token", data=form, auth=pair)


def users(deployment: Deployment, issued: httpx.Response) -> int:
    headers = {"Authorization": f"Bearer {issued.json()['access_token']}"}
    url = f"{deployment.server.url}/v1/users?sub=alice"
    return httpx.get(url, headers=headers).status_code


def test_a_client_lives_from_add_to_disable_without_a_restart(deployment: Deployment) -> None:
    made = client(deployment, "add", "live", "--scope", "mfa:enroll", "--json").object
    old = made["client_id"], made["client_secret"]
    issued = token(deployment, old)
    assert (issued.status_code, users(deployment, issued)) == (200, 200)
    rotated = client(deployment, "rotate-secret", made["client_id"], "--json").object
    new = made["client_id"], rotated["client_secret"]
    assert [token(deployment, pair).status_code for pair in (old, new)] == [401, 200]
    assert users(deployment, issued) == 200
    client(deployment, "disable", made["client_id"])
    assert (token(deployment, new).status_code, users(deployment, issued)) == (401, 401)
