# SPDX-License-Identifier: GPL-3.0-or-later

.PHONY: demo test bench install format clean setup

BUILD = swift build -c release

# Until the main job exists, what works: the operations on images that it will be made of.
demo: setup
	$(BUILD) --product skydiff-benchmarks
	@echo
	@echo "The main job (simulate a survey, coadd, subtract, detect) is not there yet. What works is the ground it stands on:"
	@echo "sky geometry, imaging and files. Their speed here, on simulated sky of 1024² pixels:"
	@echo
	@"$$($(BUILD) --show-bin-path)/skydiff-benchmarks" --quick --no-peers

# Built once, tested without building again.
test: setup-peers
	$(BUILD) --build-tests
	swift test -c release --skip-build

# All sizes, beside the other programs that are installed; the numbers also as JSON.
bench: setup-peers
	$(BUILD) --product skydiff-benchmarks
	"$$($(BUILD) --show-bin-path)/skydiff-benchmarks" --json .build/benchmarks.json

# The program with its man page and shell completion, under PREFIX. It needs no Swift where it runs.
PREFIX ?= /usr/local
STATIC = $(BUILD) --static-swift-stdlib --scratch-path .build/install --product skydiff
install: setup
	$(STATIC)
	swift package generate-manual
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/share/man/man1" \
	  "$(DESTDIR)$(PREFIX)/share/bash-completion/completions" "$(DESTDIR)$(PREFIX)/share/zsh/site-functions" \
	  "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d"
	install -s -m 755 "$$($(STATIC) --show-bin-path)/skydiff" "$(DESTDIR)$(PREFIX)/bin/skydiff"
	install -m 644 .build/plugins/GenerateManual/outputs/skydiff/skydiff.1 "$(DESTDIR)$(PREFIX)/share/man/man1/"
	"$(DESTDIR)$(PREFIX)/bin/skydiff" --generate-completion-script bash \
	  >"$(DESTDIR)$(PREFIX)/share/bash-completion/completions/skydiff"
	"$(DESTDIR)$(PREFIX)/bin/skydiff" --generate-completion-script zsh >"$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_skydiff"
	"$(DESTDIR)$(PREFIX)/bin/skydiff" --generate-completion-script fish \
	  >"$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/skydiff.fish"

format:
	swift format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks

clean:
	rm -rf .build

.PHONY: setup-peers
setup:
	@.ci/setup
setup-peers:
	@.ci/setup peers
