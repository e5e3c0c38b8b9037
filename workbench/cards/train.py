"""The cards of the Train tab."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from core.plan import Plan
from core.recipe import form_fields
from core.runs.damage import explain_damage
from core.runs.events import Event
from core.runs.job import Record, read_record
from core.runs.overlay import Difference
from core.runs.run import ACTIVE, RESUMABLE, Run, State, Status
from core.runs.target import money
from workbench.cards.pager import pager
from workbench.curves import Figures
from workbench.words import SILENT, ago, clock, count, duration, esc, notice, size, span

STATE_IN_WORDS: dict[State, str] = {
    "queued": "waiting its turn",
    "running": "training",
    "stopping": "stopping after this step",
    "stopped": "stopped",
    "done": "finished",
    "failed": "failed",
    "interrupted": "interrupted",
}
TONE: dict[State, str] = {"done": "good", "failed": "bad", "interrupted": "warn", "stopped": "warn"}
#: SageMaker's states of a job at work; whatever else it says comes before the start.
_JOB_IN_WORDS = {
    "Downloading": "downloading", "DownloadingTrainingImage": "downloading", "Training": "training",
    "Interrupted": "waiting for a machine", "Uploading": "uploading", "Completed": "fetching the model",
}
#: Runs on one page of their list: what changes in it is sent to every page that is open.
ROWS_A_PAGE = 10
LABELS = {field.name: field.label for field in form_fields()}


def plan_card(plan: Plan, pairs: int, here: bool = True) -> str:
    """What will happen, before it happens: time and memory on this machine, and what was chosen with its reason."""
    recipe = plan.recipe
    on_this_machine = [
        (duration(plan.seconds).removeprefix("about "), "at most, estimated"), (size(plan.memory_bytes), "memory, estimated")
    ]
    facts = [
        (f"{plan.steps:,}", "steps at most"),
        *(on_this_machine if here else ()),
        (f"{len(plan.split.train):,}", f"of {count(pairs, 'pair')} to learn from"),
    ]
    stat = "".join(f"<div><b>{esc(value)}</b>{esc(words)}</div>" for value, words in facts)
    chosen = "".join(
        f'<tr><td>{esc(LABELS[name])}</td><td class="n">{esc(_value(getattr(recipe, name)))}</td><td class="soft">{esc(reason)}</td></tr>'
        for name, reason in plan.reasons.items()
    )
    notes = "".join(f'<p class="soft small">{esc(note)}</p>' for note in plan.notes)
    return (
        f'<div class="stat">{stat}</div>{notes}<details data-key="why" style="margin-top:10px"><summary>What was chosen for you, and why</summary>'
        f'<div class="scroll"><table><tbody>{chosen}</tbody></table></div></details>'
    )


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)


def no_run_card(has_pairs: bool, searching: bool = False) -> str:
    """The right side before the first run, or before the first trial of a search on SageMaker."""
    words = "The first trial is shown here when SageMaker has started it." if searching else (
        "Press “Start training” to see the model learn here."
        if has_pairs
        else "Bring pairs on the Pairs tab, then start training here."
    )
    return (
        f'<div class="empty"><p>{words}</p><p>You will see the loss fall, and how often the right answer comes near the top for'
        " questions the model has never seen.</p></div>"
    )


def run_card(
    run: Run, status: Status, figures: Figures, place: int, trouble: dict[str, Any] | None, job: Record | None = None
) -> str:
    """The run in front: its state, progress, figures, verdict or trouble, and what can be done with it.

    Args:
        figures: what its worker has told.
        place: its place in the queue (1 is next), 0 when not waiting.
        trouble: ``core.runs.explain.explain_end`` of the run.
        job: its training job, for a run on SageMaker.
    """
    settings = run.settings()
    state = status.state
    words = f"waiting its turn, {_ordinal(place)} in line" if state == "queued" and place else STATE_IN_WORDS[state]
    if job and state == "running":
        words = state_of_job(job)
    buttons = _buttons(run, status, trouble)
    head = (
        f'<div style="display:flex;gap:8px 12px;align-items:center;flex-wrap:wrap"><h3 class="tight" style="margin:0">{esc(run.id)} </h3>'
        f'<span class="tag {TONE.get(state, "")}">{esc(words)}</span><span class="soft small">{esc(_source(settings))}</span>'
        f'<span class="actions" style="margin-left:auto">{buttons}</span></div>'
    )
    share = status.step / status.steps if status.steps else 0
    if state == "done":
        share = 1
    bar = f'<div class="bar" role="progressbar" aria-label="Progress of {esc(run.id)}" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{share * 100:.0f}"><i style="width:{share:.1%}"></i></div>'
    note = f'<p class="soft small">{esc(figures.stage)}</p>' if state == "running" and figures.stage else ""
    there = job_line(job, status) if job else ""
    return head + bar + _stat(status, figures) + (there or note) + _outcome(run, status, trouble) + _damage(run, status)


def state_of_job(job: Record) -> str:
    """What a job that is at work does at this moment, in a word or two."""
    if job.phase == "sending":
        return "sending the data"
    return _JOB_IN_WORDS.get(job.secondary, "starting")


def job_line(job: Record, status: Status) -> str:
    """What SageMaker is doing for a run, on what, for how long, and what that has cost so far; why AWS cannot be asked."""
    at_work = status.state in ("running", "stopping")
    since = f" for {span(time.time() - job.since)}" if at_work and job.since else ""
    machines = job.instance_type if job.instance_count == 1 else f"{job.instance_count} × {job.instance_type}"
    price = "" if job.an_hour is None else f", ${job.an_hour * job.instance_count:,.2f} an hour"
    how = f"{machines}{' (spot)' if job.spot else ''}{price}"
    words = f"{job.words.rstrip('.')}{since}." if job.words else ""
    warm = at_work is False and job.keep_warm_seconds and job.ended and job.ended + job.keep_warm_seconds > time.time()
    kept = " Its machine is kept warm for the next training, at the full price." if warm else ""
    trouble = ""
    if job.trouble:
        sentences = [job.trouble.get(part) or "" for part in ("what", "why", "what_to_do")]
        silence = time.time() - job.heard
        if job.heard and silence >= SILENT:
            sentences[0] += f" Nothing was heard of this training for {span(silence)}; what you see is from then."
        trouble = f'<div style="margin-top:10px">{notice(*sentences, tone="warn")}</div>'
    return (
        f'<p class="small" style="margin-top:12px">{esc(words)} <span class="soft">On SageMaker, {esc(how)}: {esc(cost_of(job))}.'
        f"{kept}</span></p>{trouble}"
    )


def cost_of(job: Record) -> str:
    """What a job has cost so far, in words."""
    if job.dollars is None:
        return "its price is not known"
    if not job.dollars:
        return "nothing to pay so far"
    at_most = (job.spot and job.billable_seconds is None) or (job.ended and job.keep_warm_seconds)
    about = "at most " if at_most else "about "
    return f"{about}{money(job.dollars)}{'' if job.ended or job.billable_seconds else ' so far'}"


def _source(settings: dict[str, Any]) -> str:
    return settings.get("source", {}).get("name", "")


def _ordinal(number: int) -> str:
    return {1: "next", 2: "second", 3: "third"}.get(number, f"{number}th")


def _stat(status: Status, figures: Figures) -> str:
    """Steps, time left, loss, held-out figure, speed and memory: the same boxes from the first moment on."""
    step, best = figures.step, figures.best
    running = status.state in ("running", "stopping")
    left = step.get("seconds_left")
    boxes = [
        (f"{status.step:,} of {status.steps:,}" if status.steps else "–", "steps" if running else "steps, at most"),
        (clock(left) if running and left is not None else "–", "left, at most"),
        (f"{step['loss']:.3f}" if "loss" in step else "–", "loss"),
        (f"{best['ndcg@10']:.3f}" if best else "–", f"best nDCG@10{_where(best)}"),
        (f"{step['tokens_per_second']:,.0f}" if step.get("tokens_per_second") else "–", "tokens a second"),
        (size(step["memory"]) if step.get("memory") else "–", "memory"),
    ]
    return '<div class="stat">' + "".join(f"<div><b>{esc(value)}</b>{words}</div>" for value, words in boxes) + "</div>"


def _where(best: Event) -> str:
    """At which step the best check was; the base model's score is step 0."""
    if not best:
        return ""
    if best.get("of_folds") and not best.get("base"):
        return ", mean of the folds so far"
    return ", base model" if best.get("base") else f", step {best['step']:,}"


def _buttons(run: Run, status: Status, trouble: dict[str, Any] | None) -> str:
    name = esc(run.id)

    def button(do: str, words: str, tone: str = "", **data: Any) -> str:
        extra = "".join(f' data-{key}="{esc(value)}"' for key, value in data.items())
        return f'<button class="{tone}" data-do="{do}" data-run="{name}" data-key="{do}"{extra}>{esc(words)}</button>'

    state = status.state
    if state == "queued":
        return button("stop", "Take out of the queue", "stop")
    if state == "running":
        return button("stop", "Stop and keep the best" if status.step or not run.job_file.exists() else "Stop", "stop")
    if state == "stopping":
        return '<button class="stop" disabled>Stopping</button>'
    buttons = ""
    if state in RESUMABLE:
        buttons += button("resume", "Resume")
    if trouble and (offer := trouble.get("offer")):
        buttons += button("half", f"Start again with {offer['batch_size']} pairs a step", batch=offer["batch_size"])
    buttons += button("again", "Use these settings")
    if run.model.exists():
        buttons += f'<a class="button" href="./take-home/{name}" download data-key="home">Download the model</a>'
    return buttons + button("delete", "Delete", "stop")


def _outcome(run: Run, status: Status, trouble: dict[str, Any] | None) -> str:
    """The verdict of a finished run, or what went wrong."""
    if trouble is not None:
        sentences = [trouble.get(part) or "" for part in ("what", "why", "what_to_do")]
        return f'<div style="margin-top:14px">{notice(*sentences, tone="bad" if status.state == "failed" else "warn")}</div>'
    report = run.report()
    if status.state not in ("done", "stopped") or report is None:
        return ""
    tone = {True: "good", False: "bad", None: "warn"}[report.get("better")]
    causes = "".join(f"<li>{esc(cause)}</li>" for cause in report.get("causes") or ())
    causes = f'<ul class="small soft" style="margin:6px 0 0 18px;list-style:disc">{causes}</ul>' if causes else ""
    return (
        f'<div class="notice tone-{tone}" role="status" style="margin-top:14px">{esc(report["verdict"])}{causes}</div>'
    )


def _damage(run: Run, status: Status) -> str:
    """Which of its files are damaged, if any; a worker at work is still writing them."""
    damage = explain_damage(run) if status.state not in ACTIVE else None
    if damage is None:
        return ""
    return f'<div style="margin-top:14px">{notice(damage["what"], damage["why"], damage["what_to_do"], tone="bad")}</div>'


def confirm_delete(run: Run) -> str:
    """Asked before a run is deleted: what goes with it."""
    name = esc(run.id)
    there = "What it left in your AWS account, on S3 and as a log, goes as well. " if read_record(run) else ""
    return (
        f'<div class="notice tone-bad" role="alertdialog" aria-label="Delete {name}"><b>Delete {name} with its model?</b> {there}'
        "This cannot be undone. Download the model first if you may want it."
        f'<div class="actions" style="margin-top:10px"><button class="stop" data-do="delete-now" data-run="{name}" data-key="delete-now">Delete it</button>'
        '<button data-do="keep" data-key="keep">Keep it</button></div></div>'
    )


def runs_card(
    runs: Sequence[tuple[Run, Status]], front: str, laid_over: Sequence[str], instead: Mapping[str, str] | None = None,
    page: int = 0,
) -> str:
    """The runs page by page: state and result, a button that brings it to the front and a box that lays its curves over.

    Args:
        instead: run id -> cells that are shown instead of its own, once; so the trials of a search are one row. What is
            there for no run of the list, a search whose trials are still to come, is shown first.
        page: which page, from 0; the last one where there are fewer.
    """
    first = dict.fromkeys(cells for key, cells in (instead or {}).items() if key not in {run.id for run, _ in runs})
    rows: list[tuple[str, Run | None, Status | None]] = [(cells, None, None) for cells in first]
    shown = set(first)
    for run, status in runs:
        cells = (instead or {}).get(run.id, "")
        if cells not in shown:
            rows.append((cells, run, status))
        if cells:
            shown.add(cells)
    if not rows:
        return ""
    page = min(max(0, page), (len(rows) - 1) // ROWS_A_PAGE)
    body = [
        _run_row(run, status, front, laid_over) if run and status and not cells else f"<tr>{cells}{_when(run)}</tr>"
        for cells, run, status in rows[page * ROWS_A_PAGE : (page + 1) * ROWS_A_PAGE]
    ]
    return (
        '<h3>Runs <span>tick to lay a run over the charts</span></h3><div class="scroll" data-scroll="runs"><table><thead><tr><th><span class="soft">Over</span></th><th>Run</th>'
        f'<th>State</th><th class="n">nDCG@10, base → tuned</th><th class="n">Started</th></tr></thead><tbody>{"".join(body)}</tbody></table></div>'
        f"{pager(page, len(rows), ROWS_A_PAGE)}"
    )


def _run_row(run: Run, status: Status, front: str, laid_over: Sequence[str]) -> str:
    report = run.report() or {}
    name = esc(run.id)
    base, tuned = (report.get(side, {}).get("ndcg@10") for side in ("base", "tuned"))
    figures = (
        f'<span class="b">{base:.3f}</span> → <span class="t">{tuned:.3f}</span>'
        if base is not None and tuned is not None
        else "–"
    )
    over = (
        ""
        if run.id == front
        else (
            f'<input type="checkbox" data-do="over" data-run="{name}" data-key="over-{name}"{" checked" if run.id in laid_over else ""} aria-label="Lay {name} over the chart">'
        )
    )
    title = (
        f"<b>{name}</b>"
        if run.id == front
        else f'<button class="link" data-do="front" data-run="{name}" data-key="front-{name}">{name}</button>'
    )
    job = read_record(run)
    place = f" · SageMaker, {cost_of(job)}" if job else ""
    state = state_of_job(job) if job and status.state == "running" else STATE_IN_WORDS[status.state]
    return (
        f'<tr><td>{over}</td><td>{title}<br><span class="soft small">{esc(_source(run.settings()))}{esc(place)}</span></td>'
        f'<td><span class="tag {TONE.get(status.state, "")}">{esc(state)}</span></td>'
        f'<td class="n">{figures}</td>{_when(run)}</tr>'
    )


def _when(run: Run | None) -> str:
    """The cell that says how long ago a run was made; empty for a search whose trials are still to come."""
    created = run.settings().get("created") if run else None
    return f'<td class="n soft">{ago(created) if created else ""}</td>'


def differences_card(names: Sequence[str], rows: Sequence[Difference]) -> str:
    """What differs between the settings of the runs that are laid over each other; ``names``: the runs, in order."""
    if len(names) < 2:
        return ""
    if not rows:
        return '<p class="soft small">These runs have the same settings.</p>'
    titles = "".join(f'<th class="n">{esc(name)}</th>' for name in names)
    body = "".join(
        f"<tr><td>{esc(row.label)}</td>" + "".join(f'<td class="n">{esc(value)}</td>' for value in row.values) + "</tr>"
        for row in rows
    )
    return f'<h3 style="margin-top:14px">What differs</h3><div class="scroll"><table><thead><tr><th>Setting</th>{titles}</tr></thead><tbody>{body}</tbody></table></div>'


def take_home_card(run: Run | None) -> str:
    """Where a finished model is and how it is used elsewhere."""
    if run is None or not run.model.exists():
        return ""
    return (
        '<h3>Take it home</h3><p class="soft small">The zip holds the model with its card, your training pairs and a script that repeats the'
        ' run. In Python: <code>SentenceTransformer("folder")</code>. On this machine it is kept in '
        f"<code>{esc(run.model)}</code>.</p>"
    )
