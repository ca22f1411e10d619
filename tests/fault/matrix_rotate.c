/*
 * matrix_rotate: rotations of both classes, in every way, undisturbed, aborted
 * and killed on the way; and what must hold after each crash.
 *
 * After the crash I1-I5, I8 and I9 are checked as things are; then sweeps (or
 * the abort, or the kill) go on until nothing is under way, and all is checked
 * again.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "matrix.h"
#include "rig_rotate.h"

enum mode { ROTATE, ABORT, KILL };

struct script {
	const char *name, *settings, *policy;
	enum mode mode;
	bool single; /* an outage is part of it */
	int code;    /* how it must end */
};

#define LAG "latency=1 revoke_lag=40 list_lag=30 mint_lag=10 "
#define B LAG "class=B fixed=0 "
#define A LAG "class=A fixed=0 "
#define PLACE LAG "class=A fixed=1 "
#define OVER "overlap = \"20ms\""
#define TURN "partner = \"c1/bot2\""

static const struct script scripts[] = {
	{ "B", B, OVER, ROTATE, false, 0 },
	{ "B-noreply", B "noreply=2 ", OVER, ROTATE, false, 0 },
	{ "B-unknown", B "mint_unknown=2 ", OVER, ROTATE, false, 0 },
	{ "B-applied", B "burst_applied=4 ", OVER, ROTATE, false, 0 },
	{ "B-hang", B "hang_at=3 ", OVER, ROTATE, false, 0 },
	{ "B-dies", B "crash_at=3 ", OVER, ROTATE, false, 0 },
	{ "B-retry", B "retry=3 retry_after=20 ", OVER, ROTATE, false, 0 },
	{ "B-stranger", B "noreply=1 stranger=1 ", OVER, ROTATE, false, 0 },
	{ "B-unlabelled", B "labels=0 noreply=1 ", OVER, ROTATE, false, 4 },
	{ "B-exclusive", B "labels=0 noreply=2 ", OVER "\nexclusive = true",
	  ROTATE, false, 0 },
	{ "B-used", B "used=1 sink.noack=1 sink.without=adopted ", OVER, ROTATE,
	  false, 0 },
	{ "B-liar", B "lie_first=1 ", OVER, ROTATE, false, 0 },
	{ "A", A, OVER, ROTATE, false, 0 },
	{ "A-noreply", A "noreply=2 ", OVER, ROTATE, false, 0 },
	{ "A-makes", A "makes=1 ", OVER, ROTATE, false, 0 },
	{ "place", PLACE, "", ROTATE, true, 0 },
	{ "place-noreply", PLACE "noreply=1 ", "", ROTATE, true, 0 },
	{ "turn", PLACE, OVER "\n" TURN, ROTATE, false, 0 },
	{ "turn-applied", PLACE "burst_applied=3 ", OVER "\n" TURN, ROTATE,
	  false, 0 },
	{ "B-abort", B "sink.refuse_deliver=99 ", OVER, ABORT, false, 0 },
	{ "B-abort-noreply", B "noreply=1 sink.refuse_deliver=99 ", OVER, ABORT,
	  false, 0 },
	{ "A-abort", A "sink.refuse_deliver=99 ", OVER, ABORT, false, 0 },
	{ "place-abort", PLACE "sink.refuse_deliver=99 ", "", ABORT, true, 0 },
	{ "B-kill", B, OVER, KILL, false, 0 },
	{ "B-kill-noreply", B "noreply=1 ", OVER, KILL, false, 0 },
	{ "A-kill", A, OVER, KILL, false, 0 },
	{ "turn-kill", PLACE, OVER "\n" TURN, KILL, false, 0 },
};
#define N_SCRIPTS (sizeof(scripts) / sizeof(*scripts))

static const char *const rotate[] = { "rotate", "c1/bot#k1", "--wait", "4s",
				      NULL };
static const char *const sweep[] = { "sweep", "--wait", "4s", NULL };
static const char *const take_back[] = { "rotate", "--abort", "c1/bot#k1",
					 "--wait", "4s", NULL };
static const char *const kill[] = { "kill", "c1/bot#k1", "--wait", "4s", NULL };
static const char *const resume[] = { "resume", "--wait", "4s", NULL };

static const char *title(size_t i)
{
	return scripts[i].name;
}

static int make(const char *dir, size_t i)
{
	return rig_rotate_make(dir, scripts[i].settings, scripts[i].policy,
			       NULL);
}

/* The sink that refuses would be asked for ever: a first run of an abort ends
 * when its patience does. */
static const char *const *first(const struct script *s)
{
	static const char *const brief[] = { "rotate", "c1/bot#k1", "--wait",
					     "250ms", NULL };

	return s->mode == ABORT ? brief : rotate;
}

static void rehearse(const char *dir, size_t i, const char *list)
{
	(void)matrix_run(dir, NULL, list, first(&scripts[i]));
	if (scripts[i].mode == ABORT)
		(void)matrix_run(dir, NULL, list, take_back);
}

/* The vault's own points are the kill matrix's affair. */
static bool wants(size_t i, const char *label)
{
	(void)i;
	return strncmp(label, "rot.", 4) == 0;
}

static void expect(struct buf *findings, const char *what, int code, int want)
{
	if (code != want &&
	    buf_printf(findings, NULL, "end: %s: exit %d instead of %d\n", what,
		       code, want) < 0)
		findings->len = findings->len;
}

/* Sweeps until nothing is under way. */
static int settle(const char *dir, const struct script *s)
{
	int code = 0;

	for (int i = 0; i < 8; i++) {
		code = matrix_run(dir, NULL, NULL, sweep);
		if (!rig_rotate_busy(dir) || (s->code && code == s->code))
			break;
	}
	return code;
}

static int go_on(const char *dir, const struct script *s, bool crashed,
		 struct buf *findings)
{
	struct rig_end end = { .single = s->single };

	if (crashed && !rig_rotate_busy(dir) && !rig_rotate_begun(dir))
		(void)matrix_run(dir, NULL, NULL, first(s));
	end.code = settle(dir, s);
	expect(findings, "sweep", end.code, s->code);
	rig_rotate_check(dir, &end, findings);
	return 0;
}

static int go_back(const char *dir, const struct script *s, bool crashed,
		   struct buf *findings)
{
	struct rig_end end = { .single = s->single };
	int code;

	if (crashed && !rig_rotate_busy(dir))
		(void)matrix_run(dir, NULL, NULL, first(s));
	if (!rig_rotate_busy(dir)) /* crashed when all was over */
		return 0;
	code = matrix_run(dir, NULL, NULL, take_back);
	for (int i = 0; i < 8 && rig_rotate_busy(dir); i++)
		code = matrix_run(dir, NULL, NULL, sweep);
	end.code = code;
	expect(findings, "abort", rig_rotate_busy(dir), 0);
	rig_rotate_check(dir, &end, findings);
	return 0;
}

static int go_kill(const char *dir, struct buf *findings)
{
	struct rig_end end = { .killed = true };
	int code;

	if (!rig_rotate_busy(dir))
		return MATRIX_NOT_REACHED;
	code = matrix_run(dir, NULL, NULL, kill);
	for (int i = 0; i < 5 && code; i++) {
		code = matrix_run(dir, NULL, NULL, sweep);
		if (code == 0)
			code = matrix_run(dir, NULL, NULL, resume);
	}
	end.code = code;
	expect(findings, "kill", code, 0);
	rig_rotate_check(dir, &end, findings);
	return 0;
}

static int play_one(const char *dir, size_t i, const char *label,
		    struct buf *findings)
{
	const struct script *s = &scripts[i];
	struct rig_end between = { .single = s->single, .between = true };
	int code = matrix_run(dir, label, NULL, first(s));
	bool crashed = code == 137;

	if (label && !crashed && s->mode == ABORT) {
		code = matrix_run(dir, label, NULL, take_back);
		crashed = code == 137;
	}
	if (label && !crashed)
		return MATRIX_NOT_REACHED;
	if (crashed)
		rig_rotate_check(dir, &between, findings);
	switch (s->mode) {
	case ROTATE:
		return go_on(dir, s, crashed, findings);
	case ABORT:
		return go_back(dir, s, crashed, findings);
	case KILL:
		return label ? go_kill(dir, findings) : MATRIX_NOT_REACHED;
	}
	return 0;
}

/* "a+b": a crash at a, then one at b in the sweep that goes on. */
static int play(const char *dir, size_t i, const char *label,
		struct buf *findings)
{
	const char *plus = label ? strchr(label, '+') : NULL;
	struct rig_end between = { .single = scripts[i].single,
				   .between = true };
	char one[120];

	if (!plus)
		return play_one(dir, i, label, findings);
	(void)snprintf(one, sizeof(one), "%.*s", (int)(plus - label), label);
	if (matrix_run(dir, one, NULL, first(&scripts[i])) != 137 ||
	    matrix_run(dir, plus + 1, NULL, sweep) != 137)
		return MATRIX_NOT_REACHED;
	rig_rotate_check(dir, &between, findings);
	if (scripts[i].mode == KILL)
		return go_kill(dir, findings);
	return scripts[i].mode == ABORT ?
		       go_back(dir, &scripts[i], true, findings) :
		       go_on(dir, &scripts[i], true, findings);
}

int rotate_go_on(const char *dir, size_t i, struct buf *findings)
{
	return go_on(dir, &scripts[i], true, findings);
}

int rotate_first(const char *dir, size_t i)
{
	return matrix_run(dir, NULL, NULL, first(&scripts[i]));
}

size_t rotate_script(const char *name)
{
	size_t i = 0;

	while (i + 1 < N_SCRIPTS && strcmp(scripts[i].name, name) != 0)
		i++;
	return i;
}

void rotate_between(const char *dir, size_t i, struct buf *findings)
{
	const struct rig_end between = { .single = scripts[i].single,
					 .between = true };

	rig_rotate_check(dir, &between, findings);
}

const struct suite suite_rotate = {
	.name = "rotate", .n = N_SCRIPTS, .title = title, .make = make,
	.rehearse = rehearse, .play = play, .wants = wants,
};
