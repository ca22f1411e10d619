# Unit tests: tests/unit/test_<folder>_<name>.c, one cmocka program each.  A line
#   // link: vault base agent/engine/plan.c
# in its head says what it links; `base` alone is the default.
UNIT_C := $(sort $(wildcard tests/unit/test_*.c))
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/test/unit/%,$(UNIT_C))
UNIT_ASAN := $(patsubst tests/unit/%.c,$(BUILD)/asan/unit/%,$(UNIT_C))
UNIT_TSAN := $(patsubst tests/unit/%.c,$(BUILD)/tsan/unit/%,$(UNIT_C))
LIBS_cmocka := $(call pc,--libs,cmocka)

words_of = $(shell sed -n 's,^// link: ,,p' $(1) | head -1)
parts_of = $(foreach w,$(1),$(if $(filter base,$(w)),,$(if $(filter vault,$(w)),$(VAULT_C),$(if $(filter kit,$(w)),$(KIT_C),$(if $(filter agent,$(w)),$(filter-out agent/main.c,$(AGENT_C)),$(if $(filter scan,$(w)),$(filter-out hooks/main.c,$(SCAN_C)),$(w)))))))
libs_of = $(if $(filter vault agent,$(1)),$(LIBS_vault)) $(if $(filter scan,$(1)),$(LIBS_scan))

# `// wrap: NAME...`: the linker puts __wrap_NAME there (fault injection)
wraps = $(shell sed -n 's,^// wrap: ,,p' $(1) | tr ' ' '\n' | sed 's/^./-Wl$(comma)--wrap=&/')

define unit
$(1)/unit/$(2): $(1)/obj/tests/unit/$(2).c.o $(call obj,$(1),$(sort $(call parts_of,$(3))) $(BASE_C) $(BASE_CC))
	@mkdir -p $$(dir $$@)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) $(4) $$(call wraps,tests/unit/$(2).c) \
		$$^ -o $$@ $(call libs_of,$(3)) $$(LIBS_base) $$(LIBS_cmocka)
endef
$(foreach t,$(UNIT_C),$(eval $(call unit,$(BUILD)/test,$(basename $(notdir $(t))),$(call words_of,$(t)),)))
$(foreach t,$(UNIT_C),$(eval $(call unit,$(BUILD)/asan,$(basename $(notdir $(t))),$(call words_of,$(t)),-fsanitize=address$(comma)undefined)))
$(foreach t,$(UNIT_C),$(eval $(call unit,$(BUILD)/tsan,$(basename $(notdir $(t))),$(call words_of,$(t)),-fsanitize=thread)))

# Measuring programs: tests/bench/bench_<name>.c, built as the release is.
BENCH_C := $(sort $(wildcard tests/bench/bench_*.c))
BENCH := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(BENCH_C))

define bench
$(BUILD)/bench/$(1): $(BUILD)/obj/tests/bench/$(1).c.o $(call obj,$(BUILD),$(sort $(call parts_of,$(2))) $(BASE_C) $(BASE_CC))
	@mkdir -p $$(dir $$@)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) $$^ -o $$@ $(call libs_of,$(2)) $$(LIBS_base)
endef
$(foreach t,$(BENCH_C),$(eval $(call bench,$(basename $(notdir $(t))),$(call words_of,$(t)))))

bench-programs: $(BENCH) ## build the measuring programs

# The suite that outside authors run against their providers (tests/conformance)
CONFORM_C := $(sort $(wildcard tests/conform/*.c))
define conformance
$(1)/conformance: $(call obj,$(1),$(CONFORM_C) $(BASE_C) $(BASE_CC))
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) $$(FLAGS_$(1)) $$^ -o $$@ $$(LIBS_base)
endef
$(foreach b,$(BUILD)/test $(BUILD)/asan $(BUILD)/tsan,$(eval $(call conformance,$(b))))

# Features of every value the generic rule looks at (hooks/scan/model/train.py)
define features
$(1)/features: $(call obj,$(1),tests/accuracy/features.c $(filter-out hooks/main.c,$(SCAN_C)) $(BASE_C) $(BASE_CC))
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) $$(FLAGS_$(1)) $$^ -o $$@ $$(LIBS_scan) $$(LIBS_base)
endef
$(foreach b,$(BUILD)/test $(BUILD)/asan $(BUILD)/tsan,$(eval $(call features,$(b))))

unit: $(UNIT) $(BUILD)/test/conformance

test-fast: test-programs unit ## unit and command tests, no servers
	$(Q)tests/run $(BUILD)/test fast

test-programs: $(BUILD)/test/curfew-storage $(BUILD)/test/curfew-power $(BUILD)/test/curfew-provider-fake $(BUILD)/test/matrix $(BUILD)/test/features

check-here: all test-programs unit
	$(Q)tests/run $(BUILD)/test all

.PHONY: bench-programs unit test-fast check-here

# The fake service of the fault tests; curfew finds it beside itself.
define fake
$(1)/curfew-provider-fake: $(call obj,$(1),tests/fault/fake_provider.c tests/fault/fake_rotate.c tests/fault/world.c $(BASE_C) $(BASE_CC))
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) $(2) $$^ -o $$@ $$(LIBS_base)
$(1)/matrix: $(call obj,$(1),tests/fault/matrix.c tests/fault/matrix_kill.c tests/fault/matrix_rotate.c tests/fault/matrix_storage.c tests/fault/matrix_power.c tests/fault/rig.c tests/fault/rig_rotate.c tests/fault/world.c agent/engine/rot.c agent/engine/rot_record.c $(VAULT_C) $(BASE_C) $(BASE_CC))
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) $(2) $$^ -o $$@ $$(LIBS_vault) $$(LIBS_base)
endef
$(eval $(call fake,$(BUILD)/test,))

# The whole of curfew over a disk that fails (tests/fault/storage.c, power.c)
define disk
$(BUILD)/test/curfew-$(1): $(call obj,$(BUILD)/test,tests/fault/$(1).c tests/unit/vfsshim.c $(2) $(AGENT_C) $(VAULT_C) $(BASE_C) $(BASE_CC))
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) $(3:%=-Wl$$(comma)--wrap=%) $$^ -o $$@ $$(LIBS_vault) $$(LIBS_base) $$(LIBS_cmocka)
endef
$(eval $(call disk,storage,,pwrite write fsync fdatasync renameat posix_fallocate unlink sqlite3_initialize))
$(eval $(call disk,power,tests/unit/powerkit.c,pwrite write fsync fdatasync renameat crash_point sqlite3_initialize))
$(eval $(call fake,$(BUILD)/asan,-fsanitize=address$(comma)undefined))
$(eval $(call fake,$(BUILD)/tsan,-fsanitize=thread))
