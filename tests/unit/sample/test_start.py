"""`make start` without what it needs: it says so and starts nothing."""

from pathlib import Path

import pytest

from lifeboat.sample import start
from lifeboat.sample.airflow_settings import Secrets, keep_environment


@pytest.mark.parametrize("home", ["", "relative", "/proc/none"])
def test_the_environment_was_not_read(
    home: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIFEBOAT_AIRFLOW", home)
    assert start.main() == 1
    assert f"LIFEBOAT_AIRFLOW names no home of an Airflow with its .env: '{home}'" in capsys.readouterr().out


def test_only_a_part_of_the_environment_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_environment(tmp_path, {"SOME_SECRET": "x", "HOME": "y"}, Secrets("", "", "key", {}), {"admin": "admin"})
    monkeypatch.setenv("LIFEBOAT_AIRFLOW", str(tmp_path))
    assert start.main() == 1
    assert "This shell does not have what Airflow was started with: SOME_SECRET." in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {".env"}
