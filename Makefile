# Two commands need nothing but Rust, Python 3.10, make and a C compiler: `make demo` and `make test`.
# Everything local lives in target/, .venv/ and .local/.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
ENV ?= staging
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python
CARGO_BIN := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin
export PATH := $(CURDIR)/$(BIN):$(CARGO_BIN):$(PATH)
export SAM_CLI_TELEMETRY := 0

NEXTEST_VERSION := 0.9.151
DENY_VERSION := 0.20.2

.PHONY: help nextest deny demo up down logs test test-infra lint advisories bench accuracy packages load drill deploy up-localstack clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# ------------------------------------------------------------------ tools
$(VENV)/.installed: infra/local/requirements.txt
	@echo "Python tools into $(VENV) (about a minute, once)"
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# One that is there already is used. Unoptimised: they run for seconds, and optimising them would cost minutes.
nextest:
	@command -v cargo-nextest >/dev/null || cargo install --locked --debug --quiet cargo-nextest --version $(NEXTEST_VERSION) --no-default-features --features default-no-update

deny:
	@command -v cargo-deny >/dev/null || cargo install --locked --debug --quiet cargo-deny --version $(DENY_VERSION)

# ------------------------------------------------------------------ local stack
up: $(VENV)/.installed ## build, start the local stack, deploy to it
	@$(RUN) infra/local/up.py

down: ## end what `make up` started
	@$(PYTHON) infra/local/down.py

demo: up ## one reconciliation from end to end, compared with the truth
	@$(RUN) infra/local/demo.py

logs: $(VENV)/.installed ## the functions' latest log lines
	@$(RUN) infra/local/logs.py

# ------------------------------------------------------------------ checks
test: $(VENV)/.installed nextest ## every test; the stack is up while they run
	@$(RUN) infra/local/test.py $(ARGS)

test-infra: $(VENV)/.installed ## the template and the state machine as data, in a second
	@$(RUN) -m unittest discover --start-directory infra/tests

lint: $(VENV)/.installed deny ## format, clippy, licences, template, state machine, credentials
	cargo fmt --all --check
	cargo clippy --profile local --workspace --all-targets --quiet -- -D warnings
	cargo deny --log-level error check bans licenses sources
	cfn-lint template.yaml
	AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-us-east-1} sam validate --lint
	$(RUN) infra/local/lint_state_machine.py
	$(RUN) infra/local/lint_secrets.py

advisories: deny ## known vulnerabilities (needs the advisory database)
	cargo deny check advisories

# What is only measured beside us stays out of the tools that the stack needs.
.venv-bench/.installed: infra/bench/requirements.txt
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

MACHINE = on $$(date -u +%F), $$(uname -sm), $$(getconf _NPROCESSORS_ONLN) cores$$(sed -n '/^model name[^:]*: /{s//, /p;q;}' /proc/cpuinfo 2>/dev/null)

# BANK_PAIRS=<folder with origin.csv, destination.csv and truth.csv> measures the matcher on them too.
bench: .venv-bench/.installed ## function starts, speed and accuracy of the engine, optimised; writes docs/BENCHMARKS.md and docs/ACCURACY.md
	cargo build --profile bench --workspace --bins --quiet
	@set -o pipefail; { \
	  echo "# Benchmarks"; \
	  echo "Written by \`make bench\` $(MACHINE)."; \
	  echo "Ratios of one run hold on any machine; the times are this machine's."; echo; \
	  cargo bench --quiet --workspace --no-fail-fast --bench function_start --bench project_events --bench event_store && \
	  for bench in match_records offline_match; do \
	    echo && cargo bench --quiet -p settler-tests --bench $$bench -- python=$(CURDIR)/.venv-bench/bin/python || exit 1; \
	  done; \
	} | tee docs/BENCHMARKS.md
	@$(MAKE) --no-print-directory accuracy

accuracy: ## how right the engine is, on generated shops and, with BANK_PAIRS=<folder>, on bank data; writes docs/ACCURACY.md
	cargo build --profile bench -p settler-cli --quiet
	@set -o pipefail; { \
	  echo "# Accuracy"; \
	  echo "Written by \`make accuracy\` $(MACHINE)."; echo; \
	  cargo bench --quiet -p settler-tests --bench accuracy -- $(if $(BANK_PAIRS),bank-pairs=$(abspath $(BANK_PAIRS))); \
	} | tee docs/ACCURACY.md

packages: $(VENV)/.installed ## how large each function's package is, as released; link-time optimisation takes its time
	cargo build --release --workspace --bins --quiet
	@$(RUN) infra/bench/package_sizes.py target/release

load: up ## start commands at a steady rate, then nothing may be lost or doubled: make load RATE=20 SECONDS=10
	@$(RUN) infra/bench/load.py --rate $(or $(RATE),20) --seconds $(or $(SECONDS),10)

drill: up ## export the local stack, empty it, import, compute anew, and compare every answer
	@$(RUN) infra/backup/drill.py

# ------------------------------------------------------------------ AWS and LocalStack
deploy: $(VENV)/.installed lint test-infra ## to AWS in guarded stages: make deploy ENV=staging (or prod), with your own credentials; CHECK=1 only shows, YES=1 does not ask
	@$(RUN) infra/deploy/deploy.py --env $(ENV) $(if $(CHECK),--check) $(if $(YES),--yes)
	@$(if $(CHECK),,echo; echo "A first key: $(RUN) infra/local/seed_keys.py --stack settler-$(ENV)   (--tenant <id> for a tenant's)")

# LocalStack needs an account (LOCALSTACK_AUTH_TOKEN) and Docker; `pip install aws-sam-cli-local localstack` brings both commands.
up-localstack: $(VENV)/.installed ## the same template on a LocalStack that already runs
	@command -v samlocal >/dev/null || { echo "samlocal is missing: $(BIN)/pip install aws-sam-cli-local"; exit 1; }
	cargo build --profile local --workspace --bins --examples
	SETTLER_PROFILE=local samlocal build --config-env local
	AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test samlocal deploy --config-env local --parameter-overrides \
	  Architecture=$(if $(filter arm64 aarch64,$(shell uname -m)),arm64,x86_64) DataRetention=Delete StateMachineVersions=false RequireTls=false

clean: down ## also what was built
	rm -rf target .aws-sam
