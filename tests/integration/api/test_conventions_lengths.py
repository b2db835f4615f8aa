"""How long a body is: declared, undeclared, cut, and what is no length."""

import io

import pytest
from flask import Request

from mfa_service.domain.errors import MalformedJson, MfaError, PayloadTooLarge
from mfa_service.http.reading import MAX_BODY_BYTES, raw_body


def request(sent: bytes, **environ: object) -> Request:
    return Request({"REQUEST_METHOD": "POST", "wsgi.input": io.BytesIO(sent), **environ})


def test_what_was_declared_is_read_and_nothing_after_it() -> None:
    assert raw_body(request(b"abcdef", CONTENT_LENGTH="3")) == b"abc"
    assert raw_body(request(b"x" * MAX_BODY_BYTES, CONTENT_LENGTH=str(MAX_BODY_BYTES)))


@pytest.mark.parametrize("declared", [None, ""])
def test_without_a_length_nothing_is_read_unless_the_server_ends_the_stream(
    declared: str | None,
) -> None:
    lengths = {} if declared is None else {"CONTENT_LENGTH": declared}
    assert raw_body(request(b"abc", **lengths)) == b""
    assert raw_body(request(b"abc", **lengths, **{"wsgi.input_terminated": True})) == b"abc"


@pytest.mark.parametrize(
    ("sent", "environ", "error"),
    [
        (b"abc", {"CONTENT_LENGTH": "4"}, MalformedJson),
        (b"abc", {"CONTENT_LENGTH": "-1"}, MalformedJson),
        (b"abc", {"CONTENT_LENGTH": "+3"}, MalformedJson),
        (b"abc", {"CONTENT_LENGTH": "3, 3"}, MalformedJson),
        (b"abc", {"CONTENT_LENGTH": "\u00b3"}, MalformedJson),
        (b"abc", {"CONTENT_LENGTH": "9" * 5000}, MalformedJson),
        (b"abc", {"CONTENT_LENGTH": str(MAX_BODY_BYTES + 1)}, PayloadTooLarge),
        (b"x" * (MAX_BODY_BYTES + 1), {"wsgi.input_terminated": True}, PayloadTooLarge),
    ],
)
def test_what_is_cut_too_long_or_has_no_length_is_refused(
    sent: bytes, environ: dict[str, object], error: type[MfaError]
) -> None:
    with pytest.raises(error):
        raw_body(request(sent, **environ))
