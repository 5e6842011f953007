# What people and CI call. Needs Python 3.11 or later (python3) and make; everything else is fetched by pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test check crash-test chaos-test bench bench-texts simulate-year clean

run: $(VENV)/run-time  ## everything on this machine, ready in a browser: http://127.0.0.1:8000/
	$(BIN)/flask --app wsgi start

test: $(VENV)/tests  ## the whole suite, on SQLite and PostgreSQL, some files at once, with the checks of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

check: $(VENV)/tests  ## the checks of the code alone: seconds
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

crash-test: $(VENV)/tests  ## 10,000 changes, a faulty carrier, dispatchers killed: no text lost, none doubled; 10 minutes
	$(BIN)/python -m tests.crashing
	$(BIN)/python -m tests.crashing --without-look-up --changes 500 --kills 2

chaos-test: $(VENV)/tests  ## phones without signal on 1,000 officer-days: every event once, none lost; 10 minutes on each database at the most
	$(BIN)/python -m tests.chaos_phones

bench: $(VENV)/tests  ## what the hot paths cost, side by side with bare ones in one run
	$(BIN)/python -m benchmarks

bench-texts: $(VENV)/tests  ## how soon texts go, how many a second, and what that costs the API meanwhile
	$(BIN)/python -m benchmarks.texts

simulate-year: $(VENV)/tests  ## a year of officers' days: who is told of lateness, when, how often, and how true it was; 2 minutes
	$(BIN)/python -m benchmarks.year

clean:  ## forget the environment, the development database and its keys
	rm -rf $(VENV) instance

$(VENV)/bin/python:
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or later is needed: make PYTHON=python3.12 run')"
	$(PYTHON) -m venv $(VENV)

$(VENV)/run-time: $(VENV)/bin/python requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/tests: $(VENV)/run-time requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
