/* SPDX-License-Identifier: Apache-2.0 */
/* A growing list of ids: items, or collections. Sorted it is a set, in which an id is looked up. */
#ifndef CF_CODEC_ID_LIST_H
#define CF_CODEC_ID_LIST_H
#include "codec/ids.h"

#include <stddef.h>

typedef struct {
    cf_id *at;
    size_t count, capacity;
} cf_ids; /* {0} is empty; free(at) ends it */

void cf_ids_add(cf_ids *ids, const cf_id *id);
void cf_ids_add_all(cf_ids *ids, const cf_id *from, size_t count);
/* Ascending, each once. */
void cf_ids_sort(cf_ids *ids);
/* Of a list that is sorted. */
bool cf_ids_has(const cf_ids *ids, const cf_id *id);
bool cf_ids_equal(const cf_ids *a, const cf_ids *b);

/* cf_id_compare as qsort and bsearch want it. */
int cf_id_order(const void *a, const void *b);
/* Whether an ascending array has the id; `at` may be NULL where there is none. */
bool cf_id_is_in(const cf_id *id, const cf_id *at, size_t count);

#endif
