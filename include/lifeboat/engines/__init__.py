"""Engines: one module per vendor or kind. A module's name is the engine's name; `ENGINE` is its class."""

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from lifeboat.errors import ConfigurationError

if TYPE_CHECKING:
    from lifeboat.engines.base import Engine

_NOT_ENGINES = {"base"}


@cache
def known_engines() -> tuple[str, ...]:
    """Return the names of all engines, without importing any."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name for name in names if name not in _NOT_ENGINES and not name.startswith("_")))


def load_engine(name: str) -> "type[Engine]":
    """Given an engine's name, return its class. Raise ConfigurationError, listing the known ones, for others."""
    if name not in known_engines():
        raise ConfigurationError(
            f"'{name}' is not a known engine.", next_step=f"Use one of: {', '.join(known_engines())}."
        )
    engine: type[Engine] = importlib.import_module(f"lifeboat.engines.{name}").ENGINE
    return engine
