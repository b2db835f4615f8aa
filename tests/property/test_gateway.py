"""Paths and routes of the gateway, whatever comes."""

from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from mfa_service.domain.request_path import AmbiguousPath, normalised
from mfa_service.domain.route import covers
from tests.support.properties import REPEATABLE

SEGMENTS = st.sampled_from(["a", "b", "..", ".", "...", "payments", "ü", "a b", ""])
PATHS = st.lists(SEGMENTS, min_size=1, max_size=6).map(lambda parts: "/" + "/".join(parts))
HOSTILE = st.text("/.%25fF2eEcC50;\\?#\x00ä a", max_size=24)
WORDS = st.text("abc", min_size=1, max_size=3)


def reference(path: str) -> str:
    """Remove dot segments as RFC 3986 §5.2.4 says it, letter by letter."""
    left, done = path, ""
    while left:
        if left.startswith("/./"):
            left = left[2:]
        elif left == "/.":
            left = "/"
        elif left.startswith("/../"):
            left, done = left[3:], done.rpartition("/")[0]
        elif left == "/..":
            left, done = "/", done.rpartition("/")[0]
        else:
            segment, slash, rest = left[1:].partition("/")
            done += f"/{segment}"
            left = slash + rest
    return done


@REPEATABLE
@given(PATHS)
def test_dot_segments_are_removed_as_the_standard_says(path: str) -> None:
    if "//" in path:
        return
    assert normalised(quote(path)) == reference(path)


@REPEATABLE
@given(HOSTILE)
def test_what_is_accepted_has_one_reading(text: str) -> None:
    try:
        path = normalised(f"/{text}")
    except AmbiguousPath:
        return
    assert path.startswith("/")
    assert not {".", ".."} & set(path.split("/"))
    assert not any(mark in path for mark in ("//", "\\", ";", "\x00"))
    assert normalised(quote(path)) == path, "reading it again changes nothing"


@REPEATABLE
@given(PATHS, st.data())
def test_how_a_path_is_encoded_does_not_change_its_reading(path: str, data: st.DataObject) -> None:
    if "//" in path:
        return
    raw = "".join(
        char
        if char == "/" or (char.isascii() and char != " " and data.draw(st.booleans()))
        else "".join(f"%{byte:02x}" for byte in char.encode())
        for char in path
    )
    assert normalised(raw) == normalised(quote(path))


@REPEATABLE
@given(st.lists(WORDS, min_size=1, max_size=4), st.lists(WORDS, max_size=3))
def test_whatever_is_below_a_pattern_that_ends_openly_is_covered(
    head: list[str], below: list[str]
) -> None:
    base = "/" + "/".join(head)
    assert covers(f"{base}/**", "/".join([base, *below]))
    assert covers(f"{base}*", "/".join([base, *below]))
    assert covers(f"{base}/*", "/".join([base, *below])) is bool(below)


@REPEATABLE
@given(st.lists(WORDS, min_size=1, max_size=4), st.lists(WORDS, min_size=1, max_size=4))
def test_a_pattern_without_wildcards_covers_itself_alone(one: list[str], two: list[str]) -> None:
    pattern, path = "/" + "/".join(one), "/" + "/".join(two)
    assert covers(pattern, path) is (pattern == path)
