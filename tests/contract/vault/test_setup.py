"""How a vault comes to be, who may open it, and what is said when it cannot be opened."""

import json
from pathlib import Path

import pytest

from lifeboat.connections import Connection, unset_connection
from lifeboat.deployment_file import load_deployment
from lifeboat.errors import LifeboatError, VaultMissingError, VaultPasswordError
from lifeboat.runtime import Runtime, backend_secrets
from lifeboat.vault import Vault
from tests.contract.vault.conftest import VaultMaker
from tests.support.deployment_file import writer
from tests.support.kept_vaults import Kept
from tests.support.quick_vault import PASSWORD
from tests.support.s3 import REGION, S3Server
from tests.support.toolbox import Toolbox

#: Looks at the file with the new password while restic reads it.
WATCHED_RESTIC = """
case " $* " in
*" --new-password-file "*) stat -c '%a %n' "${@: -1}" >>{seen} ;;
esac
exec {real} "$@"
"""


def test_vault_is_made_once(place: Path) -> None:
    repository = place / "vault"
    vault = Vault(str(repository), "a password")
    vault.initialise()
    made = (repository / "config").read_bytes()
    vault.initialise()
    assert (repository / "config").read_bytes() == made
    with pytest.raises(VaultPasswordError):
        Vault(str(repository), "another password").initialise()
    assert (repository / "config").read_bytes() == made
    assert len(list((repository / "keys").iterdir())) == 1


def test_vault_is_made_on_s3_with_its_bucket(s3: S3Server) -> None:
    vault = Vault(s3.repository("new-bucket"), "a password", s3.credentials)
    vault.initialise()
    stored = vault.backup_bytes(b"content", "/a", {})
    assert vault.read(stored.snapshot, "/a") == b"content"
    assert (s3.bucket("new-bucket") / "config").is_file()


@pytest.mark.parametrize("kind", ["local", "s3"])
def test_wrong_password(vault_of: VaultMaker, kind: str) -> None:
    kept = vault_of(kind)
    wrong = Vault(kept.vault.repository, "not the one", kept.vault._backend_secrets)
    for work in (
        wrong.check_access,
        wrong.initialise,
        lambda: wrong.snapshots({}),
        lambda: wrong.backup_bytes(b"content", "/a", {}),
        lambda: wrong.restore_directory("latest", "/nowhere"),
    ):
        with pytest.raises(VaultPasswordError) as caught:
            work()
        assert f"The password of vault '{kept.vault.repository}' is wrong." in caught.value.message
        assert "wrong password or no key found" in caught.value.message
        assert "password of the vault's connection" in caught.value.next_step


def test_password_that_is_a_word_of_the_message(local: Kept) -> None:
    """Secrets are masked in restic's messages, which are told apart by their words."""
    with pytest.raises(VaultPasswordError):
        Vault(str(local.directory), "password").check_access()


def test_no_vault_on_disk(place: Path) -> None:
    (place / "empty").mkdir()
    for name in ("not there", "empty"):
        vault = Vault(str(place / name), PASSWORD)
        for work in (vault.check_access, lambda vault=vault: vault.snapshots({})):
            with pytest.raises(VaultMissingError, match=f"There is no vault at '{place / name}'") as caught:
                work()
            assert "lifeboat vault init" in caught.value.next_step


def test_no_vault_on_s3(s3: S3Server) -> None:
    s3.bucket("empty").mkdir()
    s3.notice()
    for name in ("no-such-bucket", "empty"):
        with pytest.raises(VaultMissingError, match="There is no vault at"):
            Vault(s3.repository(name), PASSWORD, s3.credentials).check_access()


def test_no_vault_behind_the_tunnel(place: Path, vault_of: VaultMaker) -> None:
    host = vault_of("ssh").vault._host
    with Vault(str(place / "not there"), PASSWORD).on(host) as vault, pytest.raises(VaultMissingError) as caught:
        vault.check_access()
    assert f"'{place / 'not there'}'" in caught.value.message


def test_writer_and_housekeeper_open_the_same_vault(
    place: Path, local: Kept, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = place / "seen"
    toolbox = Toolbox(place / "toolbox")
    toolbox.put("restic", WATCHED_RESTIC.replace("{seen}", str(seen)))
    monkeypatch.setenv("PATH", toolbox.path)
    with _runtime(place, str(local.directory), s3, the_housekeeper=PASSWORD) as runtime:
        runtime.initialise_vault("main")
        (watched,) = seen.read_text().splitlines()
        runtime.initialise_vault("main")
        stored = runtime.vault("main").backup_bytes(b"content", "/a", {})
        assert runtime.vault("main", housekeeper=True).read(stored.snapshot, "/a") == b"content"
    mode, _, file = watched.partition(" ")
    assert mode == "600"
    assert not Path(file).exists()
    assert seen.read_text().splitlines() == [watched]  # admitted once
    assert len(local.files("keys")) == 2


def test_writer_alone(place: Path, local: Kept, s3: S3Server) -> None:
    with _runtime(place, str(local.directory), s3, housekeeper=False, the_vault=PASSWORD) as runtime:
        runtime.initialise_vault("main")
        assert runtime.vault("main", housekeeper=True).snapshots({}) == []
    assert len(local.files("keys")) == 1


def test_housekeeper_of_another_password_admits_nobody(place: Path, local: Kept, s3: S3Server) -> None:
    with _runtime(place, str(local.directory), s3, the_vault=PASSWORD) as runtime, pytest.raises(VaultPasswordError):
        runtime.initialise_vault("main")
    assert len(local.files("keys")) == 1


def _runtime(place: Path, repository: str, s3: S3Server, *, housekeeper: bool = True, **passwords: str) -> Runtime:
    """Return the runtime of a deployment with that vault and two connections to it."""
    passwords = {"the_vault": "the writer's", "the_housekeeper": "the housekeeper's", **passwords}
    known = {name: s3.connection(name, password) for name, password in passwords.items()}
    more = "\n      housekeeper: the_housekeeper" if housekeeper else ""
    file = writer(place)(
        ("repository: /vault", f"repository: {json.dumps(repository)}"),
        ("writer: the_vault", "writer: the_vault" + more),
    )

    def resolve(connection_id: str) -> Connection:
        if connection_id not in known:
            raise unset_connection(connection_id)
        return known[connection_id]

    return Runtime(load_deployment(file), resolve)


def test_backend_secrets() -> None:
    connection = Connection(
        "v", login="key", extra={"secret_access_key": "sk", "region": REGION, "rest_password": "rp"}
    )
    s3 = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "sk", "AWS_DEFAULT_REGION": REGION}
    assert backend_secrets("s3:https://s3.example.com/bucket", connection) == s3
    rest = {"RESTIC_REST_USERNAME": "key", "RESTIC_REST_PASSWORD": "rp"}
    assert backend_secrets("rest:https://vault.example.com/", connection) == rest
    assert backend_secrets("/vault", connection) == {}
    assert backend_secrets("sftp:vault@example.com:/vault", connection) == {}
    # without an account restic takes the machine's own, so none may be given, not even an empty one
    assert backend_secrets("s3:https://s3.example.com/bucket", Connection("v")) == {}


def test_missing_password_of_the_connection(place: Path, s3: S3Server) -> None:
    with _runtime(place, "/vault", s3, the_vault="") as runtime, pytest.raises(LifeboatError, match="has no password"):
        runtime.vault("main")
