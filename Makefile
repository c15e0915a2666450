# Floe. `make help` lists what there is; everything sets itself up in .venv first.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
DIR ?= ../shared/data/kodak

.DEFAULT_GOAL := help
.PHONY: help run test lint format bench icons screenshots wheel bundle clean

help: ## list these targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

run: $(READY) ## archive a few sample photographs, in the window or, without a display, here
	$(BIN)/python -m app.demo

test: $(READY) ## run the tests, on up to four cores
	$(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist worksteal

lint: $(READY) ## check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## put the code into its style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## compare codecs on a folder of PNGs: make bench DIR=photos
	$(BIN)/floe bench kodak $(DIR)

icons: $(READY) ## draw the icons of resources/desktop as PNG
	$(BIN)/python -m tools.icon_files resources/desktop

screenshots: $(READY) ## draw the window's main states into docs/screenshots
	$(BIN)/python -m tools.screenshots docs/screenshots

wheel: $(READY) ## build the wheel in dist/ and try it in an empty environment
	$(BIN)/python -m tools.wheel dist

bundle: $(READY) ## build dist/floe, a folder that runs without Python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bundle]'
	$(BIN)/python -m tools.bundle dist

clean: ## remove what make has made
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
