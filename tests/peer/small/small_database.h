/* SPDX-License-Identifier: Apache-2.0 */
/* The databases of a small world: each device has one of SQLite, all of one collection, beside its
 * folder, and a program that changes it. */
#ifndef CF_TESTS_SMALL_DATABASE_H
#define CF_TESTS_SMALL_DATABASE_H
#include "tests/peer/small/small_world.h"

typedef struct {
    const char *tables;
    const char *journal; /* WAL or DELETE */
    const char *exclude; /* a table that the last device does not sync; NULL: none */
} database_layout;

/* Makes and binds the database of each device, all with these tables and no row. */
void small_world_bind_databases(small_world *self, const database_layout *layout);

/* In one transaction, as a program does it that has foreign keys on. False: the database refuses
 * it, for a constraint, and nothing is done. */
bool user_runs(small_device *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The first column of the first row; `none`: there is no row, or NULL. */
long user_counts(const small_device *self, long none, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A line for each row, its columns with a bar in between; appended. */
void user_lists(const small_device *self, cf_buffer *out, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* For itself, until it lets go: nobody else can read it. */
struct sqlite3;
struct sqlite3 *user_holds_database(const small_device *self);
void user_lets_go(struct sqlite3 *held);

/* As `cp` does it, while no program has it open: nothing lies in a log alone. */
void user_copies_database(const small_device *self, const char *copy);
/* That copy stands in its place: in the same file, or as another one. */
void user_puts_database(const small_device *self, const char *copy, bool in_place);
/* In the world's folder; of `name`. */
enum { COPY_PATH = 128 };
void name_copy(const small_world *in, const char *name, char path[COPY_PATH]);

/* Why nothing of it is synced; and how many of its fields have another value, too. */
cf_status database_trouble(small_device *self);
size_t database_conflicts(small_device *self);
/* What status lists of it, a line each; appended. */
void database_pending(small_device *self, cf_buffer *out);

#endif
