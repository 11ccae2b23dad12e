"""The state of deployments as metrics of Prometheus.

They are times of the last success, not ages: whoever scrapes computes the age, so it also grows when nothing here runs
any more. A time is 0 for what never happened.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, generate_latest, write_to_textfile

from lifeboat.catalog import Catalog
from lifeboat.deployment import Deployment
from lifeboat.objectives import Facts, Finding, evaluate, gather

_TIMES = {
    "last_backup": "Earliest instant of the newest restore point: what came later may be missing from it.",
    "last_known_good": "Earliest instant of the newest restore point that a drill has proven.",
    "last_passed_drill": "End of the newest drill that passed.",
    "last_vault_check": "When a part of the vault's data was last read and found whole.",
    "last_watch": "When the objectives were last looked at in order to tell people.",
}


def collect(catalog: Catalog, deployments: Sequence[Deployment], now: datetime, broken_files: int) -> CollectorRegistry:
    """Given deployments, and how many deployment files cannot be read, return their metrics."""
    registry = CollectorRegistry()
    broken = Gauge("lifeboat_broken_deployment_files", "Deployment files that cannot be read.", registry=registry)
    broken.set(broken_files)
    times = {name: _gauge(registry, f"{name}_timestamp_seconds", about) for name, about in _TIMES.items()}
    points = _gauge(registry, "restore_points", "Restore points by what their newest drill says.", "verdict")
    recovery = _gauge(registry, "recovery_seconds", "How long a recovery takes, by the newest drill of all units.")
    size = _gauge(registry, "vault_size_bytes", "Size of what restore points use in the site's vault.", "site")
    allowed = _gauge(registry, "objective_seconds", "What the deployment file allows.", "objective")
    met = _gauge(registry, "objective_met", "1 if the objective is kept, 0 if it is breached.", "objective")
    for deployment in deployments:
        name, facts = deployment.name, gather(catalog, deployment, now)
        for key, time in _times(facts, catalog.looked_at(name)).items():
            times[key].labels(name).set(time.timestamp() if time else 0)
        for verdict in ("good", "failed", "unproven"):
            points.labels(name, verdict).set(sum(state.verdict == verdict for state in facts.states))
        if facts.newest_complete_drill:
            recovery.labels(name).set(facts.newest_complete_drill.rto_seconds)
        for site, count in (facts.vaults.sizes or {}).items():
            size.labels(name, site).set(count)
        for finding in evaluate(deployment, facts, now):
            _add(finding, name, allowed, met)
    return registry


def exposition(registry: CollectorRegistry) -> str:
    """Given metrics, return them as Prometheus reads them."""
    return generate_latest(registry).decode()


def write(registry: CollectorRegistry, file: Path) -> None:
    """Write metrics to a file that whoever reads it sees whole: for node_exporter's textfile collector."""
    write_to_textfile(str(file), registry)


def _gauge(registry: CollectorRegistry, name: str, about: str, *labels: str) -> Gauge:
    return Gauge(f"lifeboat_{name}", about, ["deployment", *labels], registry=registry)


def _times(facts: Facts, watched: datetime | None) -> Mapping[str, datetime | None]:
    return {
        "last_backup": facts.last_backup,
        "last_known_good": facts.last_known_good,
        "last_passed_drill": facts.last_passed_drill,
        "last_vault_check": facts.vaults.last_check,
        "last_watch": watched,
    }


def _add(finding: Finding, deployment: str, allowed: Gauge, met: Gauge) -> None:
    if finding.objective is not None and finding.unit == "seconds":
        allowed.labels(deployment, finding.name).set(finding.objective)
    if finding.state != "unknown":
        met.labels(deployment, finding.name).set(finding.state != "breached")
