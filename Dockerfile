# Airflow with the factory, and what it needs to run; used by docker-compose.yml, see
# docs/deploy/docker.md. The base is Airflow's slim image, without the providers that would stand
# in the way of the versions that are tested here.
ARG BASE=apache/airflow:slim-3.3.2-python3.12

FROM ${BASE} AS wheel
COPY --chown=airflow:0 pyproject.toml README.md LICENSE /tmp/factory/
COPY --chown=airflow:0 factory /tmp/factory/factory
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /tmp/wheel /tmp/factory

FROM ${BASE}
COPY requirements-run.lock constraints.txt /tmp/
RUN pip install --no-cache-dir --require-hashes -r /tmp/requirements-run.lock
COPY --from=wheel /tmp/wheel /tmp/wheel
RUN pip install --no-cache-dir --no-deps /tmp/wheel/*.whl
# what else: --build-arg PACKAGES="airflow-pipeline-factory[slack,git] apache-airflow-providers-fab"
ARG PACKAGES=""
RUN [ -z "$PACKAGES" ] \
    || pip install --no-cache-dir -c /tmp/constraints.txt $PACKAGES \
    && pip check
# the stage: a new volume takes the owner of the folder that it is mounted on
USER root
RUN install -d -o airflow -g 0 -m 775 /var/lib/pipelines/stage
USER 50000
