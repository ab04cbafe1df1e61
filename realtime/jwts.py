"""A host's own users: JSON Web Tokens (RFC 7519) that prove who somebody is there.

The algorithm is fixed by the key, never taken from the token: a shared secret verifies HS256, an RSA key RS256,
a P-256 key ES256. Signature, `iss`, `aud`, `exp` and `nbf` are checked, with a minute's leeway for clocks.
"""

from dataclasses import dataclass
from typing import Any, Final

from realtime.core.errors import Refusal
from realtime.core.json_text import clean_text
from realtime.jwks import KeysAway, KeySet, from_file, from_url
from realtime.settings import Settings, UnfitSettings

MOST_BYTES: Final = 4_096
_LEEWAY_SECONDS: Final = 60
_LEAST_SECRET_BYTES: Final = 32
_MOST_SUBJECT: Final = 255
_LAST_SECOND: Final = 253_402_300_799  # the end of the year 9999


@dataclass(frozen=True, slots=True)
class User:
    """Somebody whom the host knows; the same issuer and subject is the same person."""

    issuer: str
    subject: str
    name: str | None
    presents: bool


class Tokens:
    """Reads the tokens of one host; without any key it takes none."""

    def __init__(self, *, issuer: str = "", audience: str = "", secret: bytes | None = None, keys: KeySet | None = None,
                 presenters: str = "") -> None:  # fmt: skip
        self._issuer = issuer
        self._audience = audience
        self._secret = secret
        self._keys = keys
        self._claim, _, self._value = presenters.partition("=")

    @property
    def issuer(self) -> str:
        """Whose tokens are taken; empty for nobody's."""
        return self._issuer if self.taken else ""

    @property
    def taken(self) -> bool:
        """Whether tokens of a host are taken at all."""
        return self._secret is not None or self._keys is not None

    def is_token(self, text: str) -> bool:
        """Whether a ticket is a token of a host: its header is a JSON object, which no ticket of ours begins with."""
        return self.taken and text.startswith("eyJ")

    async def read(self, text: str, now_s: float) -> User:
        """The user whom a token names; Refusal `unauthenticated`, `ticket_expired`, or `unavailable` without the host's keys."""
        import jwt  # noqa: PLC0415 - only a server that takes tokens of a host needs it

        if len(text) > MOST_BYTES:
            raise Refusal("unauthenticated")
        try:
            header = jwt.get_unverified_header(text)
            algorithm, key = await self._key_of(header)
            claims: dict[str, Any] = jwt.decode(
                text, key, algorithms=[algorithm], audience=self._audience, issuer=self._issuer,
                options={"require": ["exp", "iss", "aud", "sub"], "verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )  # fmt: skip
        except (jwt.exceptions.PyJWTError, RecursionError) as error:  # a header may nest deeper than any parser goes
            raise Refusal("unauthenticated") from error
        except KeysAway as error:
            raise Refusal("unavailable", "The keys of your host cannot be read at the moment.", after_ms=5_000) from error
        return self._user_of(claims, now_s)

    async def _key_of(self, header: dict[str, Any]) -> tuple[str, Any]:
        """The algorithm and the key to verify with; what the header says of the algorithm must agree."""
        kid = header.get("kid")
        # `crit` names extensions that must be understood, and `b64` is one: we know none.
        if "crit" in header or "b64" in header or not (kid is None or isinstance(kid, str)):
            raise Refusal("unauthenticated")
        found = ("HS256", self._secret) if self._keys is None else await self._keys.find(kid)
        if found is None or header.get("alg") != found[0]:
            raise Refusal("unauthenticated")
        return found

    def _user_of(self, claims: dict[str, Any], now_s: float) -> User:
        # Times are checked here and not by the library, so that this clock is the one that tests can move.
        ends, begins, subject = claims["exp"], claims.get("nbf", 0), claims["sub"]
        # So that neither `true` nor NaN is a time, which would never be over.
        if not all(type(moment) in (int, float) and 0 <= moment <= _LAST_SECOND for moment in (ends, begins)):
            raise Refusal("unauthenticated")
        if not isinstance(subject, str) or not 1 <= len(subject) <= _MOST_SUBJECT or begins > now_s + _LEEWAY_SECONDS:
            raise Refusal("unauthenticated")
        if ends <= now_s - _LEEWAY_SECONDS:
            raise Refusal("ticket_expired", "The token of your host has expired. Sign in there again.")
        name = claims.get("name")
        return User(self._issuer, subject, clean_text(name)[:40] if isinstance(name, str) else None, self._presents(claims))

    def _presents(self, claims: dict[str, Any]) -> bool:
        if not self._claim:
            return True
        held = claims.get(self._claim)
        return self._value in (held if isinstance(held, list) else [held])

    def close(self) -> None:
        if self._keys is not None:
            self._keys.close()


def tokens_of(settings: Settings) -> Tokens:
    """What the settings say about a host's tokens; raises UnfitSettings where it is half said."""
    sources = [settings.jwt_secret, settings.jwt_jwks_file, settings.jwt_jwks_url]
    if not any(sources):
        if settings.jwt_required != "nobody":
            raise UnfitSettings("PLENUM_JWT_REQUIRED needs one of PLENUM_JWT_SECRET, PLENUM_JWT_JWKS_FILE and PLENUM_JWT_JWKS_URL.")
        return Tokens()
    if sum(map(bool, sources)) > 1:
        raise UnfitSettings("Only one of PLENUM_JWT_SECRET, PLENUM_JWT_JWKS_FILE and PLENUM_JWT_JWKS_URL can be given.")
    if not settings.jwt_issuer or not settings.jwt_audience:
        raise UnfitSettings("PLENUM_JWT_ISSUER and PLENUM_JWT_AUDIENCE are needed with a host's tokens.")
    if settings.jwt_secret and len(settings.jwt_secret.encode()) < _LEAST_SECRET_BYTES:
        raise UnfitSettings(f"PLENUM_JWT_SECRET needs at least {_LEAST_SECRET_BYTES} bytes.")
    if settings.jwt_jwks_url and not settings.jwt_jwks_url.startswith(("https://", "http://")):
        raise UnfitSettings("PLENUM_JWT_JWKS_URL must begin with https:// or http://.")
    load = from_file(settings.jwt_jwks_file) if settings.jwt_jwks_file else from_url(settings.jwt_jwks_url)
    return Tokens(
        issuer=settings.jwt_issuer, audience=settings.jwt_audience, presenters=settings.jwt_presenters,
        secret=settings.jwt_secret.encode() or None, keys=None if settings.jwt_secret else KeySet(load),
    )  # fmt: skip
