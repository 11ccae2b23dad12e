"""What a drill says of the WSO2 checks: only what was not already wrong at capture is red."""

from collections.abc import Collection, Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from lifeboat.wso2.check_model import CheckResult, Severity, Status


class VerdictStatus(StrEnum):
    """How a check of the restored databases compares with the same check at capture."""

    PASSED = "passed"
    KNOWN = "known"  #: it fails, but with nothing that did not fail at capture, or the deployment expects it
    NEW = "new"  #: it fails with violations that capture did not see
    LOST = "lost"  #: it ran at capture and cannot run, or is not listed, now
    SKIPPED = "skipped"  #: it could not run at capture either


class Verdict(BaseModel):
    """A drill's verdict on one check. `new_keys` may be empty when only the count or the digest tells."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    databases: list[str]
    severity: Severity
    status: VerdictStatus
    red: bool
    new_keys: list[str] = []
    reason: str = ""


def new_violations(
    captured: Sequence[CheckResult], restored: Sequence[CheckResult], known: Collection[str] = ()
) -> list[Verdict]:
    """Given a capture's and a drill's results on the same databases, return a verdict on each check.

    `known` are the names of checks that the deployment's file says may fail. A check is found again by its
    name and its databases. Only an error is ever red: when it is new or lost.
    """
    before = {_identity(result): result for result in captured}
    after = {_identity(result): result for result in restored}
    checks = {**before, **after}
    return [_verdict(checks[each], before.get(each), after.get(each), known) for each in checks]


def _identity(result: CheckResult) -> tuple[str, tuple[str, ...]]:
    return result.name, tuple(result.databases)


def _verdict(
    check: CheckResult, before: CheckResult | None, after: CheckResult | None, known: Collection[str]
) -> Verdict:
    status, new_keys, reason = _compare(before, after, known)
    return Verdict(
        name=check.name,
        title=check.title,
        databases=check.databases,
        severity=check.severity,
        status=status,
        red=check.severity is Severity.ERROR and status in {VerdictStatus.NEW, VerdictStatus.LOST},
        new_keys=new_keys,
        reason=reason,
    )


def _compare(
    before: CheckResult | None, after: CheckResult | None, known: Collection[str]
) -> tuple[VerdictStatus, list[str], str]:
    if after is None or after.status is Status.SKIPPED:
        reason = after.reason if after else "the check is not among the results of the restored databases"
        ran_before = before is not None and before.status is not Status.SKIPPED
        return (VerdictStatus.LOST if ran_before else VerdictStatus.SKIPPED), [], reason
    if after.status is Status.PASSED:
        return VerdictStatus.PASSED, [], ""
    if after.name in known:
        return VerdictStatus.KNOWN, [], "the deployment lists this check among its known violations"
    if before is None or before.status is not Status.FAILED:
        return VerdictStatus.NEW, after.violation_keys, f"{after.violation_count} violations, none at capture"
    return _compare_failures(before, after)


def _compare_failures(before: CheckResult, after: CheckResult) -> tuple[VerdictStatus, list[str], str]:
    """Compare by keys when both lists are whole, else by count and digest."""
    counts = f"{after.violation_count} violations, {before.violation_count} at capture"
    if (before.violation_count, before.violation_digest) == (after.violation_count, after.violation_digest):
        return VerdictStatus.KNOWN, [], "the same violations as at capture"
    new_keys = [key for key in after.violation_keys if _is_new(key, before)]
    if _is_whole(before) and _is_whole(after) and not new_keys:
        return VerdictStatus.KNOWN, [], f"{counts}, and none that was not there"
    return VerdictStatus.NEW, new_keys, counts


def _is_whole(result: CheckResult) -> bool:
    return result.violation_count == len(result.violation_keys)


def _is_new(key: str, before: CheckResult) -> bool:
    """A key behind the last kept one may have been there: only the first keys, sorted, are kept."""
    return key not in before.violation_keys and (_is_whole(before) or key < before.violation_keys[-1])
