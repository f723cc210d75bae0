/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/asking.h"

#include "tests/worlds/causes.h"
#include "tests/worlds/disk_users.h"
#include "tests/worlds/lost.h"
#include "tests/worlds/records.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

enum { WISHES_MAX = 4 };

/* ---- What is asked for ---- */

static cf_binding *folder_of(const device *self)
{
    return cf_engine_binding_at(self->engine, 0);
}

static cf_status change_to(device *self, cf_binding *binding, const char *const *patterns,
                           size_t count, cf_error *error)
{
    cf_binding_options options = {.collection = binding->collection,
                                  .format = binding->format,
                                  .path = binding->path,
                                  .include = patterns,
                                  .include_count = count};
    cf_binding *trial;

    must(cf_binding_new(&options, &trial, error), error, "include");
    cf_status status = cf_binding_change(device_peer(self), binding, trial, error);
    cf_binding_destroy(&trial, self->env.files);
    return status;
}

static cf_binding *binding_numbered(const device *self, uint32_t number)
{
    size_t i = 0;

    while (cf_engine_binding_at(self->engine, i)->number != number)
        i++;
    return cf_engine_binding_at(self->engine, i);
}

/* A store that failed while something was noted that can be done without keeps failing: the process
 * goes on until it has to write, and this may be that. The next one is asked again. */
cf_binding *device_asks_for(device *self, cf_binding *binding, const char *const *patterns,
                            size_t count)
{
    uint32_t number = binding->number;
    cf_error error;

    if (change_to(self, binding, patterns, count, &error)) {
        world_tell(self->in, "device %d: asking fails: %s", self->number, error.text);
        device_restart(self, END_KILLED);
        binding = binding_numbered(self, number);
        must(change_to(self, binding, patterns, count, &error), &error, "include");
    }
    cf_engine_touch_binding(self->engine, binding);
    causes_excuse(self); /* what lay there unasked for is told by now, perhaps */
    return binding;
}

bool asking_is_limited(const device *self)
{
    bool found = false;

    for (size_t i = 0; i < cf_engine_binding_count(self->engine); i++)
        found |= cf_engine_binding_at(self->engine, i)->include_count > 0;
    return found;
}

bool asking_is_any_limited(const world *self)
{
    for (int i = 0; i < self->count; i++)
        if (!self->devices[i].is_out && asking_is_limited(&self->devices[i]))
            return true;
    return false;
}

bool asking_takes(const device *self, const char *path, bool is_folder)
{
    return cf_include_match_path(folder_of(self)->matcher, cf_bytes_of_text(path), is_folder) ==
           CF_INCLUDE_IN;
}

/* Each pattern of records is FIELD=VALUE, and the field is their key. */
static bool takes_key(const device *self, record_kind kind, const char *key)
{
    const cf_binding *binding = records_binding(self, kind);
    bool found = !binding || !binding->include_count;

    for (size_t i = 0; !found && i < binding->include_count; i++)
        found = fnmatch(strchr(binding->include[i], '=') + 1, key, 0) == 0;
    return found;
}

bool asking_takes_place(const device *self, const char *place)
{
    record_kind kind;
    char key[96];

    return !records_place_read(place, &kind, key) || takes_key(self, kind, key);
}

bool asking_takes_seen(const device *self, const seen *it)
{
    return it->record.text[0] ? asking_takes_place(self, it->path)
                              : asking_takes(self, it->path, false);
}

typedef struct {
    const device *one, *other;
} askers;

static bool is_of_both(void *context, const disk_thing *thing)
{
    const askers *self = context;
    bool is_folder = thing->stat.kind == CF_FILE_FOLDER;

    return asking_takes(self->one, thing->path, is_folder) &&
           asking_takes(self->other, thing->path, is_folder);
}

static bool is_record_of_both(void *context, record_kind kind, const char *key)
{
    const askers *self = context;

    return takes_key(self->one, kind, key) && takes_key(self->other, kind, key) &&
           !lost_keeps_away(self->one, kind, key) && !lost_keeps_away(self->other, kind, key);
}

void asking_tree(const device *self, const device *other, cf_buffer *out)
{
    askers both = {self, other};

    disk_dump(self->drive, self->folder,
              &(disk_dump_options){.skip = ".counterfoil",
                                   .no_modes = self->in->modes_vary,
                                   .takes = is_of_both,
                                   .context = &both},
              out);
    records_list_some(self, is_record_of_both, &both, out);
}

/* ---- What it knows ---- */

static void forget(device *self, size_t i)
{
    free(self->known[i].path);
    self->known[i] = self->known[--self->known_count];
}

void asking_forget(device *self)
{
    while (self->known_count)
        forget(self, self->known_count - 1);
}

static bool has_known(const device *self, const char *path, const mark *token)
{
    for (size_t i = 0; i < self->known_count; i++)
        if (strcmp(self->known[i].token.text, token->text) == 0 &&
            (!path || strcmp(self->known[i].path, path) == 0))
            return true;
    return false;
}

/* A record that it has: what is done to that is told before it goes. */
static bool has_known_record(const device *self, const seen *it)
{
    const char *field = strrchr(it->path, '/');
    bool found = false;

    for (size_t i = 0; it->record.text[0] && field && i < self->known_count; i++)
        found |= self->known[i].is_value &&
                 strncmp(self->known[i].path, it->path, (size_t)(field + 1 - it->path)) == 0;
    return found;
}

static void note_known(device *self, const sight *there)
{
    for (size_t i = 0; i < there->count; i++) {
        const seen *it = &there->all[i];

        if (!asking_takes_seen(self, it) || has_known(self, it->path, &it->token))
            continue;
        *cf_one_more(self->known, self->known_count, self->known_capacity) =
            (acquaintance){strdup(it->path), it->token, it->record.text[0] != '\0'};
    }
}

void asking_note_round(device *self)
{
    sight there;

    if (!self->in->asks || self->is_out || self->number == 0)
        return;
    sight_take(self, &there);
    if (self->claims) {
        asking_forget(self);
        self->knows_all = false;
    }
    note_known(self, &there);
    sight_release(&there);
}

static const cf_binding *source_of(const device *self, const seen *it)
{
    record_kind kind;
    char key[96];

    return it->record.text[0] && records_place_read(it->path, &kind, key)
               ? records_binding(self, kind)
               : folder_of(self);
}

/* In doubt, and in the middle of a sync, what it asks for counts as known, for it may be just now.
 */
bool asking_may_know(const device *self, const seen *it)
{
    bool in_doubt = self->is_unsure || self->round;

    if (!self->in->asks || self->number == 0 || self->knows_all ||
        (!in_doubt && !source_of(self, it)->include_count))
        return true;
    return has_known(self, NULL, &it->token) || has_known_record(self, it) ||
           (in_doubt && asking_takes_seen(self, it));
}

/* ---- Asking for other things ---- */

enum { PATTERNS = 13, CHOICES = 6 };
static const char *const patterns[PATTERNS] = {
    "/a", "/d/", "d/e/", "*.txt", "/f/", "h", "a*", "/d/*/c", "e/", "/d/a", "g*", "/f*", "[a-c]*",
};
static const char *const rows[CHOICES] = {"id=k[0-4]", "id=k[5-9]", "id=k[0-2]",
                                          "id=k3",     "id=k[2-7]", "id=k[135]"};
static const char *const cards[CHOICES] = {"uid=k[0-4]", "uid=k[5-9]", "uid=k[0-2]",
                                           "uid=k3",     "uid=k[2-7]", "uid=k[135]"};

static void tell(const device *self, const cf_binding *binding)
{
    cf_buffer text = {0};

    for (size_t i = 0; i < binding->include_count; i++)
        cf_buffer_append_text(&text, " %s", binding->include[i]);
    cf_buffer_append(&text, "", 1);
    world_tell(self->in, "device %d: asks of %s for%s", self->number, binding->path,
               binding->include_count ? (const char *)text.data : " everything");
    cf_buffer_release(&text);
}

/* What is asked for no more is forgotten at once, and from now on nobody hears of it; of records,
 * what was done to them until they go is told. */
static void forget_unasked(device *self)
{
    for (size_t i = self->known_count; i-- > 0;)
        if (!self->known[i].is_value && !asking_takes(self, self->known[i].path, false))
            forget(self, i);
}

/* What lies here unasked for, whatever became of it elsewhere, meets the others where it is asked
 * for now; and what its user let go may not be told any more. */
static void doubt_ends(device *self)
{
    ledger *book = &self->in->ledger;
    sight there;

    sight_take(self, &there);
    for (size_t i = 0; i < there.count; i++)
        if (!asking_takes_seen(self, &there.all[i]))
            ledger_touch(book, &there.all[i].token);
    for (size_t i = 0; i < book->count; i++)
        if (book->all[i].killer == self->number && !book->all[i].is_gone_safely)
            ledger_touch(book, &book->all[i].token);
    sight_release(&there);
}

/* What its user moved to where it isn't asked for from now on, before anybody was told of the move:
 * of where it was others hear of what is there now, and it lies here alone (world 33002842). */
static void excuse_moved(device *self)
{
    sight here;

    sight_take(self, &here);
    for (size_t i = 0; i < here.count; i++) {
        const seen *it = &here.all[i];

        if (!it->record.text[0] && !asking_takes_seen(self, it) &&
            !has_known(self, it->path, &it->token))
            ledger_excuse(&self->in->ledger, &it->token);
    }
    sight_release(&here);
}

static void turn_to(device *self, cf_binding *binding, const char *const *wishes, size_t count)
{
    doubt_ends(self);
    binding = device_asks_for(self, binding, wishes, count);
    excuse_moved(self);
    forget_unasked(self);
    self->is_unsure = true;
    self->claims = false;
    intents_doubt_all(&self->in->intents);
    tell(self, binding);
}

/* More, less, something else, or everything. */
static void change(device *self, cf_binding *binding, const char *one_more, uint64_t how)
{
    const char *wishes[WISHES_MAX];
    size_t count = 0;
    cf_arena kept = {0};

    for (size_t i = 0; how > 1 && i < binding->include_count && i < WISHES_MAX - 1; i++)
        wishes[count++] = cf_arena_text(&kept, cf_bytes_of_text(binding->include[i]));
    if (how == 3 && count > 1)
        wishes[0] = wishes[--count];
    else if (how)
        wishes[count++] = one_more;
    turn_to(self, binding, wishes, count);
    cf_arena_release(&kept);
}

void asking_changes(device *self, uint64_t seed)
{
    chance from = {seed};
    uint64_t how = chance_below(&from, 4), which = chance_below(&from, PATTERNS);

    if (self->number == 0)
        self = &self->in->devices[1];
    if (self->is_out)
        return;
    if (records_are_in(self->in, RECORDS_TABLE) && chance_one_in(&from, 3))
        change(self, records_binding(self, RECORDS_TABLE), rows[which % CHOICES], how);
    else if (records_are_in(self->in, RECORDS_CARDS) && chance_one_in(&from, 2))
        change(self, records_binding(self, RECORDS_CARDS), cards[which % CHOICES], how);
    else
        change(self, folder_of(self), patterns[which], how);
}

void asking_ends(world *self)
{
    for (int i = 0; i < self->count; i++) {
        device *one = &self->devices[i];

        for (size_t k = 0; !one->is_out && k < cf_engine_binding_count(one->engine); k++)
            if (cf_engine_binding_at(one->engine, k)->include_count)
                turn_to(one, cf_engine_binding_at(one->engine, k), NULL, 0);
    }
}
