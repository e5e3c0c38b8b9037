"""Small parts of the services around SageMaker that moto lacks: prices, quotas, IAM's opinion beforehand."""

import json
from typing import TYPE_CHECKING, Any

from tests.sagemaker_double.quotas import instance_types

if TYPE_CHECKING:
    from tests.sagemaker_double.server import Double

#: Dollars an hour, near enough to the real ones to be read; types that are not here cost the first.
PRICES = {
    "": 1.0, "ml.m5.large": 0.115, "ml.m5.xlarge": 0.23, "ml.m5.2xlarge": 0.461, "ml.c5.xlarge": 0.204,
    "ml.c5.2xlarge": 0.408, "ml.t2.medium": 0.056, "ml.g4dn.xlarge": 0.736, "ml.g5.xlarge": 1.408, "ml.g5.2xlarge": 1.515,
    "ml.p3.2xlarge": 3.825,
}


def get_products(double: "Double", region: str, request: dict[str, Any]) -> dict[str, Any]:
    """The price list of machine learning instances, filtered as asked, a hundred at a time."""
    products = []
    if request["ServiceCode"] == "AmazonSageMaker":
        wishes = {wish["Field"]: wish["Value"] for wish in request.get("Filters", ())}
        wanted = [wishes["instanceName"]] if "instanceName" in wishes else instance_types()
        for kind in wanted:
            for component, word in (("Training", "Train"), ("Hosting", "Host")):
                product = _product(kind, component, word, wishes.get("regionCode", region))
                known = {**product["product"]["attributes"], "productFamily": "ML Instance"}
                if kind in instance_types() and all(known.get(field, value) == value for field, value in wishes.items()):
                    products.append(json.dumps(product))
    page, more = _page(products, request)
    return {"FormatVersion": "aws_v1", "PriceList": page, **more}


def _product(kind: str, component: str, word: str, region: str) -> dict[str, Any]:
    price = PRICES.get(kind, PRICES[""])
    attributes = {
        "servicecode": "AmazonSageMaker", "servicename": "Amazon SageMaker", "instanceName": kind, "component": component,
        "instanceType": f"{kind}-{component}", "platoinstancetype": component, "regionCode": region,
        "locationType": "AWS Region", "operation": "RunInstance", "usagetype": f"{word}:{kind}",
    }
    dimension = {"unit": "Hrs", "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": f"{price:.10f}"}}
    return {
        "product": {"productFamily": "ML Instance", "attributes": attributes, "sku": f"{component}-{kind}"},
        "serviceCode": "AmazonSageMaker", "version": "1",
        "terms": {"OnDemand": {"offer": {"priceDimensions": {"rate": dimension}, "termAttributes": {}}}},
    }


def list_service_quotas(double: "Double", region: str, request: dict[str, Any]) -> dict[str, Any]:
    """SageMaker's quotas, a hundred at a time."""
    quotas, more = _page(double.quotas.listed() if request["ServiceCode"] == "sagemaker" else [], request)
    return {"Quotas": quotas, **more}


def get_service_quota(double: "Double", region: str, request: dict[str, Any]) -> dict[str, Any]:
    """One quota, by its code."""
    return {"Quota": double.quotas.of_code(request["QuotaCode"])}


def _page(entries: list, request: dict[str, Any]) -> tuple[list, dict[str, str]]:
    start = int(request.get("NextToken") or 0)
    end = start + min(100, request.get("MaxResults") or 100)
    return entries[start:end], {"NextToken": str(end)} if end < len(entries) else {}


#: By X-Amz-Target: ``(double, region, request) -> answer``.
TARGETS = {
    "AWSPriceListService.GetProducts": get_products,
    "ServiceQuotasV20190624.ListServiceQuotas": list_service_quotas,
    "ServiceQuotasV20190624.ListAWSDefaultServiceQuotas": list_service_quotas,
    "ServiceQuotasV20190624.GetServiceQuota": get_service_quota,
}


def let_iam_simulate(double: "Double") -> None:
    """Give moto's IAM SimulatePrincipalPolicy: what no fault denies is allowed."""
    from moto.core.responses import ActionResult
    from moto.iam.responses import IamResponse

    def simulate_principal_policy(response):
        keys = sorted(key for key in response.querystring if key.startswith("ActionNames.member"))
        results = [
            {
                "EvalActionName": response.querystring[key][0], "EvalResourceName": "*",
                "EvalDecision": "implicitDeny" if double.faults.denies(response.querystring[key][0]) else "allowed",
            }
            for key in keys
        ]
        return ActionResult({"EvaluationResults": results, "IsTruncated": False})

    IamResponse.simulate_principal_policy = simulate_principal_policy
