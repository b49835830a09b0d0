# Airflow with the factory and its locked dependencies; used by docker-compose.yml.
FROM apache/airflow:3.3.2-python3.12
COPY --chown=airflow:0 pyproject.toml requirements.lock README.md LICENSE /tmp/factory/
COPY --chown=airflow:0 factory /tmp/factory/factory
RUN pip install --no-cache-dir --require-hashes -r /tmp/factory/requirements.lock \
    && pip install --no-cache-dir --no-deps /tmp/factory
