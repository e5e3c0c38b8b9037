"""The words of the blend card."""

from core.blending import Curve
from workbench.words import count

FIRST = (
    '<p class="soft">Asks six mixes, from the base to the tuned model, your own questions and everyday ones. The texts are read anew for each'
    " mix, which takes a minute or more; what was asked once is kept.</p>"
)
ASKING = '<p class="soft" role="status">Asking the mixes; this takes a minute or more. You can go on elsewhere: what is found is kept.</p>'


def curve_words(curve: Curve) -> str:
    """What the curve rests on, and every mix in figures."""
    own, general = curve.questions
    aside = "held-out" if curve.evidence == "held-out" else "training"
    rows = "".join(
        f'<tr><td class="whole">{point.share:.0%} tuned{" (spherical)" if point.way == "spherical" else ""}</td><td class="n">{point.own:.3f}</td>'
        f'<td class="n">{point.general:.3f}</td></tr>'
        for point in curve.points
    )
    return (
        f'<p class="soft small">nDCG@10 of {count(own, f"{aside} question")} and {count(general, "everyday question")}.</p>'
        '<details data-key="mixes"><summary>In figures</summary><table><thead><tr><th>Mix</th><th class="n">Own data</th><th class="n">General language</th></tr>'
        f"</thead><tbody>{rows}</tbody></table></details>"
    )
