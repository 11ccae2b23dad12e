"""The operators that run Puppet on a server, and that rebuild one."""

from typing import Any, ClassVar

from lifeboat_airflow.base import LifeboatOperator, log_table, open_catalog


class RunPuppetOperator(LifeboatOperator):
    """Captures a server's home, since WSO2's own modules delete it, then runs Puppet on its host.

    :param server: the server's name
    :param noop: whether Puppet only says what it would change; nothing is captured then
    """

    template_fields = ("server",)
    ui_color: ClassVar[str] = "#f3c9c9"

    def __init__(self, *, server: str, noop: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.server = server
        self.noop = noop

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.puppet_run import run_puppet

        done = run_puppet(runtime, open_catalog(), self.server, noop=self.noop)
        return {"changed": done.run.changed, "home": done.home, "safety_point": done.safety_point}


class RebuildServerOperator(LifeboatOperator):
    """Makes an empty machine a server again: Puppet, the home of a good restore point, its addresses, start, checks.

    Try again goes on with what was interrupted.

    :param server: the server's name
    :param site: the site at which it is rebuilt, or empty for the home site
    :param point: id of a restore point, or empty for the last known good of the site
    :param requested_by: who is named in the evidence
    """

    template_fields = ("server", "site", "point", "requested_by")
    ui_color: ClassVar[str] = "#f3c9c9"

    def __init__(
        self, *, server: str, site: str = "", point: str = "", requested_by: str = "Airflow", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.server = server
        self.site = site
        self.point = point
        self.requested_by = requested_by

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.rebuild import rebuild
        from lifeboat.recovery_report import print_plan, print_recovery

        def told(plan: Any) -> None:
            log_table(lambda console: print_plan(plan, console))

        with runtime.at(self.site) as there:
            done = rebuild(there, open_catalog(), self.server, self.requested_by, point=self.point, told=told)
            log_table(lambda console: print_recovery(done, console, there.option))
        return {"recovery": done.recovery, "point": done.point, "live": done.live}
