"""Where a model can be deployed, and what that costs, in words."""

from core.aws.prices import Price, serverless_price
from core.aws.quotas import Quotas
from core.endpoints.host import DeploySpec, Target
from workbench.words import count, esc, money, notice

#: The places as the form names them.
PLACES: list[tuple[str, Target]] = [
    ("This machine", "here"), ("SageMaker", "sagemaker"), ("Serverless", "serverless"), ("TEI", "tei"),
]
_ABOUT: dict[Target, str] = {
    "here": "A process on this machine, reached from this machine alone. It is free.",
    "sagemaker": "A machine at Amazon for your model alone, which answers at any time. It costs by the hour, whether it is"
    " called or not.",
    "serverless": "Amazon starts it when it is called, so the first call after a pause takes some seconds longer. It costs"
    " only while it works.",
    "tei": "A machine at Amazon that runs Hugging Face's Text Embeddings Inference: quicker when many calls come at once. It"
    " costs by the hour, takes 32 texts a call and answers the bare list of vectors.",
}
#: Hours in a month, on average.
MONTH = 730


def about(on: Target, why_not: str) -> str:
    """What the place is; why it cannot be used, with the way to the connection, where it cannot."""
    words = f'<p class="soft small">{_ABOUT[on]}</p>'
    if on == "here" or not why_not:
        return words
    connect = '<button data-to="connection" data-key="to-connection">See the connection</button>'
    return f'<div class="apart">{words}<div class="notice"><b>{esc(why_not)}</b></div><div class="actions">{connect}</div></div>'


def type_label(instance_type: str, price: Price | None, quotas: Quotas) -> str:
    """An instance type with its price, and how many of it the account may run where that is known."""
    parts = [instance_type, f"{money(price.an_hour)} an hour" if price else "price unknown"]
    quota = quotas.of(instance_type, "hosting")
    if quota is not None:
        parts.append(f"{quota} at most" if quota else "none allowed yet")
    return " · ".join(parts)


def an_hour(spec: DeploySpec, price: Price | None) -> tuple[float, float] | None:
    """What it costs an hour at least and at most, in US dollars; None where that is not known."""
    if spec.on in ("here", "serverless"):
        return 0.0, 0.0
    if price is None:
        return None
    least, most = (spec.scaling.least, spec.scaling.most) if spec.scaling else (spec.count, spec.count)
    return least * price.an_hour, most * price.an_hour


def cost_card(spec: DeploySpec, price: Price | None) -> str:
    """What it will cost, and where that number comes from. Nothing for this machine, which costs nothing."""
    if spec.on == "here":
        return ""
    if spec.on == "serverless":
        price = serverless_price(spec.memory_mb)
        words = f"Nothing while it waits, {money(price.an_hour)} for each hour in which it works without a pause."
        return f'<p><b>{words}</b></p><p class="soft small">{esc(price.source)}</p>'
    cost = an_hour(spec, price)
    if price is None or cost is None:
        return notice("What this costs is not known here.", "", "Look at Amazon's price page first.", tone="warn")
    end = (
        f"about {_between(cost, MONTH)} a month, until you delete it" if spec.hours is None
        else f"about {_between(cost, spec.hours)} until it deletes itself in {count(round(spec.hours), 'hour')}"
    )
    return f'<p><b>{_between(cost)} an hour, {end}.</b></p><p class="soft small">{esc(price.source)}</p>'


def _between(cost: tuple[float, float], hours: float = 1) -> str:
    least, most = (money(one * hours) for one in cost)
    return least if least == most else f"{least} to {most}"


def quota_note(spec: DeploySpec, quotas: Quotas) -> str:
    """A warning where the account may not run as many machines; nothing where it may, or that is not known."""
    if spec.on not in ("sagemaker", "tei"):
        return ""
    wanted, allowed = spec.scaling.most if spec.scaling else spec.count, quotas.of(spec.instance_type, "hosting")
    if allowed is None or wanted <= allowed:
        return ""
    may = f"at most {allowed}" if allowed else "none"
    return notice(
        f"Your account may run {may} of {spec.instance_type}.", "",
        "Choose another type, or ask Amazon for a higher quota (it can take a day).", tone="warn",
    )


def keep_label(spec: DeploySpec, price: Price | None) -> str:
    """What a person agrees to who lets an endpoint run without an end."""
    cost = an_hour(spec, price)
    how_much = f"about {_between(cost, MONTH)} a month" if cost and cost[1] else "whatever AWS asks for it"
    return f"Yes, keep it until I delete it: {how_much}"
