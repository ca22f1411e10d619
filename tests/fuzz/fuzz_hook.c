// link: scan
// wrap: harden_reader
/*
 * hook: what a push hands to pre-receive: lines on standard input and push
 * options, here in front of a real quarantine with one leak in it.  Whatever
 * comes, the leak does not get through unless an option gives a reason.
 *
 * The sandbox stays off: it cannot be left, and one input would shut out the next.
 *
 * Input: push options, one a line, an empty line, then standard input.
 */
#include <git2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/harden.h"
#include "base/text.h"
#include "fuzz_file.h"
#include "hooks/hooks.h"

#define OPTIONS 8

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_harden_reader(const struct harden_path *paths, size_t n, struct err *e);

int __wrap_harden_reader(const struct harden_path *paths, size_t n, struct err *e)
{
	(void)paths;
	(void)n;
	(void)e;
	return 0;
}

static char git_dir[128], objects[160], spool[128];

static const char rules[] =
	"[[rules]]\nid='r'\nregex='''tok_[a-z]{4}'''\nconfidence='high'\n";

/* A blob, a tree and a commit, always the same. */
static void commit(git_repository *git)
{
	git_oid blob, tree_oid, oid;
	git_treebuilder *b;
	git_signature *who;
	git_tree *tree;

	if (git_blob_create_from_buffer(&blob, git, "tok_abcd\n", 9) ||
	    git_treebuilder_new(&b, git, NULL) ||
	    git_treebuilder_insert(NULL, b, "f", &blob, GIT_FILEMODE_BLOB) ||
	    git_treebuilder_write(&tree_oid, b) ||
	    git_tree_lookup(&tree, git, &tree_oid) ||
	    git_signature_new(&who, "A", "a@example.org", 1, 0) ||
	    git_commit_create(&oid, git, NULL, who, who, NULL, "m\n", tree, 0,
			      NULL))
		abort();
	git_treebuilder_free(b);
	git_tree_free(tree);
	git_signature_free(who);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char config[128], key[65];
	git_repository *git;
	git_config *c;

	(void)argc;
	(void)argv;
	git_libgit2_init();
	fuzz_file("rules.toml", rules, sizeof(rules) - 1, config);
	fuzz_path("spool", spool);
	fuzz_path("git", git_dir);
	snprintf(objects, sizeof(objects), "%s/objects", git_dir);
	memset(key, '0', 64);
	key[1] = '9';
	key[64] = '\0';
	if (mkdir(spool, 0700) || git_repository_init(&git, git_dir, 1) ||
	    git_repository_config(&c, git) ||
	    git_config_set_string(c, "curfew.config", config) ||
	    git_config_set_string(c, "curfew.spool", spool) ||
	    git_config_set_string(c, "curfew.spoolKey", key) ||
	    git_config_set_string(c, "curfew.allowOverride", "true") ||
	    git_config_set_string(c, "curfew.maxTime", "1h"))
		abort();
	commit(git);
	git_config_free(c);
	git_repository_free(git);
	return 0;
}

static void standard_input(const char *p, size_t n)
{
	int fd = memfd_create("in", 0);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) ||
	    dup2(fd, 0))
		abort();
	close(fd);
}

static void empty_spool(void)
{
	static int n;

	if (++n % 16)
		return;
	nftw(spool, fuzz_remove, 4, FTW_DEPTH | FTW_PHYS);
	if (mkdir(spool, 0700))
		abort();
}

/* Every line asks for a delete: nothing is looked at then. */
static bool only_deletes(const char *lines)
{
	const char *p, *word;

	for (p = lines; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		if (*p == '\n')
			continue;
		word = p + strcspn(p, " ");
		word += *word == ' ';
		if (word[strspn(word, "0")] != ' ')
			return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct surroundings s = { .git_dir = git_dir, .objects = objects,
				  .quarantine = objects };
	char *option[OPTIONS], *text = malloc(size + 1), *rest = text, *line;
	bool reason = false;
	int rc;

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	s.option = option;
	while ((line = strsep(&rest, "\n")) && *line) {
		if (s.options < OPTIONS) {
			reason |= !strncmp(line, "curfew.allow=", 13) && line[13];
			option[s.options++] = line;
		}
	}
	rest = rest ? rest : text + size;
	standard_input(rest, size - (size_t)(rest - text));
	rc = cmd_pre_receive(1, NULL, &s);
	if (rc == EXIT_CLEAN && !reason && !only_deletes(rest))
		abort();
	empty_spool();
	free(text);
	return 0;
}
