"""How a path is read before routes are matched with it: one reading, or none."""

import pytest

from mfa_service.domain.request_path import AmbiguousPath, normalised

READ = {
    "/": "/",
    "/payments": "/payments",
    "/payments/": "/payments/",
    "/payments?to=bob": "/payments",
    "/payments?next=//evil;%2F..": "/payments",
    "/a/./b": "/a/b",
    "/a/../b": "/b",
    "/a/b/..": "/a/",
    "/a/b/.": "/a/b/",
    "/public/../payments/1": "/payments/1",
    "/public/%2e%2e/payments": "/payments",
    "/public/%2E./payments": "/payments",
    "/%70ayments": "/payments",
    "/../payments": "/payments",
    "/..": "/",
    "/...": "/...",
    "/a..b": "/a..b",
    "/gr%C3%BC%C3%9Fe": "/grüße",
    "/100%25": "/100%",
    "/a,b/c:d@e": "/a,b/c:d@e",
    "/a%20b": "/a b",
    "/a%3Fb": "/a?b",
}
REFUSED = [
    "",
    "payments",
    "*",
    "?/payments",
    "http://api.example/payments",
    "//payments",
    "/a//b",
    "/a/.//b",
    "/a//../b",
    "/a%2Fb",
    "/a%2fb",
    "/public/..%2fpayments",
    "/a%5Cb",
    "/a%5cb",
    "/a\\b",
    "/public\\..\\payments",
    "/a;b",
    "/public;/../payments",
    "/public/..;/payments",
    "/a%3Bb",
    "/a%3bb",
    "/a%00",
    "/a\x00",
    "/a%0Ab",
    "/a%0D%0AX-Auth-Sub:%20bob",
    "/a%7F",
    "/a%C2%80",
    "/a b",
    "/a\tb",
    "/a#b",
    "/a%252Fb",
    "/public/%252e%252e/payments",
    "/a%2525",
    "/a%2541",
    "/a%25%34%31",
    "/a%",
    "/a%2",
    "/a%zz",
    "/a%u002f",
    "/a%C0%AF",
    "/a%FF",
    "/a%ED%A0%80",
    "/gr\xfc",
    "/gr\u00c3",
]


@pytest.mark.parametrize(("target", "path"), READ.items())
def test_a_path_is_decoded_once_and_its_dot_segments_are_removed(target: str, path: str) -> None:
    assert normalised(target) == path


@pytest.mark.parametrize("target", REFUSED, ids=ascii)
def test_a_path_that_two_programs_could_read_differently_is_refused(target: str) -> None:
    with pytest.raises(AmbiguousPath):
        normalised(target)
