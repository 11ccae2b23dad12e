"""The Airflow face of Lifeboat: thin operators over the use-cases in include/lifeboat."""
