"""Every text of the pages exists in German, and no translation is left over."""

from collections import Counter
from importlib.resources import as_file, files

from babel.messages.extract import extract_from_dir

from mfa_service.web import i18n

WEB = files("mfa_service.web")
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "marked": None}
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {"templates/**.html": {"trimmed": "false", "silent": "false", "newstyle_gettext": "true"}}


def used() -> set[str | tuple[str, ...]]:
    with as_file(WEB) as folder:
        found = extract_from_dir(folder, method_map=METHODS, options_map=OPTIONS, keywords=KEYWORDS)
        return {
            message if isinstance(message, str) else tuple(message) for _, _, message, *_ in found
        }


def translated() -> set[str | tuple[str, ...]]:
    messages = (message for catalogue in i18n.catalogues(i18n.GERMAN) for message in catalogue)
    ids = (message.id for message in messages if message.id)
    return {found if isinstance(found, str) else tuple(found) for found in ids}


def test_every_text_is_translated() -> None:
    assert used() - translated() == set()


def test_no_translation_is_left_over() -> None:
    assert translated() - used() == set()


def test_a_translation_fills_in_the_same_values() -> None:
    faults = [
        (message.id, error)
        for catalogue in i18n.catalogues(i18n.GERMAN)
        for message, errors in catalogue.check()
        for error in errors
    ]
    assert faults == []


def test_no_translation_is_empty_or_a_guess() -> None:
    for catalogue in i18n.catalogues(i18n.GERMAN):
        for message in catalogue:
            strings = message.string or ""
            assert all([strings] if isinstance(strings, str) else strings), message.id
            assert not message.fuzzy or not message.id, message.id


def test_no_text_is_translated_twice() -> None:
    ids = [
        str(message.id)
        for catalogue in i18n.catalogues(i18n.GERMAN)
        for message in catalogue
        if message.id
    ]
    assert [text for text, times in Counter(ids).items() if times > 1] == []
