#!/bin/sh
# embed_tables.sh FILE.tab...: write a C file that holds each FILE without its
# comment lines as the string generic_FILE.  Used by the Makefile.
set -eu
echo '/* made by hooks/scan/embed_tables.sh */'
echo '#include "hooks/scan/generic_tables.h"'
for f in "$@"; do
	name=${f##*/}
	echo "const char generic_${name%.tab}[] ="
	sed -e '/^#/d' -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$/\\n"/' "$f"
	echo ';'
done
