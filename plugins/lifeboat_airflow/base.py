"""What all operators share: the runtime with Airflow's connections, and the mapping of errors."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from airflow.sdk import BaseHook, BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from lifeboat.connections import Connection, unset_connection
from lifeboat.errors import LifeboatError

log = logging.getLogger(__name__)


def airflow_connection(connection_id: str) -> Connection:
    """Given a connection's id, return Airflow's connection. Raise ConfigurationError when it is not set."""
    try:
        found = BaseHook.get_connection(connection_id)
    except AirflowNotFoundException:
        raise unset_connection(connection_id) from None
    return Connection(
        id=connection_id,
        type=found.conn_type or "",
        host=found.host or "",
        port=found.port,
        login=found.login or "",
        password=found.password or "",
        schema=found.schema or "",
        extra=found.extra_dejson,
    )


@contextmanager
def permanent_errors_fail() -> Iterator[None]:
    """Let Airflow retry what may pass and fail at once on what is permanent; the message says the next step."""
    try:
        yield
    except LifeboatError as error:
        if error.permanent:
            raise AirflowFailException(str(error)) from error
        raise


class LifeboatOperator(BaseOperator):
    """An operator on one deployment. Its work is done by `run`, with the deployment's runtime.

    :param deployment: name of the deployment, whose file is read anew when the task runs
    """

    ui_color = "#d5e8f0"

    def __init__(self, *, deployment: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.deployment = deployment

    def execute(self, context: Any) -> Any:
        from lifeboat.deployment_file import find_deployment
        from lifeboat.runtime import Runtime

        with permanent_errors_fail(), Runtime(find_deployment(self.deployment), airflow_connection) as runtime:
            queues = {host.queue for host in runtime.deployment.hosts.values()}
            if self.queue in queues:  # then this worker is the host behind it
                os.environ["LIFEBOAT_QUEUE"] = self.queue
            return self.run(runtime, context)

    def run(self, runtime: Any, context: Any) -> Any:
        """Do the work and return what goes into XCom: small JSON."""
        raise NotImplementedError

    def on_kill(self) -> None:
        """End the task's children; the task then fails by itself. Airflow calls this in a signal handler."""
        from lifeboat.processes import end_all

        Thread(target=end_all, name="on_kill").start()


def open_catalog() -> Any:
    """Return the catalog, by Airflow's connections."""
    from lifeboat.catalog import Catalog, catalog_url

    return Catalog(catalog_url(airflow_connection))


def task_states(instance: Any, run: Any) -> dict[str, str]:
    """Given a task instance and its run, return the state of each task of the run."""
    found: dict[str, str] = instance.get_task_states(dag_id=run.dag_id, run_ids=[run.run_id])[run.run_id]
    return found


def log_table(print_table: Any) -> None:
    """Given a function that prints to a console, put what it prints into the task's log, line by line."""
    from io import StringIO

    from rich.console import Console

    text = StringIO()
    print_table(Console(file=text, width=140))
    for line in text.getvalue().splitlines():
        log.info("%s", line)
