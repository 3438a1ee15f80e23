# Two commands do all set-up on a fresh machine: `make digits` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# dev,browser: with the tests that open pages in Chromium
EXTRAS ?= dev

.PHONY: digits test fuzz lint clean

digits: $(VENV)/.installed
	$(BIN)/sparring train digits

test: $(VENV)/.installed-$(EXTRAS) lint
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

# All bad inputs, of which `make test` takes a sample, and a search for more of them, led by coverage
fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,fuzz]' || true
	SPARRING_FUZZ=all $(BIN)/python -m pytest tests/fuzz --numprocesses auto --dist worksteal
	$(BIN)/python -m tests.fuzz.guided 60

lint: $(VENV)/.installed-$(EXTRAS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# PyTorch first and by itself: elsewhere pip would take the newest build, with gigabytes for CUDA
$(VENV)/.torch: constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement constraints.txt
	touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[photos]'
	touch $@

$(VENV)/.installed-$(EXTRAS): $(VENV)/.installed pyproject.toml
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	touch $@

clean:
	rm -rf $(VENV) runs
