import csv
import io
import json
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import WorkbenchError
from core.evaluation.comparison import compare_vectors, pairs_table
from core.evaluation.likeness import Likeness
from core.evaluation.pool import build_pool
from core.maps.projection import project
from core.models import ModelRef
from core.report import About, about, html_report, write_report, write_table
from core.report.files import csv_text

ATTACK = "</script><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}"
HEAD = ["row", "question", "answer", "rank_base", "rank_tuned", "change", "cosine_base", "cosine_tuned"]


@pytest.fixture
def compared(pairs, vectors):
    """A maker of comparisons of so many pairs, with whatever texts are given."""

    def make(count, **columns):
        rows = pairs(count, **columns)
        some = build_pool(rows, rows)
        return compare_vectors(some, vectors(some, noise=2), vectors(some, noise=0.8))

    return make


class _Parts(HTMLParser):
    """What a browser would see of a page: its tags, what is shown, and the contents of its scripts."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.shown, self.scripts = [], [], {}
        self._script = None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "script":
            self._script = dict(attributes).get("id", f"script {len(self.scripts)}")

    def handle_endtag(self, tag):
        if tag == "script":
            self._script = None

    def handle_data(self, data):
        if self._script:
            self.scripts[self._script] = self.scripts.get(self._script, "") + data
        else:
            self.shown.append(data)


def test_the_report_holds_the_verdict_every_figure_and_what_it_was_made_with(compared):
    found = compared(60)
    what = About("all-MiniLM-L6-v2", "my-run-1", "pairs.csv", {"epochs": 3, "loss": "ranking"}, {"torch": "2.13.0"})
    parts = _Parts(html_report(found, what))
    shown = " ".join("".join(parts.shown).split())
    assert "Better." in shown and "The tuned model is better" in shown
    for name, change in found.changes.items():
        means = [f"{side.metrics[name].mean():.3f}" for side in (found.base, found.tuned)]
        means.insert(0, f"{found.bm25.metrics[name].mean():.3f}")
        figures = "".join([*means, f"{change.mean:+.3f}{change.low:+.3f} to {change.high:+.3f}"])
        assert name in shown and figures in shown
    for line in found.health:
        assert line.name in shown and line.meaning in shown and f"{line.tuned:.3f}" in shown
    for size in found.sizes:
        assert f"{size.name}{size.bytes[1]:,}{size.base:.3f}{size.tuned:.3f}{size.change.mean:+.3f}" in shown
    for words in ("all-MiniLM-L6-v2", "my-run-1", "pairs.csv", "epochs", "ranking", "2.13.0", "60 questions"):
        assert words in shown
    charts = json.loads(parts.scripts["charts"])
    assert set(charts) == {"change", "ranks", "similarity"}
    drawn = {tags.get("id") for tag, tags in parts.tags if tag == "div"}
    assert {f"chart-{name}" for name in charts} <= drawn


def test_what_became_of_general_language_is_said_beside_the_verdict(compared):
    found, what = compared(5), About("base", "tuned", "")
    shown = {}
    for better in (None, False):
        general = {"better": better, "sentence": "Everyday questions: 0.75 before, 0.70 after."}
        shown[better] = " ".join(_Parts(html_report(found, what, None, general)).shown)
        assert general["sentence"] in shown[better]
    assert "A blend with the base" in shown[False] and "A blend" not in shown[None]
    assert "Everyday" not in " ".join(_Parts(html_report(found, what)).shown)


def test_the_report_names_nothing_outside_itself(compared):
    parts = _Parts(html_report(compared(5), About("base", "tuned", "")))
    links = [value for _, tags in parts.tags for name, value in tags.items() if name in ("src", "href", "action", "srcset")]
    assert links == ["data:,"]
    policy = next(tags["content"] for tag, tags in parts.tags if tag == "meta" and "http-equiv" in tags)
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "connect-src" not in policy
    assert "unsafe-eval" not in policy and "http" not in policy


def test_no_text_becomes_markup(compared, tmp_path):
    found = compared(4, anchor=[f"{ATTACK} {number}" for number in range(4)], positive=[f"{ATTACK} {n}?" for n in range(4)])
    vectors = np.random.default_rng(0).normal(size=(8, 4))
    what = About(ATTACK, ATTACK, ATTACK, {ATTACK: ATTACK}, {ATTACK: ATTACK})
    page = html_report(found, what, project(vectors, vectors))
    plain = html_report(compared(4), About("base", "tuned", "data", {"a": "b"}, {"c": "d"}), project(vectors, vectors))
    parts = _Parts(page)
    assert [tag for tag, _ in parts.tags] == [tag for tag, _ in _Parts(plain).tags]
    assert "".join(parts.shown).count(ATTACK) >= 8 + 6  # shown as it is, neither run nor filled in
    hover = json.loads(parts.scripts["charts"])["map"]["data"][0]["text"]
    assert hover and not any("<" in text for text in hover)
    write_report(page, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page


@pytest.mark.parametrize("count, kind", [(12, "scatter"), (60, "heatmap")])
def test_the_report_has_the_charts_of_the_page(compared, count, kind):
    found, size = compared(count), min(count, 40)
    alike = Likeness([ATTACK] * size, ["answer"] * size, np.eye(size), np.eye(size)[::-1])
    page = html_report(found, About("base", "tuned", ""), None, None, alike)
    charts = json.loads(_Parts(page).scripts["charts"])
    assert set(charts) == {"change", "ranks", "similarity", "likeness"} and charts["ranks"]["data"][0]["type"] == kind
    change = charts["change"]["data"][0]
    by_name = dict(zip(change["y"], zip(change["x"], change["error_x"]["array"], strict=True), strict=True))
    for name, interval in found.changes.items():
        assert by_name[name] == pytest.approx((interval.mean, interval.high - interval.mean))
    shown = " ".join(_Parts(page).shown)
    assert ("taken evenly from worst to best" in shown) == (count > size) and "<script>alert" not in json.dumps(charts)


def test_a_long_table_is_cut_on_the_page_and_whole_in_its_csv(compared):
    found = compared(260)
    parts = _Parts(html_report(found, About("base", "tuned", "")))
    assert "the first 200 of 260" in "".join(parts.shown)
    assert [tag for tag, _ in parts.tags].count("tr") < 240
    assert json.loads(parts.scripts["csv"]) == csv_text(pairs_table(found))


def test_a_model_that_no_run_made_has_no_settings(tmp_path):
    for folder in ("elsewhere", "run/model"):
        (tmp_path / folder).mkdir(parents=True)
    recipe = {"recipe": {"epochs": 3, "empty": None}, "versions": {"torch": "2"}, "source": {"name": "faq.csv"}}
    (tmp_path / "run" / "recipe.json").write_text(json.dumps(recipe))
    base, tuned = (ModelRef(name, tmp_path / path, "") for name, path in (("elsewhere", "elsewhere"), ("run", "run/model")))
    known = about(base, tuned)
    assert (known.base, known.tuned, known.data) == ("elsewhere", "run", "faq.csv")
    assert known.settings == {"epochs": 3} and known.versions == {"torch": "2"}
    assert about(base, base, "other.csv").settings == {} and about(base, tuned, "other.csv").data == "other.csv"


def test_tables_hold_every_pair_with_both_ranks(compared, tmp_path):
    table = pairs_table(compared(30))
    for name, read in (("pairs.csv", pd.read_csv), ("pairs.parquet", pd.read_parquet)):
        write_table(table, tmp_path / name)
        again = read(tmp_path / name)
        assert list(again.columns) == HEAD
        pd.testing.assert_frame_equal(again, table, check_dtype=False)


def test_broken_characters_of_a_name_are_shown_as_question_marks(compared):
    page = html_report(compared(2), About("base", "tuned", "one \udfff"))
    assert "on one ?." in page.encode().decode()


def test_a_place_that_cannot_be_written_is_named(compared, tmp_path):
    table = pairs_table(compared(2))
    for path in (tmp_path / "pairs.xlsx", tmp_path / "missing" / "pairs.csv", tmp_path / "missing" / "pairs.parquet"):
        with pytest.raises(WorkbenchError, match="pairs"):
            write_table(table, path)
    with pytest.raises(WorkbenchError, match="report.html"):
        write_report("", tmp_path / "missing" / "report.html")


@settings(deadline=None)  # the machine's load is no fault of the text's
@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1) | st.text("=+-@\t\r\n'\",a", min_size=1), min_size=1, max_size=5))
def test_no_cell_of_the_csv_is_a_formula_and_no_text_is_lost(texts):
    table = pd.DataFrame({"question": texts, "answer": texts, "change": -1})
    head, *cells = csv.reader(io.StringIO(csv_text(table), newline=""))
    assert head == ["question", "answer", "change"]
    for text, (question, answer, change) in zip(texts, cells, strict=True):
        assert not question.startswith(("=", "+", "-", "@", "＝", "\t", "\r", "\n", "\0")) and question == answer and change == "-1"
        assert question in (text, f"'{text}")
