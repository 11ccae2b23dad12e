"""Lifeboat backs up WSO2 deployments and proves every backup by restoring it."""

__version__ = "0.1.0"
