# `make help` lists every target.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup demo serve check test test-all lint lint-docs unit runtimes integration local-tests faults fuzz \
	mutants builds yardstick benchmark doctor unread release registry deploy try-emulator \
	stop-sending start-sending why replies forget budget hashes verify-cloud api-key package template metadata clean system-parts

help: ## list every target
	@echo "New here? First make setup, then make demo."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/setup.stamp ## make the environment .venv, with fc-stub and sms-emulator in it
	@$(BIN)/fc-stub --version >/dev/null 2>&1 || { echo "$(VENV) does not run. Was this folder moved?"; \
		echo "Make it anew: make clean, then make setup"; exit 1; }
	@echo "$(VENV) is ready, with $(BIN)/fc-stub and $(BIN)/sms-emulator. Next: make demo"

demo: $(VENV)/setup.stamp ## run it all on this machine, without a cloud account (ONCE=1: stop by itself)
	@$(BIN)/python -m tools.demo $(if $(ONCE),--once)

serve: $(VENV)/setup.stamp ## a Function Compute on this machine to deploy to, with the SMS emulator (ARGS='--state FOLDER')
	@$(BIN)/python -m tools.serve $(ARGS)

check: lint unit ## run before each commit: lint, types and the unit tests; one minute

test: system-parts lint runtimes integration local-tests ## lint, types and all tests; 13 minutes

test-all: test builds faults mutants fuzz ## make test, and what takes longer: before a release and before an issue is resolved; an hour

lint: $(VENV)/dev.stamp ## style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd local/aliyun-sms-emulator && $(abspath $(BIN))/mypy
	cd local/aliyun-fc-runtime-stub && $(abspath $(BIN))/mypy

# It reports, and fails nothing: a writer decides.
lint-docs: ## sentences of more than 35 words, and wrong terms, in the pages (ARGS=docs/errors.md)
	@$(PYTHON) -m tools.lint_docs $(ARGS)

unit: $(VENV)/dev.stamp ## the unit tests, on the Python of .venv
	$(BIN)/pytest -n 2 tests/unit

runtimes: $(VENV)/dev.stamp ## the unit tests, on the Pythons and libraries of Function Compute's runtimes
	$(BIN)/python -m tools.test_on_runtimes

integration: $(VENV)/dev.stamp ## all other tests of the deployed code
	$(BIN)/pytest -n 3 --dist loadfile tests --ignore tests/unit --ignore tests/builds

local-tests: $(VENV)/dev.stamp ## the tests of the two local packages
	cd local/aliyun-sms-emulator && $(abspath $(BIN))/pytest -n 2 --dist loadfile
	cd local/aliyun-fc-runtime-stub && $(abspath $(BIN))/pytest -n 3 --dist loadfile

builds: $(VENV)/dev.stamp ## build what is released, and install it as a stranger would
	$(BIN)/pytest -n 2 --dist loadfile tests/builds

# `make test` runs some thousands of them.
fuzz: $(VENV)/dev.stamp ## hand the functions mutated events, files and receipts (ARGS='--seconds 600')
	$(BIN)/python -m tests.fuzz $(ARGS)

# `make test` runs some hundreds of them.
faults: $(VENV)/dev.stamp ## 10,000 random schedules of faults (ARGS='--schedules 500')
	$(BIN)/python -m tests.faults $(ARGS)
	$(BIN)/python -m tests.faults.killed_workers

mutants: $(VENV)/dev.stamp ## plant mistakes, each of which the schedules must find
	$(BIN)/python -m tests.faults.mutants

# The same schedules with the official SDK beside.
yardstick: $(VENV)/dev.stamp ## write the table of docs/send-protocol.md anew
	$(BIN)/python -m tests.faults.yardstick --write $(ARGS)

benchmark: $(VENV)/dev.stamp ## measure against the official SDK (GROUPS="files instances": these alone)
	$(BIN)/python -m benchmarks $(GROUPS)

doctor: $(VENV)/setup.stamp ## check a configuration before the first deploy; sends nothing (ARGS=--json)
	@$(BIN)/python -m tools.doctor $(ARGS)

stop-sending: $(VENV)/setup.stamp ## let no send begin; receipts, status and checks of codes go on (ARGS=--functions)
	@$(BIN)/python -m tools.sending stop $(ARGS)

start-sending: $(VENV)/setup.stamp ## let sends begin again
	@$(BIN)/python -m tools.sending start $(ARGS)

why: $(VENV)/setup.stamp ## why no message came: ID=order-17, or NUMBER=ask DAY=$(TZ=Asia/Shanghai date +%Y%m%d) (LOG=FILE)
	@$(BIN)/python -m tools.why $(if $(ID),--id "$(ID)") $(if $(NUMBER),--number "$(NUMBER)") \
		$(if $(DAY),--day "$(DAY)") $(if $(LOG),--log "$(LOG)") $(ARGS)

replies: $(VENV)/setup.stamp ## what people wrote back, and to which send: DAY=$(TZ=Asia/Shanghai date +%Y%m%d)
	@$(BIN)/python -m tools.replies $(if $(DAY),--day "$(DAY)") $(ARGS)

forget: $(VENV)/setup.stamp ## remove what the state holds about one number: NUMBER=ask
	@$(BIN)/python -m tools.forget $(if $(NUMBER),--number "$(NUMBER)") $(ARGS)

budget: $(VENV)/setup.stamp ## what each limit has used, and has left
	@$(BIN)/python -m tools.budget $(ARGS)

hashes: $(VENV)/setup.stamp ## what the log writes for a phone number or an out_id, which is asked for
	@$(BIN)/python -m tools.hashes $(ARGS)

unread: $(VENV)/setup.stamp ## show receipts that could not be read, and read them again (ARGS='--show --raw')
	@$(BIN)/python -m tools.unread $(ARGS)

verify-cloud: $(VENV)/setup.stamp ## measure on the real platform; at most 3 SMS, asks before each
	@$(BIN)/python -m tools.verify_cloud $(ARGS)

api-key: ## make an API key: make api-key NAME=my-shop
	@$(PYTHON) -m tools.api_key "$(NAME)"

package: $(VENV)/setup.stamp ## build/fc-sms.zip, the code package that template.yml refers to
	@$(BIN)/python -m tools.package

template: $(VENV)/setup.stamp ## template.yml, made from s.yaml
	@$(BIN)/python -m tools.make_template

metadata: $(VENV)/setup.stamp ## write the version and the repository's address wherever they stand
	@$(BIN)/python -m tools.make_metadata

# Nothing is pushed. DRY_RUN=1 tags nothing either.
release: $(VENV)/dev.stamp ## check, build into dist/ and tag the version of shared/version.py
	@$(BIN)/python -m tools.release --look $(if $(DRY_RUN),--dry-run)
	@$(MAKE) --no-print-directory check
	@$(BIN)/python -m tools.release $(if $(DRY_RUN),--dry-run)

registry: $(VENV)/setup.stamp ## build/registry, for s registry publish: the application fc-sms
	@$(BIN)/python -m tools.make_registry

# Serverless Devs' `s deploy` does not check s.yaml; `s verify` does.
S ?= npx --yes @serverless-devs/s@3.1.10
deploy: doctor ## check, and deploy what s.yaml describes without a question (needs Node.js)
	$(S) verify && $(S) deploy -y

# The one target that runs on Windows, too: the rest of the Makefile needs Linux or macOS.
try-emulator: ## install the emulator alone, send an SMS to it and read it back
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q -e ./local/aliyun-sms-emulator
	@$(BIN)/python -m tools.try_emulator

clean: ## remove .venv and everything else that was made here
	rm -rf $(VENV) build dist local/*/build local/*/src/*.egg-info tests/node_modules
	find . -depth \( -name __pycache__ -o -name '.*_cache' -o -name .hypothesis \) -exec rm -rf {} +

# In continuous integration on Debian, install what the tests need; elsewhere they say what to
# install and are skipped.
system-parts: ## with CI=true, on Debian and as root: install what the tests need
ifeq ($(CI),true)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then tools/install_system_parts; fi
endif

# pip is what venv makes last: an environment that was left half made has none, and is completed.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "$(PYTHON) is not Python 3.10 or newer."; \
			echo "Install one, and name it: make setup PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/setup.stamp: requirements-local.txt local/aliyun-fc-runtime-stub/pyproject.toml local/aliyun-sms-emulator/pyproject.toml | $(BIN)/pip
	@echo "Installing what the demo and the local tools need into $(VENV) ..."
	@$(BIN)/pip install -r requirements-local.txt \
		|| { echo "pip could not install it; its message is above. If it cannot reach its package"; \
			echo "index, set HTTPS_PROXY for a proxy or PIP_INDEX_URL for a mirror. Then: make setup"; \
			exit 1; }
	@touch $@

$(VENV)/dev.stamp: $(VENV)/setup.stamp requirements-dev.txt
	@echo "Installing what the tests need into $(VENV); this takes a minute ..."
	@$(BIN)/pip install -q -r requirements-dev.txt
	@touch $@
