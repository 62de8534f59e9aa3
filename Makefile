# One command each. `make` alone says which.

PYTHON ?= python3
BIN := .venv/bin
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset test deps check fmt bench screens

help: ## say what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | while IFS="$$(printf '\t')" read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

demo: ## run a small Wallonia on this machine; Ctrl-C stops all of it
	@$(PYTHON) tools/bootstrap.py demo
	@$(BIN)/python -m demo --end-with-parent

demo-reset: ## forget the demo's data and start it anew
	@$(PYTHON) tools/bootstrap.py demo
	@$(BIN)/python -m demo --end-with-parent --reset

test: ## install what the tests need and run them all (PYTEST_ARGS=... for some)
	@$(PYTHON) tools/deps.py --ensure
	@$(PYTHON) tools/bootstrap.py dev
	@$(BIN)/python -m demo.parts
	@$(BIN)/python -m pytest --numprocesses=2 $(PYTEST_ARGS)

deps: ## install the packages that only root can (directory, browser, fonts)
	@$(PYTHON) tools/deps.py

check: ## format, lint, types, layers
	@$(PYTHON) tools/bootstrap.py dev
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fmt: ## put the code into form
	@$(PYTHON) tools/bootstrap.py dev
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format .

bench: ## measure; prints JSON with ratios
	@$(PYTHON) tools/bootstrap.py dev
	@$(BIN)/python -m bench

screens: ## make pictures of every page, for the eye
	@$(PYTHON) tools/bootstrap.py dev
	@$(BIN)/python tools/screens.py
