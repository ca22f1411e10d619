# Targets that build nothing of their own.

# Parallel unless the caller said how.
jobs = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))
SHELLS := $(shell grep -lsE '^\#!.*\b(ba|da)?sh\b' .ci/deps .ci/run tests/run tests/layers tests/lib tests/fuzz/run \
	tests/*.sh tests/*/*.sh hooks/*.sh providers/curfew-provider-* agent/completion/*.bash 2>/dev/null)
MAN := $(sort $(wildcard docs/man/*.[157]))
RULES := $(sort $(wildcard hooks/rules/*))
COMPLETION := $(wildcard agent/completion/curfew.bash)
UNITS_D := $(sort $(wildcard agent/systemd/*.service agent/systemd/*.timer))

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n",$$1,$$2}' $(MAKEFILE_LIST)

deps: ## install the Debian packages that building and testing need
	$(Q).ci/deps test

# The fresh machine's way: packages, a build without a warning, rules of the
# house, then every test.  The last line is tests/run's.
check: ## everything: packages, build with -Werror, layers, shellcheck, all tests
	$(Q).ci/deps test
	$(Q)$(MAKE) --no-print-directory $(jobs) DEV=1 all test-programs unit
	$(Q)$(MAKE) --no-print-directory layers shells
	$(Q)tests/run $(BUILD)/test all

layers: ## who may include what, banned calls, lengths, headers alone
	$(Q)CC='$(CC)' tests/layers

shells: ## shellcheck of every script
	$(Q)if command -v shellcheck >/dev/null; then shellcheck -x $(SHELLS); \
	else echo 'shells: shellcheck is not here' >&2; exit 1; fi

demo: ## build, then walk through the whole thing on this machine
	$(Q).ci/deps build
	$(Q)$(MAKE) --no-print-directory $(jobs) all
	$(Q)tests/demo.sh $(BUILD)

crash-pairs: test-programs all ## two crashes, one after the other, in a rotation (PAIRS=1: every pair)
	$(BUILD)/test/matrix $(BUILD)/test --suite rotate --jobs 8 --pairs $(or $(PAIRS),23)

bench: all $(BUILD)/test/matrix $(BUILD)/test/curfew-provider-fake ## run tests/bench/*.sh (BENCH_FULL=1: full sizes)
	$(Q)rc=0; for b in tests/bench/*.sh; do [ -f "$$b" ] || continue; \
		printf '== %s\n' "$$b"; CURFEW_BUILD='$(BUILD)' "$$b" || rc=1; done; exit $$rc

equality: $(BUILD)/curfew-scan ## scans by delta and whole compared, on REPOS='PATH...' or invented ones
	$(Q)tests/equality.sh $(BUILD) $(REPOS)

# ---- looking for mistakes --------------------------------------------------
# To walk the stack without frame pointers at each allocation made compiling the
# rules twenty times as slow; a report whose stack is cut short: run that one test
# with fast_unwind_on_malloc=0.  Reports go to files, as many a test only looks
# whether a command failed.  SET=all: fault and real too; SET=thread: what has
# threads, with ThreadSanitizer, which ASan cannot be with; ONLY: patterns of names.
THREADED := 'unit:test_scan_*' 'unit:test_kit_*' 'unit:test_providers_*' 'tests/cli:scan_*' \
	$(patsubst %,'tests/cli:%.bats',known join gitleaks import conformance http sandbox)
SANITIZED := $(if $(filter thread,$(SET)),tsan,asan)
$(BUILD)/asan-all: asan-programs $(UNIT_ASAN)
$(BUILD)/tsan-all: tsan-programs $(UNIT_TSAN)
sanitize: $(BUILD)/$(SANITIZED)-all $(addprefix $(BUILD)/$(SANITIZED)/,conformance features matrix curfew-provider-fake) ## unit and command tests with ASan, UBSan, LSan (SET=all, SET=thread, ONLY='unit:*')
	$(Q)set -f; logs=$$(mktemp -d) && chmod 1777 $$logs && rc=0; \
	CURFEW_REPORTS=$$logs ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:exitcode=99:log_path=$$logs/report:log_exe_name=1 \
	LSAN_OPTIONS=suppressions=$(CURDIR)/tests/lsan.supp:print_suppressions=0 \
	TSAN_OPTIONS=suppressions=$(CURDIR)/tests/tsan.supp:log_path=$$logs/report:log_exe_name=1:exitcode=99 \
	UBSAN_OPTIONS=print_stacktrace=1 tests/run $(BUILD)/$(SANITIZED) $(or $(SET:thread=all),fast) \
		$(or $(ONLY),$(if $(filter thread,$(SET)),$(THREADED))) || rc=1; \
	if [ -n "$$(ls $$logs)" ]; then set +f; tail -n +1 $$logs/*; echo 'sanitize: there are reports'; rc=1; fi; \
	rm -r $$logs; exit $$rc

ALL_C := $(BASE_C) $(VAULT_C) $(KEYRING_C) $(AGENT_C) $(PROV_C) $(sort $(wildcard providers/*/*.c)) \
	$(filter-out %.gen,$(SCAN_C))
ANALYZE := $(patsubst %,$(BUILD)/analyze/%.ok,$(ALL_C))
TIDY := $(patsubst %,$(BUILD)/tidy/%.ok,$(ALL_C))

$(BUILD)/analyze/%.ok: %
	@mkdir -p $(dir $@)
	$(call say,ANLZ,$<)
	$(Q)$(CC) $(ALL_CFLAGS) $(CFLAGS_$<) -O1 -Werror -fanalyzer -c $< -o /dev/null && touch $@
$(BUILD)/tidy/%.ok: % .clang-tidy
	@mkdir -p $(dir $@)
	$(call say,TIDY,$<)
	$(Q)clang-tidy --quiet --warnings-as-errors='*' $< -- -std=gnu11 $(INC) $(DEFS) $(CFLAGS_$<) 2>$@.log \
		&& touch $@ || { grep -v 'warnings generated' $@.log; exit 1; }

# readdir: cppcheck asks for readdir_r, which POSIX gave up in 2024; a DIR is used by one thread
analyze: $(ANALYZE) $(TIDY) ## gcc -fanalyzer, clang-tidy, cppcheck
	$(Q)cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem --suppress=readdirCalled --library=posix -j2 $(INC) -D_GNU_SOURCE -DCURFEW_VERSION='""' \
		-DCURFEW_LIBEXEC='""' -DCURFEW_DATA='""' $(ALL_C)

power: $(BUILD)/test/unit/test_vault_power_fault ## power cuts at 50,000 moments of a vault's work (check: 10,000)
	$(Q)CURFEW_POWER_SEEDS=50000 $(BUILD)/test/unit/test_vault_power_fault

storage: test-programs all ## the vault's disk fails at every operation of a rotation (check: every 61st)
	$(Q)CURFEW_BUILD='$(CURDIR)/$(BUILD)/test' CURFEW_STORAGE_STRIDE=1 CURFEW_POWER_RUNS=20 CURFEW_POWER_CUTS=50 \
		bats tests/fault/storage.bats

# tests/fuzz/fuzz_NAME.c; `// link: scan` in its head adds the scanner, as with unit tests.
# A target takes its seeds from tests/fuzz/seeds/NAME*.
SECONDS ?= 30
FUZZ := $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_FLAGS := -g -O1 -fsanitize=fuzzer-no-link$(comma)address$(comma)undefined \
	-fno-sanitize-recover=all -DSECRET_PLAIN_ARENA -DCURFEW_TEST $(INC) $(DEFS)
$(BUILD)/fuzz/obj/%.c.o: %.c
	@mkdir -p $(dir $@)
	$(call say,CC,$<)
	$(Q)clang -std=gnu11 $(FUZZ_FLAGS) -MMD -MP -c $< -o $@
$(BUILD)/fuzz/obj/%.cc.o: %.cc
	@mkdir -p $(dir $@)
	$(call say,CXX,$<)
	$(Q)clang++ -std=c++17 $(FUZZ_FLAGS) -MMD -MP -c $< -o $@
$(BUILD)/fuzz/obj/hooks/scan/%.gen.o: $(BUILD)/gen/%.c
	@mkdir -p $(dir $@)
	$(call say,CC,$<)
	$(Q)clang -std=gnu11 $(FUZZ_FLAGS) -c $< -o $@
-include $(shell find $(BUILD)/fuzz/obj -name '*.d' 2>/dev/null)
define fuzz
$(BUILD)/fuzz/$(1): $(BUILD)/fuzz/obj/tests/fuzz/$(1).c.o $(call obj,$(BUILD)/fuzz,$(call parts_of,$(2)) $(BASE_C) $(BASE_CC))
	$$(call say,LINK,$$@)
	$$(Q)clang++ -fsanitize=fuzzer $$(FUZZ_FLAGS) $$(call wraps,tests/fuzz/$(1).c) $$^ -o $$@ $(call libs_of,$(2)) $$(LIBS_base)
endef
$(foreach t,$(FUZZ),$(eval $(call fuzz,$(t),$(call words_of,tests/fuzz/$(t).c))))
fuzz-programs: $(addprefix $(BUILD)/fuzz/,$(FUZZ))
fuzz: fuzz-programs ## libFuzzer targets, SECONDS each (30)
	$(Q)tests/fuzz/run $(BUILD)/fuzz $(SECONDS) $(FUZZ)

# ---- installing --------------------------------------------------------------
D = $(DESTDIR)
install: all ## install below PREFIX (/usr/local), DESTDIR in front
	install -d '$(D)$(BINDIR)' '$(D)$(LIBEXECDIR)'
	$(foreach p,$(filter curfew curfew-scan,$(PROGRAMS)),install -m 755 '$(BUILD)/$(p)' '$(D)$(BINDIR)/$(p)' &&) :
	$(foreach p,$(filter-out curfew curfew-scan,$(PROGRAMS)),install -m 755 '$(BUILD)/$(p)' '$(D)$(LIBEXECDIR)/$(p)' &&) :
	$(foreach p,$(PROV_SCRIPTS),install -m 755 '$(p)' '$(D)$(LIBEXECDIR)/$(notdir $(p))' &&) :
	$(foreach s,1 5 7,$(if $(filter %.$(s),$(MAN)),install -d '$(D)$(MANDIR)/man$(s)' && \
		install -m 644 $(filter %.$(s),$(MAN)) '$(D)$(MANDIR)/man$(s)' &&)) :
	$(if $(RULES),install -d '$(D)$(DATADIR)/curfew/rules' && install -m 644 $(RULES) '$(D)$(DATADIR)/curfew/rules')
	$(if $(HTTP_DEFS),install -d '$(D)$(DATADIR)/curfew/providers' && \
		install -m 644 $(HTTP_DEFS) '$(D)$(DATADIR)/curfew/providers')
	$(if $(COMPLETION),install -d '$(D)$(DATADIR)/bash-completion/completions' && \
		install -m 644 $(COMPLETION) '$(D)$(DATADIR)/bash-completion/completions/curfew')
	$(if $(UNITS_D),install -d '$(D)$(PREFIX)/lib/systemd/system' '$(D)$(PREFIX)/lib/sysusers.d' && \
		$(foreach u,$(UNITS_D),sed 's,@BINDIR@,$(BINDIR),' $(u) >'$(D)$(PREFIX)/lib/systemd/system/$(notdir $(u))' && \
		chmod 644 '$(D)$(PREFIX)/lib/systemd/system/$(notdir $(u))' &&) \
		install -m 644 agent/systemd/curfew.sysusers '$(D)$(PREFIX)/lib/sysusers.d/curfew.conf')
	install -d '$(D)$(DATADIR)/curfew' && sed 's,@BINDIR@,$(BINDIR),' agent/systemd/curfew.cron \
		>'$(D)$(DATADIR)/curfew/curfew.cron' && chmod 644 '$(D)$(DATADIR)/curfew/curfew.cron'

uninstall: ## remove what install put there; no vault, no configuration
	rm -f $(foreach p,$(filter curfew curfew-scan,$(PROGRAMS)),'$(D)$(BINDIR)/$(p)')
	rm -f $(foreach p,$(filter-out curfew curfew-scan,$(PROGRAMS)) $(notdir $(PROV_SCRIPTS)),'$(D)$(LIBEXECDIR)/$(p)')
	rm -f $(foreach m,$(MAN),'$(D)$(MANDIR)/man$(patsubst .%,%,$(suffix $(m)))/$(notdir $(m))')
	rm -rf '$(D)$(DATADIR)/curfew/rules' '$(D)$(DATADIR)/curfew/providers'
	rm -f '$(D)$(DATADIR)/bash-completion/completions/curfew'
	rm -f $(foreach u,$(UNITS_D),'$(D)$(PREFIX)/lib/systemd/system/$(notdir $(u))')
	rm -f '$(D)$(PREFIX)/lib/sysusers.d/curfew.conf' '$(D)$(DATADIR)/curfew/curfew.cron'
	-rmdir '$(D)$(LIBEXECDIR)' '$(D)$(DATADIR)/curfew' 2>/dev/null

dist: ## the sources of the last commit as curfew-VERSION.tar.gz
	git archive --format=tar --prefix=curfew-$(VERSION)/ HEAD | gzip -n9 >curfew-$(VERSION).tar.gz

clean: ## remove what was built
	rm -rf '$(BUILD)'

.PHONY: power storage crash-pairs help deps check layers shells demo bench equality sanitize analyze fuzz fuzz-programs install uninstall dist clean
