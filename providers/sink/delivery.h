/*
 * delivery: deliver and adopted of a sink that writes files: the file, a note
 * beside it (".NAME.curfew": which version, when, what the consumer said; no
 * secret), and the consumer told.
 */
#ifndef PROVIDERS_SINK_DELIVERY_H
#define PROVIDERS_SINK_DELIVERY_H

#include "providers/kit/kit.h"
#include "providers/sink/place.h"
#include "providers/sink/tell.h"

struct delivery {
	const char *root;
	struct place_look look;
	struct tell tell;
	/* What the file is to hold. */
	int (*text)(void *arg, const struct kit_request *q, struct buf *out,
		    struct err *e);
	/* Does the written file really give the secret back?  NULL: its bytes
	 * being the same is enough. */
	int (*proof)(void *arg, const struct kit_request *q, const struct buf *text,
		     struct err *e);
	void *arg;
};

#define DELIVERY_OPTIONS \
	"{\"name\":\"root\",\"help\":\"/folder below which the files lie; it has to exist, " \
		"and nobody else may write in it\"}," \
	"{\"name\":\"owner\",\"help\":\"user that owns the files; as before, or ours\"}," \
	"{\"name\":\"group\",\"help\":\"their group; as before, or ours\"}," \
	"{\"name\":\"mode\",\"help\":\"their mode, 0600 or 0640 and the like; as before, " \
		"or 0600\"}," TELL_OPTIONS

int delivery_options(const struct kit_connection *c, struct delivery *d, struct err *e)
	__attribute__((warn_unused_result));
int delivery_put(const struct delivery *d, const struct kit_request *q,
		 struct kit_reply *r, struct err *e) __attribute__((warn_unused_result));
int delivery_adopted(const struct delivery *d, const struct kit_request *q,
		     struct kit_reply *r, struct err *e)
	__attribute__((warn_unused_result));
/* The verbs of a sink whose session begins with its struct delivery. */
int delivery_deliver(void *session, const struct kit_connection *c,
		     const struct kit_request *q, struct kit_stream *s,
		     struct kit_reply *r, struct err *e);
int delivery_adopt(void *session, const struct kit_connection *c,
		   const struct kit_request *q, struct kit_stream *s,
		   struct kit_reply *r, struct err *e);
/* list of a sink: it holds no account of its own. */
int delivery_list(void *session, const struct kit_connection *c,
		  const struct kit_request *q, struct kit_stream *s,
		  struct kit_reply *r, struct err *e);

#endif
