"""Servers that several suites use: each is started once, and only when a test asks for it."""

from collections.abc import Iterator

import pytest

from tests.support.sshd import TestSshd


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have counted: what they recorded as the property `counted`, also in another process."""
    reports = [report for group in terminalreporter.stats.values() for report in group if hasattr(report, "when")]
    counted = [
        value
        for report in reports
        if report.when == "call"
        for name, value in report.user_properties
        if name == "counted"
    ]
    if counted:
        terminalreporter.section("counted")
        for line in counted:
            terminalreporter.write_line(str(line))


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestSshd]:
    """A real sshd into which the account of the tests can log in."""
    server = TestSshd(tmp_path_factory.mktemp("sshd"))
    yield server
    server.stop()
