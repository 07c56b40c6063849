# SPDX-License-Identifier: GPL-3.0-or-later
# A thin front for Meson: `meson setup build && ninja -C build` does the same.
BUILD ?= build

.PHONY: run test deps build bench netlab clean

build: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja: | deps
	meson setup $(BUILD)

deps:
	@scripts/deps.sh

run: deps build
	$(BUILD)/moonrill run $(ARGS)

test: deps
	@scripts/test.sh $(BUILD)

bench: deps build
	meson test -C $(BUILD) --benchmark --print-errorlogs

# Every row of doc/network.md, seeds 1 to 5 of 60 s each: hours. NETLAB_ARGS="--seeds 1 --seconds 20 random-1" for less.
netlab: deps build
	MOONRILL_BUILD=$(BUILD) tests/netlab/netlab.py --table $(NETLAB_ARGS)

clean:
	rm -rf $(BUILD)
