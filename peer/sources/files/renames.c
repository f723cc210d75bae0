/* SPDX-License-Identifier: Apache-2.0 */
/* The place that a name came from is the first of its chain; of two things that got one name the
 * later one has it. Beyond CF_RENAMES_MAX all is forgotten, and a rename looks like a new file and
 * a missing one. */
#include "peer/sources/files/renames.h"

#include "codec/hash_table.h"

#include <stdlib.h>

typedef struct {
    cf_hash_link link;
    uint64_t from_folder, to_folder;
    cf_buffer from, to;
} renamed;

struct cf_renames {
    cf_hash_table all; /* by the place that they have */
};

cf_renames *cf_renames_new(void)
{
    return cf_allocate(1, sizeof(cf_renames));
}

static void release(renamed *one)
{
    cf_buffer_release(&one->from);
    cf_buffer_release(&one->to);
    free(one);
}

void cf_renames_clear(cf_renames *renames)
{
    cf_hash_link *next, *link = cf_hash_table_walk(&renames->all, NULL);

    for (; link; link = next) {
        next = cf_hash_table_walk(&renames->all, link);
        release(cf_container_of(link, renamed, link));
    }
    cf_hash_table_release(&renames->all);
}

void cf_renames_destroy(cf_renames **renames)
{
    if (!*renames)
        return;
    cf_renames_clear(*renames);
    free(*renames);
    *renames = NULL;
}

bool cf_renames_any(const cf_renames *renames)
{
    return renames->all.count > 0;
}

static renamed *find(const cf_renames *renames, const cf_look_place *to)
{
    for (cf_hash_link *link =
             cf_hash_table_first(&renames->all, cf_hash_bytes(to->folder, to->name));
         link; link = cf_hash_table_next(link)) {
        renamed *one = cf_container_of(link, renamed, link);

        if (one->to_folder == to->folder && cf_bytes_equal(cf_buffer_view(&one->to), to->name))
            return one;
    }
    return NULL;
}

void cf_renames_drop(cf_renames *renames, const cf_look_place *to)
{
    renamed *one = find(renames, to);

    if (!one)
        return;
    cf_hash_table_remove(&renames->all, &one->link);
    release(one);
}

void cf_renames_note(cf_renames *renames, const cf_look_place *from, const cf_look_place *to)
{
    renamed *before = find(renames, from), *one = cf_allocate(1, sizeof *one);
    const cf_bytes name = before ? cf_buffer_view(&before->from) : from->name;

    one->from_folder = before ? before->from_folder : from->folder;
    one->to_folder = to->folder;
    cf_buffer_append(&one->from, name.data, name.size);
    cf_buffer_append(&one->to, to->name.data, to->name.size);
    cf_renames_drop(renames, from);
    cf_renames_drop(renames, to);
    if (renames->all.count >= CF_RENAMES_MAX)
        cf_renames_clear(renames);
    cf_hash_table_add(&renames->all, &one->link, cf_hash_bytes(to->folder, to->name));
}

static cf_look_place origin_of(const renamed *one)
{
    return (cf_look_place){.folder = one->from_folder, .name = cf_buffer_view(&one->from)};
}

bool cf_renames_find(const cf_renames *renames, const cf_look_place *to, cf_look_place *from)
{
    const renamed *one = find(renames, to);

    if (one)
        *from = origin_of(one);
    return one != NULL;
}

static void add(cf_look_places *places, const renamed *one)
{
    const cf_look_place from = origin_of(one);

    cf_look_places_add(places, from.folder, from.name, CF_ABSENCE_WAITS);
}

static void add_folder(const cf_renames *renames, uint64_t folder, cf_look_places *places)
{
    for (cf_hash_link *link = NULL; (link = cf_hash_table_walk(&renames->all, link));)
        if (cf_container_of(link, renamed, link)->to_folder == folder)
            add(places, cf_container_of(link, renamed, link));
}

void cf_renames_add_origins(const cf_renames *renames, cf_look_places *places)
{
    const size_t count = places->count;

    for (size_t i = 0; renames->all.count && i < count; i++) {
        const cf_look_place place = places->at[i];
        const renamed *one = place.name.size ? find(renames, &place) : NULL;

        if (one)
            add(places, one);
        else if (!place.name.size)
            add_folder(renames, place.folder, places);
    }
}
