/* SPDX-License-Identifier: Apache-2.0 */
/* One question after the other, the first that says no answers: is the entry another user's, or
 * here already; does it continue a chain, from what is here; is what it names as heard here; may
 * its author write it, and did he sign it; does it count (else it is kept, from whoever but its own
 * device); is there room for its head; are its blobs here. */
#include "broker/log/acceptance.h"

#include "broker/store/store.h"
#include "codec/message.h"

#include <stdio.h>

static bool refuse(cf_verdict *verdict, cf_offer_answer answer, const char *code, const char *text)
{
    verdict->answer = answer;
    verdict->code = code;
    snprintf(verdict->text, sizeof verdict->text, "%s", text);
    return false;
}

/* The judging goes step by step; each gives false with a verdict that is final, or true to go on.
 * A store that can't be read ends it with a status. */
struct judging {
    const cf_acceptance *acceptance;
    const cf_entry *entry;
    const cf_offer *offer;
    cf_verdict *verdict;
    cf_error *error;
    cf_status status;
    cf_unsettled_head previous; /* of its predecessor; all zero when it is the first */
    cf_validity validity;
};

static bool read_previous(struct judging *judging, const cf_head *previous)
{
    const cf_unsettled_head *unsettled =
        cf_unsettled_heads_find(judging->acceptance->heads_under_way, &previous->hash);
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;

    if (unsettled) {
        judging->previous = *unsettled;
        return true;
    }
    judging->status = cf_store_entry(judging->acceptance->store, judging->acceptance->user,
                                     previous, &wire, &arena, &entry, judging->error);
    if (!judging->status)
        judging->previous = (cf_unsettled_head){.device = entry.header.device,
                                                .collection = entry.header.collection,
                                                .epoch = entry.header.epoch};
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
    if (judging->status == CF_MISSING) {
        judging->status = CF_OK;
        return refuse(judging->verdict, CF_OFFER_LATER, CF_REFUSED_GAP,
                      "its predecessor isn't here");
    }
    return judging->status == CF_OK;
}

static bool check_chain(struct judging *judging)
{
    const cf_header *header = &judging->entry->header;
    const cf_head previous = cf_head_before(header);

    if (header->sequence == 1)
        return true;
    if (!read_previous(judging, &previous))
        return false;
    if (!cf_hash_equal(&judging->previous.device, &header->device) ||
        !cf_id_equal(&judging->previous.collection, &header->collection))
        return refuse(judging->verdict, CF_OFFER_NEVER, CF_REFUSED_FORGED,
                      "its writer belongs to another device or collection");
    return true;
}

static bool check_after(struct judging *judging)
{
    const cf_header *header = &judging->entry->header;

    for (size_t i = 0; i < header->after_count; i++) {
        bool held = cf_unsettled_heads_find(judging->acceptance->heads_under_way,
                                            &header->after[i].hash) != NULL;

        if (!held)
            judging->status = cf_store_holds(judging->acceptance->store, judging->acceptance->user,
                                             &header->after[i], &held, judging->error);
        if (judging->status)
            return false;
        if (!held)
            return refuse(judging->verdict, CF_OFFER_LATER, CF_REFUSED_GAP,
                          "an entry that it comes after isn't here");
    }
    return true;
}

static bool is_out(const cf_registry *registry, const cf_hash *device)
{
    const cf_device *known = cf_registry_device(registry, device);

    return known && known->ended_by;
}

static bool check_member(struct judging *judging)
{
    cf_error why;
    bool counts;
    cf_status status =
        cf_registry_check(judging->acceptance->registry, judging->entry, &counts, &why);

    if (status)
        return refuse(judging->verdict, CF_OFFER_NEVER,
                      status == CF_FORGED ? CF_REFUSED_FORGED : CF_REFUSED_MALFORMED, why.text);
    if (!counts)
        judging->validity = is_out(judging->acceptance->registry, &judging->entry->header.device)
                                ? CF_VALIDITY_REVOKED
                                : CF_VALIDITY_ROLE;
    return true;
}

/* An author may use an epoch that it heard of long before: then its chain is looked at. Mostly the
 * answer is in the entry itself. */
static bool reaches_epoch(struct judging *judging)
{
    const cf_header *header = &judging->entry->header;
    const cf_registry *registry = judging->acceptance->registry;
    const cf_operation *opening = cf_registry_find(registry, &header->epoch);
    cf_member_past past = {0};
    bool found =
        cf_registry_reaches_epoch(registry, header->after, header->after_count, &header->epoch);

    if (!found && opening && opening->opens) {
        judging->status =
            cf_member_ancestry_past(judging->acceptance->ancestry, header, &past, judging->error);
        found = !judging->status && cf_registry_is_reached(registry, &past, &header->epoch);
    }
    cf_member_past_release(&past);
    if (!found && !judging->status)
        refuse(judging->verdict, CF_OFFER_NEVER, CF_REFUSED_MALFORMED,
               "its past doesn't reach its epoch");
    return found;
}

static bool check_change(struct judging *judging)
{
    const cf_header *header = &judging->entry->header;
    const cf_registry *registry = judging->acceptance->registry;
    const cf_device *author = cf_registry_device(registry, &header->device);
    cf_error why;

    if (!author || (header->sequence == 1 &&
                    !cf_registry_reaches_device(registry, header->after, header->after_count,
                                                &header->device)))
        return refuse(judging->verdict, CF_OFFER_NEVER, CF_REFUSED_MALFORMED,
                      "its past doesn't reach the adding of its device");
    if (cf_entry_verify(judging->entry, author->keys.signing, &why))
        return refuse(judging->verdict, CF_OFFER_NEVER, CF_REFUSED_FORGED, why.text);
    if (header->version == 1 && !cf_hash_equal(&header->epoch, &judging->previous.epoch) &&
        !reaches_epoch(judging))
        return false;
    judging->status = cf_validity_of(judging->acceptance, &(cf_considered){.entry = judging->entry},
                                     &judging->validity, judging->error);
    return judging->status == CF_OK;
}

static bool is_without(const cf_offer *offer, const cf_hash *blob)
{
    for (size_t i = 0; i < offer->without_count; i++)
        if (cf_hash_equal(&offer->without[i], blob))
            return true;
    return false;
}

static bool lacks(const cf_hash *user, const cf_offer *offer, const cf_hash *blob)
{
    return offer->stored && !offer->stored(offer->context, user, blob);
}

/* What only the author's own device must have in order. */
static bool check_validity(struct judging *judging)
{
    judging->verdict->is_void = judging->validity != CF_VALIDITY_COUNTS;
    if (judging->offer->bringer == CF_BRINGER_ANOTHER)
        return true;
    if (judging->validity == CF_VALIDITY_REVOKED)
        return refuse(judging->verdict, CF_OFFER_NEVER, CF_REFUSED_VOID, "the device was revoked");
    if (judging->validity == CF_VALIDITY_ROLE)
        return refuse(judging->verdict, CF_OFFER_NEVER, CF_REFUSED_ROLE,
                      "the device's role doesn't allow it");
    return true;
}

/* Nobody honest comes near: a device has one chain in each collection, and another one whenever its
 * home is restored from a copy. */
static bool check_heads(struct judging *judging)
{
    const cf_acceptance *acceptance = judging->acceptance;
    cf_head_claim claim = {.is_by_author = judging->offer->bringer != CF_BRINGER_ANOTHER,
                           .is_void = judging->validity != CF_VALIDITY_COUNTS};

    switch (
        cf_head_counts_room(acceptance->heads, acceptance->head_bounds, judging->entry, claim)) {
    case CF_HEAD_ROOM:
        return true;
    case CF_HEAD_ROOM_NOT_IN_COLLECTION:
        return refuse(judging->verdict, CF_OFFER_NEVER, CF_REFUSED_TOO_MANY_CHAINS,
                      "the device has as many chains in this collection as it may: let it leave "
                      "(`counterfoil leave`), then join again");
    case CF_HEAD_ROOM_NOT_OF_DEVICE:
        return refuse(judging->verdict, CF_OFFER_NEVER, CF_REFUSED_TOO_MANY_CHAINS,
                      "the device has as many chains as it may: let it leave (`counterfoil "
                      "leave`), then join again");
    case CF_HEAD_ROOM_NOT_OF_USER:
        break;
    }
    return refuse(judging->verdict, CF_OFFER_LATER, CF_REFUSED_TOO_MANY_CHAINS,
                  "the user's devices have as many chains together as they may: no new one is "
                  "taken");
}

static bool check_blobs(struct judging *judging)
{
    const cf_header *header = &judging->entry->header;

    if (judging->offer->bringer != CF_BRINGER_AUTHOR)
        return true;
    for (size_t i = 0; i < header->blob_count; i++)
        if (lacks(judging->acceptance->user, judging->offer, &header->blobs[i]) &&
            !is_without(judging->offer, &header->blobs[i]))
            return refuse(judging->verdict, CF_OFFER_LATER, CF_REFUSED_BLOBS,
                          "a blob of it isn't here");
    return true;
}

static bool is_held(struct judging *judging)
{
    const cf_head head = cf_head_of(judging->entry);
    bool held = false;

    if (!cf_unsettled_heads_is_under_way(judging->acceptance->heads_under_way, &head.hash))
        judging->status = cf_store_holds(judging->acceptance->store, judging->acceptance->user,
                                         &head, &held, judging->error);
    return held;
}

cf_status cf_acceptance_of(const cf_acceptance *acceptance, const cf_entry *entry,
                           const cf_offer *offer, cf_verdict *out, cf_error *error)
{
    struct judging judging = {
        .acceptance = acceptance, .entry = entry, .offer = offer, .verdict = out, .error = error};
    bool is_member = cf_id_equal(&entry->header.collection, &cf_member_log_id);

    *out = (cf_verdict){.answer = CF_OFFER_NEW};
    if (!cf_hash_equal(&entry->header.user, acceptance->user))
        refuse(out, CF_OFFER_NEVER, CF_REFUSED_MALFORMED, "it is another user's");
    else if (is_held(&judging))
        out->answer = CF_OFFER_HAVE;
    else if (!judging.status && check_chain(&judging) && check_after(&judging) &&
             (is_member && entry->header.version == 1 ? check_member(&judging)
                                                      : check_change(&judging)) &&
             check_validity(&judging) && check_heads(&judging))
        check_blobs(&judging);
    return judging.status;
}

/* ---- The validity of a change ---- */

/* Whether a limit leaves an entry. A change of role leaves what knew it to the role that it gave,
 * and what the new role allows. */
static cf_status is_left(const cf_acceptance *acceptance, const cf_limit *limit,
                         const cf_considered *change, const cf_member_past *past, bool *left,
                         cf_error *error)
{
    const cf_head head = cf_head_of(change->entry);

    *left =
        cf_limit_names(limit, &head) ||
        (limit->kind == CF_MEMBER_ROLE &&
         (limit->role == CF_ROLE_OWNER || (limit->role == CF_ROLE_MEMBER && !change->as_owner) ||
          cf_registry_is_reached(acceptance->registry, past, &limit->entry)));
    return *left || !change->is_held
               ? CF_OK
               : cf_cutoffs_leave(acceptance->cutoffs, limit, change->entry, left, error);
}

cf_status cf_validity_of(const cf_acceptance *acceptance, const cf_considered *change,
                         cf_validity *out, cf_error *error)
{
    const cf_entry *entry = change->entry;
    const cf_hash *author = &entry->header.device;
    cf_member_past past = {0};
    size_t count;
    const cf_limit *limits = cf_registry_limits(acceptance->registry, author, &count);
    bool varies = cf_registry_role_varies(acceptance->registry, author);
    cf_status status = CF_OK;

    *out = CF_VALIDITY_COUNTS;
    if (varies)
        status = cf_member_ancestry_past(acceptance->ancestry, &entry->header, &past, error);
    for (size_t i = 0; !status && *out == CF_VALIDITY_COUNTS && i < count; i++) {
        bool left;

        status = is_left(acceptance, &limits[i], change, &past, &left, error);
        if (!status && !left)
            *out = limits[i].kind == CF_MEMBER_ROLE ? CF_VALIDITY_ROLE : CF_VALIDITY_REVOKED;
    }
    if (!status && *out == CF_VALIDITY_COUNTS &&
        !cf_registry_may_write(acceptance->registry, author, varies ? &past : NULL,
                               change->as_owner))
        *out = CF_VALIDITY_ROLE;
    cf_member_past_release(&past);
    return status;
}
