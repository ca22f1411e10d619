/* json: whatever is taken prints, and reads back as the same text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf a = BUF_INIT(8 * BUF_LINE_MAX), b = BUF_INIT(8 * BUF_LINE_MAX);
	struct json *j = json_parse((const char *)data, size, NULL), *again;

	if (!j)
		return 0;
	if (json_print(j, false, &a, NULL) != 0)
		abort();
	again = json_parse(a.p, a.len, NULL);
	if (!again || json_print(again, false, &b, NULL) != 0 ||
	    a.len != b.len || memcmp(a.p, b.p, a.len) != 0)
		abort();
	json_free(&j);
	json_free(&again);
	buf_release(&a);
	buf_release(&b);
	return 0;
}
