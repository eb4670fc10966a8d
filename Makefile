# make up · make test: the two commands.  `make help` lists the rest.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
# Half of a test's time is waiting, so two cores are busy with three.
JOBS ?= 3

.DEFAULT_GOAL := help
.PHONY: help up test soak lint format bench demo clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

.venv/.installed: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Cooee needs Python 3.11 or newer; PYTHON=/path/to/python3.11 make up"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[postgres,redis]'
	@touch $@

.venv/.tested: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

up: .venv/.installed ## install, create the instance, start web and workers (PORT=8000)
	@$(BIN)/cooee init >/dev/null
	@exec $(BIN)/cooee up --port $(PORT)

demo: .venv/.installed ## fill an empty instance with believable data
	$(BIN)/cooee init >/dev/null && $(BIN)/cooee demo

test: .venv/.tested lint ## everything: lint, unit, database, queue, fault (short) and browser tests
	$(BIN)/python -m pytest -q -n $(JOBS)

soak: .venv/.tested ## the long fault runs
	COOEE_SOAK=1 $(BIN)/python -m pytest -q -rP tests/faults tests/test_state_machine.py tests/test_merge_fuzz.py tests/test_api_schemathesis.py

lint: .venv/.tested ## ruff, djlint, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djlint templates --lint --quiet
	$(BIN)/lint-imports --config setup.cfg

format: .venv/.tested ## let ruff write the code's shape
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

bench: .venv/.installed ## the speed goals of docs/performance.md
	for what in send expand import segment receipts webhook pages; do $(BIN)/cooee bench $$what; done

clean: ## remove the virtual environment and caches, never the instance
	rm -rf .venv .pytest_cache .ruff_cache
