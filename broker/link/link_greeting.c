/* SPDX-License-Identifier: Apache-2.0 */
/* A link from its connection to live: CLOCK and KNOCK of a newcomer, or HELLO, WELCOME, SUBSCRIBE
 * and SUBSCRIBED, which come in pages. Between WELCOME and SUBSCRIBE the heads of both sides are
 * compared: what the other owes us, and which entries we name as rungs. */
#include "broker/link/link_inside.h"

#include <inttypes.h>
#include <stdlib.h>

#include "codec/clock.h"
#include "codec/limits.h"

enum {
    MEMBERS_MAX = 2 * CF_HEADS_OF_MEMBER_LOG_MAX,
};

typedef struct {
    cf_head *heads;
    size_t count, capacity;
} head_list;

cf_status cf_link_fail_clock(int64_t difference_ms, cf_error *error)
{
    char distance[CF_CLOCK_TEXT];

    cf_clock_write_distance(difference_ms, distance);
    return cf_fail(error, CF_FULL,
                   "this device's clock is %s %s the broker's: set the one that is wrong", distance,
                   difference_ms > 0 ? "behind" : "ahead of");
}

cf_status cf_link_fail_version(uint64_t version, cf_error *error)
{
    return cf_fail(error, CF_MALFORMED,
                   "this program speaks version %d of the protocol, and the broker version %" PRIu64
                   ": bring the older one up to date",
                   CF_PROTOCOL_VERSION, version);
}

static bool collect_head(void *context, const cf_head *head)
{
    head_list *list = context;

    *cf_one_more(list->heads, list->count, list->capacity) = *head;
    return true;
}

static size_t page_size(size_t left)
{
    return left < CF_HEADS_PAGE ? left : CF_HEADS_PAGE;
}

/* Of a log with more, from before there were bounds, so many: the rest comes twice. */
static size_t said_in_hello(const head_list *own)
{
    return own->count < CF_HEADS_OF_HELLO_MAX ? own->count : CF_HEADS_OF_HELLO_MAX;
}

/* A broker that the user has left lets in only who names a head that it doesn't hold, and may have
 * been told all that there is (PROTOCOL, Moving). */
static void add_unknown_head(const cf_link *link, head_list *list)
{
    const cf_env *env = link->options.env;
    cf_head unknown = {.sequence = 1};

    env->random(env->context, unknown.writer.bytes, sizeof unknown.writer.bytes);
    env->random(env->context, unknown.hash.bytes, sizeof unknown.hash.bytes);
    list->count = said_in_hello(list);
    list->count -= list->count == CF_HEADS_OF_HELLO_MAX;
    collect_head(list, &unknown);
}

static void say_hello(cf_link *link, const head_list *own, cf_outbox *outbox)
{
    size_t said = 0, all = said_in_hello(own);

    do {
        size_t count = page_size(all - said);
        cf_message message = {
            .command = CF_COMMAND_HELLO,
            .hello = {.version = CF_PROTOCOL_VERSION,
                      .user = link->options.user,
                      .heads = own->heads + said,
                      .head_count = count,
                      .more = said + count < all},
        };
        cf_outbox_add(outbox, (cf_bytes){0}, &message);
        said += count;
    } while (said < all);
}

/* A broker that doesn't know CONFINE answers AGAIN, as before any HELLO, and goes on with HELLO. */
static void say_confine(cf_link *link, cf_outbox *outbox)
{
    const cf_message message = {.command = CF_COMMAND_CONFINE,
                                .confine = {.user = link->options.user,
                                            .collections = link->collections.at,
                                            .count = link->collections.count}};

    cf_outbox_add(outbox, (cf_bytes){0}, &message);
    link->awaits_confined = true;
}

static void say_clock(cf_link *link, cf_outbox *outbox)
{
    const cf_message message = {
        .command = CF_COMMAND_CLOCK,
        .clock = {.version = CF_PROTOCOL_VERSION, .now_ms = cf_env_now_ms(link->options.env)}};

    cf_outbox_add(outbox, (cf_bytes){0}, &message);
    cf_unknown_said(&link->unknown, CF_COMMAND_CLOCK);
}

void cf_link_knock(cf_link *link, cf_outbox *outbox)
{
    static const cf_hash nobody;
    cf_message message = {
        .command = CF_COMMAND_KNOCK,
        .knock = {.user = cf_hash_equal(&link->options.user, &nobody) ? NULL : &link->options.user,
                  .key = link->options.guest_key,
                  .sealed = cf_buffer_view(&link->knock)},
    };

    cf_outbox_add(outbox, (cf_bytes){0}, &message);
    link->has_knocked = true;
    link->state = CF_LINK_KNOCKING;
    link->knock_ms = 0;
}

static bool read_collection(void *context, uint64_t position, cf_bytes wire)
{
    cf_id *collection = context;
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;

    (void)position;
    if (cf_entry_read(wire, &arena, &entry, &error) == CF_OK)
        *collection = entry.header.collection;
    cf_arena_release(&arena);
    return false;
}

/* In which collection an entry lies that is held here. */
static cf_status find_collection(cf_link *link, const cf_head *head, cf_id *out, cf_error *error)
{
    const cf_link_options *options = &link->options;
    cf_store *store = options->store;
    uint64_t position = 0;

    if (options->collection_of && options->collection_of(options->events.context, head, out))
        return CF_OK;
    cf_status status = store->find(store, &options->user, head, &position, error);
    return status ? status
                  : store->read(store, &options->user, position, read_collection, out, error);
}

/* Whether an entry that is held here is of a collection that is subscribed. */
static cf_status is_of_these(cf_link *link, const cf_head *head, bool *out, cf_error *error)
{
    cf_id collection = {0};

    cf_status status = find_collection(link, head, &collection, error);
    *out = cf_ids_has(&link->collections, &collection);
    return status;
}

/* Who is confined names what it has of these collections. */
static cf_status keep_these(cf_link *link, head_list *own, cf_error *error)
{
    cf_status status = CF_OK;
    size_t kept = 0;

    for (size_t i = 0; !status && i < own->count; i++) {
        bool is = false;

        status = is_of_these(link, &own->heads[i], &is, error);
        if (is)
            own->heads[kept++] = own->heads[i];
    }
    own->count = kept;
    return status;
}

void cf_link_greet(cf_link *link, uint64_t now_ms, cf_outbox *outbox)
{
    cf_store *store = link->options.store;
    head_list own = {0};
    cf_error error;

    link->unknown.out = 0;
    if (link->has_knocked) {
        cf_link_knock(link, outbox);
        return;
    }
    if (link->knock.size) {
        say_clock(link, outbox);
        link->state = CF_LINK_COMPARING;
        link->knock_ms = 0;
        return;
    }
    cf_heads_release(&link->theirs);
    cf_heads_release(&link->owed);
    cf_heads_release(&link->member_heads);
    link->named = 0;
    link->members_ended = link->is_crowded = false;
    link->state = CF_LINK_GREETING;
    link->awaits_confined = link->is_told_these = false;
    cf_status status = store->heads(store, &link->options.user, collect_head, &own, &error);
    if (!status && link->is_confined)
        status = keep_these(link, &own, &error);
    if (!status && link->options.only_takes)
        add_unknown_head(link, &own);
    if (status) {
        cf_link_lose(link, &error, now_ms);
    } else {
        if (link->is_confined)
            say_confine(link, outbox);
        say_hello(link, &own, outbox);
    }
    free(own.heads);
}

/* Whether the writer's entries are among what is subscribed. A writer writes in one collection,
 * which any entry of it tells; of one that is not known here the other is asked (cf_link_place). */
static cf_status is_subscribed(cf_link *link, const cf_heads *own, const cf_id *writer, bool *out,
                               cf_error *error)
{
    size_t count;

    *out = !link->collections.count || link->is_crowded || link->is_told_these;
    const cf_head *of_writer = *out ? NULL : cf_heads_of_writer(own, writer, &count);
    if (!of_writer) {
        link->knows_strangers |= !*out;
        return CF_OK;
    }
    return is_of_these(link, of_writer, out, error);
}

/* What the other holds, and what it owes us. Where we hold all heads that it names of a writer, it
 * learns from them, as rungs, that we do, unless HELLO named them. */
static cf_status compare_writer(cf_link *link, const cf_heads *own, size_t from, size_t run,
                                head_list *rungs, cf_error *error)
{
    cf_replay *replay = cf_outgoing_replay(link->outgoing);
    const cf_head *heads = link->theirs.heads + from;
    size_t held_here = 0;
    bool awaited = false;

    cf_status status = is_subscribed(link, own, &heads[0].writer, &awaited, error);
    for (size_t i = 0; !status && i < run; i++) {
        bool held = false;
        status = cf_replay_holds(replay, &heads[i], &held, error);
        held_here += held;
        if (!held && awaited && !link->options.only_members)
            cf_heads_insert(&link->owed, &heads[i]);
    }
    for (size_t i = 0; held_here == run && i < run; i++)
        if (!cf_heads_contain(own, &heads[i]))
            collect_head(rungs, &heads[i]);
    return status;
}

static cf_status compare_heads(cf_link *link, head_list *rungs, cf_error *error)
{
    cf_store *store = link->options.store;
    head_list own = {0};
    size_t run = 0;

    cf_status status = store->heads(store, &link->options.user, collect_head, &own, error);
    const cf_heads said = {own.heads, own.count,
                           own.capacity}; /* ascending, as a store gives them */
    for (size_t from = 0; !status && from < link->theirs.count; from += run) {
        cf_heads_of_writer(&link->theirs, &link->theirs.heads[from].writer, &run);
        status = compare_writer(link, &said, from, run, rungs, error);
    }
    if (!status)
        status = cf_rungs(store, &link->options.user, &link->theirs, collect_head, rungs, error);
    if (rungs->count > CF_HEADS_MAX - said_in_hello(&own))
        rungs->count = CF_HEADS_MAX - said_in_hello(&own);
    free(own.heads);
    return status;
}

static void say_subscribe(cf_link *link, const head_list *rungs, cf_outbox *outbox)
{
    uint64_t credit = link->options.credit;
    size_t said = 0;
    const cf_id *collections = link->is_crowded          ? &cf_member_log_id
                               : link->collections.count ? link->collections.at
                                                         : NULL;

    credit = credit > link->uncommitted ? credit - link->uncommitted : 0;
    link->credit_due = 0;
    do {
        size_t count = page_size(rungs->count - said);
        bool more = said + count < rungs->count;
        cf_message message = {
            .command = CF_COMMAND_SUBSCRIBE,
            .subscribe = {.rungs = rungs->heads + said,
                          .rung_count = count,
                          .collections = collections,
                          .collection_count = link->is_crowded ? 1 : link->collections.count,
                          .credit = more ? 0 : credit,
                          .more = more},
        };
        cf_outbox_add(outbox, (cf_bytes){0}, &message);
        said += count;
    } while (said < rungs->count);
}

static cf_status subscribe(cf_link *link, const cf_message *message, int64_t clock_difference_ms,
                           cf_outbox *outbox, cf_error *error)
{
    uint64_t publish_window = message->welcome.window / 4;
    head_list rungs = {0};

    cf_outgoing_begin(link->outgoing, publish_window);
    cf_outgoing_confine(link->outgoing, link->is_crowded);
    if (link->is_confined)
        cf_replay_select(cf_outgoing_replay(link->outgoing), link->collections.at,
                         link->collections.count);
    cf_transfer_begin(link->transfer, message->welcome.window - publish_window);
    cf_guests_begin(link->guests, clock_difference_ms);
    cf_link_asking_begin(link);
    cf_link_leases_begin(link);
    if (link->options.only_asks) {
        link->state = CF_LINK_LIVE;
        return CF_OK;
    }
    link->knows_strangers = false;
    cf_status status = compare_heads(link, &rungs, error);
    if (!status) {
        if (link->knows_strangers && link->is_confined)
            cf_link_place(link);
        say_subscribe(link, &rungs, outbox);
        link->state = CF_LINK_SUBSCRIBING;
    }
    free(rungs.heads);
    return status;
}

/* Beyond what is taken only the member log's: they came first, and ended with a page that wasn't
 * full. So an owner still learns who is in, and can shut out who made so many. */
static cf_status take_heads(cf_link *link, const cf_message *message, cf_error *error)
{
    const cf_head *heads = message->welcome.heads;
    size_t count = message->welcome.head_count;
    bool is_member = !link->members_ended;

    link->named += count;
    if (is_member) {
        link->members_ended = count < CF_HEADS_PAGE;
        cf_heads_add(&link->member_heads, heads, count);
    }
    if (link->named > CF_HEADS_MAX && !link->is_crowded) {
        if (!link->members_ended || link->member_heads.count > MEMBERS_MAX)
            return cf_fail(error, CF_TOO_LARGE, "WELCOME names too many heads");
        link->is_crowded = true;
        cf_heads_release(&link->theirs);
        cf_heads_add(&link->theirs, link->member_heads.heads, link->member_heads.count);
    }
    if (link->named > CF_WELCOME_MAX)
        return cf_fail(error, CF_TOO_LARGE, "WELCOME names too many heads");
    if (!link->is_crowded)
        cf_heads_add(&link->theirs, heads, count);
    return CF_OK;
}

cf_status cf_link_welcomed(cf_link *link, const cf_message *message, cf_outbox *outbox,
                           cf_error *error)
{
    cf_link_welcome welcome = {
        .version = message->welcome.version,
        .heads = &link->theirs,
        .clock_difference_ms =
            cf_clock_difference_ms(message->welcome.now_ms, cf_env_now_ms(link->options.env)),
    };

    if (link->state != CF_LINK_GREETING)
        return cf_fail(error, CF_MALFORMED, "WELCOME to nobody's HELLO");
    if (message->welcome.version != CF_PROTOCOL_VERSION)
        return cf_link_fail_version(message->welcome.version, error);
    cf_status named = take_heads(link, message, error);
    if (named)
        return named;
    if (message->welcome.more)
        return CF_OK;
    link->is_clock_off = cf_clock_is_off(welcome.clock_difference_ms);
    if (link->is_clock_off) /* before SUBSCRIBE, by which a clock that is not off is known */
        say_clock(link, outbox);
    cf_status status = subscribe(link, message, welcome.clock_difference_ms, outbox, error);
    if (status)
        return status;
    welcome.is_crowded = link->is_crowded;
    welcome.is_confined = link->is_told_these;
    memcpy(welcome.instance, message->welcome.instance, sizeof welcome.instance);
    link->idle_told = false;
    link->options.events.connected(link->options.events.context, &welcome);
    return CF_OK;
}

cf_status cf_link_subscribed(cf_link *link, const cf_message *message, cf_error *error)
{
    cf_replay *replay = cf_outgoing_replay(link->outgoing);

    if (link->state != CF_LINK_SUBSCRIBING)
        return cf_fail(error, CF_MALFORMED, "SUBSCRIBED to nobody's SUBSCRIBE");
    for (size_t i = 0; i < message->subscribed.held_count; i++) {
        bool held = false;
        cf_status status = cf_replay_holds(replay, &message->subscribed.held[i], &held, error);
        if (status)
            return status;
    }
    if (message->subscribed.more)
        return CF_OK;
    link->state = CF_LINK_LIVE;
    return cf_replay_begin(replay, error);
}
