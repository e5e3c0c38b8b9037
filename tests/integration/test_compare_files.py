"""What ``compare`` writes for others: a report, and the pairs as CSV and Parquet."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd

from core.runs.local import REPOSITORY

TWENTY = Path(__file__).with_name("twenty_pairs.json")


def compare(*arguments, cwd: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "core", "compare", "all-MiniLM-L6-v2", "all-MiniLM-L6-v2", str(TWENTY), *map(str, arguments)]
    return subprocess.run([*command, "--workspace", str(cwd / "workspace")], cwd=REPOSITORY, capture_output=True, text=True)


def test_report_and_tables_are_written_beside_the_result(tmp_path):
    files = {name: tmp_path / f"out.{name}" for name in ("html", "csv", "parquet")}
    done = compare(
        "--json", "--report", files["html"], "--csv", files["csv"], "--parquet", files["parquet"], cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)  # nothing else on standard output
    assert all(f"Wrote {file}." in done.stderr for file in files.values())
    page = files["html"].read_text(encoding="utf-8")
    assert "twenty_pairs.json" in page and found["verdict"] in page and 'id="chart-map"' in page
    assert "0.75 before and after" in found["general"]["sentence"] and found["general"]["sentence"] in page
    tables = pd.read_csv(files["csv"]), pd.read_parquet(files["parquet"])
    assert len(tables[0]) == len(tables[1]) == found["questions"]
    assert (tables[1]["rank_base"] == tables[1]["rank_tuned"]).all()


def test_a_place_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    for option, path in (("--report", tmp_path / "report.pdf"), ("--csv", tmp_path / "missing" / "pairs.csv")):
        done = compare(option, path, cwd=tmp_path)
        assert done.returncode == 2 and path.name in done.stderr and not done.stdout
        assert not (tmp_path / "workspace").exists()
