"""Product update: one server after the other, the first one the canary, each of them updated or rolled back.

For each server: journal → drain → stop → patches away → update → verify level and bundles → start → health → checks.
When anything of that fails, the home comes back from the snapshot taken before, restored beside, proven and exchanged
(`lifeboat.recovery`), and the rollout stops. An attempt that was killed is rolled back by the next run, which then
updates the server anew: what a killed tool left cannot be told from what it finished. A host over SSH remembers the
tool, which goes on there: then the next run goes on with the attempt.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from lifeboat.capture import engine_for
from lifeboat.catalog import Catalog
from lifeboat.deployment import Unit
from lifeboat.documents import manifest_there
from lifeboat.drill import live_checks, log_checks
from lifeboat.engines.base import difference, load_facts
from lifeboat.errors import LifeboatError, RecoveryError, UpdateError
from lifeboat.manifest import Check, Manifest
from lifeboat.patches import update_level
from lifeboat.puppet_agent import agents_disabled
from lifeboat.recovery import live_now
from lifeboat.recovery_documents import RecoveryRequest
from lifeboat.recovery_journal import begin, find_journal
from lifeboat.recovery_plan import plan_recovery
from lifeboat.recovery_run import Watch, recover
from lifeboat.runtime import Runtime
from lifeboat.text import shown
from lifeboat.update_delivery import Delivered, delivered, remove_packs
from lifeboat.update_documents import Outcome, UpdateEvidence, UpdateJournal, UpdatePlan
from lifeboat.update_journal import Base, begin_attempt, end_attempt, open_attempts, updated
from lifeboat.update_plan import home_engine, method_for
from lifeboat.wso2.identity import ProductIdentity
from lifeboat.wso2.server import ServerControl

log = logging.getLogger(__name__)


def roll_out(
    runtime: Runtime, catalog: Catalog, plan: UpdatePlan, base: Base, requested_by: str, approved_by: Sequence[str]
) -> list[UpdateEvidence]:
    """Update the plan's servers one after the other. Raise UpdateError at the first that was not updated: it is as it
    was before, and the others after it are untouched. Calling it again goes on."""
    done = [
        update_server(runtime, catalog, plan, base, each.server, requested_by, approved_by) for each in plan.servers
    ]
    remove_packs(runtime, plan)
    return done


def update_server(
    runtime: Runtime,
    catalog: Catalog,
    plan: UpdatePlan,
    base: Base,
    server: str,
    requested_by: str,
    approved_by: Sequence[str] = (),
) -> UpdateEvidence:
    """Update one server, or roll it back and raise UpdateError. One that this update has updated already is left alone;
    what an interrupted attempt left is rolled back first."""
    done = updated(runtime, plan.id, server)
    if done is not None:
        log.info("Server %s is updated already", server)
        return done
    reason = f"Lifeboat: update {plan.id} of {plan.deployment}"

    def is_open() -> bool:
        return bool(open_attempts(runtime, update=plan.id, server=server))

    with agents_disabled(runtime, [server], reason, leave=is_open):
        for journal in open_attempts(runtime, update=plan.id, server=server):
            interrupted = _Attempt(runtime, journal)
            interrupted.touched = True  # nobody knows how far it came
            if interrupted.can_go_on():
                log.warning("An attempt to update server %s was interrupted; its host knows the tool: going on", server)
                return _carry_out(runtime, catalog, interrupted, interrupted.go_on)
            log.warning("An attempt to update server %s was interrupted; it is rolled back", server)
            interrupted.method.wait_for_the_tool()
            _roll_back(runtime, catalog, interrupted, "the attempt was interrupted")
        pack = delivered(runtime, plan, server)
        journal = begin_attempt(runtime, catalog, plan, base, server, requested_by, approved_by)
        attempt = _Attempt(runtime, journal, pack)
        return _carry_out(runtime, catalog, attempt, attempt.run)


def _carry_out(runtime: Runtime, catalog: Catalog, attempt: "_Attempt", work: Callable[[], None]) -> UpdateEvidence:
    try:
        work()
    except (LifeboatError, TimeoutError) as error:
        raise _failed(runtime, catalog, attempt, error) from error
    evidence = end_attempt(runtime, catalog, attempt.journal, outcome="updated", **attempt.found())
    attempt.method.forget_runs()
    return evidence


class _Attempt:
    """One attempt to update one server."""

    def __init__(self, runtime: Runtime, journal: UpdateJournal, pack: Delivered | None = None) -> None:
        self.runtime, self.journal, self.server = runtime, journal, journal.server
        self.engine = home_engine(runtime, self.server)
        self.control = ServerControl.of(runtime, self.server)
        self.pack = str(pack.pack) if pack else ""
        self.method = method_for(runtime, journal.plan.request, self.server, pack.path if pack else "")
        self.method.attempt = f"update-{journal.attempt}"
        self.planned = next(each for each in journal.plan.servers if each.server == self.server)
        self.watch, self.started_at = Watch(), datetime.now(UTC)
        self.checks: tuple[Check, ...] = ()
        self.asked_to_stop = self.touched = False

    def run(self) -> None:
        held, before = self.engine.read_patches()
        with self.watch.phase(f"{self.server}: drain"):
            if self.control.state().running:
                self.control.drain()
        with self.watch.phase(f"{self.server}: stop"):
            self.asked_to_stop = True
            self.control.stop(drained=True)
        self.touched = True
        with self.watch.phase(f"{self.server}: update"):
            if self.planned.patches and held is not None:
                self._remove_patches(held.patches_directory, held.service_packs_directory, held.plugins_directory)
            self.method.update(before)
        self._finish(before)

    def can_go_on(self) -> bool:
        """Return whether the host knows what became of the tool of an attempt whose worker was killed, and the home was
        not being rolled back yet."""
        return self.method.is_remembered() and find_journal(self.runtime, self.journal.attempt) is None

    def go_on(self) -> None:
        """Go on where the worker was killed: the host tells how the tool's runs ended, so none runs twice."""
        home = _manifest(self.runtime, self.journal).unit(Unit(kind="home", name=self.server))
        before = ProductIdentity.model_validate(home.members[0].details["identity"])
        with self.watch.phase(f"{self.server}: update"):
            self.method.update(before)
        self._finish(before)

    def _finish(self, before: ProductIdentity) -> None:
        with self.watch.phase(f"{self.server}: verify"):
            self._verify(before)
        with self.watch.phase(f"{self.server}: start"):
            self.control.bring_up()
        with self.watch.phase(f"{self.server}: checks"):
            self._check()

    def bring_back(self) -> None:
        """Bring the server up whose home was not touched. One that was asked to stop may end at any time, so it is
        waited for first."""
        if self.asked_to_stop:
            self.control.stop(drained=True)
        self.control.bring_up()

    def found(self) -> dict[str, object]:
        """Return what the evidence says of the attempt."""
        return {
            "level_before": self.planned.level,
            "level_after": self._level(),
            "started_at": self.started_at,
            "seconds": self.watch.seconds,
            "checks": self.checks,
            "pack": self.pack,
        }

    def _level(self) -> str:
        try:
            return update_level(self.engine.read_patches()[1])
        except LifeboatError as error:
            log.warning("The level of server %s cannot be told: %s", self.server, error)
            return "unknown"

    def _remove_patches(self, patches: str, packs: str, plugins: str) -> None:
        payload = {"home": self.engine.root, "patches": patches, "servicepacks": packs, "plugins": plugins}
        found = self.engine.host.run_python("lifeboat.wso2.unpatch", payload, run_as=self.engine.run_as)
        log.info("Took the patches of server %s away; plugins hold %d bundles", self.server, found["bundles"])

    def _verify(self, before: ProductIdentity) -> None:
        held, after = self.engine.read_patches()
        problems = self.method.unmet(before, after)
        directories = [held.plugins_directory] if held else []
        payload = {"home": self.engine.root, "directories": directories}
        broken = self.engine.host.run_python("lifeboat.wso2.jarcheck", payload, run_as=self.engine.run_as)
        if broken:
            problems.append(f"{len(broken)} bundles are not whole: {shown(broken)}")
        if problems:
            raise UpdateError(
                f"Server '{self.server}' is not what the update should have made of it: {'; '.join(problems)}.",
                next_step="Look into the home that is kept, updates/logs first; then update again.",
            )

    def _check(self) -> None:
        manifest = _manifest(self.runtime, self.journal)
        units = [Unit(kind="home", name=self.server)]
        units += [unit for unit in self.runtime.deployment.units() if unit.kind == "database"]
        found: list[Check] = []
        for unit in units:
            found += live_checks(self.runtime, engine_for(self.runtime, unit), manifest.unit(unit))
        log_checks(found)
        self.checks = tuple(found)
        red = sorted({check.name for check in found if check.outcome == "failed"})
        if red:
            raise UpdateError(
                f"Server '{self.server}' runs with the update, but checks find what they did not find before: "
                f"{', '.join(red)}.",
                next_step="See the checks above.",
            )


def _manifest(runtime: Runtime, journal: UpdateJournal) -> Manifest:
    return manifest_there(runtime.vault(journal.site), runtime.signer(), journal.deployment, journal.point)


def _failed(runtime: Runtime, catalog: Catalog, attempt: _Attempt, error: Exception) -> UpdateError:
    """Roll a server back whose update failed, and return the error that says how all of it ended."""
    message = error.message if isinstance(error, LifeboatError) else str(error)
    next_step = error.next_step if isinstance(error, LifeboatError) else ""
    log.error("The update of server %s failed: %s", attempt.server, message)
    evidence = _roll_back(runtime, catalog, attempt, message)
    kept = f" The failed home is kept as {attempt.engine.root}.before-{evidence.rollback}." if evidence.rollback else ""
    schema = ""
    if evidence.schema_changed:
        schema = (
            f" The schema of {', '.join(evidence.schema_changed)} changed since the snapshot; decide whether it goes "
            f"back, too: `lifeboat recover {evidence.deployment} {evidence.point} --unproven --only database/…`."
        )
    return UpdateError(
        f"{message} Server '{attempt.server}' was rolled back and is as before; the rollout stops.{kept}{schema}",
        next_step=next_step,
    )


def _roll_back(runtime: Runtime, catalog: Catalog, attempt: _Attempt, why: str) -> UpdateEvidence:
    """Bring a server's home back as it was in the snapshot, proven, and write that down. Raise UpdateError when not
    even that came to pass; then running the update again tries it again."""
    journal = attempt.journal
    outcome: Outcome = "rolled_back"
    found: dict[str, object] = {"error": why, "schema_changed": _changed_schemas(runtime, journal)}
    try:
        if attempt.touched:
            found["rollback"] = _recover_home(runtime, catalog, journal)
        else:
            attempt.bring_back()
    except (LifeboatError, TimeoutError) as error:
        log.error("Server %s could not be rolled back: %s", attempt.server, error)
        found["error"], outcome = f"{why}; then: {error}", "failed"
    evidence = end_attempt(runtime, catalog, journal, outcome=outcome, **{**attempt.found(), **found})
    attempt.method.forget_runs()
    if evidence.outcome == "failed":
        raise UpdateError(
            f"The update of server '{attempt.server}' failed, and so did its rollback: {evidence.error}",
            next_step=f"Correct that, then run `lifeboat update {journal.deployment} --resume {journal.update}`: it "
            "rolls the server back first.",
        )
    return evidence


def _recover_home(runtime: Runtime, catalog: Catalog, journal: UpdateJournal) -> str:
    """Recover the home of the snapshot, as any home is recovered; return the recovery's id, which is the attempt's."""
    request = RecoveryRequest(
        point=journal.point,
        units=(f"home/{journal.server}",),
        reason=f"rollback of update {journal.update}",
        unproven=True,
        safety_point=False,
    )
    begun = find_journal(runtime, journal.attempt)
    if begun is None:
        plan = plan_recovery(runtime, catalog, request, journal.attempt)
        begun = begin(runtime, catalog, plan, journal.requested_by, journal.approved_by, may_be_broken=True)
    evidence = recover(runtime, catalog, begun, jobs=1)
    if live_now(runtime, begun.plan) != "new":
        raise RecoveryError(f"After the rollback what is live is {evidence.live}.", next_step="Run it again.")
    return begun.recovery


def _changed_schemas(runtime: Runtime, journal: UpdateJournal) -> tuple[str, ...]:
    """Return the databases whose schema is another than in the snapshot; those that cannot be asked are left out."""
    changed: list[str] = []
    manifest = _manifest(runtime, journal)
    for unit in runtime.deployment.units():
        try:
            live = engine_for(runtime, unit).live_schema()
            captured = load_facts(runtime.vault(journal.site), manifest.unit(unit)) if live else {}
        except (LifeboatError, KeyError) as error:
            log.warning("Whether the schema of %s changed cannot be told: %s", unit, error)
            continue
        for member, objects in live.items():
            if differs := difference(captured.get(member, {}).get("schema", {}), objects):
                log.warning("The schema of %s changed since the snapshot: %s", member, differs)
                changed.append(member)
    return tuple(changed)
