/*
 * generic_tables: the texts under hooks/scan/model/ as the build embeds them.
 */
#ifndef SCAN_GENERIC_TABLES_H
#define SCAN_GENERIC_TABLES_H

extern const char generic_words[];   /* words.tab without its comments */
extern const char generic_triples[]; /* triples.tab */
extern const char generic_trees[];   /* trees.tab */

#endif
