# make search: install into .venv and run the default search.   make test: install and run the tests.
# Everything else: make help
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Where such tests lie: looking through all folders takes a minute.
ON_CLUSTERS := tests/integration tests/security tests/experiments/test_smoke.py
ON_DATABASES := tests/integration tests/security

.PHONY: help search test test-all test-databases test-slow test-slow-clusters test-slow-others \
        test-long check docs install-dev install-docs clean

help:
	@echo "make search [ARGS='seed=1 stopping.num_trials=20']  install, then run the default search"
	@echo "make test                                           install, then run the tests"
	@echo "make test-slow                                      the slow ones: faults on real clusters, chaos, speed"
	@echo "make test-long                                      those that take minutes: full memory, 1,000 odd command lines, 500 damaged runs"
	@echo "make test-databases                                 those that need PostgreSQL or MariaDB installed"
	@echo "make test-all                                       all but those that need a GPU"
	@echo "make docs                                           the documentation site, into site/"
	@echo "make check                                          lint, format, types, floors"
	@echo "make clean                                          remove .venv"

search: $(VENV)/.installed
	$(BIN)/nas search $(ARGS)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder

test-all: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m "not gpu"

# At once: tests on clusters mostly wait.
test-slow: $(VENV)/.installed-dev
	$(MAKE) --jobs=2 --output-sync=target test-slow-clusters test-slow-others

test-slow-clusters:
	$(BIN)/python -m pytest $(ON_CLUSTERS) -m "slow and ray and not long and not gpu and not postgres"

test-slow-others:
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "slow and not ray and not long and not gpu and not postgres"

test-long: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m long

test-databases: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(ON_DATABASES) -m postgres

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

install-dev: $(VENV)/.installed-dev

install-docs: $(VENV)/.installed-docs

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

clean:
	rm -rf $(VENV)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[docs]'
	@touch $@
