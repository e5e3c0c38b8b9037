"""Where a run trains, declared once like the recipe: the form, its help, the ``--target`` flags and what a run's
``recipe.json`` keeps all come from this one class. What it will cost is estimated from it and a plan.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import model_validator

from core.aws.prices import Price, TrainingType
from core.errors import WorkbenchError
from core.recipe import Form, ask, fill, read_assignments

if TYPE_CHECKING:
    from core.plan import Plan
    from core.runs.run import Run


#: The GPUs of an instance, for the types that have more than one; the others with a GPU have one.
_GPUS = {"ml.g4dn.12xlarge": 4, "ml.g5.12xlarge": 4}

#: Seconds of an instance that are paid for besides the training itself: fetching the data, installing packages, loading
#: the libraries, sending the model. A guess until a real account has shown it.
OVERHEAD_SECONDS = 240
#: How many times as fast as this machine's two cores an instance is taken to train. Guesses, not measured.
_SPEED = {
    "ml.m5.large": 0.7, "ml.m5.xlarge": 1.2, "ml.m5.2xlarge": 2.2, "ml.m5.4xlarge": 3.5,
    "ml.c5.xlarge": 1.4, "ml.c5.2xlarge": 2.5, "ml.c5.4xlarge": 4.0,
    "ml.g4dn.xlarge": 12.0, "ml.g4dn.2xlarge": 12.0, "ml.g4dn.12xlarge": 12.0,
    "ml.g5.xlarge": 25.0, "ml.g5.2xlarge": 25.0, "ml.g5.12xlarge": 25.0, "ml.g6.xlarge": 22.0,
}
#: What a further process adds, of what it could.
_SHARED = 0.7
#: Seconds between the order to stop and the end of billing: two minutes to finish the step and write, then the upload.
ENDING_SECONDS = 300
#: A job that may not train for so many seconds would end before its first check.
_LEAST_SECONDS = 300


def _parts(value: Any) -> Any:
    """Texts typed as ``a, b c`` become a tuple; nothing typed means none."""
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    return () if value is None else value


class Target(Form):
    """Where a run trains. Bounds, labels and help are part of the declaration; see ``core.recipe.form_fields``."""

    on: Annotated[Literal["here", "sagemaker"], ask(
        "Where it trains",
        "Here: on this machine, and nothing leaves it. SageMaker: on a machine that AWS rents out by the second; pairs and"
        " base model are sent there, and it ends by itself.", advanced=False,
    )] = "here"
    instance_type: Annotated[TrainingType, ask(
        "Instance type", "The kind of machine. m5 and c5 have no GPU, g4dn, g5 and g6 have one or four.",
        advanced=False,
    )] = "ml.m5.xlarge"
    instance_count: Annotated[int, ask(
        "Instances", "How many machines share the work; each costs the full price. One is right unless a pass takes"
        " hours.", ge=1, le=8,
    )] = 1
    spot: Annotated[bool, ask(
        "Spot", "Use spare capacity: usually much cheaper, but AWS may take the machine away; the training then waits"
        " for another and goes on from its last checkpoint.", advanced=False,
    )] = False
    keep_warm_minutes: Annotated[int, ask(
        "Keep warm afterwards, in minutes", "Keep the machine for the next training, which then starts within seconds."
        " It costs the full price while it waits. Not with spot.", ge=0, le=60,
    )] = 0
    max_hours: Annotated[float, ask(
        "Longest time, in hours", "The training is stopped after this, and the best model so far is kept.",
        ge=0.1, le=120, advanced=False,
    )] = 2.0
    max_dollars: Annotated[float | None, ask(
        "Most it may cost, in US dollars", "The training is stopped before it has cost more; the best model so far is"
        " kept. Empty: only the time limit counts.", ge=0.05, le=10_000, advanced=False,
    )] = None
    volume_gb: Annotated[int, ask(
        "Disk, in GB", "For the data, the model and its checkpoints.", ge=5, le=1000,
    )] = 30
    subnets: Annotated[tuple[str, ...], ask(
        "VPC subnets", "Train inside your own network. It needs a way to S3, ECR, CloudWatch Logs and a"
        " Python package index, as the container installs sentence-transformers when it starts. Empty: SageMaker's own"
        " network.", accepts="ids such as subnet-0a1b2c3d with commas between",
    )] = ()
    security_groups: Annotated[tuple[str, ...], ask(
        "VPC security groups", "Goes with the subnets.",
        accepts="ids such as sg-0a1b2c3d with commas between",
    )] = ()
    kms_key: Annotated[str | None, ask(
        "KMS key", "The id or ARN of your own key, with which the disk and the model on S3 are encrypted. Empty: AWS's"
        " own keys.", max_length=2048,
    )] = None
    tags: Annotated[tuple[str, ...], ask(
        "Tags", "Your own tags for the job, such as cost-centre=42; the workbench's are added.",
        accepts="name=value with commas between",
    )] = ()

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, given: Any) -> Any:
        names = ("subnets", "security_groups", "tags")
        return {name: _parts(value) if name in names else value for name, value in given.items()}

    @model_validator(mode="after")
    def _fits_together(self) -> "Target":
        if self.spot and self.keep_warm_minutes:
            raise WorkbenchError(
                "A spot machine cannot be kept warm.", "AWS offers the one or the other.", "Choose one of the two."
            )
        if bool(self.subnets) != bool(self.security_groups):
            raise WorkbenchError(
                "Subnets and security groups belong together.", "Only one of the two is given.", "Give both, or neither."
            )
        for names, form in ((self.subnets, r"subnet-[0-9a-f]+"), (self.security_groups, r"sg-[0-9a-f]+")):
            if wrong := next((name for name in names if not re.fullmatch(form, name)), None):
                raise WorkbenchError(f"“{wrong}” is not an id of that kind.", "", "Copy it from the VPC console.")
        for tag in self.tags:
            if not re.fullmatch(r"(?!aws:)[\w.:/+@-]{1,128}=[\w.:/=+@-]{0,256}", tag):
                raise WorkbenchError(f"“{tag}” is not a tag.", "A tag is written name=value.", "Example: cost-centre=42")
        return self

    @property
    def processes(self) -> int:
        """How many processes train together: one a GPU, else one an instance."""
        return self.instance_count * self.processes_an_instance

    @property
    def processes_an_instance(self) -> int:
        """One for each GPU of an instance; one where it has none."""
        return _GPUS.get(self.instance_type, 1)

    def own_tags(self) -> dict[str, str]:
        """The person's tags by name."""
        return dict(tag.split("=", 1) for tag in self.tags)


def make_target(settings: dict[str, Any]) -> Target:
    """A target from names and values (numbers may be text).

    Raises:
        WorkbenchError: a name is unknown, a value out of its bounds, or two do not go together.
    """
    return fill(Target, settings)


def parse_target(on: str, assignments: list[str]) -> Target:
    """A target from ``--on`` and the ``name=value`` texts of ``--target``; likewise."""
    return make_target({**read_assignments(assignments, "--target instance_type=ml.g5.xlarge"), "on": on})


def target_of(run: "Run") -> Target:
    """Where ``run`` trains; here, where its settings do not say or cannot be read."""
    kept = run.settings().get("target")
    try:
        return make_target(kept) if isinstance(kept, dict) else Target()
    except WorkbenchError:  # another version's
        return Target(on=run.on)


@dataclass(frozen=True)
class Cost:
    """What a training will cost.

    Attributes:
        hours: billed time of each instance, about.
        dollars: for all instances, about; None where no price is known.
        most_hours: when it is stopped at the latest, with what ending takes.
        most_dollars: what it has cost then, at most; None where no price is known.
        words: all this in a sentence or two.
    """

    hours: float
    dollars: float | None
    most_hours: float
    most_dollars: float | None
    words: str


def max_seconds(target: Target, price: Price | None) -> int:
    """How long the job may run: the time limit, or what the money limit leaves of it.

    Raises:
        WorkbenchError: the money does not last for a training, or there is a money limit and no price is known.
    """
    seconds = int(target.max_hours * 3600)
    if target.max_dollars is None:
        return seconds
    if price is None:
        raise WorkbenchError(
            f"The price of {target.instance_type} is not known.", "So its cost cannot be limited.",
            "Limit the time instead, or choose another instance type.",
        )
    a_second = price.an_hour * target.instance_count / 3600
    affordable = int(target.max_dollars / a_second - ENDING_SECONDS - 60 * target.keep_warm_minutes)
    if affordable < _LEAST_SECONDS:
        least = (_LEAST_SECONDS + ENDING_SECONDS + 60 * target.keep_warm_minutes) * a_second
        raise WorkbenchError(
            f"${target.max_dollars:,.2f} is too little for {_machines(target)}.",
            f"Starting, a first check and ending take about ${least + 0.005:,.2f}.",
            "Allow more, or choose a cheaper instance type.",
        )
    return min(seconds, affordable)


def estimate(target: Target, plan: "Plan", price: Price | None) -> Cost:
    """What training by ``plan`` on ``target`` will cost; nothing here.

    Args:
        price: of an hour of one on-demand instance; None where it is not known.

    Raises:
        WorkbenchError: as ``max_seconds``.
    """
    if target.on == "here":
        hours = plan.seconds / 3600
        return Cost(hours, 0.0, hours, 0.0, "It costs nothing: it trains on this machine.")
    limit = max_seconds(target, price)
    speed = _SPEED[target.instance_type] * (1 + (target.processes - 1) * _SHARED)
    hours = (OVERHEAD_SECONDS + min(plan.seconds / speed, limit)) / 3600
    warm = target.keep_warm_minutes / 60
    most_hours = (limit + ENDING_SECONDS) / 3600 + warm
    if price is None:
        return Cost(hours, None, most_hours, None, (
            f"The price of {target.instance_type} is not known. It takes about {duration(hours)}, and is stopped after"
            f" {duration(most_hours)} at the latest."
        ))
    an_hour = price.an_hour * target.instance_count
    dollars, most = (hours + warm) * an_hour, most_hours * an_hour
    waiting = f", {target.keep_warm_minutes} min of waiting included" if warm else ""
    words = (
        f"About {money(dollars)}: {duration(hours + warm)} at ${an_hour:,.2f} an hour{waiting}. How fast this instance is"
        f" has not been measured. It is stopped at {money(most)} at the latest."
    )
    if target.spot:
        words += " Spot usually costs less than that."
    return Cost(hours, dollars, most_hours, most, words)


def money(dollars: float) -> str:
    """An amount as it is shown: small ones to a tenth of a cent."""
    return f"${dollars:,.2f}" if dollars >= 0.095 else f"${dollars:.3f}"


def duration(hours: float) -> str:
    """A time in hours as people say it."""
    minutes = max(1, round(hours * 60))
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.3g} hours"


def _machines(target: Target) -> str:
    return target.instance_type if target.instance_count == 1 else f"{target.instance_count} {target.instance_type}"
