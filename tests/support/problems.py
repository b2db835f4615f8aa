"""What every refusal must look like (RFC 9457, contract section 1), and subjects of one's own."""

import secrets
from typing import Any

from werkzeug.test import TestResponse

from tests.support.world import ISSUER


def problem(response: TestResponse, status: int, slug: str) -> dict[str, Any]:
    """Return the body of a refusal; fails unless status, slug and shape are right."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    body: dict[str, Any] = response.get_json()
    assert body["type"] == f"{ISSUER}/problems/{slug}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["instance"] == response.headers["X-Request-Id"]
    assert response.headers["Cache-Control"] == "no-store"
    if slug == "invalid-request":
        assert body["errors"]
        assert all(isinstance(texts, list) and texts for texts in body["errors"].values())
    return body


def fresh_subject() -> str:
    """Return a subject that nobody else in this world has."""
    return f"subject-{secrets.token_hex(6)}"
