/* pack: a record that unpacks whole packs again to the same bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = BUF_INIT(BUF_RECORD_MAX);
	struct unpack u;

	unpack_init(&u, data, size);
	while (unpack_next(&u)) {
		if (pack_bytes(&b, u.tag, u.val, u.len, NULL) != 0)
			abort();
		mem_free(unpack_str(&u));
	}
	if (!u.bad && (b.len != size || (size && memcmp(b.p, data, size) != 0)))
		abort();
	buf_release(&b);
	return 0;
}
