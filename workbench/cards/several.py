"""Several tuned models beside one base, as a table."""

from collections.abc import Sequence

from core.evaluation.several import Several
from core.evaluation.statistics import Interval
from workbench.words import count, esc

_SHOWN = ("hit@1", "recall@10", "mrr@10", "ndcg@10")


def several_card(base: str, names: Sequence[str], found: Several) -> str:
    """A row for the base and one for each model: its figures, and the change in nDCG@10 with its interval."""
    pool = found.comparisons[0].pool
    left_out = f" {count(found.left_out, 'held-out pair')} left out, as one of them was trained on it." if found.left_out else ""
    first = found.comparisons[0].base.metrics
    asked = (
        "each asked of one of a run's five models, which had not seen its pair,"
        if found.comparisons[0].evidence == "five folds" else "that none of these models was trained on, each"
    )
    rows = [_row(f'<span class="b">{esc(base)}</span>, base', first, "", "")]
    for name, one in zip(names, found.comparisons, strict=True):
        tone, words = {True: ("good", "better"), False: ("bad", "worse"), None: ("warn", "no clear change")}[one.better]
        rows.append(_row(f'<span class="t">{esc(name)}</span>', one.tuned.metrics, _interval(one.changes["ndcg@10"]), f'<span class="{tone}">{words}</span>'))
    heads = "".join(f'<th class="n">{name}</th>' for name in _SHOWN)
    return (
        f'<p class="soft small" role="status">{count(len(pool.queries), "question")} {asked} ranked against '
        f"{count(len(pool.corpus), 'answer')}.{left_out}</p>"
        f'<div class="scroll"><table><thead><tr><th>Model</th>{heads}<th class="n">Change in nDCG@10, 95 % interval</th><th>In words</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
        '<p class="soft small">Each interval is of one model beside the base. Of many models the best looks a little better than it is: it was chosen for that.</p>'
    )


def _row(name: str, metrics: dict, change: str, words: str) -> str:
    figures = "".join(f'<td class="n">{metrics[one].mean():.3f}</td>' for one in _SHOWN)
    return f'<tr><td style="min-width:130px">{name}</td>{figures}<td class="n">{change}</td><td>{words}</td></tr>'


def _interval(change: Interval) -> str:
    reach = "" if change.low is None else f", {change.low:+.3f} to {change.high:+.3f}"
    return f"{change.mean:+.3f}{reach}"
