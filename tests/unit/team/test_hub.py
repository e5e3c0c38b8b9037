"""Who the door takes somebody for, by what proxies and browsers say."""

import pytest
from fastapi.testclient import TestClient

from workbench.__main__ import main
from workbench.team.hub import Door, Hub
from workbench.team.users import Users

PASSWORD = "a long password"


@pytest.fixture
def users(tmp_path):
    users = Users(tmp_path / "users.json")
    users.put("ada", PASSWORD, True)
    return users


def client(hub: Hub, peer: str, address: str = "http://lab.example") -> TestClient:
    return TestClient(hub.app, base_url=address, client=(peer, 4711), follow_redirects=False)


@pytest.fixture
def by_proxy(tmp_path):
    return Hub(tmp_path, Door(None, "X-Remote-User", ["10.0.0.5", "10.1.0.0/16"]))


@pytest.mark.parametrize("peer, named", [
    ("10.0.0.5", True), ("10.1.2.3", True), ("10.0.0.6", False), ("127.0.0.1", False), ("x", False),
])
def test_a_name_in_a_header_counts_from_the_trusted_proxy_alone(by_proxy, peer, named):
    answer = client(by_proxy, peer).get("/sign-in", headers={"X-Remote-User": "Ada@Example.Org"})
    assert ("signed in as ada@example.org" in answer.text) is named and answer.status_code == (200 if named else 401)


def test_a_proxy_cannot_be_claimed_by_a_header(by_proxy):
    headers = {"X-Remote-User": "ada", "X-Forwarded-For": "10.0.0.5", "Forwarded": "for=10.0.0.5"}
    assert client(by_proxy, "192.0.2.1").get("/", headers=headers).status_code == 401


@pytest.mark.parametrize("name", ["", "..", "../ada", "a/b", "ada\\bob", ".", "a" * 65, "ada bob", "ada,bob"])
def test_a_name_that_can_be_no_folder_is_nobody(by_proxy, name):
    assert client(by_proxy, "10.0.0.5").get("/", headers={"X-Remote-User": name}).status_code == 401


def test_two_names_are_nobody(by_proxy):
    """A browser has sent one, and the proxy has added its own."""
    two = [("X-Remote-User", "ada"), ("X-Remote-User", "bob")]
    assert client(by_proxy, "10.0.0.5").get("/", headers=two).status_code == 401


def test_where_people_have_passwords_the_header_is_nothing(tmp_path, users):
    hub = Hub(tmp_path, Door(users, trusted_proxies=["10.0.0.5"]))
    answer = client(hub, "10.0.0.5").get("/", headers={"X-Remote-User": "ada", "Accept": "text/html"})
    assert answer.status_code == 303 and answer.headers["location"] == "/sign-in?next=/"


def test_there_is_no_password_form_where_a_proxy_signs_people_in(by_proxy):
    answer = client(by_proxy, "192.0.2.1").post("/sign-in", data={"name": "ada", "password": PASSWORD})
    assert answer.status_code == 401 and "set-cookie" not in answer.headers


@pytest.mark.parametrize("peer, address, headers, secure", [
    ("192.0.2.1", "http://lab.example", {}, False),
    ("192.0.2.1", "https://lab.example", {}, True),
    ("10.0.0.5", "http://lab.example", {"X-Forwarded-Proto": "https"}, True),
    ("192.0.2.1", "http://lab.example", {"X-Forwarded-Proto": "https"}, False),
])
def test_behind_https_the_cookie_is_never_sent_without_it(tmp_path, users, peer, address, headers, secure):
    hub = Hub(tmp_path, Door(users, trusted_proxies=["10.0.0.5"], root_path="/lab"))
    sent = {"name": " Ada ", "password": PASSWORD, "next": "/?run=a-1"}
    answer = client(hub, peer, address).post("/sign-in", data=sent, headers=headers)
    assert answer.status_code == 303 and answer.headers["location"] == "/lab/?run=a-1"
    cookie = answer.headers["set-cookie"]
    assert ("Secure" in cookie) is secure and "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/lab" in cookie


@pytest.mark.parametrize("wanted", [
    "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/a\r\nb", "x", "",
])
def test_after_the_sign_in_one_stays_here(tmp_path, users, wanted):
    answer = client(Hub(tmp_path, Door(users)), "192.0.2.1").post(
        "/sign-in", data={"name": "ada", "password": PASSWORD, "next": wanted}
    )
    assert answer.status_code == 303 and answer.headers["location"] == "/"


def test_wrong_passwords_are_counted_by_where_they_come_from_and_not_by_what_they_claim(tmp_path, users):
    hub = Hub(tmp_path, Door(users, trusted_proxies=["10.0.0.5"]))
    wrong = {"name": "ada", "password": "wrong"}
    direct = client(hub, "192.0.2.1")
    said = [direct.post("/sign-in", data=wrong, headers={"X-Forwarded-For": f"1.1.1.{n}"}).status_code for n in range(6)]
    assert said == [401] * 5 + [429]
    proxy = client(hub, "10.0.0.5")
    said = [proxy.post("/sign-in", data=wrong, headers={"X-Forwarded-For": f"9.9.9.{n}, 1.1.1.1"}).status_code for n in range(6)]
    assert said == [401] * 5 + [429]
    assert proxy.post("/sign-in", data={**wrong, "password": PASSWORD}, headers={"X-Forwarded-For": "1.1.1.2"}).status_code == 303


def test_many_attempts_at_once_are_counted_too(tmp_path, users):
    from concurrent.futures import ThreadPoolExecutor

    one = client(Hub(tmp_path, Door(users)), "192.0.2.1")
    with one, ThreadPoolExecutor(12) as pool:
        said = list(pool.map(lambda _: one.post("/sign-in", data={"name": "ada", "password": "wrong"}).status_code, range(12)))
    assert said.count(401) <= 5 and said.count(429) >= 7


def test_a_damaged_file_of_users_lets_nobody_in_and_says_so(tmp_path, users):
    one = client(Hub(tmp_path, Door(users)), "192.0.2.1")
    one.cookies["workbench_session"] = one.post("/sign-in", data={"name": "ada", "password": PASSWORD}).cookies["workbench_session"]
    users.file.write_text("{")
    for answer in (one.get("/config"), one.post("/sign-in", data={"name": "ada", "password": PASSWORD})):
        assert answer.status_code == 503 and "is damaged" in answer.text and "set-cookie" not in answer.headers


@pytest.mark.parametrize("options, words", [
    (["--sso-header", "X-User"], "needs --trusted-proxy"),
    (["--sso-header", "X-User", "--trusted-proxy", "everybody"], "no address"),
    (["--users", "nowhere.json"], "Nobody could sign in"),
    (["--users", "nowhere.json", "--certificate", "a.pem"], "belong together"),
    (["--host", "0.0.0.0"], "people sign in"),
])
def test_options_that_would_leave_a_door_open_are_refused(tmp_path, capsys, options, words):
    assert main(["--workspace", str(tmp_path), "--no-browser", *options]) == 2
    assert words in capsys.readouterr().err
