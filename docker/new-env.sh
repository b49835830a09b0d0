#!/bin/sh
# Writes .env for docker-compose.yml, with secrets of its own, once.
set -eu
cd "$(dirname "$0")/.."
[ ! -e .env ] || { echo ".env is there already; its secrets are in use" >&2; exit 1; }
random() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
umask 077
cat >.env <<END
# Read by docker compose. FERNET_KEY encrypts what Airflow keeps of connections and variables:
# lose it and they are lost. None of these goes into a repository.
FERNET_KEY=$(head -c 32 /dev/urandom | base64 | tr '+/' '-_')
JWT_SECRET=$(random)
POSTGRES_PASSWORD=$(random)
WAREHOUSE_PASSWORD=$(random)
ADMIN_PASSWORD=$(random)
NIFI_PASSWORD=$(random)

# which file of dag_factory_configs/environments/ is used
FACTORY_ENV=dev
# the port of 127.0.0.1 that the UI has, and how people reach it: links in alerts
AIRFLOW_PORT=8080
AIRFLOW_URL=http://localhost:8080
END
echo "wrote .env; the user of Airflow's UI is admin, ADMIN_PASSWORD is the password"
