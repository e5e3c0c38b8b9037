"""The Pairs tab: bring a file, see what would spoil training, mend it, decide how much is held back."""

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gradio as gr
import numpy as np

from core.errors import WorkbenchError
from core.models import BASE_MODEL, describe, resolve, token_lengths
from core.pairs.checks import run_checks
from core.pairs.context import make_context
from core.pairs.dataset import ROLES, PairSet
from core.pairs.issue import Issue
from core.pairs.near import known_groups
from core.pairs.read import BrokenLinesError
from core.pairs.split import default_share, split
from core.pairs.store import StoredSet, add_set, damaged_sets, delete_set, list_sets, open_set
from core.recipe import Recipe
from core.workspace import Workspace
from workbench import charts
from workbench.arriving import brings_pairs
from workbench.cards import pairs as cards
from workbench.once import computed_once
from workbench.page import reading_upload
from workbench.plotly_view import plotly_view
from workbench.search import rows_with
from workbench.tabs import near
from workbench.tabs.near import opened_set
from workbench.told import told_in
from workbench.view import AGAIN, QUIET, change_of, heading, hidden_number, hidden_text, html_view
from workbench.words import said

EXAMPLES = Path(__file__).parents[2] / "data"
#: Example files in the order of their chips.
EXAMPLE_FILES = ("bedrock_faq.csv", "legal.jsonl", "medical.tsv", "support.json", "dirty.csv")
CHIPS = [(name, cards.example_label(Path(name))) for name in EXAMPLE_FILES]
NONE = "(none)"


@dataclass(frozen=True)
class PairsTab:
    """What others need of this tab: the held-out share, a signal that the rows in use changed, whether other pairs are on
    their way, and where the sets are that cannot be opened."""

    held_out: gr.Slider
    changed: gr.Number
    arriving: gr.Textbox
    damaged: gr.HTML


@dataclass(frozen=True)
class Findings:
    """What was found about a set as it stands: its issues, and the token lengths of its rows."""

    issues: list[Issue]
    questions: np.ndarray
    answers: np.ndarray
    limit: int


@computed_once(kept=8)
def findings(workspace: Workspace, set_id: str, version: str, embeddings: bool) -> Findings:
    """The findings of the set's rows in use; ``version`` is what ``version_of`` says, so that the cache forgets."""
    del version
    stored = open_set(workspace, set_id)
    pairs, base = stored.used_pairs(), resolve(BASE_MODEL, workspace)
    context = make_context(pairs, base, workspace, embeddings=embeddings, near=known_groups(stored))
    lengths = context.token_lengths
    return Findings(run_checks(pairs, context), lengths["anchor"], lengths["positive"], describe(base).max_tokens)


def version_of(stored: StoredSet) -> str:
    """Changes whenever other rows, or other columns of them, are in use."""
    actions = [action.id for action in stored.actions]
    looked = (stored.folder / "near.json").exists()
    return f"{len(actions)} {actions[-1:]} {stored.columns} {stored.facts['delimiter']} {stored.facts['header']} {looked}"


def _same_file(stored: StoredSet, path: Path) -> bool:
    """Whether a set was made of just this file."""
    return stored.facts["digest"] == hashlib.sha256(path.read_bytes()).hexdigest()


def near_duplicates(workspace: Workspace, stored: StoredSet) -> list[tuple[int, ...]]:
    """The groups of rows that say nearly the same, as the checks found them; a group never crosses the split."""
    issues = findings(workspace, stored.id, version_of(stored), True).issues
    return [group for issue in issues if issue.check == "near-duplicate" for group in issue.groups]


def matching_rows(pairs: PairSet, search: str, issue: Issue | None) -> np.ndarray:
    """The positions of the rows that hold ``search`` in any text and, if given, belong to ``issue``."""
    keep = rows_with(search, pairs.frame, ("anchor", "positive", "negative", "group"))
    if issue is not None:
        keep &= pairs.frame["row"].isin(issue.rows).to_numpy()
    return np.flatnonzero(keep)


def build(workspace: Workspace, set_id: gr.Textbox, arriving: gr.Textbox) -> PairsTab:
    """Lay out the tab and wire it. ``set_id`` is the set in use ("" for none), ``arriving`` as in ``arriving.py``."""
    changed = hidden_number("Changes of the rows in use")
    check = hidden_text("Check that is shown")
    page = hidden_number("Page of the table")
    rejected = gr.State("")
    html_view(
        '<h2 class="title">Your pairs</h2><p class="lead">Each row is a question and the text that answers it. We look for'
        " what would spoil training before you start; your file is never changed.</p>"
    )
    with gr.Row(elem_classes="grid-two"):
        with gr.Column(elem_classes="stack"):
            with gr.Column(elem_classes="card"):
                heading("File")
                upload = gr.File(
                    label="Drop a file here, or browse",
                    show_label=False,
                    height=124,
                    elem_classes="drop",
                    elem_id="upload",
                    file_types=[".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx", ".gz"],
                )
                html_view(
                    '<p class="soft small">CSV, TSV, JSON, JSON Lines, Parquet or Excel; the text formats also as .gz.</p>'
                )
                trouble = html_view("")
                go_on = gr.Button("Go on without the broken lines", visible=False, size="sm")
                about = html_view(cards.file_card(None, CHIPS, ""), elem_id="file-card")
                damaged = html_view("", elem_id="damaged-sets")
            with gr.Column(elem_classes="card", visible=False) as mapping:
                heading("Columns", "which column is what")
                roles = {
                    role: gr.Dropdown(
                        label=f"{cards.ROLE_IN_WORDS[role]} column", choices=[NONE], value=NONE, interactive=True
                    )
                    for role in ("anchor", "positive")
                }
                with gr.Accordion("More columns", open=False):
                    for role, info in (
                        ("negative", "A text that looks right but is not."),
                        ("score", "How alike the two texts are, 0 to 1."),
                        ("label", "1 where they belong together, 0 where not."),
                        ("group", "A document or topic; rows of one group stay on one side of the split."),
                    ):
                        roles[role] = gr.Dropdown(
                            label=f"{cards.ROLE_IN_WORDS[role]} column", info=info, choices=[NONE], value=NONE, interactive=True
                        )
                with gr.Accordion("How the file is read", open=False, visible=False) as reading:
                    delimiter = gr.Dropdown(
                        label="Between two cells stands",
                        choices=[("a comma", ","), ("a semicolon", ";"), ("a tab", "\t"), ("a bar |", "|")],
                        value=",",
                        interactive=True,
                    )
                    header = gr.Checkbox(
                        label="The first line holds the columns' names",
                        info="Reading the file in another way starts over: what was left out is in use again.",
                        interactive=True,
                    )
            with gr.Column(elem_classes="card"):
                heading("Held back to check the model")
                held = html_view(cards.held_back_card(None, 0), elem_id="held-back")
                share = gr.Slider(0, 0.5, 0.2, step=0.01, label="Share held back", interactive=True, buttons=[])
        with gr.Column(elem_classes="stack"):
            with gr.Column(elem_classes="card"):
                checks = html_view(cards.first_card(), elem_id="checks")
                near.build(
                    workspace, set_id, changed,
                    lambda one: float(findings(workspace, one.id, version_of(one), False).questions.mean()),
                )
            with gr.Column(elem_classes="card", visible=False) as lengths_card:
                heading("Length of the texts", "in tokens; a token is about three quarters of a word")
                lengths = plotly_view(charts.empty(), label="How long questions and answers are, in tokens")
                lengths_words = html_view("")
            with gr.Column(elem_classes="card", visible=False) as rows_card:
                search = gr.Textbox(
                    "", placeholder="Search questions and answers", show_label=False, container=False, elem_id="search",
                    elem_classes="search",
                )
                rows = html_view("", elem_id="rows")
                download = html_view("")

    # ---- handlers -------------------------------------------------------------------------------------------------
    told = told_in(trouble)  # also where another page has deleted the set meanwhile

    def bring(path: str | None, skip_broken: bool = False):
        """Read a file into a new set; on a fault say so and keep what was there."""
        with reading_upload(path) as forget:
            try:
                if not Path(path).is_file():
                    raise WorkbenchError(
                        f"{Path(path).name or 'That file'} is not here any more.",
                        "Another page has brought the same file and is done with it.",
                        "Drop the file here again.",
                    )
                stored = add_set(workspace, Path(path), skip_broken=skip_broken)
            except WorkbenchError as error:
                can_skip = isinstance(error, BrokenLinesError)
                if not can_skip:
                    forget()
                return {
                    trouble: said(error), go_on: gr.update(visible=can_skip),
                    rejected: path if can_skip else "", upload: None,
                }
            forget()  # the set has its own copy, which goes with the set
        return {
            set_id: stored.id, trouble: "", go_on: gr.update(visible=False), rejected: "", upload: None, check: "", page: 0,
        }

    @told
    def file_clicked(event: gr.EventData, open_id: str, changes: int):
        """A button of the file's card: an example set, going on without what cannot be read, or deleting the set."""
        match event.do:
            case "accept-loss":
                open_set(workspace, open_id).accept_loss()
                return {changed: changes + 1, trouble: ""}
            case "delete-set":
                stored = opened_set(workspace, event.set)
                return {trouble: cards.confirm_delete(event.set, stored.name if stored else event.set)}
            case "delete-set-now":
                delete_set(workspace, event.set)
                others = [one.id for one in list_sets(workspace)]
                shown = open_id if open_id in others else next(iter(others), "")
                return {set_id: shown, trouble: "", damaged: cards.damaged_card(damaged_sets(workspace))}
            case "keep-set":
                return {trouble: ""}
        return example(event)

    def example(event: gr.EventData):
        """Open an example set: the one that is there already, with what was decided about it, or a new one."""
        if event.example not in EXAMPLE_FILES:
            return {trouble: ""}
        path = EXAMPLES / event.example
        known = next((one for one in list_sets(workspace) if one.name == path.name and _same_file(one, path)), None)
        return {set_id: known.id, trouble: "", check: "", page: 0} if known else bring(str(path))

    @told_in(checks)
    def opened(set_id: str):
        """Everything that follows from which set is open."""
        stored = opened_set(workspace, set_id)
        if stored is None:
            hidden = dict.fromkeys((mapping, lengths_card, rows_card), gr.update(visible=False))
            return {checks: cards.first_card(), **hidden}
        choices = [NONE, *stored.facts["all_columns"]]
        return {
            mapping: gr.update(visible=True),
            lengths_card: gr.update(visible=True),
            rows_card: gr.update(visible=True),
            share: default_share(len(stored.used_pairs())),
            reading: gr.update(visible=stored.facts["delimiter"] is not None),
            delimiter: stored.facts["delimiter"] or ",",
            header: stored.facts["header"],
            **{box: gr.update(choices=choices, value=stored.columns.get(role, NONE)) for role, box in roles.items()},
        }

    @told_in(about)
    def file_facts(set_id: str):
        stored = opened_set(workspace, set_id)
        return {about: cards.file_card(stored, CHIPS, stored.name if stored and stored.name in EXAMPLE_FILES else "")}

    @told_in(checks)
    def shown_findings(set_id: str, embeddings: bool, check: str):
        stored = opened_set(workspace, set_id)
        if stored is None:
            return {checks: cards.first_card()}
        found = findings(workspace, stored.id, version_of(stored), embeddings)
        return {
            checks: cards.checks_card(
                found.issues,
                stored.actions,
                pending=not embeddings,
                shown=check,
                passed=[
                    name
                    for key, name in cards.LOOKED_FOR.items()
                    if key not in {issue.check for issue in found.issues}
                    and (embeddings or key not in ("near-duplicate", "odd-pair"))
                ],
            ),
            lengths: charts.token_lengths(found.questions, found.answers, found.limit, stored.id),
            lengths_words: cards.lengths_sentence(
                int((found.answers > found.limit).sum()), len(found.answers), found.limit
            ),
        }

    def fast_findings(set_id: str, check: str):
        return shown_findings(set_id, False, check)

    def all_findings(set_id: str, check: str):
        return shown_findings(set_id, True, check)

    @told_in(rows)
    def table(set_id: str, search: str, check: str, page: int):
        stored = opened_set(workspace, set_id)
        if stored is None:
            return {rows: "", download: ""}
        pairs = stored.pairs()
        issue = _issue(stored, check) if check else None
        positions = matching_rows(pairs, search, issue)
        total = len(positions)
        page = min(max(0, page), max(0, (total - 1) // cards.ROWS_A_PAGE))
        positions = positions[page * cards.ROWS_A_PAGE : (page + 1) * cards.ROWS_A_PAGE]
        shown = PairSet(pairs.name, pairs.kind, pairs.columns, pairs.frame.iloc[positions])
        base = resolve(BASE_MODEL, workspace)
        both = tuple(token_lengths(base, shown.frame[side].tolist()) for side in ("anchor", "positive"))
        words = (f"of “{issue.title}”" if issue else "", f"with “{search.strip()}”" if search.strip() else "")
        used = int(stored.use.sum())
        return {
            rows: cards.rows_card(
                shown,
                stored.use.iloc[positions],
                stored.reasons,
                both,
                page=page, total=total, first=page * cards.ROWS_A_PAGE + 1,
                what=" ".join(filter(None, words)),
                cut_at=describe(base).max_tokens,
            ),
            download: f'<p class="soft small" style="margin-top:4px">{used:,} of {len(pairs):,} rows in use. '
            f'<a href="./sets/{stored.id}/cleaned.csv" download class="b">Download the cleaned set (CSV)</a></p>',
        }

    def _issue(stored: StoredSet, key: str) -> Issue | None:
        issues = findings(workspace, stored.id, version_of(stored), True).issues
        return next((one for one in issues if one.key == key), None)

    @told_in(held)
    def held_back(set_id: str, share: float):
        """The split as training would make it, with its default seed."""
        stored = opened_set(workspace, set_id)
        if stored is None:
            return {held: cards.held_back_card(None, 0)}
        pairs = stored.used_pairs()
        made = split(pairs, share, Recipe().seed, near_duplicates(workspace, stored))
        return {held: cards.held_back_card(made, len(pairs))}

    @told
    def act(event: gr.EventData, set_id: str, shown_check: str, changes: int):
        """A button of the checks card: show, fix or undo."""
        stored = open_set(workspace, set_id)
        if event.do == "show":
            return {check: "" if shown_check == event.check else event.check, page: 0}
        if event.do == "fix":
            issue = _issue(stored, event.check)
            if issue is not None and issue.fix is not None:
                stored.apply(issue)
        elif event.do == "undo":
            stored.undo(int(event.action))
        return {changed: changes + 1, check: "", page: 0}

    @told
    def use_row(event: gr.EventData, set_id: str, changes: int):
        stored = open_set(workspace, set_id)
        row = int(event.row)
        stored.include([row]) if event.checked else stored.exclude([row], "by you")
        return {changed: changes + 1}

    @told
    def read_differently(set_id: str, changes: int, delimiter: str, header: bool):
        open_set(workspace, set_id).read_again(delimiter=delimiter, header=header)
        return {changed: changes + 1, trouble: ""}

    def turn_page(event: gr.EventData):
        return int(event.page)

    @told
    def map_columns(set_id: str, changes: int, *chosen: str):
        stored = open_set(workspace, set_id)
        mapping = {role: column for role, column in zip(roles, chosen, strict=True) if column and column != NONE}
        if mapping == {role: stored.columns[role] for role in ROLES if role in stored.columns}:
            return {trouble: ""}
        stored.set_columns(mapping)
        return {changed: changes + 1, trouble: ""}

    # ---- wiring ---------------------------------------------------------------------------------------------------
    brought = [set_id, trouble, go_on, rejected, upload, check, page]
    clicked = partial(gr.on, [about.click, trouble.click, damaged.click])
    brings_pairs(arriving, "upload", upload.upload, bring, upload, brought)
    brings_pairs(arriving, "rest", go_on.click, lambda path: bring(path, skip_broken=True), rejected, brought)
    brings_pairs(arriving, "click", clicked, file_clicked, [set_id, changed], [*brought, changed, damaged])
    change_of(set_id, changed)(file_facts, set_id, about, **QUIET)
    shown = [checks, mapping, lengths_card, rows_card, share, reading, delimiter, header, *roles.values()]
    change_of(set_id)(opened, set_id, shown, **QUIET)
    gr.on(
        [delimiter.input, header.input], read_differently, [set_id, changed, delimiter, header], [changed, trouble], **QUIET
    ).then(opened, set_id, shown, **QUIET)
    seen = [checks, lengths, lengths_words]
    (
        change_of(set_id, changed)(fast_findings, [set_id, check], seen, **QUIET)
        .then(all_findings, [set_id, check], seen, **AGAIN)
        .then(held_back, [set_id, share], held, **AGAIN)
    )
    change_of(check)(all_findings, [set_id, check], seen, **QUIET)
    change_of(set_id, changed, search, check, page)(table, [set_id, search, check, page], [rows, download], **QUIET)
    share.change(held_back, [set_id, share], held, **AGAIN)
    checks.click(act, [set_id, check, changed], [check, changed, page, trouble], **QUIET)
    rows.input(use_row, [set_id, changed], [changed, trouble], **QUIET)
    rows.click(turn_page, None, page, **QUIET)
    for box in roles.values():
        box.input(map_columns, [set_id, changed, *roles.values()], [changed, trouble], **QUIET)
    return PairsTab(share, changed, arriving, damaged)
