"""The search playground on the Compare tab: documents of one's own under keyword search and both models."""

from pathlib import Path

import gradio as gr

from core.errors import WorkbenchError
from core.models import ModelRef, resolve
from core.pairs.store import open_set
from core.playground.documents import (
    ENDINGS,
    Document,
    Kept,
    Passage,
    all_kept,
    keep,
    open_kept,
    passages,
    read_document,
    remove,
)
from core.playground.index import Index, ask, build_index
from core.workspace import Workspace
from workbench.cards import playground as cards
from workbench.once import computed_once
from workbench.shown import rows_for
from workbench.tabs.pairs import version_of
from workbench.view import QUIET, heading, html_view
from workbench.words import notice, said

#: The choice that stands for the answers of the pairs.
ANSWERS = "answers"
#: The built-in model reads 256 tokens, about 190 words, of a text.
SIZE, OVERLAP = 180, 30
#: So many passages are read within some minutes on two cores.
MOST_PASSAGES = 5_000


def passages_of(
    workspace: Workspace, base: ModelRef, tuned: ModelRef, set_id: str, source: str, size: int, overlap: int
) -> tuple[Kept | None, list[Passage]]:
    """What is searched: the answers of the data that the models are compared on, or kept documents cut into passages.

    Raises:
        WorkbenchError: there is nothing to search, or it is cut into too many passages.
    """
    if source == ANSWERS:
        _, everything = rows_for(workspace, base, tuned, set_id)
        kept, found = None, [Passage(text, "") for text in dict.fromkeys(everything["positive"]) if text and text.strip()]
    else:
        kept = open_kept(workspace, source)
        found = passages(kept.documents, size, overlap)
    if len(found) > MOST_PASSAGES and kept is not None:
        raise WorkbenchError(
            "These documents have too many passages.", f"They are cut into {len(found):,}; {MOST_PASSAGES:,} are the most.",
            "Let a passage have more words, or bring fewer documents.",
        )
    return kept, found


@computed_once(kept=3)
def index_of(
    workspace: Workspace, base: ModelRef, tuned: ModelRef, set_id: str, stamp: str, source: str, size: int, overlap: int
) -> tuple[Kept | None, Index]:
    """The index of all that, built once. ``stamp`` changes when the rows in use do."""
    del stamp
    kept, found = passages_of(workspace, base, tuned, set_id, source, size, overlap)
    return kept, build_index(found, base, tuned, workspace)


def build(workspace: Workspace, base: gr.Dropdown, tuned: gr.Dropdown, set_id: gr.Textbox, tab: gr.Tab) -> None:
    """Lay out the playground as a card and wire it. ``base`` and ``tuned`` hold the names of the models compared."""

    def choices() -> list[tuple[str, str]]:
        return [("Answers of the pairs", ANSWERS), *((kept.name[:80], kept.id) for kept in all_kept(workspace))]

    with gr.Column(elem_classes="card", elem_id="playground"):
        heading("Search playground", "what keyword search, base and tuned find first")
        source = gr.Dropdown(choices(), value=ANSWERS, label="Search in", interactive=True, elem_id="search-in")
        with gr.Accordion("Bring documents", open=False):
            upload = gr.File(
                label="Text, Markdown, PDF or CSV", file_count="multiple", file_types=list(ENDINGS), height=110,
                elem_classes="drop", elem_id="documents",
            )
            pasted = gr.Textbox("", label="Or paste text", lines=3, max_lines=10, elem_id="pasted")
            with gr.Row():
                bring = gr.Button("Use this text", size="md", elem_id="use-text")
                forget = gr.Button("Remove what is chosen above", size="md", interactive=False, elem_id="remove-documents")
            with gr.Row():
                size = gr.Number(SIZE, precision=0, minimum=5, maximum=2000, label="Words a passage", elem_id="passage-size")
                overlap = gr.Number(
                    OVERLAP, precision=0, minimum=0, maximum=1999, label="Words shared with the passage before",
                    elem_id="passage-overlap",
                )
        trouble = html_view("", elem_id="documents-trouble")
        with gr.Row(elem_classes="ask"):
            question = gr.Textbox(
                "", label="Question", lines=1, max_lines=3, elem_id="question", max_length=2000, scale=4,
            )
            go = gr.Button("Search", size="md", elem_id="search-documents", scale=1)
        about = html_view("", elem_id="documents-about")
        results = html_view(cards.first_card(), elem_id="search-results")

    def kept_as(documents: list[Document]):
        kept = keep(workspace, documents)
        return {source: gr.update(choices=choices(), value=kept.id), trouble: ""}

    def bring_files(paths: list[str] | None):
        """Keep what can be read; a file that cannot is named."""
        documents, errors = [], ""
        for path in paths or []:
            try:
                documents += read_document(Path(path), Path(path).name)
            except WorkbenchError as error:
                errors += said(error)
        if not documents:
            return {trouble: errors, upload: None}
        try:
            return {**kept_as(documents), trouble: errors, upload: None}
        except WorkbenchError as error:
            return {trouble: errors + said(error), upload: None}

    def bring_text(text: str):
        try:
            return {**kept_as([Document("Pasted: " + " ".join(text.split())[:40], text)]), pasted: ""}
        except WorkbenchError as error:
            return {trouble: said(error)}

    def forget_chosen(chosen: str):
        remove(workspace, chosen or "")
        return gr.update(choices=choices(), value=ANSWERS)

    def search(question: str, base: str, tuned: str | None, set_id: str, source: str, size: float, overlap: float):
        if not question.strip():
            return cards.first_card(), ""
        if not base or not tuned:
            return notice("There are no two models to search with.", "", "Choose base and tuned above.", tone="warn"), ""
        try:
            models = resolve(base, workspace), resolve(tuned, workspace)
            stamp = version_of(open_set(workspace, set_id)) if set_id else ""
            kept, index = index_of(
                workspace, *models, set_id, stamp, source or ANSWERS, int(size or 0), int(overlap or 0)
            )
            found = ask(index, question.strip(), *models, workspace)
        except WorkbenchError as error:
            return said(error), ""
        return cards.results_card(index, found), cards.documents_card(kept, len(index.passages))

    upload.upload(bring_files, upload, [source, trouble, upload], **QUIET)
    bring.click(bring_text, pasted, [source, trouble, pasted], **QUIET)
    tab.select(lambda: gr.update(choices=choices()), None, source, **QUIET)
    forget.click(forget_chosen, source, source, **QUIET)
    source.change(lambda chosen: gr.update(interactive=chosen != ANSWERS), source, forget, **QUIET)
    asked = [question, base, tuned, set_id, source, size, overlap]
    for start in (go.click, question.submit):
        start(lambda text: cards.waiting_card() if text.strip() else gr.skip(), question, results, **QUIET).then(
            search, asked, [results, about], **QUIET
        )
