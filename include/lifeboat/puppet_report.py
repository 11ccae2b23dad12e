"""What a run of Puppet reported: the counts, and the resources that failed, of its last_run_report.yaml."""

from dataclasses import dataclass
from typing import Any

import yaml

from lifeboat.errors import DocumentError


class _RubyLoader(yaml.SafeLoader):
    """Reads Ruby's objects as the plain data that they hold; nothing of them is made."""


def _plain(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.ScalarNode)
    return loader.construct_scalar(node)


_RubyLoader.add_multi_constructor("!ruby/", _plain)


@dataclass(frozen=True)
class PuppetReport:
    """The numbers of resources that a run changed, that failed in it, and that were not as they should be; how long
    it took; and what failed, as `File[/opt/x] (site.pp:12): message`."""

    total: int
    changed: int
    failed: int
    out_of_sync: int
    seconds: float
    failures: tuple[str, ...] = ()
    failed_resources: tuple[str, ...] = ()

    def __str__(self) -> str:
        return (
            f"{self.total} resources, {self.changed} changed, {self.failed} failed, {self.out_of_sync} out of sync, "
            f"{self.seconds:.1f} s"
        )


def read_report(text: bytes) -> PuppetReport:
    """Given the content of last_run_report.yaml, return what it says. Raise DocumentError if it is no report."""
    try:
        document = yaml.load(text, Loader=_RubyLoader)  # noqa: S506, it is a SafeLoader
        metrics = document["metrics"]
        counts = {name: value for name, _, value in metrics["resources"]["values"]} if "resources" in metrics else {}
        times = {name: value for name, _, value in metrics["time"]["values"]} if "time" in metrics else {}
        failed = {
            name: status
            for name, status in document["resource_statuses"].items()
            if status["failed"] or status.get("failed_to_restart")
        }
        return PuppetReport(
            total=int(counts.get("total", 0)),
            changed=int(counts.get("changed", 0)),
            failed=max(len(failed), int(counts.get("failed", 0))),
            out_of_sync=int(counts.get("out_of_sync", 0)),
            seconds=float(times.get("total", 0.0)),
            failures=tuple(_failure(name, status, document.get("logs") or ()) for name, status in failed.items()),
            failed_resources=tuple(failed),
        )
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DocumentError(
            f"The report of Puppet is of a form that Lifeboat does not know: {error!r}.",
            next_step="Look into last_run_report.yaml; Lifeboat reads report format 12, of Puppet 7.",
        ) from None


def _failure(name: str, status: Any, logs: Any) -> str:
    place = f" ({status['file']}:{status['line']})" if status.get("file") else ""
    messages = [event["message"] for event in status.get("events") or () if event["status"] == "failure"]
    if not messages:  # it failed before there was an event, or when it was restarted
        messages = [line["message"] for line in logs if line["level"] == "err" and line["source"].endswith(f"/{name}")]
    return f"{name}{place}: {'; '.join(messages) or 'the log says why'}"
