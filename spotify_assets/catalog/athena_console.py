"""Where a person can query the Glue tables: Athena's page in the AWS console."""

from __future__ import annotations


def athena_console() -> str | None:
    """The address of Athena's query editor in the region that AWS's own settings name; None where they name none."""
    import boto3

    region = boto3.session.Session().region_name
    return f"https://{region}.console.aws.amazon.com/athena/home?region={region}#/query-editor" if region else None
