"""Stops and starts one WSO2 server, and tells what it is doing.

No exit status is believed: the start script of WSO2 returns at once with status 0 whatever happens, `stop` only
sends a signal, and both do nothing, or hit a stranger, when the PID file is stale. So a server is stopped when none
of its processes is there and its ports are free, has started when its log says so in a line written since, and is
healthy when its health URL answers 200. Lifeboat never kills a server that does not end; a person decides that.

Everything is looked at on the server's own host (`lifeboat.wso2.server_probe`). A server that is started by its script
lives in a session of its own and outlives the task that started it, but not the service or container that the
worker runs in: for a worker under systemd give the server a unit.
"""

import logging
from typing import Any

from lifeboat.deployment import Control
from lifeboat.errors import (
    CommandError,
    ConfigurationError,
    LifeboatError,
    PreflightError,
    ServerError,
    ToolError,
    UnreachableError,
)
from lifeboat.host import Command
from lifeboat.wso2.identity import ProductIdentity, read_identity
from lifeboat.wso2.server_health import HealthCheck, health_check, main_port
from lifeboat.wso2.server_on_host import ServerOnHost
from lifeboat.wso2.server_state import ServerState
from lifeboat.wso2.server_switches import dangerous_switches
from lifeboat.wso2.server_waiting import Waiting
from lifeboat.wso2.start_order import start_groups, stop_groups

__all__ = ["ServerControl", "ServerState", "start_groups", "stop_groups"]

log = logging.getLogger(__name__)

#: What a server logs when it has started (carbon-kernel and micro-integrator, StartupFinalizer…java).
STARTED = r"WSO2 [\w .-]*started in [\d.]+ sec"

_SCRIPT_SECONDS = 60.0
_ANSWER_SECONDS = 10.0
#: A started server that has no process after this long never had one, or has ended.
_APPEARS_SECONDS = 5.0
_HOOK_SECONDS = 600.0


class ServerControl(ServerOnHost):
    """Stops and starts one server of a deployment."""

    def preflight(self) -> None:
        """Check, and change nothing, that the server can be stopped and started. Raise what is wrong.

        A home that is not there yet is no problem, since a recovery brings it.
        """
        state = self.state()
        if self.server.control is None:
            if state.running:
                self._control("stop")
            return
        if self._unit is not None:
            self._unit.check()
            self._refuse_foreign_start(state)
        if state.owner is not None:
            self._refuse_other_account(state)
            self._check_script()
        self.refuse_dangerous_switches()

    def refuse_dangerous_switches(self) -> None:
        """Raise ServerError if the server would be started with a switch that destroys data."""
        control = self._control("start")
        texts, files = {}, []
        if self._unit is not None:
            texts[self._unit.name] = self._unit.text()
            files = self._unit.environment_files()
        found = self._ask("options", environment=control.environment, files=files)
        start_script = f"{self.server.home}/{control.script}" if control.script else None
        variables = found["environment"] if control.script else {}
        places = dangerous_switches(start_script, {**texts, **found["files"]}, variables)
        if places:
            raise ServerError(
                f"Server '{self.name}' would be started with a switch that destroys data: {'; '.join(places)}.",
                next_step="Take the switch out there; it belongs into a set-up or migration, never into a start.",
            )

    def drain(self) -> None:
        """Take the server out of its load balancer, if the deployment file says how. Raise ServerError."""
        self._hook("drain", self.server.drain)

    def undrain(self) -> None:
        """Put the server back into its load balancer, if the deployment file says how. Raise ServerError."""
        self._hook("undrain", self.server.undrain)

    def stop(self, *, drained: bool = False) -> bool:
        """Drain, unless that is done, and stop the server; return when it is down, True if it ran, False if it was
        down already.

        Raise ServerError when it does not end in time (it is left as it is), or was not started in the way
        that `control` names; ConfigurationError when it runs and there is no `control`.
        """
        state = self.state()
        if not state.running:
            log.info("Server %s is down already", self.name)
            return False
        control = self._control("stop")
        self._refuse_foreign_start(state)
        if not drained:
            self.drain()
        log.info("Stopping server %s, process %s", self.name, state.pid)
        self._ask_to_stop(state)
        self._wait_for_the_end(state, control.stop_timeout.total_seconds())
        log.info("Server %s is down", self.name)
        return True

    def start(self) -> bool:
        """Start the server and return when its log says that it started; False if it runs already.

        First the PID file of a dead server is removed and `tmp` is emptied. `health` and `undrain` come next.
        Raise ServerError when it ends early, is not up in time, or would start with a dangerous switch.
        """
        state = self.state()
        if state.running:
            log.info("Server %s runs already, process %s", self.name, state.pid)
            return False
        control = self._control("start")
        self._refuse_unfit_start(state)
        cleared = self._ask("clear")
        for path in cleared["removed"]:
            log.info("Removed %s, which named no process of server %s", path, self.name)
        position = self.state().log_position
        log.info("Starting server %s", self.name)
        said = self._launch(control)
        self._wait_for_the_start(position, said, control.start_timeout.total_seconds())
        return True

    def health(self) -> str:
        """Wait until the server is healthy, and return what said so. Raise ServerError when it is not in time.

        Certificates are not verified: those of WSO2 are self-signed until somebody replaces them.
        """
        check = self._health_check()
        seconds = (self.server.control or Control(script="bin")).start_timeout.total_seconds()
        waiting = Waiting(f"Server {self.name} is not healthy yet", seconds)
        while True:
            problem = self._unhealthy(check)
            if problem is None:
                log.info("Server %s is healthy by %s", self.name, check)
                return str(check)
            if not self.state().running:
                raise self._error("has ended", f"while {check} was asked: {problem}", self._read_the_log())
            if waiting.is_over(problem):
                detail = f"after {waiting.limit}: {check} says: {problem}"
                raise self._error("is not healthy", detail, self._read_the_log())

    def bring_up(self) -> str:
        """Start the server, wait until it is healthy, undrain it, and return what said that it is healthy."""
        self.start()
        answer = self.health()
        self.undrain()
        return answer

    # Stopping

    def _ask_to_stop(self, state: ServerState) -> None:
        """By the unit; or by the script, which signals the process of the PID file: where that is not the
        server's, send the same signal to the server itself."""
        control = self._control("stop")
        if self._unit is not None:
            self._unit.stop()
        elif state.has_pid_file and not state.stale_pid_files:
            done = self._run_script(control, "stop")
            log.info("%s stop: status %s %s", control.script, done["status"], done["output"])
        else:
            done = self._ask("terminate")
            log.warning("Server %s has no PID file of its own; sent SIGTERM to %s", self.name, done["signalled"])

    def _wait_for_the_end(self, before: ServerState, seconds: float) -> None:
        port = main_port(self.server, self._layout)
        watched = before.ports or ({port} & before.listening)
        waiting = Waiting(f"Server {self.name} has not ended yet", seconds)
        while True:
            now = self._look_again("settle")
            if now is not None and not now.running and not watched & now.listening:
                return
            if not waiting.is_over():
                continue
            if now is None or now.running:
                raise self._error(
                    "did not end",
                    f"within {waiting.limit}: process {now.pid if now else before.pid} is still there. "
                    "Nothing was killed.",
                    f"Look what it does (jstack, {self.server.home}/repository/logs), end it by hand, then go on; "
                    "raise control.stop_timeout if it only needs longer.",
                )
            ports = ", ".join(map(str, sorted(watched & now.listening)))
            raise self._error(
                "has ended, but its ports are held",
                f"by another process: {ports}.",
                "See who holds them (ss -ltnp) and end that by hand, then go on.",
            )

    # Starting

    def _refuse_unfit_start(self, state: ServerState) -> None:
        if self._unit is not None:
            self._unit.check()
        self._refuse_other_account(state)
        self._check_script()
        self.refuse_dangerous_switches()
        port = main_port(self.server, self._layout)
        if port in state.listening:
            log.warning(
                "Port %d, which server %s listens on by its offset, is taken by another process", port, self.name
            )

    def _launch(self, control: Control) -> str:
        """Start the server and return what the script printed."""
        if self._unit is not None:
            self._unit.start()
            return ""
        done = self._run_script(control, "start")
        return f"{control.script} start ended with status {done['status']}: {done['output']}"

    def _run_script(self, control: Control, argument: str) -> Any:
        """Run the script and return its status and output. A connection that is lost meanwhile says nothing about
        the server: what it does is seen afterwards."""
        payload = {"script": control.script, "argument": argument, "environment": control.environment}
        try:
            return self._ask("launch", seconds=_SCRIPT_SECONDS, **payload)
        except (UnreachableError, TimeoutError) as error:
            log.warning("Server %s: the end of its script was not seen: %s", self.name, error)
            return {"status": None, "output": str(error)}

    def _wait_for_the_start(self, position: Any, said: str, seconds: float) -> None:
        waiting = Waiting(f"Server {self.name} has not started yet", seconds)
        seen, absent = False, 0
        while True:
            now = self._look_again("look", since=position, marker=STARTED)
            if now is not None and now.running and now.started:
                log.info("Server %s has started: %s", self.name, now.started.strip())
                return
            if now is not None:
                seen, absent = seen or now.running, 0 if now.running else absent + 1
                if absent > 1 and (seen or waiting.passed > _APPEARS_SECONDS or "already running" in said):
                    raise self._not_started("ended before it had started", now, said)
            if waiting.is_over():
                raise self._not_started(f"has not started within {waiting.limit}", now, said)

    def _not_started(self, what: str, state: ServerState | None, said: str) -> ServerError:
        tail = state.log_tail if state else ()
        logged = "\n".join(tail) if tail else f"(nothing was logged since) {said}"
        return self._error(what, f". The end of its log:\n{logged}", self._read_the_log())

    # Health

    def _health_check(self) -> HealthCheck:
        identity = ProductIdentity() if self.server.health_url else read_identity(self._read)
        return health_check(self.server, self._layout, identity)

    def _unhealthy(self, check: HealthCheck) -> str | None:
        """Ask once, and return what is wrong, or None."""
        try:
            answer = self._ask("ask", url=check.url, port=check.port, seconds=_ANSWER_SECONDS)
            nobody_serves_it = answer["status"] == 404 or answer.get("refused")
            if nobody_serves_it and not check.certain:
                answer = self._ask("ask", url="", port=check.port, seconds=_ANSWER_SECONDS)
        except (UnreachableError, TimeoutError) as error:
            return str(error)
        if answer["status"] == 200:
            return None
        return f"{answer['status'] or 'no answer'}: {answer['body'].strip()[:500]}"

    # What is checked before

    def _control(self, verb: str) -> Control:
        """Return how to stop and start the server. Raise ConfigurationError if the deployment file does not say."""
        if self.server.control is None:
            raise ConfigurationError(
                f"Server '{self.name}' has no `control` in the deployment file, so Lifeboat cannot {verb} it.",
                next_step=f"{verb.capitalize()} it by hand, or add control.unit or control.script to "
                f"servers.{self.name}.",
            )
        return self.server.control

    def _refuse_foreign_start(self, state: ServerState) -> None:
        if self._unit is not None and state.running and not self._unit.active:
            raise ServerError(
                f"Server '{self.name}' runs (process {state.pid}), but not by its unit '{self._unit.name}', which "
                "is not active: stopping the unit would not stop it.",
                next_step="Stop it by hand in the way that it was started, then go on.",
            )

    def _refuse_other_account(self, state: ServerState) -> None:
        if state.owner is not None and state.owner != state.account:
            raise PreflightError(
                f"The home of server '{self.name}' belongs to '{state.owner}', but it would be started as "
                f"'{state.account}', which leaves files that the server cannot write later.",
                next_step=f"Set servers.{self.name}.run_as to {state.owner} in the deployment file.",
            )

    def _check_script(self) -> None:
        script = self._control("start").script
        if script is None:
            return
        path = f"{self.server.home}/{script}"
        found = self.host.run(Command(["test", "-x", path, "-a", "-f", path], run_as=self.server.run_as), accept=(0, 1))
        if found.exit_status != 0:
            raise PreflightError(
                f"The start script of server '{self.name}' is not there or cannot be run: '{path}' on host "
                f"'{self.host.name}'.",
                next_step="Correct control.script in the deployment file, or the mode of the file.",
            )

    # Load balancers

    def _hook(self, what: str, argv: list[str]) -> None:
        if not argv:
            return
        command = Command(argv, run_as=self.server.run_as)
        log.info("Server %s: %s by %s", self.name, what, command)
        try:
            self.host.run(command, timeout=_HOOK_SECONDS)
        except (CommandError, ToolError, TimeoutError) as error:
            message = error.message if isinstance(error, LifeboatError) else str(error)
            raise ServerError(
                f"Server '{self.name}' was not {what}ed: {message}",
                next_step=f"Do by hand what `{what}` should have done and take it out of the deployment file for now, "
                "or correct it.",
            ) from None
