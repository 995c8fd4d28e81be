# Two commands do everything on a fresh Debian 12: `make run` and `make test`. Neither asks a question.

SHELL := /bin/bash
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
export HOST PORT PYTHON

BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check --no-input

# An environment holds its path and its Python's version: a moved or copied folder and a newer Python get a new one.
PLACE := $(shell echo "$(CURDIR) $$($(PYTHON) --version 2>&1 | cut -d. -f1,2)" | cksum | cut -d' ' -f1)
VENV := .local/made/venv-$(PLACE)
RUNTIME := .local/made/runtime-$(PLACE)
DEVELOPMENT := .local/made/development-$(PLACE)

.PHONY: run setup setup-dev check test test-server bench lock

run: setup
	@exec $(BIN)/python manage.py serve

setup: $(RUNTIME)
	@bin/packages runtime

setup-dev: $(DEVELOPMENT)
	@bin/packages runtime test

check: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	git ls-files -z --cached --others --exclude-standard -- 'templates/*.html' | xargs -0 --no-run-if-empty $(BIN)/djade --check --target-version 5.2
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run

test: check
	$(BIN)/python -m pytest -n auto

# The part of the tests that asks the database, on Debian's PostgreSQL instead of the embedded one.
test-server: setup-dev
	bin/packages server
	bin/with-server $(BIN)/python -m pytest -n auto --ignore=tests/config --ignore=tests/browser

bench: setup
	$(BIN)/python manage.py bench

# The lock names versions and checksums, never where they were fetched from.
lock:
	@bin/packages python
	$(PYTHON) -m venv --clear .local/lock
	.local/lock/bin/python -m pip --quiet install pip-tools
	bin/lock requirements.txt
	bin/lock requirements-dev.txt --extra dev --allow-unsafe --constraint requirements.txt

$(VENV):
	@bin/packages python
	@echo "正在建立 Python 环境 .venv ……"
	@$(PYTHON) -c 'import sys; sys.exit("需要 Python 3.11 或更新的版本。" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv --clear .venv
	@mkdir -p $(@D) && touch $@

$(RUNTIME): $(VENV) requirements.txt
	@echo "正在安装运行所需的组件 ……"
	@$(PIP) install --require-hashes --requirement requirements.txt
	@touch $@

$(DEVELOPMENT): $(VENV) requirements-dev.txt
	@echo "正在安装开发和测试所需的组件 ……"
	@$(PIP) install --require-hashes --requirement requirements-dev.txt
	@touch $@ $(RUNTIME)
