"""Which PINs the phone takes (S 3.5.6)."""

import pytest

from mobile_stub.errors import BadInput, PinRefused
from mobile_stub.pin_policy import chosen_pin, typed_pin, weakness_of

WEAK = {
    "it repeats itself": ["000000", "111111", "9" * 64, "121212", "123123", "0909090909"],
    "its digits count up or down": [
        "123456",
        "654321",
        "012345",
        "890123",
        "210987",
        "112233",
        "123321",
        "777788",
        "1234567890",
    ],
    "it is a date": [
        "199012",
        "121990",
        "201101",
        "19900131",
        "19903101",
        "31011990",
        "01311990",
        "29022000",
        "3111990",
        "1990311",
        "2012025",
    ],
    "it is a line on the keypad": [
        "147258",
        "741852",
        "159357",
        "123789",
        "258025"[:3] + "147",
        "2580147",
        "0852963"[:4] + "789",
        "789456123",
    ],
}
STRONG = [
    "271828",
    "314159",
    "482915",
    "739146",
    "602214",
    "193746",
    "201399",
    "864209",
    "246810",
    "31021990",
    "29021900",
    "990131990",
    "1234560",
]


@pytest.mark.parametrize(("why", "pin"), [(why, pin) for why, pins in WEAK.items() for pin in pins])
def test_a_trivial_pin_is_refused_with_the_reason_in_plain_words(why: str, pin: str) -> None:
    assert weakness_of(pin) == why
    with pytest.raises(PinRefused, match=why) as refused:
        chosen_pin(pin)
    assert pin not in str(refused.value)


@pytest.mark.parametrize("pin", STRONG)
def test_a_pin_without_a_pattern_is_taken(pin: str) -> None:
    assert chosen_pin(pin) == pin


@pytest.mark.parametrize("user", ["user739146", "+49 739 146 0", "a739b146c", "7391", "x9146"])
def test_a_pin_made_of_the_user_name_is_refused(user: str) -> None:
    with pytest.raises(PinRefused, match="user name"):
        chosen_pin("739146", user=user)


@pytest.mark.parametrize("user", ["alice", "alice39", "", "user641937"])
def test_other_user_names_do_not_matter(user: str) -> None:
    assert chosen_pin("739146", user=user) == "739146"


@pytest.mark.parametrize("typed", ["", "27182", "2" * 65, "27182a", "271 828", "-27182", "27182²"])
def test_what_cannot_be_a_pin_is_refused_before_it_costs_a_try(typed: str) -> None:
    with pytest.raises(BadInput, match="A PIN has"):
        typed_pin(typed)


def test_a_pin_may_be_typed_in_other_digits_and_be_as_long_as_64() -> None:
    assert typed_pin("٢٧١٨٢٨") == "271828"
    assert typed_pin("\uff13" * 64) == "3" * 64
