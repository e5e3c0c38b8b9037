"""``compare``: two models on the pairs of a file, without the rows that either of them was trained on."""

import contextlib
import sys
from argparse import Namespace

from core.cli.output import Progress, note, say, write_json
from core.cli.pairs_file import as_json, read_pairs, usable
from core.evaluation.comparison import compare
from core.evaluation.report import report
from core.evaluation.seen import rows_seen
from core.models import resolve
from core.pairs.issue import count
from core.workspace import Workspace


def run(options: Namespace) -> int:
    workspace = Workspace.at(options.workspace)
    base, tuned = (resolve(name, workspace) for name in (options.base, options.tuned))
    _, pairs = read_pairs(options.file, options.skip_broken, options.column)
    used, left_out = usable(pairs)
    seen = rows_seen(base.path, used.frame) | rows_seen(tuned.path, used.frame)
    if seen.all():
        note("Both models can only be asked about pairs that one of them was trained on: this file holds no others.")
    elif seen.any():
        note(f"Left out {count(int(seen.sum()), 'pair')} that a model was trained on; their answers stay in the pool.")
    with contextlib.redirect_stdout(sys.stderr):  # whatever a library prints is not the result
        comparison = compare(
            base, tuned, used.frame[~seen], used.frame, workspace, Progress("Reading the texts with both models")
        )
    result = report(comparison)
    if options.json:
        rows = used.frame["row"]
        write_json({**result, "left_out": as_json(left_out), "seen": rows[seen].tolist()})
    else:
        _show(result, options.base, options.tuned)
    return 0


def _show(result: dict, base: str, tuned: str) -> None:
    say(result["verdict"])
    say()
    names = ("hit@1", "mrr@10", "ndcg@10", "matched", "mismatched")
    width = max(len(base), len(tuned), 5)
    say(f"{'':{width}}  " + "  ".join(f"{name:>10}" for name in names))
    for model, side in ((base, "base"), (tuned, "tuned")):
        figures = (result[side][name] for name in names)
        say(f"{model:{width}}  " + "  ".join(f"{'–' if value is None else f'{value:.3f}':>10}" for value in figures))
    if result.get("warning"):
        say()
        say(result["warning"])
