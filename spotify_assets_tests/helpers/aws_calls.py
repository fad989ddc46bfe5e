"""What a stretch of code asks of AWS, and whether the statements of a role allow it.

Every call of boto3 goes through one method of botocore's clients, whoever made the client. Calls that Athena and Glue
make themselves are not seen here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from unittest import mock

from botocore.client import BaseClient

from spotify_assets_tests.helpers.cloudformation import ACCOUNT, SECRET_SUFFIX
from spotify_assets_tests.stand_ins.hive import REGION

# Where the action is not called like the operation (AWS's Service Authorization Reference).
S3_ACTIONS = {
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "DeleteObjects": "DeleteObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
}


class Use(NamedTuple):
    """An action on a resource, as IAM judges it."""

    action: str
    resource: str


@contextmanager
def collected_uses(workgroup: str) -> Iterator[set[Use]]:
    """The uses of AWS within the context.

    Args:
        workgroup: of all queries: only StartQueryExecution names it.
    """
    uses: set[Use] = set()
    call = BaseClient._make_api_call

    def recording(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        uses.update(_uses(client.meta.service_model.service_name, operation, parameters, workgroup))
        return call(client, operation, parameters)

    with mock.patch.object(BaseClient, "_make_api_call", recording):
        yield uses


def allowing(statements: Sequence[dict[str, Any]], use: Use) -> set[tuple[str, str]]:
    """The pairs of a statement's name and an action by which a use is allowed."""
    return {
        (statement["Sid"], action)
        for statement in statements
        for action in as_list(statement["Action"])
        if action == use.action and any(fnmatchcase(use.resource, one) for one in as_list(statement["Resource"]))
    }


def as_list(value: Any) -> list[Any]:
    """The values of a member that a policy may write as one or as several."""
    return value if isinstance(value, list) else [value]


def _uses(service: str, operation: str, asked: dict[str, Any], workgroup: str) -> Iterator[Use]:
    if service == "s3":
        yield from _uses_of_s3(operation, asked)
        return
    for resource in _resources(service, asked, workgroup):
        yield Use(f"{service}:{operation}", resource)


def _uses_of_s3(operation: str, asked: dict[str, Any]) -> Iterator[Use]:
    bucket = f"arn:aws:s3:::{asked['Bucket']}"
    if operation == "CopyObject":
        source = asked["CopySource"]
        yield Use("s3:GetObject", f"arn:aws:s3:::{source['Bucket']}/{source['Key']}")
        yield Use("s3:PutObject", f"{bucket}/{asked['Key']}")
        return
    keys = [asked["Key"]] if "Key" in asked else [one["Key"] for one in asked.get("Delete", {}).get("Objects", [])]
    for resource in [f"{bucket}/{key}" for key in keys] or [bucket]:
        yield Use(f"s3:{S3_ACTIONS.get(operation, operation)}", resource)


def _resources(service: str, asked: dict[str, Any], workgroup: str) -> list[str]:
    account = f"arn:aws:{service}:{REGION}:{ACCOUNT}"
    if service == "athena":
        return [f"{account}:workgroup/{asked.get('WorkGroup', workgroup)}"]
    if service == "secretsmanager":
        return [f"{account}:secret:{asked['SecretId']}-{SECRET_SUFFIX}"]
    if service == "glue" and "DatabaseName" in asked:
        # Glue wants the right on everything above the table, too.
        table = asked.get("Name") or asked.get("TableName") or asked.get("TableInput", {}).get("Name") or "*"
        database = asked["DatabaseName"]
        return [f"{account}:catalog", f"{account}:database/{database}", f"{account}:table/{database}/{table}"]
    if service == "glue":
        return [f"{account}:crawler/{asked.get('Name') or asked['CrawlerName']}"]
    raise LookupError(f"{service} {asked}: name the resource of this call here")
