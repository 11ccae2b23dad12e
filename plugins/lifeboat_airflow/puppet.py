"""The operator that runs Puppet on a server."""

from typing import Any, ClassVar

from lifeboat_airflow.base import LifeboatOperator, open_catalog


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
