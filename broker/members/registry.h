/* SPDX-License-Identifier: Apache-2.0 */
/* The members of one user: what the entries of the member log say of devices, their keys and roles,
 * of epochs and of the home broker. A pure function of the entries held: the order in which they
 * came doesn't matter. codec/PROTOCOL.md, "Membership", is normative.
 *
 * An operation is *allowed* when it was its author's to do by the roles in its own past; nothing
 * that comes later changes that. It is *void* when a revocation doesn't let it count, or when only
 * what is void had given its author the role. What isn't both is kept and passed on, and changes
 * nothing; but whoever was allowed to take a device out, or to lower its role, has done so even
 * where that is void: owners that revoke each other are both out. */
#ifndef CF_BROKER_MEMBERS_REGISTRY_H
#define CF_BROKER_MEMBERS_REGISTRY_H
#include "codec/address.h"
#include "codec/entry.h"
#include "codec/heads.h"
#include "codec/member.h"

typedef struct cf_registry cf_registry;

/* Somebody whom an allowed operation let in, the account among them under the user's id. */
typedef struct {
    cf_hash id;
    cf_public_keys keys;
    bool is_valid;           /* let in by what counts, and not out */
    cf_role role;            /* now; where it isn't valid, what it was said to be last */
    cf_hash added;           /* the entry that let it in; of several one that counts, the lowest */
    cf_hash admitter;        /* who wrote that */
    cf_member_kind ended_by; /* REVOKE or LEAVE: it is out; 0: it isn't */
    cf_hash ended;           /* the entry that says so; of several the lowest */
} cf_device;

/* What an entry of the member log does. */
typedef struct {
    cf_head entry;
    cf_hash author;
    cf_member_kind kind; /* 0: nothing that is known here */
    uint64_t time_ms;
    cf_hash device;     /* FIRST, ADD, GRANT, REVOKE, LEAVE, ROLE: whom it is about */
    cf_role role;       /* FIRST, ADD, ROLE */
    cf_hash revocation; /* ANNUL */
    bool opens;         /* an epoch of its name */
    bool is_allowed;
    bool is_void;
    bool acts; /* REVOKE, LEAVE, ROLE that lowers: allowed, and not annulled; else: not void */
} cf_operation;

cf_registry *cf_registry_new(const cf_hash *user);
void cf_registry_destroy(cf_registry **registry);

/* Judges an entry of the member log whose past is here (predecessor and `after`). CF_MALFORMED: its
 * past doesn't reach the `add` of its device; CF_FORGED: so is its signature. From nobody is it
 * taken then. Else it may be added, and counts or doesn't (an unknown operation doesn't). */
cf_status cf_registry_check(const cf_registry *registry, const cf_entry *entry, bool *counts,
                            cf_error *error);
/* Takes an entry that was checked, and copies it; twice is once. */
void cf_registry_add(cf_registry *registry, const cf_entry *entry);
/* What was found out about an entry before: is not verified again. {0}: nothing. */
typedef struct {
    bool is_signed; /* by the key that its author was let in with */
    bool is_proven; /* ADD: by the newcomer, too */
} cf_member_known;
/* Takes one of many entries, as where a log is opened: what counts is right once all were taken and
 * cf_registry_settle was called. */
void cf_registry_take(cf_registry *registry, const cf_entry *entry, cf_member_known known);
void cf_registry_settle(cf_registry *registry);
bool cf_registry_holds(const cf_registry *registry, const cf_hash *entry);
size_t cf_registry_count(const cf_registry *registry); /* entries */
/* In the order in which they were added. */
cf_bytes cf_registry_entry(const cf_registry *registry, size_t index);
const cf_operation *cf_registry_operation(const cf_registry *registry, size_t index);
/* NULL when it isn't held. */
const cf_operation *cf_registry_find(const cf_registry *registry, const cf_hash *entry);
/* The ends of the member log's branches. */
const cf_heads *cf_registry_heads(const cf_registry *registry);

/* All that were ever let in, valid or not; in no order. */
size_t cf_registry_device_count(const cf_registry *registry);
const cf_device *cf_registry_device_at(const cf_registry *registry, size_t index);
/* NULL when there is none. */
const cf_device *cf_registry_device(const cf_registry *registry, const cf_hash *device);
bool cf_registry_is_valid(const cf_registry *registry, const cf_hash *device);
/* The valid device (or account) with this key: who may connect. */
const cf_device *cf_registry_by_curve(const cf_registry *registry, const uint8_t curve[32]);

/* Whether the past of these heads (and they themselves) reaches the device's `add`, or the opening
 * of an epoch. Heads that are not of the member log are passed over. */
bool cf_registry_reaches_device(const cf_registry *registry, const cf_head *heads, size_t count,
                                const cf_hash *device);
bool cf_registry_reaches_epoch(const cf_registry *registry, const cf_head *heads, size_t count,
                               const cf_hash *epoch);
/* ---- What counts of changes (entries of other collections than the member log) ---- */

/* An operation that takes from a device what it doesn't name: REVOKE, LEAVE, ROLE. */
typedef struct {
    cf_hash entry;
    cf_member_kind kind;
    cf_role role; /* ROLE: what it may from then on */
    const cf_head *heads;
    size_t head_count;
} cf_limit;

/* Those in force about a device. Borrowed until an entry is added. */
const cf_limit *cf_registry_limits(const cf_registry *registry, const cf_hash *device,
                                   size_t *count);
bool cf_limit_names(const cf_limit *limit, const cf_head *entry);
/* The limit names a later entry of the chain: while that is not here, nobody knows whether it
 * leaves this one. */
bool cf_limit_names_later(const cf_limit *limit, const cf_head *entry);
/* The next device of which a limit in force names this entry; `*from` begins with 0. NULL: none. */
const cf_hash *cf_registry_named_for(const cf_registry *registry, const cf_head *entry,
                                     size_t *from);

/* Entries of the member log that the past of some entry reaches; {0} is empty. */
typedef struct {
    uint64_t *words;
    size_t count;
} cf_member_past;

void cf_member_past_release(cf_member_past *past);
/* Adds the past of these heads, and they themselves. Those not of the member log are passed over.
 */
void cf_registry_reach(const cf_registry *registry, const cf_head *heads, size_t count,
                       cf_member_past *past);
bool cf_registry_is_reached(const cf_registry *registry, const cf_member_past *past,
                            const cf_hash *entry);
/* False: what the device may is the same in each of its entries, whatever their past. */
bool cf_registry_role_varies(const cf_registry *registry, const cf_hash *device);
/* Whether a device's role lets it write a change whose member past this is (NULL where the role
 * doesn't vary), and, with `as_owner`, one that only an owner may. */
bool cf_registry_may_write(const cf_registry *registry, const cf_hash *device,
                           const cf_member_past *past, bool as_owner);
/* The devices whose entries may count otherwise since the last entry was added. `*only_less`: none
 * that was void can count again. */
const cf_hash *cf_registry_disturbed(const cf_registry *registry, size_t *count, bool *only_less);

/* ---- Keys and home ---- */

/* The epoch that authors seal under now. NULL: nobody may write before an owner opens one. */
const cf_hash *cf_registry_epoch(const cf_registry *registry);
/* Those that aren't void, and that no other such has in its past: from these come all keys, since
 * each opening has the earlier ones. Several where owners opened them apart. NULL: no more. */
const cf_hash *cf_registry_epoch_at(const cf_registry *registry, size_t index);
/* Who is valid (the account, too), reads, and has no key of this epoch: an owner grants it one.
 * `out` has room for cf_registry_device_count of them; how many there are. */
size_t cf_registry_list_lacking(const cf_registry *registry, const cf_hash *epoch, cf_hash *out);

typedef struct {
    uint64_t generation;
    cf_bytes address; /* a line of codec/address.h; borrowed */
    cf_hash entry;
} cf_home_broker;
/* The home in force; false when none was named. */
bool cf_registry_home(const cf_registry *registry, cf_home_broker *out);
/* Whether the home in force is another broker than the one with this CURVE key; then which, by the
 * line in `*home`, which is read into `*address`. */
bool cf_registry_has_moved(const cf_registry *registry, const uint8_t key[32], cf_home_broker *home,
                           cf_address *address);
/* The highest generation that any entry held says, void or not: a new home has one more. */
uint64_t cf_registry_home_generation(const cf_registry *registry);

#endif
