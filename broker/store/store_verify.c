/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/store_verify.h"

#include "broker/store/store_keys.h"
#include "codec/heads.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    cf_store *store;
    const cf_hash *user;
    cf_damage_visit *damaged;
    void *context;
    uint64_t expected; /* position of the next entry */
    uint64_t indexed;  /* entries that the chain index has where they are */
    bool gaps;         /* some entry could not be read: the heads can't be recomputed */
    cf_heads heads;    /* of the entries read so far */
} check;

/* `why` is what a read said; NULL: it is found by comparing. */
static void __attribute__((format(printf, 3, 4)))
tell(check *self, const cf_error *why, const char *format, ...)
{
    cf_error told = {.status = CF_BROKEN};
    char text[CF_ERROR_TEXT];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (why)
        told = *why;
    if (why)
        cf_error_while(&told, "%s", text);
    else
        memcpy(told.text, text, sizeof told.text);
    self->damaged(self->context, self->user, &told);
}

static void check_chain(check *self, const cf_entry *entry, uint64_t position)
{
    cf_head head = cf_head_of(entry), predecessor = cf_head_before(&entry->header);
    uint64_t found;
    cf_error error;

    if (!cf_hash_equal(&entry->header.user, self->user))
        tell(self, NULL, "entry %" PRIu64 " belongs to another user", position);
    if (self->store->find(self->store, self->user, &head, &found, &error))
        tell(self, &error, "entry %" PRIu64 " is not in the chain index", position);
    else if (found != position)
        tell(self, NULL, "entry %" PRIu64 " is in the chain index as %" PRIu64, position, found);
    else
        self->indexed++;
    if (predecessor.sequence > 0) {
        const cf_status status =
            self->store->find(self->store, self->user, &predecessor, &found, &error);
        if (status)
            tell(self, status == CF_MISSING ? NULL : &error,
                 "the predecessor of entry %" PRIu64 " is not held", position);
        else if (found >= position)
            tell(self, NULL, "entry %" PRIu64 " comes before its predecessor", position);
    }
    cf_heads_advance(&self->heads, entry);
}

static bool check_entry(void *context, uint64_t position, cf_bytes wire)
{
    check *self = context;
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;

    if (position != self->expected) {
        tell(self, NULL, "entries %" PRIu64 " to %" PRIu64 " are missing", self->expected,
             position - 1);
        self->gaps = true;
    }
    self->expected = position + 1;
    if (cf_entry_read(wire, &arena, &entry, &error)) {
        tell(self, NULL, "entry %" PRIu64 ": %s", position, error.text);
        self->gaps = true;
    } else {
        check_chain(self, &entry, position);
    }
    cf_arena_release(&arena);
    return true;
}

/* Goes on behind a damaged block: tries positions further and further on. */
static void check_entries(check *self)
{
    cf_error error;
    uint64_t last, step = 1;

    if (self->store->last(self->store, self->user, &last, &error)) {
        tell(self, &error, "entries");
        last = 0;
        self->gaps = true;
    }
    while (self->store->read(self->store, self->user, self->expected, check_entry, self, &error)) {
        tell(self, &error, "entry %" PRIu64 " and maybe others after it can't be read",
             self->expected);
        self->gaps = true;
        if (self->expected > last || last - self->expected < step) {
            self->expected = last + 1;
            break;
        }
        self->expected += step;
        step *= 2;
    }
}

static void tell_head(check *self, const cf_head *head, const char *what)
{
    char writer[2 * CF_ID_SIZE + 1];

    cf_hex(cf_bytes_of(head->writer.bytes, CF_ID_SIZE), writer);
    tell(self, NULL, "writer %s, sequence %" PRIu64 ": %s", writer, head->sequence, what);
}

static bool note_head(void *context, const cf_head *head)
{
    cf_heads_insert(context, head);
    return true;
}

static void compare_with_index(check *self, const cf_heads *index)
{
    for (size_t i = 0; i < self->heads.count; i++)
        if (!cf_heads_contain(index, &self->heads.heads[i]))
            tell_head(self, &self->heads.heads[i], "a head that the index of heads does not have");
    for (size_t i = 0; i < index->count; i++)
        if (!cf_heads_contain(&self->heads, &index->heads[i]))
            tell_head(self, &index->heads[i], "in the index of heads, but no head");
}

/* Others may append meanwhile: the heads are compared when nothing came between the entries and
 * their index. */
static void check_entries_and_heads(check *self)
{
    cf_error error;
    uint64_t last = 0;
    bool settled = false;

    for (int tries = 100; !settled && tries > 0; tries--) {
        cf_heads index = {0};

        check_entries(self);
        if (self->store->heads(self->store, self->user, note_head, &index, &error) ||
            self->store->last(self->store, self->user, &last, &error)) {
            tell(self, &error, "heads");
            settled = true;
        } else if (last < self->expected) {
            settled = true;
            if (!self->gaps)
                compare_with_index(self, &index);
        }
        cf_heads_release(&index);
    }
}

static bool read_record(void *context, cf_bytes key, cf_bytes value)
{
    (void)context, (void)key, (void)value;
    return true;
}

void cf_store_verify_user(cf_store *store, const cf_hash *user, cf_damage_visit *damaged,
                          void *context, cf_store_verified *out)
{
    check self = {
        .store = store, .user = user, .damaged = damaged, .context = context, .expected = 1};
    cf_error error;

    check_entries_and_heads(&self);
    if (store->scan(store, user, (cf_bytes){0}, read_record, NULL, &error))
        tell(&self, &error, "records");
    *out = (cf_store_verified){self.indexed, self.expected};
    cf_heads_release(&self.heads);
}

typedef struct {
    cf_hash *users;
    size_t count, capacity;
} user_list;

static bool note_user(void *context, const cf_hash *user)
{
    user_list *list = context;

    *cf_one_more(list->users, list->count, list->capacity) = *user;
    return true;
}

cf_status cf_store_verify_all(cf_store *store, cf_damage_visit *damaged, void *context,
                              cf_error *error)
{
    user_list list = {0};
    cf_store_verified verified;

    cf_status status = store->users(store, note_user, &list, error);
    for (size_t i = 0; status == CF_OK && i < list.count; i++)
        cf_store_verify_user(store, &list.users[i], damaged, context, &verified);
    free(list.users);
    return status;
}
