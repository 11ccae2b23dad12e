"""How traffic comes to a site that has taken over, and back: records of Route 53, targets of load balancers, and
programs of your own. What was before is read first, and kept in the journal: after a kill, what is there may be the
new."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from lifeboat.aws.account import cloud_of
from lifeboat.aws.cloud import Cloud
from lifeboat.aws.sites import cloud_of_site
from lifeboat.aws.switch import Member, Record, read_record, read_targets, set_record, set_targets
from lifeboat.aws.work import finish
from lifeboat.deployment_takeover import CommandSwitch, RecordSwitch, Switch, Takeover, TargetsSwitch
from lifeboat.errors import CommandError, LifeboatError, RecoveryError, ToolError
from lifeboat.host import Command, LocalHost
from lifeboat.runtime import Runtime
from lifeboat.site_build import Made
from lifeboat.site_recovery_documents import SiteRecoveryPlan

log = logging.getLogger(__name__)


def described(switch: Switch) -> str:
    """Return in words what a switch does."""
    if isinstance(switch, RecordSwitch):
        to = ", ".join(switch.machines or switch.values) or f"database {switch.database}"
        return f"record {switch.name} {switch.type} of zone {switch.zone} → {to}"
    if isinstance(switch, TargetsSwitch):
        return f"targets of {switch.group.rpartition(':')[2]} → {', '.join(switch.machines)}"
    return f"run {' '.join(switch.run)}"


def read_all(there: Runtime, takeover: Takeover) -> tuple[dict[str, Any], ...]:
    """Given a runtime at the site, return what brings traffic to where it is now, as JSON, in the order of the
    switches. Raise what keeps it from being read: then it could not be switched either."""
    return tuple(_read(there, switch) for switch in takeover.switch)


def leading_to(there: Runtime, takeover: Takeover, made: Mapping[str, Made]) -> list[str]:
    """Return which records and target groups lead to something that was made. What a program has switched is not
    known."""
    own = {each.id for each in made.values()} | {each.address.host for each in made.values()}
    found = []
    for switch in takeover.switch:
        was = _read(there, switch) if not isinstance(switch, CommandSwitch) else {}
        records = (was.get("content") or {}).get("ResourceRecords") or ()
        values = {each["Value"] for each in records} | {each["id"] for each in was.get("members", ())}
        if values & own:
            found.append(described(switch))
    return found


def refuse_other_switches(plan: SiteRecoveryPlan, takeover: Takeover) -> None:
    """Raise RecoveryError when the deployment file says other switches by now than the plan that was approved."""
    now = tuple(map(described, takeover.switch))
    if now != plan.switches:
        raise RecoveryError(
            f"takeover.switch says other things than when site recovery '{plan.id}' was planned: {', '.join(now)}, "
            f"not {', '.join(plan.switches)}.",
            next_step="Put back what the deployment file said then, or switch the traffic by hand.",
        )


def switch_over(there: Runtime, plan: SiteRecoveryPlan, takeover: Takeover, made: Mapping[str, Made]) -> list[str]:
    """Bring the traffic to the site; return what was switched. Doing it again changes nothing."""
    done = []
    for switch in takeover.switch:
        log.info("Switching over: %s", described(switch))
        if isinstance(switch, RecordSwitch):
            cloud = _cloud_of(there, switch)
            record = read_record(cloud, switch.zone, switch.name, switch.type, switch.set_identifier)
            finish(cloud, set_record(cloud, record.pointing_to(_values(switch, made), switch.ttl)))
        elif isinstance(switch, TargetsSwitch):
            cloud = _cloud_of(there, switch)
            wanted = [Member(made[name].id, switch.port) for name in switch.machines]
            finish(cloud, set_targets(cloud, switch.group, cloud.region, wanted))
        else:
            _run(switch, switch.run, plan, made)
        done.append(described(switch))
    return done


def switch_back(
    there: Runtime,
    plan: SiteRecoveryPlan,
    takeover: Takeover,
    before: Sequence[dict[str, Any]],
    made: Mapping[str, Made],
) -> tuple[list[str], RecoveryError | None]:
    """Bring the traffic back to where it was before, the last switch first; one that fails keeps no other one from
    being tried. Return what was switched, and what is not back."""
    refuse_other_switches(plan, takeover)
    done, failed = [], []
    for switch, was in reversed(list(zip(takeover.switch, before, strict=True))):
        what = described(switch)
        log.info("Switching back: %s", what)
        try:
            if _put_back(there, switch, was, plan, made):
                done.append(what)
        except LifeboatError as error:
            log.error("Not switched back: %s: %s", what, error)
            failed.append(f"{what}: {error.message}")
    if not failed:
        return done, None
    return done, RecoveryError(
        f"Not switched back: {'; '.join(failed)}. Switched back: {', '.join(done) or 'nothing'}.",
        next_step="See the log above; correct that and repeat, or switch it by hand.",
    )


def _put_back(
    there: Runtime, switch: Switch, was: dict[str, Any], plan: SiteRecoveryPlan, made: Mapping[str, Made]
) -> bool:
    """Bring one switch back, and return whether there is a way back."""
    if isinstance(switch, RecordSwitch):
        cloud = _cloud_of(there, switch)
        finish(cloud, set_record(cloud, Record(**was)))
    elif isinstance(switch, TargetsSwitch):
        cloud = _cloud_of(there, switch)
        finish(cloud, set_targets(cloud, switch.group, cloud.region, [Member(**each) for each in was["members"]]))
    elif switch.back:
        _run(switch, switch.back, plan, made)
    else:
        log.warning("%s has no way back in the deployment file: do it by hand", described(switch))
        return False
    return True


def _read(there: Runtime, switch: Switch) -> dict[str, Any]:
    if isinstance(switch, RecordSwitch):
        cloud = _cloud_of(there, switch)
        return read_record(cloud, switch.zone, switch.name, switch.type, switch.set_identifier).document()
    if isinstance(switch, TargetsSwitch):
        cloud = _cloud_of(there, switch)
        members = read_targets(cloud, switch.group, cloud.region)
        return {"members": [{"id": each.id, "port": each.port} for each in members]}
    if LocalHost().find_tool(switch.run[0]) is None:
        raise ToolError(
            f"There is no program '{switch.run[0]}' on this worker, which would switch traffic over.",
            next_step="Install it, or correct takeover.switch in the deployment file.",
        )
    return {}


def _cloud_of(there: Runtime, switch: RecordSwitch | TargetsSwitch) -> Cloud:
    site = there.deployment.home_site()
    account = switch.account if isinstance(switch, RecordSwitch) else None
    if account is None:
        return cloud_of_site(there, site)
    return cloud_of(there.connection(account), there.deployment.sites[site].region)


def _values(switch: RecordSwitch, made: Mapping[str, Made]) -> list[str]:
    if switch.database:
        return [made[switch.database].address.host]
    return switch.values or [made[name].address.host for name in switch.machines]


def _run(switch: CommandSwitch, argv: Sequence[str], plan: SiteRecoveryPlan, made: Mapping[str, Made]) -> None:
    environment = {
        "LIFEBOAT_RECOVERY": plan.id,
        "LIFEBOAT_SITE": plan.site,
        "LIFEBOAT_ADDRESSES": json.dumps({name: each.address.host for name, each in made.items()}),
    }
    try:
        done = LocalHost().run(Command(list(argv), environment=environment), timeout=switch.timeout.total_seconds())
    except (CommandError, TimeoutError) as error:
        raise RecoveryError(
            f"{argv[0]}, which switches traffic, failed: {getattr(error, 'message', error)}",
            next_step="Correct it and repeat; what was switched before it stays switched.",
        ) from None
    for line in done.stdout.decode(errors="replace").splitlines():
        log.info("%s: %s", argv[0], line)
