"""Every wrong value in a deployment file is told with its line, its key, and what is wrong with it."""

from pathlib import Path

import pytest

from lifeboat.deployment_file import Problem
from tests.support.deployment_file import problems_of, writer

#: What is replaced by what, and the line, key and a part of the message that this gives.
WRONG: dict[str, tuple[str, str, int, str, str]] = {
    "unknown key": (
        "    type: apim\n",
        "    type: apim\n    tipe: x\n",
        19,
        "servers.cp-1.tipe",
        "is not a key of this",
    ),
    "missing key": ("    home: /opt/wso2\n", "", 17, "servers.cp-1.home", "is missing"),
    "missing key of the root": ("signing: the_key\n", "", 1, "signing", "is missing"),
    "wrong type": ("  main:\n    vault:", "  main: 5\n  other:\n    vault:", 6, "sites.main", "should be a valid dict"),
    "text for a list": (
        "/srv/documents",
        "/srv/documents\n    exclude: x",
        23,
        "business_data.documents.exclude",
        "list",
    ),
    "unknown engine": ("engine: postgres", "engine: postgresql", 12, "database_servers.main-db.engine", "known are: "),
    "list for an engine": ("engine: postgres", "engine: [a]", 12, "database_servers.main-db.engine", "valid string"),
    "unknown role": ("role: shared", "role: sharde", 15, "database_servers.main-db.databases.shared_db.role", "'apim'"),
    "no database": ("\n      shared_db: {role: shared}", " {}", 14, "database_servers.main-db.databases", "at least 1"),
    "unknown site": (
        "    home:",
        "    site: mian\n    home:",
        19,
        "servers.cp-1.site",
        "'mian' is not one of sites (main)",
    ),
    "databases in no home": (
        "    connection:",
        "    server: cp-9\n    connection:",
        13,
        "database_servers.main-db.server",
        "'cp-9' is not one of servers (cp-1)",
    ),
    "unknown host": (
        "    path:",
        "    host: nfs\n    path:",
        22,
        "business_data.documents.host",
        "not one of hosts (worker",
    ),
    "default site that is not there": ("  main:\n", "  east:\n", 11, "database_servers.main-db.site", "sites (east)"),
    "number for a duration": ("1d12h", "36", 4, "max_skew", "is not a duration; write it like"),
    "duration without unit": ("1d12h", '"36"', 4, "max_skew", "'36' is not a duration"),
    "duration of nothing": ("1d12h", "0s", 4, "max_skew", "is not a duration"),
    "duration without end": ("1d12h", "99999999999999d", 4, "max_skew", "is not a duration"),
    "bad name": ("  cp-1:", "  CP 1:", 17, "servers.CP 1", "'CP 1' is not allowed here"),
    "bad connection id": ("the_vault", "the vault", 9, "sites.main.vault.writer", "is not allowed here"),
    "relative home": ("/opt/wso2", "opt/wso2", 19, "servers.cp-1.home", "'opt/wso2' is not allowed here"),
    "home through ..": ("/opt/wso2", "/opt/../etc", 19, "servers.cp-1.home", "leads through .."),
    "vault of no kind": ("/vault", "vault", 7, "sites.main.vault", "neither an absolute path nor s3:"),
    "another file's name": (
        "name: prod",
        "name: production",
        2,
        "name",
        "is 'production', but the file is called prod.yaml",
    ),
    "number for a name": ("name: prod", "name: 5", 2, "name", "should be a valid string"),
    "unknown version": ("version: 1", "version: 2", 1, "version", "should be 1"),
    "key written twice": ("name: prod\n", "name: prod\nname: prod\n", 3, "name", "is written twice (first in line 2)"),
    "key written twice below": (
        "    type: apim\n",
        "    type: a\n    type: b\n",
        19,
        "servers.cp-1.type",
        "(first in line 18)",
    ),
    "unset variable": ("/vault", "/${NOT_SET}/vault", 8, "sites.main.vault.repository", "variable NOT_SET is not set"),
    "no variable": (
        "/vault",
        "/${NOT-SET}/vault",
        8,
        "sites.main.vault.repository",
        "has a '${' that begins no variable",
    ),
}
MORE: dict[str, tuple[str, int, str, str]] = {
    "unknown key of the root": ("shedules: {}\n", 23, "shedules", "is not a key of this place"),
    "bad cron": ('schedules: {system_backup: "0 2 * *"}\n', 23, "schedules.system_backup", "is not a cron expression"),
    "cron out of range": ('schedules: {restore_drill: "0 25 * * *"}\n', 23, "schedules.restore_drill", "not a cron"),
    "number for a cron": ("schedules: {system_backup: 5}\n", 23, "schedules.system_backup", "should be a valid string"),
    "seconds in a cron": ('schedules: {system_backup: "0 0 2 * * *"}\n', 23, "schedules.system_backup", "five fields"),
    "bad time zone": ("schedules: {timezone: Berlin}\n", 23, "schedules.timezone", "is not a time zone"),
    "half a time zone": ("schedules: {timezone: Europe}\n", 23, "schedules.timezone", "is not a time zone"),
    "time zone of a path": ("schedules: {timezone: /etc/passwd}\n", 23, "schedules.timezone", "is not a time zone"),
    "too many drills": ("schedules: {drills_per_run: 0}\n", 23, "schedules.drills_per_run", "greater than or equal"),
    "link out of the tree": (
        "    external_links: [../x]\n",
        23,
        "business_data.documents.external_links.0",
        "without ..",
    ),
    "glob out of the tree": ("    exclude: [a/../../x]\n", 23, "business_data.documents.exclude.0", "without .."),
    "absolute glob": (
        "    exclude: [/srv/documents/tmp]\n",
        23,
        "business_data.documents.exclude.0",
        "write it relative",
    ),
    "glob with ** in a name": ("    exclude: ['a**']\n", 23, "business_data.documents.exclude.0", "between slashes"),
    "host reached in two ways": ("hosts:\n  far: {ssh: a, queue: b}\n", 24, "hosts.far", "exclude each other"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_value(tmp_path: Path, case: str) -> None:
    old, new, line, key, message = WRONG[case]
    assert_one(problems_of(writer(tmp_path)((old, new))), line, key, message, case)


@pytest.mark.parametrize("case", MORE)
def test_wrong_addition(tmp_path: Path, case: str) -> None:
    more, line, key, message = MORE[case]
    assert_one(problems_of(writer(tmp_path)(more=more)), line, key, message, case)


def assert_one(problems: list[Problem], line: int, key: str, message: str, case: str) -> None:
    found = [(problem.line, problem.key) for problem in problems]
    assert (line, key) in found, f"{case}: {problems}"
    problem = problems[found.index((line, key))]
    assert message in problem.message or message in problem.next_step, f"{case}: {problem}"
    if case not in ("default site that is not there", "wrong type"):
        assert len(problems) == 1, f"{case}: {problems}"
