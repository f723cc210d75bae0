/* SPDX-License-Identifier: Apache-2.0 */
/* This device's own entries, of collections and the member log: built, judged by the own log, then
 * committed together with the records that follow from them. The log judges before the author
 * counts an entry as made, which can't be taken back. */
#include "peer/log/peer.h"

#include "peer/log/unsent.h"

#include <stdlib.h>

struct cf_publication {
    cf_peer *peer;
    cf_collection *collection;
    cf_hash epoch;
    bool has_epoch;
    cf_buffer *wires;
    size_t count, capacity;
    cf_kv_list records;
};

cf_publication *cf_publication_new(cf_peer *peer, cf_collection *collection)
{
    cf_publication *publication = cf_allocate(1, sizeof *publication);

    publication->peer = peer;
    publication->collection = collection;
    return publication;
}

void cf_publication_destroy(cf_publication **publication)
{
    if (!*publication)
        return;
    for (size_t i = 0; i < (*publication)->count; i++)
        cf_buffer_release(&(*publication)->wires[i]);
    free((*publication)->wires);
    cf_kv_list_release(&(*publication)->records);
    free(*publication);
    *publication = NULL;
}

cf_time cf_publication_time(const cf_publication *publication, uint64_t now_ms)
{
    const cf_author *author = publication->peer->author;

    return publication->count ? cf_author_time_on(author, now_ms) : cf_author_time(author, now_ms);
}

/* Before the author counts the entry as made and anybody notes what it says, for neither can be
 * taken back: who builds upon an entry that is in no log says nothing ever after. Those that follow
 * in a publication are judged like its first. */
static cf_status ask_log(const cf_publication *publication, const cf_entry *entry, cf_error *error)
{
    const cf_offer offer = {.bringer = CF_BRINGER_SELF};
    cf_verdict verdict;

    if (publication->count)
        return CF_OK;
    cf_status status = cf_log_check(publication->peer->log, entry, &offer, &verdict, error);
    if (!status && verdict.answer != CF_OFFER_NEW)
        status = cf_fail(error, CF_DENIED, "the own log refuses: %s", verdict.text);
    return status;
}

static cf_status build(cf_publication *publication, const cf_draft *draft, cf_dot *dot,
                       cf_error *error)
{
    cf_peer *peer = publication->peer;
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;

    cf_status status = cf_author_entry(peer->author, draft, &wire, &publication->records, error);
    if (!status)
        status = cf_entry_read(cf_buffer_view(&wire), &arena, &entry, error);
    if (!status)
        status = ask_log(publication, &entry, error);
    if (!status) {
        cf_author_took(peer->author, &entry);
        *dot = cf_entry_dot(&entry);
        *cf_one_more(publication->wires, publication->count, publication->capacity) = wire;
        wire = (cf_buffer){0};
    }
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
    return status;
}

/* `draft` with these plain bytes. */
static cf_status seal_and_build(cf_publication *publication, cf_draft draft, const cf_body *body,
                                cf_dot *dot, cf_error *error)
{
    cf_buffer plain = {0};

    cf_author_saw(publication->peer->author, cf_peer_device(publication->peer), body->time,
                  body->time.ms, &publication->records);
    cf_body_pack(body, &plain);
    draft.plain = cf_buffer_view(&plain);
    cf_status status = build(publication, &draft, dot, error);
    cf_buffer_release(&plain);
    return status;
}

/* Entries that say nothing, but name the heads for which the body's own `after` has no room: who
 * edits a file that 5,000 chains wrote to. Nothing comes between the parts of a changeset, so the
 * first one is preceded by all. */
static cf_status tell_heads(cf_publication *publication, const cf_draft *draft, cf_time *time,
                            cf_error *error)
{
    cf_draft saying_nothing = *draft;
    bool whole = draft->body->parts > 1;
    cf_status status = CF_OK;
    cf_dot ignored;

    saying_nothing.blob_count = 0;
    while (!status && draft->body->part == 1 &&
           cf_author_tells_first(publication->peer->author, draft, whole)) {
        status = seal_and_build(publication, saying_nothing,
                                &(cf_body){.time = *time, .part = 1, .parts = 1}, &ignored, error);
        *time = cf_time_after(*time, time->ms);
    }
    return status;
}

cf_status cf_publication_add(cf_publication *publication, const cf_body *body, const cf_hash *blobs,
                             size_t blob_count, cf_dot *dot, cf_error *error)
{
    cf_body said = *body;
    cf_status status = CF_OK;

    if (!publication->has_epoch)
        status = cf_peer_epoch(publication->peer, &publication->epoch, error);
    publication->has_epoch = !status;
    cf_draft draft = {.collection = publication->collection->id,
                      .type = CF_ENTRY_CHANGE,
                      .epoch = publication->epoch,
                      .blobs = blobs,
                      .blob_count = blob_count,
                      .body = body};
    if (!status)
        status = tell_heads(publication, &draft, &said.time, error);
    return status ? status : seal_and_build(publication, draft, &said, dot, error);
}

cf_status cf_publication_commit(cf_publication *publication, cf_kv_list *records, cf_error *error)
{
    cf_peer *peer = publication->peer;
    cf_intake in = {.peer = peer};
    cf_unsent unsent = {0};

    cf_status status =
        cf_unsent_load(cf_home_store(peer->home), cf_peer_user(peer), &unsent, error);
    if (records)
        cf_kv_list_add(&publication->records, records);
    for (size_t i = 0; !status && i < publication->count; i++) {
        bool last = i + 1 == publication->count, taken;
        cf_arena arena = {0};
        cf_kv_list own = {0};
        cf_entry entry;

        if (last)
            cf_kv_list_add(&own, &publication->records);
        status = cf_entry_read(cf_buffer_view(&publication->wires[i]), &arena, &entry, error);
        if (!status) {
            cf_head head = cf_head_of(&entry);

            cf_unsent_add(&unsent, &head);
            cf_unsent_put(&unsent, &own);
            status = cf_intake_take(&in, &entry, CF_BRINGER_SELF, &own, &taken, error);
        }
        cf_kv_list_release(&own);
        cf_arena_release(&arena);
    }
    cf_unsent_release(&unsent);
    return cf_intake_finish(&in, status, error);
}

/* ---- The member log ---- */

/* Its time is for people only: a clock that is beyond what an entry may say keeps nobody from
 * shutting out a device. */
static void pack_operation(const cf_member *member, cf_buffer *out)
{
    cf_member said = *member;

    said.time_ms = cf_time_after((cf_time){0}, member->time_ms).ms;
    cf_member_pack(&said, out);
}

static cf_status build_as_account(cf_peer *peer, const cf_member *member, cf_buffer *wire,
                                  cf_error *error)
{
    cf_author *author = NULL;
    cf_buffer plain = {0};

    pack_operation(member, &plain);
    cf_status status = cf_author_open(
        &(cf_author_options){peer->env, peer->log, peer->account, peer->ring}, &author, error);
    if (!status)
        status = cf_author_entry(author,
                                 &(cf_draft){.collection = cf_member_log_id,
                                             .type = CF_ENTRY_MEMBER,
                                             .plain = cf_buffer_view(&plain)},
                                 wire, NULL, error);
    cf_author_destroy(&author);
    cf_buffer_release(&plain);
    return status;
}

/* An entry that is built, on its way out. */
static cf_status commit_built(cf_publication *publication, cf_head *head, cf_error *error)
{
    cf_arena arena = {0};
    cf_entry entry;

    cf_status status = cf_entry_read(cf_buffer_view(&publication->wires[0]), &arena, &entry, error);
    if (!status) {
        *head = cf_head_of(&entry);
        status = cf_publication_commit(publication, NULL, error);
    }
    cf_arena_release(&arena);
    return status;
}

static cf_status sign_as_device(cf_publication *publication, const cf_member *member,
                                cf_error *error)
{
    cf_buffer plain = {0};
    cf_dot dot;

    pack_operation(member, &plain);
    cf_status status = build(publication,
                             &(cf_draft){.collection = cf_member_log_id,
                                         .type = CF_ENTRY_MEMBER,
                                         .plain = cf_buffer_view(&plain)},
                             &dot, error);
    cf_buffer_release(&plain);
    return status;
}

static cf_status sign_as_account(cf_publication *publication, const cf_member *member,
                                 cf_error *error)
{
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;

    cf_status status = build_as_account(publication->peer, member, &wire, error);
    if (!status)
        status = cf_entry_read(cf_buffer_view(&wire), &arena, &entry, error);
    if (!status)
        status = ask_log(publication, &entry, error);
    if (!status) {
        cf_author_met(publication->peer->author, &entry);
        *cf_one_more(publication->wires, publication->count, publication->capacity) = wire;
        wire = (cf_buffer){0};
    }
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
    return status;
}

cf_status cf_peer_sign(cf_peer *peer, const cf_member *member, bool as_account, cf_head *head,
                       cf_error *error)
{
    cf_publication *publication = cf_publication_new(peer, NULL);

    cf_status status = as_account ? sign_as_account(publication, member, error)
                                  : sign_as_device(publication, member, error);
    if (!status)
        status = commit_built(publication, head, error);
    cf_publication_destroy(&publication);
    return status;
}

cf_status cf_peer_publish_member(cf_peer *peer, const cf_member *member, cf_error *error)
{
    cf_head head;

    return cf_peer_sign(peer, member, false, &head, error);
}

/* ---- The catalog ---- */

cf_status cf_peer_publish_changes(cf_peer *peer, cf_collection *collection,
                                  const cf_change *changes, size_t count, uint64_t now_ms,
                                  cf_error *error)
{
    cf_publication *publication = cf_publication_new(peer, collection);
    cf_body body = {.part = 1, .parts = 1, .changes = changes, .change_count = count};
    cf_dot dot;

    body.time = cf_publication_time(publication, now_ms);
    cf_status status = cf_publication_add(publication, &body, NULL, 0, &dot, error);
    if (!status)
        status = cf_publication_commit(publication, NULL, error);
    cf_publication_destroy(&publication);
    return status;
}
