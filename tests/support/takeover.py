"""A deployment that is lost with its site, and taken over by another: everything is in a fake cloud with real parts.

Its databases are in RDS, behind which is a real PostgreSQL; its server was on a machine of EC2, and comes back on one
behind which is a real sshd, laid down by a real Puppet; its vaults are buckets. The server of the home site never runs,
since both have one port.
"""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import yaml

from lifeboat.aws.account import cloud_of
from lifeboat.aws.cloud import tags_of
from lifeboat.aws.waiting import Limits, Target, wait
from lifeboat.connections import Connection
from lifeboat.signing import new_private_key
from tests.support.cloud_server import CloudServer
from tests.support.fake_cloud import HOME, OTHER
from tests.support.miniature import SQL
from tests.support.puppet_node import Node
from tests.support.puppet_place import PuppetPlace
from tests.support.quick_vault import make_quick_vault
from tests.support.wso2_server import HEALTH, SCRIPT, DoubleHome, make_home

SERVER, SITE = "apim-cp-1", "west"
TOML = "repository/conf/deployment.toml"
ANY_IMAGE = "ami-0123456789abcdef0"
PUBLIC, ZONE_NAME = "am.takeover.example", "takeover.example"
BEFORE = "192.0.2.1"
PASSWORDS = {name: f"the {name} password 5c1f" for name in ("main vault's", "west vault's", "database's")}
CONFIGURATION = """\
[server]
hostname = "cp.main.example"
offset = {offset}
[database.shared_db]
url = "jdbc:postgresql://127.0.0.1:{port}/shared_db"
"""


@dataclass
class TakeoverSites:
    """The deployment file and the connections of such a deployment, in a directory that PostgreSQL may enter."""

    directory: Path
    name: str
    contents: str = "snapshot"
    #: How long what is made in the cloud is being made.
    seconds: float = 1.0
    key: str = field(default_factory=new_private_key, repr=False)
    takeover: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("cloud", "west", "puppet"):
            (self.directory / name).mkdir(mode=0o711)
        self.cloud = CloudServer(self.directory / "cloud", seconds=self.seconds)
        try:
            self._prepare()
        except BaseException:
            self.cloud.stop()
            raise

    def _prepare(self) -> None:
        self.node = Node(PuppetPlace(self.directory / "puppet"), self.directory / "west")
        self.puppet = self.node.settings(configuration=None, keystores=None)
        self.live = make_home(self.directory / "main" / SERVER)
        self.live.offset = self.node.home.offset
        self.endpoint = self._make_database()
        text = CONFIGURATION.format(offset=self.live.offset, port=self.endpoint["Port"])
        (self.live.home / TOML).write_text(text)
        machine = self.cloud.client("ec2").run_instances(ImageId=ANY_IMAGE, MinCount=1, MaxCount=1)["Instances"][0]
        self.machine: str = machine["InstanceId"]
        self._wait("machine", self.machine)
        zone = self.cloud.client("route53").create_hosted_zone(Name=ZONE_NAME, CallerReference="1")["HostedZone"]["Id"]
        self.zone: str = zone.rpartition("/")[2]
        self.point_to(BEFORE)
        self._make_vaults()

    def _make_vaults(self) -> None:
        s3 = self.cloud.client("s3", "us-east-1")
        for site in ("main", SITE):
            made = make_quick_vault(self.directory / f"vault-{site}", PASSWORDS[f"{site} vault's"])
            s3.create_bucket(Bucket=made.name)
            for path in (each for each in made.rglob("*") if each.is_file()):
                s3.upload_file(str(path), made.name, str(path.relative_to(made)))
            shutil.rmtree(made)

    @property
    def there(self) -> DoubleHome:
        """The server as it is at the other site."""
        return self.node.home

    @property
    def switched(self) -> Path:
        """What the program of the deployment's own writes when traffic is switched."""
        return self.directory / "switched"

    def stop(self) -> None:
        """End the server, and the cloud with all that is behind it."""
        self.there.end()
        self.cloud.stop()

    def clean(self) -> None:
        """Make the other site's machine as empty as a new one."""
        self.there.end()
        for path in (*self.there.home.parent.glob("*"), self.node.launcher):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def connections(self) -> dict[str, Connection]:
        """Return what the deployment file names. Nothing is where the two of the other site say."""
        at_home = {"host": "127.0.0.1", "port": self.endpoint["Port"]}
        login = {"login": "wso2carbon", "password": PASSWORDS["database's"]}
        found = [
            Connection("takeover_signing", "generic", password=self.key),
            self.cloud.connection("takeover_aws"),
            self.cloud.vault_connection("takeover_main_writer", PASSWORDS["main vault's"]),
            self.cloud.vault_connection("takeover_west_writer", PASSWORDS["west vault's"]),
            Connection("takeover_main_db", "postgres", **at_home, **login),
            Connection("takeover_west_db", "postgres", host="nowhere.invalid", port=5432, **login),
            self.cloud.ssh_connection("takeover_west_cp", "nowhere.invalid"),
        ]
        return {each.id: each for each in found}

    def document(self) -> dict[str, Any]:
        """Return the deployment file."""
        control = {"script": SCRIPT, "stop_timeout": "20s", "start_timeout": "20s"}
        server = {
            "type": "apim-control-plane",
            "home": str(self.live.home),
            "control": control,
            "port_offset": self.there.offset,
            "health_url": HEALTH,
            "puppet": self.puppet,
        }
        databases = {"shared_db": {"role": "shared"}}
        return {
            "version": 1,
            "name": self.name,
            "signing": "takeover_signing",
            "schedules": {"system_backup": None, "restore_drill": None, "housekeeping": None, "replication": None},
            "sites": {"main": self._site("main", HOME), SITE: {**self._site(SITE, OTHER), **self._at_west()}},
            "servers": {SERVER: server},
            "database_servers": {
                "main-db": {"engine": "postgres", "connection": "takeover_main_db", "databases": databases}
            },
            "rds": {"shared": {"identifier": "wso2-shared", "database_server": "main-db"}},
            "images": {"cp": {"instance": self.machine}},
        }

    def write(self, deployments: Path) -> Path:
        """Write the deployment file into a directory of such, and return it."""
        file = deployments / f"{self.name}.yaml"
        file.write_text(yaml.safe_dump(self.document(), sort_keys=False))
        return file

    def _site(self, name: str, region: str) -> dict[str, Any]:
        vault = {"repository": self.cloud.repository(f"vault-{name}"), "writer": f"takeover_{name}_writer"}
        scratch = str(self.directory / f"scratch-{name}")
        return {"region": region, "account": "takeover_aws", "vault": vault, "scratch": scratch}

    def _at_west(self) -> dict[str, Any]:
        home = {"path": str(self.there.home), "host_name": "cp.west.example", "replaces": ["cp.main.example"]}
        record = {"kind": "record", "zone": self.zone, "name": PUBLIC, "type": "A", "machines": ["cp"]}
        program = {
            "kind": "command",
            "run": ["/bin/sh", "-c", f"echo over $LIFEBOAT_ADDRESSES >> {self.switched}"],
            "back": ["/bin/sh", "-c", f"echo back >> {self.switched}"],
        }
        return {
            "bindings": {
                "cp": {"stands_in_for": SERVER, "connection": "takeover_west_cp", **home},
                "db": {"stands_in_for": "main-db", "connection": "takeover_west_db"},
            },
            "takeover": {
                "databases": {"shared": {"contents": self.contents, "hourly_cost": 0.4}},
                "machines": {
                    "cp": {
                        "bindings": ["cp"],
                        "image": "cp",
                        "launch": {"instance_type": "m5.large"},
                        "hourly_cost": 0.1,
                    }
                },
                "switch": [record, program],
                **self.takeover,
            },
        }

    def point_to(self, address: str) -> None:
        """Let the public name lead to an address."""
        content = {"Name": PUBLIC, "Type": "A", "TTL": 300, "ResourceRecords": [{"Value": address}]}
        change = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": content}]}
        self.cloud.client("route53").change_resource_record_sets(HostedZoneId=self.zone, ChangeBatch=change)

    def points_to(self) -> list[str]:
        """Return where the public name leads."""
        listed = self.cloud.client("route53").list_resource_record_sets(HostedZoneId=self.zone)["ResourceRecordSets"]
        return [value["Value"] for each in listed if each["Type"] == "A" for value in each["ResourceRecords"]]

    def made(self) -> dict[str, dict[str, str]]:
        """Return the machines and databases of the other region that carry a tag of Lifeboat's, with their tags."""
        rds, ec2 = self.cloud.client("rds", OTHER), self.cloud.client("ec2", OTHER)
        found = {
            each["DBInstanceIdentifier"]: each.get("TagList") for each in rds.describe_db_instances()["DBInstances"]
        }
        for reservation in ec2.describe_instances()["Reservations"]:
            for each in reservation["Instances"]:
                if each["State"]["Name"] not in ("terminated", "shutting-down"):
                    found[each["InstanceId"]] = each.get("Tags")
        told = {name: tags_of(tags) for name, tags in found.items()}
        return {name: tags for name, tags in told.items() if "lifeboat:run" in tags}

    def tenants(self, port: int | None = None) -> list[str]:
        """Return the names of the tenants in a database, by default in that of the home site."""
        with self.connect(port or self.endpoint["Port"]) as connection:
            return [
                name for (name,) in connection.execute("SELECT um_domain_name FROM um_tenant ORDER BY 1").fetchall()
            ]

    def connect(self, port: int) -> Any:
        password = PASSWORDS["database's"]
        return psycopg.connect(host="127.0.0.1", port=port, user="wso2carbon", password=password, dbname="shared_db")

    def _make_database(self) -> dict[str, Any]:
        login = {"MasterUsername": "wso2carbon", "MasterUserPassword": PASSWORDS["database's"], "DBName": "shared_db"}
        size = {"DBInstanceClass": "db.m5.large", "AllocatedStorage": 20, "BackupRetentionPeriod": 7}
        rds = self.cloud.client("rds")
        rds.create_db_instance(
            DBInstanceIdentifier="wso2-shared", Engine="postgres", DeletionProtection=True, **login, **size
        )
        self._wait("db-instance", "wso2-shared")
        (made,) = rds.describe_db_instances(DBInstanceIdentifier="wso2-shared")["DBInstances"]
        endpoint: dict[str, Any] = made["Endpoint"]
        with self.connect(endpoint["Port"]) as connection:
            for name in ("shared.sql", "shared-rows.sql"):
                connection.execute((SQL / name).read_bytes())
        return endpoint

    def _wait(self, kind: str, name: str) -> None:
        wait(cloud_of(self.cloud.connection()), Target(kind, name, HOME), Limits())
