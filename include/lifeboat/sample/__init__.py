"""The sample deployment: a generated WSO2 API Manager 4.5 installation to try Lifeboat with."""
