"""The results of the search playground: three lists side by side, and in words what moved."""

from core.playground.documents import Kept
from core.playground.index import Hit, Index, Results
from workbench.words import count, esc

#: What each list is called, and the class of its colour.
_ENGINES = {"keywords": ("Keyword search (BM25)", ""), "base": ("Base", "b"), "tuned": ("Tuned", "t")}


def first_card() -> str:
    """What the playground shows before anything was asked."""
    return '<p class="soft">Ask a question to see what each of the three finds first, and what the training moved.</p>'


def waiting_card() -> str:
    """Holds the place while passages are read for the first time."""
    return (
        '<p class="soft" role="status">Searching. The first question about documents waits until both models have read'
        " them; after that answers come at once.</p>"
    )


def results_card(index: Index, found: Results) -> str:
    """The best passages of each, with score and floor, and what moved between base and tuned."""
    lists = "".join(_list(index, found, engine) for engine in _ENGINES)
    same = {hit.passage for hit in found.hits["base"]} & {hit.passage for hit in found.hits["tuned"]}
    shown = len(found.hits["tuned"])
    return (
        f'<p class="soft small" role="status">{count(found.passages, "passage")} searched. {len(same):,} of the first {shown:,} are the same'
        f' under both models.</p><div class="sides">{lists}</div>'
    )


def _list(index: Index, found: Results, engine: str) -> str:
    title, tone = _ENGINES[engine]
    hits = found.hits[engine]
    floor = f"the middle one of all passages scores {found.floors[engine]:.2f}"
    if engine == "keywords":  # most passages share no word with a question
        floor = "a passage that shares no word scores 0"
    rows = "".join(_hit(index, hit, engine) for hit in hits) or '<li class="soft">No passage shares a word with the question.</li>'
    return (
        f'<section aria-label="{title}"><h4><span class="{tone}">{title}</span></h4><p class="soft small">{floor}</p><ol class="hits">{rows}</ol></section>'
    )


def _hit(index: Index, hit: Hit, engine: str) -> str:
    passage = index.passages[hit.passage]
    source = f" · {esc(passage.source)}" if passage.source else ""
    tone, words = moved(hit, engine)
    return (
        f'<li><span class="text">{esc(passage.text)}</span><span class="small soft"><span class="num">{hit.score:.2f}</span>{source}'
        f' · <b class="{tone}">{words}</b></span></li>'
    )


def moved(hit: Hit, engine: str) -> tuple[str, str]:
    """How a hit moved between base and tuned, as (tone, words), from where its list stands."""
    if engine == "keywords":
        return "soft", f"place {hit.before:,} for base, {hit.now:,} for tuned"
    if hit.before == hit.now:
        return "soft", "same place under both"
    if engine == "tuned":
        up = hit.now < hit.before
        return ("good", f"▲ up from place {hit.before:,}") if up else ("warn", f"▼ down from place {hit.before:,}")
    up = hit.now < hit.before
    return ("good", f"▲ rises to place {hit.now:,}") if up else ("warn", f"▼ falls to place {hit.now:,}")


def documents_card(kept: Kept | None, passages: int) -> str:
    """What is searched: how much it is, and what of it was not read."""
    if kept is None:
        return f'<p class="soft small">{count(passages, "answer")} of the pairs, each as one passage.</p>' if passages else ""
    cut = "".join(f'<p class="warn small">{esc(one.cut)}.</p>' for one in kept.documents if one.cut)
    number = count(len(kept.documents), "document")
    return f'<p class="soft small">{number}, cut into {count(passages, "passage")}.</p>{cut}'
