"""``compare`` with more than one tuned model: one table, on pairs that none of them was trained on."""

import contextlib
import sys
from argparse import Namespace
from typing import Any

from core.cli.output import Progress, note, say, write_json
from core.cli.pairs_file import as_json, read_pairs, usable
from core.errors import WorkbenchError
from core.evaluation.metrics import METRICS
from core.evaluation.report import report
from core.evaluation.several import compare_several
from core.models import resolve
from core.pairs.issue import count
from core.runs.folds import compare_several_folds, holds
from core.workspace import Workspace


def compare_all(options: Namespace) -> int:
    """Compare each of ``options.tuned`` with ``options.base``, and show them in one table.

    Raises:
        WorkbenchError: there are too many models, no pair is left to ask about, or a file was asked for, which holds two.
    """
    for name in ("report", "csv", "parquet"):
        if getattr(options, name):
            raise WorkbenchError(
                f"--{name} is of two models.", f"{len(options.tuned)} were named beside {options.base}.",
                f"Name one of them with --{name}.",
            )
    workspace = Workspace.at(options.workspace)
    base, *models = (resolve(name, workspace) for name in (options.base, *options.tuned))
    _, pairs = read_pairs(options.file, options.skip_broken, options.column)
    used, left_out = usable(pairs)
    with contextlib.redirect_stdout(sys.stderr):  # whatever a library prints is not the result
        found = compare_several_folds(base, models, workspace)
        if found is None or not holds(found.comparisons[0].pool, used):
            found = compare_several(
                base, models, used.frame, used.frame, workspace, Progress("Reading the texts with all models")
            )
    if found.left_out:
        note(f"Left out {count(found.left_out, 'pair')} that a model was trained on; their answers stay in the pool.")
    results = [{"name": name, **report(one)} for name, one in zip(options.tuned, found.comparisons, strict=True)]
    if options.json:
        write_json({
            "base": options.base, "models": results, "left_out": as_json(left_out), "seen": found.left_out,
        })
    else:
        _show(options.base, results)
    return 0


def _show(base: str, results: list[dict[str, Any]]) -> None:
    first = results[0]
    asked = (
        "each asked of one of a run's five models, which had not seen its pair," if first["evidence"] == "five folds"
        else "that none of these models was trained on, each"
    )
    say(
        f"{count(first['questions'], 'question')} {asked} ranked against"
        f" {count(first['pool'], 'answer')}."
    )
    say()
    width = max(14, *(len(result["name"]) for result in results), len(base))
    say(f"{'':{width}}  " + "  ".join(f"{name:>9}" for name in METRICS) + "  change in nDCG@10, 95 % interval")
    rows: list[tuple[str, dict[str, Any], str]] = [(base, first["base"], "")]
    rows += [(result["name"], result["tuned"], _words(result)) for result in results]
    if first["bm25"]:
        rows.append(("keyword search", first["bm25"], ""))
    for name, figures, words in rows:
        say((f"{name:{width}}  " + "  ".join(f"{figures[one]:>9.3f}" for one in METRICS) + f"  {words}").rstrip())
    say()
    say("Each interval is of one model beside the base. Of many the best looks a little better than it is: it was chosen for it.")


def _words(result: dict[str, Any]) -> str:
    change = result["change"]
    reach = "" if change["interval"] is None else f" ({change['interval'][0]:+.3f} to {change['interval'][1]:+.3f})"
    words = {True: "better", False: "worse", None: "no clear change"}[result["better"]]
    return f"{change['ndcg@10']:+.3f}{reach}, {words}"
