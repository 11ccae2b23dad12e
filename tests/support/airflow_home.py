"""A throw-away home for the Airflow that tests import. Import this module before airflow: airflow reads it once."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

if "airflow" not in sys.modules:
    _home = tempfile.mkdtemp(prefix="lifeboat-test-airflow-")
    atexit.register(shutil.rmtree, _home, ignore_errors=True)
    os.environ["AIRFLOW_HOME"] = _home
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(Path(__file__).parents[2] / "plugins")
