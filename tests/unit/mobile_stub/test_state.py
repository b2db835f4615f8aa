"""The state file: private, whole, and one change at a time."""

import json
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest

from mobile_stub.errors import StateFault
from mobile_stub.keys import new_device_key, new_device_secret, public_jwk
from mobile_stub.state import NextKey, State, StateFile


def fresh() -> State:
    return State("https://mfa.example.org", new_device_key(), new_device_secret(), "0" * 64)


@contextmanager
def umask(mask: int) -> Generator[None]:
    former = os.umask(mask)
    try:
        yield
    finally:
        os.umask(former)


def test_what_is_saved_is_loaded(state_path: Path) -> None:
    store, state = StateFile(state_path), fresh()
    following = NextKey(new_device_key(), 17)
    whole = replace(state, device_id="aut_1", sub="a", next_key=following)
    store.save(whole)
    loaded = store.load()
    assert (loaded.device_id, loaded.sub, loaded.device_secret) == (
        "aut_1",
        "a",
        state.device_secret,
    )
    assert public_jwk(loaded.device_key) == public_jwk(state.device_key)
    assert loaded.next_key is not None
    assert public_jwk(loaded.next_key.key) == public_jwk(following.key)
    assert loaded.next_key.sent_at == 17


def test_the_file_and_its_lock_belong_to_the_owner_alone_whatever_the_umask(
    state_path: Path,
) -> None:
    store = StateFile(state_path)
    with umask(0), store.locked():
        store.save(fresh())
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in state_path.parent.iterdir()}
    assert modes == {"phone.json": 0o600, "phone.json.lock": 0o600}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_open_is_refused(state_path: Path, mode: int) -> None:
    StateFile(state_path).save(fresh())
    state_path.chmod(mode)
    with pytest.raises(StateFault, match="0600"):
        StateFile(state_path).load()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}', "\x00", '{"device_secret": 1}'])
def test_a_damaged_file_is_refused(state_path: Path, text: str) -> None:
    state_path.touch(0o600)
    state_path.write_text(text)
    with pytest.raises(StateFault, match="damaged"):
        StateFile(state_path).load()


def test_a_missing_file_or_folder_is_said_plainly(state_path: Path) -> None:
    with pytest.raises(StateFault, match="enroll first"):
        StateFile(state_path).load()
    with pytest.raises(StateFault, match="folder"):
        StateFile(state_path.parent / "no" / "phone.json").save(fresh())


def test_a_folder_is_no_state_file(tmp_path: Path) -> None:
    with pytest.raises(StateFault):
        StateFile(tmp_path).load()


def test_a_save_that_fails_leaves_the_old_file_and_no_other(state_path: Path) -> None:
    store = StateFile(state_path)
    store.save(fresh())
    before = state_path.read_bytes()
    unwritable = replace(fresh(), sub=object())  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        store.save(unwritable)
    assert state_path.read_bytes() == before
    assert [path.name for path in state_path.parent.iterdir()] == ["phone.json"]


def test_a_link_is_replaced_and_not_followed_when_saving(state_path: Path) -> None:
    target = state_path.parent / "target"
    target.write_text("untouched")
    state_path.symlink_to(target)
    StateFile(state_path).save(fresh())
    assert target.read_text() == "untouched"
    assert not state_path.is_symlink()


def test_who_comes_second_waits_for_the_lock(state_path: Path) -> None:
    order: list[str] = []
    started = Event()

    def second() -> None:
        started.set()
        with StateFile(state_path).locked():
            order.append("second")

    thread = Thread(target=second)
    with StateFile(state_path).locked():
        thread.start()
        started.wait()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_the_repr_of_a_state_holds_no_key(state_path: Path) -> None:
    state = fresh()
    StateFile(state_path).save(state)
    assert json.loads(state_path.read_text())["device_secret"] not in repr(state)
    assert repr(state.device_secret) not in repr(state)
    assert "PrivateKey" not in repr(state)
