/* toml: a tree or an error with a place, never a crash. */
#include <stdint.h>
#include <stdlib.h>

#include "base/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct toml_node *t = toml_parse((const char *)data, size, "f", &e);

	if (!t != (e.code != ERR_NONE))
		abort();
	toml_free(&t);
	return 0;
}
