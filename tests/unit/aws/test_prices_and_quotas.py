"""Prices from AWS's list or the table, quotas by name, and neither keeps anybody from working."""

import json

import pytest
from botocore.exceptions import ClientError

from core.aws import prices
from core.aws.prices import price_of, serverless_price
from core.aws.quotas import Quotas, quota_name


class Answers:
    """A connection whose one client answers a paginated question with pages, or with an exception."""

    region, profile = "eu-central-1", None

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def client(self, service, region=None):
        self.asked.append((service, region))
        return self

    def get_paginator(self, operation):
        self.asked.append(operation)
        return self

    def paginate(self, **parameters):
        self.asked.append(parameters)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetProducts")


def product(component: str, dollars: str, unit: str = "Hrs") -> str:
    """One entry of AWS's price list."""
    dimensions = {"sku.term.rate": {"unit": unit, "pricePerUnit": {"USD": dollars}}}
    return json.dumps({
        "product": {"productFamily": "ML Instance", "attributes": {"instanceName": "ml.m5.xlarge", "component": component}},
        "terms": {"OnDemand": {"sku.term": {"priceDimensions": dimensions}}},
    })


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    monkeypatch.setattr(prices, "_known", {})


def test_the_list_is_asked_for_this_use_alone_and_once():
    asked = Answers([
        {"PriceList": [product("Notebook", "0.1"), product("Hosting", "0.276"), product("Training", "0.3")]},
        {"PriceList": [product("Hosting", "9", "GB-Mo")]},
        {"PriceList": [product("Hosting", "0.0000000000")]},
    ])
    price = price_of(asked, "ml.m5.xlarge", "eu-central-1", "hosting")
    assert (price.an_hour, price.estimate) == (0.276, False) and "eu-central-1" in price.source
    assert asked.asked[0] == ("pricing", "eu-central-1")
    fields = {one["Field"]: one["Value"] for one in asked.asked[2]["Filters"]}
    assert fields == {"regionCode": "eu-central-1", "instanceName": "ml.m5.xlarge"}
    assert price_of(asked, "ml.m5.xlarge", "eu-central-1", "hosting") == price


def test_the_list_is_asked_where_it_has_a_home():
    asked = Answers([{"PriceList": [product("Training", "0.5")]}])
    price_of(asked, "ml.m5.xlarge", "sa-east-1", "training")
    assert asked.asked[0] == ("pricing", "us-east-1")


@pytest.mark.parametrize("answer", [DENIED, [{"PriceList": []}]])
def test_where_the_list_says_nothing_the_table_does_and_is_called_an_estimate(answer):
    price = price_of(Answers(answer), "ml.g5.xlarge", "eu-central-1", "hosting")
    assert price.estimate and price.an_hour == prices.TABLE["ml.g5.xlarge"]
    assert "estimate" in price.source and prices.TABLE_DATE in price.source and "eu-central-1" in price.source


def test_after_a_refusal_the_list_is_asked_again():
    asked = Answers(DENIED, [{"PriceList": [product("Hosting", "0.276")]}])
    assert price_of(asked, "ml.m5.xlarge", "eu-central-1", "hosting").estimate
    assert not price_of(asked, "ml.m5.xlarge", "eu-central-1", "hosting").estimate


def test_an_unknown_type_has_no_price():
    assert price_of(None, "ml.unheard.of", "us-east-1", "hosting") is None


def test_every_type_that_is_offered_has_an_estimate():
    for kind in (*prices.TRAINING_TYPES, *prices.HOSTING_TYPES):
        assert price_of(None, kind, "us-east-1", "hosting").an_hour > 0


def test_serverless_costs_by_memory():
    assert serverless_price(2048).an_hour == pytest.approx(2 * serverless_price(1024).an_hour)
    assert serverless_price(1024).an_hour == pytest.approx(0.072) and serverless_price(1024).estimate


def test_quotas_are_found_by_name():
    pages = [
        {"Quotas": [{"QuotaName": "ml.m5.xlarge for endpoint usage", "Value": 4.0}]},
        {"Quotas": [{"QuotaName": "ml.g5.xlarge for training job usage", "Value": 0.0}, {"QuotaName": "without a value"}]},
    ]
    quotas = Quotas.read(Answers(pages))
    assert quotas.of("ml.m5.xlarge", "hosting") == 4 and quotas.of("ml.g5.xlarge", "training") == 0
    assert quotas.of("ml.g5.xlarge", "spot") is None
    assert quota_name("ml.g5.xlarge", "warm pool") == "ml.g5.xlarge for training warm pool usage"


def test_quotas_that_may_not_be_read_are_unknown():
    assert Quotas.read(Answers(DENIED)).of("ml.m5.xlarge", "hosting") is None
