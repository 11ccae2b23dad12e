"""A drill's verdicts: known violations stay green, new ones and lost checks turn red."""

import pytest

from lifeboat.wso2.check_model import Findings
from lifeboat.wso2.checks import CheckResult, Severity, Status, VerdictStatus, new_violations


def result(name: str = "role-permission", *keys: str, severity: Severity = Severity.ERROR) -> CheckResult:
    """A check that ran and found these keys, as `run_checks` would say it."""
    findings = Findings()
    for key in keys:
        findings.add(key)
    return CheckResult(
        name=name,
        title="A rule.",
        databases=["shared_db"],
        severity=severity,
        status=Status.FAILED if keys else Status.PASSED,
        violation_count=findings.count,
        violation_digest=findings.digest,
        violation_keys=sorted(findings.keys)[:200],
    )


def skipped(severity: Severity = Severity.ERROR) -> CheckResult:
    return CheckResult(
        name="role-permission",
        title="A rule.",
        databases=["shared_db"],
        severity=severity,
        status=Status.SKIPPED,
        reason="table um_permission is missing",
    )


def many(*numbers: range) -> CheckResult:
    return result("role-permission", *(f"grant {number:05}" for group in numbers for number in group))


def passed() -> CheckResult:
    return result()


def failed(*keys: str) -> CheckResult:
    return result("role-permission", *keys)


@pytest.mark.parametrize(
    ("captured", "restored", "status", "red", "new_keys"),
    [
        ([passed()], [passed()], "passed", False, []),
        ([failed("a")], [passed()], "passed", False, []),
        ([], [passed()], "passed", False, []),
        ([failed("a", "b")], [failed("a", "b")], "known", False, []),
        ([failed("a", "b")], [failed("b")], "known", False, []),
        ([passed()], [failed("a")], "new", True, ["a"]),
        ([failed("a")], [failed("a", "b")], "new", True, ["b"]),
        ([failed("a")], [failed("b")], "new", True, ["b"]),
        ([], [failed("a")], "new", True, ["a"]),
        ([skipped()], [failed("a")], "new", True, ["a"]),
        ([passed()], [skipped()], "lost", True, []),
        ([failed("a")], [skipped()], "lost", True, []),
        ([passed()], [], "lost", True, []),
        ([skipped()], [skipped()], "skipped", False, []),
        ([skipped()], [], "skipped", False, []),
        # More violations than keys are kept: count and digest decide.
        ([many(range(300))], [many(range(300))], "known", False, []),
        ([many(range(300))], [many(range(301))], "new", True, []),
        ([many(range(300))], [many(range(299), range(900, 901))], "new", True, []),
        ([many(range(1, 301))], [many(range(301))], "new", True, ["grant 00000"]),
        ([many(range(300))], [many(range(50, 300))], "new", True, []),
    ],
)
def test_verdict(captured, restored, status, red, new_keys):
    [verdict] = new_violations(captured, restored)
    assert (verdict.status, verdict.red, verdict.new_keys) == (VerdictStatus(status), red, new_keys)
    assert (verdict.name, verdict.databases) == ("role-permission", ["shared_db"])


@pytest.mark.parametrize("severity", [Severity.WARNING, Severity.INFORMATION])
def test_only_errors_are_red(severity):
    for restored in ([result("role-permission", "a", severity=severity)], [skipped(severity)], []):
        [verdict] = new_violations([result(severity=severity)], restored)
        assert verdict.status in (VerdictStatus.NEW, VerdictStatus.LOST)
        assert not verdict.red


def test_a_check_listed_as_known_may_fail_but_not_get_lost():
    [verdict] = new_violations([passed()], [failed("a")], known={"role-permission"})
    assert (verdict.status, verdict.red) == (VerdictStatus.KNOWN, False)
    [verdict] = new_violations([passed()], [skipped()], known={"role-permission"})
    assert (verdict.status, verdict.red, verdict.reason) == (
        VerdictStatus.LOST,
        True,
        "table um_permission is missing",
    )


def test_a_check_is_known_by_name_and_databases():
    elsewhere = failed("a").model_copy(update={"databases": ["other_db"]})
    verdicts = {tuple(verdict.databases): verdict.status for verdict in new_violations([failed("a")], [elsewhere])}
    assert verdicts == {("shared_db",): VerdictStatus.LOST, ("other_db",): VerdictStatus.NEW}


def test_results_survive_being_stored():
    for each in (passed(), failed("a"), skipped()):
        assert CheckResult.model_validate_json(each.model_dump_json()) == each
    assert failed("a").model_dump(mode="json")["status"] == "failed"
