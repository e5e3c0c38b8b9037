"""``search``: several trainings of a file that differ in a few settings, here or on SageMaker, and one table of them."""

import shlex
import time
from argparse import Namespace
from dataclasses import asdict
from functools import partial

from core.aws.prices import price_of
from core.cli.output import explain, note, say, write_json
from core.cli.pairs_file import near_duplicates, read_pairs, source_of, usable
from core.cli.trainers import trainers_for
from core.pairs.issue import count
from core.plan import make_plan
from core.recipe import parse_settings
from core.runs.target import parse_target
from core.runs.trainers import Trainers
from core.search.remote import SageMakerSearches, foresee, trials_of
from core.search.results import Row, caution, results
from core.search.search import Search, create_search, for_trials, planned
from core.search.space import count_of, in_words, parse_space, usual_space
from core.workspace import Workspace

#: Seconds between two looks at the trials.
TICK = 0.3


def run(options: Namespace) -> int:
    recipe, space = parse_settings(options.set), parse_space(options.space)
    target = parse_target(options.on, options.target)
    workspace = Workspace.at(options.workspace)
    trainer = trainers_for(workspace, target.on)
    there = trainer.sagemaker
    searches = SageMakerSearches(workspace, lambda: there.account if there else None)
    if target.on == "here":
        trainer.prepare()  # the worker loads its libraries while this process reads and plans
    _, pairs = read_pairs(options.file, options.skip_broken, options.column)
    used, _ = usable(pairs)
    source = source_of(options.file, pairs)
    note("Planning: which questions ask nearly the same, what to keep aside, how long it takes.")
    plan = make_plan(for_trials(recipe), used, workspace, near_duplicates(used, workspace))
    space = space or usual_space(plan)
    if there:
        connection = there.account.connection
        price = price_of(connection, target.instance_type, connection.region, "training")
        words = foresee(target, plan, trials_of(space, options.trials), price).words
        search = searches.create(used, plan, space, options.trials, target, source)
        start, seconds = searches.start, None
        note("SageMaker goes on with Ctrl-C as well; look at it in the app, which can also stop it.")
    else:
        chosen = planned(plan, space, options.trials)
        seconds = round(sum(one.seconds for _, one in chosen))
        words = f"At most about {max(1, round(seconds / 60))} min in all, estimated; every trial may stop earlier."
        search = create_search(workspace, used, plan, chosen, source=source)
        start = partial(Search.start, trainer=trainer)
        note("The trials train on their own; Ctrl-C leaves the one at work going, and the others wait until the app is open.")
    if options.json:
        write_json({
            "t": round(time.time(), 3), "kind": "created", "search": search.id, "on": target.on, "seconds": seconds,
            "trials": [{"run": trial.run.id, "changes": trial.changes} for trial in search.trials()],
        })
    else:
        say(f"{search.id}: {count_of(search.most())} on {count(len(used), 'pair')} of {source['name']}")
        say(words)
    start(search)
    return _follow(search, trainer, searches, as_json=options.json)


def _follow(search: Search, trainer: Trainers, searches: SageMakerSearches, *, as_json: bool) -> int:
    """Keep the queue moving and tell of each trial that begins or ends, then show the table."""
    told: set[tuple[str, bool]] = set()
    try:
        while True:
            trainer.launch_next()
            searches.refresh()
            trainer.refresh()
            over = not search.working()  # before the look: a search that is over has said everything
            rows = results(search)
            for row in sorted(rows, key=lambda one: one.number):
                ended = row.state in ("done", "stopped", "failed", "interrupted")
                if (ended or row.state == "running") and (row.run, ended) not in told:
                    told.add((row.run, ended))
                    _tell(row, search.most(), ended, as_json=as_json)
            if over:
                break
            time.sleep(TICK)
    except KeyboardInterrupt:
        place = shlex.quote(str(trainer.workspace.root))
        note(f"\nStop the trial at work: python -m core stop RUN --workspace {place}")
        return 130
    trainer.launch_next()
    if not rows and (failed := search.prototype.status().last):  # SageMaker did not take it
        if as_json:
            write_json(failed)
        else:
            explain(failed)
        return 1
    _show(search, rows, as_json=as_json)
    return 0 if any(row.best for row in rows) else 1


def _tell(row: Row, trials: int, ended: bool, *, as_json: bool) -> None:
    if as_json:
        write_json({"t": round(time.time(), 3), "kind": "trial", **asdict(row)})
    elif not ended:
        say(f"Trial {row.number} of {trials}: {in_words(row.changes)}")
    else:
        reached = "" if row.ndcg is None else f", nDCG@10 {row.ndcg:.3f}, against base {_change(row)}"
        say(f"  {row.state} after {row.seconds:.0f} s{reached}")


def _show(search: Search, rows: list[Row], *, as_json: bool) -> None:
    careful = caution(rows)
    best = next((row.run for row in rows if row.best), None)
    if as_json:
        write_json({
            "t": round(time.time(), 3), "kind": "result", "search": search.id, "best": best, "caution": careful,
            "trials": [asdict(row) for row in rows],
        })
        return
    say()
    width = max((len(in_words(row.changes)) for row in rows), default=8)
    say(f"  {'settings':{width}}  nDCG@10  hit@1  against base (95 % interval)    time  state")
    for row in rows:
        figures = f"{'–':>7}  {'–':>5}  {'–':<28}" if row.ndcg is None else (
            f"{row.ndcg:7.3f}  {row.hit:5.3f}  {_change(row):<28}"
        )
        say(f"{'*' if row.best else ' '} {in_words(row.changes):{width}}  {figures}  {row.seconds:4.0f} s  {row.state}")
    if careful:
        say()
        say(careful)
    if best:
        say(f"The best model is in {search.runs / best / 'model'}")


def _change(row: Row) -> str:
    if row.change is None:
        return "–"
    interval = "" if row.low is None else f" ({row.low:+.3f} to {row.high:+.3f})"
    return f"{row.change:+.3f}{interval}"
