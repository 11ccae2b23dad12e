"""The two sizes in which the sample deployment is generated."""

from typing import Literal, get_args

from lifeboat.errors import ConfigurationError

Scale = Literal["small", "reference"]


def check_scale(scale: str) -> None:
    """Given the name of a scale, return nothing. Raise ConfigurationError if there is no such scale."""
    if scale not in get_args(Scale):
        raise ConfigurationError(
            f"The sample has no scale '{scale}'.", next_step=f"Use one of: {', '.join(get_args(Scale))}."
        )
