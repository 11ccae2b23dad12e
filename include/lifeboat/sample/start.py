"""`make start`: starts the Airflow whose home LIFEBOAT_AIRFLOW names, such as one that `lifeboat rescue` brought back.

Its environment is what its `.env` names, with the values of this shell: `. <directory>/environment` sets them.
"""

import os
import signal
import sys
from pathlib import Path

from lifeboat.errors import ConfigurationError, LifeboatError
from lifeboat.sample.airflow_server import AirflowServer
from lifeboat.sample.airflow_settings import kept_environment
from lifeboat.sample.console import console, say, say_login, wait_for_interrupt

REPOSITORY = Path(__file__).parents[3]


def main() -> int:
    """Run that Airflow until Ctrl-C."""
    try:
        airflow = _airflow()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a shell ignores the first in the background
            signal.signal(number, signal.default_int_handler)
        try:
            airflow.start(say)
            say_login(airflow)
            console.print("It stays up until Ctrl-C.")
            wait_for_interrupt()
            say("Stopping Airflow")
        finally:
            airflow.stop()
    except LifeboatError as error:
        console.print(f"[bold red]Error:[/] {error}", highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("Ended.")
        return 130
    return 0


def _airflow() -> AirflowServer:
    home = Path(os.environ.get("LIFEBOAT_AIRFLOW", ""))
    if not home.is_absolute() or not (home / ".env").is_file():
        raise ConfigurationError(
            f"LIFEBOAT_AIRFLOW names no home of an Airflow with its .env: '{os.environ.get('LIFEBOAT_AIRFLOW', '')}'.",
            next_step="Read the file `environment` into this shell first: . /srv/lifeboat/environment",
        )
    kept, users = kept_environment(home)
    unset = sorted(kept.keys() - os.environ.keys())
    if unset:
        raise ConfigurationError(
            f"This shell does not have what Airflow was started with: {', '.join(unset)}.",
            next_step="Read the file `environment` into this shell first: . /srv/lifeboat/environment",
        )
    return AirflowServer(
        home,
        dags_folder=REPOSITORY / "dags",
        plugins_folder=REPOSITORY / "plugins",
        environment={name: os.environ[name] for name in kept},
        users=users,
    )


if __name__ == "__main__":
    sys.exit(main())
