"""Secrets that are kept in AWS Secrets Manager: read whenever a run, a tick or a command needs them.

So one that was renewed counts from then on. Those of the environment and of `.env` are read in `environment`, once.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, SecretStr

from spotify_assets.errors import Refusal, SettingsError, SourceUnavailable
from spotify_assets.settings.environment import ALERT_URLS, SECRET, GithubSettings, Settings, SpotifySettings
from spotify_assets.settings.validation import validate_variables

KEPT = (
    "SPOTIFY_CLIENT_ID",
    "SPOTIFY_CLIENT_SECRET",
    "SPOTIFY_REFRESH_TOKEN",
    "SPOTIFY_REFRESH_TOKEN_SINCE",
    "GITHUB_TOKEN",
    ALERT_URLS,
)
"""The variables that the secret may hold, each optional."""
FORM = f"a JSON object of texts, whose keys are among {', '.join(KEPT)}"


def with_secrets(settings: Settings) -> Settings:
    """The settings with what the secret of `SPOTIFY_ASSETS_SECRET` holds at this moment; as they are if none is named.

    Raises:
        SettingsError: there is no such secret, it may not be read, it has another form, or it holds what is set
            elsewhere too. No value is quoted.
        SourceUnavailable: Secrets Manager cannot be reached.
    """
    if settings.secret is None:
        return settings
    given = _parsed(settings.secret, _read(settings.secret))
    spotify, github = _by_name(settings.spotify), _by_name(settings.github)
    twice = given.keys() & names_set(settings)
    if twice:
        raise SettingsError(
            f"{', '.join(sorted(twice))} is set twice: here, and in the secret {settings.secret}.",
            why="which of the two is meant cannot be known",
            remedy="unset it in the environment and in .env, or remove it from the secret",
        )
    urls = {"alert_urls": SecretStr(given[ALERT_URLS])} if ALERT_URLS in given else {}
    return settings.model_copy(
        update={
            "spotify": validate_variables(SpotifySettings, {**spotify, **given}),
            "github": validate_variables(GithubSettings, {**github, **given}),
            **urls,
        }
    )


def names_set(settings: Settings) -> set[str]:
    """Which of the `KEPT` variables these settings have."""
    of_alerts = {ALERT_URLS} if settings.alert_urls else set()
    return {*_by_name(settings.spotify), *_by_name(settings.github), *of_alerts} & set(KEPT)


def _by_name(model: BaseModel) -> dict[str, Any]:
    """What is set, as the environment had it."""
    values = model.model_dump(by_alias=True, exclude_none=True)
    return {name: value if isinstance(value, SecretStr) else str(value) for name, value in values.items()}


def _read(secret: str) -> str:
    from botocore.exceptions import BotoCoreError, ClientError
    from dagster_aws.secretsmanager import SecretsManagerResource

    from spotify_assets.aws.answers import check_answers

    try:
        client = SecretsManagerResource().get_client()
        check_answers(client)
        try:
            return str(client.get_secret_value(SecretId=secret).get("SecretString", ""))
        finally:
            client.close()
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        raise _refused(secret, error.response["Error"]["Code"], status) from None
    except (BotoCoreError, ValueError) as error:
        raise SourceUnavailable(
            f"The secret {secret} cannot be read.",
            why=str(error),
            remedy="check AWS's own variables (AWS_PROFILE, AWS_DEFAULT_REGION) and the way to AWS Secrets Manager",
        ) from None


def _refused(secret: str, code: str, status: int) -> Refusal:
    if code == "ThrottlingException" or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return SourceUnavailable(
            f"The secret {secret} was not given.", why=f"Secrets Manager answers {code}", remedy="try again later"
        )
    return SettingsError(
        f"The secret {secret} cannot be read.",
        why=f"Secrets Manager answers {code}",
        remedy=f"set {SECRET} to the name or ARN of a secret of this account and region, and allow the platform "
        "secretsmanager:GetSecretValue on it (deploy/aws/lake.yaml does both)",
    )


def _parsed(secret: str, text: str) -> dict[str, str]:
    """What a secret holds; an empty value counts as unset."""
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        held = None
    if not isinstance(held, dict) or not all(isinstance(value, str) for value in held.values()):
        raise _malformed(secret, "it is something else")
    unknown = sorted(held.keys() - set(KEPT))
    if unknown:
        raise _malformed(secret, f"{len(unknown)} of its keys are none of these")
    return {name: value.strip() for name, value in held.items() if value.strip()}


def _malformed(secret: str, why: str) -> SettingsError:
    return SettingsError(f"The secret {secret} is not {FORM}.", why=why, remedy="put such an object there")
