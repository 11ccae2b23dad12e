"""The AWS accounts of a deployment's sites."""

from lifeboat.aws.account import cloud_of
from lifeboat.aws.cloud import Cloud
from lifeboat.errors import ConfigurationError
from lifeboat.runtime import Runtime


def cloud_of_site(runtime: Runtime, name: str) -> Cloud:
    """Given a site's name, return its account, in its region. Raise ConfigurationError when the file names none."""
    site = runtime.deployment.sites[name]
    if site.account is None:
        raise ConfigurationError(
            f"Site '{name}' has no AWS account.",
            next_step=f"Set sites.{name}.account to a connection of type aws, and sites.{name}.region.",
        )
    return cloud_of(runtime.connection(site.account), site.region)


def cloud_sites(runtime: Runtime) -> list[str]:
    """Return the names of the sites that have an AWS account."""
    return [name for name, site in runtime.deployment.sites.items() if site.account is not None]
