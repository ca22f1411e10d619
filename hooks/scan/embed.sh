#!/bin/sh
# embed.sh FILE...: write a C file that holds each FILE as a string, in the
# table that rules.h declares, and one sum over all of them.  Used by the
# Makefile for the built-in rules.
set -eu
echo '/* made by hooks/scan/embed.sh */'
echo '#include "hooks/scan/rules.h"'
i=0
for f in "$@"; do
	echo "static const char text_$i[] ="
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$/\\n"/' "$f"
	echo ';'
	i=$((i + 1))
done
echo 'const struct rule_text rule_texts[] = {'
i=0
for f in "$@"; do
	echo "	{ \"${f##*/}\", text_$i, text_$i + sizeof(text_$i) - 1 },"
	i=$((i + 1))
done
echo '	{ 0 }'
echo '};'
sum=$(cat "$@" | sha256sum)
echo "const char rule_texts_sum[] = \"${sum%% *}\";"
