// link: scan
/*
 * lists: what was looked at already: a .gitleaksignore (first byte even) or a
 * baseline report (odd), held against a finding.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_file.h"
#include "hooks/scan/engine.h"
#include "hooks/scan/known.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct engine engine;
static struct scan_thread thread;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct engine_options o = {
		.config_text = "[[rules]]\nid='r'\nregex='''tok_[a-z]{4}'''\n" };

	(void)argc;
	(void)argv;
	if (engine_open(&engine, &o, NULL) ||
	    scan_thread_init(&thread, &engine.scanner, NULL))
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct findings list = { 0 };
	struct tally tally = { 0 };
	struct known k = { 0 };
	char path[128];
	size_t gone;

	if (!size || engine_file(&engine, &thread, "a/b", "x\ntok_abcd\n", 11,
				 &tally, &list, NULL) || list.n != 1)
		return 0;
	fuzz_file("list", data + 1, size - 1, path);
	if (data[0] % 2 ? known_baseline(&k, path, NULL)
			: known_ignore(&k, path, true, NULL))
		gone = 0;
	else
		gone = known_drop(&k, &list);
	if (gone + list.n != 1)
		abort();
	known_release(&k);
	findings_release(&list);
	return 0;
}
