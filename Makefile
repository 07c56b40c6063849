# SPDX-License-Identifier: GPL-3.0-or-later
# A thin front for Meson: `meson setup build && ninja -C build` does the same.
BUILD ?= build

.PHONY: run test deps build bench clean

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

clean:
	rm -rf $(BUILD)
