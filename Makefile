# One command each. People, pre-commit and CI call the same ones; `make` alone lists them.
#
# The environment stands in .venv and is made when a command needs it: pinned packages with hashes first, then this
# project in place (pip refuses both in one step). With uv where it is installed, else with venv and pip.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV := $(shell command -v uv 2>/dev/null)

# The first Python that runs and is new enough; `make PYTHON=/path/to/python ...` chooses another.
NEW_ENOUGH := import sys; raise SystemExit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && { echo $$python; break; }; done; true)

# Test processes; 0 runs them in one, which a debugger needs. One more than the machine has cores: a fifth of the time they
# wait for disks, servers and processes that they started.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
# One process more than a small machine has cores: proofs wait for servers, daemons and disks most of their time.
PROVERS ?= 3
# In CI a test that skips because something is missing is a failure. Processes that each multiply matrices with a thread
# for every core wait for one another: what trains a small model takes up to eighteen times as long.
# Compiled modules are kept also where the environment says not to: the tests start the program hundreds of times.
PYTEST := PYTHONDONTWRITEBYTECODE= OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -q $(if $(SYNTH_CI),-p tests.ci_skips)
# A test that hangs or crashes ends the run: a new process would begin its file again, and hang again, for ever.
SPREAD := --dist loadfile --no-loadscope-reorder --max-worker-restart 0

# Many kills take longer than a test that hangs may. Which proofs took how long is said whether they held or not.
PROVE = $(PYTEST) --durations=30 --durations-min=5 -o faulthandler_timeout=900

.PHONY: help run test check prove bench ui screenshots fifty docs format lock lowest clean clean-data

help: ## List the commands.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1|\2/' | \
		while IFS='|' read -r name text; do printf '  make %-11s %s\n' "$$name" "$$text"; done

run: $(READY) ## Make the default dataset and say what was made.
	$(BIN)/synth run

test: $(READY) ## Run the tests.
	@# in the order of their folders: the files that take longest come first, and not those with the most tests
	$(PYTEST) -n $(WORKERS) --maxprocesses 8 $(SPREAD)

check: $(READY) ## Check format, lint, types and the direction of imports.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

prove: $(READY) ## Run what is too long for `make test`: many kills, a browser, an installed wheel.
	@# both parts run, whatever the first finds
	@failed=0; set -x; \
	$(PROVE) -m "prove and not alone" -n $(PROVERS) $(SPREAD) || failed=$$?; \
	$(PROVE) -m "prove and alone" || failed=$$?; \
	{ set +x; } 2>/dev/null; exit $$failed

ui: $(READY) ## Open Dagster on what was made.
	$(BIN)/synth ui

screenshots: $(READY) ## Take the pictures of docs/images anew, of what `make run` made (needs Chromium).
	$(BIN)/python -m tests.ui.screenshots

bench: $(READY) ## Measure start-up, the default run, the overhead, the methods, the memory, the readers, exports, standards, the audit page and the explorer, teacher calls, faults and lineage; JSON.
	@for name in startup default_run overhead methods memory readers exports standards audit explorer teacher teacher_faults teacher_memory teacher_profile lineage erase; do $(BIN)/python -m benchmarks.$$name || exit 1; done

fifty: $(READY) ## Print the embedded teacher's questions and answers on fifty passages.
	$(BIN)/python -m synth_dagster.teacher.embedded.fifty

docs: $(READY) ## Write the generated pages of docs/ anew.
	$(BIN)/python -m synth_dagster.recipe.reference docs/recipes.md recipes/python_help.yaml
	$(BIN)/synth methods --markdown > docs/methods.md.new
	mv docs/methods.md.new docs/methods.md
	$(BIN)/python -m tests.gallery.pages

format: $(READY) ## Format the code and apply the safe fixes.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## Bring constraints.txt up to date with pyproject.toml (needs uv; UPGRADE=1 takes newer versions).
	@[ -n "$(UV)" ] || { echo "make lock needs uv on PATH: pip cannot write one set of pins for all Python versions." >&2; exit 1; }
	@grep -v '^#' constraints.txt > constraints.txt.new
	@$(UV) pip compile pyproject.toml --quiet --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-strip-extras --no-emit-index-url --no-emit-find-links --no-annotate --no-header $(if $(UPGRADE),--upgrade) \
		--output-file constraints.txt.new > /dev/null
	@# pip 23 takes the two spellings of this extra for two, and ends; justext asks for this one
	@sed -i.was 's/^lxml\[html-clean\]/lxml[html_clean]/' constraints.txt.new && rm constraints.txt.new.was
	@{ grep '^#' constraints.txt; cat constraints.txt.new; } > constraints.txt.both
	@mv constraints.txt.both constraints.txt && rm constraints.txt.new
	@echo "constraints.txt: $$(grep -c == constraints.txt) packages"

lowest: ## Try the lower bounds of pyproject.toml in a throw-away environment (needs uv).
	@[ -n "$(UV)" ] || { echo "make lowest needs uv on PATH: pip only installs the newest versions." >&2; exit 1; }
	.ci/lowest "$(UV)" "$(PYTHON)"

clean: ## Remove the environment, caches and build outputs. What was made stays.
	rm -rf $(VENV) dist build .pytest_cache .ruff_cache .hypothesis .import_linter_cache .tmp_dagster_home_*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

clean-data: ## Remove what runs have made: the lake with its paid answers, exports, Dagster's history.
	rm -rf lake exports .dagster

$(READY): constraints.txt pyproject.toml hatch_build.py
	@[ -n "$(PYTHON)" ] || { echo "No Python 3.11 or newer was found. Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c '$(NEW_ENOUGH)' || { echo "$(PYTHON) is not Python 3.11 or newer. Name another: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "Making the environment in $(VENV) ..."
ifneq ($(UV),)
	@[ -x $(BIN)/python ] || $(UV) venv --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV)
	@# compiled now, as pip does it: else every process does, where PYTHONDONTWRITEBYTECODE is set
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r constraints.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
else
	@[ -x $(BIN)/python -a -x $(BIN)/pip ] || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
endif
	@touch $@
