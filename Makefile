# secant: everything a person runs. `make` alone lists the targets.
#
# A virtual environment is made in .venv when there is none, and filled as far as a target needs. Stamps
# remember what is in it: a target is quick until pyproject.toml or its pins change. They carry the name of
# this folder, since an editable install belongs to the folder that it was made from.
#
#   make PY=/path/to/python3.12 test      another interpreter, for a new .venv
#   make ARGS="-k kink -x" test           arguments for pytest

VENV ?= .venv
PY ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
ARGS ?=

empty :=
bin := $(VENV)/bin
stamp := $(VENV)/made$(subst /,-,$(subst $(empty) $(empty),-,$(CURDIR)))
install := $(bin)/python -m pip install -qq --disable-pip-version-check --retries 10

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help tour test test-all bench lint format docs generate dev clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.* ## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

tour: $(stamp)-run ## take the tour: every row of the notes, what they print, what secant says, and why
	@$(bin)/python -m secant tour

test: $(stamp)-test ## run the tests, the slow ones left out
	$(bin)/python -m pytest $(ARGS)

test-all: $(stamp)-test ## run all tests
	$(bin)/python -m pytest -m "" $(ARGS)

bench: $(stamp)-bench ## run the benchmarks, one script after the other, and quote them in the documents
	@for script in benchmarks/*/run.py benchmarks/*/near.py benchmarks/descent/parallel.py benchmarks/descent/large.py \
	benchmarks/[!_]*.py; do [ -f "$$script" ] || continue; \
	echo "$$script"; $(bin)/python -m $$(echo "$${script%.py}" | tr / .) || exit 1; done
	$(bin)/python docs/_generate.py

lint: $(stamp)-lint ## check style, format and types
	$(bin)/python -m ruff check .
	$(bin)/python -m ruff format --check .
	$(bin)/python -m mypy --strict src
	MYPYPATH=src:examples/notes $(bin)/python -m mypy --strict examples/notes/notes.py

format: $(stamp)-lint ## put the code in the house's format
	$(bin)/python -m ruff check --fix-only --quiet .
	$(bin)/python -m ruff format .

docs: $(stamp)-docs ## build the documentation in docs/_build/html
	$(bin)/python -m sphinx --fail-on-warning --keep-going --quiet docs docs/_build/html
	@echo "the documentation is in docs/_build/html/index.html"

generate: $(stamp)-run ## write the generated pages and the picture of the documentation again
	$(bin)/python docs/_generate.py
	$(bin)/python docs/plot_readme.py

dev: $(stamp)-test $(stamp)-lint $(stamp)-docs ## install what tests, lint and documentation need, and stop there

clean: ## remove what was built, the virtual environment too
	rm -rf $(VENV) docs/_build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(bin)/python:
	@test -n "$(PY)" || { echo "secant needs Python 3.11 or newer with venv (on Debian: apt-get install python3-venv); name it with make PY=..."; exit 1; }
	$(PY) -m venv $(VENV)

$(stamp)-run: pyproject.toml requirements/run.txt | $(bin)/python
	@echo "installing secant and what it needs in $(VENV)"
	@$(install) -r requirements/run.txt --editable '.[plot]'
	@touch $@

$(stamp)-test $(stamp)-lint $(stamp)-docs $(stamp)-bench: $(stamp)-%: requirements/%.txt $(stamp)-run
	@echo "installing $<"
	@$(install) -r $<
	@touch $@
