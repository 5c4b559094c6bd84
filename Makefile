# Moodring: `make run` to use it, `make test` to check it. Everything else: `make help`.
SHELL := /bin/sh
VENV := .venv
python := $(VENV)/bin/python
# In quotes that neither make nor the shell looks into: a password may hold any character.
quoted = '$(subst ','\'',$(value $1))'
settings := $(if $(value CAMERA),MOODRING_CAMERA_SOURCE=$(call quoted,CAMERA)) $(if $(value MUSIC),MOODRING_MUSIC=$(call quoted,MUSIC)) $(if $(PORT),MOODRING_HTTP_PORT='$(PORT)')
data := $(if $(value DATA),--data $(call quoted,DATA))
sources := services tests training
runs := build/training
settle := --radius 0.1 --trust 0.4 --peak-rate 0.03 --epochs 24 --seed 42

.PHONY: compose-demo compose-check arm64-check help run test test-all lint format bench mood-table models train train-env proto lock test-packages fresh-check

help:  ## say what there is
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1  /p' Makefile | column -t -l 2

run: $(VENV)/.run  ## run everything in one process (CAMERA=, MUSIC=, PORT=)
	@exec env $(settings) $(python) -m services run

test: $(VENV)/.dev test-packages lint  ## check everything that takes minutes
	$(python) -m pytest -m "not slow"

test-all: $(VENV)/.dev test-packages .venv-training/.torch lint  ## the slow and costly checks too
	$(python) -m pytest

lint: $(VENV)/.dev  ## style, types, layers, generated code
	$(VENV)/bin/ruff check $(sources)
	$(VENV)/bin/ruff format --check $(sources)
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	infra/gen-proto.sh --check

format: $(VENV)/.dev  ## put the code in order
	$(VENV)/bin/ruff check --fix $(sources)
	$(VENV)/bin/ruff format $(sources)

bench: $(VENV)/.dev  ## measure; PEERS=1 compares
	PEERS=$(PEERS) $(python) -m tests.bench

mood-table: $(VENV)/.dev  ## how far moods can be trusted, beside other projects' rules (HOURS=)
	$(python) -m tests.bench.mood $(if $(value HOURS),--hours $(call quoted,HOURS))

models: $(VENV)/.run  ## fetch the face detector's file
	$(python) -m services models

train-env: .venv-training/.ready  ## the environment for export and evaluation

train: .venv-training/.torch  ## train the expression model and export it; goes on where it was stopped
	.venv-training/bin/python -m training.train $(data)
	.venv-training/bin/python -m training.train $(data) --start $(runs)/run --teachers $(runs)/run --out $(runs)/settled $(settle)
	.venv-training/bin/python -m training.export $(data) --run $(runs)/settled

proto: $(VENV)/.dev  ## generate code from proto/
	infra/gen-proto.sh

lock: $(VENV)/.dev  ## bring requirements.lock up to date with pyproject.toml
	PATH="$(VENV)/bin:$$PATH" uv pip compile --quiet --universal --all-extras --generate-hashes --no-header --python-version 3.11 pyproject.toml -o requirements.lock

test-packages:
	@infra/test-packages.sh

compose-demo:  ## the home server with the demo camera and songs, in Docker; no .env needed
	@infra/compose-demo

compose-check:  ## prove `docker compose up` from a clean clone
	infra/offline/check

arm64-check:  ## build the images for arm64 under emulation, and classify a face there
	infra/offline/arm64-check

fresh-check:  ## prove the README's two commands in bare Debian containers
	infra/fresh/check

$(VENV)/.run: pyproject.toml requirements.lock infra/setup.sh
	@infra/setup.sh all
	@$(python) -m services models || true  # without it the Haar cascade serves
	@touch $@

$(VENV)/.dev: pyproject.toml requirements.lock infra/setup.sh
	@infra/setup.sh all,dev
	@touch $@

.venv-training/.ready: training/requirements.txt
	python3 -m venv .venv-training
	.venv-training/bin/pip install --quiet -r training/requirements.txt
	@touch $@

.venv-training/.torch: .venv-training/.ready training/requirements-torch.txt
	.venv-training/bin/pip install --quiet -r training/requirements-torch.txt
	@touch $@
