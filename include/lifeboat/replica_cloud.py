"""What a restore point keeps outside of the vault, brought to the site that it is copied to."""

import logging

from lifeboat.capture import engine_for
from lifeboat.engines import load_engine
from lifeboat.errors import LifeboatError
from lifeboat.manifest import Manifest
from lifeboat.runtime import Runtime
from lifeboat.vault import Vault

log = logging.getLogger(__name__)


def copy_outside(runtime: Runtime, manifest: Manifest, vault: Vault, site: str) -> list[str]:
    """Given a manifest with the addresses of a site's vault, bring there what lies outside of it, and return what could
    not be brought for a reason that stays. Raise LifeboatError when it may be brought later."""
    failures = []
    for unit in manifest.units:
        if not load_engine(unit.members[0].engine).outside:
            continue
        try:
            engine_for(runtime, unit.unit, connected=False).copy_to(unit, vault, site)
        except LifeboatError as error:
            if not error.permanent:
                raise
            log.error("%s is not brought to site %s: %s", unit.unit, site, error)
            failures.append(f"{unit.unit}: {error.message}")
    return failures
