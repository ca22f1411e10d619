// link: scan
/*
 * rules: a rule file is taken or refused with a reason; what is taken can be
 * matched and printed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_file.h"
#include "hooks/scan/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void scan(struct ruleset *rs)
{
	static const char text[] =
		"key = \"AKIAIOSFODNN7EXAMPLE\"\npassword: aGVsbG8gd29ybGQh\n";
	struct regex_thread *t = regex_thread_new(NULL);
	size_t i;

	for (i = 0; i < rs->n; i++) {
		struct rule *r = &rs->rule[i];

		if (!r->id || !confidence_word(r->confidence) ||
		    (i && strcmp(rs->rule[i - 1].id, r->id) >= 0))
			abort();
		if (r->regex)
			(void)regex_test(r->regex, t, text, sizeof(text) - 1);
		if (r->path)
			(void)regex_test(r->path, t, "a/b.c", 5);
	}
	regex_thread_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct ruleset *rs;
	char *text = malloc(size + 1), line[1400];

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	/* the built-in rules are the same each time and take long */
	if (!strcasestr(text, "usedefault")) {
		rs = rules_parse(text, size, "f", &e);
		if (!rs != (e.code != ERR_NONE))
			abort();
		if (rs)
			scan(rs);
		else
			err_format(&e, line, sizeof(line));
		rules_free(&rs);
	}
	free(text);
	return 0;
}
