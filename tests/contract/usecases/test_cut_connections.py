"""Servers on a host over SSH whose connection is cut in the middle of a capture, an update and a restore: each ends
right, once."""

import os
import random
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from lifeboat.documents import read_all
from lifeboat.drill import drill_point
from lifeboat.errors import UnreachableError
from lifeboat.recovery_documents import RecoveryRequest
from lifeboat.recovery_run import Watch, plan_and_begin, recover
from lifeboat.update import roll_out
from lifeboat.update_documents import UpdateEvidence, UpdateRequest
from lifeboat.update_journal import Base, new_update_id, open_attempts
from lifeboat.update_plan import plan_update
from tests.support.leftovers import processes_with
from tests.support.patchable import CP_1, CP_2, Patchable, behave, files, install_tools, patchable
from tests.support.sshd import TestSshd, jobs_directory
from tests.support.waiting import eventually

HOST = "far"


@pytest.fixture(scope="module")
def far(sshd: TestSshd) -> Iterator[Patchable]:
    """Servers of which all are on a host over SSH, with a home that takes restic a moment."""

    def over_ssh(document: dict[str, Any]) -> None:
        document["hosts"] = {HOST: {"ssh": "far_ssh"}}
        for server in document["servers"].values():
            server["host"] = HOST
        backups = str(Path(document["servers"][CP_1]["home"]).parent / "tool-backups")
        document["update"] = {"connection": "wso2_updates", "backup_directory": backups, "timeout": "60s"}

    directory = Path(tempfile.mkdtemp(prefix="lifeboat-far-"))
    with patchable(directory / "p", over_ssh, far_ssh=sshd.connection("far_ssh")) as made:
        install_tools(made.home(CP_1).root)
        (made.home(CP_1).root / "repository/large.bin").write_bytes(random.Random(1).randbytes(60_000_000))
        yield made
    shutil.rmtree(directory)


@contextmanager
def cut(sshd: TestSshd, far: Patchable, *words: str) -> Iterator[list[str]]:
    """Break the connection while a restic with these arguments is at work on the host; yield whose it was."""
    found: list[str] = []

    def wait() -> None:
        def there() -> bool:
            found[:] = [each for each in processes_with(str(far.directory), "restic") if all(w in each for w in words)]
            return bool(found)

        if eventually(there):
            sshd.cut_off()

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield found
    finally:
        thread.join()


def _nothing_goes_on(far: Patchable) -> bool:
    return eventually(lambda: not processes_with(str(far.directory), "restic"))


def test_a_capture_whose_connection_is_cut_is_made_by_the_next_try(far: Patchable, sshd: TestSshd) -> None:
    with cut(sshd, far, " backup ") as found, pytest.raises(UnreachableError) as caught:
        far.point()
    assert found
    assert not caught.value.permanent
    assert _nothing_goes_on(far)
    vault, signer = far.runtime.vault("main"), far.runtime.signer()
    assert read_all(vault, signer, "mini")[0] == []
    point = far.point()
    assert [signed.manifest for signed in read_all(vault, signer, "mini")[0]] == [point]
    assert drill_point(far.runtime, far.catalog, point.id).passed


def test_an_update_goes_on_while_its_connection_is_cut(far: Patchable, sshd: TestSshd, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    behave(far.home(CP_1).root, pause_seconds=4, log=str(runs))
    point = far.point("pre_upgrade")
    plan = plan_update(far.runtime, UpdateRequest(servers=(CP_1,), level=7, reason="a test"), new_update_id())

    def cut_off() -> None:
        assert eventually(runs.exists)
        time.sleep(0.5)
        sshd.stop()
        time.sleep(1.5)
        sshd.start()

    thread = threading.Thread(target=cut_off)
    thread.start()
    base = Base(point.id, far.catalog.point("mini", point.id).manifest_sha256)
    (evidence,) = roll_out(far.runtime, far.catalog, plan, base, "a tester", ["a tester"])
    thread.join()
    assert (evidence.outcome, evidence.level_after) == ("updated", "level 7 (updates2)")
    assert len(runs.read_text().splitlines()) == 1
    assert far.control(CP_1).state().running
    assert open_attempts(far.runtime) == []
    far.control(CP_1).stop()


@pytest.mark.parametrize(("level", "when"), [(8, "update"), (9, "verify")])
def test_an_update_whose_worker_is_killed_is_gone_on_with_by_the_next_one(
    far: Patchable, tmp_path: Path, level: int, when: str
) -> None:
    runs = tmp_path / "runs"
    behave(far.home(CP_1).root, pause_seconds=3 if when == "update" else 0, log=str(runs))
    point = far.point("pre_upgrade")
    plan = plan_update(far.runtime, UpdateRequest(servers=(CP_1,), level=level, reason="a test"), new_update_id())
    arguments = far.catalog, plan, Base(point.id, far.catalog.point("mini", point.id).manifest_sha256), "a tester", []
    going_on = Watch.phase

    def phase(watch: Watch, name: str) -> Any:
        return os.kill(os.getpid(), signal.SIGKILL) if name == f"{CP_1}: verify" else going_on(watch, name)

    child = os.fork()
    if child == 0:
        with mock.patch.object(Watch, "phase", phase):
            roll_out(far.runtime, *arguments)
        os._exit(1)
    if when == "update":
        assert eventually(runs.exists)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    (evidence,) = roll_out(far.runtime, *arguments)
    assert (evidence.outcome, evidence.level_after) == ("updated", f"level {level} (updates2)")
    assert len(runs.read_text().splitlines()) == 1
    outcomes = [each for each in far.catalog.updates("mini") if isinstance(each, UpdateEvidence)]
    assert [each.outcome for each in outcomes if each.update == plan.id] == ["updated"]
    assert list(jobs_directory().glob(f"update-{evidence.attempt}-*")) == []
    assert far.beside() == set()
    assert far.control(CP_1).state().running
    far.control(CP_1).stop()


@pytest.mark.parametrize("patches_from", ["", CP_1])
def test_a_restore_whose_connection_is_cut_touches_nothing_and_is_done_by_the_next_try(
    far: Patchable, sshd: TestSshd, patches_from: str
) -> None:
    server = CP_2 if patches_from else CP_1
    home, point = far.home(server).root, far.point()
    source = files(far.home(CP_1).root) if patches_from else files(home)
    bundle = next((home / "repository/components/plugins").glob("*.jar"))
    bundle.write_bytes(b"changed since")
    changed = files(home)
    request = RecoveryRequest(
        point=point.id,
        units=(f"home/{server}",),
        unproven=True,
        safety_point=False,
        patches_from=patches_from,
        force=bool(patches_from),
    )
    journal = plan_and_begin(far.runtime, far.catalog, request, "a tester", lambda plan: True)
    assert journal is not None
    with cut(sshd, far, " restore ") as found, pytest.raises(UnreachableError):
        recover(far.runtime, far.catalog, journal, safety=False)
    assert found
    assert _nothing_goes_on(far)
    assert files(home) == changed
    evidence = recover(far.runtime, far.catalog, journal, safety=False)
    assert (evidence.passed, evidence.live) == (True, "new")
    plugins = "repository/components/plugins/"
    after = files(home)
    if patches_from:
        bundles = [
            {name: each for name, each in found.items() if name.startswith(plugins)} for found in (after, source)
        ]
        assert bundles[0] == bundles[1]
    else:
        assert after == source
    left = {f"{server}.before-{journal.recovery}"}
    assert far.beside() == left | ({f"{server}.restored-{journal.recovery}"} if patches_from else set())
    far.control(server).stop()
    for name in far.beside():
        shutil.rmtree(far.directory / name)
