"""What `ssh` needs to log in once: options, files that live only meanwhile, and answers to its prompts.

No secret is ever an argument: keys are files of mode 0600 in a directory of mode 0700, passwords and
passphrases are in the environment of ssh, where a small script finds them when ssh asks it (SSH_ASKPASS).
"""

import contextlib
import os
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lifeboat.ssh_settings import JumpHost, SshSettings, bracketed

#: Options that no configuration file of this machine may change.
BASE_OPTIONS = ["-F", "none", "-T"]
_ASKPASS = """#!/bin/sh
case "$1" in
    "Enter passphrase for key '$LIFEBOAT_SSH_KEY'"*) printf '%s\\n' "$LIFEBOAT_SSH_PASSPHRASE" ;;
    *) printf '%s\\n' "$LIFEBOAT_SSH_PASSWORD" ;;
esac
"""


@dataclass(frozen=True)
class Login:
    """The options of ssh, its environment, and the secrets in that."""

    options: list[str]
    variables: dict[str, str] = field(default_factory=dict, repr=False)
    secrets: list[str] = field(default_factory=list, repr=False)


@contextlib.contextmanager
def login_files(settings: SshSettings, known_hosts: Path | None, directory: Path) -> Iterator[Login]:
    """Given a private directory, write what ssh reads while it logs in, yield how to use it, and remove it.

    `known_hosts` is used when the settings hold no host key; None means the files of this account and machine.
    """
    files = directory / "login"
    files.mkdir(mode=0o700)
    try:
        prompts = bool(settings.password or settings.passphrase)
        options = [*_trust(settings, known_hosts, files), *_identity(settings, files)]
        options += _options("BatchMode=no" if prompts else "BatchMode=yes", "NumberOfPasswordPrompts=1")
        login = Login([*options, *_methods(settings), *_way(settings, options)])
        if prompts:
            _answer_prompts(login, settings, files)
        yield login
    finally:
        shutil.rmtree(files)


def address_options(settings: SshSettings) -> list[str]:
    """Given a host's settings, return the options that name its port and our account there."""
    return ["-p", str(settings.port), *(["-l", settings.login] if settings.login else [])]


def _trust(settings: SshSettings, known_hosts: Path | None, files: Path) -> list[str]:
    """Return the options by which ssh speaks to the known host and to no other."""
    if settings.known_hosts:
        known_hosts = files / "known_hosts"
        _write(known_hosts, settings.known_hosts)
    only = [] if known_hosts is None else [f'UserKnownHostsFile="{known_hosts}"', "GlobalKnownHostsFile=/dev/null"]
    return _options(
        "StrictHostKeyChecking=yes",
        "UpdateHostKeys=no",
        "CheckHostIP=no",
        f"ConnectTimeout={settings.connect_seconds}",
        "ServerAliveInterval=15",
        "ServerAliveCountMax=4",
        *only,
    )


def _identity(settings: SshSettings, files: Path) -> list[str]:
    """Return the options that name the key: the connection's only, if it has one."""
    key_file = _key_file(settings, files)
    if settings.private_key:
        _write(Path(key_file), settings.private_key.replace("\r\n", "\n") + "\n")
    return ["-i", key_file, *_options("IdentitiesOnly=yes")] if key_file else []


def _key_file(settings: SshSettings, files: Path) -> str:
    return str(files / "key") if settings.private_key else settings.key_file


def _methods(settings: SshSettings) -> list[str]:
    methods = "publickey,password,keyboard-interactive" if settings.password else "publickey"
    return _options(f"PreferredAuthentications={methods}")


def _way(settings: SshSettings, options: list[str]) -> list[str]:
    """Return the options for the way to the host: through the jump host, if it has one."""
    if settings.jump is None:
        return []
    return _options(f"ProxyCommand={_proxy_command(settings, settings.jump, options)}")


def _proxy_command(settings: SshSettings, jump: JumpHost, options: list[str]) -> str:
    """Return the command that reaches the host through the jump host, which is never told the password."""
    account = ["-l", jump.login] if jump.login else []
    target = f"{bracketed(settings.address)}:{settings.port}"
    argv = ["ssh", *BASE_OPTIONS, *options, *_options("PreferredAuthentications=publickey")]
    argv += ["-p", str(jump.port), *account, "-W", target, "--", jump.address]
    return shlex.join(argv).replace("%", "%%")


def _answer_prompts(login: Login, settings: SshSettings, files: Path) -> None:
    askpass = files / "askpass"
    _write(askpass, _ASKPASS, mode=0o700)
    login.variables.update(
        SSH_ASKPASS=str(askpass),
        SSH_ASKPASS_REQUIRE="force",
        DISPLAY=os.environ.get("DISPLAY", "none"),
        LIFEBOAT_SSH_KEY=_key_file(settings, files),
        LIFEBOAT_SSH_PASSWORD=settings.password,
        LIFEBOAT_SSH_PASSPHRASE=settings.passphrase,
    )
    login.secrets.extend(secret for secret in (settings.password, settings.passphrase) if secret)


def _options(*options: str) -> list[str]:
    return [word for option in options for word in ("-o", option)]


def _write(path: Path, text: str, mode: int = 0o600) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
