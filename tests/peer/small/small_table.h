/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of a small world: each device has one CSV file, all of one collection, beside its
 * folder. Its columns are id, balance and note. */
#ifndef CF_TESTS_SMALL_TABLE_H
#define CF_TESTS_SMALL_TABLE_H
#include "tests/peer/small/small_world.h"

#include <limits.h>

/* Their ids are numbers that a program counts up, from before they are bound. */
void small_world_count_up(small_world *self);
/* Binds the table of each device; none is there yet. */
void small_world_bind_tables(small_world *self);

/* More than one on a device: where another one is, and how it is bound. */
enum { TABLE_NUMBER = 2 };
typedef struct {
    const small_device *at; /* NULL: of the device itself */
    uint32_t number;
    cf_mode mode;
    const char *include;
} table_place;
cf_binding *small_device_bind_table(small_device *self, const table_place *where);
/* For what users do in such a one: a device that has nothing but a place. */
small_device table_beside(const small_device *self);

/* What a user writes into it, and what it holds. */
#define TABLE_NO_BALANCE LONG_MIN
typedef struct {
    long id, balance;
    cf_buffer note; /* text */
} table_row;
typedef struct {
    table_row *at;
    size_t count, capacity;
} table; /* {0} is empty */
void table_release(table *self);
table_row *table_add(table *self, long id, long balance, cf_bytes note);
table_row *table_find(const table *self, long id);
void table_drop(table *self, long id);

void user_writes_table(small_device *self, const table *what);
/* For writing, which keeps devices from reading it; to be closed. */
int user_opens_table(const small_device *self);
/* False: it is not there. */
bool user_reads_table(const small_device *self, table *out);
bool tables_equal(const table *a, const table *b);
/* The devices' tables hold the same rows. */
bool small_world_tables_equal(small_world *self, cf_buffer *difference);

/* So many characters that look like nothing else. */
cf_bytes noise_text(small_world *in, size_t size, cf_arena *arena);

/* All that the table has: rows 1 to `count`, of this balance, but for one (0: all). */
void user_writes_rows(small_device *self, long count, long balance, long without);
/* All that the table has is this row. */
void user_writes_row(small_device *self, long id);
void user_sets_balance(small_device *self, long id, long balance);
bool user_has_row(const small_device *self, long id);

#endif
