/* SPDX-License-Identifier: Apache-2.0 */
/* The address books of a small world: each device has a folder of vCards, all of one collection,
 * beside its folder of files. */
#ifndef CF_TESTS_SMALL_CARDS_H
#define CF_TESTS_SMALL_CARDS_H
#include "tests/peer/small/small_world.h"

/* Binds the address book of each device; they are empty. */
void small_world_bind_cards(small_world *self);
/* The same with a calendar in the place of the address book. */
void small_world_bind_calendar(small_world *self);
/* What a file of the folder has, with a NUL behind it; empty: it isn't there. */
void small_device_reads_card(const small_device *self, const char *file, cf_buffer *out);

/* What a user does there, by the file's name. Saves go by rename. */
void user_writes_card(small_device *self, const char *file, const char *uid, const char *name,
                      const char *note);
void user_writes_text_card(small_device *self, const char *file, const char *text);
void user_moves_card(small_device *self, const char *from, const char *to);
void user_removes_card(small_device *self, const char *file);

/* A line "UID NAME NOTE" for each card, ascending. */
void small_device_cards(const small_device *self, cf_buffer *out);
bool small_device_has_card(const small_device *self, const char *line);
/* Files in the folder for temporary ones. */
size_t small_device_card_temporaries(const small_device *self);
/* The devices have the same cards. */
bool small_world_cards_equal(small_world *self, cf_buffer *difference);

#endif
