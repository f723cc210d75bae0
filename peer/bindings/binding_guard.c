/* SPDX-License-Identifier: Apache-2.0 */
/* Of how many items so many would vanish: of those that there were when the first of them was
 * missed. Else what is new meanwhile would let them go in the end without the user's word. What was
 * made since and vanishes, too, is one more of both:
 *   10 of 12 vanish, 20 come meanwhile:              10 of 12
 *   10 of 12 vanish, 20 come, 15 of these vanish:    25 of 27 */
#include "peer/bindings/binding.h"

#include <string.h>

#include "codec/pack.h"
#include "peer/bindings/deletion_ages.h"

static bool is_counting(const cf_binding *binding)
{
    return binding->counted[CF_GUARD_HERE].items || binding->counted[CF_GUARD_THERE].items ||
           binding->gone_lately[CF_GUARD_HERE].count.items ||
           binding->gone_lately[CF_GUARD_THERE].count.items;
}

enum { PARTS = 10, PARTS_DATED = 9, PARTS_UNDATED = 8, KEPT_FROM = 10 };
enum { ALL = 1, HELD = 2 };

/* For the next process: [items, older, went, older of these, flags, went lately, older of these,
 * until when that counts, since when it is counted, as ms and a counter] of here, then of there.
 * Where it fails the next one counts anew. */
static void keep(cf_peer *peer, cf_binding *binding, bool synced)
{
    cf_store *store = cf_home_store(peer->home);
    cf_kv_list records = {0};
    cf_arena arena = {0};
    cf_buffer value = {0};
    cf_error ignored;
    cf_bytes key = cf_key_source(&arena, CF_TABLE_GUARDED, binding->number);

    cf_pack_array(&value, 2 * PARTS);
    for (size_t side = 0; side < 2; side++) {
        const cf_guarded *counted = &binding->counted[side];
        const cf_recent_earlier *lately = &binding->gone_lately[side];

        cf_pack_uint(&value, counted->items);
        cf_pack_uint(&value, counted->older);
        cf_pack_uint(&value, counted->went.items);
        cf_pack_uint(&value, counted->went.older);
        cf_pack_uint(&value, (counted->all ? ALL : 0) | (counted->is_held ? HELD : 0));
        cf_pack_uint(&value, lately->count.items);
        cf_pack_uint(&value, lately->count.older);
        cf_pack_uint(&value, lately->until_ms);
        cf_pack_uint(&value, counted->since.ms);
        cf_pack_uint(&value, counted->since.counter);
    }
    if (is_counting(binding))
        cf_kv_list_put(&records, key, cf_buffer_view(&value));
    else
        cf_kv_list_delete(&records, key);
    if (!store->write(store, cf_peer_user(peer), records.at, records.count, synced, &ignored))
        memcpy(binding->counted_kept, binding->counted, sizeof binding->counted);
    cf_kv_list_release(&records);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

static uint64_t count_items(const cf_binding *binding)
{
    return cf_format_is_records(binding->format) ? cf_rows_count(binding->rows)
                                                 : cf_nodes_count(binding->nodes);
}

void cf_binding_count(cf_peer *peer, cf_binding *binding, cf_guard_side side, uint64_t now_ms)
{
    if (!binding->counted[side].items)
        binding->counted[side].since = cf_author_time(peer->author, now_ms);
    binding->counted[side].items = cf_binding_counted(binding, side);
}

void cf_binding_end_count(cf_peer *peer, cf_binding *binding, cf_guard_side side)
{
    binding->counted[side] = (cf_guarded){0};
    if (binding->counted_kept[side].items)
        keep(peer, binding, true);
}

uint64_t cf_binding_counted(const cf_binding *binding, cf_guard_side side)
{
    uint64_t counted = binding->counted[side].items, items = count_items(binding);

    return counted && counted < items ? counted : items;
}

/* What is said for once, or for the source. */
static cf_delete_word word_for(const cf_binding *binding, const cf_vanishing *vanishing)
{
    return vanishing->word.given ? vanishing->word : binding->limit;
}

/* ---- One judgement ---- */

typedef struct {
    cf_arena arena;
    cf_id *missing; /* what vanishes, then the others */
    size_t missing_count;
    cf_age *ages;         /* of each */
    cf_recent_count went; /* just before, and counts with them */
    cf_guard_count count;
} judgement;

static void gather(const cf_vanishing *vanishing, judgement *out)
{
    out->missing_count = vanishing->count + vanishing->other_count;
    out->missing = cf_arena_allocate(&out->arena, out->missing_count, sizeof *out->missing);
    for (size_t i = 0; i < out->missing_count; i++)
        out->missing[i] =
            i < vanishing->count ? vanishing->gone[i] : vanishing->others[i - vanishing->count];
}

/* What is said for once is said of what vanishes; what was held is so for all that had gone. */
static cf_recent_count count_recent(cf_peer *peer, const cf_binding *binding,
                                    const cf_vanishing *vanishing, const judgement *judged)
{
    const cf_recent_count held = binding->counted[vanishing->side].went;

    const uint64_t now_ms = peer->env->now_ms(peer->env->context);

    if (vanishing->word.given)
        return (cf_recent_count){0};
    cf_recent_count went = cf_recent_counted(&binding->recent[vanishing->side], judged->missing,
                                             judged->missing_count, now_ms);
    const cf_recent_count before =
        cf_recent_earlier_counted(&binding->gone_before[vanishing->side], now_ms);
    went.items += before.items;
    went.older += before.older;
    return held.items > went.items ? held : went;
}

static uint64_t count_born_since(const judgement *judged, cf_time since)
{
    uint64_t count = 0;

    for (size_t i = 0; i < judged->missing_count; i++)
        count += cf_time_compare(judged->ages[i].born, since) >= 0;
    return count;
}

/* As many as there were, and what was made since and is missing. */
static uint64_t count_all(const cf_binding *binding, cf_guard_side side, const judgement *judged)
{
    const uint64_t here = count_items(binding);
    const uint64_t all =
        cf_binding_counted(binding, side) + count_born_since(judged, binding->counted[side].since);

    return all < here ? all : here;
}

static uint64_t count_ages(cf_deleters *deleters, cf_guard_side side, judgement *out)
{
    uint64_t older = 0;

    out->ages = cf_arena_allocate(&out->arena, out->missing_count, sizeof *out->ages);
    for (size_t i = 0; i < out->missing_count; i++) {
        out->ages[i] = cf_deletion_age(deleters, &out->missing[i], side);
        older += !out->ages[i].young;
    }
    return older;
}

/* As many steps as something goes, or was made within the hour: not as there are items. */
static void measure(cf_peer *peer, const cf_binding *binding, const cf_vanishing *vanishing,
                    judgement *out)
{
    const uint64_t counted =
        vanishing->with_dependants ? 0 : binding->counted[vanishing->side].older;
    cf_deleters deleters = {0};

    cf_deleters_know(&deleters, peer, binding, vanishing);
    gather(vanishing, out);
    out->went = count_recent(peer, binding, vanishing, out);
    const uint64_t gone = out->missing_count + out->went.items;
    const uint64_t gone_older = count_ages(&deleters, vanishing->side, out) + out->went.older;
    const uint64_t items = count_all(binding, vanishing->side, out) + out->went.items +
                           (vanishing->with_dependants ? cf_rows_count(binding->dependants) : 0);
    out->count = (cf_guard_count){gone, items, gone, items};
    if (word_for(binding, vanishing).given || cf_guard_are_few(gone))
        return;
    uint64_t older =
        cf_deleters_count_older(&deleters, binding, vanishing->with_dependants, 2 * gone_older);
    if (counted && counted < older)
        older = counted;
    older += out->went.older;
    out->count.gone_older = gone_older;
    out->count.older = older < items ? older : items;
}

/* What who deletes it made within the hour before goes beside what is held; but not where all that
 * there was is, or all that there is by now. */
static void let_young_go(const cf_binding *binding, const cf_vanishing *vanishing,
                         const judgement *judged)
{
    const bool any = !word_for(binding, vanishing).given &&
                     !binding->counted[vanishing->side].all &&
                     judged->missing_count < count_items(binding);

    for (size_t i = 0; vanishing->goes && i < vanishing->count; i++)
        vanishing->goes[i] = any && judged->ages[i].young;
}

/* Of few nothing is kept: that many may go again, in the next process. */
static void keep_gone(cf_peer *peer, cf_binding *binding, cf_guard_side side, uint64_t now_ms)
{
    const cf_recent_count before = cf_recent_earlier_counted(&binding->gone_before[side], now_ms);
    cf_recent_count all = cf_recent_counted(&binding->recent[side], NULL, 0, now_ms);

    all.items += before.items;
    all.older += before.older;
    if (all.items < KEPT_FROM)
        return;
    binding->gone_lately[side] = (cf_recent_earlier){all, now_ms + CF_RECENT_MS};
    keep(peer, binding, false);
}

/* The user knows of it. */
static void forget_gone(cf_binding *binding, cf_guard_side side)
{
    cf_recent_release(&binding->recent[side]);
    binding->gone_before[side] = binding->gone_lately[side] = (cf_recent_earlier){0};
}

static void note_gone(cf_peer *peer, cf_binding *binding, const cf_vanishing *vanishing,
                      judgement *judged, bool all)
{
    static const cf_id none; /* it is not in the log */
    const uint64_t now_ms = peer->env->now_ms(peer->env->context);
    cf_recent_deletion *added = cf_arena_allocate(&judged->arena, vanishing->count, sizeof *added);
    size_t count = 0;

    if (vanishing->word.given) {
        forget_gone(binding, vanishing->side);
        return;
    }
    for (size_t i = 0; i < vanishing->count; i++)
        if ((all || (vanishing->goes && vanishing->goes[i])) &&
            !cf_id_equal(&vanishing->gone[i], &none))
            added[count++] = (cf_recent_deletion){vanishing->gone[i], now_ms,
                                                  judged->ages[i].born.ms, !judged->ages[i].young};
    cf_recent_add(&binding->recent[vanishing->side], added, count, now_ms);
    if (count)
        keep_gone(peer, binding, vanishing->side, now_ms);
}

/* What is put back comes bit by bit: the rest, of what is held, is not few enough because of that.
 */
static bool is_held(const cf_binding *binding, const cf_vanishing *vanishing)
{
    return vanishing->count && binding->counted[vanishing->side].is_held &&
           !word_for(binding, vanishing).given;
}

bool cf_binding_would_allow(cf_peer *peer, const cf_binding *binding, const cf_vanishing *vanishing)
{
    judgement judged = {0};

    measure(peer, binding, vanishing, &judged);
    cf_arena_release(&judged.arena);
    return !is_held(binding, vanishing) &&
           cf_guard_allows(word_for(binding, vanishing), &judged.count);
}

static bool is_kept(const cf_binding *binding, cf_guard_side side)
{
    const cf_guarded *kept = &binding->counted_kept[side], *now = &binding->counted[side];

    return kept->items == now->items && cf_time_compare(kept->since, now->since) == 0 &&
           kept->older == now->older && kept->went.items == now->went.items &&
           kept->went.older == now->went.older && kept->all == now->all &&
           kept->is_held == now->is_held;
}

static void hold(cf_peer *peer, cf_binding *binding, const cf_vanishing *vanishing,
                 const judgement *judged)
{
    cf_guarded *counted = &binding->counted[vanishing->side];

    if (!word_for(binding, vanishing).given)
        counted->older = judged->count.older - judged->went.older;
    counted->went = judged->went;
    counted->is_held = true;
    counted->all |= binding->counted_kept[vanishing->side].items
                        ? judged->missing_count >= count_items(binding)
                        : cf_guard_is_empty(&judged->count);
    let_young_go(binding, vanishing, judged);
    if (!is_kept(binding, CF_GUARD_HERE) || !is_kept(binding, CF_GUARD_THERE))
        keep(peer, binding, true);
}

bool cf_binding_allows(cf_peer *peer, cf_binding *binding, const cf_vanishing *vanishing)
{
    judgement judged = {0};

    if (!vanishing->count)
        return true;
    const bool holds = is_held(binding, vanishing);
    cf_binding_count(peer, binding, vanishing->side,
                     vanishing->now_ms ? vanishing->now_ms : peer->env->now_ms(peer->env->context));
    measure(peer, binding, vanishing, &judged);
    const bool allowed = !holds && cf_guard_allows(word_for(binding, vanishing), &judged.count);
    if (!allowed)
        hold(peer, binding, vanishing, &judged);
    note_gone(peer, binding, vanishing, &judged, allowed);
    if (allowed)
        cf_binding_end_count(peer, binding, vanishing->side);
    cf_arena_release(&judged.arena);
    return allowed;
}

/* ---- What is told ---- */

void cf_binding_refill_way(const cf_binding *binding, cf_buffer *out)
{
    if (binding->mode == CF_MODE_SEND)
        return;
    cf_buffer_append_text(out, "`counterfoil repair ");
    cf_binding_path_word(binding, out);
    cf_buffer_append_text(out, " --refill` does, or ");
}

void cf_binding_refill_word(const cf_binding *binding, const char *before, const char *after,
                            cf_buffer *out)
{
    char typed[CF_PATH_TYPED];

    if (binding->mode != CF_MODE_SEND)
        cf_buffer_append_text(out, "%s`counterfoil repair %s --refill`%s", before,
                              cf_binding_path_typed(binding, typed), after);
}

const char *cf_binding_held_text(cf_peer *peer, const cf_binding *binding, cf_guard_side side,
                                 uint64_t held, cf_arena *arena)
{
    const unsigned long long count = held, all = count_items(binding);
    const unsigned long long went = binding->counted[side].went.items;
    cf_buffer word = {0}, text = {0}, before = {0}, way = {0}, again = {0};

    cf_binding_path_word(binding, &word);
    cf_buffer_append(&word, "", 1);
    const char *path = (const char *)word.data;
    if (went)
        cf_buffer_append_text(&before, ", after %llu that went just before", went);
    cf_buffer_append(&before, "", 1);
    cf_binding_refill_way(binding, &way);
    cf_buffer_append(&way, "", 1);
    cf_binding_mine_command(peer, binding, &again);
    cf_buffer_append(&again, "", 1);
    if (side == CF_GUARD_HERE)
        cf_buffer_append_text(&text,
                              "%llu of %llu items are missing here%s: put them back, or "
                              "%s`counterfoil sync %s --yes` deletes them elsewhere too",
                              count, all, (const char *)before.data, (const char *)way.data, path);
    else
        cf_buffer_append_text(&text,
                              "%llu of %llu items were deleted elsewhere%s: `counterfoil sync %s "
                              "--yes` deletes them here too; `counterfoil remove %s`, then "
                              "%s bring them back everywhere",
                              count, all, (const char *)before.data, path, path,
                              (const char *)again.data);
    const char *kept = cf_arena_text(arena, cf_buffer_view(&text));
    cf_buffer_release(&word);
    cf_buffer_release(&before);
    cf_buffer_release(&way);
    cf_buffer_release(&again);
    cf_buffer_release(&text);
    return kept;
}

/* ---- For the next process ---- */

/* In an older home: later than all that was made in that ms, or than anything. */
static cf_time since_of(const uint64_t *of, size_t parts)
{
    return (cf_time){parts >= PARTS_DATED ? of[8] : UINT64_MAX,
                     parts == PARTS ? of[9] : UINT64_MAX};
}

static void load_side(cf_binding *binding, size_t side, const uint64_t *of, size_t parts)
{
    binding->gone_before[side] = binding->gone_lately[side] =
        (cf_recent_earlier){{of[5], of[6]}, of[7]};
    binding->counted[side] = (cf_guarded){
        .items = of[0],
        .since = since_of(of, parts),
        .older = of[1],
        .went = {of[2], of[3]},
        .all = of[4] & ALL,
        .is_held = of[4] & HELD || (side == CF_GUARD_THERE && of[0]), /* as in an older home */
    };
}

static bool is_count_of_parts(size_t count)
{
    return count == 2 || count == 4 || count == 2 * PARTS_UNDATED || count == 2 * PARTS_DATED ||
           count == 2 * PARTS;
}

/* Of a home long before there are 2 or 4 parts: the items here and there, then the older ones. */
static bool load(void *context, cf_bytes key, cf_bytes value)
{
    cf_binding *binding = context;
    cf_reader reader = cf_reader_of(value);
    uint64_t parts[2 * PARTS] = {0};
    size_t count = 0;
    cf_error ignored;

    (void)key;
    cf_status status = cf_read_array(&reader, &count, &ignored);
    bool sound = !status && is_count_of_parts(count);
    for (size_t i = 0; sound && i < count; i++)
        sound = cf_read_uint(&reader, &parts[i], &ignored) == CF_OK;
    for (size_t side = 0; sound && side < 2; side++) {
        if (count >= 2 * PARTS_UNDATED)
            load_side(binding, side, &parts[count / 2 * side], count / 2);
        else
            binding->counted[side] = (cf_guarded){
                .items = parts[side], .since = {UINT64_MAX, UINT64_MAX}, .older = parts[2 + side]};
    }
    memcpy(binding->counted_kept, binding->counted, sizeof binding->counted);
    return true;
}

/* [1 of per cent or 0, how many] */
void cf_binding_put_limit(const cf_binding *binding, cf_kv_list *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};
    cf_bytes key = cf_key_source(&arena, CF_TABLE_LIMIT, binding->number);

    cf_pack_array(&value, 2);
    cf_pack_uint(&value, binding->limit.percent);
    cf_pack_uint(&value, binding->limit.limit);
    if (binding->limit.given)
        cf_kv_list_put(records, key, cf_buffer_view(&value));
    else
        cf_kv_list_delete(records, key);
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
