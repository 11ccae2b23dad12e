"""Real paths of three homes, each with the class that it must have, and the same decisions by restic."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from lifeboat.errors import ConfigurationError
from lifeboat.globs import translate
from lifeboat.wso2.layout import (
    TEMPLATES,
    EmbeddedDatabase,
    FileClass,
    LayoutKind,
    classify,
    detect_layout,
    embedded_databases,
    excluded_patterns,
    recreated_directories,
    rules_for,
)

DATA = Path(__file__).parent / "data"


def home(kind: LayoutKind) -> dict[str, FileClass]:
    """Paths of a real home of that kind (API Manager 4.5, Enterprise Store 1.0, Micro Integrator 4.1)."""
    lines = (DATA / f"{kind}-home.tsv").read_text().splitlines()
    return {path: FileClass(label) for label, path in (line.split("\t") for line in lines)}


@pytest.mark.parametrize("kind", LayoutKind)
def test_every_path_of_a_real_home_has_its_class(kind):
    expected = home(kind)
    assert {path: classify(kind, path) for path in expected} == expected
    assert set(expected.values()) == set(FileClass)


def test_what_must_never_be_left_out():
    precious = [
        "repository/components/plugins/a_1.0.0.jar",
        "repository/components/patches/patch0001/a_1.0.0.jar",
        "repository/components/patches/patch0000/a_1.0.0.jar",
        "repository/components/patches/.metadata/prePatchedDir.txt",
        "repository/components/servicepacks/servicepack0001/lib/a.jar",
        "repository/deployment/server/webapps/tmp/index.jsp",
        "repository/deployment/server/synapse-configs/default/logs/a.xml",
        "repository/tenants/1/synapse-configs/a.xml",
        "repository/resources/security/wso2carbon.p12",
        "registry/governance/a.xml",
        "updates/config.json",
        "repository/database/notes.db",
        "my/backup/a",
        "my.pid",
    ]
    for kind in LayoutKind:
        assert [path for path in precious if classify(kind, path) is FileClass.EXCLUDED] == []


def test_backup_belongs_to_the_configuration_mapper_only_where_there_is_one():
    classes = {kind: classify(kind, "backup/a") for kind in LayoutKind}
    assert classes == {
        LayoutKind.CARBON4: FileClass.COMPARED,
        LayoutKind.MODERN: FileClass.EXCLUDED,
        LayoutKind.MICRO_INTEGRATOR: FileClass.EXCLUDED,
    }


@pytest.mark.parametrize(
    ("paths", "kind"),
    [
        (["repository/conf/deployment.toml", "repository/conf/carbon.xml"], LayoutKind.MODERN),
        (["repository/conf/carbon.xml"], LayoutKind.CARBON4),
        (["conf/deployment.toml", "conf/carbon.xml", "wso2", "wso2/components"], LayoutKind.MICRO_INTEGRATOR),
        (["conf/carbon.xml", "wso2", "wso2/components"], LayoutKind.CARBON4),
    ],
)
def test_detect_layout(paths, kind):
    assert detect_layout(paths.__contains__) is kind


@pytest.mark.parametrize("paths", [[], ["bin"], ["conf/deployment.toml"], ["conf/carbon.xml"]])
def test_unknown_layouts_are_refused(paths):
    with pytest.raises(ConfigurationError, match=r"repository/conf/deployment\.toml"):
        detect_layout(paths.__contains__)


def test_templates_of_the_home_decide_what_is_generated():
    templates = [
        f"{TEMPLATES}repository/conf/log4j2.properties.j2",
        f"{TEMPLATES}repository/deployment/server/webapps/x/web.xml.j2",
        f"{TEMPLATES}README.txt",
        "repository/resources/templates/policy.j2",
    ]
    rules = [(label, translate(glob)) for label, glob in rules_for(LayoutKind.MODERN, templates)]

    def label_of(path: str) -> FileClass:
        return next((label for label, glob in rules if glob.fullmatch(path)), FileClass.COMPARED)

    assert label_of("repository/conf/log4j2.properties") is FileClass.GENERATED
    assert label_of("repository/deployment/server/webapps/x/web.xml") is FileClass.GENERATED
    assert label_of("repository/conf/carbon.xml") is FileClass.COMPARED
    assert label_of("repository/resources/templates/policy") is FileClass.COMPARED
    assert label_of("README.txt") is FileClass.COMPARED
    assert label_of("tmp/a") is FileClass.EXCLUDED
    assert label_of("repository/components/default/null.ini") is FileClass.GENERATED


def test_embedded_databases_with_all_their_files():
    found = embedded_databases(
        [
            "repository/database/A_DB.mv.db",
            "repository/database/A_DB.trace.db",
            "repository/database/B.h2.db",
            "repository/database/B.lock.db",
            "repository/database/B.lobs.db",
            "repository/database/B.lobs.db/1.lobs.db/2.t8.lob.db",
            "repository/database/stray.trace.db",
            "repository/database/cassandra/data/Data.db",
            "repository/deployment/C.mv.db",
            "wso2/broker/repository/database/WSO2MB_DB.h2.db",
        ]
    )
    a, b, broker = found
    assert a == EmbeddedDatabase(
        "repository/database/A_DB",
        "repository/database/A_DB.mv.db",
        ("repository/database/A_DB.mv.db", "repository/database/A_DB.trace.db"),
    )
    assert (b.data_file, len(b.files)) == ("repository/database/B.h2.db", 4)
    assert broker.path == "wso2/broker/repository/database/WSO2MB_DB"


@pytest.mark.parametrize("kind", LayoutKind)
def test_database_files_are_left_out_only_as_members_of_their_own(kind):
    """Every file left out of a database folder belongs to a database that is reported."""
    paths = home(kind)
    reported = {path for database in embedded_databases(paths) for path in database.files}
    left_out = {path for path in paths if "/database/" in path and paths[path] is FileClass.EXCLUDED}
    assert reported == left_out
    assert reported


@pytest.mark.parametrize("kind", LayoutKind)
def test_restic_leaves_out_the_same(kind, tmp_path):
    root = tmp_path / "home"
    paths = [path for path in home(kind) if path not in ("tmp", "repository/logs", "backup", "wso2/tmp")]
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    repository = str(tmp_path / "vault")
    environment = {**os.environ, "RESTIC_PASSWORD": "test", "RESTIC_CACHE_DIR": str(tmp_path / "cache")}

    def restic(*arguments: str) -> str:
        command = ["restic", "--repo", repository, *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    restic("init")
    restic("backup", str(root), *(f"--exclude={root}/{pattern}" for pattern in excluded_patterns(kind)))
    lines = [json.loads(line) for line in restic("ls", "latest", "--json").splitlines()]
    nodes = {line["path"].removeprefix(f"{root}/"): line["type"] for line in lines if "type" in line}
    stored = {path for path, node_type in nodes.items() if node_type == "file"}
    assert stored == {path for path in paths if classify(kind, path) is not FileClass.EXCLUDED}
    for directory in recreated_directories(kind):
        assert nodes[directory] == "dir"
