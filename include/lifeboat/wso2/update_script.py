"""An automation script of the user's own (Ansible, Puppet, a vendor's): any command that updates a home."""

from typing import ClassVar

from lifeboat.errors import ConfigurationError
from lifeboat.wso2.identity import ProductIdentity
from lifeboat.wso2.update_method import UPDATED, UpdateMethod


class Script(UpdateMethod):
    """The command of `update.script`, run on the server's host under the account of the home."""

    name: ClassVar[str] = "script"

    def preflight(self, before: ProductIdentity) -> list[str]:
        if not self.settings.script:
            raise ConfigurationError(
                "The method script needs a command, and the deployment file names none.",
                next_step="Set update.script to the command (argv) that updates a home.",
            )
        return []

    def update(self, before: ProductIdentity) -> None:
        level = "" if self.target.level is None else str(self.target.level)
        known = {
            "LIFEBOAT_HOME": self.server.home,
            "LIFEBOAT_SERVER": self.server_name,
            "LIFEBOAT_TARGET_LEVEL": level,
        }
        environment = {**self.settings.environment, **known}
        done = self.run_again(lambda: self.run_tool(self.settings.script, environment=environment))
        if done.exit_status != UPDATED:
            raise self.failed(done)
