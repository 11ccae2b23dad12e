"""The order of tasks that come in groups."""

import itertools
from collections.abc import Sequence

from airflow.sdk import BaseOperator


def in_order(groups: Sequence[Sequence[BaseOperator]]) -> None:
    """Let each group follow the whole one before it; one without tasks is passed over."""
    for earlier, later in itertools.pairwise([group for group in groups if group]):
        for task in earlier:
            task >> list(later)
