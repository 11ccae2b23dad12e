"""What the programs of this directory tell a person in a terminal."""

import signal
import time
from contextlib import suppress

from rich.console import Console

from lifeboat.sample.airflow_server import AirflowServer

# No line is cut in two: not an address that somebody copies, nor a password.
console = Console(soft_wrap=True)


def say(message: str) -> None:
    """Print a line with the time before it."""
    console.print(f"[dim]{time.strftime('%H:%M:%S')}[/] {message}", highlight=False)


def say_login(airflow: AirflowServer) -> None:
    """Print where an Airflow is, and how to log in."""
    console.print(
        f"\nAirflow: [link={airflow.url}]{airflow.url}[/]  login: {airflow.username}  password: {airflow.password}",
        highlight=False,
    )


def wait_for_interrupt() -> None:
    """Return when a person presses Ctrl-C, or the signal that means it arrives."""
    with suppress(KeyboardInterrupt):
        while True:
            signal.pause()
