# make demo   train a small network on real images and write a page that shows it
# make lab    open the tour in JupyterLab
# make test   run every check (CONTRIBUTING.md); ONLY="lint stack" runs some
# make bench  measure, and write docs/performance.md
#
# Each target makes what it needs of .venv first; a second call finds it made. Nothing is
# installed outside of this folder.

SHELL := bash
.DEFAULT_GOAL := help
VENV ?= .venv
BIN := $(VENV)/bin
ONLY ?=

# The first Python that is new enough; `make demo PYTHON=…` chooses another.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$python -c '$(NEW_ENOUGH)' 2>/dev/null; then echo $$python; break; fi; done)

.PHONY: help demo lab test bench
help:
	@sed -n 's/^# \(make .*\)/\1/p' $(firstword $(MAKEFILE_LIST))

# Its matrices are small: threads of BLAS would only wait for each other, long where others work.
demo: export OPENBLAS_NUM_THREADS ?= 1
demo: $(VENV)/.has-core
	@$(BIN)/clownviz demo

lab: $(VENV)/.has-lab
	@$(BIN)/jupyter lab notebooks/01-tour.ipynb

test: $(VENV)/.has-test
	@$(BIN)/python tests/run.py $(ONLY)

bench: $(VENV)/.has-core
	@$(BIN)/python tests/benchmarks/run.py

# What is installed is written down, so that only a change of pyproject.toml installs again.
# A .venv that somebody else made and that has everything is used as it is.
$(VENV)/.has-core: EXTRAS :=
$(VENV)/.has-lab: EXTRAS := [lab]
$(VENV)/.has-test: EXTRAS := [test]
$(VENV)/.has-%: pyproject.toml | $(BIN)/python
	@echo "Installing clownpiece$(EXTRAS) and what it needs into $(VENV) (half a minute, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.$(EXTRAS)'
	@touch $@

$(BIN)/python:
	@if [ -z "$(PYTHON)" ] || ! $(PYTHON) -c '$(NEW_ENOUGH)' 2>/dev/null; then \
		echo "clownpiece needs Python 3.11 or newer, and there is $$($(or $(PYTHON),python3) --version 2>&1 | tail -n 1)." \
			"Install one from python.org or your system, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; \
		exit 1; fi
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) could not make a virtual environment; on Debian and Ubuntu: sudo apt install python3-venv" >&2; \
		exit 1; }
