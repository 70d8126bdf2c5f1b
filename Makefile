# Everything from a bare machine with Python 3.11 or newer; see README.md.
# PYTHON and VENV are given as arguments of make: another program's variables of these names do not count.
PYTHON := $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
ARGS :=
BIN := $(VENV)/bin
RUN := $(VENV)/run-$(shell cksum < requirements.txt | tr -d ' ')
DEV := $(VENV)/dev-$(shell cksum < requirements-dev.txt | tr -d ' ')

# Whatever the caller's locale is.
export PYTHONUTF8 := 1
# Of another program: Python would not start, import that program's packages, not find ours, wait for input at its end,
# or leave the assertions out of the tests.
unexport PYTHONHOME PYTHONPATH PYTHONPLATLIBDIR PYTHONSAFEPATH PYTHONINSPECT PYTHONOPTIMIZE

.PHONY: run demo test lint admin lock messages clients bench bench-journeys bench-sms pictures licences sbom audit
.DEFAULT_GOAL := run

run: $(RUN)
	@exec $(BIN)/python manage.py serve

# For the phones and emulators of the local network: whoever reaches it can sign in as anyone.
demo: $(RUN)
	@exec $(BIN)/python manage.py demo

# Everything that pytest keeps goes into the environment, because the project may be read-only. All tests of a file run
# in one process, and those of some folders, because they share what takes long to start. Compiled modules are kept:
# they start many services.
test: $(DEV)
	@exec env PYTHONDONTWRITEBYTECODE= HYPOTHESIS_STORAGE_DIRECTORY=$(VENV)/hypothesis $(BIN)/python -m pytest -o cache_dir=$(VENV)/pytest \
		-n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Needs wrk as well: on Debian, apt install wrk.
bench: $(DEV)
	@exec $(BIN)/python -m bench.speed $(ARGS)

bench-journeys: $(DEV)
	@exec $(BIN)/python -m bench.journeys $(ARGS)

bench-sms: $(DEV)
	@exec $(BIN)/python -m bench.sms $(ARGS)

# The screenshots of README.md, from a service that this starts, and the pictures of shared links.
pictures: $(DEV)
	@exec $(BIN)/python -m bench.pictures

# On a new machine there are no tables yet. Of an old version, they are those that the next start would make.
admin: $(RUN)
	@test -n "$(PHONE)" || { echo "Whose phone? For example: make admin$(if $(findstring command,$(origin VENV)), VENV=$(VENV)) PHONE=9990001122"; exit 1; }
	@exec $(BIN)/python manage.py createsuperuser --migrate "$(PHONE)"

# The exact versions, with hashes, of everything that pyproject.toml asks for.
lock: $(DEV)
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --upgrade --extra embedded pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header -c requirements.txt --extra embedded --group dev pyproject.toml -o requirements-dev.txt

# What is installed to run the service, under which licences, and whether anything in it is known to be vulnerable.
licences: $(DEV)
	@sed '/^|/,$$d' docs/licences.md > $(VENV)/licences.md
	@$(BIN)/pip-licenses --from=mixed --format=markdown --packages $$(sed -n 's/^\([a-z0-9-]*\)==.*/\1/p' requirements.txt) >> $(VENV)/licences.md
	@cp $(VENV)/licences.md docs/licences.md

sbom: $(DEV)
	@PYTHONWARNINGS=ignore $(BIN)/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml --short-PURLs --output-reproducible -o sbom.json

# Django 5.2 is known to be: where this is not found, the list of what is known cannot be had.
audit: $(DEV)
	@echo django==5.2 > $(VENV)/vulnerable.txt
	@if $(BIN)/pip-audit --no-deps --disable-pip -r $(VENV)/vulnerable.txt -f json 2>/dev/null | grep -q fix_versions; then \
		$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements.txt; \
	else echo "Known vulnerabilities were NOT looked for: this machine cannot reach their list."; fi

INSTALL = @test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed."; exit 1; }; \
	$(PYTHON) -I inviting_app/ops/install.py "$(VENV)"

# A file that make has seen change is removed at Ctrl-C, but not this one.
.PRECIOUS: $(BIN)/python
$(BIN)/python:
	$(INSTALL)

$(RUN): | $(BIN)/python
	$(INSTALL) requirements.txt "$@"

$(DEV): | $(BIN)/python
	$(INSTALL) requirements-dev.txt "$@" "$(RUN)"

# After a change of wording: collect, then translate inviting_app/locale/ru/LC_MESSAGES/django.po, then collect again.
messages: $(DEV)
	PYTHONPATH=. $(BIN)/pybabel -q extract -F pyproject.toml --no-location --sort-output -k gettext_lazy -k pgettext_lazy:1c,2 -o $(VENV)/django.pot api inviting_app profiles users
	$(BIN)/pybabel -q update --no-fuzzy-matching --ignore-obsolete --no-wrap --ignore-pot-creation-date -D django -l ru -d inviting_app/locale -i $(VENV)/django.pot
	$(BIN)/pybabel -q compile -D django -d inviting_app/locale
	$(BIN)/pybabel -q compile -D django -d api/locale

# After a change of the recorded OpenAPI document: the typed parts of the clients. Needs npm ci --prefix tests/contract/clients.
clients: $(DEV)
	@exec $(BIN)/python clients/generate.py $(ARGS)
