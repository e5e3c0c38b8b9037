"""The cards of the Endpoints tab. They show endpoints of any place; only words differ between this machine and AWS."""

import time
from collections.abc import Sequence

import numpy as np

from core.endpoints.host import Endpoint, State, Target
from core.endpoints.leftovers import AT_WORK, Leftover
from core.errors import WorkbenchError
from workbench.deployments import Task
from workbench.trial import Latency
from workbench.words import PLACE_IN_WORDS, SILENT, count, esc, money, notice, span

STATE_IN_WORDS: dict[State, str] = {
    "Starting": "starting",
    "Ready": "Ready",
    "Wrong": "in service but wrong",
    "Failed": "failed",
    "Deleting": "being deleted",
}
_TONE: dict[State, str] = {"Ready": "good", "Wrong": "bad", "Failed": "bad"}
#: What one endpoint alone does.
_ALONE: dict[State, str] = {
    "Starting": "is starting {where}",
    "Ready": "is running {where}",
    "Wrong": "runs {where}, but gives the wrong vectors",
    "Failed": "{where} has failed",
    "Deleting": "{where} is being deleted",
}
_COLLEAGUES = ' <span class="tag">a colleague’s</span>'
#: What is said of an endpoint alone that has no price an hour (yet).
_WITHOUT_PRICE: dict[Target, str] = {
    "here": "It costs nothing.",
    "serverless": "It costs nothing while it waits to be called.",
    "sagemaker": "SageMaker has not started a machine for it, or has ended it.",
    "tei": "SageMaker has not started a machine for it, or has ended it.",
}
#: The columns of the list: heading, and whether it holds numbers.
_COLUMNS = (("Endpoint", 0), ("Where", 0), ("State", 0), ("Running", 1), ("Calls, last hour", 1), ("An hour", 1), ("So far", 1), ("Deletes itself", 0))


def running(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """Those of the workbench's that are there to be called, or soon will be."""
    return [one for one in endpoints if one.state in ("Starting", "Ready", "Wrong") and one.whose != "foreign"]


def first_sentence(endpoints: Sequence[Endpoint]) -> str:
    """What is so, in one sentence, and what that means. Endpoints that no workbench made do not count."""
    ours = [one for one in endpoints if one.whose != "foreign"]
    there = running(ours)
    an_hour = sum(one.an_hour for one in ours)
    trouble = [one for one in ours if one.state in ("Wrong", "Failed")]
    if not ours:
        words, rest = "No endpoints yet.", "Deploy a model below, and other programs can ask it for vectors."
    elif len(ours) == 1:
        one = ours[0]
        words = f"One endpoint {_ALONE[one.state].format(where='here' if one.on == 'here' else 'on SageMaker')}."
        rest = f"It costs {money(an_hour)} an hour." if an_hour else _WITHOUT_PRICE[one.on]
    else:
        words = f"{count(len(there), 'endpoint is', 'endpoints are')} running." if there else "Nothing is running."
        rest = f"Together they cost {money(an_hour)} an hour." if an_hour else "They cost nothing."
        rest += f" {count(len(trouble), 'needs', 'need')} a look." if trouble else ""
    return f'<p class="verdict">{words}</p><p class="soft">{rest}</p>'


def trouble_card(trouble: WorkbenchError | None, heard: float | None = None) -> str:
    """Said where AWS cannot be asked, or not for all: the list may lack what runs there.

    Args:
        heard: when AWS said last what runs there, in seconds since 1970; None where it has not yet.
    """
    if trouble is None:
        return ""
    ago = None if heard is None else time.time() - heard
    since = "" if ago is None or ago < SILENT else f" AWS was last heard {span(ago)} ago: the list shows what it said then."
    what = "What is on SageMaker cannot be seen at the moment." if since or ago is None else (
        "Not everything that is on SageMaker can be seen at the moment."
    )
    return notice(what, f"It may still cost.{since} {trouble}", tone="warn")


def list_card(endpoints: Sequence[Endpoint], unlocked: Sequence[str] = ()) -> str:
    """Every endpoint with what it costs, when it goes, and what can be done with it.

    Args:
        unlocked: the names of those that no workbench made and that may be deleted all the same.
    """
    if not endpoints:
        return ""
    titles = "".join(f'<th class="n">{title}</th>' if number else f"<th>{title}</th>" for title, number in _COLUMNS)
    body = "".join(_row(one, one.name in unlocked) for one in endpoints)
    more = '<button class="stop" data-do="delete-all" data-key="delete-all">Delete all of mine</button>'
    return (
        '<div class="scroll" data-scroll="endpoints"><table class="stacked"><thead><tr>'
        f'{titles}<th><span class="unseen">What can be done</span></th></tr></thead><tbody>{body}</tbody></table></div>'
        + (f'<div class="actions" style="margin-top:14px">{more}</div>' if len(mine(endpoints)) > 1 else "")
    )


def mine(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """Those that "Delete all of mine" deletes."""
    return [one for one in endpoints if one.whose == "mine"]


def _row(one: Endpoint, unlocked: bool) -> str:
    name, state = esc(one.name), one.state
    foreign = one.whose == "foreign"
    notes = [] if one.model in (one.name, "") else [esc(one.model)]
    if one.why:
        notes.append(f'<span class="text {_TONE.get(state, "")}">{esc(one.why)}</span>')
    if not foreign:
        notes.append(_button(one, "log", "Log", "link"))
    whose = {"mine": "", "colleague": _COLLEAGUES, "foreign": ' <span class="tag">not from here</span>'}
    machine = f'<br><span class="soft small">{esc(one.machine)}</span>' if one.machine else ""
    cells = [
        ("", f'<b>{name}</b>{whose[one.whose]}<br><span class="soft small">{"<br>".join(notes)}</span>'),
        ("where", f"<div>{PLACE_IN_WORDS[one.on]}{machine}</div>"),
        ("", f'<span class="tag {"" if foreign else _TONE.get(state, "")}">{STATE_IN_WORDS[state]}</span>'),
        ("n", "–" if state == "Failed" else _minutes(time.time() - one.created)),
        ("n", "–" if one.calls is None else f"{one.calls:,}"),
        ("n", _price(one)),
        ("n", f"${one.so_far:,.2f}" if one.so_far else "–"),
        ("", _end(one)),
    ]
    filled = "".join(
        f'<td class="{css}" data-title="{title}">{cell}</td>' for (title, _), (css, cell) in zip(_COLUMNS, cells, strict=True)
    )
    css = ' class="foreign"' if foreign else ""
    return f'<tr data-row="{name}"{css}>{filled}<td><div class="actions">{_buttons(one, unlocked)}</div></td></tr>'


def _price(one: Endpoint) -> str:
    """What it costs an hour; nothing is called free that is not."""
    if one.on == "here" or one.an_hour:
        return money(one.an_hour)
    return "when called" if one.on == "serverless" and one.whose != "foreign" else "–"


def _minutes(seconds: float) -> str:
    """A length of time without seconds: a list that is drawn anew each second takes its buttons from under the pointer."""
    return span(seconds) if seconds >= 60 else "under 1 min"


def _end(one: Endpoint) -> str:
    if one.whose == "foreign":
        return '<span class="soft">–</span>'
    if one.expires is None and one.end_known:
        return '<span class="soft">never; delete it yourself</span>'
    can = one.state in ("Ready", "Wrong") or (one.on == "here" and one.state == "Starting")
    when = '<span class="text bad">not known</span>' if one.expires is None else _in(one.expires)
    extend = f"<br>{_button(one, 'extend', 'Extend', 'link')}" if can else ""
    return f'<div class="num whole">{when}{extend}</div>'


def _in(at: float) -> str:
    left = at - time.time()
    return f"in {_minutes(left)}" if left > 0 else "now"


def _button(one: Endpoint, do: str, words: str, css: str = "") -> str:
    name = esc(one.name)
    return f'<button class="{css}" data-do="{do}" data-name="{name}" data-key="{do}-{name}" aria-label="{words} {name}">{words}</button>'


def _buttons(one: Endpoint, unlocked: bool) -> str:
    if one.state == "Deleting":
        return '<button class="stop" disabled>Deleting</button>'
    if one.whose == "foreign":
        return _button(one, "delete", "Delete", "stop") if unlocked else _button(one, "unlock", "Unlock")
    return (_button(one, "try", "Try") if one.state == "Ready" else "") + _button(one, "delete", "Delete", "stop")


def leftovers_card(leftovers: Sequence[Leftover]) -> str:
    """What earlier endpoints and jobs have left in the account, each to be removed; nothing where nothing is left."""
    if not leftovers:
        return ""
    rows = "".join(
        f'<tr><td>{esc(one.what)}{_COLLEAGUES if one.whose == "colleague" else ""}<br><span class="soft small">{esc(one.name)}</span></td><td class="n" data-title="An hour">{money(one.an_hour) if one.an_hour else "next to nothing"}</td><td><div class="actions">'
        f'<button class="stop" data-do="remove" data-kind="{esc(one.kind)}" data-name="{esc(one.name)}"'
        f' data-key="remove-{esc(one.kind)}-{esc(one.name)}" aria-label="Remove {esc(one.kind)} {esc(one.name)}">Remove</button></div></td></tr>'
        for one in leftovers
    )
    more = '<button class="stop" data-do="remove-all" data-key="remove-all">Remove all of it</button>'
    return (
        '<h3 class="tight">Also on SageMaker <span>what no endpoint needs any more, and work that no run here waits for</span></h3>'
        '<div class="scroll" data-scroll="leftovers"><table class="stacked"><thead><tr><th>What</th><th class="n">An hour</th>'
        f'<th><span class="unseen">What can be done</span></th></tr></thead><tbody>{rows}</tbody></table></div>'
        + (f'<div class="actions" style="margin-top:14px">{more}</div>' if len(removable(leftovers)) > 1 else "")
    )


def removable(leftovers: Sequence[Leftover]) -> list[Leftover]:
    """What "Remove all of it" removes: nothing that is at work, which somebody may be waiting for."""
    return [one for one in leftovers if one.kind not in AT_WORK]


def log_card(name: str, text: str) -> str:
    """The end of what an endpoint wrote."""
    shown = esc(text.strip()) or "It has written nothing."
    return (
        f'<details open data-key="log"><summary>Log of {esc(name)}</summary><pre tabindex="0">{shown}</pre></details>'
        '<div class="actions" style="margin-top:8px"><button data-do="again" data-key="log-again">Read it again</button>'
        '<button data-do="close" data-key="log-close">Close</button></div>'
    )


def tasks_card(tasks: Sequence[Task]) -> str:
    """Deployments or deletions step by step, each with the time it has taken; nothing where there are none. What went well
    is folded away, but for the last."""
    shown = [_task(task, folded=task.ended is not None and not task.trouble and task is not tasks[-1]) for task in tasks]
    return f'<div class="apart">{"".join(shown)}</div>' if tasks else ""


def _task(task: Task, folded: bool) -> str:
    doing = {"deploy": "Deploying", "delete": "Deleting", "remove": "Removing"}[task.kind]
    done = {"deploy": "Deployed", "delete": "Deleted", "remove": "Removed"}[task.kind]
    took = span((task.ended or time.time()) - task.began)
    over = task.ended is not None
    title = f"{(done if not task.trouble else doing) if over else doing} {esc(task.subject)}"
    title += f' <span class="num">{"took " if over else ""}{took}</span>'
    steps = "".join(
        f'<li class="{_step(task, number)}">{esc(step)}</li>'
        for number, step in enumerate(task.steps, start=1)
    )
    steps = f'<ul class="steps">{steps}</ul>'
    if folded:
        return f'<details data-key="{task.kind}-{esc(task.subject)}"><summary>{title}</summary>{steps}</details>'
    trouble = notice(task.trouble.what, task.trouble.why, task.trouble.what_to_do) if task.trouble else ""
    return f'<div><h3 class="tight">{title}</h3>{steps}{trouble}</div>'


def _step(task: Task, number: int) -> str:
    """How the step of that number (from 1) is marked: only the last can be under way, or where it failed."""
    if number < len(task.steps):
        return "done"
    return "now" if task.ended is None else "bad" if task.trouble else "done"


def vectors_card(vectors: np.ndarray, seconds: float, cosine: float | None) -> str:
    """What the endpoint answered: the first numbers of each vector and its length; the cosine of two."""
    rows = "".join(
        f'<tr><td class="where">{name}</td><td class="num">{", ".join(f"{number:.3f}" for number in vector[:4])}, …</td><td class="n">{len(vector):,}</td></tr>'
        for name, vector in zip(("One text", "Another"), vectors, strict=False)
    )
    alike = (
        f'<div class="stat"><div><b>{cosine:.2f}</b>cosine: 1 is the same, about 0 unrelated</div></div>' if cosine is not None else ""
    )
    return (
        f'<div class="apart">{alike}<div class="scroll"><table><thead><tr><th>Vector</th><th>First numbers</th><th class="n">Numbers</th></tr></thead><tbody>{rows}</tbody></table></div>'
        f'<p class="soft small">Answered in {seconds * 1000:.0f} ms.</p></div>'
    )


def latency_card(latency: Latency) -> str:
    """How long the calls took."""
    return (
        f'<div class="apart"><div class="stat"><div><b>{latency.p50 * 1000:.0f} ms</b>half of the calls at most</div>'
        f'<div><b>{latency.p95 * 1000:.0f} ms</b>95 of 100 at most</div></div>'
        f'<p class="soft small">{count(latency.calls, "call")} of one text, one after another.</p></div>'
    )


def file_card(ticket: str, texts: int) -> str:
    """The vectors of a file, ready to be fetched for a day."""
    return (
        f'<p>{count(texts, "text")} made into vectors. <a class="button" href="./endpoints/vectors/{esc(ticket)}.csv" download '
        'data-key="vectors">Download the vectors (CSV)</a></p>'
    )


def no_trial_card() -> str:
    """Where texts can be tried, before there is anything to try them with."""
    return (
        '<h3>Try it</h3><div class="empty"><p>Once an endpoint is ready, send it one text or two: you see their vectors, how'
        " alike they are and how long the answer takes.</p></div>"
    )


def trial_card(name: str) -> str:
    """The heading over the texts to try."""
    return f'<h3 class="tight">Try {esc(name)} <span>as another program would</span></h3>'


def confirm_one(one: Endpoint) -> str:
    """Asked before an endpoint is deleted."""
    whose = {"mine": "", "colleague": " It is a colleague’s.", "foreign": " No workbench made it."}[one.whose]
    stays = "" if one.whose == "foreign" else " The model itself stays."
    return (
        f'<p><b>Delete {esc(one.name)}?</b>{whose} Programs that use it get no answer any more.{stays}'
        f" Type <code>{esc(one.name)}</code> to delete it.</p>"
    )


def confirm_unlock(one: Endpoint) -> str:
    """Asked before an endpoint that no workbench made can be deleted."""
    return (
        f"<p><b>Unlock {esc(one.name)}?</b> No workbench made it, so somebody else may need it. Type"
        f" <code>{esc(one.name)}</code> to be able to delete it.</p>"
    )


def confirm_all(endpoints: Sequence[Endpoint], typed: str) -> str:
    """Asked before all endpoints are deleted."""
    names = ", ".join(esc(one.name) for one in endpoints)
    return (
        f"<p><b>Delete {count(len(endpoints), 'endpoint')}?</b> {names}. Programs that use them get no answer any more. The"
        f" models themselves stay. Type <code>{esc(typed)}</code> to delete them.</p>"
    )


def confirm_removal(leftovers: Sequence[Leftover], typed: str) -> str:
    """Asked before something left over is removed."""
    names = ", ".join(f"{esc(one.what)} ({esc(one.name)})" for one in leftovers)
    return (
        f"<p><b>Remove {count(len(leftovers), 'thing')}?</b> {names}. It cannot be brought back. Type"
        f" <code>{esc(typed)}</code> to remove {'it' if len(leftovers) == 1 else 'them'}.</p>"
    )


def program_card(program: str) -> str:
    """A program that uses the endpoint, to be copied."""
    return (
        '<div class="program"><button data-copy="program" data-key="copy" aria-label="Copy the program">Copy</button>'
        f'<pre id="program" tabindex="0">{esc(program.strip())}</pre></div>'
    )


def hidden_token_card() -> str:
    """The token's place while it is not shown."""
    return (
        '<div class="actions" style="align-items:center"><button data-do="show" data-key="token">Show the token</button>'
        '<span class="soft small">Who has it can use the endpoint.</span></div>'
    )


def token_card(token: str, variable: str) -> str:
    """The token, as the line that puts it into the environment."""
    return f'<pre>export {variable}={esc(token)}</pre><div class="actions" style="margin-top:8px"><button data-do="hide" data-key="token">Hide the token</button></div>'
