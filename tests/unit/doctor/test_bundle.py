"""A support bundle holds versions, settings and what went wrong, and nothing that is a person's."""

import json
import stat
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.doctor import bundle, installation
from core.errors import WorkbenchError
from core.pairs.store import add_set
from core.runs.events import EventWriter
from core.workspace import Workspace, write_json
from tests.tiny import pairs, run_folder

PLANTED = {
    "token": "hf_plantedPlantedPlanted0123456789", "key": "AKIAPLANTEDPLANTED00", "secret": "planted-secret-0123456789abcdefghij",
    "text": "which-dose-is-safe-for-mister-planted", "file": "planted-patients-2026", "person": "planted-ada",
    "column": "planted_diagnosis", "bucket": "planted-bucket", "model": "/home/planted-ada/planted-model",
}
LOG = [
    {"time": 1.5, "level": "INFO", "from": "workbench.requests", "message": "request", "who": PLANTED["person"], "method": "POST",
     "kind": "gradio_api/queue", "status": 200, "ms": 3.2},
    {"time": 2.5, "level": "ERROR", "from": "workbench.background", "message": "The next run could not be started.",
     "error": "OSError", "at": ["local.py:120 launch_next", PLANTED["text"]]},
    {"time": 3.5, "level": "ERROR", "from": "some.library", "message": f"could not parse {PLANTED['text']}"},
    {"time": 4.5, "level": "INFO", "from": "workbench.aws", "message": f"own words with {PLANTED['text']}"},
    {"time": 5.5, "level": PLANTED["secret"], "from": PLANTED["text"], "error": PLANTED["text"], "kind": PLANTED["file"]},
]
WORKER_LOG = f"""\
reading {PLANTED['file']}
Traceback (most recent call last):
  File "/home/{PLANTED['person']}/workbench/core/training/work.py", line 71, in work
    raise ValueError({PLANTED['text']!r})
ValueError: {PLANTED['text']}
"""


@pytest.fixture
def workspace(tmp_path, tiny) -> Workspace:
    """Planted in every place that the bundle is made from."""
    workspace = Workspace.at(tmp_path / PLANTED["person"] / "workspace")
    data = pairs(12)
    data.loc[0, "anchor"] = PLANTED["text"]
    run = run_folder(workspace, tiny, f"{PLANTED['file']}-quick-1", data[:8], data[8:], base_model=PLANTED["model"])
    settings = json.loads(run.recipe_file.read_text())
    settings["source"]["name"] = f"{PLANTED['file']}.csv"
    settings["columns"] = {"anchor": PLANTED["column"]}
    settings["reasons"] = {"epochs": PLANTED["text"]}
    settings["target"] = {"on": "here", "instance_type": PLANTED["bucket"], "max_hours": 2.0}
    settings["versions"] |= {"torch": "2.13.0+cpu", PLANTED["token"]: "1", "numpy": PLANTED["text"] + " "}
    run.recipe_file.write_text(json.dumps(settings))
    EventWriter(run.events_file).write("failed", what=PLANTED["text"], why=PLANTED["text"], what_to_do="", offer=None)
    run.log_file.write_text(WORKER_LOG)
    write_json(run.report_file, {
        "verdict": PLANTED["text"], "better": True, "held_out": 4, "pool": 12, "base": {"ndcg@10": 0.5, "hit@1": 0.5},
        "tuned": {"ndcg@10": 0.6, "hit@1": 0.6}, "change": {"ndcg@10": 0.1, "interval": [0.0, 0.2]},
    })
    search = workspace.searches / f"{PLANTED['file']}-search-1"
    search.mkdir()
    (search / "search.json").write_text("{")
    file = tmp_path / f"{PLANTED['file']}.csv"
    data[["anchor", "positive"]].rename(columns={"anchor": PLANTED["column"]}).to_csv(file, index=False)
    stored = add_set(workspace, file)
    (workspace.sets / stored.id / "set.json").write_text("{")
    write_json(workspace.root / "aws.json", {"bucket": PLANTED["bucket"], "profile": PLANTED["person"]})
    return workspace


def test_nothing_that_is_a_persons_is_in_it(workspace, tmp_path, monkeypatch, capsys):
    """Through the command, with secrets in the environment and AWS where nothing answers."""
    from core.__main__ import main

    for name, value in {
        "HF_TOKEN": PLANTED["token"], "AWS_ACCESS_KEY_ID": PLANTED["key"], "AWS_SECRET_ACCESS_KEY": PLANTED["secret"],
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("core.aws.session.ATTEMPTS", 1)
    monkeypatch.setattr(installation, "look_at_libraries", lambda: ([], None))
    log, file = tmp_path / "log.jsonl", tmp_path / "bundle.zip"
    log.write_text("\n".join([*map(json.dumps, LOG), PLANTED["text"], '["a list"]', "{" * 5000]) + "\n")
    assert main(["doctor", "--workspace", str(workspace.root), "--bundle", str(file), "--log", str(log)]) == 1
    assert PLANTED["file"] in (printed := capsys.readouterr().out)  # the person sees which files; secrets nobody sees
    assert not any(PLANTED[name] in printed for name in ("token", "key", "secret"))
    with zipfile.ZipFile(file) as packed:
        members = {name: packed.read(name).decode() for name in packed.namelist()}
    assert set(members) == {"README.txt", "about.json", "findings.json", "runs.json", "workers.json", "log.jsonl"}
    found = [(name, what) for name, content in members.items() for what, planted in PLANTED.items() if planted in content]
    assert not found and not any("planted" in content.lower() for content in members.values())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    [run] = json.loads(members["runs.json"])
    assert run["state"] == "failed" and run["recipe"]["learning_rate"] == 1e-3 and run["recipe"]["base_model"] == "another"
    assert run["versions"] == {"python": "3", "torch": "2.13.0+cpu"} and run["target"]["on"] == "here" and run["pairs"] == 12
    assert run["verdict"] == {"better": True, "held_out": 4, "pool": 12}
    [worker] = json.loads(members["workers.json"])
    assert worker == {"run": 1, "error": "ValueError", "at": ["work.py:71 work"]}
    lines = [json.loads(line) for line in members["log.jsonl"].splitlines()]
    assert lines[0] == {"time": 1.5, "level": "INFO", "from": "workbench.requests", "message": "request", "method": "POST",
                        "kind": "gradio_api/queue", "status": 200, "ms": 3.2}
    assert lines[1]["message"] == "The next run could not be started." and lines[1]["at"] == ["local.py:120 launch_next"]
    assert "message" not in lines[2] and "message" not in lines[3] and lines[4] == {"time": 5.5}
    findings = json.loads(members["findings.json"])
    assert {"1 pair set is damaged.", "1 search is damaged."} <= {one["what"] for one in findings}
    assert "gradio" in json.loads(members["about.json"])["packages"]


def test_a_log_or_a_bundle_that_cannot_be_opened_is_said_in_words(workspace, tmp_path):
    with pytest.raises(WorkbenchError, match="log cannot be read"):
        bundle.write_bundle(tmp_path / "a.zip", [], workspace.root, tmp_path / "none.jsonl")
    with pytest.raises(WorkbenchError, match="could not be written"):
        bundle.write_bundle(tmp_path / "no" / "folder" / "a.zip", [], workspace.root, None)


values = st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=5)


@given(st.dictionaries(st.sampled_from([*bundle._LOG, "message", "at", "who", "text"]), values), st.text())
def test_no_line_of_a_log_brings_in_what_is_not_of_the_known_form(line, noise):
    secret = "käthe's text"
    planted = {name: secret if isinstance(value, str) else [secret] if isinstance(value, list) else value
               for name, value in line.items()}
    planted |= {"time": planted.get("time"), "level": planted.get("level"), "from": planted.get("from")}
    for kept in bundle.log_lines(json.dumps(planted) + "\n" + noise):
        assert secret not in json.dumps(kept, ensure_ascii=False)


@given(st.text())
def test_whatever_a_worker_printed_its_fault_is_read_or_there_is_none(text):
    found = bundle.worker_fault(text)
    assert found is None or set(found) == {"error", "at"}
