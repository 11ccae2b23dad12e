"""Which restore points operations need that are written down in the vault: begun and not ended, or ended so recently
that what they left may still be taken back."""

from lifeboat.catalog import Catalog
from lifeboat.deployment import Deployment
from lifeboat.recovery_documents import RecoveryEvidence, RecoveryJournal
from lifeboat.site_recovery_documents import SiteRecoveryEvidence, SiteRecoveryJournal
from lifeboat.update_documents import UpdateEvidence, UpdateJournal


def uses_by_journals(catalog: Catalog, deployment: Deployment) -> dict[str, str]:
    """Given a deployment, return the points that its journals need, each with what needs it."""
    return {
        **_sites(catalog, deployment.name),
        **_recoveries(catalog, deployment),
        **_updates(catalog, deployment.name),
    }


def discarded(catalog: Catalog, deployment: str) -> set[str]:
    """Return the recoveries whose swapped-out copies housekeeping has removed."""
    records = catalog.upkeep(deployment)
    return {each.name for record in records for each in record.removed if each.kind == "swapped_out"}


def ended_recoveries(catalog: Catalog, deployment: str) -> dict[str, RecoveryEvidence]:
    """Return the newest evidence of each recovery after which all was new or all was old."""
    documents = [each for each in catalog.recoveries(deployment) if isinstance(each, RecoveryEvidence)]
    newest = {each.recovery: each for each in documents}  # they come oldest first
    return {recovery: each for recovery, each in newest.items() if each.live != "mixed"}


def journals(catalog: Catalog, deployment: str) -> dict[str, RecoveryJournal]:
    """Return the journal of each recovery, but for those of which all is gone that they were made on: rehearsals, and
    recoveries of a site that were given up. They need nothing."""
    of_sites = (each for each in catalog.site_recoveries(deployment) if isinstance(each, SiteRecoveryEvidence))
    given_up = {each.recovery for each in of_sites if each.given_up}
    found = (each for each in catalog.recoveries(deployment) if isinstance(each, RecoveryJournal))
    return {each.recovery: each for each in found if not each.plan.request.rehearsal and each.recovery not in given_up}


def in_file(journal: RecoveryJournal, deployment: Deployment) -> bool:
    """Return whether the deployment file still names all that a recovery replaced."""
    return {each.unit for each in journal.plan.replacements} <= set(deployment.units())


def _recoveries(catalog: Catalog, deployment: Deployment) -> dict[str, str]:
    ended, done = ended_recoveries(catalog, deployment.name), discarded(catalog, deployment.name)
    found = {}
    for recovery, journal in journals(catalog, deployment.name).items():
        if recovery not in ended:
            found[journal.point] = f"recovery {recovery}, which is neither finished nor undone"
        elif recovery not in done and in_file(journal, deployment):
            found.setdefault(journal.point, f"what recovery {recovery} swapped out, until that is discarded")
    return found


def _sites(catalog: Catalog, deployment: str) -> dict[str, str]:
    documents = catalog.site_recoveries(deployment)
    ended = {each.recovery for each in documents if isinstance(each, SiteRecoveryEvidence) and each.ended}
    return {
        each.point: f"recovery {each.recovery} of site {each.site}, which is neither finished nor given up"
        for each in documents
        if isinstance(each, SiteRecoveryJournal) and each.recovery not in ended and not each.plan.rehearsal
    }


def _updates(catalog: Catalog, deployment: str) -> dict[str, str]:
    documents = catalog.updates(deployment)
    ended = {
        each.attempt
        for each in documents
        if isinstance(each, UpdateEvidence) and each.outcome in ("updated", "rolled_back")
    }
    return {
        each.point: f"update {each.update} of {each.server}, which is neither done nor rolled back"
        for each in documents
        if isinstance(each, UpdateJournal) and each.attempt not in ended
    }
