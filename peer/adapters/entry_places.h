/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of a card or an event, to find those that say one thing: a line of keywords alone may
 * have a hundred thousand. */
#ifndef CF_PEER_ADAPTERS_ENTRY_PLACES_H
#define CF_PEER_ADAPTERS_ENTRY_PLACES_H
#include "codec/bytes.h"

typedef struct {
    cf_bytes field, value; /* borrowed */
    size_t index;          /* of the entry */
} cf_entry_place;

/* By field, value and index. */
void cf_entry_places_sort(cf_entry_place *places, size_t count);
/* Of sorted ones the first of this field and value; `count`: none. The others follow it. */
size_t cf_entry_places_find(const cf_entry_place *places, size_t count, cf_bytes field,
                            cf_bytes value);
bool cf_entry_place_is(const cf_entry_place *place, cf_bytes field, cf_bytes value);

#endif
