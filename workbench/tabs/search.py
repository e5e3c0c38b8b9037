"""The search on the Train tab: a few boxes for what to try, and the table of what came of it."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from core.aws.account import Account
from core.errors import WorkbenchError
from core.pairs.store import StoredSet
from core.plan import Plan
from core.runs.run import find_run
from core.runs.target import Target
from core.runs.trainers import Trainers
from core.search.remote import SageMakerSearches, foresee, trials_of
from core.search.results import Row, delete_losers, losers, results, size_of
from core.search.search import Search, all_searches, create_search, find_search, planned
from core.search.space import FIELDS, LABELS, MOST_TRIALS, TRIALS, Space, make_space, usual_space
from core.workspace import Workspace
from workbench.cards import search as cards
from workbench.tabs.where import WherePart
from workbench.view import html_view
from workbench.words import said


class SearchPart:
    """Its pieces of the tab. ``lay_out_form`` and ``lay_out_table`` are called where they belong on the page."""

    def __init__(self, workspace: Workspace, trainer: Trainers, where: WherePart, account: Callable[[], Account | None]):
        self._workspace = workspace
        self._trainer = trainer
        self._where = where
        self._there = SageMakerSearches(workspace, account)

    def lay_out_form(self) -> None:
        """What to try, in the card of the settings."""
        with gr.Accordion("Search for better settings", open=False, elem_id="search-form"):
            html_view(
                '<p class="soft small">Trains several times with other settings and compares the models on the same held-out'
                " questions, never in five folds, which would take six times as"
                " long. Write values with commas between; what is left empty is chosen for you.</p>"
            )
            self.boxes = {
                name: gr.Textbox("", label=LABELS[name], max_lines=1, interactive=True, elem_id=f"try-{name}")
                for name in FIELDS
            }
            self.trials = gr.Slider(
                2, MOST_TRIALS, TRIALS, step=1, label="Trainings at most", interactive=True, elem_id="search-trials"
            )
            self.outlook = html_view("", elem_id="search-plan")
            self.start = gr.Button("Start the search", elem_id="start-search")
        self.inputs = [*self.boxes.values(), self.trials]

    def lay_out_table(self) -> None:
        """The card with the table of the search that the run in front belongs to."""
        with gr.Column(elem_classes="card", visible=False) as self.card:
            self.table = html_view("", elem_id="search-table")
            self.confirm = html_view("")

    def chosen(self, plan: Plan, values: Sequence[Any]) -> list[tuple[dict[str, Any], Plan]]:
        """What the boxes ask for.

        Raises:
            WorkbenchError: as ``core.search.space.make_space`` and ``core.search.search.planned``.
        """
        space, trials = self._asked(plan, values)
        return planned(plan, space, trials)

    def _asked(self, plan: Plan, values: Sequence[Any]) -> tuple[Space, int]:
        *texts, trials = values
        space = make_space(dict(zip(self.boxes, texts, strict=True)))
        return {**usual_space(plan), **space}, int(trials)

    def foreseen(self, plan: Plan, target: Target, values: Sequence[Any]) -> dict[Any, Any]:
        """The boxes' usual values, and what a search would do as they stand."""
        usual = usual_space(plan)
        usual.setdefault("epochs", (plan.recipe.epochs,))
        changes: dict[Any, Any] = {
            box: gr.update(placeholder=", ".join(f"{value:g}" for value in usual[name])) for name, box in self.boxes.items()
        }
        try:
            if target.on == "here":
                return changes | {self.outlook: cards.outlook(self.chosen(plan, values))}
            space, trials = self._asked(plan, values)
            cost = foresee(target, plan, trials_of(space, trials), self._where.price(target))
            return changes | {self.outlook: cards.outlook_there(cost, space, trials)}
        except WorkbenchError as error:
            return changes | {self.outlook: said(error)}

    def begin(self, stored: StoredSet, plan: Plan, source: dict[str, Any], target: Target, values: Sequence[Any]) -> str:
        """Make the search of the boxes and have its trials trained.

        Returns:
            The id of its first trial's run; that of the search itself where SageMaker starts the trials.

        Raises:
            WorkbenchError: as ``chosen`` and ``create_search``.
        """
        if target.on == "sagemaker":
            space, trials = self._asked(plan, values)
            search = self._there.create(stored.used_pairs(), plan, space, trials, target, source)
            self._there.start(search)
            return search.id
        search = create_search(self._workspace, stored.used_pairs(), plan, self.chosen(plan, values), source=source)
        search.start(self._trainer)
        return search.trials()[0].run.id

    # ---- what is shown ------------------------------------------------------------------------------------------------

    def look(self) -> list[tuple[Search, list[Row]]]:
        """Every search with its table, newest first."""
        return [(search, results(search)) for search in all_searches(self._workspace)]

    def moving(self, searches: Sequence[tuple[Search, list[Row]]]) -> list:
        """What decides whether the table has to be drawn again; what a search on SageMaker costs goes on while it works."""
        return [
            [
                one.id, [[row.run, row.state, row.ndcg, row.final] for row in rows],
                (job := one.job()) and [job.words, job.trouble, int(time.time() / 5) if one.working() else None],
            ]
            for one, rows in searches
        ]

    def drawn(self, searches: Sequence[tuple[Search, list[Row]]], front: str, laid_over: Sequence[str]) -> dict[Any, Any]:
        """The card of the search that ``front`` is a trial of; none for another run."""
        found = next(((search, rows) for search, rows in searches if _holds(search, rows, front)), None)
        if found is None:
            return {self.card: gr.update(visible=False), self.confirm: ""}
        search, rows = found
        lost = losers(search)
        return {
            self.card: gr.update(visible=True),
            self.table: cards.search_card(search, rows, front, laid_over, len(lost), size_of(lost)),
        }

    def first_trial(self, searches: Sequence[tuple[Search, list[Row]]], front: str) -> str:
        """The first trial of the search ``front``; "" where that is no search, or has none yet."""
        rows = next((rows for search, rows in searches if search.id == front), [])
        return min(rows, key=lambda row: row.number).run if rows else ""

    def cells(self, searches: Sequence[tuple[Search, list[Row]]], front: str) -> dict[str, str]:
        """For each trial's run the cells that stand for its search in the list of runs; for the search itself where it has
        no trials yet."""
        return {
            key: cards.search_row(search, rows, _holds(search, rows, front))
            for search, rows in searches for key in [row.run for row in rows] or [search.id]
        }

    def act(self, event: gr.EventData, front: str) -> dict[Any, Any]:
        """A button of the table or of its question.

        Returns:
            Changes of ``confirm``, and the run to show in front as "front" where that is another one now.

        Raises:
            WorkbenchError: what was asked for cannot be done.
        """
        match event.do:
            case "front":
                return {"front": find_run(self._workspace, event.run).id}
            case "keep":
                return {self.confirm: ""}
        search = find_search(self._workspace, event.search)
        match event.do:
            case "search-stop":
                self._there.stop(search) if search.job() else search.stop(self._trainer)
            case "search-go-on":
                self._there.start(search) if search.job() else search.start(self._trainer)
            case "search-forget":
                deleted = sum(row.state == "deleted" for row in results(search))
                return {self.confirm: cards.confirm_forget(search, deleted)}
            case "search-forget-now":
                if search.job() and not search.working():
                    self._there.clear(search)
                search.forget()
            case "search-tidy":
                lost, best = losers(search), next((row.run for row in results(search) if row.best), "")
                return {self.confirm: cards.confirm_tidy(search, len(lost), size_of(lost), best) if lost else ""}
            case "search-tidy-now":
                gone = delete_losers(search, self._trainer.delete)
                left = next((row.run for row in results(search) if row.state != "deleted"), "")
                return {self.confirm: "", "front": left if front in gone else front}
        return {self.confirm: ""}



def _holds(search: Search, rows: Sequence[Row], front: str) -> bool:
    """Whether ``front`` is the search itself or one of its trials."""
    return front == search.id or front in {row.run for row in rows}
