"""The words of the blend card."""

from core.blending import Change, Curve, Point, best
from workbench.words import count

FIRST = (
    '<p class="soft">A mix takes every number inside the model part of the way from the base to the tuned model. Six mixes are asked your own'
    " questions and everyday ones. The texts are read anew for each mix, which takes a minute or more; what was asked once is kept.</p>"
)
KEEPING = '<p class="soft" role="status">Making the model and measuring it.</p>'


def asking(done: int, total: int) -> str:
    """How far it is, while the mixes are asked."""
    return (
        f'<p class="soft" role="status">Asking mix {min(done + 1, total)} of {total}; this takes a minute or more. You can go on elsewhere:'
        f' what is found is kept.</p><progress value="{done}" max="{total}" aria-label="Mixes asked"></progress>'
    )


def curve_words(curve: Curve) -> str:
    """What the curve rests on, which mix is best, and every mix in figures."""
    own, general = curve.questions
    aside = "held-out" if curve.evidence == "held-out" else "training"
    rows = "".join(
        f'<tr><td class="whole">{point.share:.0%} tuned{" (spherical)" if point.way == "spherical" else ""}</td>'
        f'<td class="n">{point.own:.3f}</td><td class="n">{_change(point, point.own_change)}</td>'
        f'<td class="n">{point.general:.3f}</td><td class="n">{_change(point, point.general_change)}</td></tr>'
        for point in curve.points
    )
    change = '<th class="n">Change, 95 % interval</th>'
    learned = (
        '<p class="warn small">The tuned model has learned these own questions, so mixes with much of it look better here than they are on new ones.'
        " To choose a mix on questions that it never saw, train with one held-out part.</p>" if curve.evidence == "training pairs" else ""
    )
    return (
        f'<p>{_best_words(curve)}</p><p class="soft small">Ranking quality (nDCG@10: 1 is perfect) on {count(own, f"{aside} question")} of your own and'
        f" {count(general, 'everyday question')} about other things.</p>{learned}"
        '<details data-key="mixes"><summary>In figures</summary><div class="scroll"><table><thead><tr><th>Mix</th><th class="n">Own data</th>'
        f'{change}<th class="n">General language</th>{change}</tr></thead><tbody>{rows}</tbody></table></div></details>'
    )


def _best_words(curve: Curve) -> str:
    """The mix whose changes add up to the most, in a sentence."""
    found, whole = best(curve), next(point for point in curve.points if point.share == 1)
    if found.share == 0:
        return "Adding up both changes, the base itself comes out best: no mix gains more than it forgets."
    if found.share == 1:
        return "Adding up both changes, the tuned model itself comes out best: a mix would have little back."
    return (
        f"Adding up both changes, a mix with <b>{found.share:.0%}</b> of the tuned model comes out best: own data {found.own_change[0]:+.3f}, everyday"
        f" questions {found.general_change[0]:+.3f} (the tuned model itself {whole.own_change[0]:+.3f} and {whole.general_change[0]:+.3f})."
        " It was chosen with these very questions, so it may do a little less well on others."
    )


def point_words(curve: Curve, share: float, way: str) -> str:
    """What the chosen mix does."""
    point = next((one for one in curve.points if abs(one.share - share) < 0.01 and one.way == way), None)
    if point is None:
        return ""
    return (
        f'<p class="small" role="status">{point.share:.0%} tuned: own data {point.own:.3f} ({_change(point, point.own_change)}), everyday questions'
        f" {point.general:.3f} ({_change(point, point.general_change)}).</p>"
    )


def _change(point: Point, change: Change) -> str:
    mean, low, high = change
    if point.share == 0:
        return "–"
    return f"{mean:+.3f}" if low is None or high is None else f"{mean:+.3f}, {low:+.3f} to {high:+.3f}"
