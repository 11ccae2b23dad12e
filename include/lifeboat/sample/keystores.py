"""The keystore and the truststore of the sample servers, made with the JDK's own keytool."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from lifeboat.errors import CommandError, ToolError

KEYSTORE = "wso2carbon.jks"
TRUSTSTORE = "client-truststore.jks"
# What every WSO2 product is shipped with; the sample protects nothing with it.
STORE_PASSWORD = "wso2carbon"
_PASSWORD_VARIABLE = "LIFEBOAT_SAMPLE_STORE_PASSWORD"
_TIME_LIMIT_SECONDS = 60


def make_keystores() -> dict[str, bytes]:
    """Return the contents of a new keystore and of a truststore that trusts its certificate, by file name.

    Raise ToolError if there is no keytool, CommandError if it fails.
    """
    with tempfile.TemporaryDirectory(prefix="lifeboat-keystores-") as name:
        directory = Path(name)
        key = ("-keyalg", "RSA", "-keysize", "2048", "-validity", "3650", "-dname", "CN=localhost, O=WSO2")
        password = ("-keypass:env", _PASSWORD_VARIABLE)
        certificate = ("-file", "wso2carbon.cer")
        _keytool(directory, "-genkeypair", KEYSTORE, *key, *password, "-storetype", "JKS")
        _keytool(directory, "-exportcert", KEYSTORE, *certificate)
        _keytool(directory, "-importcert", TRUSTSTORE, *certificate, "-noprompt", "-storetype", "JKS")
        return {file: (directory / file).read_bytes() for file in (KEYSTORE, TRUSTSTORE)}


def find_keytool() -> str:
    """Return the path of keytool. Raise ToolError if there is none."""
    keytool = shutil.which("keytool")
    if keytool is None:
        raise ToolError(
            "The keystores of the sample homes cannot be made: keytool was not found on the PATH.",
            next_step="Install a Java runtime (Debian package default-jre-headless) and generate again.",
        )
    return keytool


def _keytool(directory: Path, command: str, store: str, *options: str) -> None:
    """Run a keytool command on the entry `wso2carbon` of a store in a directory."""
    store_password = ("-storepass:env", _PASSWORD_VARIABLE)
    done = subprocess.run(
        [find_keytool(), command, "-alias", "wso2carbon", "-keystore", store, *store_password, *options],
        cwd=directory,
        env={**os.environ, _PASSWORD_VARIABLE: STORE_PASSWORD},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIME_LIMIT_SECONDS,
    )
    if done.returncode != 0:
        output = (done.stdout + done.stderr).strip()
        raise CommandError(
            f"keytool {command} failed for the keystores of the sample homes: {output}",
            exit_status=done.returncode,
            stderr=output,
            next_step="Run `keytool -help` to see whether the Java runtime works.",
        )
