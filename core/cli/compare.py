"""``compare``: models on the pairs of a file, without the rows that one of them was trained on."""

import contextlib
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from core.cli.output import Progress, note, say, write_json
from core.cli.pairs_file import as_json, read_pairs, usable
from core.cli.several import compare_all
from core.errors import WorkbenchError
from core.evaluation.comparison import Comparison, compare, pairs_table
from core.evaluation.general import general_language
from core.evaluation.likeness import likeness_of
from core.evaluation.metrics import METRICS
from core.evaluation.report import report
from core.evaluation.seen import rows_seen
from core.maps.kept import map_of
from core.maps.projection import Map
from core.models import ModelRef, resolve
from core.pairs.issue import count
from core.report import about, html_report, write_report, write_table
from core.runs.folds import compare_folds, folds_of_model, holds
from core.workspace import Workspace


def run(options: Namespace) -> int:
    return compare_all(options) if len(options.tuned) > 1 else _compare_two(options, options.tuned[0])


def _compare_two(options: Namespace, other: str) -> int:
    files = [_file(path, ending) for path, ending in ((options.csv, ".csv"), (options.parquet, ".parquet")) if path]
    page = _file(options.report, ".html") if options.report else None
    workspace = Workspace.at(options.workspace)
    base, tuned = (resolve(name, workspace) for name in (options.base, other))
    _, pairs = read_pairs(options.file, options.skip_broken, options.column)
    used, left_out = usable(pairs)
    folds = folds_of_model(tuned)
    own = compare_folds(base, folds, workspace) if folds and holds(folds.pool, used) else None
    seen = rows_seen(base.path, used.frame) | rows_seen(tuned.path, used.frame)
    if own:
        seen[:] = False
        note("These are the run's own pairs: each is asked of the model of its fold, which never saw it.")
    elif seen.all():
        note("Both models can only be asked about pairs that one of them was trained on: this file holds no others.")
    elif seen.any():
        note(f"Left out {count(int(seen.sum()), 'pair')} that a model was trained on; their answers stay in the pool.")
    with contextlib.redirect_stdout(sys.stderr):  # whatever a library prints is not the result
        comparison = own or compare(
            base, tuned, used.frame[~seen], used.frame, workspace, Progress("Reading the texts with both models")
        )
        general = general_language(base, tuned, workspace)
        if page:
            shown = _map(comparison, base, tuned, workspace)
            table = pairs_table(comparison, with_places=True)
            alike = likeness_of(table, comparison.pool, base, tuned, workspace, folds if own else None)
            write_report(html_report(comparison, about(base, tuned, Path(options.file).name), shown, general, alike), page)
    for file in files:
        write_table(pairs_table(comparison), file)
    for file in ([page] if page else []) + files:
        note(f"Wrote {file}.")
    result = {**report(comparison), "general": general}
    if options.json:
        rows = used.frame["row"]
        write_json({**result, "left_out": as_json(left_out), "seen": rows[seen].tolist()})
    else:
        _show(result, options.base, other)
    return 0


def _file(path: str, ending: str) -> Path:
    """Where to write, refused before the work that would be lost."""
    file = Path(path).expanduser()
    if file.suffix.lower() != ending:
        raise WorkbenchError(f"“{path}” does not end in {ending}.", "", f"Name the file something{ending}.")
    if not file.absolute().parent.is_dir():
        raise WorkbenchError(f"{file} cannot be written.", "Its folder does not exist.", "Make the folder, or choose another.")
    return file


def _map(comparison: Comparison, base: ModelRef, tuned: ModelRef, workspace: Workspace) -> Map:
    texts = [*comparison.pool.queries, *comparison.pool.corpus]
    return map_of(base, tuned, texts, comparison.pool.digest(), workspace)


def _show(result: dict[str, Any], base: str, tuned: str) -> None:
    say(result["verdict"])
    if result["bm25"]:
        say(result["bm25"]["sentence"])
    if result["warning"]:
        say(result["warning"])
    say(result["general"]["sentence"])
    say()
    names = (*METRICS, "matched", "mismatched")
    width = max(len(base), len(tuned), 14)
    say(f"{'':{width}}  " + "  ".join(f"{name:>10}" for name in names))
    for model, figures in ((base, result["base"]), (tuned, result["tuned"]), ("keyword search", result["bm25"] or {})):
        say(f"{model:{width}}  " + "  ".join(f"{_three(figures.get(name)):>10}" for name in names))
    say()
    say("Change, with its 95 % interval and how often chance alone would do as much (p):")
    for name in METRICS:
        change = result["change"]
        say(f"{name:{width}}  {change[name]:+.3f}  {_interval(change[f'{name} interval']):>16}  p {change[f'{name} p']:.4f}")
    say()
    say(f"{'Health of the space':{width}}  {'base':>10}  {'tuned':>10}")
    for line in result["health"]:
        say(f"{line['name']:{width}}  {_three(line['base']):>10}  {_three(line['tuned']):>10}  {line['meaning']}")
    say()
    say(f"{'nDCG@10 by size':{width}}  {'base':>10}  {'tuned':>10}  {'bytes a text':>12}")
    for size in result["sizes"]:
        takes = size["bytes"]["tuned"] or size["bytes"]["base"]
        say(f"{size['name']:{width}}  {_three(size['base']):>10}  {_three(size['tuned']):>10}  {takes:>12,}")


def _three(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(interval: list[float] | None) -> str:
    return "–" if interval is None else f"{interval[0]:+.3f} to {interval[1]:+.3f}"
