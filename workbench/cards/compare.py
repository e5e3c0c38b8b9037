"""The cards of the Compare tab."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from core.evaluation.comparison import Comparison, Example
from core.evaluation.metrics import MEANINGS
from core.maps.neighbours import NEAREST
from core.maps.pacmap import REQUIREMENT
from core.maps.projection import Map
from workbench.cards.pager import pager
from workbench.charts import MOST_TRAILS, STAYED
from workbench.closeup import Neighbours, Side
from workbench.words import count, esc

ROWS_A_PAGE = 25


def first_card() -> str:
    """What the tab shows before there are two models."""
    return (
        '<div class="empty"><p>After a training you will see here whether the model got better: how often the right answer comes first,'
        " before and after, on questions it never saw.</p><p>Start one on the Train tab.</p></div>"
    )


def waiting_card(words: str) -> str:
    """Holds the verdict's place while it is worked out."""
    return f'<p class="verdict skeleton" style="width:80%">&nbsp;</p><p class="soft" role="status">{esc(words)}</p>'


def verdict_card(report: dict[str, Any], comparison: Comparison) -> str:
    """The answer in one sentence, then the evidence and what it rests on."""
    first, questions = report["first"], report["questions"]
    aside = {"held-out": "held-out questions", "five folds": "questions"}.get(report["evidence"], "questions it was trained on")
    head = (
        f'<p class="verdict">The right answer comes first for <span class="b">{first["base"]:,}</span> → '
        f'<span class="t">{first["tuned"]:,}</span> of {questions:,} {aside}.</p>'
    )
    base, tuned, change = report["base"], report["tuned"], report["change"]
    tone, words = {True: ("good", "Better."), False: ("bad", "Worse."), None: ("warn", "No clear change.")}[
        report["better"]
    ]
    if report["evidence"] == "training pairs":
        words = "This says nothing about new questions: none was kept aside."
    interval = change["interval"]
    sure = f", 95 % interval {interval[0]:+.2f} to {interval[1]:+.2f}" if interval else ""
    figures = (
        f'nDCG@10 <span class="b num">{base["ndcg@10"]:.3f}</span> → <span class="t num">{tuned["ndcg@10"]:.3f}</span>, '
        f"a change of {change['ndcg@10']:+.3f}{sure}. {count(report['improved'], 'question')} improved, {report['worse']:,} got worse, "
        f"{report['stayed']:,} stayed. Each was ranked against {count(report['pool'], 'answer')}."
    )
    warning = f'<p class="warn" style="margin-top:8px">{esc(report["warning"])}</p>' if report.get("warning") else ""
    return (
        f'{head}<p><b class="{tone}">{words}</b> <span class="soft">{figures}</span></p>{_rests_on(comparison)}{warning}'
        f'<details data-key="verdict" style="margin-top:8px"><summary>In one sentence, to quote</summary><p class="soft small">{esc(report["verdict"])}</p></details>'
    )


def figures_card(report: dict[str, Any]) -> str:
    """Every measure of both models and of keyword search, with how sure each change is."""
    bm25, change, rows = report["bm25"] or {}, report["change"], []
    for name, means in MEANINGS.items():
        ends, p = change[f"{name} interval"], change[f"{name} p"]
        reach = "–" if ends is None else f"{ends[0]:+.3f} to {ends[1]:+.3f}"
        keywords = f"{bm25[name]:.3f}" if name in bm25 else "–"
        rows.append(
            f'<tr><td style="min-width:130px"><b>{name}</b><br><span class="faint small">{means}</span></td><td class="n" data-title="Keyword search">{keywords}</td>'
            f'<td class="n b" data-title="Base">{report["base"][name]:.3f}</td><td class="n t" data-title="Tuned">{report["tuned"][name]:.3f}</td>'
            f'<td class="n" data-title="Change">{change[name]:+.3f}</td><td class="n" data-title="95 % interval">{reach}</td>'
            f'<td class="n" data-title="p">{"< 0.001" if p < 0.001 else f"{p:.3f}"}</td></tr>'
        )
    return (
        '<div class="scroll" data-scroll="figures"><table class="stacked figures"><thead><tr><th>Measure</th><th class="n">Keyword search</th><th class="n">Base</th>'
        '<th class="n">Tuned</th><th class="n">Change</th><th class="n">95 % interval</th><th class="n">p</th></tr></thead>'
        f'<tbody>{"".join(rows)}</tbody></table></div><p class="soft small" style="margin-top:8px">The intervals are of 10,000 drawings of the questions, with those that share a'
        " text or a document drawn together; p says how often chance alone would change a figure as much.</p>"
    )


def _rests_on(comparison: Comparison) -> str:
    """The kind of evidence, and whether the models beat a search for words."""
    kind = {
        "held-out": f"Rests on one split: questions kept aside before the training, {comparison.independent:,} of them independent of each other.",
        "five folds": f"Rests on five folds: all questions, {comparison.independent:,} of them independent of each other, asked of five models, each of"
        " which never saw the pairs it was asked about. The model you take home learned from all of them.",
    }.get(comparison.evidence, "Rests on the training pairs themselves.")
    words = []
    if comparison.bm25 is not None:
        words.append(f" Keyword search (BM25) puts the right answer first for {int(comparison.bm25.metrics['hit@1'].sum()):,}")
        change = comparison.against_bm25["tuned"]
        words.append(
            "; the tuned model cannot be told from it." if change.low is None or change.holds_zero
            else "; the tuned model is clearly better than that." if change.mean > 0
            else "; the tuned model is clearly worse than that."
        )
    return f'<p class="soft small" style="margin-top:6px">{kind}{"".join(words)}</p>'


def data_words(name: str, whose: str) -> str:
    """Which file the questions come from."""
    return f'<p class="soft small" style="margin-top:6px">Asked about <b>{esc(name)}</b>, {whose}.</p>' if name else ""


def forgetting_words(general: dict[str, Any], can_blend: bool) -> str:
    """What training cost elsewhere, in one sentence; where it did cost something, a way to have part of it back.

    Args:
        can_blend: whether the tuned model is a run's, so that the blend card is there.
    """
    if general["better"] is False:
        back = ' A <a href="#blend">blend with the base</a> may have part of it back.' if can_blend else ""
        return f'<p class="warn small" style="margin-top:6px">{esc(general["sentence"])}{back}</p>'
    return f'<p class="soft small" style="margin-top:6px">{esc(general["sentence"])}</p>'


def two_texts_card(cosines: tuple[float, float] | None, floors: tuple[Any, Any] | None) -> str:
    """The cosine of two texts under both models, large, each beside what unrelated texts reach."""
    boxes = []
    for index, (name, tone) in enumerate((("base", "b"), ("tuned", "t"))):
        value = f"{cosines[index]:.2f}" if cosines else "–"
        floor = floors[index] if floors else None
        beside = f" · unrelated texts reach {floor.mean:.2f} on average" if floor is not None else ""
        boxes.append(f'<div style="flex:1"><span class="big {tone}">{value}</span><br>{name}{beside}</div>')
    return f'<div class="stat" aria-live="polite">{"".join(boxes)}</div>'


def examples_card(examples: Sequence[Example]) -> str:
    """Ready-made pairs from the data, as buttons that fill both boxes."""
    if not examples:
        return ""
    words = {"improved": "improved", "worse": "got worse", "typical": "typical"}
    chips = "".join(
        f'<button class="chip" data-do="try" data-at="{at}" data-key="try-{at}" title="{esc(one.question[:200])}">{words[one.why]}: {esc(_short(one.question, 44))}</button>'
        for at, one in enumerate(examples)
    )
    return f'<div class="chips">{chips}</div>'


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def table_card(table: pd.DataFrame, page: int, total: int, search: str, opened: int, card: str, chosen: int) -> str:
    """One page of the pairs with their ranks before and after, those that lost most first.

    Args:
        opened: the index of the row whose ``card`` is open below it; -1 for none.
        chosen: how many texts are chosen on the map; -1 where nothing is chosen.
    """
    body = []
    for at, record in zip(table.index.tolist(), table.itertuples(index=False), strict=True):
        tone, words = (
            ("good", "better") if record.change > 0 else ("bad", "worse") if record.change < 0 else ("soft", "same")
        )
        is_open = at == opened
        body.append(
            f'<tr><td class="whole"><button class="link whole" data-do="open" data-at="{at}" data-key="open-{at}" aria-expanded="{str(is_open).lower()}">'
            f'{"Close" if is_open else "Open"}<span class="unseen"> row {record.row:,}</span></button></td><td class="n soft">{record.row:,}</td>'
            f'<td style="min-width:150px"><span class="text">{esc(record.question)}</span></td>'
            f'<td class="soft wide-only" style="min-width:180px"><span class="text">{esc(record.answer)}</span></td>'
            f'<td class="n b">{record.rank_base:,}</td><td class="n t">{record.rank_tuned:,}</td><td class="{tone}">{words}</td>'
            f'<td class="n b">{record.cosine_base:.2f}</td><td class="n t">{record.cosine_tuned:.2f}</td></tr>'
        )
        if is_open:
            body.append(f'<tr class="closeup"><td colspan="9">{card}</td></tr>')
    first = page * ROWS_A_PAGE + 1
    shown = f"{first:,} to {first + len(table) - 1:,} of {total:,}" if total else "none"
    found = f" with “{esc(search)}”" if search else ""
    lasso = (
        f' among {count(chosen, "text")} chosen on the map <button class="chip on" data-do="all" data-key="all">Show all pairs</button>'
        if chosen >= 0
        else ""
    )
    return (
        f'<p class="soft small">{shown}{found}{lasso}</p><div class="scroll" data-scroll="pairs"><table><thead><tr><th></th><th class="n">Row</th><th>Question</th><th class="wide-only">Right answer</th>'
        '<th class="n">Rank before</th><th class="n">after</th><th>Change</th><th class="n">Cosine before</th><th class="n">after</th></tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>{pager(page, total, ROWS_A_PAGE)}"
    )


def pair_card(question: str, answer: str, sides: tuple[Side, Side], neighbours: Neighbours) -> str:
    """A pair looked at closely: both texts whole, what each model ranks above the right answer, and the company kept."""
    above = []
    for name, tone, side in (("base", "b", sides[0]), ("tuned", "t", sides[1])):
        lines = "".join(
            f'<li><span class="num">{cosine:.2f}</span> {esc(_short(text, 240))}</li>' for text, cosine in side.above
        )
        rest = side.rank - 1 - len(side.above)
        more = f'<p class="faint small">and {rest:,} more</p>' if rest > 0 else ""
        said = f"<ol>{lines}</ol>{more}" if lines else '<p class="soft small">Nothing: the right answer comes first.</p>'
        above.append(
            f'<div><h4><span class="{tone}">{name}</span>: rank {side.rank:,}, cosine {side.cosine:.2f}. Above the right answer:</h4>{said}</div>'
        )
    return (
        f'<div class="closeup-card"><p class="whole-text"><b>{esc(question)}</b></p><p class="whole-text soft">{esc(answer)}</p>'
        f'<div class="sides">{"".join(above)}</div>{company_words("the question", neighbours)}</div>'
    )


def text_card(text: str, neighbours: Neighbours) -> str:
    """A text that belongs to no pair that was asked about."""
    return (
        f'<div class="closeup-card"><p class="whole-text">{esc(text)}</p><p class="soft small">No question that was asked has this as its answer.</p>'
        f'{company_words("this text", neighbours)}</div>'
    )


def company_words(whose: str, neighbours: Neighbours) -> str:
    """The neighbours lost and gained, side by side."""
    columns = []
    for name, tone, texts in (("lost", "b", neighbours.lost), ("gained", "t", neighbours.gained)):
        lines = "".join(f"<li>{esc(_short(text, 160))}</li>" for text in texts) or '<li class="faint">none</li>'
        columns.append(f'<div><h4><span class="{tone}">Neighbours {name}</span></h4><ul>{lines}</ul></div>')
    every = neighbours.kept + len(neighbours.lost)
    return (
        f'<details data-key="company" open><summary>{neighbours.kept} of the {every} texts nearest to {whose} stayed</summary>'
        f'<div class="sides">{"".join(columns)}</div></details>'
    )


def health_card(comparison: Comparison) -> str:
    """The state of both spaces, a figure a cell, each with what it means."""
    cells = []
    for one in comparison.health:
        tuned = "–" if one.tuned is None else f"{one.tuned:.2f}"
        values = (
            f'<span class="t">{tuned}</span>' if one.base is None else f'<span class="b">{one.base:.2f}</span> → <span class="t">{tuned}</span>'
        )
        cells.append(f'<div><b>{esc(one.name)}</b><span class="figure num">{values}</span><p>{esc(one.meaning)}</p></div>')
    return f'<div class="health">{"".join(cells)}</div>'


def sizes_card(comparison: Comparison) -> str:
    """What smaller vectors cost in quality."""
    rows = []
    for one in comparison.sizes:
        takes = sorted({number for number in one.bytes if number is not None}, reverse=True)
        base, tuned = ("–" if value is None else f"{value:.3f}" for value in (one.base, one.tuned))
        change = "–"
        if one.change is not None:
            change = f"{one.change.mean:+.3f}"
            if one.change.low is not None:
                change += f' <span class="faint">({one.change.low:+.3f} to {one.change.high:+.3f})</span>'
        rows.append(
            f'<tr><td class="whole">{esc(one.name)}</td><td class="n" data-title="Bytes each">{" / ".join(f"{number:,}" for number in takes)}</td>'
            f'<td class="n b" data-title="nDCG@10 base">{base}</td><td class="n t" data-title="tuned">{tuned}</td>'
            f'<td class="n" data-title="Change"><span>{change}</span></td></tr>'
        )
    return (
        '<div class="scroll" data-scroll="sizes"><table class="stacked figures"><thead><tr><th>Vectors</th><th class="n">Bytes each</th><th class="n">nDCG@10 base</th>'
        f'<th class="n">tuned</th><th class="n">Change (95 % interval)</th></tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def likeness_words(cells: int, pairs: int) -> str:
    """What the heat-map holds."""
    part = f"{cells} of {pairs:,} pairs, taken evenly from worst to best" if cells < pairs else f"All {count(pairs, 'pair')}"
    return (
        f'<p class="soft small">{part}. The stronger the colour, the better the rank of the answer within its row; the right answers are on the diagonal,'
        " ● where they are first of the row, × where another is.</p>"
    )


def similarity_words(report: dict[str, Any]) -> str:
    """How well each model keeps matched and mismatched texts apart."""
    parts = []
    for side, tone in (("base", "b"), ("tuned", "t")):
        figures, auc = report[side], report["auc"][side]
        if figures["mismatched"] is None or auc is None:
            continue
        parts.append(
            f'<span class="{tone}">{side}</span>: matched {figures["matched"]:.2f}, mismatched {figures["mismatched"]:.2f} on average; a matched pair'
            f" scores above a mismatched one in {auc:.0%} of cases"
        )
    return (
        f'<p class="soft small">{"; ".join(parts)}. Only the distance between the two counts, not how high they are.</p>'
        if parts
        else ""
    )


def laying_out(shown: Map) -> str:
    """Said while PaCMAP works."""
    return (
        f'<p class="soft small" role="status">Laying out {count(len(shown.shown), "text")} with PaCMAP. The first time it also has to get ready, which'
        " can take a minute or two; this map is then kept. Until then you see the texts as PCA lays them out.</p>"
    )


#: Said where PaCMAP could be had.
PACMAP_WORDS = (
    f'<p class="faint small">Another layout, PaCMAP, can be added: <code>pip install "{esc(REQUIREMENT)}"</code>, about 280 MB; then start the'
    " workbench again.</p>"
)


def map_words(shown: Map, folded: bool) -> str:
    """What the picture holds and what it does not; ``folded``: whether the ranks are those of five other models."""
    if shown.trust is not None:
        held = (
            f"Laid out by PaCMAP (seed {shown.seed}), which keeps near texts near; how far apart groups lie says little, and a small movement can be"
            f" chance. Trustworthiness {shown.trust:.2f}: 1 where all texts that are near in the picture are near in the full space, about 0.5 by chance."
        )
    else:
        held = f"The two directions in which the texts differ most (PCA); they show {shown.variance:.0%} of the variation."
    sample = (
        f" A sample of {len(shown.shown):,} of {shown.total:,} texts (seed {shown.seed})."
        if len(shown.shown) < shown.total
        else f" All {count(shown.total, 'text')}."
    )
    moved = int((shown.kept < STAYED).sum())
    few = f", of which the {MOST_TRAILS:,} that changed most have their line" if moved > MOST_TRAILS else ""
    of_final = (
        " After is the model you take home, which learned from all pairs; the ranks are those of the five that had not seen them."
        if folded else ""
    )
    return (
        f'<p class="soft small">{held}{sample} Judge by the ranks above, not by the picture.'
        " The tuned space was turned onto the base space first, so that only real movement shows. A line leads from ○ before to after where fewer than"
        f" half of the {NEAREST} nearest texts, in the full space, stayed: {count(moved, 'text')}{few}.{of_final}</p>"
    )
