"""Trying an endpoint: which texts a file holds, what is written of them, and how calls are timed."""

import csv

import numpy as np
import pytest

from core.errors import WorkbenchError
from core.workspace import Workspace
from workbench import trial


def lengths(texts):
    return np.array([[len(text), 0.5] for text in texts], np.float32)


@pytest.mark.parametrize(
    "name, content, texts",
    [
        ("a.txt", "one text\n\nanother, with a comma\n", ["one text", "another, with a comma"]),
        ("a.csv", 'text\none text\n"another, with a comma"\n', ["one text", "another, with a comma"]),
        ("a.csv", "one text\nanother text\n", ["one text", "another text"]),
        ("a.csv", "id,text\n1,one text\n2,another text\n", ["one text", "another text"]),
        ("a.csv", "first,second\none text,x y z\nanother text,a b c\n", ["one text", "another text"]),
    ],
)
def test_the_texts_of_a_file(tmp_path, name, content, texts):
    file = tmp_path / name
    file.write_text(content)
    assert trial.read_texts(file, name) == texts


@pytest.mark.parametrize("content, words", [("\n \n", "no text"), ("a b\n" * (trial.MOST_TEXTS + 1), "1,001 texts")])
def test_a_file_with_nothing_or_too_much_is_refused(tmp_path, content, words):
    file = tmp_path / "a.txt"
    file.write_text(content)
    with pytest.raises(WorkbenchError, match=words):
        trial.read_texts(file, "a.txt")


def test_vectors_are_kept_under_a_ticket_and_formulas_do_nothing(tmp_path):
    workspace = Workspace.at(tmp_path)
    texts = ["=SUM(A1)", *(["plain"] * 40)]
    calls = []
    ticket = trial.vectors_file(lambda some: calls.append(len(some)) or lengths(some), texts, workspace)
    assert calls == [32, 9]
    with trial.fetch_vectors(ticket, workspace, tmp_path).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["text", "v1", "v2"] and rows[1] == ["'=SUM(A1)", "8", "0.5"] and len(rows) == 42


@pytest.mark.parametrize("ticket", ["", "..", "../x", "0" * 32, "A" * 32])
def test_other_tickets_fetch_nothing(tmp_path, ticket):
    with pytest.raises(WorkbenchError):
        trial.fetch_vectors(ticket, Workspace.at(tmp_path / "workspace"), tmp_path)


def test_latency_counts_its_calls():
    calls = []
    measured = trial.measure(lambda texts: calls.append(texts), "a text", calls=5)
    assert calls == [["a text"]] * 5 and measured.calls == 5 and 0 <= measured.p50 <= measured.p95


def test_cosine():
    assert trial.cosine(np.array([1.0, 0]), np.array([2.0, 0])) == 1
    assert trial.cosine(np.array([1.0, 0]), np.array([0.0, 0])) == 0
