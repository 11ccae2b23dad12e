"""The sample's cold standby: a copy of a control plane that is installed and down, with its own embedded H2 database.

The embedded databases of running servers are open, so no capture takes them. Those of a server that is down can be
captured, proven and exchanged.
"""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path

from lifeboat.errors import CommandError, ToolError
from lifeboat.sample.home_configuration import DatabaseAccess, write_configuration, write_identity
from lifeboat.sample.marker import Marker
from lifeboat.sample.servers import SERVERS, STANDBY

DATABASE = "WSO2CARBON_DB"
#: What WSO2's packs use for their embedded databases.
LOGIN, PASSWORD = "wso2carbon", "wso2carbon"
_FOLDER = "repository/database"
_LIBRARIES = "repository/components/lib"
_DEBIANS_JAR = Path("/usr/share/java/h2.jar")
# What only a server that has run has.
_OF_A_RUN = ("wso2carbon.pid", "repository/logs", "solr", _FOLDER)


def generate_standby(homes: Path, seed: int = 45, *, port_offset: int = 0, database: DatabaseAccess) -> Path:
    """Given the directory of the sample's homes, make that of the standby there, as a copy of the first control
    plane's, and return it. One that was made of the same home is kept. Raise ToolError when there is no H2 or no
    Java, and CommandError when H2 does not make the database."""
    home, origin = homes / STANDBY.name, homes / SERVERS[0].name
    settings = {"origin": origin.stat().st_ino, "seed": seed, "port_offset": port_offset}
    marker = Marker(homes / ".lifeboat-sample-standby.json", [home], settings)
    if marker.is_current():
        return home
    jar = find_jar()
    marker.claim()
    shutil.copytree(origin, home, symlinks=True)
    for path in _OF_A_RUN:
        _remove(home / path)
    write_identity(home, STANDBY, seed)
    moved = replace(STANDBY, port_offset=STANDBY.port_offset + port_offset)
    write_configuration(home, moved, database)
    (home / _LIBRARIES).mkdir(parents=True, exist_ok=True)
    shutil.copy(jar, home / _LIBRARIES / jar.name)
    (home / _FOLDER).mkdir()
    run_sql(home / _FOLDER / DATABASE, resources.files(__package__).joinpath("data/carbon-h2.sql").read_text())
    marker.complete()
    return home


def database_file(homes: Path) -> Path:
    """Given the directory of the homes, return the standby's database as H2 names it, without suffix."""
    return homes / STANDBY.name / _FOLDER / DATABASE


def find_jar() -> Path:
    """Return H2's jar under the name that tells its version. Raise ToolError when it is not installed."""
    jar = _DEBIANS_JAR.resolve()
    if not jar.is_file():
        raise ToolError(
            f"The sample's embedded database cannot be made: {_DEBIANS_JAR} is not there.",
            next_step="Install H2 (Debian package libh2-java).",
        )
    return jar


def run_sql(
    database: Path, statements: str, login: str = LOGIN, password: str = PASSWORD, options: Sequence[str] = ()
) -> None:
    """Given a database as H2 names it, run statements on it; it is made if it is not there. `options` are those of
    H2's RunScript. The password is in the arguments of Java: it must be no secret."""
    argv = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", str(find_jar()), "org.h2.tools.RunScript"]
    argv += ["-url", f"jdbc:h2:{database}", "-user", login, "-password", password, "-script", "/dev/stdin", *options]
    done = subprocess.run(argv, input=statements, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CommandError(
            f"H2 did not make {database}: {done.stderr.strip()[:2000]}",
            exit_status=done.returncode,
            stderr=done.stderr,
            next_step="Install a Java runtime, 11 or newer (Debian: default-jre-headless).",
        )


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()
