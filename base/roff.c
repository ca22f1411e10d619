/*
 * roff: texts of a program's help as a manual page, to standard output.
 */
#include "base/roff.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Text into roff: no line may begin with a dot or a quote, backslashes and
 * hyphens are escaped. */
void roff_text(const char *s, size_t n)
{
	bool start = true;

	for (size_t i = 0; i < n; i++) {
		if (start && (s[i] == '.' || s[i] == '\''))
			(void)fputs("\\&", stdout);
		if (s[i] == '\\')
			(void)fputs("\\e", stdout);
		else if (s[i] == '-')
			(void)fputs("\\-", stdout);
		else
			(void)putchar(s[i]);
		start = s[i] == '\n';
	}
}

/* Indented blocks (options, examples) are shown as they are. */
void roff_block(const char *text)
{
	bool verbatim = false;

	while (*text != '\0') {
		const size_t n = strcspn(text, "\n");
		const bool indented = n > 1 && text[0] == ' ';

		if (indented != verbatim && n > 0) {
			(void)puts(indented ? ".nf" : ".fi");
			verbatim = indented;
		}
		if (n == 0)
			(void)puts(verbatim ? ".fi\n.PP" : ".PP");
		verbatim = verbatim && n > 0;
		roff_text(text, n);
		if (n > 0)
			(void)putchar('\n');
		text += n + (text[n] == '\n');
	}
	if (verbatim)
		(void)puts(".fi");
}
