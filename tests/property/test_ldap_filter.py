"""Whatever a value is, a filter holds it as a value, as ldap3 and so the server will read it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mfa_service.adapters import ldap_filter, ldap_session

ldap3: Any = vars(ldap_session)["ldap3"]
VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
_AS_WRITTEN = {"auto_escape": True, "auto_encode": True, "validator": None, "check_names": False}


def compiled(text: str) -> Any:
    """Return the filter as it goes to the server."""
    operation = ldap3.operation.search
    tree = operation.parse_filter(text, None, **_AS_WRITTEN)
    return operation.compile_filter(tree.elements[0])


@given(VALUES)
def test_any_value_is_one_value(value: str) -> None:
    made = compiled(ldap_filter.equals("uid", value))
    assert made.getName() == "equalityMatch"
    assert bytes(made["equalityMatch"]["assertionValue"]) == value.encode()


@given(VALUES, VALUES)
def test_values_do_not_run_into_each_other(one: str, other: str) -> None:
    parts = (ldap_filter.equals("member", one), ldap_filter.matches("member", "1.2.3", other))
    made = compiled(ldap_filter.both("(objectClass=group)", ldap_filter.either(*parts)))
    either = made["and"][1]["or"]
    assert bytes(either[0]["equalityMatch"]["assertionValue"]) == one.encode()
    assert bytes(either[1]["extensibleMatch"]["matchValue"]) == other.encode()
    assert str(either[1]["extensibleMatch"]["matchingRule"]) == "1.2.3"


@given(VALUES)
def test_what_is_built_has_the_form_of_a_filter(value: str) -> None:
    inner = ldap_filter.negated(ldap_filter.equals("uid", value))
    assert ldap_filter.is_filter(ldap_filter.both(inner, "(a=*)"))
    assert not ldap_filter.is_filter(ldap_filter.both(inner, "(a)"))


@given(st.text(st.sampled_from("()&|!=ab*"), max_size=14))
def test_what_has_the_form_of_a_filter_can_be_compiled(text: str) -> None:
    if ldap_filter.is_filter(text):
        compiled(text)
