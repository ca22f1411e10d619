/*
 * xml: the small part of XML that AWS's query services answer with, as JSON.
 *
 * An element becomes an object member of its name: text a string, child
 * elements an object, a repeated one (or one named in `lists`) an array.  An
 * element that holds nothing but a list keeps that list's name: {"member":[…]}.
 * Attributes are dropped; a DOCTYPE is refused; nesting is capped.
 */
#ifndef PROVIDERS_HTTP_XML_H
#define PROVIDERS_HTTP_XML_H

#include "base/json.h"
#include "base/toml.h"

struct json *xml_parse(const char *p, size_t n, const struct toml_node *lists,
		       struct err *e);

#endif
