"""Shows every broken deployment file as an import error of this file; the DAGs of the others are not touched.

Airflow reads only files that hold the words airflow and dag; this docstring is what lets it read this one.
"""

from lifeboat.deployment_file import load_all
from lifeboat.errors import ConfigurationError

_, problems = load_all()
if problems:
    raise ConfigurationError("\n".join(str(problem) for problem in problems))
