"""The configuration of a sample server: deployment.toml, what is generated from it, the update state."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from lifeboat.sample.content import random_bytes
from lifeboat.sample.home_files import write_file, write_text
from lifeboat.sample.keystores import KEYSTORE, STORE_PASSWORD, TRUSTSTORE
from lifeboat.sample.servers import CARBON_VERSION, PRODUCT_VERSION, SampleServer

DATABASES = ("shared_db", "apim_db")
DATABASE_OWNER = "wso2carbon"
# The homes carry patches put in by hand, which do not mix with update levels above zero.
UPDATE_LEVEL = "0"

_TEMPLATES = Path("repository/resources/conf/templates")
_METADATA = "repository/resources/conf/.metadata"
_FIRST_LINE = "#Mon Mar 02 06:00:00 UTC 2026\n"


@dataclass(frozen=True)
class DatabaseAccess:
    """Where the servers find their databases, and the password of the databases' owner."""

    host: str = "db.sample.example"
    port: int = 5432
    password: str = field(default="not-a-real-password", repr=False)

    def jdbc_url(self, database: str) -> str:
        return f"jdbc:postgresql://{self.host}:{self.port}/{database}"


def write_identity(home: Path, server: SampleServer, seed: int) -> None:
    """Write what tells a home's product, version and update level; the tokens in it are made up."""
    write_text(home, "bin/version.txt", f"{server.product_name} v{PRODUCT_VERSION}\n")
    write_text(home, "bin/wso2carbon-version.txt", f"WSO2 Carbon Framework v{CARBON_VERSION}\n")
    write_text(home, "updates/product.txt", f"{server.product}-{PRODUCT_VERSION}")
    token = random_bytes(f"{seed}:{server.name}:token", 16).hex()
    state = {
        "username": "updates@sample.example",
        "update-level": UPDATE_LEVEL,
        "channel": "full",
        "environment": "live",
        "backup-dir": "/var/backups/wso2-updates",
        "product": {"pattern": server.product, "name": server.product, "version": PRODUCT_VERSION},
        "service": {
            "url": "https://api.updates.sample.example",
            "token-url": "https://gateway.updates.sample.example/token",
            "app-key": f"fake-app-key-{token[:8]}",
            "access-token": f"fake-access-token-{token}",
            "refresh-token": f"fake-refresh-token-{token[::-1]}",
        },
        "hotfixes": None,
    }
    write_text(home, "updates/config.json", json.dumps(state, indent=2) + "\n")


def write_configuration(home: Path, server: SampleServer, database: DatabaseAccess) -> None:
    """Write a server's own configuration, and what config-mapper leaves when it has run. As in many a real home,
    the databases' password is in it, so only the home's account reads these files."""
    write_file(home, "repository/conf/deployment.toml", _deployment_toml(server, database).encode(), 0o600)
    write_text(home, "repository/conf/carbon.xml", _carbon_xml(server))
    datasources = _datasources_xml(database).encode()
    write_file(home, "repository/conf/datasources/master-datasources.xml", datasources, 0o600)
    generated = _generated_files(home)
    for path in generated:
        write_file(home, f"backup/{path}", (home / path).read_bytes(), (home / path).stat().st_mode & 0o777)
    _write_metadata(home, generated)


def _deployment_toml(server: SampleServer, database: DatabaseAccess) -> str:
    databases = "\n".join(
        f"""[database.{name}]
type = "postgre"
url = "{database.jdbc_url(name)}"
username = "{DATABASE_OWNER}"
password = "{database.password}"
driver = "org.postgresql.Driver"
validationQuery = "SELECT 1"
"""
        for name in DATABASES
    )
    return f"""[server]
hostname = "{server.host_name}"
offset = {server.port_offset}
node_ip = "$env{{SAMPLE_NODE_IP}}"
server_role = "{server.server_type.removeprefix("apim-")}"

[super_admin]
username = "admin"
password = "$secret{{admin_password}}"
create_admin_account = false

[user_store]
type = "database_unique_id"

{databases}
[keystore.tls]
file_name = "{KEYSTORE}"
type = "JKS"
password = "{STORE_PASSWORD}"
alias = "wso2carbon"
key_password = "{STORE_PASSWORD}"

[truststore]
file_name = "{TRUSTSTORE}"
type = "JKS"
password = "{STORE_PASSWORD}"
"""


def _carbon_xml(server: SampleServer) -> str:
    return f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<Server xmlns="http://wso2.org/projects/carbon/carbon.xml">
    <Name>{server.product_name}</Name>
    <Version>{PRODUCT_VERSION}</Version>
    <HostName>{server.host_name}</HostName>
    <MgtHostName>{server.host_name}</MgtHostName>
    <Ports>
        <Offset>{server.port_offset}</Offset>
    </Ports>
</Server>
"""


def _datasources_xml(database: DatabaseAccess) -> str:
    datasources = "\n".join(
        f"""        <datasource>
            <name>{"WSO2AM_DB" if name == "apim_db" else "WSO2SHARED_DB"}</name>
            <definition type="RDBMS">
                <configuration>
                    <url>{database.jdbc_url(name)}</url>
                    <username>{DATABASE_OWNER}</username>
                    <password>{database.password}</password>
                    <driverClassName>org.postgresql.Driver</driverClassName>
                </configuration>
            </definition>
        </datasource>"""
        for name in DATABASES
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<datasources-configuration>
    <datasources>
{datasources}
    </datasources>
</datasources-configuration>
"""


def _generated_files(home: Path) -> list[str]:
    """Return the paths of the files that have a template, sorted."""
    templates = home / _TEMPLATES
    rendered = (file.relative_to(templates).as_posix() for file in templates.rglob("*.j2"))
    return sorted(path for name in rendered if (home / (path := name.removesuffix(".j2"))).is_file())


def _write_metadata(home: Path, generated: list[str]) -> None:
    """Write the MD5 sums by which config-mapper notices changes to its inputs and outputs (MetaDataParser.java)."""
    resources = home / "repository/resources/conf"
    inputs = sorted(
        file.relative_to(home).as_posix()
        for file in resources.rglob("*")
        if file.is_file() and ".metadata" not in file.parts
    )
    inputs.append("repository/conf/deployment.toml")
    write_text(home, f"{_METADATA}/metadata_config.properties", _checksums(home, inputs))
    write_text(home, f"{_METADATA}/metadata_template.properties", _checksums(home, generated))
    references = f"{_FIRST_LINE}env\\:SAMPLE_NODE_IP=127.0.0.1\n"
    write_file(home, f"{_METADATA}/references.properties", references.encode(), 0o600)


def _checksums(home: Path, paths: list[str]) -> str:
    lines = (f"{path}={_md5((home / path).read_bytes())}\n" for path in paths)
    return _FIRST_LINE + "".join(lines)


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
