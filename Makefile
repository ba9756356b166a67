# The doors of marginflow.  `make` alone lists them.
#
#   PYTHON=python3.12     the Python that makes .venv; otherwise the first on PATH that serves
#   EXTRAS=torch          optional dependencies to install too, by name, separated by commas
#   ARGS=...              more arguments for the program
#   PYTEST_ARGS=...       arguments for pytest instead of "-n 2 --dist worksteal", as "-k dataset"
#
# Every path is relative, since make cannot name a target with a space in it.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.SUFFIXES:

# The caller's Python settings are for other programs than the environment's.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX
export PYTHONNOUSERSITE = 1

PYTEST_ARGS ?= -n 2 --dist worksteal

inputs := pyproject.toml constraints.txt src/marginflow/_version.py
bin := .venv/bin


comma := ,
empty :=
space := $(empty) $(empty)
extras := $(if $(strip $(EXTRAS)),+$(subst $(space),$(comma),$(strip $(EXTRAS))))
run := .venv/.ready-run$(extras)
test := .venv/.ready-test$(extras)
dev := .venv/.ready-dev$(extras)
docs := .venv/.ready-run+docs,torch

# Half made, moved, without its Python, or made by another one: the environment is made anew.
ifneq "$(CURDIR)" "$(shell test -x .venv/bin/python && cat .venv/.place 2>/dev/null)"
anew := FORCE
endif
ifneq "$(PYTHON)" ""
ifneq "$(PYTHON)" "$(shell cat .venv/.asked 2>/dev/null)"
anew := FORCE
endif
endif

.PHONY: help reproduce test docs lint types contracts coverage format pins clean

help: ## list the doors
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile

reproduce: $(run) ## make the environment, run every claim, name the report
	@$(bin)/marginflow reproduce $(ARGS)

test: $(test) ## run the test suite and every example in the docstrings
	@$(bin)/python -m pytest $(PYTEST_ARGS)

docs: $(docs) ## build the documentation into docs/_build, with its code run and warnings as errors
	@$(bin)/python docs/write_claims.py docs/_build/claims.inc
	@$(bin)/python docs/write_certificates.py docs/_build/certificates.inc
	@$(bin)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "Documentation: docs/_build/html/index.html"

lint: $(dev) ## check style and formatting
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .

types: $(dev) ## check types
	@PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(bin)/pyright --pythonpath $(bin)/python

contracts: $(dev) ## check that rooms import downward only
	@$(bin)/lint-imports

coverage: $(dev) ## run the test suite and list the lines it leaves out
	@$(bin)/python -m coverage run -m pytest $(PYTEST_ARGS) -n 0
	@$(bin)/python -m coverage report

format: $(dev) ## mend style and formatting where that is mechanical
	@$(bin)/ruff check --fix .
	@$(bin)/ruff format .

pins: $(dev) ## renew the versions in constraints.txt
	@$(bin)/python tools/pin.py

clean: ## remove the environment, reports and caches
	rm -rf .venv reports dist .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage

.venv/.ready-%: $(inputs) $(anew)
	@python=$$($(SHELL) tools/find_python.sh) && "$$python" -E -s -B tools/environment.py $*

FORCE:
