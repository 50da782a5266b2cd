# Everything a person does with a checkout. `make help` lists it.
# Needs git, make and python3 (3.11 or newer) with its venv module; the browser tests need Chromium.

PYTHON   ?= python3
CHROMIUM ?= $(firstword $(shell command -v chromium chromium-browser google-chrome 2>/dev/null))
# Another Python has an environment of its own: make test PYTHON=python3.13
VENV     := .venv$(if $(filter-out python3,$(PYTHON)),-$(notdir $(PYTHON)))
# Tests mostly wait for processes of their own, so that four at a time are well on two cores.
JOBS     ?= 4
BIN      := $(VENV)/bin
INSTALL  := $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes \
            --only-binary=:all:

export CHROMIUM

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test smoke pythons browser check fmt dist docs messages screenshots lock clean

help:  ## Shows this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

run: $(VENV)/run.txt  ## Starts the service with its sandbox; open http://127.0.0.1:8080
	@$(BIN)/chatwoot-bridge serve

test: browser check  ## Runs the checks and every test (ARGS= goes to pytest)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder \
	  --reruns 1 -r R $(ARGS)

smoke: $(VENV)/dev.txt  ## Imports everything and runs a short proof (PYTHON=python3.13: on that one)
	$(BIN)/python -m pytest -m smoke -p no:randomly -q $(ARGS)

pythons:  ## Runs make smoke on every supported Python that is installed
	.ci/pythons

browser:
	@test -n "$(CHROMIUM)" || { echo "make test needs Chromium: apt-get install chromium" >&2; exit 1; }

check: $(VENV)/dev.txt  ## Checks format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fmt: $(VENV)/dev.txt  ## Formats the code and repairs what style can repair
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

dist: $(VENV)/dev.txt  ## Builds dist/chatwoot-bridge (one file) and the wheel
	rm -rf build dist
	umask 022 && $(DIST_ENV) $(BIN)/python -m hatchling build --target wheel
	umask 022 && $(BIN)/python -m zipfile --extract dist/*.whl build/app
	umask 022 && $(DIST_ENV) $(BIN)/pex $(PEX) --output-file dist/chatwoot-bridge
	@ls -l dist

# Same sources, same bytes: no clock, no umask, no time stamps, only what the lock names.
DIST_ENV  = SOURCE_DATE_EPOCH=315532800
PLATFORMS = $(foreach version,3.11.2-cp311 3.12.0-cp312 3.13.0-cp313 3.14.0-cp314, \
              $(foreach machine,x86_64 aarch64,linux_$(machine)-cp-$(version)))
# pip comes in as a dependency of sqlite-utils' plugin commands, which are not part of the service.
PEX       = --requirement requirements/run.txt --exclude pip --no-build --use-pip-config \
            --sources-directory build/app --entry-point bridge.__main__:main \
            --python-shebang '/usr/bin/env python3' --no-emit-warnings \
            $(PLATFORMS:%=--platform %)

docs: $(VENV)/dev.txt  ## Writes docs/reference.md from the program
	$(BIN)/python -P docs/reference.py > docs/reference.md

messages: $(VENV)/dev.txt  ## Brings the translations (bridge/web/locales) up to date with the texts
	$(BIN)/python -P docs/messages.py

screenshots: browser $(VENV)/dev.txt  ## Makes the pictures of the documents by driving the real pages
	$(BIN)/python docs/screenshots.py

lock: $(VENV)/dev.txt  ## Renews requirements/*.txt from pyproject.toml and dev.in (UPGRADE=1: newest)
	$(LOCK) pyproject.toml --output-file requirements/run.txt
	$(LOCK) requirements/run.txt requirements/dev.in --output-file requirements/dev.txt

# --universal: one lock for every Python and machine, so each hash of each wheel is in it.
# The index is whatever the machine is set up with, so it has no place in the file.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
       --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
       $(if $(UPGRADE),--upgrade)

clean:  ## Removes what was built and installed; instance/ stays
	rm -rf .venv .venv-* build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

# Each copy of a lock in the venv says what is installed there: nothing is done until a lock changes.
$(VENV)/run.txt: requirements/run.txt | $(VENV)/bin/chatwoot-bridge
	@echo "Installing what the service needs (once per change of $<)"
	@$(INSTALL) -r $<
	@cp $< $@

$(VENV)/dev.txt: requirements/dev.txt $(VENV)/run.txt
	@echo "Installing what the checks and tests need (once per change of $<)"
	@$(INSTALL) -r $<
	@cp $< $@

# The checkout itself is on the path through a relative .pth line: no build, no network, movable.
$(VENV)/bin/chatwoot-bridge:
	@command -v $(PYTHON) >/dev/null || \
	  { echo "This needs Python 3.11 or newer: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "This needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "This needs Python's venv module: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
	@echo ../../../.. > $$(echo $(VENV)/lib/python3.*/site-packages)/checkout.pth
	@printf '%s\n' '#!/bin/sh' \
	  'exec "$$(dirname "$$(readlink -f "$$0")")/python" -P -m bridge "$$@"' > $@
	@chmod +x $@
