"""What another site can do with the app of somebody who has it open: nothing. Over HTTP, as browsers send it."""

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from core.workspace import Workspace
from workbench.__main__ import main
from workbench.app import build_app
from workbench.guard import Guard, content_policy, host_of

OWN = "http://127.0.0.1:7860"
#: Everything that changes something goes through these: Gradio's events and uploads, and what other methods there are.
DOORS = [
    ("POST", "/gradio_api/run/predict"), ("POST", "/gradio_api/queue/join"), ("POST", "/gradio_api/upload"),
    ("POST", "/gradio_api/cancel"), ("POST", "/gradio_api/reset"), ("DELETE", "/take-home/some-run-1"),
]
FOREIGN = ["https://evil.example", "null", "http://127.0.0.1:8888", "http://127.0.0.1.evil.example:7860", "", "http://127.0.0.1"]


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return build_app(Workspace.at(tmp_path_factory.mktemp("workspace")))


@pytest.fixture(scope="module")
def client(app):
    return TestClient(Guard(app), base_url=OWN)


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("method, path", DOORS)
def test_another_site_changes_nothing(client, method, path, origin):
    answer = client.request(method, path, headers={"Origin": origin})
    assert answer.status_code == 403 and "Another site" in answer.text


@pytest.mark.parametrize("method, path", DOORS)
def test_the_own_page_and_programs_come_through(client, method, path):
    for headers in ({"Origin": OWN, "Sec-Fetch-Site": "same-origin"}, {}):
        answer = client.request(method, path, headers=headers)
        assert answer.status_code != 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_foreign_page_embeds_and_reads_nothing_but_may_link_to_the_app(client, site):
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert client.get("/config", headers=headers).status_code == 403
    framed = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    assert client.get("/", headers=framed).status_code == 403
    opened = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert client.get("/", headers=opened).status_code == 200
    assert client.post("/gradio_api/upload", headers=opened).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "", "0.0.0.0", "a b"])
def test_a_name_that_points_here_is_not_the_app(client, host):
    """DNS rebinding: the browser takes the answer for one of evil.example, and would let its page read it."""
    answer = client.get("/config", headers={"Host": host})
    assert answer.status_code == 403 and "not known by the name" in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost:7860", "LOCALHOST", "[::1]:7860", "localhost."])
def test_this_machines_names_are_the_app(client, host):
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


def test_a_proxys_name_is_let_in_when_it_was_named_and_its_pages_are_the_apps(app):
    client = TestClient(Guard(app, ["Lab.Example"]), base_url=OWN)
    assert client.get("/healthz", headers={"Host": "lab.example:443"}).status_code == 200
    for host in ("lab.example", "127.0.0.1:7860"):  # a proxy hands the name on, or calls the app by its own
        answer = client.post("/gradio_api/run/predict", headers={"Host": host, "Origin": "https://lab.example"})
        assert answer.status_code != 403
        answer = client.post("/gradio_api/run/predict", headers={"Host": host, "Origin": "https://other.example"})
        assert answer.status_code == 403


def test_a_preflight_of_another_site_is_not_granted(client):
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = client.options("/gradio_api/run/predict", headers=headers)
    assert answer.status_code == 403 and "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/healthz", "/config", "/take-home/nothing", "/gradio_api/file=/etc/passwd"])
def test_every_answer_has_the_headers(client, path):
    headers = client.get(path, headers={"Accept": "text/html"}).headers
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["connect-src"] == policy["frame-ancestors"] == "'self'"
    assert "'unsafe-inline'" not in policy["script-src"] and "http" not in headers["content-security-policy"]


@pytest.mark.parametrize("path", [
    "info", "openapi.json", "call/anything", "api/predict", "run/anything", "proxy=http://169.254.169.254/", "process_recording",
    "vibe-code", "vibe-edit", "deep_link", "stream/1", "component_server", "run-history/buckets", "dev/reload", "x", "",
])
def test_what_the_page_does_not_need_of_gradio_is_closed(client, path):
    for method in ("GET", "POST"):
        answer = client.request(method, f"/gradio_api/{path}")
        assert (answer.status_code, answer.text) == (404, "There is nothing here.")


@pytest.mark.parametrize("path", [
    "/etc/passwd", "{root}/../secret.csv", "{uploads}/../../secret.csv", "secret.csv", "http://192.0.2.1/x.csv", "file:///etc/passwd",
])
def test_a_message_reads_no_file_that_was_not_uploaded(app, client, path, tmp_path_factory, monkeypatch):
    """Gradio checks that in pages that it serves itself, and not in mounted ones."""
    root = tmp_path_factory.mktemp("elsewhere")
    (root.parent / "secret.csv").write_text("question,answer\nmy secret,x\n")
    (root / "uploads").mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(root / "uploads"))
    config = client.get("/config").json()
    before = list(root.rglob("*"))
    for component in (one for one in config["components"] if one["type"] in ("file", "uploadbutton")):
        event = next(one for one in config["dependencies"] if component["id"] in one["inputs"] and one["backend_fn"])
        name = path.format(root=root, uploads=root / "uploads")
        for file in ({"path": name, "meta": {"_type": "gradio.FileData"}}, {"path": name}):
            data = [file if one == component["id"] else None for one in event["inputs"]]
            many = [[file] if one == component["id"] else None for one in event["inputs"]]
            for sent in (data, many):
                answer = client.post("/gradio_api/run/predict", json={"fn_index": event["id"], "data": sent, "session_hash": "x"})
                assert "not uploaded here" in answer.text and "my secret" not in answer.text
    assert list(root.rglob("*")) == before  # nothing was copied to where it could be fetched


def test_the_policy_names_the_scripts_of_the_page_and_no_others():
    page = b"<script src='a.js'></script><script>one()</script><p>two()</p><SCRIPT type='module'>\ntwo()\n</SCRIPT>"
    assert content_policy(page).count("sha256-") - content_policy().count("sha256-") == 2
    # echo -n 'one()' | openssl dgst -sha256 -binary | base64
    assert "'sha256-HR7iaask9daLMRRskMI++QeJtjWDOjyPA6lGzYGzKW4='" in content_policy(page)


@given(st.text(max_size=300))
def test_any_host_is_read_without_a_crash(text):
    host_of(text)


def test_the_app_is_not_started_for_others_without_a_sign_in(capsys):
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org", ""):
        assert main(["--host", host, "--no-browser"]) == 2
        assert "people sign in" in capsys.readouterr().err
