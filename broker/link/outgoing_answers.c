/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/outgoing_inside.h"

enum { RETRY_MS = 1000, RETRY_MS_MAX = 60000 };

static cf_flight *find(cf_outgoing *outgoing, const cf_hash *hash)
{
    for (size_t i = 0; i < outgoing->count; i++) {
        if (cf_hash_equal(&outgoing->flights[i].head.hash, hash))
            return &outgoing->flights[i];
    }
    return NULL;
}

static void land(cf_outgoing *outgoing, cf_flight *it)
{
    if (it->state != CF_FLIGHT_SENT)
        return;
    it->state = CF_FLIGHT_READY;
    outgoing->sent--;
    outgoing->sent_size -= it->size;
}

static void take_away(cf_outgoing *outgoing, cf_flight *it)
{
    size_t after = (size_t)(outgoing->flights + outgoing->count - it) - 1;

    land(outgoing, it);
    memmove(it, it + 1, after * sizeof *it);
    outgoing->count--;
}

bool cf_outgoing_accepted(cf_outgoing *outgoing, const cf_head *entry)
{
    cf_flight *it = find(outgoing, &entry->hash);

    if (!it)
        return false;
    bool was_refused = it->delay_ms > 0;
    take_away(outgoing, it);
    if (was_refused)
        cf_outgoing_release(outgoing, true, false);
    return true;
}

static void end_writer(cf_outgoing *outgoing, const cf_id *writer)
{
    *cf_one_more(outgoing->ended, outgoing->ended_count, outgoing->ended_capacity) = *writer;
    for (size_t i = outgoing->count; i-- > 0;) {
        if (cf_id_equal(&outgoing->flights[i].head.writer, writer))
            take_away(outgoing, &outgoing->flights[i]);
    }
}

/* What comes after an entry that waits for a lock, or for room, waits for the same. */
static void follow_before(const cf_outgoing *outgoing, cf_flight *end)
{
    for (const cf_flight *it = outgoing->flights; it < end; it++)
        if (cf_id_equal(&it->head.writer, &end->head.writer)) {
            end->waits_for_lock |= it->waits_for_lock;
            end->waits_for_room |= it->waits_for_room;
        }
}

static void hold(cf_outgoing *outgoing, cf_flight *it, cf_bytes code, uint64_t now_ms)
{
    land(outgoing, it);
    it->state = CF_FLIGHT_HELD;
    it->waits_for_entry = cf_bytes_equal(code, cf_bytes_of_text(CF_REFUSED_GAP));
    it->waits_for_blobs = cf_bytes_equal(code, cf_bytes_of_text(CF_REFUSED_BLOBS));
    it->waits_for_lock = cf_bytes_equal(code, cf_bytes_of_text(CF_REFUSED_LOCKED));
    it->waits_for_room = cf_message_is_for_room(code);
    if (it->waits_for_entry)
        follow_before(outgoing, it);
    it->delay_ms = it->delay_ms ? it->delay_ms * 2 : RETRY_MS;
    if (it->delay_ms > RETRY_MS_MAX)
        it->delay_ms = RETRY_MS_MAX;
    it->retry_ms = now_ms + it->delay_ms;
}

bool cf_outgoing_refused(cf_outgoing *outgoing, const cf_message *message, uint64_t now_ms,
                         cf_head *entry)
{
    cf_hash hash;
    cf_flight *it = NULL;

    if (message->refused.name.size == sizeof hash.bytes) {
        memcpy(hash.bytes, message->refused.name.data, sizeof hash.bytes);
        it = find(outgoing, &hash);
    }
    if (!it || it->state != CF_FLIGHT_SENT)
        return false;
    *entry = it->head;
    /* There will be no room for it while this session lasts; all else goes on. */
    bool is_over =
        cf_bytes_equal(message->refused.code, cf_bytes_of_text(CF_REFUSED_TOO_MANY_CHAINS));
    if (message->refused.later && !is_over) {
        bool is_stale = it->had_token &&
                        cf_bytes_equal(message->refused.code, cf_bytes_of_text(CF_REFUSED_LOCKED));
        cf_id collection = it->collection;

        hold(outgoing, it, message->refused.code, now_ms);
        if (is_stale) /* at once, without it */
            cf_outgoing_token(outgoing, &collection, NULL);
    } else
        end_writer(outgoing, &entry->writer);
    return true;
}
