"""GraphQL requests over one kept HTTP connection. Every failure becomes a `RequestError`, whose code tells whether to retry."""

import http.client
import json
import os
import re
from typing import Any, Callable, Dict, Optional, Union
from urllib.parse import urlsplit

from ._errors import RequestError, SettingsError
from ._limits import to_json
from ._text import text_of

DEFAULT_URL = "http://127.0.0.1:4000"
TIMEOUT_SECONDS = 5.0

Token = Union[str, Callable[[], str]]

_LOOPBACK = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?(/|$)")
_INVALID_IN_TOKEN = re.compile(r"[^\x20-\x7e]")
"""Characters that a header can't contain, or that no token has."""
_CODES_BY_STATUS = {400: "BAD_USER_INPUT", 401: "UNAUTHENTICATED", 403: "FORBIDDEN", 413: "LIMIT_EXCEEDED"}
"""For the answers of a proxy."""


class Transport:
    """Sends requests to one server, one at a time."""

    def __init__(self, url: str, token: Optional[Token]) -> None:
        self.url = url
        self._token = token
        self._connection: Optional[http.client.HTTPConnection] = None

    @property
    def has_token(self) -> bool:
        """Whether the program passed a token, or a function that returns one."""
        return bool(self._token)

    def request(self, document: str, variables: Dict[str, Any]) -> Dict[str, Any]:
        """
        Executes a query or a mutation, which must be safe to repeat.

        :raises RequestError: with the server's code, or UNAVAILABLE if no answer arrived. In that case, the server may
            still have executed the operation.
        """
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        token = self._current_token()
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            status, body = self._post(to_json({"query": document, "variables": variables}), headers)
        except RequestError:
            raise
        except Exception as error:
            self.close()
            raise self._no_answer(error) from error
        return self._data_of(status, body)

    def _current_token(self) -> str:
        """The token without surrounding whitespace. Its errors never contain it."""
        try:
            token = text_of((self._token() if callable(self._token) else self._token) or "").strip()
        except Exception as error:
            raise RequestError("UNAUTHENTICATED", f"The function passed as token= failed: {error!r}.") from error
        invalid = _INVALID_IN_TOKEN.search(token)
        if invalid is None:
            return token
        what = "a line break" if invalid[0] in "\r\n" else f"the character U+{ord(invalid[0]):04X}"
        is_from_environment = self._token == os.environ.get("TIDEMARK_TOKEN")
        origin = "from TIDEMARK_TOKEN" if is_from_environment else "passed as token="
        kind = SettingsError if isinstance(self._token, str) else RequestError
        raise kind("UNAUTHENTICATED", f"The token contains {what} ({origin}).")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post(self, body: bytes, headers: Dict[str, str]) -> "tuple[int, bytes]":
        is_kept = self._connection is not None
        try:
            return self._post_once(body, headers)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            if not is_kept:
                raise
            self.close()  # the server has closed it while it was idle
            return self._post_once(body, headers)

    def _post_once(self, body: bytes, headers: Dict[str, str]) -> "tuple[int, bytes]":
        if self._connection is None:
            self._connection = _connect(self.url)
        self._connection.request("POST", f"{urlsplit(self.url).path}/graphql", body, headers)
        response = self._connection.getresponse()
        return response.status, response.read()

    def _data_of(self, status: int, body: bytes) -> Dict[str, Any]:
        code = _CODES_BY_STATUS.get(status, "UNAVAILABLE")
        try:
            answer = json.loads(body)
            errors = answer.get("errors")
            data: Optional[Dict[str, Any]] = answer.get("data")
        except (ValueError, AttributeError):  # the page of a proxy
            errors = data = None
        if errors:
            raise request_error(errors[0], code)
        if not data:
            problem = f"Not a Tidemark server at {self.url} (HTTP status {status})."
            raise RequestError(code, f"{problem} Check the address and any proxy in between.")
        return data

    def _no_answer(self, error: Exception) -> RequestError:
        if isinstance(error, ConnectionRefusedError):
            remedy = "Start one there (npx tidemark), or give another address (url= or TIDEMARK_URL)."
        else:
            remedy = "Check the address (url= or TIDEMARK_URL) and any proxy in between."
        reason = text_of(error) or type(error).__name__
        return RequestError("UNAVAILABLE", f"No Tidemark server answers at {self.url} ({reason}). {remedy}")


def request_error(error: Dict[str, Any], fallback_code: str = "INTERNAL") -> RequestError:
    """Reads a GraphQL error, or the error of one input of `updateTasks`."""
    extensions = error.get("extensions") or error
    return RequestError(
        extensions.get("code") or fallback_code,
        error["message"],
        extensions.get("limit"),
        extensions.get("retryAfterMs") or 0,
        bool(extensions.get("applied")),
    )


def server_url(url: str) -> str:
    """The address of a server without a trailing slash. This machine needs no scheme."""
    stripped = url.strip().rstrip("/")
    if _LOOPBACK.match(stripped):
        stripped = f"http://{stripped}"
    return stripped[: -len("/graphql")] if stripped.endswith("/graphql") else stripped


def _connect(url: str) -> http.client.HTTPConnection:
    try:
        address = urlsplit(url)
        port = address.port
        is_valid = address.scheme in ("http", "https") and bool(address.hostname)
    except ValueError:
        is_valid = False
    if not is_valid:
        raise SettingsError("UNAVAILABLE", f'"{url}" is not a valid address of a server. Expected one like {DEFAULT_URL}.')
    if address.scheme == "https":
        return http.client.HTTPSConnection(str(address.hostname), port, timeout=TIMEOUT_SECONDS)
    return http.client.HTTPConnection(str(address.hostname), port, timeout=TIMEOUT_SECONDS)
