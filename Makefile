# A thin face on Meson.  `make help` lists the targets.
BUILD ?= build
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 20
SEED ?=
ID ?=
COUNT ?= 520

.PHONY: all help demo test soak scenarios scenarios-mutate bench asan fuzz lint install clean

all: $(BUILD)/build.ninja
	@[ -x $(BUILD)/rehome ] || echo 'building in $(BUILD), about a minute'
	@ninja -C $(BUILD) -j $(JOBS) --quiet

help:
	@echo 'make            build build/rehome and build/rehome-sim'
	@echo 'make demo       the main job, start to end, on a simulated iPad'
	@echo 'make test       unit and end-to-end tests (samples; seeds are printed, SEED=N repeats)'
	@echo 'make soak       the full counts: kills, cut cables, full disks, power losses'
	@echo 'make scenarios  what plan predicts against what simulated devices do (ID=T08 tells one story)'
	@echo 'make scenarios-mutate  would they notice? changes 18 things in a copy, some minutes'
	@echo 'make bench      speed against idevicebackup2 on the same simulated device, and of the MDM service'
	@echo 'make asan       the tests under Address- and UndefinedBehaviorSanitizer'
	@echo 'make fuzz       each fuzz target for FUZZ_SECONDS (20)'
	@echo 'make lint       clang-format, clang-tidy, warnings of Clang 14'
	@echo 'make install    into PREFIX (/usr/local), DESTDIR respected'

$(BUILD)/build.ninja:
	@./setup run
	@meson setup $(BUILD) --prefix $(PREFIX) -Dtests=false >$(BUILD).log 2>&1 || { tail -n 20 $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log

demo: all
	@sh tests/demo.sh $(BUILD)

test:
	@./setup test
	@python3 tests/run.py --build $(BUILD) --level sample $(if $(SEED),--seed $(SEED))

soak:
	@./setup test
	@python3 tests/run.py --build $(BUILD) --level soak $(if $(SEED),--seed $(SEED))

scenarios: all
	@python3 tests/scenarios.py --build $(BUILD) --count $(COUNT) $(if $(SEED),--seed $(SEED)) $(addprefix --id ,$(ID))

scenarios-mutate: all
	@python3 tests/scenarios_mutate.py

asan: all
	@./setup full
	@python3 tests/run.py --build $(BUILD)-asan --level sample --sanitize $(if $(SEED),--seed $(SEED))

bench: all
	@./setup full
	@ninja -C $(BUILD) -j $(JOBS) --quiet bench/bench_net bench/bench_tls_accept bench/bench_http bench/load_tls bench/mdm_pool bench/mdm_fill
	@python3 bench/bench.py --build $(BUILD)
	@python3 bench/bench_mdm.py --build $(BUILD)

fuzz: all
	@./setup full
	@sh fuzz/run.sh $(BUILD)-fuzz $(FUZZ_SECONDS)

lint: all
	@./setup full
	@sh tests/lint.sh $(BUILD)-clang

install: all
	@meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-fuzz $(BUILD)-clang
