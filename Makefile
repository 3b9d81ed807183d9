# Everything from a fresh checkout: nothing needed but Python 3.11, git, tmux, make and a C compiler.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: test demo pictures lint types tests wheel test-clients bench clean

test: lint types tests wheel

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("orc needs Python 3.11 or newer, this is %s" % sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

demo: $(READY)
	$(BIN)/orc demo

# The README's pictures, taken of the demo.
pictures: $(READY)
	$(BIN)/python docs/pictures.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY)
	$(BIN)/mypy

# Four at once on two cores: many tests wait for real processes.
tests: $(READY)
	$(BIN)/pytest -n 4 --dist worksteal -m 'not clients'

# The wheel, in an environment of its own: what a stranger installs.
wheel: $(READY)
	BIN=$(BIN) PYTHON=$(PYTHON) .ci/check-wheel

# Real clients from npm, installed into a scratch folder, against the scripted model server.
test-clients: $(READY)
	.ci/install-clients .clients
	ORC_CLIENTS=$(CURDIR)/.clients $(BIN)/pytest -n 2 --dist worksteal -m clients

# What orc costs, one table at the end; `make bench BENCH=--quick` for the short form, `BENCH='--only screen host'` for parts.
bench: $(READY)
	$(BIN)/python -m tests.bench.all $(BENCH)

clean:
	rm -rf $(VENV) .clients dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
