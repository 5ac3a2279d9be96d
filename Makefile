# Everything that is done with the workbench.  Needs python3 (3.11 or newer) and pip; the first
# target that needs packages installs them into .venv, later ones find them there.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
STAMPS := build/figures
FOLDER := figures

# QUICK=1 runs the notebooks with small values, away from the real figures and results.
ifdef QUICK
STAMPS := build/quick/stamps
FOLDER := build/quick/figures
SMALL = --output build/quick/notebooks -p figure_folder $(FOLDER) $(SMALL_$(1))
SMALL_benchmark := -p models dense,shared -p runs 1,16 -p steps 20 -p usual false
SMALL_digit_pairs := -p store $(CURDIR)/build/quick/results -p image_networks mlp -p samples 5 \
	-p pairs_seen 0.8,1.0 -p steps 20 -p lrs 0.003 -p pilot_seeds 1 -p split_seeds 1 -p seeds 2 \
	-p test_samples 3
SMALL_module_inputs := -p store $(CURDIR)/build/quick/results -p fan_ins 2,4 -p train_rows 64 \
	-p arities 2,6 -p arity_rows 32 -p pilot_rows 64 -p pilot_arity_rows 32 -p lrs 0.01 \
	-p weight_decays 0.001 -p pilot_seeds 1 -p seeds 2 -p epochs 20
SMALL_multi_task := -p store $(CURDIR)/build/quick/results -p sets "two tasks" -p train_rows 8,32 \
	-p held_out different -p output_levels last -p lrs 0.01 -p pilot_rows 8 -p pilot_seeds 1 \
	-p seeds 2 -p epochs 20
SMALL_explorer := -p store $(CURDIR)/build/quick/results -p epochs 20 -p runs 2
SMALL_generalization := -p store $(CURDIR)/build/quick/results -p graphs 6-2-2 \
	-p train_rows 8,32 -p seeds 2 -p epochs 20 -p pilot_rows 16,32 -p pilot_seeds 1
SMALL_theory_overlay := $(SMALL_generalization) -p draws 20
SMALL_knowledge_ladder := -p store $(CURDIR)/build/quick/results -p graphs 6-2-2 \
	-p pruning_ratios 50 -p train_rows 8,32 -p seeds 2 -p epochs 20 \
	-p mixes known -p pilot_rows 8,32 -p pilot_seeds 1 -p weight_decays 0.001
SMALL_trained_networks := -p store $(CURDIR)/build/quick/results -p seeds 2 \
	-p epochs 20
SMALL_training_efficiency := -p store $(CURDIR)/build/quick/results -p graphs 6-2-2 \
	-p train_rows 32,48 -p seeds 3 -p epochs 40 -p pilot_rows 48 -p pilot_seeds 1 \
	-p dense_widths 6,12 -p dense_layers 1
SMALL_own_task := -p store $(CURDIR)/build/quick/results -p train_rows 16,32 -p seeds 2 -p epochs 20 -p pilot_rows 16,32 -p pilot_seeds 1
SMALL_routing_training := -p store $(CURDIR)/build/quick/results -p models shared \
	-p temperatures 2 -p lrs_routing 0.1 -p lrs 0.01 -p weight_decays 0,0.001 \
	-p input_noises 0.1 -p pilot_temperatures 2 -p pilot_seeds 1 -p seeds 2 \
	-p fresh_seeds 2 -p parts_may_be known -p epochs 20
SMALL_module_width := -p store $(CURDIR)/build/quick/results -p slots 5-4 -p pools 2,3 \
	-p module_hidden 12 -p train_rows 8,40 -p lrs 0.01 -p pilot_seeds 1 -p seeds 2 -p epochs 20
SMALL_specialization := -p store $(CURDIR)/build/quick/results -p graph 6-2-2 -p train_rows 8,32 \
	-p seeds 2 -p epochs 20
SMALL_routing_recovery := -p store $(CURDIR)/build/quick/results -p graphs 6-2-2,6-3-2-2 \
	-p train_rows 8,32 -p seeds 2 -p epochs 20 -p lrs 0.01 -p weight_decays 0.001 \
	-p pilot_seeds 1
SMALL_learning_dynamics := -p store $(CURDIR)/build/quick/results -p seeds 2 \
	-p epochs 40
endif

NOTEBOOKS := $(wildcard notebooks/*.ipynb)
FIGURES := $(NOTEBOOKS:notebooks/%.ipynb=$(STAMPS)/%.stamp)

# A figure's stamp lists the files that its notebook wrote.
wrote = $(shell cat $(STAMPS)/$(1).stamp 2>/dev/null)
missing = $(filter-out $(wildcard $(call wrote,$(1))),$(call wrote,$(1)))

.PHONY: help figures test check lab clean-notebooks clean FORCE

help: ## Show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' Makefile | awk -F'|' '{printf "make %-19s %s\n", $$1, $$2}'
	@echo
	@echo "make figures QUICK=1     small runs into build/quick, to see in minutes that all works"
	@echo "make test ARGS='-k x'    arguments for pytest"
	@echo "make PYTHON=python3.12   .venv with another Python"

figures: $(FIGURES) ## Run every notebook whose figures are missing or older than its code
	@echo "$(FOLDER)/ is up to date: $(words $(NOTEBOOKS)) notebooks"

test: $(INSTALLED) ## Run the tests
	$(BIN)/python -m pytest $(ARGS)

check: $(INSTALLED) ## Check format and style of the code, and that the notebooks are clean
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m pytest -q -m "not execute" tests/test_notebooks.py

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
	$(BIN)/python -m modnets notebook run $* $(call SMALL,$*) $(ARGS)
	@$(BIN)/python -m modnets notebook depends $* | sed 's|.*|$@: &\n&:|' > $(STAMPS)/$*.d
	@find $(FOLDER) -type f -newer $(STAMPS)/$*.start | sort > $@
	@touch -r $(STAMPS)/$*.start $@ # what changes while it runs is newer
	@rm $(STAMPS)/$*.start

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
