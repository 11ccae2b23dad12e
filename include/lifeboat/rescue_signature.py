"""What the signatures of a rescued restore point prove, once its own signing key came back with it."""

from dataclasses import dataclass

from lifeboat.break_glass import Opened
from lifeboat.catalog import PointState
from lifeboat.connections import Connection
from lifeboat.documents import read_all
from lifeboat.errors import SignatureError
from lifeboat.signing import Signer, WithoutKey


@dataclass(frozen=True)
class SigningKey:
    """The signing connection that came back, and the public keys of earlier ones that its deployment file trusts."""

    connection: Connection
    trusted_keys: tuple[str, ...]


def verify(opened: Opened, state: PointState, key: SigningKey | None) -> str:
    """Given the opened vault, the point and the signing key that came back with it, if any, return in words what the
    signatures prove. Raise SignatureError when the point, or the drill that proved it, is signed by neither a trusted
    key nor the one that came back."""
    trusted = not isinstance(opened.verifier, WithoutKey)
    if key is None:
        return (
            "verified by the trusted key. The signing key itself did not come back."
            if trusted
            else "NOT VERIFIED: no signing key came back, and no --trusted-key was given."
        )
    signer = Signer.from_connection(key.connection, key.trusted_keys)
    same = _signed_by(opened, state, signer)
    if trusted:
        return "verified by the trusted key. " + (
            f"The signing key that came back ({signer.fingerprint}) is the one that signed."
            if same
            else f"But the signing key that came back ({signer.fingerprint}) is not the one that signed."
        )
    if not same:
        raise SignatureError(
            f"Restore point '{state.manifest.id}', or the drill that proved it, is not signed by the signing key that "
            f"it holds (connection '{key.connection.id}', fingerprint {signer.fingerprint}).",
            next_step="Somebody else may have written it. Take another point with --point, or give the public key that "
            "you trust as --trusted-key.",
        )
    return (
        f"the point and its drill are signed by the key that came back with them (fingerprint {signer.fingerprint}). "
        "So nobody has changed them who had only the vault's password; whoever made all of it could have made the key "
        "as well. Compare the fingerprint with your note of it, or run this again with --trusted-key."
    )


def _signed_by(opened: Opened, state: PointState, signer: Signer) -> bool:
    """Return whether a key signed the point's manifest, and the drill that says it is good, if one does."""
    manifests, evidence, _ = read_all(opened.vault, signer, opened.deployment, state.manifest.id)
    signed = {each.sha256 for each in manifests}
    drills = {each.id for each in evidence}
    return state.manifest_sha256 in signed and (state.drill is None or state.drill.id in drills)
