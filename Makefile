# `make` lists what there is. Everything runs in .venv, which `make setup` makes.
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
# Files stay whole: their tests share browsers, servers and trained models. In the order of
# tests/conftest.py, slow ones first. On two cores the others compute while one waits for a server.
# As nice as it gets: the service gives its pages a lower priority (nice 10), and beside busy tests
# with a higher one it would answer to none of them.
PYTEST := nice -n 19 $(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder
# Each worker has a PostgreSQL of its own, and waits for nothing else.
ON_POSTGRES := $(BIN)/pytest -n 2 --dist loadfile --on-postgres
# What npm installs for tests; it writes these files last.
NPM := $(addsuffix /node_modules/.package-lock.json,sdk tests/clients)
# Messages of a language, compiled without GNU gettext.
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/*.po))

# The encoder is a package; nothing is ever asked of a hub.
export HF_HUB_OFFLINE := 1

.DEFAULT_GOAL := help
.PHONY: help setup translations npm demo test check lint types borders migrations guide nightly \
	bench architecture icons pictures lock pythons sbom licences audit

help: ## List the commands.
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

setup: .ci/setup ## Make the environment: .venv, pinned packages, translations.
	@cmp -s requirements.lock $(VENV)/installed.lock || .ci/setup $(VENV)
	@$(MAKE) --no-print-directory -s translations

translations: $(CATALOGUES)

%.mo: %.po
	@$(BIN)/pybabel --quiet compile --input-file $< --output-file $@

npm: $(NPM)

# Without npm or a registry the tests that need these packages say so.
%/node_modules/.package-lock.json: %/package-lock.json
	@! command -v npm >/dev/null || npm ci --prefix $* --loglevel error --no-audit --no-fund || \
		echo "npm: The packages of $* could not be installed." >&2

demo: setup ## Run the whole service with demo data (PORT=8000); Ctrl-C stops it.
	@DJANGO_SETTINGS_MODULE=ctaopt.settings.demo exec $(BIN)/python manage.py demo --port $(PORT)

test: setup npm ## Run the whole test suite, the slow part included.
	@$(BIN)/python -m tests.servers || \
		$(ON_POSTGRES) -m "on_both_databases and not slow" tests/experiments
	@$(PYTEST)

# Whoever runs `make test` next, as CI does, leaves the fast tests to it: TESTS_FOLLOW=yes.
check: lint types borders migrations guide npm ## Run what must be green before a push: format, lint, types, borders, fast tests.
	$(if $(TESTS_FOLLOW),,$(PYTEST) -m "not slow")

# Parts of `make check`; `make -j2 check` runs two at a time.
lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

borders: setup
	$(BIN)/lint-imports

migrations: setup
	DJANGO_SETTINGS_MODULE=ctaopt.settings.test $(BIN)/python manage.py makemigrations --check --dry-run

guide: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

nightly: setup ## Try examples of the properties that nobody has tried (SEED=n: those of a night).
	@seed=$${SEED:-$$(date +%s)}; echo "SEED=$$seed"; \
	$(PYTEST) -m hypothesis --hypothesis-profile=nightly --hypothesis-seed=$$seed && \
	CTAOPT_CONTRACT_CASES=500 $(PYTEST) --hypothesis-seed=$$seed \
		tests/experiments/api/v1/contract/test_completion.py

bench: setup ## Run every benchmark; each writes benchmarks/results/NAME.json.
	@for file in benchmarks/bench_*.py; do \
		echo "$$file"; $(BIN)/python "$$file" || exit 1; \
	done
	@$(BIN)/python benchmarks/capacity.py --write

architecture: setup ## Draw the pictures of docs/architecture.md from the code.
	@$(BIN)/python docs/draw_architecture.py

pictures: setup ## Take the pictures of README and guides anew, in a browser (docs/pictures).
	@CTAOPT_TAKE_PICTURES=yes $(BIN)/pytest -q -n 0 tests/end_to_end/test_pictures.py

icons: setup ## Make the admin's font of icons from the theme's, with those that the pages name.
	@$(BIN)/python .ci/icons

lock: setup ## Resolve pyproject.toml anew and pin what comes out, with hashes, in requirements.lock.
	@.ci/lock

pythons: setup ## Resolve the lock and check the code for every Python from 3.11 to 3.14.
	@.ci/pythons

sbom: setup ## Write the installed packages as CycloneDX JSON to var/sbom.json.
	@mkdir -p var
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		--of JSON -o var/sbom.json $(BIN)/python
	@echo "var/sbom.json: $$(grep -c bom-ref var/sbom.json) components."

licences: setup ## List the licence of every package; fail on one that Apache-2.0 cannot go with.
	@$(BIN)/python -m tests.licences

audit: setup ## Look the locked packages up among known vulnerabilities (needs a network).
	@$(BIN)/python -m tests.audit
