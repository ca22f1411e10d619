/*
 * curfew-provider-file: a sink that writes secrets into files where their
 * consumers read them (docs/providers/sinks.md).  Line protocol 1.
 *
 * This file is the table and the options; the work is in providers/sink/.
 */
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "providers/sink/delivery.h"
#include "providers/sink/render.h"

static const char describe[] =
	"{\"options\":[" DELIVERY_OPTIONS ","
	"{\"name\":\"format\",\"default\":\"plain\",\"help\":\"plain (the secret alone), "
		"env, json, ini or pem (a key, then its certificates)\"},"
	"{\"name\":\"newline\",\"default\":\"no\",\"help\":\"plain: yes for one at the end\"},"
	"{\"name\":\"section\",\"help\":\"ini: the section's name\"},"
	"{\"name\":\"field.*\",\"help\":\"field.secret=DB_PASSWORD, field.user=DB_USER: what "
		"stands under which name in env, json and ini; all fields unless given\"},"
	"{\"name\":\"use_template\",\"help\":\"/path of a template with {{secret}}, {{user}} "
		"and the like, instead of format\"}],"
	"\"secret\":\"none\",\"secret_help\":\"\",\"facts\":{}}";

struct file {
	struct delivery d; /* first: delivery.h */
	struct render how;
	struct buf template;
};

static int text_of(void *arg, const struct kit_request *q, struct buf *out, struct err *e)
{
	const struct file *f = arg;

	return render(&f->how, json_get(q->args, "fields"), q->secret, out, e);
}

static int format_of(const struct kit_connection *c, struct file *f, struct err *e)
{
	static const char *const word[] = { "plain", "env", "json", "ini", "pem" };
	const char *want = kit_option(c, "format", NULL);
	const char *path = kit_option(c, "use_template", NULL);
	const char *newline = kit_option(c, "newline", "no");

	f->how = (struct render){ .options = c->options, .text = &f->template,
				  .section = kit_option(c, "section", ""),
				  .newline = !strcmp(newline, "yes") };
	if (strpbrk(f->how.section, "]\n\r"))
		return err_fail(e, ERR_CONFIG, "section", "it cannot be a section's name");
	if (path) {
		f->how.as = RENDER_TEMPLATE;
		if (want)
			return err_fail(e, ERR_CONFIG, NULL, "format or use_template, not both");
		return io_read_file(path, IO_OWNED, BUF_TEXT_MAX, &f->template, e) ||
		       render_check(&f->template, e) ? -1 : 0;
	}
	for (unsigned i = 0; i < sizeof(word) / sizeof(word[0]); i++)
		if (!strcmp(want ? want : "plain", word[i])) {
			f->how.as = (enum render_as)i;
			return 0;
		}
	return err_fail(e, ERR_CONFIG, want, "option format is plain, env, json, ini or pem");
}

static void close_file(void *session)
{
	struct file *f = session;

	if (!f)
		return;
	buf_release(&f->template);
	mem_free(f);
}

static int open_file(const struct kit_connection *c, void **session, struct err *e)
{
	struct file *f = mem_zalloc(sizeof(*f));

	if (!f)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	f->template.max = BUF_TEXT_MAX;
	f->d.text = text_of;
	f->d.arg = f;
	if (delivery_options(c, &f->d, e) || format_of(c, f, e)) {
		close_file(f);
		return -1;
	}
	*session = f;
	return 0;
}

static const struct provider provider = {
	.name = "file",
	.describe = describe,
	.parallel = 1, /* two deliveries to one place take turns */
	.open = open_file,
	.close = close_file,
	.verbs = {
		{ "list", delivery_list },
		{ "deliver", delivery_deliver },
		{ "adopted", delivery_adopt },
		{ .verb = NULL },
	},
};

int main(int argc, char **argv)
{
	return kit_main(&provider, argc, argv);
}
