/* SPDX-License-Identifier: Apache-2.0 */
/* Of how many items so many would vanish: of those that there were when the first of them was
 * missed. Else what is new meanwhile would let them go in the end without the user's word. */
#include "peer/sources/binding.h"

#include <string.h>

#include "codec/pack.h"

static bool is_counting(const cf_binding *binding)
{
    return binding->counted[CF_GUARD_HERE].items || binding->counted[CF_GUARD_THERE].items;
}

/* For the next process: [items here, items there, older here, older there], as it is kept. Where it
 * fails the next one counts anew. */
static void keep(cf_peer *peer, cf_binding *binding)
{
    cf_store *store = cf_home_store(peer->home);
    cf_records records = {0};
    cf_arena arena = {0};
    cf_buffer value = {0};
    cf_error ignored;
    cf_bytes key = cf_key_source(&arena, CF_TABLE_GUARDED, binding->number);

    cf_pack_array(&value, 4);
    cf_pack_uint(&value, binding->counted[CF_GUARD_HERE].items);
    cf_pack_uint(&value, binding->counted[CF_GUARD_THERE].items);
    cf_pack_uint(&value, binding->counted[CF_GUARD_HERE].older);
    cf_pack_uint(&value, binding->counted[CF_GUARD_THERE].older);
    if (is_counting(binding))
        cf_records_put(&records, key, cf_buffer_view(&value));
    else
        cf_records_delete(&records, key);
    if (!store->write(store, cf_peer_user(peer), records.at, records.count, true, &ignored))
        memcpy(binding->counted_kept, binding->counted, sizeof binding->counted);
    cf_records_release(&records);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

static uint64_t count_items(const cf_binding *binding)
{
    return cf_format_is_records(binding->format) ? cf_rows_count(binding->rows)
                                                 : cf_nodes_count(binding->nodes);
}

void cf_binding_count(cf_binding *binding, cf_guard_side side)
{
    binding->counted[side].items = cf_binding_counted(binding, side);
}

void cf_binding_end_count(cf_peer *peer, cf_binding *binding, cf_guard_side side)
{
    binding->counted[side] = (cf_guarded){0};
    if (binding->counted_kept[side].items)
        keep(peer, binding);
}

uint64_t cf_binding_counted(const cf_binding *binding, cf_guard_side side)
{
    uint64_t counted = binding->counted[side].items, items = count_items(binding);

    return counted && counted < items ? counted : items;
}

/* ---- What somebody made and deleted within an hour ---- */

enum { DELETERS_MAX = 64 }; /* what more devices deleted at once counts as older */

/* Who deletes, and until when. */
typedef struct {
    cf_id writer;
    uint64_t at_ms;
} deleter;

typedef struct {
    const cf_state *state; /* NULL: nobody knows, all is older */
    deleter at[DELETERS_MAX];
    size_t count;
} deleters;

/* Its first write that still stands: what it is, a file or a row, nobody replaces. */
static bool find_birth(const cf_state *state, const cf_item *item, cf_write *out)
{
    bool found = false;

    for (size_t i = 0; i < cf_item_write_count(item); i++) {
        cf_write write = cf_state_write(state, item, i);

        if (write.field == CF_FIELD_NUMBER_DELETED ||
            (found && cf_time_compare(write.time, out->time) >= 0))
            continue;
        *out = write;
        found = true;
    }
    return found;
}

static bool is_within(const cf_write *birth, const cf_id *writer, uint64_t at_ms)
{
    return cf_id_equal(&birth->dot.writer, writer) && birth->time.ms + CF_GUARD_YOUNG_MS > at_ms;
}

/* It stays, or goes from here: by any of those who delete something now. */
static bool is_young(const deleters *self, const cf_id *id)
{
    const cf_item *item = self->state ? cf_state_item(self->state, id) : NULL;
    cf_write birth;
    bool young = false;

    if (item && find_birth(self->state, item, &birth))
        for (size_t i = 0; i < self->count && !young; i++)
            young = is_within(&birth, &self->at[i].writer, self->at[i].at_ms);
    return young;
}

static void add_deleter(deleters *self, const cf_id *writer, uint64_t at_ms)
{
    for (size_t i = 0; i < self->count; i++)
        if (cf_id_equal(&self->at[i].writer, writer)) {
            if (self->at[i].at_ms < at_ms)
                self->at[i].at_ms = at_ms;
            return;
        }
    if (self->count < DELETERS_MAX)
        self->at[self->count++] = (deleter){*writer, at_ms};
}

/* Who deleted the item made it within the hour before; all who deleted it are noted. */
static bool was_young(deleters *self, const cf_id *id)
{
    const cf_item *item = self->state ? cf_state_item(self->state, id) : NULL;
    cf_write birth;
    bool young = false;

    if (!item || !find_birth(self->state, item, &birth))
        return false;
    for (size_t i = 0; i < cf_item_write_count(item); i++) {
        cf_write write = cf_state_write(self->state, item, i);

        if (write.field != CF_FIELD_NUMBER_DELETED)
            continue;
        add_deleter(self, &write.dot.writer, write.time.ms);
        young |= is_within(&birth, &write.dot.writer, write.time.ms);
    }
    return young;
}

static uint64_t count_older_rows(const cf_rows *rows, const deleters *self, uint64_t enough)
{
    uint64_t older = 0;

    for (const cf_row *row = NULL; older < enough && (row = cf_rows_next(rows, row));)
        older += !is_young(self, &row->item);
    return older;
}

/* Of the source, up to `enough`. */
static uint64_t count_older(const cf_binding *binding, const deleters *self, bool with_dependants,
                            uint64_t enough)
{
    uint64_t older = count_older_rows(binding->rows, self, enough);

    if (with_dependants && older < enough)
        older += count_older_rows(binding->dependants, self, enough - older);
    for (const cf_node *node = NULL;
         older < enough && (node = cf_nodes_next(binding->nodes, node));)
        older += !node->item_count || !is_young(self, &node->items[0]);
    return older;
}

static void know_deleters(cf_peer *peer, const cf_binding *binding, const cf_vanishing *vanishing,
                          deleters *out)
{
    cf_collection *collection;
    cf_error ignored;
    cf_id self;

    if (cf_peer_collection(peer, &binding->collection, &collection, &ignored) == CF_OK)
        out->state = collection->state;
    if (vanishing->side == CF_GUARD_HERE &&
        cf_author_writer(peer->author, &binding->collection, &self))
        add_deleter(out, &self, vanishing->now_ms);
}

/* What is said for once, or for the source. */
static cf_delete_word word_for(const cf_binding *binding, const cf_vanishing *vanishing)
{
    return vanishing->word.given ? vanishing->word : binding->limit;
}

/* As many steps as something goes, or was made within the hour: not as there are items. */
static cf_guard_count measure(cf_peer *peer, const cf_binding *binding,
                              const cf_vanishing *vanishing)
{
    const uint64_t counted =
        vanishing->with_dependants ? 0 : binding->counted[vanishing->side].older;
    const uint64_t items = cf_binding_counted(binding, vanishing->side) +
                           (vanishing->with_dependants ? cf_rows_count(binding->dependants) : 0);
    cf_guard_count count = {vanishing->count, items, vanishing->count, items};
    deleters self = {0};

    if (word_for(binding, vanishing).given || cf_guard_are_few(count.gone))
        return count;
    know_deleters(peer, binding, vanishing, &self);
    for (size_t i = 0; i < vanishing->count; i++)
        count.gone_older -= vanishing->side == CF_GUARD_HERE
                                ? is_young(&self, &vanishing->gone[i])
                                : was_young(&self, &vanishing->gone[i]);
    count.older = count_older(binding, &self, vanishing->with_dependants, 2 * count.gone_older);
    if (counted && counted < count.older)
        count.older = counted;
    if (count.older > items)
        count.older = items;
    return count;
}

bool cf_binding_would_allow(cf_peer *peer, const cf_binding *binding, const cf_vanishing *vanishing)
{
    const cf_guard_count count = measure(peer, binding, vanishing);

    return cf_guard_allows(word_for(binding, vanishing), &count);
}

bool cf_binding_allows(cf_peer *peer, cf_binding *binding, const cf_vanishing *vanishing)
{
    cf_guarded *counted = &binding->counted[vanishing->side];

    if (!vanishing->count)
        return true;
    cf_binding_count(binding, vanishing->side);
    const cf_guard_count count = measure(peer, binding, vanishing);
    bool allowed = cf_guard_allows(word_for(binding, vanishing), &count);
    if (allowed) {
        cf_binding_end_count(peer, binding, vanishing->side);
        return true;
    }
    if (!word_for(binding, vanishing).given)
        counted->older = count.older;
    if (memcmp(binding->counted_kept, binding->counted, sizeof binding->counted) != 0)
        keep(peer, binding);
    return false;
}

/* ---- What is told ---- */

/* /home/ann/my notes -> '/home/ann/my notes' */
void cf_binding_path_word(const cf_binding *binding, cf_buffer *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_@%+=:,./-";
    const char *path = binding->path;

    if (path[strspn(path, plain)] == '\0') {
        cf_buffer_append_text(out, "%s", path);
        return;
    }
    cf_buffer_append_text(out, "'");
    for (; *path; path++)
        cf_buffer_append_text(out, *path == '\'' ? "'\\''" : "%c", *path);
    cf_buffer_append_text(out, "'");
}

const char *cf_binding_held_text(const cf_binding *binding, cf_guard_side side, uint64_t held,
                                 cf_arena *arena)
{
    const unsigned long long count = held, all = count_items(binding);
    cf_buffer word = {0}, text = {0};

    cf_binding_path_word(binding, &word);
    cf_buffer_append(&word, "", 1);
    const char *path = (const char *)word.data;
    if (side == CF_GUARD_HERE)
        cf_buffer_append_text(&text,
                              "%llu of %llu items are missing here: `counterfoil sync %s --yes` "
                              "deletes them elsewhere too, `counterfoil repair %s --refill` brings "
                              "them back",
                              count, all, path, path);
    else
        cf_buffer_append_text(&text,
                              "%llu of %llu items were deleted elsewhere: `counterfoil sync %s "
                              "--yes` deletes them here too; `counterfoil remove %s`, then "
                              "`counterfoil add %s --existing --mine` bring them back everywhere",
                              count, all, path, path, path);
    const char *kept = cf_arena_text(arena, cf_buffer_view(&text));
    cf_buffer_release(&word);
    cf_buffer_release(&text);
    return kept;
}

/* ---- For the next process ---- */

/* Before the older ones were counted there were two parts. */
static bool load(void *context, cf_bytes key, cf_bytes value)
{
    cf_binding *binding = context;
    cf_reader reader = cf_reader_of(value);
    uint64_t parts[4] = {0};
    size_t count = 0;
    cf_error ignored;

    (void)key;
    cf_status status = cf_read_array(&reader, &count, &ignored);
    bool sound = !status && (count == 2 || count == 4);
    for (size_t i = 0; sound && i < count; i++)
        sound = cf_read_uint(&reader, &parts[i], &ignored) == CF_OK;
    if (sound) {
        binding->counted[CF_GUARD_HERE] = (cf_guarded){parts[0], parts[2]};
        binding->counted[CF_GUARD_THERE] = (cf_guarded){parts[1], parts[3]};
    }
    memcpy(binding->counted_kept, binding->counted, sizeof binding->counted);
    return true;
}

/* [1 of per cent or 0, how many] */
void cf_binding_put_limit(const cf_binding *binding, cf_records *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};
    cf_bytes key = cf_key_source(&arena, CF_TABLE_LIMIT, binding->number);

    cf_pack_array(&value, 2);
    cf_pack_uint(&value, binding->limit.percent);
    cf_pack_uint(&value, binding->limit.limit);
    if (binding->limit.given)
        cf_records_put(records, key, cf_buffer_view(&value));
    else
        cf_records_delete(records, key);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

static bool load_limit(void *context, cf_bytes key, cf_bytes value)
{
    cf_binding *binding = context;
    cf_reader reader = cf_reader_of(value);
    uint64_t percent, limit;
    cf_error ignored;

    (void)key;
    if (cf_read_array_of(&reader, 2, &ignored) == CF_OK &&
        cf_read_uint(&reader, &percent, &ignored) == CF_OK &&
        cf_read_uint(&reader, &limit, &ignored) == CF_OK)
        binding->limit = (cf_delete_word){true, percent == 1, limit};
    else /* it is not known: nothing goes without a word */
        binding->limit = (cf_delete_word){true, false, 0};
    return true;
}

cf_status cf_binding_load_count(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    cf_status status = cf_binding_scan(peer, binding, CF_TABLE_GUARDED, load, binding, error);

    return status ? status
                  : cf_binding_scan(peer, binding, CF_TABLE_LIMIT, load_limit, binding, error);
}
