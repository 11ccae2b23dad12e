"""WUM, for those who still have it: `wum update <product>-<version>` makes a new pack in WUM's own directory.

WSO2 has taken WUM's pages down with it (2023-03), so only what its documents still say is relied on: `wum init`,
`wum update` and `wum describe`, whose "Product Path" is the newest pack, named
`<product>-<version>+<milliseconds>.<channel>`. No exit status is written down anywhere: none is believed alone, and the
pack has to tell a newer timestamp.
"""

import logging
import re
import shlex
from collections.abc import Sequence
from datetime import timedelta

from lifeboat.deployment import format_duration
from lifeboat.errors import ConfigurationError, PreflightError, UpdateError
from lifeboat.host import Command, Completed
from lifeboat.processes import mask
from lifeboat.wso2.pack_source import PackSource
from lifeboat.wso2.update_method import said

log = logging.getLogger(__name__)

_PRODUCT_PATH = re.compile(r"^\s*Product Path\s*:?\s*(?P<path>/.*?)\s*$", re.MULTILINE | re.IGNORECASE)


class Wum(PackSource):
    """WUM of the account that makes packs ready. It logs in anew when the deployment file names a connection; its
    password is given on a terminal, for WUM takes it from an option or a prompt alone."""

    def plan(self, products: Sequence[str]) -> str:
        if self.target.level is not None:
            raise ConfigurationError("WUM knows no update levels.", next_step="Leave the level empty: the newest.")
        if self._run(["sh", "-c", "command -v wum"]).exit_status:
            raise PreflightError(
                f"WUM is not on the PATH of the account that makes packs ready on host '{self.host.name}'.",
                next_step="Install it there, or set update.pack_host and update.pack_run_as to where it is.",
            )
        if self.settings.connection is not None:
            self._password()
        for product in products:
            found = self.look(self._newest(product)).product
            if found != product:
                raise PreflightError(
                    f"WUM's newest pack of {product} on host '{self.host.name}' is {found}.",
                    next_step="Remove it by `wum delete`; see `wum list`.",
                )
        return "WUM's newest pack, by `wum update`"

    def make(self, product: str, place: str) -> str:
        if self.settings.connection is not None:
            self._log_in()
        done = self._wum("update", product, self.settings.channel)
        if done.exit_status:
            raise self._failed(f"`wum update {product}`", done)
        return self._newest(product)

    def _newest(self, product: str) -> str:
        """Return the newest pack that WUM has of a product."""
        done = self._wum("describe", product, self.settings.channel)
        match = _PRODUCT_PATH.search(done.stdout.decode(errors="replace"))
        if done.exit_status or match is None:
            raise PreflightError(
                f"WUM has no pack of {product} on host '{self.host.name}': {said(done) or 'it says nothing'}",
                next_step=f"Add it there: `wum add {product}`, or `wum add --file <zip>`. See `wum list`.",
            )
        return match["path"]

    def _log_in(self) -> None:
        login, password = self._password()
        payload = {
            "argv": ["wum", "init", "-u", login],
            "directory": "/",
            "environment": self.settings.environment,
            "password": password,
            "seconds": self._seconds,
        }
        found = self.host.run_python("lifeboat.wso2.prompt", payload, run_as=self.run_as)
        if found["status"] is None:
            raise self._took_too_long("wum init")
        if found["status"]:
            output = mask(found["output"], [password])
            raise self._failed("WUM's login", Completed(found["status"], output.encode(), ""))

    def _password(self) -> tuple[str, str]:
        connection = self.connection(self.settings.connection or "")
        return connection.require("login"), connection.require("password")

    def _wum(self, *arguments: str) -> Completed:
        argv = ["wum", *arguments]
        try:
            done = self._run(argv)
        except TimeoutError:
            raise self._took_too_long(shlex.join(argv[:2])) from None
        log.info("%s ended with status %d: %s", shlex.join(argv), done.exit_status, said(done) or "(nothing)")
        return done

    def _run(self, argv: Sequence[str]) -> Completed:
        command = Command(argv, environment=self.settings.environment, run_as=self.run_as)
        return self.host.run_lasting(command, timeout=self._seconds, accept=range(256))

    @property
    def _seconds(self) -> float:
        return self.settings.timeout.total_seconds()

    def _failed(self, what: str, done: Completed) -> UpdateError:
        return UpdateError(
            f"{what} failed with status {done.exit_status} on host '{self.host.name}': {said(done)}",
            next_step="Run it there by hand, under the account that makes packs ready.",
        )

    def _took_too_long(self, what: str) -> UpdateError:
        return UpdateError(
            f"`{what}` on host '{self.host.name}' was ended: it was not done after "
            f"{format_duration(timedelta(seconds=self._seconds))}.",
            next_step="Run it there by hand once; raise update.timeout if it only needs longer.",
        )
