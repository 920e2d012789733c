"""GraphQL requests over one kept HTTP connection to the first server that takes them. Every failure becomes a `RequestError`, whose code tells whether to retry."""

import http.client
import json
import os
import re
from typing import Any, Callable, Dict, Optional, Sequence, Tuple, Union
from urllib.parse import urlsplit

from ._errors import RequestError, SettingsError
from ._limits import to_json
from ._text import text_of

DEFAULT_URL = "http://127.0.0.1:4000"
TIMEOUT_SECONDS = 5.0

Token = Union[str, Callable[[], str]]
Urls = Union[str, Sequence[str]]
"""The address of a server, or those of several: with commas in between, or a list."""

_LOOPBACK = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?(/|$)")
_INVALID_IN_TOKEN = re.compile(r"[^\x20-\x7e]")
"""Characters that a header can't contain, or that no token has."""
_CODES_BY_STATUS = {400: "BAD_USER_INPUT", 401: "UNAUTHENTICATED", 403: "FORBIDDEN", 413: "LIMIT_EXCEEDED"}
"""For the answers of a proxy."""


class Transport:
    """
    Sends requests, one at a time. Of several servers it uses the first, until that fails, then the next one, and never goes
    back by itself.
    """

    def __init__(self, urls: Tuple[str, ...], token: Optional[Token]) -> None:
        self.urls = urls
        """The server in use first, the others in the order in which they are tried."""
        self.on_moved: Callable[[str], None] = lambda _: None
        """Called with a sentence once another server than before has answered."""
        self._answered = urls[0]
        """The server that answered last; the first one before any has."""
        self._cause: Optional[BaseException] = None
        """Why that server was left."""
        self._token = token
        self._connection: Optional[http.client.HTTPConnection] = None

    @property
    def url(self) -> str:
        """The address of the server in use."""
        return self.urls[0]

    @property
    def has_token(self) -> bool:
        """Whether the program passed a token, or a function that returns one."""
        return bool(self._token)

    def request(self, document: str, variables: Dict[str, Any]) -> Dict[str, Any]:
        """
        Executes a query or a mutation, which must be safe to repeat: each server is tried once.

        :raises RequestError: with the server's code, or UNAVAILABLE if no answer arrived. In that case, the server may
            still have executed the operation.
        """
        for url in self.urls:
            _check(url)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        token = self._current_token()
        if token:
            headers["Authorization"] = f"Bearer {token}"
        body = to_json({"query": document, "variables": variables})
        urls = self.urls
        tried = 0
        while True:
            tried += 1
            try:
                return self._request(body, headers, urls[:tried])
            except RequestError as error:
                if error.is_server_unavailable:
                    self._leave(error.__cause__ or error)
                if not error.is_server_unavailable or tried == len(urls):
                    raise

    def _request(self, body: bytes, headers: Dict[str, str], tried: Tuple[str, ...]) -> Dict[str, Any]:
        try:
            status, answer = self._post(body, headers)
        except RequestError:
            raise
        except Exception as error:
            self.close()
            raise self._no_answer(error, tried) from error
        data = self._data_of(status, answer)
        if self._answered != self.url:
            reason = text_of(self._cause) or type(self._cause).__name__
            self.on_moved(f"{self._answered} failed ({reason}). Using {self.url} now.")
            self._answered = self.url
        return data

    def _leave(self, cause: BaseException) -> None:
        if len(self.urls) > 1:
            self.close()
            if self.url == self._answered:
                self._cause = cause
            self.urls = self.urls[1:] + self.urls[:1]

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

    def _no_answer(self, error: Exception, tried: Tuple[str, ...]) -> RequestError:
        if isinstance(error, ConnectionRefusedError):
            remedy = "Start one there (npx tidemark), or give another address (url= or TIDEMARK_URL)."
        else:
            remedy = "Check the address (url= or TIDEMARK_URL) and any proxy in between."
        reason = text_of(error) or type(error).__name__
        return RequestError("UNAVAILABLE", f"No Tidemark server answers at {', '.join(tried)} ({reason}). {remedy}")


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


def server_urls(urls: Urls) -> Tuple[str, ...]:
    """The addresses of one or several servers, each once."""
    parts = (part for text in ([urls] if isinstance(urls, str) else urls) for part in text_of(text).split(","))
    return tuple(dict.fromkeys(_server_url(part) for part in parts)) or ("",)


def _server_url(url: str) -> str:
    """The address of a server without a trailing slash. This machine needs no scheme."""
    stripped = url.strip().rstrip("/")
    if _LOOPBACK.match(stripped):
        stripped = f"http://{stripped}"
    return stripped[: -len("/graphql")] if stripped.endswith("/graphql") else stripped


def _check(url: str) -> None:
    """:raises SettingsError: if it is not an address."""
    try:
        address = urlsplit(url)
        _ = address.port
        is_valid = address.scheme in ("http", "https") and bool(address.hostname)
    except ValueError:
        is_valid = False
    if not is_valid:
        expected = f"Expected one like {DEFAULT_URL}, or several with commas."
        raise SettingsError("UNAVAILABLE", f'"{url}" is not a valid address of a server. {expected}')


def _connect(url: str) -> http.client.HTTPConnection:
    address = urlsplit(url)
    host, port = str(address.hostname), address.port
    if address.scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS)
    return http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
