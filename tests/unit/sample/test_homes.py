import hashlib
import os
import re
import shutil
import subprocess
import time
import tomllib
import xml.etree.ElementTree
import zipfile
from pathlib import Path

import pytest

from lifeboat.errors import ConfigurationError, PreflightError, ToolError
from lifeboat.sample.home_configuration import DatabaseAccess
from lifeboat.sample.home_state import shared_state_files
from lifeboat.sample.home_tree import tree_files
from lifeboat.sample.homes import generate_homes
from lifeboat.sample.keystores import STORE_PASSWORD
from lifeboat.sample.ports import free_port

NAMES = ["apim-cp-1", "apim-cp-2", "apim-gw-1", "apim-gw-2"]
PATCHES = "repository/components/patches"
PLUGINS = "repository/components/plugins"


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return generate_homes(tmp_path_factory.mktemp("homes"))


def contents(directory: Path) -> dict[str, bytes]:
    """Every file below a directory by its path, except keystores, which keytool makes anew each time."""
    files = (file for file in directory.rglob("*") if file.is_file() and file.suffix != ".jks")
    return {file.relative_to(directory).as_posix(): file.read_bytes() for file in files}


def jars(directory: Path) -> dict[str, str]:
    return {file.name: md5(file) for file in directory.glob("*.jar")}


def md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()


def properties(file: Path) -> dict[str, str]:
    lines = (line for line in file.read_text().splitlines() if not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def test_makes_four_homes_of_a_believable_size(homes: list[Path]) -> None:
    assert [home.name for home in homes] == NAMES
    for home in homes:
        files = [file for file in home.rglob("*") if file.is_file()]
        assert 400 <= len(files) <= 700
        assert 2_000_000 < sum(file.stat().st_size for file in files) < 4_000_000


def test_reference_homes_are_as_large_as_in_production() -> None:
    files = tree_files("reference") + shared_state_files("reference")
    size = sum(file.size * (2 if file.is_plugin else 1) for file in files)  # plugins and patch0000
    assert 1_500_000_000 < size < 1_800_000_000
    assert sum(file.path.endswith(".jar") for file in files) > 700


def test_homes_tell_product_version_and_level(homes: list[Path]) -> None:
    products = []
    for home in homes:
        product = (home / "updates/product.txt").read_text()
        assert re.fullmatch(r"([0-9a-zA-Z-]+)-([0-9]+\.[0-9]+\.[0-9]+)", product)
        assert (home / "bin/version.txt").read_text().endswith(" v4.5.0\n")
        assert (home / "bin/wso2carbon-version.txt").read_text() == "WSO2 Carbon Framework v4.9.28\n"
        assert '"update-level": "0"' in (home / "updates/config.json").read_text()
        products.append(product)
    assert products == ["wso2am-acp-4.5.0"] * 2 + ["wso2am-universal-gw-4.5.0"] * 2


def test_each_server_has_its_own_configuration(homes: list[Path]) -> None:
    for offset, home in enumerate(homes):
        configuration = tomllib.loads((home / "repository/conf/deployment.toml").read_text())
        assert configuration["server"]["hostname"] == f"{home.name}.sample.example"
        assert configuration["server"]["offset"] == offset
        assert {name: entry["url"].rpartition("/")[2] for name, entry in configuration["database"].items()} == {
            "shared_db": "shared_db",
            "apim_db": "apim_db",
        }
        assert f"<Offset>{offset}</Offset>" in (home / "repository/conf/carbon.xml").read_text()


def test_generated_configuration_matches_its_checksums(homes: list[Path]) -> None:
    metadata = homes[0] / "repository/resources/conf/.metadata"
    for name in ("metadata_config.properties", "metadata_template.properties"):
        checksums = properties(metadata / name)
        assert len(checksums) > 20
        assert {path: md5(homes[0] / path) for path in checksums} == checksums
    generated = properties(metadata / "metadata_template.properties")
    assert set(contents(homes[0] / "backup")) == set(generated)


def test_xml_files_are_well_formed(homes: list[Path]) -> None:
    files = [*homes[0].rglob("*.xml"), *homes[2].rglob("*.xml")]
    assert len(files) > 200
    for file in files:
        xml.etree.ElementTree.parse(file)


def test_patches_are_applied_as_carbon_applies_them(homes: list[Path]) -> None:
    for home in homes:
        baseline, patch = jars(home / PATCHES / "patch0000"), jars(home / PATCHES / "patch0001")
        assert jars(home / PLUGINS) == baseline | patch
        assert len(patch.keys() & baseline.keys()) == 5
        assert all(patch[name] != baseline[name] for name in patch.keys() & baseline.keys())
        assert len(patch.keys() - baseline.keys()) == 1
        metadata = home / PATCHES / ".metadata"
        assert (metadata / "prePatchedDir.txt").read_text().split() == ["patch0000", "patch0001"]
        recorded = (metadata / "prePatchedJARs.txt").read_text().splitlines()
        assert dict(line.split(":") for line in recorded) == patch


def test_bundles_are_named_after_their_manifests(homes: list[Path]) -> None:
    for file in [*(homes[0] / PLUGINS).glob("*.jar"), *(homes[0] / PATCHES / "patch0001").glob("*.jar")]:
        with zipfile.ZipFile(file) as archive:
            assert archive.testzip() is None
            manifest = archive.read("META-INF/MANIFEST.MF")
        assert all(len(line) <= 72 for line in manifest.split(b"\r\n"))
        headers = dict(line.split(": ") for line in manifest.decode().replace("\r\n ", "").split("\r\n") if line)
        name = headers["Bundle-SymbolicName"].partition(";")[0]
        assert file.name == f"{name}_{headers['Bundle-Version']}.jar"


def test_homes_have_links_modes_and_empty_directories(homes: list[Path]) -> None:
    for home, script in zip(homes, ("api-cp.sh", "api-cp.sh", "gateway.sh", "gateway.sh"), strict=True):
        assert os.readlink(home / "bin/wso2server.sh") == script
        assert (home / "bin/wso2server.sh").resolve() == home / "bin" / script
        assert (home / "bin" / script).stat().st_mode & 0o777 == 0o755
        assert (home / "repository/resources/security/wso2carbon.jks").stat().st_mode & 0o777 == 0o600
        assert (home / "README.txt").stat().st_mode & 0o777 == 0o644
        for directory in (
            "tmp",
            "repository/deployment/server/userstores",
            "repository/components/servicepacks",
        ):
            assert list((home / directory).iterdir()) == []
        pid = (home / "wso2carbon.pid").read_bytes()
        assert len(pid) == 100
        assert pid.strip(b"\0").isdigit()


def test_homes_have_the_state_of_a_server_that_ran(homes: list[Path]) -> None:
    for home in homes:
        for path in (
            "repository/database/WSO2CARBON_DB.mv.db",
            "repository/logs/wso2carbon.log",
            "repository/tenants/1/synapse-configs/default/registry.xml",
            "repository/deployment/server/synapse-configs/default/api/admin--sample1_v1.0.0.xml",
            "solr/data/index/segments_4g",
            "repository/components/default/configuration/org.eclipse.equinox.simpleconfigurator/bundles.info",
        ):
            assert (home / path).stat().st_size > 0, path
    own = {(home / "repository/database/WSO2CARBON_DB.mv.db").read_bytes() for home in homes}
    assert len(own) == len(homes)


def test_homes_are_mostly_alike(homes: list[Path]) -> None:
    first, second = contents(homes[0]), contents(homes[1])
    assert first.keys() == second.keys()
    differing = sum(len(first[path]) for path in first if first[path] != second[path])
    assert 0 < differing < 0.05 * sum(map(len, first.values()))


def test_keystores_are_real(homes: list[Path]) -> None:
    for name, kind in (("wso2carbon.jks", "PrivateKeyEntry"), ("client-truststore.jks", "trustedCertEntry")):
        file = homes[3] / "repository/resources/security" / name
        listed = subprocess.run(
            ["keytool", "-list", "-keystore", file, "-storepass:env", "STORE_PASSWORD"],
            env={**os.environ, "STORE_PASSWORD": STORE_PASSWORD},
            capture_output=True,
            text=True,
            check=True,
        )
        assert kind in listed.stdout
        assert file.read_bytes() == (homes[0] / "repository/resources/security" / name).read_bytes()


def test_same_seed_gives_the_same_bytes(homes: list[Path], tmp_path: Path) -> None:
    again = generate_homes(tmp_path)
    for home, other in zip(homes, again, strict=True):
        assert contents(home) == contents(other)


def test_keeps_homes_of_the_same_scale_and_replaces_others(tmp_path: Path) -> None:
    home = generate_homes(tmp_path)[0]
    (home / "changed.txt").write_text("by hand")
    generate_homes(tmp_path)
    assert (home / "changed.txt").exists()
    before = contents(home)
    generate_homes(tmp_path, seed=46)
    assert not (home / "changed.txt").exists()
    assert contents(home)["LICENSE.txt"] != before["LICENSE.txt"]


def test_makes_a_missing_home_again(tmp_path: Path) -> None:
    homes = generate_homes(tmp_path)
    shutil.rmtree(homes[2])
    generate_homes(tmp_path)
    assert (homes[2] / "bin/gateway.sh").is_file()


def test_refuses_to_replace_what_it_did_not_make(tmp_path: Path) -> None:
    production = tmp_path / "apim-gw-2"
    production.mkdir()
    (production / "precious.txt").write_text("mine")
    with pytest.raises(PreflightError, match="apim-gw-2 exists"):
        generate_homes(tmp_path)
    assert (production / "precious.txt").read_text() == "mine"
    assert [file.name for file in tmp_path.iterdir()] == ["apim-gw-2"]


def test_names_keytool_and_its_package_if_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"(?s)keytool.*default-jre-headless"):
        generate_homes(tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_refuses_an_unknown_scale(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="small, reference"):
        generate_homes(tmp_path, scale="huge")  # type: ignore[arg-type]


def test_start_script_behaves_as_the_product_does(tmp_path: Path) -> None:
    home = generate_homes(tmp_path, port_offset=free_port() - 9763)[2]
    script, pid_file = home / "bin/gateway.sh", home / "wso2carbon.pid"
    log = home / "repository/logs/wso2carbon.log"
    pid_file.write_bytes(b"1")  # of a process that is no server
    assert say(script, "start") == "Process is already running\n"
    pid_file.unlink()
    hook = "import sys, pathlib; pathlib.Path(sys.argv[1], 'repository/logs/patches.log').write_text('applied')"
    (home / "bin/sample-patches.py").write_text(hook)
    assert say(script, "start") == ""
    assert "WSO2 Carbon started in" not in log.read_text(), "start does not wait"
    try:
        wait_until(pid_file.exists)
        assert (home / "repository/logs/patches.log").read_text() == "applied", "patches come before the server"
        wait_until(lambda: "WSO2 Carbon started in" in log.read_text())
        pid = pid_file.read_bytes()
        assert (len(pid), pid.strip(b"\0").isdigit()) == (100, True)
        assert say(script, "start") == "Process is already running\n"
    finally:
        assert say(script, "stop") == ""
    assert pid_file.exists(), "stop does not wait"
    wait_until(lambda: not pid_file.exists())


def test_servers_know_their_ports_and_databases(tmp_path: Path) -> None:
    access = DatabaseAccess("127.0.0.1", 5455, "of the owner")
    home = generate_homes(tmp_path, port_offset=4000, database=access)[2]
    file = home / "repository/conf/deployment.toml"
    configuration = tomllib.loads(file.read_text())
    assert configuration["server"]["offset"] == 4002
    assert configuration["database"]["apim_db"]["url"] == "jdbc:postgresql://127.0.0.1:5455/apim_db"
    assert configuration["database"]["apim_db"]["password"] == "of the owner"
    assert file.stat().st_mode & 0o777 == 0o600


def say(script: Path, argument: str) -> str:
    """Run the start script, which always ends with status 0, and return what it printed."""
    return subprocess.run([script, argument], check=True, timeout=10, capture_output=True, text=True).stdout


def wait_until(condition, seconds: float = 10) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
