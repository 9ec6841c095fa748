# make demo     runs the whole thing on this machine, without a cloud account
# make test     lint, types and all tests
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint unit runtimes integration local-tests faults yardstick mutants benchmark doctor \
	verify-cloud package template api-key clean

demo: $(VENV)/demo.stamp
	@$(BIN)/python -m tools.demo $(if $(ONCE),--once)

test: system-parts lint unit runtimes integration local-tests

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd local/aliyun-sms-emulator && $(abspath $(BIN))/mypy
	cd local/aliyun-fc-runtime-stub && $(abspath $(BIN))/mypy

unit: $(VENV)/dev.stamp
	$(BIN)/pytest -n 2 tests/unit

# The deployed half again, on the Python and library versions of Function Compute's runtimes.
runtimes: $(VENV)/dev.stamp
	$(BIN)/python -m tools.test_on_runtimes

integration: $(VENV)/dev.stamp
	$(BIN)/pytest -n 3 --dist loadfile tests --ignore tests/unit

local-tests: $(VENV)/dev.stamp
	cd local/aliyun-sms-emulator && $(abspath $(BIN))/pytest -n 2 --dist loadfile
	cd local/aliyun-fc-runtime-stub && $(abspath $(BIN))/pytest -n 3 --dist loadfile

# Random schedules of faults, and the mistakes that they have to find. `make test` runs some hundreds.
faults: $(VENV)/dev.stamp
	$(BIN)/python -m tests.faults $(ARGS)
	$(BIN)/python -m tests.faults.killed_workers

# The same schedules with the official SDK beside; writes the table in docs/send-protocol.md.
yardstick: $(VENV)/dev.stamp
	$(BIN)/python -m tests.faults.yardstick --write $(ARGS)

mutants: $(VENV)/dev.stamp
	$(BIN)/python -m tests.faults.mutants

# GROUPS="files instances" runs these alone.
benchmark: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks $(GROUPS)

# Checks a configuration before the first deploy; sends nothing.
doctor: $(VENV)/dev.stamp
	@$(BIN)/python -m tools.doctor

# Measures on the real platform what its documentation leaves open; at most 3 SMS, asks before each.
verify-cloud: $(VENV)/demo.stamp
	@$(BIN)/python -m tools.verify_cloud $(ARGS)

# The code package that template.yml refers to, and template.yml itself, made from s.yaml.
package: $(VENV)/demo.stamp
	@$(BIN)/python -m tools.package

template: $(VENV)/demo.stamp
	@$(BIN)/python -m tools.make_template

api-key:
	@$(PYTHON) -m tools.api_key "$(NAME)"

clean:
	rm -rf $(VENV) build local/*/build local/*/src/*.egg-info tests/node_modules
	find . -depth \( -name __pycache__ -o -name '.*_cache' -o -name .hypothesis \) -exec rm -rf {} +

# In continuous integration on Debian, install what the tests need; elsewhere they say what to
# install and are skipped.
.PHONY: system-parts
system-parts:
ifeq ($(CI),true)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then tools/install_system_parts; fi
endif

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "Python 3.10 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: $(BIN)/python local/aliyun-fc-runtime-stub/pyproject.toml local/aliyun-sms-emulator/pyproject.toml
	$(BIN)/pip install -q requests -e local/aliyun-fc-runtime-stub -e local/aliyun-sms-emulator
	@touch $@

$(VENV)/dev.stamp: $(VENV)/demo.stamp requirements-dev.txt
	$(BIN)/pip install -q -r requirements-dev.txt
	@touch $@
