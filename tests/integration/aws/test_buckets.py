"""The bucket, against moto's S3."""

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from core.aws import buckets
from core.aws.errors import AwsError
from core.aws.session import Connection, connect
from core.errors import WorkbenchError


def of_another_account(connection: Connection, bucket: str) -> None:
    """Have the bucket belong to somebody else: requests that expect it to be ours are refused, as S3 does.

    moto does not look at the expected owner, so the refusal is put in here; a request without one would go through.
    """
    connect(region="us-east-1").client("s3").create_bucket(Bucket=bucket)

    def refuse(request, **_):
        expected = request.headers.get("x-amz-expected-bucket-owner", b"").decode()
        if f"/{bucket}" in request.url and expected == connection.identity().account:
            return AWSResponse(request.url, 403, {}, Raw())
        return None

    connection.client("s3").meta.events.register("before-send.s3", refuse)


class Raw:
    def stream(self):
        return [b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"]


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_a_bucket_is_made_closed_encrypted_and_tidy(aws, region):
    connection = connect(region=region)
    name = buckets.default_bucket(connection.identity().account, region)
    assert buckets.state(connection, name) == "missing"
    buckets.create(connection, name)
    buckets.create(connection, name)  # a second click changes nothing
    assert buckets.state(connection, name) == "ours"
    s3 = connection.client("s3")
    assert all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
    assert s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    expiring = [rule["Filter"]["Prefix"] for rule in rules if "Expiration" in rule]
    assert expiring == [buckets.TRAINING], "an endpoint's archive must not go before the endpoint"


def test_a_bucket_of_ones_own_choice_keeps_its_settings(connection):
    s3 = connection.client("s3")
    s3.create_bucket(Bucket="my-own", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    buckets.create(connection, "my-own")
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket="my-own")


def test_somebody_elses_bucket_is_seen_and_never_used(connection, tmp_path):
    of_another_account(connection, "taken")
    assert buckets.state(connection, "taken") == "foreign"
    with pytest.raises(WorkbenchError, match="another account"):
        buckets.create(connection, "taken")
    (tmp_path / "file").write_text("private")
    with pytest.raises(AwsError) as raised:
        buckets.upload(connection, tmp_path / "file", "s3://taken/embedding-workbench/file")
    assert raised.value.kind == "denied"


def test_a_bucket_in_another_region_is_said_to_be_so(connection):
    connect(region="us-east-1").client("s3").create_bucket(Bucket="far-away")
    assert buckets.state(connection, "far-away") == "elsewhere"
    with pytest.raises(WorkbenchError, match="another region"):
        buckets.create(connection, "far-away")


@pytest.fixture
def bucket(connection) -> str:
    name = buckets.default_bucket(connection.identity().account, connection.region)
    buckets.create(connection, name)
    return name


def test_a_large_file_goes_up_and_down_in_parts(connection, bucket, tmp_path):
    content = bytes(range(256)) * (2 * buckets.PART // 256) + b"end"
    (tmp_path / "model.tar.gz").write_bytes(content)
    uri = f"s3://{bucket}/{buckets.MODELS}one/model.tar.gz"
    seen = []
    buckets.upload(connection, tmp_path / "model.tar.gz", uri, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(content), len(content)) and len(seen) > 2
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    etag = connection.client("s3").head_object(Bucket=bucket, Key=buckets.split_uri(uri)[1])["ETag"]
    assert etag.strip('"').endswith("-3"), "three parts"
    back = []
    files = buckets.download(connection, uri, tmp_path / "back", lambda done, total: back.append((done, total)))
    assert [file.name for file in files] == ["model.tar.gz"] and files[0].read_bytes() == content
    assert back[-1] == (len(content), len(content))


def test_a_folder_goes_up_comes_back_and_is_deleted_whole(connection, bucket, tmp_path):
    source = tmp_path / "source"
    (source / "1_Pooling").mkdir(parents=True)
    (source / "config.json").write_text("{}")
    (source / "1_Pooling" / "config.json").write_text('{"dim": 384}')
    one, two = f"s3://{bucket}/{buckets.TRAINING}job-1/", f"s3://{bucket}/{buckets.TRAINING}job-10/"
    buckets.upload(connection, source, one)
    buckets.upload(connection, source, two)
    assert len(buckets.list_prefix(connection, one)) == 2
    buckets.download(connection, one, tmp_path / "back")
    assert (tmp_path / "back" / "1_Pooling" / "config.json").read_text() == '{"dim": 384}'
    assert buckets.delete_prefix(connection, one) == 2
    assert not buckets.list_prefix(connection, one) and len(buckets.list_prefix(connection, two)) == 2
    assert buckets.delete_prefix(connection, one) == 0


def test_more_objects_than_one_request_names_are_deleted(connection, bucket, monkeypatch):
    prefix = f"{buckets.TRAINING}many/"
    for number in range(1005):
        connection.client("s3").put_object(Bucket=bucket, Key=f"{prefix}{number}", Body=b"")
    assert buckets.delete_prefix(connection, f"s3://{bucket}/{prefix}") == 1005
    assert not buckets.list_prefix(connection, f"s3://{bucket}/{prefix}")


@pytest.mark.parametrize("uri", ["s3://b/", "s3://b/embedding-workbench/", "s3://b/other/", "s3://b/embedding-workbench/x"])
def test_only_what_lies_in_the_workbenchs_folder_can_be_deleted(connection, uri):
    with pytest.raises(ValueError):
        buckets.delete_prefix(connection, uri)


def test_what_is_not_there_is_said_to_be_gone(connection, bucket, tmp_path):
    assert buckets.list_prefix(connection, "s3://no-such-bucket-here/embedding-workbench/") == []
    with pytest.raises(AwsError) as raised:
        buckets.download(connection, f"s3://{bucket}/{buckets.MODELS}none", tmp_path)
    assert raised.value.kind == "gone"


def test_a_key_cannot_lead_out_of_the_folder(connection, bucket, tmp_path):
    connection.client("s3").put_object(Bucket=bucket, Key=f"{buckets.MODELS}x/../../../../evil", Body=b"evil")
    with pytest.raises(WorkbenchError, match="leads out"):
        buckets.download(connection, f"s3://{bucket}/{buckets.MODELS}x/", tmp_path / "in")
    assert not (tmp_path / "evil").exists()
