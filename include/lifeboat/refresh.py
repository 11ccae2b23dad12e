"""The catalog of a deployment, made again from a vault alone."""

from lifeboat.catalog import Catalog
from lifeboat.documents import Found, read_documents
from lifeboat.runtime import Runtime
from lifeboat.upkeep_documents import read_upkeep


def refresh(runtime: Runtime, catalog: Catalog, site: str | None = None) -> Found:
    """Replace what the catalog keeps of a deployment by what its home vault holds, or that of another site, and return
    the documents with what was refused. What others add meanwhile stays, and so do leases."""
    name, site = runtime.deployment.name, site or runtime.deployment.home_site()
    kept, known = catalog.kept(name), {record.id for record in catalog.upkeep(name)}
    vault, verifier = runtime.vault(site), runtime.verifier()
    found = read_documents(vault, verifier, name)
    catalog.rebuild(name, found.manifests, found.evidence, kept)
    records, refused = read_upkeep(vault, verifier, name, known)
    catalog.add_upkeep(records)
    found.refused.extend(refused)
    return found
