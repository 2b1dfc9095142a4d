# Every target is one call, after set-up. TARGET= (one of specs/targets), PORT=, APPLIANCE=,
# MEMORY= (MiB), CPUS= and APPEND= (more kernel command line) pass through; ARGS= goes to pytest or
# bench.

PORT ?= 8080
MEMORY ?= 512

CLLM := .venv/bin/cllm-gen
WHICH := $(if $(APPLIANCE),--appliance $(APPLIANCE))
HOW := $(if $(TARGET),--target $(TARGET))
RUN = $(CLLM) run $(HOW) --port $(PORT) --memory $(MEMORY) \
	$(if $(CPUS),--cpus $(CPUS)) $(WHICH) --append "$(APPEND)"

.PHONY: run test generate check build model run-debug run-vga bench differential setup setup-bench setup-clients clean

run: model
	@$(RUN)

run-debug: model
	@$(RUN) --gdb

run-vga: model
	@$(RUN) --vga

test: check setup-clients
	.venv/bin/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

generate: setup
	@$(CLLM) generate $(WHICH)

# The weights of another appliance than the default one, whose set-up brings them.
model: generate
	$(if $(WHICH),@$(CLLM) fetch $(WHICH))

check: setup
	@$(CLLM) check

build: model
	@$(CLLM) build $(HOW) $(WHICH)

bench: model setup-bench
	@$(CLLM) bench $(WHICH) $(ARGS)

# What our answers differ in from those of llama.cpp's server; fails for what is not listed as meant.
differential: model setup-bench
	@.venv/bin/python -m tests.differential

setup:
	@cllm_gen/setup.sh

setup-clients: setup
	@cllm_gen/setup_clients.sh

setup-bench: setup
	@cllm_gen/setup_bench.sh

clean:
	rm -rf build
