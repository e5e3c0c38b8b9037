"""How many instances the account may run at a time, as a young account has it, and the refusal beyond."""

import functools
import hashlib
from typing import Any

from tests.sagemaker_double.account import Account
from tests.sagemaker_double.errors import ServiceError, invalid

#: What an instance is used for, as quota names say it.
TRAINING, SPOT_TRAINING, WARM_POOL, ENDPOINT = USAGES = (
    "training job usage", "spot training job usage", "training warm pool usage", "endpoint usage"
)

#: Families with an accelerator, of which a young account may run none.
ACCELERATED = ("p2", "p3", "p4", "p5", "p6", "g4", "g5", "g6", "g7", "trn", "inf")

#: Small accelerated types that are granted soon.
GRANTED = ("ml.g4dn.xlarge", "ml.g5.xlarge")


@functools.cache
def instance_types() -> tuple[str, ...]:
    """Every instance type that botocore knows for training or endpoints."""
    import botocore.session

    service = botocore.session.get_session().get_service_model("sagemaker")
    shapes = ("TrainingInstanceType", "ProductionVariantInstanceType")
    return tuple(sorted({kind for shape in shapes for kind in service.shape_for(shape).enum}))


class Quotas:
    """The account's quotas, by name (``ml.m5.xlarge for endpoint usage``)."""

    def __init__(self):
        self._changed: dict[str, float] = {}

    def value(self, name: str) -> float:
        """The quota of that name."""
        if name in self._changed:
            return self._changed[name]
        kind = name.split(" ")[0]
        if kind.removeprefix("ml.").startswith(ACCELERATED):
            return 1.0 if kind in GRANTED else 0.0
        return 4.0

    def change(self, name: str, value: float) -> None:
        """Grant or take away."""
        self._changed[name] = float(value)

    def reset(self) -> None:
        """As they were at first."""
        self._changed.clear()

    def require(self, account: Account, region: str, instance_type: str, usage: str, count: int) -> None:
        """Let ``count`` more instances run.

        Raises:
            ServiceError: ResourceLimitExceeded, beyond the quota.
        """
        name = f"{instance_type} for {usage}"
        used, limit = _in_use(account, region, instance_type, usage), self.value(name)
        if used + count > limit:
            raise ServiceError(
                "ResourceLimitExceeded",
                f"The account-level service limit '{name}' is {limit:.0f} Instances, with current utilization of {used} "
                f"Instances and a request delta of {count} Instances. Please use AWS Service Quotas to request an "
                "increase for this quota. If AWS Service Quotas is not available, contact AWS support to request an "
                "increase for this quota.",
            )

    def listed(self) -> list[dict[str, Any]]:
        """Every quota, as ListServiceQuotas has them."""
        names = [f"{kind} for {usage}" for kind in instance_types() for usage in USAGES]
        return [
            {
                "ServiceCode": "sagemaker", "ServiceName": "Amazon SageMaker", "QuotaName": name, "QuotaCode": code(name),
                "Value": self.value(name), "Unit": "None", "Adjustable": True, "GlobalQuota": False,
            }
            for name in names
        ]

    def of_code(self, wanted: str) -> dict[str, Any]:
        """The quota with that QuotaCode.

        Raises:
            ServiceError: there is none.
        """
        found = next((quota for quota in self.listed() if quota["QuotaCode"] == wanted), None)
        if found is None:
            raise ServiceError("NoSuchResourceException", "The request failed because the specified quota does not exist.")
        return found


def code(name: str) -> str:
    """A quota's code; the real ones look like it but are others."""
    return "L-" + hashlib.sha256(name.encode()).hexdigest()[:8].upper()


def usage_of(record: dict[str, Any]) -> str:
    """What a training job uses its instances for."""
    return SPOT_TRAINING if record.get("EnableManagedSpotTraining") else TRAINING


def _in_use(account: Account, region: str, instance_type: str, usage: str) -> int:
    here = account.region(region)
    if usage == ENDPOINT:
        return sum(
            variant["InitialInstanceCount"]
            for endpoint in here.endpoints.values() if endpoint["EndpointStatus"] != "Failed"
            for variant in here.endpoint_configs.get(endpoint["EndpointConfigName"], {}).get("ProductionVariants", [])
            if variant.get("InstanceType") == instance_type
        )
    if usage not in (TRAINING, SPOT_TRAINING):
        raise invalid(f"The double does not count {usage}.")
    return sum(
        job["ResourceConfig"]["InstanceCount"]
        for job in here.training_jobs.values()
        if job["TrainingJobStatus"] in ("InProgress", "Stopping")
        and job["ResourceConfig"].get("InstanceType") == instance_type and usage_of(job) == usage
    )
