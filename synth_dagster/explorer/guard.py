"""Who may ask the explorer what: the names that it answers to, signing in with a token, and what pages may do.

A page of another site in the same browser is the danger. It cannot read, because nothing is allowed across origins and
a name that it has given this address is refused; it cannot write, because that needs a word that only our pages hold.
A token is compared in constant time and never kept in the browser: a cookie names a session that ends with the server.
"""

import hmac
import ipaddress
import secrets
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import urlsplit

from synth_dagster.errors import ExitCode, SynthError

VARIABLE = "SYNTH_EXPLORE_TOKEN"
SHORTEST = 16
COOKIE = "synth_explore"
LASTS_S = 12 * 3600.0
MOST_SESSIONS = 1_000
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer a browser would not name the origin of a form either
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",  # what is erased is gone from the browser too
}


class BadServer(SynthError):
    """A server that cannot be meant so."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has signed in; `word` is what our forms hold."""

    word: str
    until: float


@dataclass(frozen=True)
class Guard:
    """What the explorer was opened with: the host it listens on, the address it is reached at, and its token."""

    host: str = "127.0.0.1"
    address: str = ""  # where browsers reach it, if that is another name
    token: str | None = field(default=None, repr=False)
    _sessions: dict[str, Session] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, env: Mapping[str, str], host: str = "127.0.0.1", address: str = "") -> "Guard":
        """What SYNTH_EXPLORE_TOKEN says. Raises BadServer for a short one, and for an open server without one."""
        token = env.get(VARIABLE) or None
        if token is not None and len(token) < SHORTEST:
            raise BadServer(f"{VARIABLE} has {len(token)} characters; give at least {SHORTEST}, {_CURE}.")
        found = cls(host, address, token)
        if token is None and not found.is_private:
            raise BadServer(
                f"{_shown(host, address)} is reached from other machines, and records stand there: that needs a token. "
                f"Set {VARIABLE}, {_CURE}, or leave the host at 127.0.0.1."
            )
        return found

    @property
    def is_private(self) -> bool:
        """Whether only this machine reaches it: then reading needs no token."""
        return is_loopback(self.host) and (not self.address or is_loopback(urlsplit(self.address).hostname or ""))

    def answers_to(self, given: str) -> bool:
        """Whether a Host header names this server. A site that has its own name point here is not answered."""
        try:
            name = (urlsplit(f"//{given}").hostname or "").lower()
        except ValueError:
            return False
        if name in ("127.0.0.1", "localhost", "::1", self.host.lower()) and name:
            return True
        if name and name == (urlsplit(self.address).hostname or "").lower():
            return True
        if is_loopback(self.host):
            return False
        return _is_number(name) or name == socket.gethostname().lower()  # a number is nobody's own name

    # ------------------------------------------------------------------------------------------------------ signing in

    def knows(self, token: str) -> bool:
        """Whether this is the token. As long for a wrong one as for the right one."""
        return self.token is not None and hmac.compare_digest(_digest(token), _digest(self.token))

    def sign_in(self) -> str:
        """A new session; what its cookie holds."""
        now = time.monotonic()
        for name in [name for name, one in list(self._sessions.items()) if one.until < now]:
            self._sessions.pop(name, None)
        while len(self._sessions) >= MOST_SESSIONS:
            self._sessions.pop(next(iter(self._sessions)), None)
        name = secrets.token_urlsafe(32)
        self._sessions[name] = Session(secrets.token_urlsafe(32), now + LASTS_S)
        return name

    def sign_out(self, name: str) -> None:
        self._sessions.pop(name, None)

    def session(self, cookie: str | None) -> Session | None:
        """Who a cookie belongs to."""
        found = self._sessions.get(cookie or "")
        return found if found is not None and found.until > time.monotonic() else None

    def is_from_our_page(self, session: Session, word: str, headers: Mapping[str, str]) -> bool:
        """Whether a form was sent by a page of ours: it holds the session's word."""
        return self.is_our_origin(headers) and hmac.compare_digest(_digest(session.word), _digest(word))

    def is_our_origin(self, headers: Mapping[str, str]) -> bool:
        """What a browser says of where a form comes from; true where it says nothing."""
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        origin = headers.get("origin")
        return origin is None or origin == self.address or urlsplit(origin).netloc == headers.get("host", "")

    def is_over_tls(self, scheme: str) -> bool:
        """Whether browsers reach it so: a server before it may end the encryption."""
        return scheme == "https" or self.address.startswith("https://")


def is_loopback(name: str) -> bool:
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


def _shown(host: str, address: str) -> str:
    return host if not is_loopback(host) else address


_CURE = "such as the output of 'openssl rand -hex 24'"
