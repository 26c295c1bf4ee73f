# `make` lists what there is. Everything runs in .venv, which `make setup` makes.
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
# Files stay whole: their tests share browsers, servers and trained models.
PYTEST := $(BIN)/pytest -n 2 --dist loadfile
# Messages of a language, compiled without GNU gettext.
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/*.po))

# The encoder is a package; nothing is ever asked of a hub.
export HF_HUB_OFFLINE := 1

.DEFAULT_GOAL := help
.PHONY: help setup translations demo test check bench lock

help: ## List the commands.
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

setup: .ci/setup ## Make the environment: .venv, pinned packages, translations.
	@cmp -s requirements.lock $(VENV)/installed.lock || .ci/setup $(VENV)
	@$(MAKE) --no-print-directory -s translations

translations: $(CATALOGUES)

%.mo: %.po
	@$(BIN)/pybabel --quiet compile --input-file $< --output-file $@

demo: setup ## Run the whole service with demo data (PORT=8000); Ctrl-C stops it.
	@DJANGO_SETTINGS_MODULE=ctaopt.settings.demo exec $(BIN)/python manage.py demo --port $(PORT)

test: setup ## Run the whole test suite, the slow part included.
	@$(PYTEST) --on-postgres -m "on_both_databases and not slow" tests
	@$(PYTEST)

check: setup ## Run what must be green before a push: format, lint, types, borders, fast tests.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	DJANGO_SETTINGS_MODULE=ctaopt.settings.test $(BIN)/python manage.py makemigrations --check --dry-run
	$(PYTEST) -m "not slow"

bench: setup ## Run every benchmark; each writes benchmarks/results/NAME.json.
	@for file in benchmarks/bench_*.py; do \
		echo "$$file"; $(BIN)/python "$$file" || exit 1; \
	done
	@$(BIN)/python benchmarks/capacity.py --write

lock: ## Resolve pyproject.toml anew and pin what comes out in requirements.lock.
	@.ci/lock
