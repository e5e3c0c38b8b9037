"""Users, their sessions, and how often a password may be wrong."""

import json
import stat
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import WorkbenchError
from workbench.team.attempts import MOST, WINDOW, Attempts
from workbench.team.sessions import LASTS, Sessions
from workbench.team.users import NAME, Users, clean_name
from workbench.users import main


@pytest.fixture
def users(tmp_path):
    users = Users(tmp_path / "users.json")
    users.put("Ada", "correct horse", True)
    return users


def test_a_password_is_kept_as_a_hash_that_only_its_owner_reads(users):
    text = users.file.read_text()
    assert "correct horse" not in text and "$argon2id$" in text
    assert stat.S_IMODE(users.file.stat().st_mode) == 0o600
    assert users.verify("ada", "correct horse")
    for name, password in (("ada", "correct horsE"), ("ada", ""), ("bob", "correct horse"), ("", "")):
        assert not users.verify(name, password)


def test_a_name_that_nobody_has_takes_as_much_work(users, monkeypatch):
    import argon2

    worked = []
    verify = argon2.PasswordHasher.verify

    def watched(self, hashed, password):
        worked.append(hashed.rsplit("$", 2)[0])  # the kind and its costs, without salt and hash
        return verify(self, hashed, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", watched)
    users.put("sso", None, False)
    for name in ("ada", "nobody", "sso"):
        users.verify(name, "wrong password")
    assert len(worked) == 3 and len(set(worked)) == 1  # the same kind of hash with the same costs


def test_whoever_signs_in_elsewhere_has_no_password_that_is_right(users):
    users.put("sso", None, True)
    assert not users.verify("sso", "") and not users.verify("sso", "None")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "-a", "a..b", "a\0", "a" * 65, "ädä", "a b", "a\nb", "../ada", "~"])
def test_what_cannot_be_a_folders_name_is_no_name(users, name):
    with pytest.raises(WorkbenchError):
        clean_name(name)


@given(st.text(max_size=80))
def test_every_name_is_one_plain_folder(tmp_path_factory, text):
    if NAME.fullmatch(text):
        folder = tmp_path_factory.getbasetemp() / text
        assert folder.resolve().parent == tmp_path_factory.getbasetemp().resolve() and folder.name == text


def test_a_damaged_file_lets_nobody_in_and_is_not_written_over(users):
    users.file.write_text('{"users": ')
    with pytest.raises(WorkbenchError, match="damaged"):
        users.verify("ada", "correct horse")
    with pytest.raises(WorkbenchError, match="damaged"):
        users.put("bob", "another one", False)
    assert users.file.read_text() == '{"users": '


def test_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", type("Pipe", (), {"isatty": lambda _: False, "readline": lambda _: "a long password\n"})())
    at = ["--workspace", str(tmp_path)]
    assert main([*at, "add", "ada", "--may-spend"]) == 0 and main([*at, "add", "eve", "--no-password"]) == 0
    users = Users(tmp_path / "users.json")
    assert users.verify("ada", "a long password") and users.get("ada").may_spend and not users.get("eve").may_spend
    assert main([*at, "may-spend", "ada", "no"]) == 0 and not users.get("ada").may_spend
    assert users.verify("ada", "a long password")
    assert main([*at, "list"]) == 0 and "eve: signs in elsewhere" in capsys.readouterr().out
    assert main([*at, "remove", "ada"]) == 0 and users.get("ada") is None
    assert main([*at, "remove", "ada"]) == 2 and "no user called" in capsys.readouterr().err


def test_a_short_password_is_refused(users):
    with pytest.raises(WorkbenchError, match="too short"):
        users.put("bob", "short", False)


def test_a_session_is_read_back_and_ends_for_good(tmp_path):
    sessions = Sessions(tmp_path)
    cookie, other = sessions.open("ada", "proof"), sessions.open("ada", "proof")
    session, print_ = sessions.read(cookie)
    assert session.name == "ada" and sessions.holds(print_, "proof") and not sessions.holds(print_, "new proof")
    sessions.end(session)
    assert sessions.read(cookie) is None and sessions.read(other) is not None
    again = Sessions(tmp_path)  # after a restart
    assert again.read(cookie) is None and again.read(other)[0].name == "ada"
    assert stat.S_IMODE((tmp_path / "session-secret").stat().st_mode) == 0o600


def test_a_cookie_that_somebody_made_or_changed_is_none(tmp_path):
    sessions = Sessions(tmp_path)
    cookie = sessions.open("bob", "proof")
    forged = [Sessions(tmp_path.parent / tmp_path.name).read, sessions.read]
    body, rest = cookie.split(".", 1)
    for one in ("", "x", body, f"{body}.{rest}x", f"{body[:-2]}AA.{rest}", cookie.replace(".", ".."), "a" * 10_000, "é", "\0"):
        for read in forged:
            assert read(one) is None
    (tmp_path / "other").mkdir()
    assert Sessions(tmp_path / "other").read(cookie) is None  # another installation's


def test_a_session_is_over_after_its_time(tmp_path, monkeypatch):
    sessions = Sessions(tmp_path)
    cookie = sessions.open("ada", "proof")
    later = time.time() + LASTS + 2
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: later)
    assert sessions.read(cookie) is None


def test_an_empty_secret_signs_nothing(tmp_path):
    (tmp_path / "session-secret").write_text("")
    Sessions(tmp_path)
    assert len((tmp_path / "session-secret").read_text()) == 64


def test_after_so_many_wrong_ones_even_the_right_one_waits_and_then_not_any_more():
    now = [0.0]
    attempts = Attempts(clock=lambda: now[0])
    for _ in range(MOST["pair"]):
        assert attempts.wait("ada", "1.1.1.1") == 0
        attempts.failed("ada", "1.1.1.1")
        now[0] += 10
    assert attempts.wait("ada", "1.1.1.1") == WINDOW - 10 * MOST["pair"]
    assert attempts.wait("ada", "2.2.2.2") == 0 and attempts.wait("bob", "1.1.1.1") == 0
    now[0] += WINDOW
    assert attempts.wait("ada", "1.1.1.1") == 0


def test_many_names_from_one_address_and_one_name_from_many_addresses_are_limited_as_well():
    attempts = Attempts(clock=lambda: 0.0)
    for number in range(MOST["address"]):
        attempts.failed(f"user{number}", "1.1.1.1")
    assert attempts.wait("somebody", "1.1.1.1") and not attempts.wait("somebody", "2.2.2.2")
    for number in range(MOST["name"]):
        attempts.failed("ada", f"3.3.3.{number}")
    assert attempts.wait("ada", "4.4.4.4")


def test_signing_in_rightly_many_times_locks_nobody_out():
    attempts = Attempts(clock=lambda: 0.0)
    for _ in range(200):
        assert attempts.wait("ada", "1.1.1.1") == 0
        attempts.failed("ada", "1.1.1.1")
        attempts.succeeded("ada", "1.1.1.1")


def test_made_up_names_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("workbench.team.attempts._KEYS", 30)
    attempts = Attempts()
    for number in range(100):
        attempts.failed(f"user{number}", "1.1.1.1")
    assert len(attempts._wrong) <= 30 and attempts.wait("x", "1.1.1.1")


def test_other_keys_of_the_file_do_no_harm(users):
    kept = json.loads(users.file.read_text())
    kept["users"] |= {"../eve": {"password": "x"}, "odd": 3, "num": {"password": 3, "may_spend": 1}}
    users.file.write_text(json.dumps(kept))
    assert set(users.all()) == {"ada", "num"} and users.get("num").password is None and not users.get("num").may_spend
