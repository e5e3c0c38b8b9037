"""What is taken along of a comparison, and the links that open one."""

import io

import numpy as np
import pandas as pd
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from core.evaluation.comparison import compare_vectors, pairs_table
from core.evaluation.pool import build_pool
from core.maps.projection import project
from core.models import BASE_MODEL, ModelRef
from core.workspace import Workspace
from workbench import along, downloads
from workbench.cards.along import along_card

EVIL = "</b><script>alert('x')</script>\" onload=\"alert(1)"


GENERAL = {"better": None, "sentence": "Everyday questions: 0.75 before and after."}


@pytest.fixture
def workspace(tmp_path):
    return Workspace.at(tmp_path)


@pytest.fixture
def client(workspace):
    app = FastAPI()
    downloads.add_routes(app, workspace)
    return TestClient(app)


@pytest.fixture
def offer(tmp_path):
    """A maker of offered comparisons: the ticket and the comparison."""

    def make(name="some-run-1"):
        rows = pd.DataFrame({"row": range(1, 21), "anchor": [f"=question {n}" for n in range(20)],
                             "positive": [f"answer {n}" for n in range(20)], "component": range(20)})
        pool, random = build_pool(rows, rows), np.random.default_rng(0)
        base, tuned = (tuple(random.normal(size=(20, 8)) for _ in range(2)) for _ in range(2))
        comparison = compare_vectors(pool, base, tuned)
        refs = ModelRef(BASE_MODEL, tmp_path, "1"), ModelRef(name, tmp_path, "2")
        return along.offer(*refs, comparison, project(np.vstack(base), np.vstack(tuned)), "faq.csv", GENERAL), comparison

    return make


def test_the_report_and_both_tables_are_sent_as_files(client, offer):
    ticket, comparison = offer()
    report = client.get(f"/comparisons/{ticket}/report.html")
    assert report.status_code == 200 and "some-run-1" in report.text and "faq.csv" in report.text
    assert GENERAL["sentence"] in report.text
    assert report.headers["content-disposition"] == 'attachment; filename="some-run-1-report.html"'
    csv = client.get(f"/comparisons/{ticket}/pairs.csv")
    assert "'=question" in csv.text and csv.text.startswith("\ufeffrow,question,answer,rank_base,rank_tuned")
    parquet = pd.read_parquet(io.BytesIO(client.get(f"/comparisons/{ticket}/pairs.parquet").content))
    pd.testing.assert_frame_equal(parquet, pairs_table(comparison))


def test_a_ticket_or_file_that_is_not_ours_gives_nothing(client, offer):
    ticket, _ = offer()
    for path in ("0" * 32 + "/report.html", f"{ticket}/recipe.json", f"{ticket}/..%2Freport.html", f"{ticket}x/pairs.csv"):
        assert client.get(f"/comparisons/{path}").status_code == 404


def test_only_the_last_few_comparisons_are_kept(client, offer):
    first, _ = offer("first-1")
    assert offer("first-1")[0] == first
    others = [offer(f"other-{number}")[0] for number in range(4)]
    assert client.get(f"/comparisons/{first}/pairs.csv").status_code == 404
    assert all(client.get(f"/comparisons/{one}/pairs.csv").status_code == 200 for one in others)


def test_a_name_that_is_no_file_name_reaches_no_folder(client, offer):
    ticket, _ = offer("../../etc/" + EVIL)
    name = client.get(f"/comparisons/{ticket}/pairs.csv").headers["content-disposition"]
    assert name == 'attachment; filename="etc-b-script-alert-x-script-onload-alert-1-pairs.csv"'


def test_a_link_opens_runs_and_the_built_in_model_and_nothing_else(workspace):
    assert along.link(BASE_MODEL, "some-run-1", "faq") == f"?set=faq&base={BASE_MODEL}&tuned=some-run-1"
    assert along.link("/etc", "some-run-1", "") == "" == along.link(BASE_MODEL, "org/model", "")
    run = workspace.runs / "some-run-1"
    (run / "model").mkdir(parents=True)
    (run / "recipe.json").write_text("{}")
    assert along.linked_models(BASE_MODEL, "some-run-1", workspace) == (BASE_MODEL, "some-run-1")
    for asked in ("org/model", str(run / "model"), "../some-run-1", "some-run-2", "", EVIL):
        assert along.linked_models(asked, asked, workspace) == ("", "")


def test_the_card_escapes_what_it_links_to():
    card = along_card(EVIL, f"?base={EVIL}")
    assert "<script>" not in card and 'onload="' not in card
    assert "Link to this comparison" not in along_card("0" * 32, "")
