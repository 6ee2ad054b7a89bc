# Two commands for everyone: `make run` and `make test`. Each does all its own set-up; only python3 (3.11+) and make are needed.
PYTHON ?= python3
DEMO   ?= demo
ROOT   ?= $(DEMO)/replay
UV      = .venv/bin/python -m uv
BIN     = .venv/bin
# The tests' files, 3 GB of them, go to memory where that has room: some disks take a millisecond for each new folder.
MEMORY  = $(if $(TMPDIR),,$(shell [ "$$(df -k --output=avail /dev/shm 2>/dev/null | tail -1)" -gt 6000000 ] 2>/dev/null \
	&& echo TMPDIR=/dev/shm))

.PHONY: help run test coverage check airflow test-airflow soak-airflow setup setup-airflow setup-bench setup-page bench prove prove-peers docs lock sbom clean
.DEFAULT_GOAL := help

help:            ## what each target does
	@grep -hE '^[a-z-]+: .*##|^[a-z-]+: *##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 16

run: .venv/.run  ## three years of a lender, eighteen months of the schedules, and the story of a drift, in ./demo
	@$(BIN)/python -m jobs.demo --root $(DEMO)

test: .venv/.dev .venv-airflow/.airflow ## every test, on this machine, in minutes
	$(MEMORY) $(BIN)/python -m pytest -n auto --dist loadfile -q
	AIRFLOW_HOME=$$(mktemp -d) .venv-airflow/bin/python -m pytest -q -c tests/dags/pytest.ini --rootdir=. tests/dags

coverage: .venv/.dev ## which lines the tests run; at least 90 % of them
	$(MEMORY) $(BIN)/python -m pytest -n auto --dist loadfile --cov --cov-report=term:skip-covered -q

airflow: .venv/.run .venv-airflow/.airflow ## a local Airflow with the three DAGs on the demo's data (or on ROOT=FOLDER), until Ctrl-C
	@exec .venv-airflow/bin/python -m tests.airflow.local --home .airflow --root $(ROOT)

test-airflow: .venv/.run .venv-airflow/.airflow ## every path of the DAGs in a real Airflow, on sqlite and PostgreSQL
	AIRFLOW_HOME=$$(mktemp -d) .venv-airflow/bin/python -m pytest -q -c tests/airflow/pytest.ini --rootdir=. tests/airflow

soak-airflow: .venv/.run .venv-airflow/.airflow ## three weeks of the schedule at speed, with random kills
	AIRFLOW_HOME=$$(mktemp -d) .venv-airflow/bin/python -m pytest -q -s -c tests/airflow/pytest.ini --rootdir=. tests/airflow/soak.py

check: .venv/.dev ## lint, types, layers, generated docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check

docs: .venv/.dev ## write the generated pages again
	$(BIN)/python docs/generate.py

setup: .venv/.dev .venv-airflow/.airflow ## all environments, from locks with hashes
setup-airflow: .venv-airflow/.airflow
setup-bench: .venv-bench/.bench
setup-page: requirements/npm/node_modules/.axe

bench: .venv-bench/.bench ## what the performance page promises, measured beside its yardsticks
	.venv-bench/bin/python -m benchmarks

prove: .venv/.dev ## the long proofs: kills at every system call, models, soaks
	$(BIN)/python -m tests.prove

prove-peers: .venv-peers/.peers ## our measures beside those of scikit-learn, statsmodels and NannyML
	PYTHONPATH=. .venv-peers/bin/python benchmarks/peers/measures.py

lock:            ## resolve the environments anew
	cd requirements && for set in setup run dev airflow bench peers; do \
	  ../$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet --upgrade $$set.in -o $$set.txt; done

sbom:            ## what the jobs run on, by version and hash, as CycloneDX
	@$(PYTHON) requirements/sbom.py

clean:           ## remove environments and the demo's data
	rm -rf .venv .venv-airflow .venv-bench .venv-peers .airflow $(DEMO)

define install
	$(UV) pip install --quiet --python $(1) --compile-bytecode --require-hashes -r $(2)
endef

# What bare systems lack and no wheel brings: Debian's part of venv, and the library that LightGBM's threads need.
BY_ROOT  = [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq --no-install-recommends
LIGHTGBM = $(BIN)/python -c 'import lightgbm'
define SAY_OPENMP
LightGBM cannot be loaded. Mostly the system lacks OpenMP. As root: apt-get install libgomp1 (Debian, Ubuntu), or
dnf install libgomp (Fedora); on a Mac: brew install libomp. Then run make again.
endef
export SAY_OPENMP

.venv/.uv: requirements/setup.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { $(BY_ROOT) python3-venv; } || true
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/setup.txt
	touch $@

.venv/.run: .venv/.uv requirements/run.txt
	$(call install,.venv/bin/python,requirements/run.txt)
	@$(LIGHTGBM) 2>/dev/null || { $(BY_ROOT) libgomp1 && $(LIGHTGBM); } || { echo "$$SAY_OPENMP" >&2; exit 1; }
	touch $@

.venv/.dev: .venv/.run requirements/dev.txt
	$(call install,.venv/bin/python,requirements/dev.txt)
	touch $@

.venv-airflow/.airflow: .venv/.uv requirements/airflow.txt
	$(PYTHON) -m venv .venv-airflow
	$(call install,.venv-airflow/bin/python,requirements/airflow.txt)
	touch $@

.venv-bench/.bench: .venv/.uv requirements/bench.txt
	$(PYTHON) -m venv .venv-bench
	$(call install,.venv-bench/bin/python,requirements/bench.txt)
	touch $@

.venv-peers/.peers: .venv/.uv requirements/peers.txt
	$(PYTHON) -m venv .venv-peers
	$(call install,.venv-peers/bin/python,requirements/peers.txt)
	touch $@

requirements/npm/node_modules/.axe: requirements/npm/package-lock.json
	cd requirements/npm && npm ci --ignore-scripts --no-audit --no-fund
	touch $@
