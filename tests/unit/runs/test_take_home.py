"""The zip, the script in it, and the push to a hub that nobody can reach from here."""

import ast
import json
import logging
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from huggingface_hub import RepoUrl
from huggingface_hub.errors import HTTPError

from core.errors import WorkbenchError
from core.runs.events import EventWriter
from core.runs.take_home import push_to_hub, repeat_script, zip_model
from core.workspace import read_object, write_json

http = sys.modules[HTTPError.__module__.split(".")[0]]  # httpx or its successor, whichever the hub's client uses
TOKEN = "hf_thisIsASecretThatNobodyMayRead"


@pytest.fixture
def finished(make_run):
    run = make_run("bedrock-1")
    (run.model / "1_Pooling").mkdir(parents=True)
    (run.model / "model.safetensors").write_bytes(b"\0" * 5000)
    (run.model / "README.md").write_text("# A model")
    (run.model / "1_Pooling" / "config.json").write_text("{}")
    writer = EventWriter(run.events_file)
    writer.write("plan", steps=40)
    writer.write("done", best_step=24)
    return run


def test_the_zip_is_one_folder_with_the_model_and_how_to_repeat_it(finished, tmp_path):
    path = zip_model(finished, tmp_path)
    assert path == tmp_path / "bedrock-1.zip"
    assert list(tmp_path.glob(".take-home-*")) == []
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {
            f"bedrock-1/{name}" for name in (
                "model.safetensors", "README.md", "1_Pooling/config.json", "repeat/repeat.py", "repeat/recipe.json",
                "repeat/train.jsonl", "repeat/heldout.jsonl",
            )
        }
        assert archive.getinfo("bedrock-1/model.safetensors").compress_type == zipfile.ZIP_STORED
        assert archive.getinfo("bedrock-1/README.md").compress_type == zipfile.ZIP_DEFLATED
        lines = archive.read("bedrock-1/repeat/train.jsonl").decode().splitlines()
        assert json.loads(archive.read("bedrock-1/repeat/heldout.jsonl")) == {"row": 4, "anchor": "d", "positive": "D"}
        assert archive.read("bedrock-1/repeat/repeat.py").decode() == repeat_script(finished)
        assert archive.read("bedrock-1/repeat/recipe.json") == finished.recipe_file.read_bytes()
    assert [json.loads(line)["anchor"] for line in lines] == ["a", "b", "c"]


def test_texts_come_back_exactly_as_they_were_trained_on(finished, tmp_path):
    texts = ["=cmd()", 'a "quoted"\nline\r\n', "\u2028", "\x00", "😀, ;"]
    frame = pd.DataFrame({"row": range(5), "anchor": texts, "positive": texts, "component": range(5)})
    frame.to_parquet(finished.train_file)
    with zipfile.ZipFile(zip_model(finished, tmp_path)) as archive:
        lines = archive.read("bedrock-1/repeat/train.jsonl").decode().split("\n")[:-1]
    assert [json.loads(line)["positive"] for line in lines] == texts


def test_a_run_without_a_model_has_nothing_to_take_home(make_run, tmp_path):
    with pytest.raises(WorkbenchError, match="no model yet"):
        zip_model(make_run(), tmp_path)
    with pytest.raises(WorkbenchError, match="no model yet"):
        push_to_hub(make_run("b-1"), "me/x", TOKEN)


def test_a_full_disk_leaves_no_half_zip(finished, tmp_path, monkeypatch):
    def full(*_args, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(WorkbenchError, match="No space left"):
        zip_model(finished, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


def test_the_script_holds_what_was_trained(finished, tmp_path):
    script = repeat_script(finished)
    compile(script, "repeat.py", "exec")
    for line in (
        "BASE_MODEL = 'sentence-transformers/all-MiniLM-L6-v2'", "STOP_AFTER_STEP = 24", "BATCH_SIZE = 8",
        "SCALE = 20.0", "LEARNING_RATE = 5e-05", "SEED = 12", '"sentence-transformers==6.2.0"',
        "DROPOUT = True", "HALF_PRECISION = False", "MATRYOSHKA_DIMS = []", "SHARE = 1.0 ", "WAY = 'linear' ",
    ):
        assert line in script, line
    assert "$" not in script
    finished.events_file.unlink()  # it does not say how far it came
    assert "STOP_AFTER_STEP = 0 " in repeat_script(finished)
    (tmp_path / "repeat.py").write_text(script)
    assert subprocess.run([sys.executable, "-m", "ruff", "check", "--select", "E,F", "--line-length", "120",
                           str(tmp_path / "repeat.py")], capture_output=True).returncode == 0


def test_every_setting_of_the_run_is_in_the_script(finished):
    settings = read_object(finished.recipe_file)
    settings["recipe"] |= {
        "loss": "CoSENT", "epochs": 3, "batch_size": 16, "learning_rate": 2e-5, "warmup": 0.2, "scale": 30.0, "seed": 7,
        "max_seq_length": 64, "freeze_token_embeddings": True, "dropout": False, "half_precision": True,
        "matryoshka_dims": [32, 8],
    }
    settings |= {
        "base": {"name": "mine", "path": "/x", "digest": "d"}, "blend": {"run": "a-1", "share": 0.5, "way": "spherical"},
        "versions": {"sentence-transformers": "6.2.0", "transformers": "5.1.0", "torch": "2.9"},
    }
    write_json(finished.recipe_file, settings)
    script = repeat_script(finished)
    settings_of_it = script[script.index("BASE_MODEL = ") : script.index("COLUMNS = ")]
    told = {line.targets[0].id: ast.literal_eval(line.value) for line in ast.parse(settings_of_it).body}
    assert told == {
        "BASE_MODEL": "mine", "LOSS": "CoSENT", "EPOCHS": 3, "STOP_AFTER_STEP": 24, "BATCH_SIZE": 16, "LEARNING_RATE": 2e-5,
        "WARMUP": 0.2, "SCALE": 30.0, "MAX_SEQ_LENGTH": 64, "SEED": 7, "FREEZE_TOKEN_EMBEDDINGS": True, "DROPOUT": False,
        "HALF_PRECISION": True, "MATRYOSHKA_DIMS": [32, 8], "SHARE": 0.5, "WAY": "spherical",
    }
    assert 'pip install "sentence-transformers==6.2.0" "transformers==5.1.0" "datasets"' in script
    assert "weight_decay=0.01" in script


def test_a_run_without_settings_has_no_script(finished):
    settings = read_object(finished.recipe_file)
    for name in ("recipe", "base"):
        write_json(finished.recipe_file, {key: value for key, value in settings.items() if key != name})
        with pytest.raises(WorkbenchError, match="The settings of bedrock-1 cannot be read"):
            repeat_script(finished)


def test_the_model_is_pushed_to_a_private_repository_unless_it_shall_be_public(finished, monkeypatch):
    asked = []

    class Api:
        def __init__(self, token):
            asked.append(token)

        def create_repo(self, repo_id, *, private, exist_ok):
            asked.append((repo_id, private, exist_ok))
            return RepoUrl(f"https://huggingface.co/ada/{repo_id}")

        def upload_folder(self, *, repo_id, folder_path, commit_message):
            asked.append((repo_id, folder_path, commit_message))

    monkeypatch.setattr("huggingface_hub.HfApi", Api)
    assert push_to_hub(finished, " bedrock ", f" {TOKEN} ") == "https://huggingface.co/ada/bedrock"
    push_to_hub(finished, "bedrock", TOKEN, private=False)
    upload = ("ada/bedrock", finished.model, "Trained with Embedding Workbench: bedrock-1")
    assert asked == [TOKEN, ("bedrock", True, True), upload, TOKEN, ("bedrock", False, True), upload]


@pytest.mark.parametrize(("done", "step"), [
    ({"best_step": 0, "kept": "base"}, 0), ({"best_step": 24, "kept": "base"}, 0), ({"best_step": 24, "kept": "tuned"}, 24),
    ({}, 40),  # an older run does not say
])
def test_the_script_trains_as_far_as_the_model_that_was_kept(make_run, done, step):
    run = make_run()
    writer = EventWriter(run.events_file)
    writer.write("plan", steps=40)
    writer.write("done", **done)
    script = repeat_script(run)
    assert f"STOP_AFTER_STEP = {step} " in script and "if STOP_AFTER_STEP:\n    trainer.train()\n" in script


class Hub:
    """Answers every request of the hub's client with one status, or fails as a network does."""

    def __init__(self, monkeypatch, answer):
        import huggingface_hub

        self.requests: list[http.Request] = []

        def handle(request: http.Request) -> http.Response:
            self.requests.append(request)
            if isinstance(answer, Exception):
                raise answer
            return http.Response(answer, json={"error": f"refused for {TOKEN}"}, request=request)

        huggingface_hub.set_client_factory(lambda: http.Client(transport=http.MockTransport(handle)))
        monkeypatch.setattr("time.sleep", lambda _seconds: None)


@pytest.fixture(autouse=True)
def a_real_client_afterwards():
    yield
    import huggingface_hub
    from huggingface_hub.utils._http import default_client_factory

    huggingface_hub.set_client_factory(default_client_factory)


@pytest.mark.parametrize(
    "answer, words",
    [
        (401, "did not accept the token"), (403, "may not write"), (404, "may not write"),
        (400, "did not accept the repository"), (500, "refused the upload"),
        (http.ConnectError(f"no route {TOKEN}"), "cannot be reached"),
        (http.ReadTimeout("slow"), "cannot be reached"),
    ],
)
def test_what_the_hub_answers_is_said_in_words_without_the_token(finished, monkeypatch, caplog, capfd, answer, words):
    caplog.set_level(logging.DEBUG)
    hub = Hub(monkeypatch, answer)
    with pytest.raises(WorkbenchError, match=words) as caught:
        push_to_hub(finished, "me/bedrock", TOKEN)
    asked = [request for request in hub.requests if request.method == "POST"]
    assert asked[0].headers["authorization"] == f"Bearer {TOKEN}"
    said = [str(caught.value), caplog.text, *capfd.readouterr(), repr(caught.value.__cause__)]
    assert caught.value.__suppress_context__
    assert all(TOKEN not in text for text in said)


@pytest.mark.parametrize("name", ["", "a/b/c", "a b", "me/..", "me/-x-", "../x", "me/x.git", "x" * 200])
def test_a_bad_repository_name_is_refused_before_anything_is_sent(finished, monkeypatch, name):
    hub = Hub(monkeypatch, 200)
    with pytest.raises(WorkbenchError, match="cannot be a repository's name"):
        push_to_hub(finished, name, TOKEN)
    assert hub.requests == []


@pytest.mark.parametrize("token", ["", "  ", "two words", "new\nline", "tökén"])
def test_what_is_no_token_is_refused_before_anything_is_sent(finished, monkeypatch, token):
    hub = Hub(monkeypatch, 200)
    with pytest.raises(WorkbenchError, match="token"):
        push_to_hub(finished, "me/x", token)
    assert hub.requests == []


def test_the_template_is_where_the_program_looks_for_it():
    from core.runs.take_home import TEMPLATE

    assert TEMPLATE.parent == Path(sys.modules["core.runs.take_home"].__file__).parent and TEMPLATE.exists()
