# Everything that is done with the workbench.  Needs python3 (3.11 or newer) and pip; the first
# target that needs packages installs them into .venv, later ones find them there.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Hundreds of processes import the same modules: they are compiled once, whatever the shell says.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
STAMPS := build/figures
FOLDER := figures
CORES ?= $(shell nproc 2>/dev/null || echo 2)
# Notebooks at a time.
JOBS ?= 2

# QUICK=1 runs the notebooks with the small values of notebooks/quick.json, away from the real figures
# and results.
ifdef QUICK
STAMPS := build/quick/stamps
FOLDER := build/quick/figures
SMALL := --quick
endif

# The order in which figures are made, the headline first; those that are not named come last.
ORDER := generalization architectures explorer trained_networks specialization wrong_knowledge \
	sample_complexity scaling_laws digit_pairs phase_diagram theory_overlay knowledge_ladder \
	training_efficiency routing_methods routing_recovery transfer discovery changing_goals \
	module_inputs multi_task routing_training large_inputs interfaces module_width data_sets own_task \
	learning_dynamics benchmark
# The first one trains on all cores; those beside it take what it leaves free.  What measures the
# machine has it to itself.
FIRST := generalization
LAST := benchmark
# These take runs of the first one out of its store.
SHARING := theory_overlay knowledge_ladder routing_methods routing_recovery
ALL := $(wildcard notebooks/*.ipynb)
NOTEBOOKS := $(filter $(ALL),$(ORDER:%=notebooks/%.ipynb)) $(filter-out $(ORDER:%=notebooks/%.ipynb),$(ALL))
FIGURES := $(NOTEBOOKS:notebooks/%.ipynb=$(STAMPS)/%.stamp)

# A figure's stamp lists the files that its notebook wrote.
wrote = $(shell cat $(STAMPS)/$(1).stamp 2>/dev/null)
missing = $(filter-out $(wildcard $(call wrote,$(1))),$(call wrote,$(1)))

# Runs pytest; 5 says that no test was selected, as by ARGS.
tested = code=0; $(BIN)/python -m modnets.fork_server $(BIN)/python -m pytest $(1) $(ARGS) || code=$$?; \
	test $$code -eq 0 -o $$code -eq 5 || status=$$code

.PHONY: help figures some-figures plan test test-fast check style types cells docs lab clean-notebooks clean FORCE

help: ## Show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' Makefile | awk -F'|' '{printf "make %-19s %s\n", $$1, $$2}'
	@echo
	@echo "make figures QUICK=1     small runs into build/quick, to see in minutes that all works"
	@echo "make test ARGS='-k x'    arguments for pytest; CORES=1 for one process"
	@echo "make PYTHON=python3.12   .venv with another Python"

# All notebooks are forked from one process that has imported what they need.
figures: plan ## Run every notebook whose figures are missing or older than its code
	@$(BIN)/python -m modnets.fork_server $(MAKE) --no-print-directory some-figures
	@echo "$(FOLDER)/ is up to date: $(words $(NOTEBOOKS)) notebooks"

some-figures:
	@$(call made,$(JOBS),$(filter-out $(call stamps,$(LAST)),$(FIGURES)))
	@$(call made,1,$(filter $(call stamps,$(LAST)),$(FIGURES)))

stamps = $(1:%=$(STAMPS)/%.stamp)
made = $(if $(2),$(MAKE) --no-print-directory -j $(1) SIDE=$(filter-out 1,$(1)) $(2),true)
# Side by side, each line says of which notebook it is.
named = $(if $(SIDE),2>&1 | sed -u 's/^$(1): //; s/^/$(1): /')

# Side by side, a notebook trains in its own process: each worker of a sweep takes seconds to start,
# and each thread of a small sum waits for another, where the other core has work anyway.
way = $(if $(SIDE),$(if $(filter $(FIRST),$(1)),,MODNETS_WORKERS=1 OPENBLAS_NUM_THREADS=1 \
	$$(test ! -e $(STAMPS)/$(FIRST).start || echo nice -n 19)))

# A dry run tells which notebooks will run; those with a stamp that is newer than the plan are done.
plan: | $(INSTALLED)
	@mkdir -p $(STAMPS); $(MAKE) -n --no-print-directory $(FIGURES) | sed -nE 's/.* -m modnets notebook run ([^ ]+).*/\1/p' \
		> $(STAMPS)/plan
	@test ! -s $(STAMPS)/plan || $(call planned)

planned = $(BIN)/python -m modnets notebook plan $$(paste -sd, $(STAMPS)/plan) $(SMALL)

# One process more than cores, as some tests wait for workers, kernels and clocks.  Those in the
# browser miss its deadlines where others take the cores.
test: $(INSTALLED) ## Run the tests, a few at a time; those in the browser last, in one process
	@status=0; $(call tested,-n $(if $(filter 1,$(CORES)),1,$$(($(CORES) + 1))) --dist loadfile -m "not browser"); \
	$(call tested,-m browser); exit $$status

test-fast: $(INSTALLED) ## Run the quick tests: two to three minutes, no notebook, no browser
	$(BIN)/python -m pytest -q -n $(CORES) --dist loadfile -m "not slow and not browser and not execute" $(ARGS)

check: $(INSTALLED) ## Check format, style and types of the code, the site, and that notebooks are clean
	@$(MAKE) --no-print-directory -j $(CORES) --keep-going --output-sync docs style types cells

style: $(INSTALLED)
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .

types: $(INSTALLED)
	$(BIN)/python -m mypy

cells: $(INSTALLED)
	$(BIN)/python -m pytest -q -m "not execute" tests/test_notebooks.py

docs: $(INSTALLED) ## Build the site into build/docs, warnings as errors
	$(BIN)/python -m sphinx -W --keep-going -q -j $$((2 * $(CORES))) -b html docs build/docs
	@echo "build/docs/index.html"

lab: $(INSTALLED) ## Open JupyterLab on notebooks/
	$(BIN)/python -m jupyter lab notebooks $(if $(filter 0,$(shell id -u)),--allow-root) $(ARGS)

clean-notebooks: $(INSTALLED) ## Strip outputs, counts and foreign metadata from the notebooks
	$(if $(NOTEBOOKS),$(BIN)/nbstripout --keep-id --extra-keys "$(STRIPPED)" $(NOTEBOOKS))

clean: ## Remove .venv and build/; results/ and figures/ stay
	rm -rf .venv build

STRIPPED := metadata.papermill metadata.language_info metadata.toc metadata.vscode \
	cell.metadata.papermill cell.metadata.execution cell.metadata.editable cell.metadata.trusted \
	cell.metadata.slideshow cell.metadata.vscode cell.metadata.jupyter \
	cell.metadata.jp-MarkdownHeadingCollapsed

$(STAMPS)/%.stamp: notebooks/%.ipynb | $(INSTALLED)
	@mkdir -p $(STAMPS) $(FOLDER)
	@touch $(STAMPS)/$*.start
	@$(call way,$*) $(BIN)/python -m modnets notebook run $* $(SMALL) $(ARGS) --depends $(STAMPS)/$*.files $(call named,$*)
	@sed 's|.*|$@: &\n&:|' $(STAMPS)/$*.files > $(STAMPS)/$*.d
	@find $(FOLDER) -type f -newer $(STAMPS)/$*.start | sort | while read -r file; do \
		record=$(FOLDER)/$$(basename "$$file" | cut -d. -f1).provenance.json; \
		if ! test -e "$$record" || grep -q '"notebooks/$*.ipynb"' "$$record"; then echo "$$file"; fi; \
		done > $@ # not those of a notebook beside it
	@touch -r $(STAMPS)/$*.start $@ # what changes while it runs is newer
	@rm $(STAMPS)/$*.start
	@left=$$(for name in $$(cat $(STAMPS)/plan 2>/dev/null); do \
		test $(STAMPS)/$$name.stamp -nt $(STAMPS)/plan || echo $$name; done | paste -sd,); \
		test -z "$$left" || $(BIN)/python -m modnets notebook plan $$left $(SMALL) | sed -n '1s/^/left: /p'

$(call stamps,$(SHARING)): | $(call stamps,$(FIRST))

# The files of the package that a figure depends on, as they were found when it was made.
-include $(wildcard $(STAMPS)/*.d)

unknown = $(if $(wildcard $(STAMPS)/$(1).d),,unknown)

# A figure file that was removed is made again, and one of which it is not known what it depends on.
$(foreach name,$(NOTEBOOKS:notebooks/%.ipynb=%),\
	$(if $(call missing,$(name))$(call unknown,$(name)),$(eval $(STAMPS)/$(name).stamp: FORCE)))
FORCE:

# Debian keeps ensurepip in a package of its own; the pip of $(PYTHON) then installs into .venv.
$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "modnets needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true). Another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv >/dev/null 2>&1 || \
		{ rm -rf .venv && $(PYTHON) -m venv --without-pip .venv; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m pip --version >/dev/null 2>&1 || \
		{ echo "modnets needs pip for '$(PYTHON)': python3 -m ensurepip, or the package python3-pip" >&2; exit 1; }
	@if $(BIN)/python -m pip --version >/dev/null 2>&1; then pip="$(BIN)/python -m pip"; \
		else pip="$(PYTHON) -m pip --python $(BIN)/python"; fi; \
		$$pip install $$(test ! -e $@ || echo --quiet) -e ".[dev]"
	@touch $@
