"""The part of a deployment file about Puppet."""

from datetime import timedelta

from pydantic import Field

from lifeboat.deployment_model import Model
from lifeboat.deployment_values import AbsolutePath, Duration, PuppetWord


class Puppet(Model):
    """Puppet on the server's host; its agent is disabled while the server is restored or updated."""

    manifest: AbsolutePath | None = Field(
        None, description="Manifest that `puppet apply` applies; without it the agent asks its Puppet server."
    )
    environment: PuppetWord | None = Field(None, description="Environment of Puppet, by default its own setting.")
    modulepath: list[AbsolutePath] = Field([], description="Where `puppet apply` finds modules.")
    run_as: str = Field("root", description="Account that runs Puppet: by the login itself, or through sudo.")
    facts: dict[PuppetWord, str] = Field(
        {}, description="Facts of these runs, such as `profile`, which WSO2's own modules read. No secrets."
    )
    settings: dict[PuppetWord, bool | str] = Field(
        {},
        description="Further settings of Puppet by their names in puppet.conf, such as `confdir`; true or false for "
        "those that are only that. No secrets.",
    )
    timeout: Duration = Field(timedelta(hours=1), description="The longest that a run may take, or be waited for.")
