# Compiler flags: a common list, plus what this compiler takes (probed, not assumed).
# The user's CFLAGS come last and never lose the hardening.
comma := ,

WARN := -Wall -Wextra -Wformat=2 -Wconversion -Wsign-conversion -Wshadow -Wcast-qual \
	-Wwrite-strings -Wvla -Walloca -Wundef -Wnull-dereference -Wimplicit-fallthrough \
	-Wframe-larger-than=8192
WARN_C := -Wstrict-prototypes -Wmissing-prototypes
HARD := -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection \
	-fPIE -fno-delete-null-pointer-checks -fno-strict-overflow
HARD_LD := -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code -Wl,--as-needed

PROBE := -fcf-protection=full -mbranch-protection=standard -ftrivial-auto-var-init=zero \
	-fzero-call-used-regs=used-gpr -Wlogical-op -Wduplicated-cond -Wtrampolines -Wbidi-chars=any
takes = $(shell $(CC) -Werror $(1) -x c -c /dev/null -o /dev/null 2>/dev/null && echo $(1))
PROBED := $(foreach f,$(PROBE),$(call takes,$(f)))

INC := -I.
DEFS := -D_GNU_SOURCE -DCURFEW_VERSION='"$(VERSION)"' -DCURFEW_LIBEXEC='"$(LIBEXECDIR)"' \
	-DCURFEW_DATA='"$(DATADIR)/curfew"'
WERROR := $(if $(DEV),-Werror)
ALL_CFLAGS = -std=gnu11 -g $(WARN) $(WARN_C) $(WERROR) $(HARD) $(PROBED) $(INC) $(DEFS) \
	-ffile-prefix-map=$(CURDIR)=. $(CFLAGS)
ALL_CXXFLAGS = -std=c++17 -g -Wall -Wextra $(WERROR) $(HARD) $(INC) $(DEFS) \
	-ffile-prefix-map=$(CURDIR)=. $(CXXFLAGS)
ALL_LDFLAGS = $(HARD_LD) $(LDFLAGS)
