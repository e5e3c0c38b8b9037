"""The web app's own routes, and cards with hostile text."""

import io
import threading
import zipfile

import numpy as np
import pytest
from fastapi.testclient import TestClient

from core.endpoints.hosts import Hosts
from core.pairs.dataset import PairSet
from core.pairs.issue import Fix, Issue
from core.pairs.store import add_set
from core.runs.local import LocalTrainer
from core.workspace import Workspace, write_json
from workbench import background
from workbench.app import build_app, build_page, from_link, masthead
from workbench.aws import AwsRoom
from workbench.cards import pairs as pair_cards
from workbench.cards import train as train_cards
from workbench.deployments import Deployments
from workbench.trial import vectors_file

EVIL = "</b><script>alert('x')</script>\" onload=\"alert(1)"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace.at(tmp_path_factory.mktemp("workspace"))


@pytest.fixture(scope="module")
def client(workspace):
    return TestClient(build_app(workspace))


def test_health(client):
    assert client.get("/healthz").json() == {"status": "ok"}


def test_what_goes_on_without_a_page_goes_on(client):
    assert {"queue", "remote runs", "sweep", "uploads"} <= {thread.name for thread in threading.enumerate()}


def test_the_page_is_served(client):
    page = client.get("/")
    assert page.status_code == 200 and "Embedding Workbench" in page.text


def test_a_cleaned_set_can_be_downloaded_and_its_formulas_do_nothing(client, workspace, tmp_path):
    file = tmp_path / "some.csv"
    file.write_text("question,answer\nwhat is it,=SUM(A1)\nand that,a plain answer\n")
    stored = add_set(workspace, file)
    stored.exclude([2], "by you")
    answer = client.get(f"/sets/{stored.id}/cleaned.csv")
    assert answer.status_code == 200 and "attachment" in answer.headers["content-disposition"]
    assert answer.content.decode("utf-8-sig").splitlines() == ["question,answer", "what is it,'=SUM(A1)"]


def test_a_model_can_be_downloaded(client, workspace):
    import pandas as pd

    folder = workspace.runs / "some-run-1"
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "model.safetensors").write_bytes(b"weights")
    rows = pd.DataFrame({"row": [1], "anchor": ["a"], "positive": ["b"], "component": [0]})
    rows.to_parquet(folder / "train.parquet")
    rows.to_parquet(folder / "heldout.parquet")
    recipe = {"base_model": "all-MiniLM-L6-v2", "loss": "MultipleNegativesRanking", "epochs": 1, "batch_size": 2}
    recipe |= {"learning_rate": 1e-5, "warmup": 0.1, "scale": 20, "max_seq_length": 256, "seed": 12, "matryoshka_dims": []}
    recipe |= {"freeze_token_embeddings": False, "held_out": 0.2, "patience": 3, "effort": "quick", "goal": "order"}
    base = {"name": "all-MiniLM-L6-v2", "path": "/nowhere", "digest": "0"}
    write_json(folder / "recipe.json", {"id": "some-run-1", "name": "some run", "kind": "pairs", "columns": {},
               "source": {"name": "x.csv", "digest": "0", "rows": 1, "set": None}, "recipe": recipe, "base": base,
               "versions": {}, "created": 0, "target": "local", "reasons": {}})
    answer = client.get("/take-home/some-run-1")
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert any(name.endswith("model.safetensors") for name in archive.namelist())


def test_the_vectors_of_a_file_can_be_downloaded(client, workspace):
    ticket = vectors_file(lambda texts: np.ones((len(texts), 3), np.float32), ["a text"], workspace)
    answer = client.get(f"/endpoints/vectors/{ticket}.csv")
    assert answer.status_code == 200 and "vectors.csv" in answer.headers["content-disposition"]
    assert answer.content.decode("utf-8-sig").splitlines() == ["text,v1,v2,v3", "a text,1,1,1"]


def test_the_sweep_goes_on_after_a_fault():
    swept, again = [], threading.Event()

    class Host:
        def sweep(self):
            swept.append("swept")
            if len(swept) == 1:
                raise OSError("no disk")
            again.set()
            threading.Event().wait()  # the thread has shown what it should, and rests until the tests end

    background.keep_endpoints_swept(Host(), interval=0.01)
    assert again.wait(20)


@pytest.mark.parametrize("run", ["nothing-here", "%2e%2e", "..%2fsets", "A", "a" * 500])
def test_what_is_not_there_is_not_found(client, run):
    assert client.get(f"/take-home/{run}").status_code == 404
    assert client.get(f"/sets/{run}/cleaned.csv").status_code == 404
    assert client.get(f"/endpoints/vectors/{run}.csv").status_code == 404


@pytest.mark.parametrize("path", ["/gradio_api/file=/etc/passwd", "/gradio_api/file=../../etc/passwd"])
def test_no_other_file_is_served(client, path):
    assert client.get(path).status_code in (403, 404)


def test_hostile_text_stays_text():
    import pandas as pd

    frame = pd.DataFrame({"row": [1], "anchor": [EVIL], "positive": [EVIL], "group": [EVIL]})
    pairs = PairSet(EVIL, "pairs", {}, frame)
    issue = Issue("empty-text", EVIL, (1,), "bad", EVIL, Fix(EVIL, (1,)))
    cards = [
        pair_cards.rows_card(pairs, pd.Series([False]), {1: EVIL}, None, page=0, total=1, first=1, what="", cut_at=None),
        pair_cards.checks_card([issue], [], pending=False, shown="", passed=[EVIL]),
        train_cards.differences_card([EVIL, EVIL], []),
        masthead(EVIL, EVIL),
        from_link(EVIL, [EVIL + "2"], "run")[1],
    ]
    for card in cards:
        assert "<script" not in card and 'onload="' not in card


def test_a_link_opens_what_it_names_or_says_that_it_is_not_there():
    assert from_link("a-1", ["b-1", "a-1"], "run") == ("a-1", "")
    assert from_link("", ["b-1", "a-1"], "run") == ("b-1", "")
    assert from_link("", [], "run") == ("", "")
    opened, said = from_link("gone-1", ["b-1", "a-1"], "run")
    assert opened == "b-1" and "gone-1" in said and "b-1" in said and "does not hold the run of your link" in said
    opened, said = from_link("gone" * 1000, [], "pair set")
    assert opened == "" and "instead" not in said and len(said) < 400


@pytest.fixture
def page(workspace):
    room = AwsRoom(workspace)
    return build_page(workspace, LocalTrainer(workspace), Deployments(workspace, Hosts(workspace, room.account_to_look_at)), room)


def test_no_event_waits_in_the_queue(page):
    """Gradio's queue can lose an answer when an event begins while the page's stream closes (see ``view.QUIET``)."""
    assert page.fns and all(event.queue is False for event in page.fns.values())
    assert not waiting_together(page), "Listeners that wait for each other's event set it off for ever: see change_of."


def test_nothing_is_asked_twice_at_once_by_several_parts_that_change_together(page):
    """The older of the two answers could come last, and stay: see ``change_of``."""
    for event in page.fns.values():
        assert not event.fn or len([name for _, name in event.targets if name == "change"]) < 2, event.fn


def test_no_part_is_told_of_an_event_that_it_does_not_show(page):
    assert all(event.show_progress_on == [] for event in page.fns.values() if event.show_progress == "hidden")


def test_that_the_plan_is_being_worked_out_is_said_without_an_answer(page):
    """An answer of its own could come after the plan's, and the page would then wait for ever."""
    saying = [event for event in page.fns.values() if "Working out what it takes" in str(event.js)]
    assert saying and all(event.fn is None for event in saying)


def test_no_pairs_are_on_their_way_once_the_event_that_opens_them_is_answered_or_has_failed(page):
    """Otherwise nothing could be started any more. A page does not go on to what follows an event that failed."""
    told = [event for event in page.fns.values() if [part.elem_id for part in event.outputs] == ["arriving"]]
    begun = [event for event in told if event.trigger_after is None]
    ended = {(event.trigger_after, event.trigger_only_on_failure) for event in told} - {(None, False)}
    assert begun and {failed for _, failed in ended} == {False, True}
    assert len(ended) == 2 * (len(begun) + 1), "the page itself begins with pairs on their way"


def waiting_together(page) -> dict:
    """The changes with several listeners of which one that is busy has the whole change triggered again."""
    listeners = {}
    for event in page.fns.values():
        for part, name in event.targets:
            if name == "change" and event.fn and event.trigger_mode == "always_last":
                listeners.setdefault(part, []).append(event.name)
    return {part: names for part, names in listeners.items() if len(names) > 1}
