"""Vaults for tests: real restic repositories whose key is quick to derive.

restic spends most of a second on the key in every command, so that passwords are hard to guess. A test has
dozens of commands and nothing to guess: `make_quick_vault` seals the same master key once more, cheaply.
"""

import base64
import hashlib
import json
import os
import secrets
import subprocess
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

PASSWORD = "the vault's password"
_COST = {"N": 2, "r": 8, "p": 1}


def make_quick_vault(directory: Path, password: str = PASSWORD) -> Path:
    """Given a directory that does not exist yet, make a restic repository there and return it."""
    environment = {**os.environ, "RESTIC_PASSWORD": password}
    subprocess.run(["restic", "-r", str(directory), "init"], env=environment, check=True, capture_output=True)
    (slow,) = (directory / "keys").iterdir()
    key = json.loads(slow.read_bytes())
    master = _open(base64.b64decode(key["data"]), _derive(password, key))
    key |= _COST
    key["data"] = base64.b64encode(_seal(master, _derive(password, key))).decode()
    text = json.dumps(key).encode()
    (directory / "keys" / hashlib.sha256(text).hexdigest()).write_bytes(text)
    slow.unlink()
    for empty in (directory / "data").iterdir():  # restic makes them when it needs them; so copying is quick
        empty.rmdir()
    return directory


def _derive(password: str, key: dict[str, object]) -> bytes:
    cost = {name.lower(): int(str(key[name])) for name in _COST}
    salt = base64.b64decode(str(key["salt"]))
    return hashlib.scrypt(password.encode(), salt=salt, dklen=64, maxmem=256 << 20, **cost)


def _open(sealed: bytes, keys: bytes) -> bytes:
    nonce, text, tag = sealed[:16], sealed[16:-16], sealed[-16:]
    assert _authenticate(text, nonce, keys) == tag, "this is not the format of restic's keys"
    return _crypt(text, nonce, keys)


def _seal(text: bytes, keys: bytes) -> bytes:
    nonce = secrets.token_bytes(16)
    sealed = _crypt(text, nonce, keys)
    return nonce + sealed + _authenticate(sealed, nonce, keys)


def _crypt(text: bytes, nonce: bytes, keys: bytes) -> bytes:
    return Cipher(algorithms.AES(keys[:32]), modes.CTR(nonce)).encryptor().update(text)


def _authenticate(text: bytes, nonce: bytes, keys: bytes) -> bytes:
    """Poly1305-AES: the one-time pad is the nonce, encrypted."""
    pad = Cipher(algorithms.AES(keys[32:48]), modes.ECB()).encryptor().update(nonce)
    return Poly1305.generate_tag(keys[48:64] + pad, text)
