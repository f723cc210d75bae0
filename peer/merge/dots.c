/* SPDX-License-Identifier: Apache-2.0 */
/* A dot has its number as long as somebody uses that; the number is another dot's then. Pieces of
 * memory are found by number, and stay where they are. */
#include "peer/merge/dots.h"

#include <assert.h>
#include <stdlib.h>

enum { CHUNK = 256 };

typedef struct {
    cf_hash_link link;
    cf_dot dot;
    cf_time time;
    uint32_t uses, number;
} numbered;

struct cf_dots {
    cf_hash_table table;
    numbered **chunks; /* each stays where it is, since the table links into it */
    size_t chunk_count, chunk_capacity;
    uint32_t *unused;
    size_t unused_count, unused_capacity;
};

static numbered *at(const cf_dots *dots, uint32_t number)
{
    return &dots->chunks[number / CHUNK][number % CHUNK];
}

static uint64_t hash_of(const cf_dot *dot)
{
    return cf_hash_id(dot->sequence, &dot->writer) ^
           cf_hash_bytes(1, cf_bytes_of(dot->hash, sizeof dot->hash));
}

cf_dots *cf_dots_new(void)
{
    return cf_allocate(1, sizeof(cf_dots));
}

void cf_dots_destroy(cf_dots **dots)
{
    if (!*dots)
        return;
    for (size_t i = 0; i < (*dots)->chunk_count; i++)
        free((*dots)->chunks[i]);
    free((*dots)->chunks);
    free((*dots)->unused);
    cf_hash_table_release(&(*dots)->table);
    free(*dots);
    *dots = NULL;
}

static void put_unused(cf_dots *dots, uint32_t number)
{
    *cf_one_more(dots->unused, dots->unused_count, dots->unused_capacity) = number;
}

static uint32_t take_unused(cf_dots *dots)
{
    if (dots->unused_count == 0) {
        size_t first = dots->chunk_count * CHUNK;

        assert(first + CHUNK < UINT32_MAX);
        *cf_one_more(dots->chunks, dots->chunk_count, dots->chunk_capacity) =
            cf_allocate(CHUNK, sizeof(numbered));
        for (size_t i = CHUNK; i-- > 0;)
            put_unused(dots, (uint32_t)(first + i));
    }
    return dots->unused[--dots->unused_count];
}

bool cf_dots_find(const cf_dots *dots, const cf_dot *dot, uint32_t *number)
{
    for (cf_hash_link *link = cf_hash_table_first(&dots->table, hash_of(dot)); link;
         link = cf_hash_table_next(link)) {
        const numbered *known = cf_container_of(link, numbered, link);

        if (cf_dot_equal(&known->dot, dot)) {
            *number = known->number;
            return true;
        }
    }
    return false;
}

uint32_t cf_dots_use(cf_dots *dots, const cf_dot *dot)
{
    uint32_t number;

    if (!cf_dots_find(dots, dot, &number)) {
        number = take_unused(dots);
        *at(dots, number) = (numbered){.dot = *dot, .number = number};
        cf_hash_table_add(&dots->table, &at(dots, number)->link, hash_of(dot));
    }
    at(dots, number)->uses++;
    return number;
}

void cf_dots_use_again(cf_dots *dots, uint32_t number)
{
    at(dots, number)->uses++;
}

void cf_dots_drop(cf_dots *dots, uint32_t number)
{
    numbered *known = at(dots, number);

    assert(known->uses);
    if (--known->uses)
        return;
    cf_hash_table_remove(&dots->table, &known->link);
    put_unused(dots, number);
}

const cf_dot *cf_dots_at(const cf_dots *dots, uint32_t number)
{
    return &at(dots, number)->dot;
}

cf_time cf_dots_time(const cf_dots *dots, uint32_t number)
{
    return at(dots, number)->time;
}

void cf_dots_set_time(cf_dots *dots, uint32_t number, cf_time time)
{
    at(dots, number)->time = time;
}
