# SPDX-License-Identifier: GPL-3.0-or-later

.PHONY: demo test bench install format clean setup

BUILD = swift build -c release

# The main job on a simulated survey, on as many ranks as there are cores, at most 4; a second time does what is left to do.
demo: setup
	$(BUILD) --product skydiff
	@program="$$($(BUILD) --show-bin-path)/skydiff" && \
	  if ! [ demo-survey/visits.h5 -nt jobs/demo-survey.yaml ]; then \
	    "$$program" simulate jobs/demo-survey.yaml --output demo-survey --overwrite; \
	  fi && \
	  if [ "$$(id -u)" -eq 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi && \
	  ranks=$$(nproc) && if [ "$$ranks" -gt 4 ]; then ranks=4; fi && \
	  echo "mpirun -n $$ranks skydiff run jobs/demo.yaml" && \
	  OMPI_MCA_rmaps_base_oversubscribe=1 mpirun --bind-to none -n "$$ranks" "$$program" run jobs/demo.yaml

# Built once, tested without building again.
test: setup-peers
	$(BUILD) --build-tests
	swift test -c release --skip-build

# All sizes, beside the other programs that are installed; the numbers also as JSON.
bench: setup-peers
	$(BUILD) --product skydiff-benchmarks
	$(BUILD) --product skydiff-mock
	"$$($(BUILD) --show-bin-path)/skydiff-benchmarks" --json .build/benchmarks.json
	"$$($(BUILD) --show-bin-path)/skydiff-benchmarks" --campaigns

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
