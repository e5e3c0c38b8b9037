"""Several people on one workbench, over HTTP: nobody reaches what is another's, and the server checks every right itself."""

import json
import os
import signal
import time

import httpx
import pandas as pd
import pytest

from core.pairs.store import add_set
from core.rights import read_audit
from core.runs.run import Run
from core.workspace import Workspace, write_json
from tests.integration.team.conftest import PASSWORDS, Browser
from workbench import shares

SECRET = "a question that is ada's alone"
#: Everything that could be asked for, by the first part of its address.
PATHS = ["/", "/config", "/gradio_api/run/predict", "/gradio_api/file=/etc/passwd", "/take-home/a-1", "/sets/a/cleaned.csv",
         "/endpoints/vectors/0.csv", "/comparisons/0/report.html", "/shared/x", "/static/x", "/anything", "/theme.css"]


@pytest.fixture(scope="module")
def hers(team, tmp_path_factory) -> dict[str, str]:
    """What Ada has: a set, a run with a model, and an upload; their ids."""
    workspace = team.workspace("ada")
    file = tmp_path_factory.mktemp("file") / "some.csv"
    file.write_text(f"question,answer\n{SECRET},an answer\nanother,one more\n")
    run = Run(workspace.runs / "adas-run-1")
    run.model.mkdir(parents=True)
    (run.model / "model.safetensors").write_bytes(SECRET.encode())
    rows = pd.DataFrame({"row": [1], "anchor": [SECRET], "positive": ["b"], "component": [0]})
    rows.to_parquet(run.train_file)
    rows.to_parquet(run.heldout_file)
    recipe = {"base_model": "all-MiniLM-L6-v2", "loss": "MultipleNegativesRanking", "epochs": 1, "batch_size": 2,
              "learning_rate": 1e-5, "warmup": 0.1, "scale": 20, "max_seq_length": 256, "seed": 12, "matryoshka_dims": [],
              "freeze_token_embeddings": False, "held_out": 0.2, "patience": 3, "effort": "quick", "goal": "order"}
    write_json(run.recipe_file, {
        "id": run.id, "name": "some run", "kind": "pairs", "columns": {}, "recipe": recipe, "versions": {}, "created": 0,
        "source": {"name": "x.csv", "digest": "0", "rows": 1, "set": None}, "target": "local", "reasons": {},
        "base": {"name": "all-MiniLM-L6-v2", "path": "/nowhere", "digest": "0"},
    })
    return {"set": add_set(workspace, file).id, "run": run.id}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", PATHS)
def test_without_a_sign_in_there_is_nothing(team, method, path):
    answer = httpx.request(method, f"{team.address}{path}")
    assert answer.status_code == 401
    answer = httpx.request(method, f"{team.address}{path}", headers={"Accept": "text/html"}, cookies={"workbench_session": "ada"})
    if method == "GET":
        assert answer.status_code == 303 and "/sign-in?next=" in answer.headers["location"]
    else:
        assert answer.status_code == 401


def test_health_is_for_everybody(team):
    assert httpx.get(f"{team.address}/healthz").json() == {"status": "ok"}


def test_each_has_their_own(ada, bob, hers):
    assert ada.get(f"/take-home/{hers['run']}").status_code == 200
    assert SECRET in ada.get(f"/sets/{hers['set']}/cleaned.csv").text
    for path in (f"/take-home/{hers['run']}", f"/sets/{hers['set']}/cleaned.csv"):
        assert bob.get(path).status_code == 404
    for path in (f"/take-home/..%2f..%2fada%2fruns%2f{hers['run']}", f"/sets/..%2f..%2fada%2fsets%2f{hers['set']}/cleaned.csv"):
        assert bob.get(path).status_code == 404
    page = bob.get("/", params={"set": hers["set"], "run": hers["run"]})
    assert page.status_code == 200 and SECRET not in page.text


def test_no_event_gives_anothers_texts(bob, hers):
    """The ids that the page keeps are sent by the browser, so anybody can put another's there."""
    for elem_id, event, values in (
        ("set-id", "change", {"set-id": hers["set"], "run-id": hers["run"]}),
        ("run-id", "change", {"set-id": hers["set"], "run-id": hers["run"]}),
        ("start", "click", {"set-id": f"../../ada/sets/{hers['set']}"}),
    ):
        for one in [one for one in bob.config["dependencies"] if [bob.part(elem_id), event] in map(list, one["targets"])]:
            now = {each["id"]: each["props"].get("value") for each in bob.config["components"]}
            given = {bob.part(name): value for name, value in values.items()}
            answer = bob.post("/gradio_api/run/predict", json={
                "fn_index": one["id"], "data": [given.get(place, now.get(place)) for place in one["inputs"]],
                "session_hash": "bobsession", "trigger_id": bob.part(elem_id),
            })
            assert SECRET not in answer.text and "an answer" not in answer.text


def test_an_upload_is_its_senders_alone(ada, bob, team):
    """By its address, and as what an event is told to read."""
    sent = ada.post("/gradio_api/upload", files={"files": ("mine.csv", f"question,answer\n{SECRET},x\nb,y\n".encode())})
    path = sent.json()[0]
    assert str(team.house / "users" / "ada") in path
    assert ada.get(f"/gradio_api/file={path}").status_code == 200
    relative = os.path.relpath(path, team.house / "users" / "bob")
    for name in (path, relative, f"{team.house}/users/bob/cache/uploads/../../../ada/{path.partition('/ada/')[2]}"):
        assert bob.get(f"/gradio_api/file={name}").status_code in (403, 404)
    file = {"path": path, "orig_name": "mine.csv", "size": 10, "meta": {"_type": "gradio.FileData"}}
    answer = bob.event("upload", "upload", {"upload": file})
    assert "not uploaded here" in answer.text and SECRET not in answer.text
    assert not list(team.workspace("bob").sets.glob("[!.]*"))
    answer = ada.event("upload", "upload", {"upload": file})  # the same message is good enough for her own app
    assert answer.status_code == 200


@pytest.mark.parametrize("name", [
    "users.json", "session-secret", "audit.jsonl", "house.json", "users/ada/runs/adas-run-1/recipe.json", "users/ada/aws.json",
])
def test_no_file_of_the_house_is_served_to_anybody(ada, bob, team, hers, name):
    for browser in (ada, bob):
        for path in (f"{team.house}/{name}", f"../../{name}", f"../../../{name}"):
            assert browser.get(f"/gradio_api/file={path}").status_code in (403, 404)


def test_what_bob_waits_for_is_not_on_adas_stream(ada, bob):
    """Gradio's events and streams are found by ids that the browser chose; another's app does not know them."""
    bob.event("start", "click", {})
    for path in ("/gradio_api/queue/data?session_hash=bobsession", "/gradio_api/heartbeat/bobsession"):
        with ada.stream("GET", path, timeout=3) as answer:
            try:
                assert b"process_completed" not in b"".join(answer.iter_raw())
            except httpx.ReadTimeout:  # it waits for events of ada's own
                pass


def test_a_page_that_is_closed_holds_nothing_open(team, ada):
    """Each page keeps a stream open for as long as it is there; the door must not keep it open any longer."""
    def streams() -> int:
        return len([one for one in team.app_of("ada").net_connections("unix") if one.raddr == "" and ".sock" in one.laddr])

    assert ada.get("/config").status_code == 200
    before = streams()
    open_ones = [ada.stream("GET", f"/gradio_api/heartbeat/page{number}") for number in range(8)]
    for one in open_ones:
        one.__enter__()
    assert streams() >= before + 7
    for one in open_ones:
        one.__exit__(None, None, None)
    deadline = time.monotonic() + 30
    while streams() > before + 2:
        assert time.monotonic() < deadline, (before, streams())
        time.sleep(0.2)


@pytest.mark.parametrize("place", ["serverless", "sagemaker", "tei"])
def test_deploying_where_it_costs_needs_the_right_whatever_the_page_sends(bob, ada, place):
    answer = bob.event("deploy", "click", {"deploy-where": place, "deploy-hours": 1})
    assert "right to spend money" in answer.text
    answer = ada.event("deploy", "click", {"deploy-where": place, "deploy-hours": 1})
    assert "right to spend money" not in answer.text  # there is no account, which is another matter


def test_a_right_that_is_taken_away_is_gone_at_once(team, ada):
    team.users.allow("ada", False)
    try:
        answer = ada.event("deploy", "click", {"deploy-where": "serverless", "deploy-hours": 1})
        assert "right to spend money" in answer.text
    finally:
        team.users.allow("ada", True)


def test_what_is_deleted_is_in_the_log_with_who_did_it(team, bob):
    run = Run(team.workspace("bob").runs / "bobs-run-1")
    run.folder.mkdir()
    write_json(run.recipe_file, {"id": run.id})
    part = bob.part("run")  # the question whether to delete it comes after the run's card
    for one in [one for one in bob.config["dependencies"] if one["targets"] and one["targets"][0][1] == "click"]:
        if one["targets"][0][0] > part and bob.part("run-id") in one["inputs"]:
            bob.post("/gradio_api/run/predict", json={
                "fn_index": one["id"], "data": ["bobs-run-1"] * len(one["inputs"]), "session_hash": "bobsession",
                "event_data": {"do": "delete-now", "run": "bobs-run-1"}, "trigger_id": one["targets"][0][0],
            })
    assert not run.folder.exists()
    entries = [one for one in read_audit(Workspace(team.house)) if one["subject"] == "bobs-run-1"]
    assert [(one["who"], one["action"], one["outcome"]) for one in entries] == [
        ("bob", "delete", "begun"), ("bob", "delete", "done")
    ]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_another_site_does_nothing_with_somebodys_cookie(team, ada, origin):
    for path in ("/gradio_api/run/predict", "/gradio_api/upload", "/sign-out", "/sign-in"):
        answer = ada.post(path, headers={"Origin": origin, "Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403
    assert ada.get("/config").status_code == 200  # she has not been signed out


def test_the_cookie_is_kept_from_scripts_other_sites_and_the_app(team, ada):
    with Browser(team) as browser:
        answer = browser.post("/sign-in", data={"name": "ada", "password": PASSWORDS["ada"], "next": "//evil.example/"})
        assert answer.headers["location"] == "/"
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=lax" in cookie and "path=/" in cookie
        assert "secure" not in cookie  # over http; see test_hub for https


def test_signing_out_ends_the_session_and_not_the_others(team, ada):
    with Browser(team, "ada") as one:
        cookie = one.cookies["workbench_session"]
        assert one.get("/config").status_code == 200
        assert one.post("/sign-out").status_code == 303
        assert "workbench_session" not in one.cookies
    with Browser(team) as thief:  # who has kept the cookie
        thief.cookies["workbench_session"] = cookie
        assert thief.post("/gradio_api/run/predict").status_code == 401
    assert ada.get("/config").status_code == 200


def test_a_new_password_and_being_taken_out_of_the_file_end_sessions(team):
    team.users.put("eve", "eve's long password", False)
    PASSWORDS["eve"] = "eve's long password"
    with Browser(team, "eve") as eve:
        assert eve.get("/config").status_code == 200
        team.users.put("eve", "another long password", False)
        assert eve.post("/gradio_api/run/predict").status_code == 401
    PASSWORDS["eve"] = "another long password"
    with Browser(team, "eve") as eve:
        team.users.remove("eve")
        assert eve.post("/gradio_api/run/predict").status_code == 401


def test_an_app_that_was_killed_is_started_again_and_takes_nobody_along(team, ada, bob):
    before, other = team.app_of("bob").pid, team.app_of("ada").pid
    os.kill(before, signal.SIGKILL)
    time.sleep(0.3)
    assert bob.get("/config").status_code == 200
    assert team.app_of("bob").pid != before and team.app_of("ada").pid == other


def test_a_shared_report_is_read_by_who_has_the_link_until_it_is_ended(team, ada, bob):
    workspace = team.workspace("ada")

    def write(folder):
        path = folder / "some-report.html"
        path.write_text(f"<p>{SECRET}</p>")
        return path

    shared = shares.share(workspace, "base → tuned", write)
    link = f"/shared/{shared.token}"
    assert httpx.get(f"{team.address}{link}").status_code == 401
    for browser in (ada, bob):
        answer = browser.get(link)
        assert answer.status_code == 200 and SECRET in answer.text
        assert answer.headers["content-security-policy"].startswith("sandbox allow-scripts")
    for other in (shared.token[:-1], shared.token[:-1] + "!", "%2e%2e", "a" * 43, "a" * 5000, "%00"):
        assert bob.get(f"/shared/{other}").status_code == 404
    with pytest.raises(Exception, match="not shared any more"):
        shares.end(team.workspace("bob"), shared.token)  # only whoever shared it ends it
    for ticket in ("0" * 32, "../../x", ""):
        assert "no longer here" in bob.event("shares", "click", data={"do": "share", "ticket": ticket}).text
    said = bob.event("shares", "click", data={"do": "unshare", "token": shared.token}).text
    assert "not shared any more" in said and bob.get(link).status_code == 200
    ada.event("shares", "click", data={"do": "unshare", "token": shared.token})
    assert bob.get(link).status_code == 404 and not list((team.house / "shared").iterdir())
    assert shares.shares_of(workspace) == []


def test_numbers_for_a_monitor_and_lines_in_the_log_name_nothing_that_is_somebodys(team, ada, bob, hers):
    ada.get(f"/take-home/{hers['run']}")
    shown = httpx.get(f"{team.address}/metrics").text
    assert 'workbench_requests_total{kind="take-home",status="2xx"}' in shown and "workbench_disk_free_bytes" in shown
    assert 'workbench_trainings{state="running"} 0.0' in shown
    through_a_proxy = httpx.get(f"{team.address}/metrics", headers={"X-Forwarded-For": "192.0.2.1"})
    assert through_a_proxy.status_code == 401
    assert bob.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 200
    lines = [json.loads(line) for line in team.log.read_text().splitlines()]
    assert {"ada", "bob"} <= {line.get("who") for line in lines}
    text = team.log.read_text() + shown
    for hidden in (*PASSWORDS.values(), hers["run"], hers["set"], SECRET, ada.cookies["workbench_session"], "mine.csv"):
        assert hidden not in text


# last, as it keeps bob's address out for a while
def test_too_many_wrong_passwords_are_stopped_in_words(team):
    with Browser(team) as thief:
        for _ in range(5):
            answer = thief.post("/sign-in", data={"name": "nobody", "password": "wrong"})
            assert answer.status_code == 401 and "do not belong together" in answer.text
        answer = thief.post("/sign-in", data={"name": "nobody", "password": "wrong"})
        assert answer.status_code == 429 and "Try again in" in answer.text and int(answer.headers["retry-after"]) > 60
        for _ in range(5):
            thief.post("/sign-in", data={"name": "bob", "password": "wrong"})
        answer = thief.post("/sign-in", data={"name": "bob", "password": PASSWORDS["bob"]})
        assert answer.status_code == 429 and "set-cookie" not in answer.headers
        hostile = thief.post("/sign-in", data={"name": "<script>alert(1)</script>", "password": "x", "next": '"><script>'})
        assert "<script>alert" not in hostile.text and '"><script>' not in hostile.text
        assert thief.post("/sign-in", content=b"x" * 20_000).status_code == 413
