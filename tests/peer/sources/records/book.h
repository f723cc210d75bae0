/* SPDX-License-Identifier: Apache-2.0 */
/* An address book on a real disk: a folder of vCards, the medium over it, and the home in which it
 * keeps what it knows. */
#ifndef CF_TESTS_BOOK_H
#define CF_TESTS_BOOK_H
#include "peer/sources/records/medium_folder.h"
#include "tests/support/faulty_disk.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

typedef struct {
    scratch *disk;
    disk_faults faults;
    cf_env env;
    cf_peer peer;
    cf_binding *binding;
    cf_medium *medium;
    cf_medium_content content;
    cf_error error;
} book;

/* When all is at rest. */
#define BOOK_LATER_MS ((uint64_t)INT64_MAX / 1000000)

void book_open(book *self);
void book_close(book *self);
/* As the next process. */
void book_restart(book *self);

/* The user saves a card. */
void book_put(const book *self, const char *file, const char *uid, const char *name);
void book_look_at(book *self, uint64_t now_ms);
/* What is kept of the last look, or write, is. */
void book_commit(book *self);
/* Both, later. */
void book_look(book *self);
/* What it shows is agreed on, as after a look that published it. */
void book_agree(book *self);

const cf_row *book_shown(const book *self, const char *uid);
/* Whether this card may be in a file that can't be read. */
bool book_doubts(const book *self, const char *uid);
/* The file is named as one in trouble. */
bool book_names(const book *self, const char *file);

cf_bytes book_key(const char *uid, cf_buffer *out);
cf_row book_row(const char *uid, const char *name, cf_arena *arena);

#endif
