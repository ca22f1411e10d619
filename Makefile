# curfew: GNU make.  `make help` lists the targets.
#
# Sources are found by folder: a new .c file joins its program by lying there.
# BUILD=dir builds elsewhere; DEV=1 turns warnings into errors; V=1 shows commands.

VERSION := 0.1.0
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/lib/curfew
MANDIR ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share
BUILD ?= build
CC ?= cc
CXX ?= c++
Q := $(if $(V),,@)
say = @$(if $(V),:,printf '  %-5s %s\n' $(1) $(2))

.DEFAULT_GOAL := all
include .ci/flags.mk

# ---- sources -------------------------------------------------------------
BASE_C  := $(sort $(wildcard base/*.c))
BASE_CC := $(wildcard base/*.cc)
KEYRING_C := $(wildcard vault/keyring_main.c)
VAULT_C := $(filter-out $(KEYRING_C),$(sort $(wildcard vault/*.c)))
AGENT_C := $(sort $(wildcard agent/*.c agent/engine/*.c agent/report/*.c))
KIT_C   := $(sort $(wildcard providers/kit/*.c))
PROV_C  := $(sort $(wildcard providers/*.c))
PROV    := $(patsubst providers/%.c,curfew-provider-%,$(PROV_C))
HTTP_DEFS := $(sort $(wildcard providers/http/*.toml))
PROV_SCRIPTS := $(sort $(wildcard providers/curfew-provider-*))
SCAN_RULES := $(sort $(wildcard hooks/scan/rules/*.toml))
SCAN_TABLES := $(sort $(wildcard hooks/scan/model/*.tab))
SCAN_C  := $(sort $(wildcard hooks/*.c hooks/scan/*.c)) hooks/scan/rule_texts.gen hooks/scan/tables.gen

obj = $(patsubst %,$(1)/obj/%.o,$(2))

NOTIFY_C := $(wildcard providers/notify/*.c) providers/net/net.c
PROGRAMS := $(if $(wildcard agent/main.c),curfew) $(PROV) curfew-notify \
	$(if $(KEYRING_C),curfew-keyring curfew-provider-libsecret) $(if $(wildcard hooks/main.c),curfew-scan)

# ---- libraries: one line per owner ---------------------------------------
pc = $(shell pkg-config $(1) $(2) 2>/dev/null)
LIBS_base := $(call pc,--libs,libsodium libcjson libseccomp) -lstdc++ -lpthread
LIBS_vault := $(call pc,--libs,sqlite3)
LIBS_ssh := $(call pc,--libs,libssh)
LIBS_dovecot := $(call pc,--libs,libcurl)
LIBS_redis := $(call pc,--libs,hiredis libcurl)
LIBS_mysql := $(call pc,--libs,libmariadb)
LIBS_ldap := $(call pc,--libs,ldap lber)
LIBS_notify := $(call pc,--libs,libcurl)
LIBS_postgres := $(call pc,--libs,libpq)
LIBS_http := $(call pc,--libs,libcurl libcrypto)
LIBS_acme := $(LIBS_http)
LIBS_keyring := $(call pc,--libs,libsecret-1)
LIBS_scan := $(call pc,--libs,libgit2 libpcre2-8 libhs libarchive libdeflate) -lm
# A hook starts for every push, and binding two dozen libraries was more than half
# of that: curfew-scan takes them in where their archives are.  Of libarchive only
# the readers that are called (no XML, no ICU); of libgit2 no transport, TLS or
# ssh: hooks/scan/no_net.c stands in their place and knows libgit2 1.5.  Unit tests
# and the sanitizers' build bind as usual, so both ways are tried.
found = $(wildcard $(shell $(CC) -print-file-name=$(1)))
archive = $(if $(call found,lib$(1).a),-l:lib$(1).a,-l$(1))
all_found = $(filter $(words $(1)),$(words $(foreach l,$(1),$(call found,lib$(l)))))
UNDER_archive := z bz2 lzma zstd lz4 nettle acl
LIB_archive := $(if $(call all_found,archive.a $(UNDER_archive:%=%.so)),-l:libarchive.a \
	$(foreach l,$(UNDER_archive),$(call archive,$(l))),-larchive)
LIB_git := $(if $(and $(filter 1.5.%,$(shell pkg-config --modversion libgit2 2>/dev/null)),\
	$(call all_found,git2.a http_parser.a mbedcrypto.a)),-l:libgit2.a -l:libhttp_parser.a -l:libmbedcrypto.a,-lgit2)
# the library $(1) as curfew-scan takes it
taken = $(if $(filter -lgit2,$(1)),$(LIB_git),$(if $(filter -larchive,$(1)),$(LIB_archive),$(call archive,$(1:-l%=%))))
TAKEN_IN := -lgit2 -lpcre2-8 -lhs -larchive -ldeflate -lsodium -lseccomp -lcjson -lstdc++
quick_start = $(foreach l,$(1),$(if $(filter $(TAKEN_IN),$(l)),$(call taken,$(l)),$(l))) $(call archive,z) -static-libgcc
SCAN_LINK := $(call quick_start,$(LIBS_scan) $(LIBS_base))
CFLAGS_vault/keyring_main.c := $(call pc,--cflags,libsecret-1)
CFLAGS_providers/mysql/my.c := $(call pc,--cflags,libmariadb)
CFLAGS_providers/postgres/pg.c := $(call pc,--cflags,libpq)

# ---- building: $(1) = build folder, $(2) = extra flags --------------------
# a provider $(2): its own file, the folder of its name if it has one, and the
# folders it shares with others (EXTRA_name)
EXTRA_dovecot := $(sort $(wildcard providers/net/*.c))
EXTRA_redis := $(EXTRA_dovecot)
EXTRA_file := $(sort $(wildcard providers/sink/*.c))
EXTRA_program := $(EXTRA_file)
EXTRA_systemd := $(EXTRA_file)
EXTRA_acme := $(EXTRA_file) providers/http/jwt.c providers/http/transport.c
define provider
$(1)/curfew-provider-$(2): $$(call obj,$(1),providers/$(2).c $$(sort $$(wildcard providers/$(2)/*.c)) $$(EXTRA_$(2)) $$(KIT_C) $$(BASE_C) $$(BASE_CC))
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) $$(FLAGS_$(1)) $$^ -o $$@ $$(LIBS_$(2)) $$(LIBS_base)
endef
FORCE:
.PHONY: FORCE
define variant
FLAGS_$(1) := $(2)
$(1)/obj/%.c.o: %.c
	@mkdir -p $$(dir $$@)
	$$(call say,CC,$$<)
	$$(Q)$$(CC) $$(ALL_CFLAGS) $(2) $$(CFLAGS_$$<) -MMD -MP -c $$< -o $$@
$(1)/obj/%.cc.o: %.cc
	@mkdir -p $$(dir $$@)
	$$(call say,CXX,$$<)
	$$(Q)$$(CXX) $$(ALL_CXXFLAGS) $(2) -MMD -MP -c $$< -o $$@
# these two know where things are installed, and are made anew for another PREFIX
$(1)/obj/places: FORCE
	@mkdir -p $$(dir $$@)
	@echo '$(LIBEXECDIR) $(DATADIR)' | cmp -s - $$@ || echo '$(LIBEXECDIR) $(DATADIR)' >$$@
$$(call obj,$(1),agent/globals.c providers/http.c): $(1)/obj/places
$(1)/curfew: $$(call obj,$(1),$$(AGENT_C) $$(VAULT_C) $$(BASE_C) $$(BASE_CC))
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) $(2) $$^ -o $$@ $$(LIBS_vault) $$(LIBS_base)
$(1)/curfew-keyring: $$(call obj,$(1),$$(KEYRING_C) $$(BASE_C) $$(BASE_CC))
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) $(2) $$^ -o $$@ $$(LIBS_keyring) $$(LIBS_base)
$(1)/curfew-notify: $$(call obj,$(1),$$(NOTIFY_C) $$(BASE_C) $$(BASE_CC))
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) $(2) $$^ -o $$@ $$(LIBS_notify) $$(LIBS_base)
# the same program: what it is called says what it does
$(1)/curfew-provider-libsecret: $(1)/curfew-keyring
	$$(call say,LN,$$@)
	$$(Q)ln -f $$< $$@
$(1)/curfew-scan: $$(call obj,$(1),$$(SCAN_C) $$(BASE_C) $$(BASE_CC))
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) $(2) $$^ -o $$@ $$(if $$(filter %/asan %/tsan,$(1)),$$(LIBS_scan) $$(LIBS_base),$$(SCAN_LINK))
$$(foreach p,$$(PROV_C:providers/%.c=%),$$(eval $$(call provider,$(1),$$(p))))
# the rule files as C strings, so that a hook needs no file beside it
$(1)/gen/rule_texts.c: $(SCAN_RULES) hooks/scan/rules hooks/scan/embed.sh
	@mkdir -p $$(dir $$@)
	$$(call say,GEN,$$@)
	$$(Q)hooks/scan/embed.sh $(SCAN_RULES) >$$@.new && mv $$@.new $$@
$(1)/gen/tables.c: $(SCAN_TABLES) hooks/scan/embed_tables.sh
	@mkdir -p $$(dir $$@)
	$$(call say,GEN,$$@)
	$$(Q)hooks/scan/embed_tables.sh $(SCAN_TABLES) >$$@.new && mv $$@.new $$@
$(1)/obj/hooks/scan/%.gen.o: $(1)/gen/%.c
	@mkdir -p $$(dir $$@)
	$$(call say,CC,$$<)
	$$(Q)$$(CC) $$(ALL_CFLAGS) $(2) -MMD -MP -c $$< -o $$@
-include $$(shell find $(1)/obj -name '*.d' 2>/dev/null)
endef

$(eval $(call variant,$(BUILD),))
$(eval $(call variant,$(BUILD)/test,-DCURFEW_TEST))
# redzones around every local make the frames, which are measured above, many times as large
$(eval $(call variant,$(BUILD)/asan,-DCURFEW_TEST -DSECRET_PLAIN_ARENA -Wno-frame-larger-than -fsanitize=address$(comma)undefined -fno-sanitize-recover=all))
$(eval $(call variant,$(BUILD)/tsan,-DCURFEW_TEST -DSECRET_PLAIN_ARENA -Wno-frame-larger-than -fsanitize=thread))
.SECONDARY:

# the definitions lie beside the programs, as the built curfew looks in its own folder
DEF_COPIES := $(patsubst providers/http/%,$(BUILD)/%,$(HTTP_DEFS))
$(DEF_COPIES): $(BUILD)/%.toml: providers/http/%.toml
	@mkdir -p $(dir $@)
	$(call say,DEF,$@)
	$(Q)cp $< $@

all: $(addprefix $(BUILD)/,$(PROGRAMS)) $(DEF_COPIES) ## build every program

test-programs: $(addprefix $(BUILD)/test/,$(PROGRAMS))
asan-programs: $(addprefix $(BUILD)/asan/,$(PROGRAMS))
tsan-programs: $(addprefix $(BUILD)/tsan/,$(PROGRAMS))

include tests/tests.mk
include .ci/targets.mk

.PHONY: all test-programs asan-programs tsan-programs
