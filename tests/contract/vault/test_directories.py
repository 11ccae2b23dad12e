"""What every vault must do with directories: everything comes back, and nothing that was excluded."""

import getpass
import os
import pwd
import stat
from pathlib import Path

import pytest

from lifeboat.errors import CaptureError
from lifeboat.globs import translate
from tests.contract.vault.conftest import VaultMaker
from tests.support.kept_vaults import Kept

TAGS = {"member": "home/apim-1"}
NAMES = ["plain", "a b", "größer ✓", "株式会社", "line\nbreak", "tab\t", "-n", "$HOME", "[x]", "*", "?", "\\", "'", '"']
NAMES += [" ", "end ", "#", "!", "{a,b}", "%s", "~", "`id`", ".hidden", "\x01", "a" * 255]

#: An exclusion, what it takes away, and what looks alike and stays. Only * ? and ** have a meaning.
EXCLUSIONS = [
    ("logs/**", ["logs/today.log", "logs/deep/old.log"], ["logs/", "logs2/x"]),
    ("plain.txt", ["plain.txt"], ["plain.txt2", "below/plain.txt"]),
    ("*.pid", ["server.pid", ".pid", "line\nbreak.pid"], ["below/server.pid", "server.pid.bak"]),
    ("**/cache", ["cache/x", "deep/er/cache/y/z"], ["cached", "deep/cache.txt"]),
    ("**/*.tmp", ["a.tmp", "deep/er/b.tmp"], ["tmp", "deep/tmp.c"]),
    ("li?e", ["li\ne", "lime"], ["lie", "lifte"]),
    ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["a/x/c", "x/a/b"]),
    ("$HOME/x", ["$HOME/x"], ["$HOME/y", "$$HOME/x"]),
    ("[abc]", ["[abc]"], ["a", "b"]),
    ("[", ["["], ["]"]),
    ("back\\slash*", ["back\\slash", "back\\slash2"], ["backslash"]),
    ("end ", ["end "], ["end"]),
    (" start", [" start"], ["start"]),
    ("new\nline", ["new\nline"], ["new line"]),
    ("#comment", ["#comment"], ["comment"]),
    ("!not", ["!not"], ["not"]),
    ("wörter/*", ["wörter/ü", "wörter/deep/x"], ["wörter2/ü"]),
    ("a,b", ["a,b"], ["a, b"]),
]


def photograph(directory: Path) -> dict[str, tuple[object, ...]]:
    """Return all below a directory: kind and mode, owner and group, time of change, content."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(directory.rglob("*")):
        known = path.lstat()
        content: object = None
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file():
            content = path.read_bytes()
        found[str(path.relative_to(directory))] = (
            stat.filemode(known.st_mode),
            known.st_uid,
            known.st_gid,
            known.st_mtime_ns,
            content,
        )
    return found


def fill(directory: Path) -> None:
    """Put one of everything into a directory."""
    directory.mkdir()
    for number, name in enumerate(NAMES):
        (directory / name).write_bytes(b"%d" % number)
    (directory / "empty directory/in another").mkdir(parents=True)
    (directory / "deep" / "/".join("abcdefghij")).mkdir(parents=True)
    (directory / "empty").touch()
    (directory / "large").write_bytes(os.urandom(1_500_000))
    (directory / "zeros").write_bytes(bytes(2_000_000))
    for mode in (0o400, 0o600, 0o644, 0o755, 0o4755, 0o2750, 0o777):
        (directory / f"mode {mode:o}").touch()
        (directory / f"mode {mode:o}").chmod(mode)
    (directory / "closed").mkdir(0o700)
    (directory / "sticky").mkdir()
    (directory / "sticky").chmod(0o1777)
    for name, target in {"to a file": "plain", "to nowhere": "not/there", "up": "..", "odd": "a b\n✓"}.items():
        (directory / f"link {name}").symlink_to(target)
    (directory / "second name").hardlink_to(directory / "large")
    os.utime(directory / "empty", ns=(1, 981173106123456789))
    os.utime(directory / "empty directory", ns=(1, 981173106987654321))


def test_directory_comes_back(kept: Kept, place: Path) -> None:
    original, restored = place / "home", place / "restored"
    fill(original)
    heard: list[float] = []
    stored = kept.vault.backup_directory(str(original), TAGS, progress=heard.append)
    assert stored.size_bytes > 3_500_000
    assert 0 < stored.added_bytes < 2_500_000  # the zeros and the second name cost nothing
    assert heard
    assert all(0 <= fraction <= 1 for fraction in heard)
    kept.vault.restore_directory(stored.snapshot, str(restored))
    assert photograph(restored) == photograph(original)
    assert (restored / "second name").samefile(restored / "large")


def test_second_backup_is_of_what_changed(local: Kept, place: Path) -> None:
    original = place / "home"
    fill(original)
    first = local.vault.backup_directory(str(original), TAGS)
    (original / "plain").write_bytes(b"changed")
    second = local.vault.backup_directory(str(original), TAGS)
    assert second.size_bytes == first.size_bytes + len(b"changed") - 1
    assert second.added_bytes < 20_000
    local.vault.restore_directory(second.snapshot, str(place / "restored"))
    assert photograph(place / "restored") == photograph(original)


@pytest.mark.parametrize("name", ["home", "a $HOME [b] * ? \\ #!{c,d} ü\n end "], ids=["plain", "odd"])
def test_exclusions_mean_what_lifeboat_s_globs_mean(local: Kept, place: Path, name: str) -> None:
    original, restored = place / name, place / "restored"
    paths = [path for _, taken, left in EXCLUSIONS for path in (*taken, *left)]
    for path in paths:
        (original / path).parent.mkdir(parents=True, exist_ok=True)
        (original / path).mkdir(exist_ok=True) if path.endswith("/") else (original / path).touch()
    stored = local.vault.backup_directory(str(original), TAGS, exclude=[glob for glob, _, _ in EXCLUSIONS])
    local.vault.restore_directory(stored.snapshot, str(restored))
    found = photograph(restored)
    assert sorted(path for _, taken, _ in EXCLUSIONS for path in taken if path in found) == []
    assert sorted(path for _, _, left in EXCLUSIONS for path in left if path.rstrip("/") not in found) == []
    expressions = [translate(glob) for glob, _, _ in EXCLUSIONS]
    assert sorted(found) == sorted(path for path in photograph(original) if not _excluded(path, expressions))


def _excluded(path: str, expressions: list) -> bool:
    """Return whether a path or a directory that it lies in is excluded."""
    parts = path.split("/")
    above = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
    return any(expression.fullmatch(each) for expression in expressions for each in above)


def test_exclusions_over_ssh(vault_of: VaultMaker, place: Path) -> None:
    (place / "home/$logs [1]").mkdir(parents=True)
    (place / "home/$logs [1]/today").touch()
    (place / "home/kept").touch()
    vault = vault_of("ssh").vault
    stored = vault.backup_directory(str(place / "home"), TAGS, exclude=["$logs [1]/**"])
    vault.restore_directory(stored.snapshot, str(place / "restored"))
    assert set(photograph(place / "restored")) == {"$logs [1]", "kept"}


@pytest.mark.parametrize("kind", ["local", "ssh"])
def test_exclusions_hold_behind_a_symbolic_link(vault_of: VaultMaker, place: Path, kind: str) -> None:
    """restic compares them with the path that it works in, which may have other names."""
    (place / "wso2am-4.5.0/logs").mkdir(parents=True)
    (place / "wso2am-4.5.0/logs/today").touch()
    (place / "wso2am-4.5.0/kept").touch()
    (place / "wso2am").symlink_to("wso2am-4.5.0")
    vault = vault_of(kind).vault
    stored = vault.backup_directory(f"{place}/wso2am/", TAGS, exclude=["logs/**"])
    vault.restore_directory(stored.snapshot, str(place / "restored"))
    assert set(photograph(place / "restored")) == {"logs", "kept"}


def test_empty_directory_is_refused(local: Kept, place: Path) -> None:
    """restic cannot store it; and it may be the place of a disk that is not mounted."""
    (place / "not mounted").mkdir()
    with pytest.raises(CaptureError, match="There is nothing to store in vault"):
        local.vault.backup_directory(str(place / "not mounted"), TAGS)


def other_account() -> str:
    """Return an account that may not read everything: ours, if we are not root."""
    return "nobody" if os.geteuid() == 0 else getpass.getuser()


@pytest.mark.parametrize("kind", ["s3", "ssh"])
def test_unreadable_files_are_named(vault_of: VaultMaker, place: Path, kind: str) -> None:
    original = place / "home"
    (original / "secret directory").mkdir(parents=True)
    for name in ("readable", "secret file", "größer\nsecret"):
        (original / name).write_text("content")
    for name in ("secret directory", "secret file", "größer\nsecret"):
        (original / name).chmod(0)
    with pytest.raises(CaptureError) as caught:
        vault_of(kind).vault.backup_directory(str(original), TAGS, run_as=other_account())
    message = caught.value.message
    assert message.startswith("3 files could not be read:\n")
    for name in ("secret file", "größer\nsecret"):
        assert f"{original}/{name}: permission denied" in message
    assert "secret directory: cannot be read" in message  # restic 0.14 does not say why
    assert "run_as" in caught.value.next_step


def test_files_that_vanish_are_left_to_the_caller(local: Kept, place: Path) -> None:
    """A home that is in use loses files all the time; its walks tell whether that matters."""
    directories = [place / f"home/{number:04}" for number in range(600)]
    for directory in directories:
        directory.mkdir(parents=True)

    def vanish(fraction: float) -> None:
        for directory in directories[300:]:
            directory.rmdir()
        directories[300:] = []

    stored = local.vault.backup_directory(str(place / "home"), TAGS, progress=vanish)
    local.vault.restore_directory(stored.snapshot, str(place / "restored"))
    assert all((place / "restored" / directory.name).is_dir() for directory in directories)


def test_restoring_as_an_account_that_may_not_give_files_away(vault_of: VaultMaker, place: Path) -> None:
    """A drill need not run as root: owners differ then, all else is the same."""
    original, target = place / "home", place / "target"
    fill(original)
    vault = vault_of("s3").vault
    stored = vault.backup_directory(str(original), TAGS)
    account = pwd.getpwnam(other_account())
    target.mkdir()
    os.chown(target, account.pw_uid, account.pw_gid)
    vault.restore_directory(stored.snapshot, str(target / "home"), run_as=account.pw_name)
    restored, expected = photograph(target / "home"), photograph(original)
    assert restored.keys() == expected.keys()
    assert {path: entry[3:] for path, entry in restored.items()} == {p: entry[3:] for p, entry in expected.items()}
    assert {entry[1] for entry in restored.values()} == {account.pw_uid}
