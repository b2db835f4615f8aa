"""The gateway's table: which route a request takes, and which tables are refused."""

import pytest

from mfa_service.domain.route import covers
from mfa_service.domain.route_table import RouteTable
from mfa_service.domain.toml_table import TomlInvalid

OWN, LOGIN, OTHER = "https://mfa.example", "https://login.example", "https://tenant.example/"
ROUTE = '[[route]]\naudience = "api"\n'


def table(text: str) -> RouteTable:
    return RouteTable.from_toml(text, own_issuer=OWN)


def faults(text: str) -> list[str]:
    with pytest.raises(TomlInvalid) as refused:
        table(text)
    return refused.value.faults


COVERED = {
    "/": ["/"],
    "/a": ["/a"],
    "/a/*": ["/a/", "/a/b", "/a/b/c"],
    "/a*": ["/a", "/ab", "/a/b"],
    "/a/**": ["/a", "/a/", "/a/b", "/a/b/c"],
    "/**": ["/", "/a", "/a/b"],
    "/*": ["/", "/a", "/a/b"],
    "/users/*/keys": ["/users/1/keys", "/users//keys"],
    "/users/**/keys": ["/users/1/keys", "/users/1/2/keys"],
    "/users/*/keys/*": ["/users/1/keys/2", "/users/1/keys/2/3"],
    "/a.b": ["/a.b"],
    "/a\nb*": ["/a\nb\n"],
}
NOT_COVERED = {
    "/": ["", "/a"],
    "/a": ["/", "/a/", "/A", "/aa", "/a\n"],
    "/a/*": ["/a", "/ab", "/b/a/c"],
    "/a/**": ["/ab", "/b/a"],
    "/users/*/keys": ["/users/1/2/keys", "/users/1/keys/", "/users/keys"],
    "/a.b": ["/axb"],
    "/a+": ["/aa"],
}


@pytest.mark.parametrize(("pattern", "paths"), COVERED.items())
def test_a_pattern_covers_what_it_stands_for(pattern: str, paths: list[str]) -> None:
    assert [path for path in paths if not covers(pattern, path)] == []


@pytest.mark.parametrize(("pattern", "paths"), NOT_COVERED.items())
def test_a_pattern_covers_nothing_else(pattern: str, paths: list[str]) -> None:
    assert [path for path in paths if covers(pattern, path)] == []


def test_the_first_route_that_fits_decides() -> None:
    found = table(
        '[[route]]\nhost = "api.example"\npath = "/payments/**"\nmethods = ["POST"]\n'
        'audience = "pay"\n'
        '[[route]]\nhost = "API.example:8443"\naudience = "port"\n'
        '[[route]]\nhost = "api.example"\naudience = "rest"\n'
    )

    def audience(method: str, host: str, path: str) -> str | None:
        route = found.find(method, host, path)
        return route.audience if route else None

    assert audience("POST", "api.example", "/payments/1") == "pay"
    assert audience("POST", "API.EXAMPLE:443", "/payments") == "pay"
    assert audience("GET", "api.example", "/payments/1") == "rest"
    assert audience("post", "api.example:8443", "/payments/1") == "port"
    assert audience("GET", "api.example", "/") == "rest"
    assert audience("GET", "other.example", "/") is None
    assert audience("GET", "api.example.evil", "/") is None


def test_all_but_the_audience_may_be_left_out() -> None:
    (route,) = table(ROUTE).routes
    assert (route.host, route.path, route.methods, route.max_age) == (None, "/**", None, None)
    assert (route.scopes, route.acr_values, route.issuers) == ((), (), frozenset({OWN}))


def test_lists_may_be_written_as_one_text() -> None:
    (route,) = table(
        ROUTE + 'scopes = "read list"\nacr_values = "phr phrh"\nmethods = "GET"'
    ).routes
    assert (route.scopes, route.acr_values) == (("read", "list"), ("phr", "phrh"))
    assert route.methods == frozenset({"GET"})


def test_an_issuer_that_a_route_names_is_trusted_by_its_usual_metadata() -> None:
    found = table(ROUTE + f'issuer = "{LOGIN}"')
    assert [issuer.issuer for issuer in found.issuers] == [LOGIN]
    assert found.routes[0].issuers == {LOGIN}


def test_without_an_issuer_a_route_takes_ours_and_the_one_that_is_listed() -> None:
    found = table(f'[[issuer]]\nissuer = "{OTHER}"\n{ROUTE}')
    assert found.routes[0].issuers == {OWN, OTHER}


def test_with_several_issuers_a_route_has_to_say_whose_tokens_it_takes() -> None:
    """Two authorization servers can both have a user `1001`."""
    both = f'[[issuer]]\nissuer = "{OTHER}"\n[[issuer]]\nissuer = "{LOGIN}"\n'
    assert faults(both + ROUTE) == ["route 1: issuer is needed, since the table trusts several"]
    found = table(both + ROUTE + f'issuer = ["{OWN}", "{LOGIN}"]')
    assert found.routes[0].issuers == {OWN, LOGIN}


def test_introspection_names_where_its_secret_is() -> None:
    entry = (
        f'[[issuer]]\nissuer = "{LOGIN}"\nmetadata = "{LOGIN}/.well-known/x"\n'
        f'introspection_endpoint = "{LOGIN}/introspect"\nclient_id = "gateway"\n'
    )
    (found,) = table(entry + 'client_secret_env = "SECRET"\n' + ROUTE).issuers
    assert found.metadata == f"{LOGIN}/.well-known/x"
    assert found.introspection is not None
    assert found.introspection.secret_variable == "SECRET"
    assert faults(entry + ROUTE) == [
        "issuer 1: one of client_secret_env and client_secret_file is needed"
    ]


WRONG = {
    "no route": "",
    "a single table": "[route]\naudience = 'a'",
    "no TOML": "[[route",
    "another table": ROUTE + "[[routes]]\n",
    "no audience": "[[route]]\n",
    "an empty audience": "[[route]]\naudience = ''",
    "a list as audience": "[[route]]\naudience = ['a']",
    "a misspelled member": ROUTE + "scope = ['read']",
    "a scope with a quote": ROUTE + """scopes = ['re"ad']""",
    "a scope with a backslash": ROUTE + "scopes = ['re\\\\ad']",
    "a scope with a space": ROUTE + "scopes = ['read list']",
    "a scope that is no text": ROUTE + "scopes = [1]",
    "no scopes in the list": ROUTE + "scopes = []",
    "no levels in the list": ROUTE + "acr_values = ' '",
    "a negative age": ROUTE + "max_age = -1",
    "a broken age": ROUTE + "max_age = 1.5",
    "an age as text": ROUTE + "max_age = '300'",
    "an age that is true": ROUTE + "max_age = true",
    "a method in small letters": ROUTE + "methods = ['get']",
    "a host with a scheme": ROUTE + "host = 'https://api.example'",
    "a host with a wildcard": ROUTE + "host = '*.example'",
    "a path without slash": ROUTE + "path = 'a'",
    "a path that is encoded": ROUTE + "path = '/a%20b'",
    "a path with dots": ROUTE + "path = '/a/../b'",
    "a path with two slashes": ROUTE + "path = '/a//b'",
    "a path with a class": ROUTE + "path = '/[ab]'",
    "a path with a query": ROUTE + "path = '/a?b=1'",
    "an issuer that is no URL": ROUTE + "issuer = 'login'",
    "an issuer without https": ROUTE + "issuer = 'http://login.example'",
    "an issuer listed twice": f"[[issuer]]\nissuer='{LOGIN}'\n" * 2 + ROUTE,
    "ourselves as an issuer": f"[[issuer]]\nissuer='{OWN}'\n{ROUTE}",
    "an issuer without name": f"[[issuer]]\n{ROUTE}",
    "a secret in clear": f"[[issuer]]\nissuer='{LOGIN}'\nclient_secret='hunter2'\n{ROUTE}",
    "a client for nothing": f"[[issuer]]\nissuer='{LOGIN}'\nclient_id='a'\n{ROUTE}",
    "metadata without https": f"[[issuer]]\nissuer='{LOGIN}'\nmetadata='http://a.example'\n{ROUTE}",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG.keys())
def test_a_table_that_does_not_hold_together_is_refused(text: str) -> None:
    found = faults(text)
    assert found
    assert not any("hunter2" in fault for fault in found)


def test_every_fault_is_told_with_its_place() -> None:
    assert faults(ROUTE + "max_age = -1\n[[route]]\npath = 'a'\naudience = 'a'") == [
        "route 1: max_age is a number of seconds",
        "route 2: path begins with / and is written decoded, as a glob",
    ]


HIDDEN = {
    "all": ("path = '/**'", "path = '/payments'"),
    "the same": ("path = '/a'", "path = '/a'"),
    "all below": ("path = '/a/*'", "path = '/a/b/*'"),
    "more methods": ("methods = ['GET', 'POST']", "methods = ['GET']"),
    "any host": ("", "host = 'api.example'"),
    "any port": ("host = 'api.example'", "host = 'api.example:8443'"),
}
REACHED = {
    "more specific first": ("path = '/payments'", "path = '/**'"),
    "a segment, then all": ("path = '/a/*/b'", "path = '/a/**/b'"),
    "below, then itself too": ("path = '/a/*'", "path = '/a/**'"),
    "another method": ("methods = ['GET']", "methods = ['POST']"),
    "every method": ("methods = ['GET']", ""),
    "every host": ("host = 'api.example'", ""),
    "without port": ("host = 'api.example:8443'", "host = 'api.example'"),
}


@pytest.mark.parametrize(("first", "second"), HIDDEN.values(), ids=HIDDEN.keys())
def test_a_route_that_is_never_reached_is_a_fault(first: str, second: str) -> None:
    """A strict route below a lax one would protect nothing."""
    found = faults(f"{ROUTE}{first}\n{ROUTE}{second}\n")
    assert found == ["route 2 is never reached: route 1 comes first"]


@pytest.mark.parametrize(("first", "second"), REACHED.values(), ids=REACHED.keys())
def test_a_route_that_takes_what_an_earlier_one_leaves_is_good(first: str, second: str) -> None:
    assert len(table(f"{ROUTE}{first}\n{ROUTE}{second}\n").routes) == 2
