"""``blend``: what mixes of a run's model with its base gain and keep, and one of them kept as a model of its own."""

import contextlib
import sys
from argparse import Namespace
from typing import Any

from core.blending import Change, Curve, Point, best, keep_blend, trade_off
from core.cli.output import Progress, say, write_json
from core.errors import WorkbenchError
from core.runs.run import Run, find_run
from core.workspace import Workspace


def run(options: Namespace) -> int:
    workspace = Workspace.at(options.workspace)
    one = find_run(workspace, options.run)
    if options.keep is None and (options.way or options.name):
        raise WorkbenchError("--way and --name are about the blend that is kept.", "", "Say with --keep SHARE which one.")
    with contextlib.redirect_stdout(sys.stderr):  # whatever a library prints is not the result
        if options.keep is None:
            curve = trade_off(one, workspace, Progress("Asking the mixes"))
        else:
            kept = keep_blend(one, options.keep, workspace, options.way or "linear", options.name)
    if options.keep is None:
        write_json(_as_json(one, curve)) if options.json else _show(one, curve)
    else:
        _tell(kept, options.json)
    return 0


def _tell(kept: Run, as_json: bool) -> None:
    report = kept.report() or {}
    if as_json:
        write_json({"run": kept.id, "folder": str(kept.folder), "model": str(kept.model), "report": report})
        return
    say(f"Kept as {kept.id}.")
    say(report["verdict"])
    say(report["general"]["sentence"])
    say(f"The model is in {kept.model}")


def _as_json(one: Run, curve: Curve) -> dict[str, Any]:
    own, general = curve.questions
    found = best(curve)
    return {
        "run": one.id, "evidence": curve.evidence, "questions": {"own": own, "general": general},
        "angle": round(curve.angle, 3), "best": {"way": found.way, "share": found.share},
        "points": [
            {
                "way": point.way, "share": point.share,
                **_figures("own", point.own, point.own_change), **_figures("general", point.general, point.general_change),
            }
            for point in curve.points
        ],
    }


def _figures(name: str, value: float, change: Change) -> dict[str, Any]:
    mean, low, high = change
    interval = None if low is None or high is None else [round(low, 6), round(high, 6)]
    return {name: round(value, 6), f"{name} change": round(mean, 6), f"{name} interval": interval}


def _show(one: Run, curve: Curve) -> None:
    own, general = curve.questions
    aside = "held-out questions" if curve.evidence == "held-out" else "questions it was trained on"
    say(f"{one.id}: nDCG@10 on {own:,} {aside} and on {general:,} everyday ones; change from the base, 95 % interval.")
    say()
    say(f"{'share of tuned':22}  {'own':>6}  {'change':>26}  {'everyday':>8}  {'change':>26}")
    for point in curve.points:
        name = f"{point.share:.0%}" + (", spherical" if point.way == "spherical" else "")
        say(
            f"{name:22}  {point.own:6.3f}  {_change(point, point.own_change):>26}  {point.general:8.3f}"
            f"  {_change(point, point.general_change):>26}"
        )
    say()
    found = best(curve)
    which = {0.0: "the base itself", 1.0: "the tuned model itself"}.get(found.share, f"a share of {found.share:g}")
    say(f"Adding up both changes, {which} comes out best. It was chosen with these very questions.")
    if 0 < found.share < 1:
        way = "" if found.way == "linear" else " --way spherical"
        say(f"Keep it with: python -m core blend {one.id} --keep {found.share:g}{way}")


def _change(point: Point, change: Change) -> str:
    mean, low, high = change
    if point.share == 0:
        return "–"
    return f"{mean:+.3f}" if low is None or high is None else f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"
