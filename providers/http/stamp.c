/*
 * stamp: see stamp.h.  RFC 3339, RFC 2822 / RFC 9110 dates, days, epochs.
 */
#include "providers/http/stamp.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

const char *const stamp_formats[] = { "rfc3339", "date", "epoch", "epoch_ms",
				      "rfc2822", NULL };

int stamp_put(int64_t wall_ms, const char *format, struct buf *out, struct err *e)
{
	char t[CLOCK_TEXT];

	if (!strcmp(format, "epoch"))
		return buf_printf(out, e, "%lld", (long long)(wall_ms / 1000));
	if (!strcmp(format, "epoch_ms"))
		return buf_printf(out, e, "%lld", (long long)wall_ms);
	(void)clock_text(wall_ms, t);
	return buf_printf(out, e, "%.*s", !strcmp(format, "date") ? 10 : 31, t);
}

/* "[Day, ]02 Jan 2006 15:04:05 GMT|+0000" */
static bool read_2822(const char *s, int64_t *ms)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *comma = strchr(s, ','), *at;
	char mon[4] = "", zone[8] = "", text[40];
	int d, y, h, m, sec, off = 0;

	/* NOLINTNEXTLINE(cert-err34-c): four digits at most, all of them counted */
	if (sscanf(comma ? comma + 1 : s, " %2d %3s %4d %2d:%2d:%2d %7s", &d, mon,
		   &y, &h, &m, &sec, zone) != 7)
		return false;
	at = strlen(mon) == 3 ? strstr(months, mon) : NULL;
	if (!at || (at - months) % 3)
		return false;
	if (zone[0] == '+' || zone[0] == '-') {
		int64_t n;

		if (!text_int(zone + 1, 0, 1400, &n))
			return false;
		off = (int)(n / 100 * 60 + n % 100) * (zone[0] == '-' ? -1 : 1);
	}
	(void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ", y,
		       (int)((at - months) / 3) + 1, d, h, m, sec);
	if (!clock_parse(text, ms))
		return false;
	*ms -= (int64_t)off * 60000;
	return true;
}

bool stamp_read(const char *text, const char *format, int64_t *wall_ms)
{
	char whole[24];
	int64_t n;

	if (!strcmp(format, "epoch") || !strcmp(format, "epoch_ms")) {
		if (!text_int(text, 1, (int64_t)4102444800 * 1000, &n))
			return false;
		*wall_ms = format[5] ? n : n * 1000;
		return true;
	}
	if (!strcmp(format, "rfc2822"))
		return read_2822(text, wall_ms);
	if (strlen(text) == 10) {
		(void)snprintf(whole, sizeof(whole), "%sT00:00:00Z", text);
		return clock_parse(whole, wall_ms);
	}
	return clock_parse(text, wall_ms);
}

int64_t stamp_retry_after(const char *text)
{
	int64_t n, ms;

	if (text_int(text, 0, 86400, &n))
		return n * 1000;
	if (!read_2822(text, &ms))
		return -1;
	ms -= clock_wall_ms();
	return ms < 0 ? 0 : ms;
}
