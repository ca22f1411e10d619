/*
 * mem: allocation that wipes on free.
 *
 * Every block remembers its size, so that mem_free() and mem_realloc() can
 * overwrite it first.  The same three functions are handed to foreign
 * libraries as their allocator (house style 20, 21): SQLite, cJSON, libcurl,
 * libpq's callers, PCRE2.  They are the fault-injection point of the tests:
 * in test builds CURFEW_FAIL_ALLOC=n fails the n-th call.
 *
 * Thread-safe.  Returned memory is aligned for any type.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

void *mem_alloc(size_t n);	  /* NULL when out of memory; n == 0 is 1 */
void *mem_zalloc(size_t n);	  /* zero-filled */
void *mem_array(size_t count, size_t size); /* zero-filled, overflow-checked */
void *mem_realloc(void *p, size_t n); /* moves and wipes the old block */
void mem_free(void *p);		  /* wipes; NULL is fine */
size_t mem_size(const void *p);	  /* the size asked for */
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);

/* The overwrite that the compiler cannot remove. */
void mem_wipe(void *p, size_t n);

/* Size arithmetic: false on overflow. */
bool mem_add(size_t a, size_t b, size_t *out);
bool mem_mul(size_t a, size_t b, size_t *out);

#endif
