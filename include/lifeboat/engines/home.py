"""Homes: one WSO2 product home, captured by the rules of its layout and with the product's identity."""

from typing import Any, ClassVar

from lifeboat.engines._walks import Walked
from lifeboat.engines.tree import TreeEngine
from lifeboat.errors import ConfigurationError
from lifeboat.host import Command
from lifeboat.wso2.identity import read_identity
from lifeboat.wso2.layout import TEMPLATES, detect_layout, embedded_databases, recreated_directories, rules_for
from lifeboat.wso2.layout_rules import DROPPED, LayoutKind


class HomeEngine(TreeEngine):
    """Captures one product home."""

    kind: ClassVar[str] = "home"
    name: ClassVar[str] = "home"

    def preflight(self) -> dict[str, str]:
        tools = super().preflight()
        self._layout()
        return tools

    def rules(self) -> list[tuple[str, str]]:
        layout_rules = rules_for(self._layout(), self._templates())
        return [*super().rules(), *((str(label), glob) for label, glob in layout_rules)]

    def describe(self, found: Walked) -> tuple[dict[str, Any], dict[str, int | str], list[str]]:
        updates = [path for path in found.entries if path.startswith("updates/")]
        identity = read_identity(self._read, updates)
        summary: dict[str, int | str] = {"product": f"{identity.product} {identity.version}"}
        if identity.update_level is not None:
            summary["update_level"] = identity.update_level
        warnings = [f"{self.unit}: {problem}" for problem in identity.problems]
        databases = embedded_databases(found.excluded)
        if databases:
            names = ", ".join(database.path for database in databases)
            warnings.append(f"{self.unit}: embedded databases are not part of the home and not captured: {names}")
        return {"identity": identity.model_dump(mode="json")}, summary, warnings

    def exchange_details(self) -> dict[str, Any]:
        # Every layout has the same; a missing tmp makes a start script of Micro Integrator delete the whole home.
        return {"dropped": list(DROPPED), "directories": recreated_directories(LayoutKind.MODERN)}

    def _layout(self) -> Any:
        try:
            return detect_layout(lambda path: self.host.exists(f"{self.root}/{path}", run_as=self.run_as))
        except ConfigurationError as error:
            message = f"{self.unit}: '{self.root}' on host '{self.host.name}': {error.message}"
            raise ConfigurationError(message, next_step=error.next_step) from None

    def _templates(self) -> list[str]:
        """Return the paths of the templates from which the product renders its configuration at each start."""
        directory = f"{self.root}/{TEMPLATES}"
        if not self.host.exists(directory, run_as=self.run_as):
            return []
        command = Command(["find", directory, "-type", "f", "-name", "*.j2", "-printf", "%P\\0"], run_as=self.run_as)
        names = self.host.run(command).stdout.decode(errors="surrogateescape").split("\0")
        return [TEMPLATES + name for name in names if name]

    def _read(self, path: str) -> bytes | None:
        return self.host.read_file(f"{self.root}/{path}", run_as=self.run_as)


ENGINE = HomeEngine
