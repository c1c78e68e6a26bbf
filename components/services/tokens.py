"""Who asks: the headers of a call, by the environment's default mechanisms or from a file.

google-auth is imported when it is needed, and never for a dry run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from ratchet.components.services.rest import ServiceError
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import read_regular, reason_of

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_LONGEST = 1 << 16  # characters of a token
Headers = Callable[[], Mapping[str, str]]


def token_file(path: str) -> Headers:
    """A bearer token from a file, which may be replaced while it is used, as those of pods are.

    Args:
        path: of this machine.
    """
    return lambda: {"Authorization": f"Bearer {_read(path)}"}


def google_default() -> Headers:
    """Application Default Credentials: of whoever signed in, of a key file, or of the service account."""
    made: list[object] = []

    def headers() -> Mapping[str, str]:
        if not made:
            made.append(_google_credentials())
        return {"Authorization": f"Bearer {_fresh(made[0])}"}

    return headers


def google_identity(audience: str) -> Headers:
    """An ID token for what stands behind Identity-Aware Proxy.

    Args:
        audience: its OAuth client id.
    """
    return lambda: {"Authorization": f"Bearer {_identity(audience)}"}


def nobody() -> Mapping[str, str]:
    """Headers of nobody in particular: a port that was forwarded, a cluster with one user."""
    return {}


def _read(path: str) -> str:
    try:
        text = read_regular(path).strip()
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: the token cannot be read ({reason_of(error)}); give a file with one token"
        ) from error
    if not text or len(text) > _LONGEST or not text.isascii() or not text.isprintable() or " " in text:
        raise InputError(f"{path}: holds no token; give a file with one token and nothing else")
    return text


def _google_credentials() -> object:
    try:
        import google.auth
        import google.auth.exceptions
    except ImportError as error:
        raise InputError(
            "google-auth is not installed, which the extra [gcs] brings; install it, or give a token with --token-file"
        ) from error
    try:
        return google.auth.default(scopes=[_SCOPE])[0]
    except google.auth.exceptions.GoogleAuthError as error:
        raise InputError(
            f"no credentials of Google Cloud are here ({_first_line(error)}); sign in with `gcloud auth "
            "application-default login`, or run as a service account"
        ) from error


def _fresh(credentials: object) -> str:
    import google.auth.exceptions
    import google.auth.transport.requests

    if not getattr(credentials, "valid", False):
        try:
            credentials.refresh(google.auth.transport.requests.Request())  # pyright: ignore[reportAttributeAccessIssue]
        except google.auth.exceptions.GoogleAuthError as error:
            raise ServiceError(
                f"the credentials of Google Cloud could not be renewed ({_first_line(error)}); sign in again with "
                "`gcloud auth application-default login`"
            ) from error
    return str(getattr(credentials, "token", ""))


def _identity(audience: str) -> str:
    try:
        import google.auth.exceptions
        import google.auth.transport.requests
        import google.oauth2.id_token
    except ImportError as error:
        raise InputError("google-auth is not installed, which the extra [gcs] brings; install it") from error
    try:
        return str(google.oauth2.id_token.fetch_id_token(google.auth.transport.requests.Request(), audience) or "")
    except google.auth.exceptions.GoogleAuthError as error:
        raise ServiceError(
            f"no ID token for {audience} could be had ({_first_line(error)}); run as a service account with "
            "roles/iap.httpsResourceAccessor, or give a token with --token-file"
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")


def pod_token() -> str | None:
    """The file with the token that Kubernetes gives a pod for Kubeflow Pipelines; None outside of one."""
    path = os.environ.get("KF_PIPELINES_SA_TOKEN_PATH", "/var/run/secrets/kubeflow/pipelines/token")
    return path if os.path.isfile(path) else None
