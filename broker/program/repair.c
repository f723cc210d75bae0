/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/repair.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/blobs/blobs.h"
#include "broker/gateway/publish.h"
#include "broker/log/log.h"
#include "broker/log/log_tables.h"
#include "broker/members/registry.h"
#include "broker/platform/owner.h"
#include "broker/program/datadir.h"
#include "broker/program/kept_stores.h"
#include "broker/program/removal.h"
#include "broker/program/repair_look.h"
#include "broker/store/store_room.h"
#include "broker/store/store_salvage.h"
#include "codec/limits.h"

enum { COMMIT_ENTRIES = 256, KEPT_MAX = 99, NEAR = 1024 };
#define FAR (UINT64_MAX / 4) /* positions, beyond which there are none */

static const cf_hash nobody; /* has the invitations, and the marks of removals under way */

typedef struct {
    const cf_env *env;
    cf_datadir *datadir;
    char store[PATH_MAX], mending[PATH_MAX], copy[PATH_MAX], blob_path[PATH_MAX];
    cf_store *from, *to;
    cf_blobs *blobs;
    size_t seen, kept; /* users */
    cf_hash *bare;     /* those of whose devices nothing is left */
    size_t bare_count, bare_capacity;
    bool has_invitations; /* or other records of nobody's */
    /* Of the user in hand. */
    cf_log *log;
    uint64_t taken, left;        /* entries; in a pass */
    size_t waiting;              /* appended, for a commit */
    uint64_t position;           /* of the last one that was read */
    char moved[CF_ADDRESS_TEXT]; /* where its devices are now; "": here */
    cf_status status;
    cf_error *error;
} repair;

/* ---- Entries ---- */

/* As if one of the user's devices brought it. */
static bool take_entry(repair *self, cf_bytes wire)
{
    const cf_offer offer = {
        .bringer = CF_BRINGER_ANOTHER, .stored = cf_blob_is_stored, .context = self->blobs};
    cf_arena arena = {0};
    cf_verdict verdict;
    cf_entry entry;
    cf_error ignored;

    if (cf_entry_read(wire, &arena, &entry, &ignored)) {
        self->left++;
    } else {
        self->status = cf_log_check(self->log, &entry, &offer, &verdict, self->error);
        if (!self->status && verdict.answer == CF_OFFER_NEW) {
            cf_log_append(self->log, &entry, &offer, NULL, 0, NULL, NULL);
            self->taken++;
            self->waiting++;
        } else if (!self->status && verdict.answer != CF_OFFER_HAVE) {
            self->left++;
        }
    }
    if (!self->status && self->waiting >= COMMIT_ENTRIES) {
        self->status = self->to->commit(self->to, self->error);
        self->waiting = 0;
    }
    cf_arena_release(&arena);
    return !self->status;
}

static bool visit_member(void *context, cf_bytes key, cf_bytes value)
{
    (void)key;
    return take_entry(context, value);
}

static bool visit_entry(void *context, uint64_t position, cf_bytes wire)
{
    repair *self = context;

    self->position = position;
    return take_entry(self, wire);
}

static bool stop_at_entry(void *context, uint64_t position, cf_bytes wire)
{
    (void)context, (void)position, (void)wire;
    return false;
}

static bool can_read(const repair *self, const cf_hash *user, uint64_t position)
{
    cf_error unread;

    return !self->from->read(self->from, user, position, stop_at_entry, NULL, &unread);
}

/* The first position behind `bad` at which something can be read, or nothing stands; 0: there is
 * none. One after another, as what is whole may be a single block between two that are damaged; far
 * on by steps that grow, and back by halves. */
static uint64_t find_readable(const repair *self, const cf_hash *user, uint64_t bad)
{
    const uint64_t first = bad;
    uint64_t step = 1, at = bad + 1;

    while (!can_read(self, user, at)) {
        if (at - first >= NEAR)
            step *= 2;
        if (step >= FAR)
            return 0;
        bad = at;
        at += step;
    }
    while (at - bad > 1) {
        const uint64_t middle = bad + (at - bad) / 2;

        if (can_read(self, user, middle))
            at = middle;
        else
            bad = middle;
    }
    return at;
}

/* Goes on behind what can't be read. */
static cf_status take_entries(repair *self, const cf_hash *user)
{
    uint64_t from = 1;
    cf_error unread;

    while (from) {
        self->position = from - 1;
        if (!self->from->read(self->from, user, from, visit_entry, self, &unread) || self->status)
            break;
        from = self->position < FAR ? find_readable(self, user, self->position + 1) : 0;
    }
    return self->status;
}

/* Members first, of which there are two copies. What came before others stands before them, so one
 * pass does; where the two copies differ it may take another. */
static cf_status take_log(repair *self, const cf_hash *user)
{
    static const uint8_t members = CF_LOG_REGISTRY;
    cf_error unread;

    do {
        self->taken = self->left = 0;
        self->from->scan(self->from, user, cf_bytes_of(&members, 1), visit_member, self, &unread);
        if (!self->status)
            self->status = take_entries(self, user);
        if (!self->status)
            self->status = self->to->commit(self->to, self->error);
    } while (!self->status && self->taken && self->left);
    return self->status;
}

/* ---- Records ---- */

static bool visit_record(void *context, cf_bytes key, cf_bytes value)
{
    static const uint8_t made_anew[] = {CF_LOG_REGISTRY, CF_LOG_VERIFIED, CF_LOG_WANTED,
                                        CF_LOG_UNSETTLED};
    repair *self = context;
    const cf_hash *user = self->log ? cf_log_user(self->log) : &nobody;
    cf_kv record = {key, value};

    self->has_invitations |= !self->log;
    if (!self->log)
        cf_removal_take_over(&record);
    if (!self->log || !memchr(made_anew, key.data[0], sizeof made_anew))
        self->status = self->to->write(self->to, user, &record, 1, false, self->error);
    return !self->status;
}

/* Each table of its own: one that is damaged takes no other with it. */
static cf_status take_records(repair *self, const cf_hash *user)
{
    cf_error unread;

    for (unsigned table = 0; !self->status && table <= UINT8_MAX; table++) {
        const uint8_t prefix = (uint8_t)table;

        self->from->scan(self->from, user, cf_bytes_of(&prefix, 1), visit_record, self, &unread);
    }
    return self->status;
}

/* ---- Users ---- */

static void say(const repair *self, const cf_hash *user, cf_report_level level, const char *what)
{
    char name[2 * CF_HASH_SIZE + 1];

    cf_hex(cf_bytes_of(user->bytes, CF_HASH_SIZE), name);
    cf_report(self->env, level, "user %s: %s", name, what);
}

static cf_status open_log(repair *self, const cf_hash *user)
{
    return cf_log_open(self->to, user, cf_datadir_keys(self->datadir), &self->log, self->error);
}

static void find_move(repair *self)
{
    const uint8_t *key = cf_keys_public(cf_datadir_keys(self->datadir))->curve;
    cf_home_broker home;
    cf_address address;

    self->moved[0] = '\0';
    if (cf_registry_has_moved(cf_log_registry(self->log), key, &home, &address))
        cf_address_endpoint(&address, self->moved);
}

/* `is_kept`: anything of its devices is left. */
static cf_status take_parts(repair *self, const cf_hash *user, bool has_records, bool *is_kept)
{
    cf_status status = open_log(self, user);

    if (status)
        return status;
    status = take_log(self, user);
    *is_kept = cf_registry_device_count(cf_log_registry(self->log)) > 0;
    if (!status && *is_kept && has_records)
        status = take_records(self, user);
    find_move(self);
    cf_log_destroy(&self->log);
    return status;
}

/* In the numbers that `users` shows. What the last one was may be unreadable in the damaged store.
 */
static cf_status say_kept(const repair *self, const cf_hash *user)
{
    uint64_t kept = 0, were = 0;
    char of[32] = "", text[160 + CF_ADDRESS_TEXT];
    cf_error unread;

    cf_status status = self->to->last(self->to, user, &kept, self->error);
    if (status)
        return status;
    if (!self->from->last(self->from, user, &were, &unread) && were > kept)
        snprintf(of, sizeof of, " of %" PRIu64, were);
    snprintf(text, sizeof text, "%" PRIu64 "%s entries are whole; %s%s%s", kept, of,
             self->moved[0] ? "it has moved to " : "its devices bring ",
             self->moved[0] ? self->moved
             : *of          ? "the rest"
                            : "what may be missing",
             self->moved[0] ? ", and nothing is brought here" : "");
    say(self, user, CF_REPORT_NOTICE, text);
    return CF_OK;
}

/* A log that can't be opened for its records does without them. */
static cf_status take_user(repair *self, const cf_hash *user)
{
    bool is_kept = false;

    cf_status status = take_parts(self, user, true, &is_kept);
    if (!status && is_kept && open_log(self, user)) {
        status = self->to->forget(self->to, user, self->error);
        if (!status)
            status = take_parts(self, user, false, &is_kept);
    }
    cf_log_destroy(&self->log);
    if (!status && !is_kept) {
        status = self->to->forget(self->to, user, self->error);
        *cf_one_more(self->bare, self->bare_count, self->bare_capacity) = *user;
    } else if (!status) {
        self->kept++;
        status = say_kept(self, user);
    }
    return status;
}

static bool visit_user(void *context, const cf_hash *user)
{
    repair *self = context;

    if (cf_hash_equal(user, &nobody))
        return true;
    self->seen++;
    self->status = take_user(self, user);
    return !self->status;
}

/* The last user may have been removed. */
static cf_status take_all(repair *self)
{
    uint64_t epoch;
    cf_status status = self->to->acquire(self->to, &nobody, &epoch, self->error);

    if (!status)
        status = take_records(self, &nobody);
    if (!status)
        status = self->from->users(self->from, visit_user, self, self->error);
    if (!status)
        status = self->status;
    if (!status && !self->kept && (self->seen || !self->has_invitations))
        status = cf_fail(self->error, CF_BROKEN,
                         "nothing of the store can be read: restore a backup; or move store and "
                         "blobs away, and `init` begins with its key anew");
    for (size_t i = 0; !status && i < self->bare_count; i++)
        say(self, &self->bare[i], CF_REPORT_ERROR,
            "nothing is left of its devices: `invite` it, and `counterfoil broker INVITATION` on "
            "one of them brings all back");
    return status ? status : self->to->commit(self->to, self->error);
}

static cf_status make_mended(repair *self)
{
    uint8_t random[16];
    const cf_store_options options = {
        .path = self->mending, .has_inventory = true, .random = random};
    cf_error ignored;

    self->env->random(self->env->context, random, sizeof random);
    cf_status status = cf_store_salvage_open(self->store, self->copy, &self->from, self->error);
    if (!status)
        status = cf_blob_files_open(self->blob_path, &self->blobs, self->error);
    if (!status)
        status = cf_store_rocksdb_open(&options, &self->to, self->error);
    if (!status)
        status = take_all(self);
    cf_store_destroy(&self->to);
    cf_store_destroy(&self->from);
    cf_blobs_destroy(&self->blobs);
    free(self->bare);
    self->bare = NULL;
    if (status)
        cf_store_salvage_remove(self->mending, &ignored);
    return status;
}

/* ---- The damaged one ---- */

/* One under way is `mending`: `mended` is whole, or, once the names were exchanged, the damaged
 * one, of which there is no other. */
static const char store_name[] = "store", mended_name[] = CF_DATADIR_MENDED,
                  mending_name[] = "store.mending";

/* Where a file system can't exchange names, a crash in between leaves no store: who opens the
 * directory next puts the mended one there. */
static cf_status exchange(cf_files *files, const cf_folder *folder, cf_bytes kept, cf_error *error)
{
    const cf_bytes store = cf_bytes_of_text(store_name), mended = cf_bytes_of_text(mended_name),
                   mending = cf_bytes_of_text(mending_name);

    cf_status status = cf_files_rename(files, folder, mending, folder, mended, error);
    if (status)
        return status;
    status = files->exchange(files, folder, store, folder, mended, error);
    if (!status)
        return cf_files_rename(files, folder, mended, folder, kept, error);
    if (status == CF_UNSAFE)
        status = cf_files_rename(files, folder, store, folder, kept, error);
    return status ? status : cf_files_rename(files, folder, mended, folder, store, error);
}

static cf_status find_name(cf_files *files, const cf_folder *folder, char kept[32], cf_error *error)
{
    cf_stat there;
    cf_status status = CF_OK;

    snprintf(kept, 32, CF_KEPT_STORE);
    for (int i = 2; !status && i <= KEPT_MAX + 1; i++) {
        status = files->stat(files, folder, cf_bytes_of_text(kept), &there, error);
        if (!status)
            snprintf(kept, 32, CF_KEPT_STORE ".%d", i);
    }
    if (!status)
        return cf_fail(error, CF_FULL, "there are %d damaged stores: remove old ones", KEPT_MAX);
    return status == CF_MISSING ? CF_OK : status;
}

/* Before it is in place: one that is killed behind that leaves nothing to be done. */
static cf_status note_mended(const repair *self)
{
    cf_datadir_check check;

    if (cf_datadir_checked(self->datadir, &check, self->error))
        check = (cf_datadir_check){0};
    check.mended_ms = self->env->now_ms(self->env->context);
    return cf_datadir_keep_check(self->datadir, &check, self->error);
}

static cf_status put_in_place(repair *self)
{
    cf_files *files = self->env->files;
    cf_folder *folder = NULL;
    char kept[32];

    cf_status status =
        files->open_root(files, cf_datadir_path(self->datadir), &folder, self->error);
    if (!status)
        status = find_name(files, folder, kept, self->error);
    if (!status)
        status = exchange(files, folder, cf_bytes_of_text(kept), self->error);
    if (!status)
        cf_report(self->env, CF_REPORT_NOTICE,
                  "the store was mended; what only the broker had is gone where it was damaged: "
                  "look at names and quotas with `users`, and invite anew who has not come yet. "
                  "And " CF_REPAIR_OLDER_TEXT ". The damaged store "
                  "is kept as %s/%s: remove it when the devices have synced",
                  cf_datadir_path(self->datadir), kept);
    files->close_folder(files, &folder);
    return status;
}

/* What a repair that was interrupted left between its names: never removed. */
static cf_status keep_mended(repair *self)
{
    const cf_bytes mended = cf_bytes_of_text(mended_name);
    cf_files *files = self->env->files;
    cf_folder *folder = NULL;
    cf_stat there;
    char kept[32];

    cf_status status =
        files->open_root(files, cf_datadir_path(self->datadir), &folder, self->error);
    if (!status)
        status = files->stat(files, folder, mended, &there, self->error);
    if (!status)
        status = find_name(files, folder, kept, self->error);
    if (!status)
        status =
            cf_files_rename(files, folder, mended, folder, cf_bytes_of_text(kept), self->error);
    if (!status)
        cf_report(self->env, CF_REPORT_NOTICE,
                  "a repair was interrupted: what it left in %s/%s is kept as %s",
                  cf_datadir_path(self->datadir), mended_name, kept);
    files->close_folder(files, &folder);
    return status == CF_MISSING ? CF_OK : status;
}

/* ---- All of it ---- */

/* Nothing in them is needed: what is damaged is kept elsewhere. */
static cf_status remove_leftovers(const repair *self)
{
    char trial[PATH_MAX + sizeof ".trial"];

    snprintf(trial, sizeof trial, "%s.trial", self->copy);
    cf_status status = cf_store_salvage_remove(self->copy, self->error);
    if (!status)
        status = cf_store_salvage_remove(trial, self->error);
    return status ? status : cf_store_salvage_remove(self->mending, self->error);
}

/* Whether the mended one can be opened. */
static cf_status look_at_room(repair *self)
{
    cf_error ignored;

    if (cf_store_room_to_open(self->mending))
        return CF_OK;
    cf_store_salvage_remove(self->mending, &ignored);
    return cf_fail(self->error, CF_FULL, "no room left to open what was mended");
}

static cf_status mend(repair *self)
{
    bool is_damaged = false;
    cf_error ignored;

    const int folder = cf_datadir_descriptor(self->datadir);
    const uint64_t given = cf_ballast_drop(folder); /* whose broker doesn't run */
    cf_status status = keep_mended(self);
    if (!status)
        status = remove_leftovers(self);
    if (!status)
        status =
            cf_repair_is_needed(self->env, self->datadir, self->store, &is_damaged, self->error);
    if (status || !is_damaged)
        return status;
    const uint64_t needed = cf_store_room_to_repair(self->store), room = cf_store_room(self->store);
    status = make_mended(self);
    cf_store_salvage_remove(self->copy, &ignored);
    if (!status)
        status = look_at_room(self);
    if (status == CF_IO && cf_error_is_lack(self->error))
        cf_error_while(self->error, "nothing was changed");
    else if (status == CF_IO)
        cf_error_while(self->error, "nothing was changed: see \"The disk fails\" in RECOVERY of "
                                    "counterfoild(8)");
    if (status == CF_FULL)
        cf_ballast_take_back(folder, given);
    if (status == CF_FULL)
        cf_error_while(self->error,
                       "nothing was changed; it needs up to %" PRIu64 " MiB on this disk, and had "
                       "%" PRIu64 ": make room, or repair a copy of the directory on a larger one",
                       needed / CF_MIB + 1, room / CF_MIB);
    if (!status)
        status = note_mended(self);
    return status ? status : put_in_place(self);
}

cf_status cf_repair(const cf_env *env, const char *data, cf_error *error)
{
    repair *self = cf_allocate(1, sizeof *self);

    self->env = env;
    self->error = error;
    snprintf(self->store, sizeof self->store, "%s/%s", data, store_name);
    snprintf(self->mending, sizeof self->mending, "%s/%s", data, mending_name);
    snprintf(self->copy, sizeof self->copy, "%s/store.copy", data);
    snprintf(self->blob_path, sizeof self->blob_path, "%s/blobs", data);
    cf_status status = cf_datadir_open(env, data, CF_DATADIR_EXISTING, &self->datadir, error);
    if (!status)
        cf_datadir_tell(self->datadir, "verify --repair");
    if (!status)
        status = cf_datadir_need_writes(self->datadir, error);
    if (!status)
        status = mend(self);
    if (status == CF_LOCKED)
        cf_error_while(error, "stop the broker first");
    if (status)
        cf_owner_explain(data, error);
    cf_datadir_destroy(&self->datadir);
    free(self);
    return status;
}
