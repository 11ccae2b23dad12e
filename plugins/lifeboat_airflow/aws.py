"""What the operators on AWS share: the account of an Airflow connection, and waiting without a worker."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from airflow.providers.common.compat.sdk import conf
from airflow.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent

from lifeboat.errors import CloudBusyError, CloudError, ConfigurationError, LifeboatError
from lifeboat_airflow.base import permanent_errors_fail


def airflow_cloud(aws_conn_id: str | None, region_name: str | None) -> Any:
    """Given an AWS connection of Airflow's, return its account; the connection is read at once, credentials renew
    themselves as Airflow's own hook has them do."""
    from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook

    from lifeboat.aws.cloud import Cloud

    hook: Any = AwsGenericHook(aws_conn_id=aws_conn_id, region_name=region_name, client_type="rds")
    region = hook.region_name
    if not region:
        raise ConfigurationError(
            f"Connection '{aws_conn_id}' names no region.", next_step="Set region_name in its extra, or of the task."
        )
    return Cloud(
        lambda: hook.get_session(region), region, endpoint_url=hook.conn_config.endpoint_url or None, verify=hook.verify
    )


class CloudTrigger(BaseTrigger):
    """Waits in the triggerer for what `lifeboat.aws.waiting` can look at, and tells how it ended.

    :param target: the target's document
    :param longest: the most seconds to wait
    :param pause: the most seconds between two looks
    """

    def __init__(
        self, target: dict[str, Any], aws_conn_id: str | None, region_name: str | None, longest: float, pause: float
    ) -> None:
        super().__init__()
        self.target = target
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.longest = longest
        self.pause = pause

    def serialize(self) -> tuple[str, dict[str, Any]]:
        names = ("target", "aws_conn_id", "region_name", "longest", "pause")
        return "lifeboat_airflow.aws.CloudTrigger", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        import asyncio

        from asgiref.sync import sync_to_async

        from lifeboat.aws.waiting import Limits, Target, Watch

        limits = Limits(longest=timedelta(seconds=self.longest), pause=timedelta(seconds=self.pause))
        try:
            # The connection comes from Airflow, which answers in its own loop alone; looks need only the network.
            cloud = await sync_to_async(airflow_cloud)(self.aws_conn_id, self.region_name)
            watch = Watch(cloud, Target(**self.target), limits)
            while not await asyncio.to_thread(watch.look):
                await asyncio.sleep(watch.pause())
        except LifeboatError as error:
            yield TriggerEvent({"error": error.message, "next_step": error.next_step, "permanent": error.permanent})
            return
        yield TriggerEvent({})


def raise_what_ended(event: dict[str, Any]) -> None:
    """Given what a CloudTrigger tells, raise what ended its wait, unless that ended well."""
    with permanent_errors_fail():
        if error := event.get("error"):
            raise (CloudError if event["permanent"] else CloudBusyError)(error, next_step=event["next_step"])


class CloudOperator(BaseOperator):
    """An operator whose work is a `lifeboat.aws.work.Work`: begun again after each wait, it finds what it has made.

    :param deployment: name of the deployment, for the tag lifeboat:deployment
    :param purpose: backup, drill, rehearsal or recovery, for the tag lifeboat:purpose
    :param run: what the thing is made for, for the tag lifeboat:run; by default the run of the DAG. The same run never
        makes a thing twice.
    :param expires_after: how long after the run was due the thing may be removed as a leftover; None for never
    :param aws_conn_id: the AWS connection
    :param region_name: the region, where it is not the connection's
    :param longest: how long each wait may take
    :param pause: the most time between two looks
    :param deferrable: whether the task waits in the triggerer, without a worker
    """

    template_fields: Sequence[str] = ("deployment", "run", "aws_conn_id", "region_name")
    ui_color: ClassVar[str] = "#f9d9ae"

    def __init__(
        self,
        *,
        deployment: str,
        purpose: str,
        run: str = "{{ run_id }}",
        expires_after: timedelta | None = None,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        longest: timedelta = timedelta(hours=12),
        pause: timedelta = timedelta(seconds=30),
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.deployment = deployment
        self.purpose = purpose
        self.run = run
        self.expires_after = expires_after
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.longest = longest
        self.pause = pause
        self.deferrable = deferrable

    def work(self, cloud: Any, mark: Any) -> Any:
        """Return the work, whose result goes into XCom as `document` tells it."""
        raise NotImplementedError

    def document(self, result: Any) -> Any:
        """Given what the work has made, return it as small JSON."""
        return result.document()

    def execute(self, context: Any) -> Any:
        return self._advance(context)

    def resume(self, context: Any, event: dict[str, Any]) -> Any:
        """Go on after a wait. Raise what ended it."""
        raise_what_ended(event)
        return self._advance(context)

    def _advance(self, context: Any) -> Any:
        from lifeboat.aws.names import Mark
        from lifeboat.aws.waiting import Limits
        from lifeboat.aws.work import Done, advance, finish

        expires = context["dag_run"].run_after + self.expires_after if self.expires_after else None
        with permanent_errors_fail():
            cloud = airflow_cloud(self.aws_conn_id, self.region_name)
            work = self.work(cloud, Mark(self.deployment, self.run, self.purpose, expires))  # type: ignore[arg-type]
            if not self.deferrable:
                return self.document(finish(cloud, work, Limits(longest=self.longest, pause=self.pause)))
            reached = advance(cloud, work)
            if isinstance(reached, Done):
                return self.document(reached.result)
        trigger = CloudTrigger(
            reached.document(),
            self.aws_conn_id,
            self.region_name,
            self.longest.total_seconds(),
            self.pause.total_seconds(),
        )
        self.defer(trigger=trigger, method_name="resume")
