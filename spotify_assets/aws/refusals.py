"""What AWS refuses, in our words. Services, and what to do about their refusals, are known to the callers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from spotify_assets.errors import Refusal

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

R = TypeVar("R", bound=Refusal)

# AWS quotes the signed request in some of these refusals, session token included, so their text is not passed on.
CREDENTIAL_ERRORS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
    }
)


@contextmanager
def explained(service: str, doing: str, *, refusal: type[Refusal], remedies: Mapping[str, str]) -> Iterator[None]:
    """Turn what boto3 raises into a refusal of ours.

    Args:
        service: the service's name for people.
        doing: what was asked for, after "refused": `reading the table songs`.
        refusal: its class.
        remedies: what to do, by AWS's error code.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        # Without its cause: a traceback would show the text that may hold a secret.
        raise explanation(error, service, doing, refusal=refusal, remedies=remedies) from (
            None if _is_of_credentials(error) else error
        )


def explanation(
    error: BotoCoreError | ClientError, service: str, doing: str, *, refusal: type[R], remedies: Mapping[str, str]
) -> R:
    """What `explained` raises, for errors that were caught elsewhere."""
    code = _code(error)
    if code is None:
        return refusal(
            f"{service} could not be asked ({doing}).",
            why=str(error),
            remedy="check the credentials, the region, AWS_ENDPOINT_URL and the network",
        )
    if code in CREDENTIAL_ERRORS:
        return refusal(
            f"{service} refused {doing} ({code}).",
            why="AWS does not accept the credentials, or they have expired",
            remedy="renew them (`aws sso login`, a new session, the right AWS_PROFILE) and try again",
        )
    remedy = remedies.get(code) or f"look the code up in the AWS {service} API reference, mend the cause and try again"
    if code == "AccessDeniedException":
        # The action of IAM is called like the operation, in what is asked of here.
        remedy = f"allow this role {service.lower()}:{getattr(error, 'operation_name', '')}; in all: {remedy}"
    return refusal(f"{service} refused {doing} ({code}).", why=_response(error)["Error"]["Message"], remedy=remedy)


def _is_of_credentials(error: BotoCoreError | ClientError) -> bool:
    return _code(error) in CREDENTIAL_ERRORS


def _code(error: BotoCoreError | ClientError) -> str | None:
    """AWS's code; None where AWS was not reached."""
    code: str | None = _response(error)["Error"]["Code"] if _response(error) else None
    return code


def _response(error: BotoCoreError | ClientError) -> Any:
    return getattr(error, "response", None)
