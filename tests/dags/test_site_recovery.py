"""The DAG by which another site takes over: only where a site says how, and nothing before a person has approved."""

from pathlib import Path
from typing import Any

from airflow.sdk import DAG

from tests.dags.conftest import LoadDags
from tests.support.deployments import write_deployment

MAKES = {"databases.shared", "machines.cp", "puppet.apim-cp-1", "members", "switch_over"}


def with_takeover(document: dict[str, Any]) -> None:
    main = document["sites"]["main"]
    launch = {"template": "wso2-cp"}
    document["sites"]["main"] |= {"region": "eu-west-1", "account": "aws_main"}
    document["sites"]["west"] = main | {
        "region": "us-east-1",
        "account": "aws_west",
        "bindings": {
            "cp": {"stands_in_for": "apim-cp-1", "connection": "cp_west"},
            "db": {"stands_in_for": "main-db", "connection": "db_west"},
        },
        "takeover": {"databases": {"shared": {}}, "machines": {"cp": {"bindings": ["cp"], "launch": launch}}},
    }
    document["rds"] = {"shared": {"identifier": "shared", "database_server": "main-db"}}
    document["servers"]["apim-cp-1"]["puppet"] = {"manifest": "/etc/puppet/site.pp"}


def load(tmp_path: Path, load_dags: LoadDags) -> DAG:
    write_deployment(tmp_path, "one")
    write_deployment(tmp_path, "two", with_takeover)
    bag = load_dags(tmp_path)
    assert bag.import_errors == {}
    assert "one.site_recovery" not in bag.dags
    return bag.dags["two.site_recovery"]


def test_nothing_is_made_before_the_approval_and_all_is_recorded(tmp_path: Path, load_dags: LoadDags) -> None:
    dag = load(tmp_path, load_dags)
    assert dag.params.get_param("site").schema["enum"] == ["west"]
    assert dag.get_task("confirm").upstream_task_ids == {"plan", "go_ahead", "approve"}
    before = dag.get_task("confirm").get_flat_relative_ids(upstream=True)
    assert before == {"plan", "go_ahead", "approve"}
    assert dag.get_task("confirm").get_flat_relative_ids() == {*MAKES, "take_down", "record"}
    assert dag.get_task("take_down").upstream_task_ids >= MAKES
    assert [dag.get_task(name).is_teardown for name in ("take_down", "record")] == [True, True]
    assert dag.get_task("record").on_failure_fail_dagrun
    assert dag.schedule is None


def test_traffic_comes_last(tmp_path: Path, load_dags: LoadDags) -> None:
    dag = load(tmp_path, load_dags)
    assert dag.get_task("switch_over").get_flat_relative_ids(upstream=True) >= MAKES - {"switch_over"}
    assert dag.get_task("puppet.apim-cp-1").upstream_task_ids >= {"databases.shared", "machines.cp"}
