"""What every place that serves models has to do, with real endpoints."""

import threading
import time

import numpy as np
import pytest

from core.errors import WorkbenchError
from core.models import encode, load_cached
from tests.integration.endpoints.conftest import wait_for

TEXTS = ["a", "", "what about apple bread chair", "word " * 300, "Größe 東京", "the same", "the same"]


def test_a_deployed_model_is_ready_and_listed(served):
    place, endpoint = served
    assert endpoint.state == "Ready" and endpoint.why == "" and endpoint.on == place.spec.on
    assert endpoint.model == "Tiny one" and endpoint.address
    assert endpoint.expires == pytest.approx(endpoint.created + 3600, abs=60)
    [listed] = place.host.list()
    assert (listed.name, listed.state, listed.created) == (endpoint.name, "Ready", endpoint.created)


def test_its_vectors_are_the_models_own(served):
    place, endpoint = served
    many = TEXTS * 20
    vectors = place.host.embed(endpoint.name, many)
    own = encode(load_cached(place.model), many)
    assert vectors.shape == own.shape and vectors.dtype == np.float32
    assert (vectors * own).sum(axis=1).min() > 0.99999
    assert place.host.embed(endpoint.name, []).shape[0] == 0


def test_what_it_refuses_is_said_in_its_own_words(served):
    place, endpoint = served
    with pytest.raises(WorkbenchError, match="100,001 characters"):
        place.host.embed(endpoint.name, ["a" * 100_001])


def test_another_app_sees_and_uses_it(served):
    place, endpoint = served
    other = place.again()
    assert [one.name for one in other.list()] == [endpoint.name]
    assert other.embed(endpoint.name, ["a"]).shape == (1, 32)


def test_deploying_it_again_gives_the_same_one(served):
    place, endpoint = served
    again = place.again().deploy(place.model, place.spec, lambda _: None)
    assert (again.name, again.created, again.address) == (endpoint.name, endpoint.created, endpoint.address)
    assert len(place.host.list()) == 1


def test_its_life_can_be_made_longer(served):
    place, endpoint = served
    longer = place.host.extend(endpoint.name, 5)
    assert longer.expires == pytest.approx(time.time() + 5 * 3600, abs=60)
    assert place.host.list()[0].expires == longer.expires
    for hours in (0, -1, float("nan")):
        with pytest.raises(WorkbenchError):
            place.host.extend(endpoint.name, hours)


def test_calls_are_counted(served):
    place, endpoint = served
    place.host.embed(endpoint.name, ["a"])
    wait_for(lambda: (place.host.list()[0].calls or 0) >= 1)


@pytest.mark.parametrize("name", ["nothing", "../runs", "", "a/b", "Tiny one"])
def test_a_name_that_is_not_there_is_refused(served, name):
    for ask in (
        lambda host: host.embed(name, ["a"]), lambda host: host.extend(name, 1), lambda host: host.delete(name)
    ):
        with pytest.raises(WorkbenchError, match="no endpoint"):
            ask(served[0].host)


def test_a_double_click_in_two_apps_gives_one_endpoint_and_a_delete_leaves_nothing(place):
    found, steps = [], []
    hosts = (place.host, place.again())
    clicks = [
        threading.Thread(target=lambda host=host: found.append(host.deploy(place.model, place.spec, steps.append)))
        for host in hosts
    ]
    for click in clicks:
        click.start()
    wait_for(lambda: [one.state for one in place.host.list()] == ["Starting"])
    for click in clicks:
        click.join()
    assert [one.state for one in found] == ["Ready", "Ready"] and len({(one.name, one.address) for one in found}) == 1
    assert [one for one in steps if "being deployed already" in one] and len(place.host.list()) == 1

    deleted = place.again().delete(found[0].name)
    assert deleted.deleted and deleted.left == ()
    assert place.host.list() == []
    wait_for(place.is_empty)


def test_it_is_gone_when_its_time_is_over(place):
    endpoint = place.deploy()
    assert place.host.sweep() == [] and [one.state for one in place.host.list()] == ["Ready"]
    place.host.extend(endpoint.name, 0.5 / 3600)
    wait_for(lambda: place.host.sweep() or not place.host.list())
    wait_for(place.is_empty)
