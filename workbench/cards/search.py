"""The cards of a search: what it would do, and its table."""

from collections.abc import Sequence

from core.plan import Plan
from core.runs.job import read_record
from core.runs.run import ACTIVE
from core.runs.target import Cost, money
from core.search.results import Row, caution, state_of
from core.search.search import Search
from core.search.space import Changes, Space, combinations, count_of, in_words
from workbench.cards.train import STATE_IN_WORDS, TONE
from workbench.words import clock, count, duration, esc, notice, size

_UNFINISHED = ("stopped", "interrupted", "failed")
#: Of an interval's picture: width and height in pixels.
_WIDE, _HIGH = 170, 14


def outlook(chosen: Sequence[tuple[Changes, Plan]]) -> str:
    """What a search would do and how long it takes, before it is started."""
    seconds = sum(plan.seconds for _, plan in chosen)
    trials = "".join(
        f"<li>{esc(in_words(changes))}{', as planned' if number == 0 else ''}</li>"
        for number, (changes, _) in enumerate(chosen)
    )
    return (
        f'<p class="small"><b>{count(len(chosen), "training")}</b>, one after another: {esc(duration(seconds))} in all at most,'
        f' estimated.</p><details data-key="trials"><summary>Which</summary><ol class="small plain">{trials}</ol></details>'
    )


def outlook_there(cost: Cost, space: Space, trials: int) -> str:
    """What a search on SageMaker would do and cost, before it is started."""
    every = combinations(space) <= trials
    how = (
        "Every combination is tried." if every else
        "SageMaker chooses each trial's values, between the least and the greatest given, by what the trials before came to."
    )
    return f'<p class="small">{esc(cost.words)} {how} They are compared by nDCG@10 while they are chosen.</p>'


def search_card(search: Search, rows: Sequence[Row], front: str, laid_over: Sequence[str], loses: int, frees: int) -> str:
    """The table of a search, the best first, with what to keep in mind about it.

    Args:
        front: the run in front.
        loses, frees: how many trials can be deleted without losing the best, and the bytes that this would free.
    """
    name = esc(search.id)
    working, job = any(row.state in ACTIVE for row in rows) or search.working(), search.job()
    buttons = ""
    if working:
        buttons += _button("search-stop", "Stop the search", "stop", search=name)
    elif not job.status if job else any(not row.has_model and row.state in _UNFINISHED for row in rows):
        buttons += _button("search-go-on", "Go on", search=name)
    if loses:
        buttons += _button("search-tidy", f"Delete all but the best ({size(frees)})", "stop", search=name)
    if not working:
        buttons += _button("search-forget", "Delete the table", search=name)
    bounds = _bounds(rows)
    body = "".join(_row(row, front, laid_over, bounds) for row in rows)
    careful = caution(rows)
    note = f'<div class="notice" role="note" style="margin-top:14px">{esc(careful)}</div>' if careful else ""
    share = sum(row.final or row.state in ("failed", "deleted") for row in rows) / max(1, search.most())
    return (
        f'<div class="headline"><h3 class="tight">{name} <span>{esc(state_of(rows, search.most()))}</span></h3><span class="actions">{buttons}</span></div>'
        f'<div class="bar" role="progressbar" aria-label="Trials of {name} that ended" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{share * 100:.0f}"><i style="width:{share:.1%}"></i></div>{_there(search, rows) if job else ""}'
        '<div class="scroll" data-scroll="search"><table class="trials"><thead><tr><th><span class="soft">Over</span></th><th>Settings</th><th>State</th><th class="n">nDCG@10</th>'
        f'<th class="n">Right first</th><th>Against base, 95 % interval</th><th class="n">Time</th></tr></thead><tbody>{body}</tbody></table></div>{note}'
    )


def _there(search: Search, rows: Sequence[Row]) -> str:
    """What SageMaker is doing, on what, and what that has cost so far."""
    job = search.job()
    costs = [record.dollars for trial in search.trials() if (record := read_record(trial.run))]
    working = search.working()
    cost = "" if None in costs else f" {money(sum(costs))} so far, at most." if working else f" {money(sum(costs))} in all."
    hint = " A trial that you stop here leaves no model." if working else ""
    said = job.trouble or search.prototype.status().last
    trouble = notice(*(said.get(part) or "" for part in ("what", "why", "what_to_do")), tone="warn") if said else ""
    cut_off = "" if working or job.phase != "sending" else " It was broken off before anything was started."
    return (
        f'<p class="soft small" style="margin-bottom:10px">{esc(job.words)}{cut_off} {esc(job.instance_type)} on SageMaker.{esc(cost)}{hint}</p>'
        f"{trouble}"
    )


def _row(row: Row, front: str, laid_over: Sequence[str], bounds: tuple[float, float]) -> str:
    run, words = esc(row.run), esc(in_words(row.changes))
    over, title = "", f"<b>{words}</b>"
    if row.run != front and row.state != "deleted":
        over = (
            f'<input type="checkbox" data-do="over" data-run="{run}" data-key="over-{run}"{" checked" if row.run in laid_over else ""}'
            f' aria-label="Lay trial {row.number} over the charts">'
        )
        title = f'<button class="link" data-do="front" data-run="{run}" data-key="front-{run}">{words}</button>'
    aside = f"trial {row.number}" + (", as planned" if row.planned else "")
    best = ' <span class="tag good">best</span>' if row.best else ""
    state = "deleted" if row.state == "deleted" else STATE_IN_WORDS[row.state]
    so_far = "" if row.final or row.ndcg is None else '<br><span class="soft small">so far</span>'
    return (
        f'<tr><td>{over}</td><td>{title}<br><span class="soft small">{aside}</span>{best}</td><td><span class="tag {TONE.get(row.state, "")}">{esc(state)}</span></td>'
        f'<td class="n">{_share(row.ndcg)}{so_far}</td><td class="n">{_share(row.hit)}</td><td>{_change(row, bounds)}</td>'
        f'<td class="n soft">{clock(row.seconds) if row.seconds else "–"}</td></tr>'
    )


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _bounds(rows: Sequence[Row]) -> tuple[float, float]:
    """The range that all intervals' pictures share; 0, the base model, is always in it."""
    values = [0.0, *(value for row in rows for value in (row.low, row.high, row.change) if value is not None)]
    low, high = min(values), max(values)
    edge = 0.04 * (high - low) or 0.01
    return low - edge, high + edge


def _change(row: Row, bounds: tuple[float, float]) -> str:
    """The change in words of numbers, and its interval as a picture on the table's common scale."""
    if row.change is None:
        return "–"
    said = f'<span class="num">{signed(row.change)}</span>'
    if row.low is None or row.high is None:
        return said
    low, high = bounds

    def at(value: float) -> str:
        return f"{_WIDE * (value - low) / (high - low):.1f}"

    middle = _HIGH // 2
    picture = (
        f'<svg class="whisker" width="{_WIDE}" height="{_HIGH}" viewBox="0 0 {_WIDE} {_HIGH}" aria-hidden="true">'
        f'<line class="zero" x1="{at(0)}" x2="{at(0)}" y1="0" y2="{_HIGH}"/><line class="reach" x1="{at(row.low)}" x2="{at(row.high)}" y1="{middle}" y2="{middle}"/>'
        f'<rect class="point" x="{float(at(row.change)) - 3.5:.1f}" y="{middle - 3.5}" width="7" height="7"/></svg>'
    )
    return f'{said} <span class="soft small num">{signed(row.low)} to {signed(row.high)}</span><br>{picture}'


def signed(value: float) -> str:
    """Three digits with their sign, a real minus."""
    return f"{value:+.3f}".replace("-", "−")


def confirm_tidy(search: Search, loses: int, frees: int, best: str) -> str:
    """Asked before the other trials are deleted."""
    name = esc(search.id)
    return (
        f'<div class="notice tone-bad" role="alertdialog" aria-label="Delete the other trials of {name}"><b>Delete {count_of(loses)} with their models?</b> '
        f"This frees {size(frees)} and cannot be undone. Kept are {esc(best)} with its model, and all rows of this table."
        f'<div class="actions" style="margin-top:10px">{_button("search-tidy-now", "Delete them", "stop", search=name)}{_button("keep", "Keep them")}</div></div>'
    )


def confirm_forget(search: Search, deleted: int) -> str:
    """Asked before the table goes."""
    name = esc(search.id)
    gone = f" What the {count_of(deleted)} that you deleted came to is forgotten." if deleted else ""
    return (
        f'<div class="notice tone-warn" role="alertdialog" aria-label="Delete the table of {name}"><b>Delete the table of {name}?</b> '
        f"Its trials stay with their models, as runs of their own.{gone}"
        f'<div class="actions" style="margin-top:10px">{_button("search-forget-now", "Delete the table", "stop", search=name)}{_button("keep", "Keep it")}</div></div>'
    )


def search_row(search: Search, rows: Sequence[Row], is_front: bool) -> str:
    """A search as one row of the list of runs; its trials are in its own table."""
    best = next((row for row in rows if row.best), None)
    there = best if best and best.state != "deleted" else next((row for row in rows if row.state != "deleted"), None)
    name = esc(search.id)
    title = f"<b>{name}</b>" if is_front else (
        f'<button class="link" data-do="front" data-run="{esc(there.run) if there else name}" data-key="front-{name}">{name}</button>'
    )
    figures = "–"
    if best and best.ndcg is not None and best.change is not None:
        figures = f'<span class="b">{best.ndcg - best.change:.3f}</span> → <span class="t">{best.ndcg:.3f}</span>'
    place = " on SageMaker" if search.job() else ""
    return (
        f'<td></td><td>{title}<br><span class="soft small">search, {count_of(search.most())}{place}</span></td>'
        f'<td><span class="soft small">{esc(state_of(rows, search.most()))}</span></td><td class="n">{figures}</td>'
    )


def _button(do: str, words: str, tone: str = "", **data: str) -> str:
    """``data`` is escaped already."""
    extra = "".join(f' data-{key}="{value}"' for key, value in data.items())
    key = "-".join([do, *data.values()])
    return f'<button class="{tone}" data-do="{do}" data-key="{key}"{extra}>{esc(words)}</button>'
