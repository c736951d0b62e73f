# Two commands matter: `make demo` and `make test`. Each does all its own set-up.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
CACHE  := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/finetune-operator
# A name of a local cluster, or "current" for the cluster of your kubeconfig.
CLUSTER ?= demo
export CLUSTER
# The environment is keyed by what is in it, so that a second checkout finds it ready.
VENV := $(CACHE)/venv-$(shell { cat requirements/dev.txt; $(PYTHON) -V; } | sha256sum | cut -c1-16)
export PYTHONPATH := $(CURDIR)/operator:$(CURDIR)/trainer-image:$(CURDIR)
export PATH := $(VENV)/bin:$(PATH)
RUN := $(VENV)/bin/python

.PHONY: help
help: ## Show this list
	@echo "finetune-operator: fine-tuning on your own cluster, declaratively. Targets:"
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16 | sed 's/^/  /'

# ---- what users run -------------------------------------------------------------------------------

.PHONY: demo
demo: BEGUN := $(shell date +%s)
demo: venv ## Start a cluster, install the operator, fine-tune a small language model, show it live
	@$(RUN) -m tests.demo --cluster '$(CLUSTER)' --begun $(BEGUN)

.PHONY: demo-vla
demo-vla: BEGUN := $(shell date +%s)
demo-vla: venv ## The same for a robot: record demonstrations, train a policy (ACT) on them, roll it out before and after
	@$(RUN) -m tests.demo_vla --cluster '$(CLUSTER)' --begun $(BEGUN)

.PHONY: test
test: venv ## Everything CI runs: checks, unit, contract, control plane, end to end, chart
	@$(RUN) -m tests.suite

.PHONY: test-all
test-all: venv ## Everything of `make test`, and what is exhaustive: more examples, the cluster's own life, the benchmark
	@$(RUN) -m tests.suite --all

.PHONY: check
check: venv ## Format, lint, types, architecture, generated files, chart lint (under a minute)
	@$(RUN) -m tests.checks

.PHONY: cluster
cluster: venv ## Start the local cluster CLUSTER=demo and print its kubeconfig
	@$(RUN) -m tests.cluster up --name '$(CLUSTER)'

.PHONY: cluster-down
cluster-down: venv ## Stop the local cluster CLUSTER=demo; only the images loaded into it stay, for its next start
	@$(RUN) -m tests.cluster down --name '$(CLUSTER)'

.PHONY: images
images: venv ## Build the operator and trainer images
	@$(RUN) -m tests.images build all

.PHONY: bench
bench: venv ## Lead 100, 1,000 and 10,000 jobs through their life on simulated nodes, beside a plain client; writes docs/benchmarks (an hour on a quiet machine)
	@$(RUN) -m tests.bench

.PHONY: bench-trainer
bench-trainer: venv ## Our trainers beside plain `trl sft` and `lerobot-train`, by the Pythons of their images; writes docs/benchmarks/trainer.md
	@$(RUN) -m tests.trainer_bench

.PHONY: soak
soak: venv ## Kill the operator at random 1000 times over at least 200 jobs; its seed is printed, its figures are in build/soak.json
	@$(RUN) -m tests.soak

.PHONY: clean
clean: ## Remove build output of this checkout (caches outside it stay; `make clean-cache` removes them too)
	@rm -rf build .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# ---- what the house needs -------------------------------------------------------------------------

.PHONY: venv
venv: $(VENV)/.complete
	@ln -sfn $(VENV) .venv

# Its name says what is in it: a newer file time, as every clone has, is no reason to make it anew.
$(VENV)/.complete: | requirements/dev.txt
	@mkdir -p $(dir $@)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$$($(PYTHON) -V) is too old: Python 3.11 or newer is needed; name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(MAKE) python-venv
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PYTHON) -m tests.pulse "Installing the Python tools into $(VENV)" 60 -- \
		$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.txt
	@touch $@

.PHONY: python-venv
python-venv:
	@$(PYTHON) -m tests.pulse "Debian keeps venv apart from Python: installing python3-venv" 20 -- \
		sh -c '{ apt-get update && apt-get install --yes --no-install-recommends python3-venv; } >/dev/null' || \
		{ echo "python3 -m venv does not work and python3-venv could not be installed: install it by hand" >&2; exit 1; }

.PHONY: generate
generate: venv ## Write the CRDs, the chart's copies and values schema, docs/reasons.md, docs/memory.md and docs/reference from the models and the formula
	@$(RUN) -m finetune_operator.api.crd
	@$(RUN) charts/generate_values_schema.py
	@$(RUN) docs/generate_reasons.py
	@$(RUN) docs/generate_reference.py
	@$(RUN) docs/generate_memory.py

.PHONY: requirements
requirements: venv ## Compile the pinned dependencies from pyproject.toml
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --group dev pyproject.toml --output-file requirements/dev.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml --output-file operator/requirements.txt
	@sh trainer-image/requirements/compile.sh

CLUSTERS := $(wildcard $(CACHE)/clusters/*/)

.PHONY: clean-cache
clean-cache: $(if $(CLUSTERS),venv) ## End all local clusters and remove what is cached outside the checkout: programs, images, environments
	@$(if $(CLUSTERS),$(RUN) -m tests.cluster down --all)
	@rm -rf --one-file-system $(CACHE)
