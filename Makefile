# Everything a newcomer needs, by name: `make help`. Each target installs and builds what it needs and can be run again
# at any time.

.DEFAULT_GOAL := help
.SUFFIXES:
.PHONY: help run test lint format build sim soak wan bench install clean dependencies dependencies-test toolchain

SEEDS ?= 1..20000
FRESH ?= 2000
# Of people: each is a minute of a whole cluster's time.
SOCIAL ?= 1..70
PREFIX ?= /usr/local

help:
	@echo 'make run      install what is missing, build, start three nodes in three countries on this machine'
	@echo 'make test     install what is missing, check the format, build, run all tests'
	@echo
	@echo 'make build    build ./atoll, optimised'
	@echo 'make lint     check the format of the sources'
	@echo 'make format   put the format right'
	@echo 'make sim      simulated clusters under faults      (SEEDS=$(SEEDS), and FRESH=$(FRESH) never played before)'
	@echo 'make soak     real nodes, killed again and again   (ROUNDS=10)'
	@echo 'make wan      three countries with oceans between them: cuts, lost disks, names, and a picture'
	@echo 'make bench    measure, and compare with etcd and Redis where these are installed'
	@echo 'make install  copy atoll to $(PREFIX)/bin          (PREFIX=$(PREFIX))'
	@echo 'make clean    remove what was built; data in ./atoll-data stays'

run: build
	@echo '==> starting three nodes: ./atoll up'
	@./atoll up

test: toolchain dependencies-test lint
	@scripts/test.sh '$(FILTER)'

lint: toolchain
	@echo '==> checking the format'
	@scripts/lint.sh

format: toolchain
	@scripts/lint.sh --fix

build: toolchain dependencies
	@echo '==> building atoll, optimised (the first time takes some minutes)'
	@scripts/build.sh --product atoll
	@ln -sfn .build/release/atoll atoll
	@echo '==> built ./atoll'

sim: build
	@echo '==> simulating, seeds $(SEEDS)'
	@./atoll simulate --seeds $(SEEDS)
	@./atoll simulate --fresh $(FRESH)
	@echo '==> simulating the namestore, seeds $(SEEDS)'
	@./atoll simulate --names --seeds $(SEEDS)
	@./atoll simulate --names --fresh $(FRESH)
	@echo '==> simulating people at sites, seeds $(SOCIAL)'
	@./atoll simulate --social --seeds $(SOCIAL)

soak: build dependencies-test
	@scripts/soak.sh

wan: build dependencies-test
	@scripts/wan.sh

bench: build
	@scripts/bench.sh

install: build
	@install -D -m 755 .build/release/atoll '$(DESTDIR)$(PREFIX)/bin/atoll'
	@echo '==> installed $(DESTDIR)$(PREFIX)/bin/atoll'

clean:
	@rm -rf .build atoll
	@echo '==> removed .build and ./atoll'

dependencies:
	@echo '==> Debian packages'
	@scripts/dependencies.sh build

dependencies-test:
	@echo '==> Debian packages'
	@scripts/dependencies.sh build test

toolchain:
	@command -v swift >/dev/null || { \
	    echo 'There is no swift in the PATH. Atoll needs the Swift toolchain 6.2 or later: https://www.swift.org/install' >&2; \
	    exit 2; }
