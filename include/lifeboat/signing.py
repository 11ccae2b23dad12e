"""Signatures: Ed25519 over a DSSE envelope, so that a stolen vault password cannot forge a restore point.

DSSE (Dead Simple Signing Envelope) signs the exact bytes of the payload with their type; nothing is
re-serialised to verify. `jq -r .payload | base64 -d` shows the document without Lifeboat.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lifeboat.connections import Connection
from lifeboat.errors import ConfigurationError, SignatureError

_KEY_BYTES = 32


class Verifier:
    """Verifies documents against trusted keys."""

    def __init__(self, trusted: Iterable[Ed25519PublicKey]) -> None:
        self._trusted = {key_id(key): key for key in trusted}

    @classmethod
    def from_public_keys(cls, keys: Iterable[str]) -> "Verifier":
        """Given public keys, base64, as `lifeboat key public` prints them, return what verifies with them."""
        return Verifier(public_keys(keys, "A trusted key"))

    def open(self, payload_type: str, envelope: bytes, *, what: str) -> bytes:
        """Given an envelope and the type that it must have, return the payload.

        Raise SignatureError, naming `what`, when it is no envelope, of another type, or not signed by a trusted key.
        """
        payload, signatures = _read(payload_type, envelope, what)
        message = _pre_authentication(payload_type, payload)
        for identity, signature in signatures:
            key = self._trusted.get(identity)
            if key is not None and _valid(key, signature, message):
                return payload
        raise _refused(what, "is not signed by a trusted key, or was changed after it was signed")


class WithoutKey(Verifier):
    """Reads documents without a key that could verify them, and remembers whose signatures they claim to carry."""

    def __init__(self) -> None:
        super().__init__(())
        self.claimed: set[str] = set()

    def open(self, payload_type: str, envelope: bytes, *, what: str) -> bytes:
        payload, signatures = _read(payload_type, envelope, what)
        self.claimed.update(identity for identity, _ in signatures)
        return payload


class Signer(Verifier):
    """Signs documents and verifies them against its own key and other trusted ones."""

    def __init__(self, private_key: Ed25519PrivateKey, trusted: Iterable[Ed25519PublicKey] = ()) -> None:
        super().__init__((private_key.public_key(), *trusted))
        self._private = private_key

    @classmethod
    def from_connection(cls, connection: Connection, trusted_keys: Iterable[str] = ()) -> "Signer":
        """Given the signing connection and base64 public keys, return a signer. Raise ConfigurationError for
        a password that is not a key as `lifeboat key new` prints it."""
        seed = _decode(connection.require("password"), f"The password of connection '{connection.id}'")
        return cls(Ed25519PrivateKey.from_private_bytes(seed), public_keys(trusted_keys, "A key of trusted_keys"))

    @property
    def fingerprint(self) -> str:
        """The short name of the key, which envelopes carry."""
        return key_id(self._private.public_key())

    @property
    def public_key(self) -> str:
        """The public key, base64, as `trusted_keys` takes it."""
        return base64.b64encode(_raw(self._private.public_key())).decode()

    def seal(self, payload_type: str, payload: bytes) -> bytes:
        """Given a document's type and bytes, return the signed envelope as JSON."""
        signature = self._private.sign(_pre_authentication(payload_type, payload))
        envelope = {
            "payloadType": payload_type,
            "payload": base64.b64encode(payload).decode(),
            "signatures": [{"keyid": key_id(self._private.public_key()), "sig": base64.b64encode(signature).decode()}],
        }
        return json.dumps(envelope).encode()


def public_keys(keys: Iterable[str], what: str) -> list[Ed25519PublicKey]:
    """Given public keys in base64, return them. Raise ConfigurationError, naming `what`, for what is none."""
    return [Ed25519PublicKey.from_public_bytes(_decode(key, what)) for key in keys]


def new_private_key() -> str:
    """Return a new private key, base64, for the password of the signing connection."""
    return base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()


def key_id(key: Ed25519PublicKey) -> str:
    """Given a public key, return the short name that envelopes carry."""
    return hashlib.sha256(_raw(key)).hexdigest()[:16]


def _read(payload_type: str, envelope: bytes, what: str) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Given an envelope, return its payload and its signatures, each with the short name of its key."""
    try:
        document = json.loads(envelope)
        payload = base64.b64decode(document["payload"], validate=True)
        found_type = document["payloadType"]
        signatures = [(str(item["keyid"]), base64.b64decode(item["sig"])) for item in document["signatures"]]
    except (ValueError, KeyError, TypeError):
        raise _refused(what, "is not a signed envelope") from None
    if found_type != payload_type:
        raise _refused(what, f"is a '{found_type}', not a '{payload_type}'")
    return payload, signatures


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _decode(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        data = b""
    if len(data) != _KEY_BYTES:
        raise ConfigurationError(
            f"{what} is not an Ed25519 key (32 bytes in base64).",
            next_step="Make one with `lifeboat key new` and store it as the password of the signing connection.",
        )
    return data


def _pre_authentication(payload_type: str, payload: bytes) -> bytes:
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _valid(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _refused(what: str, why: str) -> SignatureError:
    return SignatureError(
        f"{what} {why}; it is not used.",
        next_step="Use another restore point; find out who wrote to the vault, and change its passwords. "
        "After a rotation of the signing key, list the old public key under trusted_keys.",
    )
