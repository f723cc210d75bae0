/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine makes of the events of its link. Entries are only put into the inbox:
 * cf_engine_take_inbox gives all of them to the log in one commit. Blobs go to whoever asked for
 * them: uploads, resupply, downloads, or what a relay carries. */
#include "peer/engine/engine_inside.h"
#include "peer/membership/membership.h"
#include "peer/log/unsent.h"
#include "peer/sources/context/lock_guard.h"

#include "codec/address.h"
#include "codec/clock.h"
#include "codec/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { ANEW_MS = 1000 };

/* ---- What the broker has ---- */

void cf_engine_name_broker(cf_engine *engine, char text[CF_ADDRESS_TEXT])
{
    cf_buffer line = {0};
    cf_address address;
    cf_error ignored;

    snprintf(text, CF_ADDRESS_TEXT, "the broker");
    cf_status status = cf_home_get(engine->home, CF_HOME_BROKER, &line, &ignored);
    cf_buffer_append(&line, "", 1);
    if (!status && cf_address_read((const char *)line.data, &address, &ignored) == CF_OK)
        cf_address_endpoint(&address, text);
    cf_buffer_release(&line);
}

static void tell_rollback(cf_engine *engine, uint64_t lacking)
{
    char name[CF_ADDRESS_TEXT];
    cf_rollback rollback = {engine->now_ms, lacking, name};
    cf_error error;

    if (cf_checkpoints_forget(&engine->checkpoint.own, engine->peer, &error))
        cf_report(engine->env, CF_REPORT_WARNING, "noting that: %s", error.text);
    cf_link_lacking(cf_engine_link(engine), lacking);
    cf_engine_name_broker(engine, name);
    cf_report(engine->env, CF_REPORT_WARNING,
              "%s was rolled back: it lacks %llu entr%s that it had acknowledged, and this device "
              "brings back those it has",
              name, (unsigned long long)lacking, lacking == 1 ? "y" : "ies");
    if (cf_rollback_keep(cf_home_store(engine->home), cf_peer_user(engine->peer), &rollback,
                         &error))
        cf_report(engine->env, CF_REPORT_WARNING, "noting that: %s", error.text);
}

/* In a session that is confined; what is not here is not told of. */
static bool is_told(void *context, const cf_head *head)
{
    const cf_engine *engine = context;
    cf_head_place place;

    return cf_log_head_place(engine->peer->log, head, &place) &&
           cf_engine_carries(engine, &place.collection);
}

static void greet_broker(cf_engine *engine, const cf_link_welcome *welcome)
{
    const cf_shown_heads shown = {welcome->instance, welcome->heads,
                                  welcome->is_confined ? is_told : NULL, engine};
    uint64_t lacking = 0;
    cf_error error;

    engine->session.is_told_some = welcome->is_confined;
    if (cf_acknowledged_greet(&engine->acknowledged, cf_home_store(engine->home),
                              cf_peer_user(engine->peer), &shown, &lacking, &error))
        cf_report(engine->env, CF_REPORT_WARNING, "what the broker has: %s", error.text);
    else if (lacking)
        tell_rollback(engine, lacking);
    engine->session.told_lacking = lacking;
}

/* A device that doesn't keep all is not told what of the others is there: how much there is in all
 * says whether some of it is gone. */
static void note_extent(cf_engine *engine, const uint8_t instance[16], uint64_t position)
{
    const cf_log_extent now = {instance, position};
    uint64_t fewer = 0;
    cf_error error;

    if (cf_engine_keeps_all(engine))
        return;
    if (cf_acknowledged_extent(cf_home_store(engine->home), cf_peer_user(engine->peer), &now,
                               &fewer, &error))
        cf_report(engine->env, CF_REPORT_WARNING, "noting what the broker has: %s", error.text);
    if (fewer > engine->session.told_lacking)
        tell_rollback(engine, fewer - engine->session.told_lacking);
}

void cf_engine_save_acknowledged(cf_engine *engine)
{
    cf_error error;

    if (cf_acknowledged_save(&engine->acknowledged, cf_home_store(engine->home),
                             cf_peer_user(engine->peer), &error))
        cf_report(engine->env, CF_REPORT_WARNING, "noting what the broker has: %s", error.text);
}

/* ---- What this device had told, and knows no more ---- */

static void meet_again(void *context, const cf_id *collection)
{
    cf_engine *engine = context;
    cf_error error;

    for (size_t i = 0; i < engine->count; i++) {
        cf_binding *binding = engine->bindings[i];

        if (!cf_id_equal(&binding->collection, collection) || binding->meets & CF_MEETS_AGAIN)
            continue;
        binding->meets |= CF_MEETS_AGAIN;
        engine->session.catches_up = true;
        engine->locks_due_ms = 0;
        if (cf_binding_save(engine->peer, binding, &error))
            cf_report(engine->env, CF_REPORT_WARNING, "noting that the home went back: %s",
                      error.text);
    }
}

/* ---- The link's events ---- */

static void connected(void *context, const cf_link_welcome *welcome)
{
    cf_engine *engine = context;
    int64_t difference = welcome->clock_difference_ms;
    const bool was_lost =
        engine->session.loss.status && engine->session.losses; /* as this process said */

    engine->session.connecting = false;
    engine->session.loss = (cf_error){0};
    engine->session.delay[0] = '\0';
    engine->session.denials = 0;
    cf_engine_note_removed(engine, false);
    engine->session.retry_ms = 0;
    engine->context.silent = NULL;
    if (cf_clock_is_off(difference)) {
        cf_link_fail_clock(difference, &engine->clock);
        engine->context.silent = engine->clock.text;
        cf_report(engine->env, CF_REPORT_ERROR, "%s; nothing is published until then",
                  engine->clock.text);
    }
    cf_engine_recall_unsupported(engine);
    engine->session.crowded = welcome->is_crowded;
    if (engine->session.crowded) {
        cf_report(engine->env, CF_REPORT_ERROR, "the broker: %s", CF_ENGINE_CROWDED);
        return;
    }
    if (was_lost)
        cf_report(engine->env, engine->context.watch ? CF_REPORT_NOTICE : CF_REPORT_DETAIL,
                  "the broker: connected again");
    greet_broker(engine, welcome);
    cf_link_locate(engine->peer->link);
    engine->broker.awaits_addresses = true;
    cf_author_each_behind(engine->peer->author, welcome->heads, meet_again, engine);
    cf_unsent_shown(engine->env, cf_home_store(engine->home), cf_peer_user(engine->peer),
                    welcome->heads);
    cf_resupply_begin(engine->resupply);
    if (cf_contents_doubts_any(engine->peer->contents))
        cf_resupply_asked(engine->resupply, engine->steady_ms);
    if (engine->carried)
        cf_carried_ask_again(engine->carried);
    cf_locks_connected(engine->context.locks, difference);
    cf_engine_try_again(engine);
}

/* The broker has forgotten the session, as after `users remove` there. That is no trouble until it
 * does so again at once. */
static bool begins_anew(cf_engine *engine, const cf_link_loss *loss)
{
    if (loss->why->status != CF_CHANGED ||
        (engine->session.anew_ms && engine->steady_ms < engine->session.anew_ms + ANEW_MS))
        return false;
    engine->session.anew_ms = engine->steady_ms;
    engine->session.connecting = true;
    cf_report(engine->env, CF_REPORT_DETAIL, "the broker: %s; trying again at once",
              loss->why->text);
    cf_link_start(engine->peer->link);
    return true;
}

/* Who shut this device out is said where the log tells, and that the user was removed where the
 * broker said so once; else both may be, and what to do about either is said. */
static void tell_denial(cf_engine *engine, const cf_error *why)
{
    cf_error standing;

    if (cf_membership_standing(engine->peer, &standing))
        cf_fail(&engine->session.loss, CF_DENIED, "%s", standing.text);
    else if (engine->session.was_removed)
        cf_fail(&engine->session.loss, CF_DENIED, "%s", CF_ENGINE_REMOVED);
    else
        cf_fail(&engine->session.loss, CF_DENIED,
                "%s: it was shut out, or the user was removed. If other devices get in: "
                "`counterfoil leave`, then `counterfoil join` with an owner's new code. If none "
                "does: `counterfoil broker` with the operator's new invitation",
                why->text);
}

static void lost(void *context, const cf_link_loss *loss)
{
    cf_engine *engine = context;
    cf_error before = engine->session.loss;

    cf_locks_lost(engine->context.locks);
    cf_engine_save_acknowledged(engine);
    if (begins_anew(engine, loss))
        return;
    engine->session.losses++;
    engine->session.connecting = false;
    engine->session.loss = *loss->why;
    if (engine->session.loss.status == CF_CHANGED)
        engine->session.loss.status = CF_UNREACHABLE;
    engine->session.retry_ms = loss->retry_ms;
    cf_engine_check_move(engine);
    engine->session.denials = loss->why->status == CF_DENIED ? engine->session.denials + 1 : 0;
    if (loss->was_removed)
        cf_engine_note_removed(engine, true);
    if (engine->session.denials)
        tell_denial(engine, loss->why);
    /* At the try before, if there was one: what was recalled was not said by this process. */
    bool said =
        (strcmp(before.text, engine->session.loss.text) == 0 && engine->session.losses > 1) ||
        (engine->session.denials && cf_membership_left(engine->peer));
    cf_report(engine->env, said ? CF_REPORT_DETAIL : CF_REPORT_NOTICE, "the broker: %s",
              engine->session.loss.text);
}

static void entry_came(void *context, const cf_entry *entry)
{
    cf_engine *engine = context;
    cf_buffer wire = {0};
    cf_error error;

    if (cf_checkpoints_came(&engine->checkpoint.own, engine->peer, engine->acknowledged.instance,
                            cf_link_entry_position(engine->peer->link), &error))
        cf_report(engine->env, CF_REPORT_WARNING, "what the broker shows: %s", error.text);
    cf_buffer_append(&wire, entry->wire.data, entry->wire.size);
    *cf_one_more(engine->inbox, engine->inbox_count, engine->inbox_capacity) = wire;
    engine->traffic.entries_received++;
    engine->traffic.bytes_received += entry->wire.size;
    engine->context.activity++;
}

static void entry_spoiled(void *context, uint64_t position, const cf_error *why)
{
    cf_engine *engine = context;
    cf_error said;

    cf_fail(&said, CF_MALFORMED, "the entry at position %" PRIu64 " is refused: %s", position,
            why->text);
    cf_engine_fault(engine, said.text);
    engine->context.activity++;
}

static void note_accepted(cf_engine *engine, const cf_head *head)
{
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;
    cf_error ignored;

    if (cf_log_get(engine->peer->log, head, &wire, &ignored) == CF_OK &&
        cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &ignored) == CF_OK) {
        engine->traffic.bytes_sent += wire.size;
        cf_acknowledged_add(&engine->acknowledged, &entry);
    }
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
}

static void accepted(void *context, const cf_head *entry)
{
    cf_engine *engine = context;

    if (!engine->peer->link || !cf_link_waits_for_room(engine->peer->link))
        engine->session.delay[0] = '\0';
    engine->traffic.entries_sent++;
    note_accepted(engine, entry);
    engine->context.activity++;
    cf_unsent_forget(engine->env, cf_home_store(engine->home), cf_peer_user(engine->peer), entry);
}

static bool is_locked(const cf_link_refusal *refusal)
{
    return cf_bytes_equal(refusal->code, cf_bytes_of_text(CF_REFUSED_LOCKED));
}

/* Those come and go by themselves, in the order of things. */
static bool is_passing(cf_bytes code)
{
    return cf_bytes_equal(code, cf_bytes_of_text(CF_REFUSED_GAP)) ||
           cf_bytes_equal(code, cf_bytes_of_text(CF_REFUSED_BLOBS));
}

/* What this device knows of an entry of its own log. */
static bool read_header(const cf_engine *engine, const cf_head *head, cf_header *out)
{
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;
    cf_error ignored;
    bool known = cf_log_get(engine->peer->log, head, &wire, &ignored) == CF_OK &&
                 cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &ignored) == CF_OK;

    if (known)
        *out = (cf_header){.device = entry.header.device, .collection = entry.header.collection};
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
    return known;
}

/* Whether whose lock it is was told, since that held up something of ours; now it is. */
static bool was_told(cf_engine *engine, const cf_lease *lease)
{
    for (size_t i = 0; i < engine->told_count; i++)
        if (cf_id_equal(&engine->told_locks[i].collection, &lease->collection) &&
            cf_hash_equal(&engine->told_locks[i].holder, &lease->holder))
            return true;
    *cf_one_more(engine->told_locks, engine->told_count, engine->told_capacity) = *lease;
    return false;
}

/* A verb tells it itself, once nothing else is left to do. */
static void tell_lock(cf_engine *engine, const cf_link_refusal *refusal)
{
    cf_arena arena = {0};
    cf_header header;
    const cf_lease *lease = NULL;

    if (read_header(engine, &refusal->entry, &header))
        lease = cf_engine_lock_of(engine, &header.collection);
    if (lease)
        cf_report(engine->env,
                  engine->context.watch && !was_told(engine, lease) ? CF_REPORT_WARNING
                                                                    : CF_REPORT_DETAIL,
                  "%s", cf_lock_guard_line(engine->peer, lease, &arena));
    cf_arena_release(&arena);
}

/* Said once, however often it is tried again. */
static cf_report_level note_delay(cf_engine *engine, const cf_link_refusal *refusal)
{
    char shown[CF_NAME_SHOWN];

    if (is_locked(refusal))
        tell_lock(engine, refusal);
    if (is_locked(refusal) || is_passing(refusal->code))
        return CF_REPORT_DETAIL;
    cf_name_show(refusal->text.size ? refusal->text : refusal->code, shown);
    bool known = strcmp(shown, engine->session.delay) == 0;
    memcpy(engine->session.delay, shown, sizeof shown);
    return known ? CF_REPORT_DETAIL : CF_REPORT_WARNING;
}

/* What the broker has no room for is told as refused where it is this device's own; another's is
 * that one's trouble. */
static bool is_own(const cf_engine *engine, const cf_head *head)
{
    cf_header header;

    return read_header(engine, head, &header) &&
           cf_hash_equal(&header.device, cf_peer_device(engine->peer));
}

static bool is_final(const cf_engine *engine, const cf_link_refusal *refusal)
{
    if (cf_bytes_equal(refusal->code, cf_bytes_of_text(CF_REFUSED_TOO_MANY_CHAINS)))
        return is_own(engine, &refusal->entry);
    return refusal->never;
}

/* What was refused for this device's role is withheld once that is heard of. */
static void end_refusals(cf_engine *engine)
{
    for (size_t i = engine->session.refusals.count; i > 0; i--) {
        const cf_head entry = engine->session.refusals.heads[i - 1];

        if (cf_withheld_has(&engine->peer->withheld, &entry))
            cf_heads_remove(&engine->session.refusals, &entry);
    }
}

static void refused(void *context, const cf_link_refusal *refusal)
{
    cf_engine *engine = context;
    cf_report_level level = refusal->never ? CF_REPORT_WARNING : note_delay(engine, refusal);
    char text[CF_NAME_SHOWN];

    cf_name_show(refusal->text, text);
    cf_report(engine->env, level, "the broker refuses an entry (%.*s): %s", (int)refusal->code.size,
              (const char *)refusal->code.data, text);
    if (cf_bytes_equal(refusal->code, cf_bytes_of_text(CF_REFUSED_BLOBS)))
        cf_resupply_blocked(engine->resupply, &refusal->entry, engine->steady_ms);
    else if (cf_bytes_equal(refusal->code, cf_bytes_of_text(CF_REFUSED_GAP)))
        cf_resupply_behind(engine->resupply, &refusal->entry, engine->steady_ms);
    if (!is_final(engine, refusal))
        return;
    cf_heads_insert(&engine->session.refusals, &refusal->entry);
    snprintf(engine->session.refusal, sizeof engine->session.refusal, "%s", text);
    end_refusals(engine);
}

static void lease_came(void *context, const cf_message *answer)
{
    cf_engine *engine = context;

    engine->context.activity++;
    if (answer->command == CF_COMMAND_PAUSED)
        cf_downloads_try_paused(engine->context.downloads);
    else
        cf_locks_answered(engine->context.locks, answer, engine->now_ms);
}

static void wanted(void *context, const cf_hash *blobs, size_t count)
{
    cf_engine *engine = context;

    cf_report(engine->env, CF_REPORT_NOTICE, "the broker lacks %zu blob%s that entries name", count,
              count == 1 ? "" : "s");
    cf_resupply_wanted(engine->resupply, blobs, count, engine->steady_ms);
    if (engine->carried)
        cf_carried_wanted(engine->carried, blobs, count);
    engine->context.activity++;
}

/* Everything of ours is there, also what was accepted in a session that broke before we heard; or,
 * of a confined one, what is to be there now. */
static void idle(void *context)
{
    cf_engine *engine = context;

    engine->session.delay[0] = '\0';
    engine->told_count = 0;
    engine->context.activity++;
    cf_engine_save_acknowledged(engine);
    cf_engine_check_move(engine);
    cf_engine_end_fault(engine);
    if (!engine->session.refusals.count && !engine->scope.is_named)
        cf_unsent_clear(engine->env, cf_home_store(engine->home), cf_peer_user(engine->peer),
                        &engine->peer->withheld);
}

static bool piece(void *context, const cf_hash *blob, uint64_t offset, size_t size, cf_buffer *out)
{
    cf_engine *engine = context;
    size_t before = out->size;

    if (!cf_uploads_piece(engine->context.uploads, blob, offset, size, out) &&
        !cf_resupply_piece(engine->resupply, blob, offset, size, out) &&
        !(engine->carried && cf_carried_piece(engine->carried, blob, offset, size, out)))
        return false;
    engine->traffic.bytes_sent += out->size - before;
    return true;
}

static void stored(void *context, const cf_hash *blob)
{
    cf_engine *engine = context;

    engine->context.activity++;
    cf_uploads_stored(engine->context.uploads, blob);
    cf_resupply_stored(engine->resupply, blob);
}

static void blob_refused(void *context, const cf_hash *blob, const cf_error *why)
{
    cf_engine *engine = context;

    if (engine->carried && cf_carried_refused(engine->carried, blob, why))
        return;
    cf_uploads_refused(engine->context.uploads, blob, why);
    cf_resupply_refused(engine->resupply, blob, why);
    cf_downloads_refused(engine->context.downloads, blob, why);
}

static void blob_delayed(void *context, const cf_hash *blob, cf_bytes code, cf_bytes text)
{
    cf_engine *engine = context;

    if (cf_uploads_delayed(engine->context.uploads, blob, text))
        cf_report(engine->env, CF_REPORT_WARNING, "the broker takes no blobs (%.*s): %s",
                  (int)code.size, (const char *)code.data,
                  cf_uploads_delay(engine->context.uploads));
}

static void received(void *context, const cf_hash *blob, uint64_t offset, uint64_t total,
                     cf_bytes bytes)
{
    cf_engine *engine = context;

    engine->context.activity++;
    engine->traffic.bytes_received += bytes.size;
    if (!engine->carried || !cf_carried_received(engine->carried, blob, offset, total, bytes))
        cf_downloads_received(engine->context.downloads, blob, offset, total, bytes);
}

static void absent(void *context, const cf_hash *blob)
{
    cf_engine *engine = context;

    engine->context.activity++;
    if (!engine->carried || !cf_carried_absent(engine->carried, blob))
        cf_downloads_absent(engine->context.downloads, blob);
}

static void moved(void *context, cf_bytes address)
{
    cf_engine_moved(context, address);
}

static void unsupported(void *context, cf_command command)
{
    cf_engine_note_unsupported(context, command);
}

static void located(void *context, const uint8_t instance[16], uint64_t position,
                    const cf_bytes *lines, size_t count)
{
    note_extent(context, instance, position);
    cf_engine_located(context, instance, position);
    cf_engine_told_addresses(context, lines, count);
}

static void checkpoints(void *context, const cf_checkpoint *others, size_t count)
{
    cf_engine *engine = context;

    engine->context.activity++;
    cf_engine_hear_checkpoints(engine, others, count);
}

cf_link_events cf_engine_link_events(cf_engine *engine)
{
    return (cf_link_events){
        .connected = connected,
        .lost = lost,
        .entry = entry_came,
        .spoiled = entry_spoiled,
        .accepted = accepted,
        .refused = refused,
        .wanted = wanted,
        .lease = lease_came,
        .idle = idle,
        .moved = moved,
        .unsupported = unsupported,
        .checkpoints = checkpoints,
        .answers.located = located,
        .blobs = {piece, stored, blob_refused, blob_delayed, received, absent},
        .context = engine,
    };
}

cf_status cf_engine_take_inbox(cf_engine *engine, cf_error *error)
{
    size_t count = engine->inbox_count, bytes = 0;
    cf_bytes *wires = cf_allocate(count, sizeof *wires);

    for (size_t i = 0; i < count; i++) {
        wires[i] = cf_buffer_view(&engine->inbox[i]);
        bytes += wires[i].size;
    }
    cf_status status = cf_peer_take(engine->peer, wires, count, error);
    for (size_t i = 0; i < count; i++)
        cf_buffer_release(&engine->inbox[i]);
    engine->inbox_count = 0;
    free(wires);
    if (status)
        return status;
    engine->context.came_ms = engine->now_ms;
    if (engine->carried)
        cf_carried_grew(engine->carried);
    cf_downloads_retry(engine->context.downloads); /* what it lacked may have come */
    cf_engine_follow_unmade(engine);
    cf_link_credit(engine->peer->link, bytes);
    cf_engine_follow_role(engine);
    end_refusals(engine);
    return cf_engine_follow_home(engine, error);
}
