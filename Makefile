# What is built and run here. `make` alone lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
PEERS := $(VENV)/peers

.DEFAULT_GOAL := help
.PHONY: help venv demo test lint bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(READY) ## make .venv and install the lock (PYTHON=python3.12 chooses another)

demo: $(READY) ## PostgreSQL, Airflow and three months of taxi trips, here (ARGS=--exit)
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/factory demo $(ARGS)

# compiled once where the tests' thousand processes would each do it anew, but for what none imports
COMPILED := $(VENV)/lib factory embedded
NOT_COMPILED := /google/(ads|cloud/(aiplatform|compute))

# a file's tests share servers, so files are dealt out; those that wait for an Airflow come early
test: ARGS ?= -n 2 --dist loadfile --no-loadscope-reorder
test: $(READY) ## all checks and all tests (ARGS="-k name" for some tests)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@[ -z "$$PYTHONDONTWRITEBYTECODE" ] || \
	  $(BIN)/python -m compileall -qq -j 0 -x '$(NOT_COMPILED)' $(COMPILED) || true
	$(BIN)/pytest $(ARGS)

lint: $(READY) ## check the pipelines in dag_factory_configs/
	@$(BIN)/factory lint $(ARGS)

bench: $(READY) $(PEERS)/.installed ## measure against the bounds (ONLY=parse for a part)
	@$(BIN)/python -m benchmarks $(ONLY)

clean: ## remove .venv, the demo's data and caches
	rm -rf $(VENV) .demo .mypy_cache .pytest_cache .ruff_cache .import_linter_cache *.egg-info build embedded/*.egg-info embedded/build
	find factory embedded tests benchmarks dags -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# The lock holds every package with its hashes. uv comes first, by its own entry, and installs the
# rest.
$(READY): requirements.lock pyproject.toml embedded/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "Python 3.10 or newer is needed, $(PYTHON) is older or missing:" \
	         "make $(or $(MAKECMDGOALS),venv) PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) lacks its venv module; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@awk '/^[^ #]/ {found = /^uv==/} found' requirements.lock > $(VENV)/uv.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r $(VENV)/uv.lock
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation \
	  -e . -e embedded
	@touch $@

# What is only measured against lies beside the environment: as Airflow plugins they would be loaded
# by every process of it.
$(PEERS)/.installed: benchmarks/requirements.lock $(READY)
	@rm -rf $(PEERS)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --target $(PEERS) --no-deps \
	  --require-hashes -r benchmarks/requirements.lock
	@touch $@
