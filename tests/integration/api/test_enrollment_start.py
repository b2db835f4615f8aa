"""What starting an enrollment answers, by type (contract section 5)."""

import base64
import re
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.etree import ElementTree as ET

import pyotp
import pytest

from tests.support.forging import slug
from tests.support.world import ISSUER, World

COMMON = {
    "id",
    "type",
    "sub",
    "state",
    "created_at",
    "expires_at",
    "label",
    "authenticator",
}
CROCKFORD = "[0-9A-HJKMNP-TV-Z]"
TYPES = ["phone", "totp", "recovery_codes"]


def start(world: World, **body: Any) -> Any:
    return world.client().post("/v1/enrollments", {"sub": "alice", "type": "totp", **body})


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("phone", {"uri", "qr_svg", "manual_code"}),
        ("totp", {"otpauth_uri", "secret", "qr_svg"}),
        ("recovery_codes", {"codes"}),
    ],
)
def test_the_answer_has_exactly_the_members_of_its_type(
    world: World, kind: str, shown: set[str]
) -> None:
    assert set(world.client().enroll(type=kind)) == COMMON | shown


@pytest.mark.parametrize("kind", ["phone", "totp"])
def test_what_is_shown_once_is_not_read_again(world: World, kind: str) -> None:
    api = world.client()
    started = api.enroll(type=kind)
    read = api.get(f"/v1/enrollments/{started['id']}")
    assert set(read.get_json()) == COMMON


@pytest.mark.parametrize("kind", TYPES)
def test_a_new_enrollment_is_created_with_a_location_and_stored_by_nobody(
    world: World, kind: str
) -> None:
    response = start(world, type=kind)
    body = response.get_json()
    assert response.status_code == 201
    assert response.headers["Location"] == f"{ISSUER}/v1/enrollments/{body['id']}"
    assert response.headers["Cache-Control"] == "no-store"
    assert body["id"].startswith("enr_")


def test_a_pending_enrollment_says_what_it_is(world: World) -> None:
    body = world.client().enroll(type="phone", label="My phone")
    now = world.clock.now()
    assert (body["type"], body["sub"], body["state"]) == ("phone", "alice", "pending")
    assert (body["created_at"], body["expires_at"]) == (now, now + 600)
    assert (body["label"], body["authenticator"]) == ("My phone", None)


def test_recovery_codes_are_active_at_once(world: World) -> None:
    body = world.client().enroll(type="recovery_codes")
    assert body["state"] == "active"
    assert body["authenticator"]["type"] == "recovery_codes"
    assert body["authenticator"]["codes_left"] == 10


def test_the_uri_of_a_phone_has_the_issuer_and_the_code_in_its_fragment(world: World) -> None:
    body = world.client().enroll(type="phone")
    code = body["manual_code"].replace("-", "")
    assert body["uri"] == f"{ISSUER}/enroll#v=1&iss={quote(ISSUER, safe='')}&c={code}"
    assert urlsplit(body["uri"]).query == ""


def test_the_manual_code_is_26_crockford_characters_in_groups(world: World) -> None:
    manual = world.client().enroll(type="phone")["manual_code"]
    assert re.fullmatch(f"{CROCKFORD}{{26}}", manual.replace("-", ""))
    assert manual.count("-") >= 3


def test_no_two_enrollments_share_a_code(world: World) -> None:
    codes = {world.client().enroll(type="phone")["manual_code"] for _ in range(5)}
    assert len(codes) == 5


@pytest.mark.parametrize("kind", ["phone", "totp"])
def test_the_qr_is_an_svg(world: World, kind: str) -> None:
    root = ET.fromstring(world.client().enroll(type=kind)["qr_svg"])
    assert root.tag == "{http://www.w3.org/2000/svg}svg"


SUBJECTS = {
    "space": "alice liddell",
    "colon": "urn:alice",
    "slash": "tenant/alice",
    "ampersand": "a&b=c",
    "plus": "alice+mfa@example.org",
    "percent": "100%41",
    "hash and question mark": "#who?",
    "emoji": "alice 😀",
    "right to left": "\u05d0\u05dc\u05d9\u05e1",
    "combining": "e\u0301",
    "255 code points": "x" * 255,
}


@pytest.mark.parametrize("sub", SUBJECTS.values(), ids=SUBJECTS)
def test_the_otpauth_uri_names_the_subject_exactly(world: World, sub: str) -> None:
    body = world.client().enroll(sub, type="totp")
    label = urlsplit(body["otpauth_uri"]).path.lstrip("/")
    _, separator, account = label.partition(":")
    assert (separator, unquote(account), body["sub"]) == (":", sub, sub)
    assert not set(account) & set(" :/&?#+")


def test_the_otpauth_uri_has_the_issuer_twice_and_the_secret(world: World) -> None:
    body = world.client().enroll(type="totp")
    parts = urlsplit(body["otpauth_uri"])
    query = parse_qs(parts.query, strict_parsing=True)
    prefix = unquote(parts.path.lstrip("/").partition(":")[0])
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert query["issuer"] == [prefix] == ["localhost:8000"]
    assert query["secret"] == [body["secret"]]
    assert "+" not in body["otpauth_uri"]


def test_an_authenticator_app_reads_the_otpauth_uri_as_the_default_algorithm(world: World) -> None:
    body = world.client().enroll(type="totp")
    parsed = pyotp.parse_uri(body["otpauth_uri"])
    assert isinstance(parsed, pyotp.TOTP)
    assert (parsed.digits, parsed.interval, parsed.secret) == (6, 30, body["secret"])
    assert parsed.digest().name == "sha1"


def test_a_totp_secret_has_20_bytes_and_no_padding(world: World) -> None:
    secret = world.client().enroll(type="totp")["secret"]
    assert len(base64.b32decode(secret)) == 20
    assert "=" not in secret


def test_even_the_longest_subject_gets_a_qr(world: World) -> None:
    response = start(world, sub="😀" * 255)
    assert response.status_code == 201
    assert response.get_json()["qr_svg"].startswith(("<svg", "<?xml"))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({"type": "push"}, "type", id="unknown type"),
        pytest.param({"type": "recovery_code"}, "type", id="the method's name as a type"),
        pytest.param({"type": None}, "type", id="null as type"),
        pytest.param({"type": ["totp"]}, "type", id="a list as type"),
        pytest.param({"sub": ""}, "sub", id="empty subject"),
        pytest.param({"sub": "x" * 256}, "sub", id="subject of 256"),
        pytest.param({"sub": 1}, "sub", id="subject as number"),
        pytest.param({"sub": "a\x00b"}, "sub", id="NUL in the subject"),
        pytest.param({"sub": "a\ud800"}, "sub", id="lone surrogate in the subject"),
        pytest.param({"label": ""}, "label", id="empty label"),
        pytest.param({"label": "x" * 65}, "label", id="label of 65"),
        pytest.param({"label": "a\nb"}, "label", id="line break in the label"),
        pytest.param({"label": "a\u202eb"}, "label", id="bidi override in the label"),
        pytest.param({"label": "a\u2067b"}, "label", id="bidi isolate in the label"),
        pytest.param({"label": "a\u200fb"}, "label", id="bidi mark in the label"),
        pytest.param({"label": "a\u061cb"}, "label", id="arabic mark in the label"),
        pytest.param({"label": "a\u2028b"}, "label", id="line separator in the label"),
        pytest.param({"label": "a\x85b"}, "label", id="C1 control in the label"),
        pytest.param({"reason": ""}, "reason", id="empty reason"),
        pytest.param({"reason": "x" * 501}, "reason", id="reason of 501"),
        pytest.param({"challenge_id": 1}, "challenge_id", id="challenge_id as number"),
        pytest.param({"colour": "red"}, "colour", id="unknown member"),
    ],
)
def test_what_does_not_fit_is_named(shared_world: World, body: dict[str, Any], field: str) -> None:
    response = start(shared_world, **body)
    assert slug(response) == (422, "invalid-request")
    assert field in response.get_json()["errors"]


@pytest.mark.parametrize("missing", ["sub", "type"])
def test_subject_and_type_are_needed(world: World, missing: str) -> None:
    body = {"sub": "alice", "type": "totp"}
    del body[missing]
    response = world.client().post("/v1/enrollments", body)
    assert slug(response) == (422, "invalid-request")
    assert missing in response.get_json()["errors"]


@pytest.mark.parametrize("label", ["x", "x" * 64, "Ключ 🔑", "a b"])
def test_a_label_of_1_to_64_characters_is_kept(world: World, label: str) -> None:
    body = world.client().enroll(type="recovery_codes", label=label)
    assert body["authenticator"]["label"] == body["label"] == label


@pytest.mark.parametrize("kind", ["totp", "recovery_codes"])
def test_without_a_label_the_type_gives_one(world: World, kind: str) -> None:
    if kind == "totp":
        world.totp()
    else:
        world.recovery_codes()
    listed = world.client().get("/v1/authenticators?sub=alice").get_json()["authenticators"]
    assert 1 <= len(listed[0]["label"]) <= 64


def test_starting_needs_the_scope(world: World) -> None:
    api = world.client("reader", ("mfa:challenge",))
    response = api.post("/v1/enrollments", {"sub": "alice", "type": "totp"})
    assert slug(response) == (403, "forbidden")
    assert 'error="insufficient_scope"' in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("scope", ["mfa:enroll", "mfa:admin"])
def test_either_scope_of_section_5_suffices(world: World, scope: str) -> None:
    api = world.client(scope, (scope,))
    assert api.enroll(type="totp")["state"] == "pending"
