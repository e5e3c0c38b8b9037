"""Schedules, against moto's Scheduler (which keeps them and runs nothing)."""

import json

from core.aws import schedules

ROLE = "arn:aws:iam::123456789012:role/embedding-workbench-scheduler"
AT = 1_900_000_000.0


def test_a_schedule_deletes_one_endpoint_once_and_then_itself(connection):
    schedules.set_schedule(connection, "ewb-faq-1", AT, ROLE)
    kept = connection.client("scheduler").get_schedule(Name="ewb-faq-1")
    assert kept["Target"]["Arn"] == "arn:aws:scheduler:::aws-sdk:sagemaker:deleteEndpoint"
    assert json.loads(kept["Target"]["Input"]) == {"EndpointName": "ewb-faq-1"}
    assert kept["Target"]["RoleArn"] == ROLE
    assert kept["ActionAfterCompletion"] == "DELETE"
    assert (kept["ScheduleExpression"], kept["ScheduleExpressionTimezone"]) == ("at(2030-03-17T17:46:40)", "UTC")
    assert schedules.scheduled_at(connection, "ewb-faq-1") == AT


def test_setting_it_again_moves_it(connection):
    schedules.set_schedule(connection, "ewb-faq-1", AT, ROLE)
    schedules.set_schedule(connection, "ewb-faq-1", AT + 3600, ROLE)
    assert schedules.scheduled_at(connection, "ewb-faq-1") == AT + 3600
    assert schedules.list_schedules(connection) == ["ewb-faq-1"]


def test_deleting_tolerates_that_it_is_gone(connection):
    schedules.set_schedule(connection, "ewb-faq-1", AT, ROLE)
    assert schedules.delete_schedule(connection, "ewb-faq-1")
    assert not schedules.delete_schedule(connection, "ewb-faq-1")
    assert schedules.scheduled_at(connection, "ewb-faq-1") is None and schedules.list_schedules(connection) == []
