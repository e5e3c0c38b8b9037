"""What the Train tab says about the place where a run trains."""

from core.aws.prices import Price
from core.runs.target import Cost, Target, money
from workbench.aws import Seen
from workbench.words import esc

LEAD = {
    "here": "On this machine. Nothing leaves it.",
    "sagemaker": "On a machine that Amazon rents out by the second. Pairs and base model are sent to your own bucket there.",
}


def lead(on: str) -> str:
    """The sentence under the tab's title."""
    return f'<h2 class="title">Train</h2><p class="lead">{LEAD[on]}</p>'


def account_card(seen: Seen) -> str:
    """Whose account it will be, or why SageMaker cannot be used and the way to change that."""
    if why := seen.why_not:
        known = seen.found is not None and seen.found.identity is not None
        words = "Look at the connection" if known else "Connect to AWS"
        missing = "".join(f"<li>{esc(line)}</li>" for line in seen.found.missing) if known else ""
        missing = f'<ul class="small soft" style="margin:6px 0 0 18px;list-style:disc">{missing}</ul>' if missing else ""
        return (
            f'<div class="notice tone-warn" role="status"><b>SageMaker cannot be used now.</b> {esc(why)}{missing}'
            f'<div class="actions" style="margin-top:10px"><button data-to="connection" data-key="connect">{words}</button></div></div>'
        )
    found = seen.found
    return (
        f'<p class="soft small">Account {esc(found.identity.account)} in {esc(found.region)}; data and model go through the'
        f" bucket {esc(found.bucket)}.</p>"
    )


def machine(instance_type: str, price: Price | None, quota: int | None) -> str:
    """An instance type with what decides between them, as short as it goes: ``ml.m5.xlarge · $0.23/h · 4 allowed``."""
    parts = [instance_type, f"${price.an_hour:,.2f}/h" if price else "price?"]
    if quota is not None:
        parts.append(f"{quota} allowed")
    return " · ".join(parts)


def quota_note(target: Target, quota: int | None, kind: str) -> str:
    """Why AWS would refuse these machines; "" where it would not, or where nobody knows.

    Args:
        quota: how many of them the account may run at a time.
        kind: the quota's kind as AWS calls it.
    """
    if quota is None or quota >= target.instance_count:
        return ""
    return (
        f"Your account may run {quota or 'no'} {target.instance_type} at a time for {kind}, so AWS will refuse"
        f" {'them' if target.instance_count > 1 else 'it'}. Ask for more in the Service Quotas console, or choose another instance type."
    )


def cost_card(cost: Cost, price: Price | None, note: str) -> str:
    """What it will cost, before it starts; shown above the button."""
    amount = "–" if cost.dollars is None else f"about {money(cost.dollars)}"
    most = "" if cost.most_dollars is None else f"<div><b>{money(cost.most_dollars)}</b>at the latest it stops</div>"
    warning = f'<div class="notice tone-warn" style="margin-top:10px">{esc(note)}</div>' if note else ""
    source = f'<p class="soft small" style="margin-top:6px">{esc(price.source)}</p>' if price else ""
    return (
        f'<div class="stat"><div><b>{amount}</b>for this training</div>{most}</div><p class="small" style="margin-top:8px">{esc(cost.words)}</p>'
        f"{source}{warning}"
    )
