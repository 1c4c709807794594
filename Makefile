# Everything a developer types. `make` alone lists it.

.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-containers test-compose fuzz chaos bench bench-full profile \
	check format docs pictures lock lock-image image compose-env
MAKEFLAGS += --no-print-directory
# Without compiled files every process compiles all that it imports, and the tests start hundreds.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
PATHS := bench cli devchain services shared slipstream slipstream_engine tests tools
# The first that is new enough; `make setup PYTHON=/path/to/python3` overrides it.
PYTHON = $(firstword $(foreach python,python3.13 python3.12 python3.11 python3 python,\
	$(shell $(python) -c 'import sys; sys.version_info < (3, 11) or print("$(python)")' 2>/dev/null)))

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.installed  ## Install everything into .venv, if it is not up to date
	@:

demo: setup  ## Run 200 orders through the real stack and check every promise
	@$(BIN)/slipstream demo

up: setup  ## Run the stack until Ctrl-C (PORT=8080 for another port)
	@$(BIN)/slipstream up $(if $(PORT),--port $(PORT))

test: check  ## Check, then run every test on embedded servers (no Docker)
	@$(BIN)/python -m pytest -n 6 --dist loadfile --no-loadscope-reorder $(PYTEST)

test-containers: setup  ## Run the integration tests on containers (needs Docker)
	@# The tests stop their own containers, so the one that would sweep up is not needed.
	@TESTCONTAINERS=1 TESTCONTAINERS_RYUK_DISABLED=true $(BIN)/python -m pytest tests/integration

test-compose: setup  ## Build the image; scale and restart the compose stack under load (needs Docker)
	@$(BIN)/python -W ignore:XDG_RUNTIME_DIR -m tests.compose

fuzz: setup  ## Throw all kinds of requests at a real stack, for a minute
	@$(BIN)/python -m tools.fuzz

chaos: setup  ## Break a real stack in every way, a minute on each chain (CHAOS='--minutes 10 --seed 7')
	@$(BIN)/python -W ignore:XDG_RUNTIME_DIR -m tests.chaos $(CHAOS)

bench: setup  ## Measure beside the forerunners' design, half an hour (BENCH='--only intake --pairs 1')
	@$(BIN)/python -W ignore:XDG_RUNTIME_DIR -m bench $(BENCH)

bench-full: setup  ## The same with every rate, 5,000 sockets and a million orders
	@$(BIN)/python -W ignore:XDG_RUNTIME_DIR -m bench --full $(BENCH)

profile: setup  ## Show where the time of an order goes: by function, command and statement
	@$(BIN)/python -W ignore:XDG_RUNTIME_DIR -m bench.profile

check: setup  ## Lint, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(PATHS)
	@$(BIN)/lint-imports

format: setup  ## Format the code and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: setup  ## Write the documents that the code can tell by itself anew
	@$(BIN)/python -m tools.docs

pictures: setup  ## Make the README's pictures anew, from a real stack; needs chromium
	@$(BIN)/python -W ignore:XDG_RUNTIME_DIR -m tools.pictures

# setuptools is what pyproject.toml builds with. The image gets the services' share of the same.
COMPILE = $(BIN)/uv pip compile pyproject.toml - --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --quiet

lock:  ## Renew both lock files: the newest versions, for every platform, with hashes
	@echo 'setuptools>=77' | $(COMPILE) --extra dev --upgrade --output-file requirements.lock
	@$(MAKE) lock-image

lock-image:  ## Write deploy/requirements.lock: what the services need, at the locked versions
	@echo 'setuptools>=77' | $(COMPILE) --extra server --extra tracing --constraint requirements.lock \
		--output-file deploy/requirements.lock

image:  ## Build the image of the services (needs Docker)
	@docker build -f deploy/Dockerfile -t slipstream \
		$(foreach name,PYTHON_IMAGE PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST,--build-arg $(name)) .

compose-env:  ## Make up the passwords that docker-compose.yml wants, in .env
	@sh deploy/compose-env.sh

.venv/.installed: pyproject.toml setup.py requirements.lock
	@PYTHON='$(PYTHON)' sh deploy/setup.sh
	@touch $@
