"""The cards of the Pairs tab."""

from collections.abc import Sequence
from pathlib import Path

from core.evaluation.statistics import smallest_tellable_change
from core.pairs.actions import Action
from core.pairs.dataset import KIND_IN_WORDS, PairSet
from core.pairs.issue import Issue, name_rows
from core.pairs.split import Split
from core.pairs.store import DamagedSetError, StoredSet
from core.plan import MOST_FOLDED
from workbench.cards.check import check
from workbench.cards.pager import pager
from workbench.words import count, esc, notice, size

#: What a role is called in front of people.
ROLE_IN_WORDS = {
    "anchor": "Question",
    "positive": "Answer",
    "negative": "Wrong answer",
    "score": "Score",
    "label": "Label",
    "group": "Group",
}
ROWS_A_PAGE = 50

#: What each check looks for, for the line that says what was not found.
LOOKED_FOR = {
    "empty-text": "empty texts",
    "identical-sides": "rows with the same text twice",
    "exact-duplicate": "exact duplicates",
    "near-duplicate": "rows that say nearly the same",
    "several-answers": "questions with several answers",
    "shared-answer": "answers to several questions",
    "too-short": "very short texts",
    "too-long": "texts the model cannot read to their end",
    "odd-pair": "odd pairs",
    "control-characters": "invisible characters",
    "markup": "leftover markup",
}
_WIDTH = {"anchor": "half", "positive": "wide", "negative": "half", "score": "n", "label": "n"}
_SIGN = {"bad": ("bad", "!", "Fix this"), "look": ("look", "!", "Worth a look"), "info": ("", "i", "Good to know")}


def file_card(stored: StoredSet | None, examples: Sequence[tuple[str, str]], chosen: str) -> str:
    """The file in use in one line, and the example sets as chips. ``examples``: (id, label)."""
    about = ""
    if stored is not None:
        facts = [count(stored.facts["rows"], "row"), size(stored.facts["bytes"]), _format(stored)]
        about = (
            f'<p style="font-weight:550">{esc(stored.name)}</p><p class="soft small">{esc(" · ".join(facts))}</p>'
            f'<p class="soft small">Holds {esc(KIND_IN_WORDS[stored.facts["kind"]])}.</p>'
        )
        if stored.facts["broken_count"]:
            about += f'<p class="small warn">{count(stored.facts["broken_count"], "broken line")} left out.</p>'
        about += _lost(stored)
        about += "".join(f'<p class="soft small">{esc(note)}</p>' for note in stored.facts["notes"])
        about += f'<p class="small"><button class="link" data-do="delete-set" data-set="{esc(stored.id)}" data-key="delete-set">Delete this set</button></p>'
    chips = "".join(
        f'<button class="chip{" on" if key == chosen else ""}" data-do="example" data-example="{esc(key)}" data-key="x-{esc(key)}"'
        f"{' aria-pressed=true' if key == chosen else ''}>{esc(label)}</button>"
        for key, label in examples
    )
    return (
        f'{about}<p class="soft small" style="margin:10px 0 6px">Or try an example:</p><div class="chips">{chips}</div>'
    )


def damaged_card(damaged: Sequence[DamagedSetError]) -> str:
    """The sets that cannot be opened, each with what can be done about it."""
    return "".join(
        f'{notice(one.what, one.why, one.what_to_do)}<p class="small"><button class="link" data-do="delete-set"'
        f' data-set="{esc(one.set_id)}" data-key="delete-{esc(one.set_id)}">Delete “{esc(one.set_id)}”</button></p>'
        for one in damaged
    )


def confirm_delete(set_id: str, name: str) -> str:
    """Asked before a set is deleted: what goes with it. ``name`` is what it is called on the page."""
    name = esc(name)
    return (
        f'<div class="notice tone-bad" role="alertdialog" aria-label="Delete {name}"><b>Delete {name} with all that you changed?</b>'
        " The copy of the file that is kept here goes as well; your own file stays. Runs keep the pairs that they learned from."
        ' This cannot be undone.<div class="actions" style="margin-top:10px">'
        f'<button class="stop" data-do="delete-set-now" data-set="{esc(set_id)}" data-key="delete-set-now">Delete it</button>'
        '<button data-do="keep-set" data-key="keep-set">Keep it</button></div></div>'
    )


def _lost(stored: StoredSet) -> str:
    """That changes to the rows are lost, and how to go on; or that the last one was cut short."""
    if stored.loss is not None:
        button = '<div class="actions"><button data-do="accept-loss" data-key="accept-loss">Go on with what is left</button></div>'
        return notice(stored.loss.what, stored.loss.why, stored.loss.what_to_do, tone="bad") + button
    if stored.cut:
        return '<p class="small warn">Your last change to the rows was not made: the program ended while it was written down.</p>'
    return ""


def _format(stored: StoredSet) -> str:
    """How the file was read: ``CSV, cp1252, gz``; UTF-8 goes without saying."""
    facts = stored.facts
    encoding = facts["encoding"] if facts["encoding"] and not facts["encoding"].upper().startswith("UTF-8") else None
    return ", ".join(part for part in (facts["format"], encoding, "gz" if facts["compressed"] else None) if part)


def first_card() -> str:
    """What the tab shows before there is anything to show."""
    return (
        '<div class="empty"><p>Bring a file with one question and its answer a row, or pick an example on the left.</p>'
        "<p>You will see here what would spoil training, how long your texts are, and every row.</p></div>"
    )


def held_back_card(parts: Split | None, total: int) -> str:
    """How many questions are kept aside, and how small a change they can tell."""
    if parts is None:
        return '<p class="soft">Bring pairs first.</p>'
    held = len(parts.held_out)
    head = f'<div class="num"><span class="big">{held:,}</span> <span class="soft small">of {count(total, "pair")}</span></div>'
    if held == 0:
        return (
            head
            + '<p class="soft small">Nothing is kept aside, so nothing can be said about how good the model got.</p>'
        )
    questions = parts.held_out["anchor"].nunique()
    words = (
        f"The model never sees them in training. No question, answer or document is on both sides. "
        f"With {count(questions, 'question')} a change of about {smallest_tellable_change(questions):.2f} nDCG@10 can be told, not less. "
        "nDCG@10 is 1 when the right answers come first and 0 when none is among the first ten."
    )
    if total <= MOST_FOLDED:
        words += (
            " This is for a training that keeps one part aside. With so few pairs a training usually asks about all of them instead,"
            " in five folds; move the slider to keep this part aside."
        )
    notes = "".join(f'<p class="soft small">{esc(note)}</p>' for note in parts.notes)
    return f'{head}<p class="soft small" style="margin-top:6px">{words}</p>{notes}'


def checks_heading(issues: Sequence[Issue], pending: bool) -> str:
    worth = sum(issue.severity != "info" for issue in issues)
    state = (
        "still reading the texts"
        if pending
        else "nothing worth a look"
        if not worth
        else f"{count(worth, 'thing')} worth a look"
    )
    return f"<h3>Checks <span>{state}</span></h3>"


def checks_card(
    issues: Sequence[Issue], actions: Sequence[Action], *, pending: bool, shown: str, passed: Sequence[str]
) -> str:
    """Each finding with its reason and its fix, then what was found clean, then what was changed, each with an undo."""
    blocks = []
    for issue in issues:
        tone, sign, words = _SIGN[issue.severity]
        buttons = f'<button data-do="show" data-check="{esc(issue.key)}" data-key="show-{esc(issue.key)}">{"Show all rows" if shown == issue.key else "Show"}</button>'
        if issue.fix is not None:
            buttons += f'<button data-do="fix" data-check="{esc(issue.key)}" data-key="fix-{esc(issue.key)}">{esc(issue.fix.label)}</button>'
        sampled = f"<p>{esc(issue.sampled)}</p>" if issue.sampled else ""
        said = f"<b>{esc(issue.title)}</b><p>{esc(issue.explanation)}</p>{sampled}"
        blocks.append(check(tone, sign, words, said, buttons))
    if passed:
        blocks.append(check("ok", "✓", "Good", f"<b>{esc(_no(passed))}</b>"))
    if pending:
        blocks.append(check(
            "", "…", "At work",
            "<b>Looking for rows that say nearly the same, and for odd pairs</b>"
            "<p>The model reads every text once for this; the first time takes some seconds.</p>",
        ))
    return checks_heading(issues, pending) + "".join(blocks) + _changes(actions)


def _no(passed: Sequence[str]) -> str:
    """``No empty texts, no exact duplicates.``"""
    text = ", ".join(f"no {name}" for name in passed)
    return text[:1].upper() + text[1:]


def _changes(actions: Sequence[Action]) -> str:
    standing = [action for action in actions if action.kind != "undo" and not action.undone]
    if not standing:
        return ""
    lines = "".join(
        check(
            "ok", "✓", "Done", f"<b>{esc(_what_was_done(action))}</b>",
            f'<button data-do="undo" data-action="{action.id}" data-key="undo-{action.id}">Undo</button>',
        )
        for action in reversed(standing[-8:])
    )
    return f'<h3 style="margin-top:20px">What you changed <span>your file stays as it was</span></h3>{lines}'


def _what_was_done(action: Action) -> str:
    """``Left out 2 rows: exact duplicate``."""
    rows = name_rows(action.rows)
    if action.kind == "include":
        return f"{rows} in use again"
    return f"{rows} {'cleaned' if action.kind == 'clean' else 'left out'}: {action.reason}"


def rows_card(
    pairs: PairSet,
    use,
    reasons: dict[int, str],
    lengths,
    *,
    page: int,
    total: int,
    first: int,
    what: str,
    cut_at: int | None,
) -> str:
    """One page of the table.

    Args:
        pairs: the rows of this page.
        use: bool, one a row of ``pairs``.
        lengths: (question tokens, answer tokens), each one a row of ``pairs``, or None while unknown.
        page, total, first: which page, how many rows match, and the number of the first one shown (from 1).
        what: which rows these are, when not all (a search, a check).
        cut_at: how many tokens the model reads.
    """
    last = first + len(pairs) - 1
    heading = f"{first:,} to {last:,} of {total:,}" if total else "none"
    heading += f", {esc(what)}" if what else ""
    roles = [role for role in ("anchor", "positive", "negative", "score", "label", "group") if role in pairs.frame]
    titles = "".join(f'<th class="{_WIDTH.get(role, "")}">{ROLE_IN_WORDS[role]}</th>' for role in roles)
    body = []
    for index, record in enumerate(pairs.frame.itertuples(index=False)):
        number, used = record.row, bool(use.iloc[index])
        cells = "".join(_cell(role, getattr(record, role)) for role in roles)
        reason = "" if used else f'<br><span class="small warn">left out: {esc(reasons.get(number, "by you"))}</span>'
        tokens = "" if lengths is None else _tokens(lengths[0][index], lengths[1][index], cut_at)
        body.append(
            f'<tr{"" if used else " class=out"}><td><input type="checkbox" data-do="use" data-row="{number}" data-key="use-{number}"'
            f'{" checked" if used else ""} aria-label="Use row {number}"></td><td class="n">{number:,}{reason}</td>{cells}<td class="n soft">{tokens}</td></tr>'
        )
    return (
        f'<h3>Rows <span>{heading}</span></h3><div class="scroll" data-scroll="rows"><table><thead><tr><th>Use</th><th class="n">Row</th>{titles}'
        f'<th class="n">Tokens</th></tr></thead><tbody>{"".join(body)}</tbody></table></div>{pager(page, total, ROWS_A_PAGE)}'
    )


def _cell(role: str, value: object) -> str:
    if role in ("score", "label"):
        return f'<td class="n">{value:g}</td>'
    tone = "" if role == "anchor" else "soft"
    width = "" if role == "group" else ' style="min-width:130px"'
    return f'<td class="{tone}"{width}>{_text(value)}</td>'


def _text(value: object) -> str:
    return f'<span class="text">{esc(value)}</span>' if str(value).strip() else '<span class="faint">(empty)</span>'


def _tokens(question: int, answer: int, cut_at: int | None) -> str:
    """Token counts of both sides, with a mark where the model cuts."""
    shown = [
        f'<span class="warn" title="the model reads {cut_at}">{number:,} cut</span>'
        if cut_at and number > cut_at
        else f"{number:,}"
        for number in (question, answer)
    ]
    return " · ".join(shown)


def lengths_sentence(cut: int, total: int, limit: int) -> str:
    """How much of the texts the model does not read."""
    words = round(limit * 0.75 / 10) * 10
    if not cut:
        return f'<p class="soft small">The model reads {limit} tokens, about {words} words, of each text. All of yours fit.</p>'
    return (
        f'<p class="soft small">The model reads {limit} tokens, about {words} words, of each text. {cut / total:.0%} of the answers '
        f"({cut:,} of {total:,}) are longer; what comes after is ignored. Splitting them helps.</p>"
    )


def example_label(path: Path) -> str:
    """The chip of an example file."""
    return {
        "bedrock_faq": "Bedrock FAQ",
        "legal": "Legal",
        "medical": "Medical",
        "support": "Support",
        "dirty": "A dirty file",
    }.get(path.stem, path.stem)
