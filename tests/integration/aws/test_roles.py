"""Roles are found by whom they trust, never made."""

import json

import pytest

from core.aws import policy, roles


def make(connection, name: str, *services: str, path: str = "/", effect: str = "Allow") -> None:
    document = {"Statement": [{
        "Effect": effect, "Action": "sts:AssumeRole", "Principal": {"Service": services[0] if len(services) == 1 else services},
    }]}
    connection.client("iam").create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps(document))


def test_execution_roles_are_those_that_trust_sagemaker_the_proposed_name_first(connection):
    assert roles.execution_roles(connection) == []
    make(connection, "AmazonSageMaker-ExecutionRole-2026", "sagemaker.amazonaws.com", path="/service-role/")
    make(connection, "both", "ec2.amazonaws.com", "sagemaker.amazonaws.com")
    make(connection, "never", "sagemaker.amazonaws.com", effect="Deny")
    make(connection, "machine", "ec2.amazonaws.com")
    make(connection, "AWSServiceRoleForSageMaker", "sagemaker.amazonaws.com", path="/aws-service-role/sagemaker.amazonaws.com/")
    make(connection, f"{policy.EXECUTION_ROLE}-2", "sagemaker.amazonaws.com")
    found = roles.execution_roles(connection)
    assert [role.name for role in found] == [f"{policy.EXECUTION_ROLE}-2", "AmazonSageMaker-ExecutionRole-2026", "both"]
    assert found[1].arn == "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole-2026"


def test_our_own_trust_policies_are_recognised(connection):
    iam = connection.client("iam")
    for name, service in ((policy.EXECUTION_ROLE, "sagemaker"), (policy.SCHEDULER_ROLE, "scheduler")):
        iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=policy.as_json(policy.trust_policy(service, "123456789012"))
        )
    assert [role.name for role in roles.execution_roles(connection)] == [policy.EXECUTION_ROLE]
    assert roles.scheduler_role(connection).name == policy.SCHEDULER_ROLE


def test_another_role_of_the_schedulers_is_not_taken_for_ours(connection):
    make(connection, "nightly-backup", "scheduler.amazonaws.com")
    assert roles.scheduler_role(connection) is None


@pytest.mark.parametrize("metadata, expected", [
    ({"ExecutionRoleArn": "arn:aws:iam::1:role/studio"}, ["studio"]),
    ({"DomainId": "d-1"}, ["listed"]),
])
def test_on_sagemaker_the_notebooks_own_role_is_the_one(connection, tmp_path, monkeypatch, metadata, expected):
    make(connection, "listed", "sagemaker.amazonaws.com")
    file = tmp_path / "resource-metadata.json"
    file.write_text(json.dumps(metadata))
    monkeypatch.setattr(roles, "NOTEBOOK_METADATA", file)
    assert [role.name for role in roles.execution_roles(connection)] == expected
