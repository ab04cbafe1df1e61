"""A host's tokens: what is one, and a corpus of what is none. Keys are made here; nobody else has them."""

import asyncio
import base64
import hmac
import json
import threading
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm, get_default_algorithms

from realtime.core.errors import Refusal
from realtime.jwks import KeySet, read_keys
from realtime.jwts import Tokens, User, tokens_of
from realtime.settings import Settings, UnfitSettings

NOW = 1_800_000_000
ISSUER, AUDIENCE = "https://school.example", "plenum"
CLAIMS: dict[str, Any] = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u-17", "exp": NOW + 300, "name": "Ann"}
SECRET = b"a secret of more than thirty-two bytes, as it must be, and of more than sixty-four"
RSA, OTHER_RSA = rsa.generate_private_key(65_537, 2_048), rsa.generate_private_key(65_537, 2_048)
EC = ec.generate_private_key(ec.SECP256R1())
PUBLIC_PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def public(key: Any, kid: str | None, **more: Any) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    document: dict[str, Any] = algorithm.to_jwk(key.public_key(), as_dict=True)
    document.pop("key_ops", None)
    return document | ({} if kid is None else {"kid": kid}) | more


def key_set(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


BOTH = key_set(public(RSA, "r1"), public(EC, "e1"))


def hosts(document: bytes = BOTH) -> Tokens:
    return Tokens(issuer=ISSUER, audience=AUDIENCE, keys=KeySet(lambda: document))


def shared(presenters: str = "") -> Tokens:
    return Tokens(issuer=ISSUER, audience=AUDIENCE, secret=SECRET, presenters=presenters)


def made(key: Any = RSA, algorithm: str = "RS256", kid: str | None = "r1", headers: Any = None, **claims: Any) -> str:
    content = {name: value for name, value in (CLAIMS | claims).items() if value is not ...}
    return jwt.encode(content, key, algorithm, headers={**({} if kid is None else {"kid": kid}), **(headers or {})})


def by_hand(header: Any, claims: Any, sign: Any = None) -> str:
    """A token as no library would make it."""

    def part(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    head = ".".join(part(one if isinstance(one, bytes) else json.dumps(one).encode()) for one in (header, claims))
    return f"{head}.{part(sign(head.encode()) if sign else b'')}"


def sign_rs(text: bytes) -> bytes:
    return get_default_algorithms()["RS256"].sign(text, RSA)


async def outcome(tokens: Tokens, text: str, now_s: float = NOW) -> User | str:
    try:
        return await tokens.read(text, now_s)
    except Refusal as refusal:
        return refusal.code


async def test_each_kind_of_key_proves_the_user() -> None:
    user = User(ISSUER, "u-17", "Ann", True)
    assert await outcome(hosts(), made()) == user
    assert await outcome(hosts(), made(EC, "ES256", "e1")) == user
    assert await outcome(shared(), made(SECRET, "HS256", None)) == user
    assert await outcome(hosts(key_set(public(RSA, None))), made(kid=None)) == user
    assert await outcome(hosts(), made(aud=["other", AUDIENCE], name=...)) == User(ISSUER, "u-17", None, True)


def forged_by_confusion() -> str:
    return by_hand({"alg": "HS256", "kid": "r1"}, CLAIMS, lambda text: hmac.digest(PUBLIC_PEM, text, "sha256"))


def flipped(text: str, part: int) -> str:
    parts = text.split(".")
    middle = len(parts[part]) // 2
    parts[part] = parts[part][:middle] + ("A" if parts[part][middle] != "A" else "B") + parts[part][middle + 1 :]
    return ".".join(parts)


CORPUS: dict[str, str] = {
    "no signature": by_hand({"alg": "none", "kid": "r1"}, CLAIMS),
    "no signature, in capitals": by_hand({"alg": "NONE", "kid": "r1"}, CLAIMS),
    "no algorithm": by_hand({"kid": "r1"}, CLAIMS),
    "signature cut off": made().rpartition(".")[0] + ".",
    "public key as a shared secret": forged_by_confusion(),
    "another algorithm of the same key": made(algorithm="RS512"),
    "PSS with the same key": made(algorithm="PS256"),
    "key of another kind": made(EC, "ES256", "r1"),
    "key of somebody else": made(OTHER_RSA),
    "key named that nobody has": made(kid="r2"),
    "no key named, of two": made(kid=None),
    "key name that is no text": by_hand({"alg": "RS256", "kid": 1}, CLAIMS),
    "key name that is a path": made(kid="../../etc/passwd"),
    "own key in the header": made(OTHER_RSA, headers={"jwk": public(OTHER_RSA, "r1")}),
    "key from elsewhere": made(OTHER_RSA, headers={"jku": "http://evil.example/keys", "x5u": "http://evil.example"}),
    "extension that must be understood": made(headers={"crit": ["exp"]}),
    "payload not encoded": made(headers={"b64": False, "crit": ["b64"]}),
    "other issuer": made(iss="https://evil.example"),
    "no issuer": made(iss=...),
    "other audience": made(aud="elsewhere"),
    "no audience": made(aud=...),
    "audience that only begins alike": made(aud="plenum.evil"),
    "no subject": made(sub=...),
    "empty subject": made(sub=""),
    "subject that is a number": by_hand({"alg": "RS256", "kid": "r1"}, CLAIMS | {"sub": 17}, sign_rs),
    "subject too long": made(sub="x" * 256),
    "no end": made(exp=...),
    "end that is a truth": by_hand({"alg": "RS256", "kid": "r1"}, CLAIMS | {"exp": True}, sign_rs),
    "end that is no number": by_hand(
        {"alg": "RS256", "kid": "r1"}, json.dumps(CLAIMS).replace(str(NOW + 300), "NaN").encode(), sign_rs
    ),
    "end that never comes": by_hand(
        {"alg": "RS256", "kid": "r1"}, json.dumps(CLAIMS).replace(str(NOW + 300), "Infinity").encode(), sign_rs
    ),
    "end as text": by_hand({"alg": "RS256", "kid": "r1"}, CLAIMS | {"exp": "tomorrow"}, sign_rs),
    "not yet": made(nbf=NOW + 61),
    "header changed": flipped(made(), 0),
    "claims changed": flipped(made(), 1),
    "signature changed": flipped(made(), 2),
    "four parts": made() + ".x",
    "two parts": made().rpartition(".")[0],
    "claims that are a list": by_hand({"alg": "RS256", "kid": "r1"}, [], sign_rs),
    "header that nests deeper than parsers go": by_hand(b'{"alg":' + b"[" * 1_400, {}),
    "header that is no JSON": by_hand(b"eyJ", CLAIMS),
    "too long": made(pad="x" * 4_096),
    "not base64": "eyJ!.eyJ!.!",
    "empty parts": "eyJ..",
}


@pytest.mark.parametrize("name", CORPUS)
async def test_nothing_else_is_a_token(name: str) -> None:
    assert await outcome(hosts(), CORPUS[name]) == "unauthenticated"


async def test_tokens_of_keys_mean_nothing_to_a_shared_secret() -> None:
    for text in (made(), made(EC, "ES256", "e1"), by_hand({"alg": "none"}, CLAIMS), made(b"x" * 32, "HS256", None)):
        assert await outcome(shared(), text) == "unauthenticated"
    assert await outcome(shared(), made(SECRET, "HS512", None)) == "unauthenticated"


async def test_clocks_may_differ_by_a_minute() -> None:
    assert isinstance(await outcome(hosts(), made(exp=NOW - 59)), User)
    assert await outcome(hosts(), made(exp=NOW - 60)) == "ticket_expired"
    assert isinstance(await outcome(hosts(), made(nbf=NOW + 60)), User)


async def test_a_claim_says_who_presents() -> None:
    tokens = shared("roles=teacher")
    held = ((["pupil", "teacher"], True), ("teacher", True), (["pupil"], False), (..., False), ({"teacher": 1}, False))
    for roles, presents in held:
        user = await outcome(tokens, made(SECRET, "HS256", None, roles=roles))
        assert isinstance(user, User)
        assert user.presents is presents, roles


async def test_a_new_key_is_read_when_it_is_named_and_not_more_often_than_allowed() -> None:
    clock, reads, document = [0.0], [0], [key_set(public(RSA, "r1"))]

    def load() -> bytes:
        reads[0] += 1
        return document[0]

    keys = KeySet(load, clock=lambda: clock[0])
    tokens = Tokens(issuer=ISSUER, audience=AUDIENCE, keys=keys)
    assert isinstance(await outcome(tokens, made()), User)
    document[0] = key_set(public(OTHER_RSA, "r2"))
    rotated = made(OTHER_RSA, kid="r2")
    assert await outcome(tokens, rotated) == "unauthenticated", "read a moment ago"
    for number in range(1_000):
        assert await outcome(tokens, made(OTHER_RSA, kid=f"unknown-{number}")) == "unauthenticated"
    assert reads[0] == 1
    clock[0] += 31
    assert isinstance(await outcome(tokens, rotated), User)
    assert await outcome(tokens, made()) == "unauthenticated", "a key that the host took back counts no more"
    assert reads[0] == 2


async def test_an_address_that_hangs_holds_nobody_up_and_known_keys_stay_for_a_while() -> None:
    clock, hang, answers = [0.0], threading.Event(), [True]

    def load() -> bytes:
        if answers[0]:
            return BOTH
        hang.wait(20)
        raise OSError("the address does not answer")

    keys = KeySet(load, clock=lambda: clock[0])
    tokens = Tokens(issuer=ISSUER, audience=AUDIENCE, keys=keys)
    try:
        assert isinstance(await outcome(tokens, made()), User)
        answers[0] = False
        clock[0] += 400
        unknown = asyncio.create_task(outcome(tokens, made(kid="r9")))
        turns = 0
        while not unknown.done() and turns < 50:
            assert isinstance(await outcome(tokens, made()), User), "who has a known key goes on"
            turns += 1
            await asyncio.sleep(0.001)
        assert turns == 50, "the loop had its turns while the address hung"
        hang.set()
        assert await unknown == "unauthenticated"
        clock[0] += 3_601
        assert await outcome(tokens, made()) == "unavailable"
    finally:
        hang.set()
        keys.close()


def test_only_keys_that_are_good_for_signatures_are_taken_from_a_set() -> None:
    small = rsa.generate_private_key(65_537, 1_024)
    curve = ec.generate_private_key(ec.SECP384R1())
    secret = {"kty": "oct", "kid": "s", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}
    unfit = [
        public(small, "small"), public(curve, "p384"), secret, public(RSA, "enc", use="enc"), public(RSA, "rs512", alg="RS512"),
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"}, "text",
    ]  # fmt: skip
    assert set(read_keys(key_set(*unfit, public(RSA, "r1")))) == {"r1"}  # type: ignore[arg-type]
    for document in (b"", b"[]", b"{}", key_set(), key_set(secret), key_set(*[public(RSA, "r")] * 101), b'{"keys":{}}'):
        with pytest.raises(ValueError, match=r"JWK set|Expecting"):
            read_keys(document)


def test_what_is_half_said_stops_the_start() -> None:
    good = {"jwt_issuer": ISSUER, "jwt_audience": AUDIENCE, "jwt_secret": SECRET.decode()}
    assert tokens_of(Settings(**good)).taken
    assert not tokens_of(Settings()).taken
    for change, named in (
        ({"jwt_issuer": ""}, "JWT_ISSUER"), ({"jwt_audience": ""}, "JWT_AUDIENCE"), ({"jwt_secret": "short"}, "32 bytes"),
        ({"jwt_jwks_file": "keys.json"}, "Only one"), ({"jwt_secret": "", "jwt_jwks_url": "file:///etc/keys"}, "https://"),
        ({"jwt_secret": "", "jwt_required": "presenters"}, "JWT_REQUIRED"),
    ):  # fmt: skip
        with pytest.raises(UnfitSettings, match=named):
            tokens_of(Settings(**(good | change)))  # type: ignore[arg-type]


def test_a_ticket_of_ours_is_never_taken_for_a_token() -> None:
    assert not hosts().is_token(f"pt.{'0' * 36}.x")
    assert not hosts().is_token("a1b2c3d4.eyJ.x")
    assert not Tokens().is_token(made())
