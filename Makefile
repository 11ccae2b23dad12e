# What a person does with this repository. `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run shell start test lint bench bench-proofs constraints env clean

export PYTHONPATH := $(CURDIR)/include:$(CURDIR)/plugins

# The size of the sample deployment; `make run EXIT=1` ends after the tour instead of staying up.
SCALE ?= small
EXIT ?=

help: ## List what there is to do
	@sed -nE 's/^([a-z-]+): .*## (.*)/\1\t\2/p' Makefile | expand -t 14

run: ## Back up a sample WSO2 deployment, prove the backup, and open Airflow (EXIT=1: end after it; SCALE=reference: a larger one)
	@./setup.sh
	@.venv/bin/python -m lifeboat.sample.run --scale $(SCALE) $(if $(EXIT),--exit)

shell: ## Open a shell in which `lifeboat` reaches the sample that `make run` keeps up
	@./setup.sh
	@.venv/bin/python -m lifeboat.sample.run --shell

start: ## Start the Airflow that LIFEBOAT_AIRFLOW names, as `lifeboat rescue` brought it back
	@./setup.sh
	@.venv/bin/python -m lifeboat.sample.start

test: ## Check the code and run every test
	@./setup.sh test
	@tests/run.sh

lint: ## Check the code without running tests
	@./setup.sh test
	@tests/run.sh lint

bench: ## Measure backup, drill and recovery
	@./setup.sh test
	@.venv/bin/python tests/bench.py

bench-proofs: ## Measure what the proofs of databases cost beside their dumps
	@./setup.sh test
	@.venv/bin/python tests/bench_proofs.py

constraints: ## Resolve the requirement files again and write constraints.txt
	@./setup.sh test
	@.venv/bin/uv pip compile --quiet --upgrade --python-version 3.11 --no-annotate --no-emit-index-url \
		--no-emit-find-links --custom-compile-command "make constraints" --output-file constraints.txt \
		requirements.txt requirements-dev.txt requirements-image.txt

env: ## Write .env with new random secrets, for docker compose
	@if [ -e .env ]; then echo ".env is there already; remove it first if you want new secrets" >&2; exit 1; fi
	@umask 077; while read -r line; do \
		case $$line in \
			AIRFLOW_FERNET_KEY=) line+=$$(head -c 32 /dev/urandom | base64 -w 0 | tr +/ -_);; \
			*=) line+=$$(head -c 64 /dev/urandom | base64 -w 0 | tr +/ -_ | tr -d =);; \
		esac; \
		echo "$$line"; \
	done < .env.example > .env

clean: ## Remove what running and testing has left here; .venv too
	@if [ -x .venv/bin/python ]; then .venv/bin/python -m lifeboat.sample.run --remove; fi
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
