/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the registry, for its parts: registry.c takes entries, registry_nodes.c finds
 * them, and knows what each had seen and who has which role where, registry_validity.c what counts,
 * registry_epochs.c which key is in use. Nobody else includes it. */
#ifndef CF_BROKER_MEMBERS_REGISTRY_INSIDE_H
#define CF_BROKER_MEMBERS_REGISTRY_INSIDE_H
#include "broker/members/registry.h"

static inline bool cf_past_has(const cf_member_past *set, size_t index)
{
    return index / 64 < set->count && (set->words[index / 64] >> index % 64 & 1);
}

/* One entry of the member log. */
typedef struct {
    cf_operation operation;
    cf_bytes wire;
    cf_member member;    /* when operation.kind isn't 0 */
    cf_member_past past; /* itself included */
    bool lowers;         /* ROLE: less than the device had in this entry's past */
} cf_member_node;

typedef struct {
    size_t *at;
    size_t count, capacity;
} cf_node_list;

/* Somebody whom an operation is about, let in or not. */
typedef struct {
    cf_device device;
    bool is_known;      /* an allowed operation let it in */
    cf_node_list roles; /* FIRST, ADD, ROLE about it, allowed; ascending */
    cf_node_list outs;  /* REVOKE, LEAVE, ROLE about it, allowed; ascending */
    cf_limit *limits;   /* of these, the ones that are in force; parallel to `covers` */
    cf_member_past *covers;
    size_t limit_count;
} cf_subject;

struct cf_registry {
    cf_hash user;
    cf_member_node *nodes;
    size_t node_count, node_capacity;
    cf_subject *subjects;
    size_t subject_count, subject_capacity;
    cf_node_list by_id; /* all of them */
    cf_node_list known; /* of the subjects, in the order in which they became it */
    cf_heads heads;
    cf_node_list epochs; /* that are overtaken by none */
    cf_hash epoch;       /* of these, the one in use */
    bool has_epoch;
    cf_hash *disturbed; /* by the last entry */
    size_t disturbed_count, disturbed_capacity;
    bool only_less; /* see cf_registry_disturbed */
    cf_arena arena; /* wires, operations, pasts */
};

/* ---- registry_nodes.c ---- */

void cf_node_list_add(cf_node_list *list, size_t index);
const cf_member_node *cf_registry_node(const cf_registry *registry, const cf_hash *entry);
/* SIZE_MAX when there is none. */
size_t cf_registry_subject(const cf_registry *registry, const cf_hash *device);
/* Of somebody new, too. */
size_t cf_registry_make_subject(cf_registry *registry, const cf_hash *device);
/* What of the log its author had seen: all that it names, and their pasts. */
cf_member_past cf_registry_past(const cf_registry *registry, const cf_header *header,
                                cf_arena *arena);

typedef enum {
    CF_BY_PAST, /* by what is allowed: nothing that comes later changes it */
    CF_BY_NOW,  /* by what counts of it */
} cf_role_rule;

/* The role that the latest operation in `past` (NULL: in all that is held) gives the subject; of
 * several that know nothing of each other, the least. False: none. */
bool cf_subject_role(const cf_registry *registry, const cf_subject *subject,
                     const cf_member_past *past, cf_role_rule rule, cf_role *role);
/* Whether a role lets a device do this. */
bool cf_role_permits(cf_role role, cf_member_kind kind);
/* Whether the operation is the author's to do, by its role; whether who is let in has signed for it
 * is another question. */
bool cf_registry_permits(const cf_registry *registry, const cf_hash *author, cf_role role,
                         const cf_member *member);

/* ---- registry_validity.c ---- */

void cf_subject_forget_limits(cf_subject *subject);
/* Whether this entry of the member log, whose past is here, is void; it may not be held itself. */
bool cf_registry_is_void(const cf_registry *registry, const cf_head *entry, const cf_hash *author,
                         cf_member_kind kind, const cf_member_past *past);
/* After the last node came: what counts now, of it and of those before it. */
void cf_registry_weigh(cf_registry *registry);
/* The same after any number of nodes; nobody is disturbed. */
void cf_registry_weigh_all(cf_registry *registry);

/* ---- registry_epochs.c ---- */

void cf_registry_choose_epoch(cf_registry *registry);

#endif
