"""What a page must not do while a test looks at something else: complain, break its own rules, ask other hosts."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Request, WebError

# Runs before any script of the page, in every frame and after every navigation.
_REPORT: Final = """
addEventListener("securitypolicyviolation", (event) =>
  plenumReport(`CSP ${event.violatedDirective}: ${event.blockedURI} ${event.sourceFile ?? ""}`));
for (const name of ["alert", "confirm", "prompt", "print"]) window[name] = () => plenumReport(`the page called ${name}`);
"""
# Left the page, or the page itself stopped asking.
_ABORTED: Final = "net::ERR_ABORTED"
# What a browser says of a network or a server that is gone; tests that cut it expect this.
OUTAGE: Final = (
    r"net::ERR_(CONNECTION_\w+|INTERNET_DISCONNECTED|EMPTY_RESPONSE|NETWORK_CHANGED|SOCKET_NOT_CONNECTED|INCOMPLETE_CHUNKED_ENCODING"
    r"|CONTENT_LENGTH_MISMATCH)"  # the wire was cut in the middle of a file
    r"|WebSocket connection to .* failed"
)


class Watch:
    """Collects faults of all pages of one test; `expect` names those that the test is about."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self._expected: list[str] = []

    async def attach(self, context: BrowserContext) -> None:
        """Watch every page of a context, from before its first script."""
        await context.expose_binding("plenumReport", self._reported)
        await context.add_init_script(_REPORT)
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("request", self._request)
        context.on("requestfailed", self._failed)

    def expect(self, pattern: str) -> None:
        """Faults that match are what the test provokes."""
        self._expected.append(pattern)

    def check(self) -> None:
        """Fail on everything that was not expected."""
        unexpected = [fault for fault in self.faults if not any(re.search(each, fault) for each in self._expected)]
        assert not unexpected, "\n".join(["the pages did what they must not:", *unexpected])

    def _reported(self, source: dict[str, Any], text: str) -> None:
        self.faults.append(f"{text} on {source['page'].url}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.faults.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")

    def _error(self, error: WebError) -> None:
        self.faults.append(f"page error: {error.error}")

    def _request(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in ("127.0.0.1", None):
            self.faults.append(f"request to another host: {request.url}")

    def _failed(self, request: Request) -> None:
        if request.failure != _ABORTED:
            self.faults.append(f"request failed: {request.failure} {request.url}")
