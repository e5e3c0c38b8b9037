"""The cards of the Compare tab."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from core.evaluation.comparison import Example
from core.maps.projection import Map
from workbench.cards.pager import pager
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


def verdict_card(report: dict[str, Any]) -> str:
    """The answer in one sentence, then the evidence."""
    first, questions = report["first"], report["questions"]
    aside = "held-out questions" if report["evidence"] == "held-out" else "questions it was trained on"
    head = (
        f'<p class="verdict">The right answer comes first for <span class="b">{first["base"]:,}</span> → '
        f'<span class="t">{first["tuned"]:,}</span> of {questions:,} {aside}.</p>'
    )
    base, tuned, change = report["base"], report["tuned"], report["change"]
    tone, words = {True: ("good", "Better."), False: ("bad", "Worse."), None: ("warn", "No clear change.")}[
        report["better"]
    ]
    if report["evidence"] != "held-out":
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
        f'{head}<p><b class="{tone}">{words}</b> <span class="soft">{figures}</span></p>{warning}'
        f'<details data-key="verdict" style="margin-top:8px"><summary>In one sentence, to quote</summary><p class="soft small">{esc(report["verdict"])}</p></details>'
    )


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


def table_card(table: pd.DataFrame, page: int, total: int, search: str) -> str:
    """One page of the pairs with their ranks before and after, those that lost most first."""
    body = []
    for record in table.itertuples(index=False):
        tone, words = (
            ("good", "better") if record.change > 0 else ("bad", "worse") if record.change < 0 else ("soft", "same")
        )
        body.append(
            f'<tr><td class="n soft">{record.row:,}</td><td style="min-width:150px"><span class="text">{esc(record.question)}</span></td>'
            f'<td class="soft" style="min-width:180px"><span class="text">{esc(record.answer)}</span></td>'
            f'<td class="n b">{record.rank_base:,}</td><td class="n t">{record.rank_tuned:,}</td><td class="{tone}">{words}</td>'
            f'<td class="n b">{record.cosine_base:.2f}</td><td class="n t">{record.cosine_tuned:.2f}</td></tr>'
        )
    first = page * ROWS_A_PAGE + 1
    shown = f"{first:,} to {first + len(table) - 1:,} of {total:,}" if total else "none"
    found = f" with “{esc(search)}”" if search else ""
    return (
        f'<p class="soft small">{shown}{found}</p><div class="scroll" data-scroll="pairs"><table><thead><tr><th class="n">Row</th><th>Question</th><th>Right answer</th>'
        '<th class="n">Rank before</th><th class="n">after</th><th>Change</th><th class="n">Cosine before</th><th class="n">after</th></tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>{pager(page, total, ROWS_A_PAGE)}"
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


def map_words(shown: Map) -> str:
    """What the picture holds and what it does not."""
    sample = (
        f" A sample of {len(shown.shown):,} of {shown.total:,} texts (seed {shown.seed})."
        if len(shown.shown) < shown.total
        else ""
    )
    return (
        f'<p class="soft small">These two axes show {shown.variance:.0%} of the variation.{sample} Judge by the ranks above, not by the picture.'
        " The tuned space was turned onto the base space first, so that only real movement shows.</p>"
    )
