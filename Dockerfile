# Airflow with Lifeboat. The slim image has no provider packages of its own, so everything Python in this image is
# what constraints.txt says, and the same as in the tests.
FROM apache/airflow:slim-3.3.2-python3.11

USER root
# restic keeps the vault; the servers of PostgreSQL and MariaDB and their tools dump, restore and run the scratch databases
# of drills; the JRE reads WSO2's keystores (keytool) and proves embedded H2 databases. No cluster of PostgreSQL is made
# or started.
RUN mkdir -p /etc/postgresql-common \
    && echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf \
    && apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        -o Dpkg::Options::=--force-confold \
        default-jre-headless git mariadb-server openssh-client postgresql postgresql-client restic \
    && rm -rf /var/lib/apt/lists/*
# Volumes mounted here take over this owner.
RUN install -d -o airflow -g 0 -m 0770 /var/lib/lifeboat /var/lib/lifeboat/vault /var/tmp/lifeboat-scratch

USER airflow
COPY requirements.txt requirements-image.txt constraints.txt /
RUN pip install --no-cache-dir --constraint /constraints.txt \
        --requirement /requirements.txt --requirement /requirements-image.txt

COPY --chown=airflow:0 dags /opt/airflow/dags
COPY --chown=airflow:0 plugins /opt/airflow/plugins
COPY --chown=airflow:0 include /opt/airflow/include
COPY --chown=airflow:0 --chmod=0755 bin/lifeboat /opt/airflow/bin/lifeboat
COPY --chown=airflow:0 --chmod=0755 docker/init.sh /opt/airflow/init.sh
ENV PYTHONPATH=/opt/airflow/include:/opt/airflow/plugins PATH=/opt/airflow/bin:$PATH
