/* SPDX-License-Identifier: Apache-2.0 */
/* Section 9 of the protocol, over the whole set at once: roles, who may, what limits, and what is
 * void. */
#include "tests/broker/log/member_history.h"

bool act_is_member(const act *of)
{
    return of->collection == NOBODY;
}

static bool is_kind(const act *of, cf_member_kind kind)
{
    return act_is_member(of) && of->operation.kind == kind;
}

static bool gives_role(const act *of, int device)
{
    return of->about == device && (is_kind(of, CF_MEMBER_FIRST) || is_kind(of, CF_MEMBER_ADD) ||
                                   is_kind(of, CF_MEMBER_ROLE));
}

static cf_role given(const act *of)
{
    return is_kind(of, CF_MEMBER_FIRST) ? CF_ROLE_OWNER : of->operation.role;
}

/* By the latest in `among`; of several that know nothing of each other the least. 0: none. */
static cf_role role_among(const member_history *self, int device, const bool among[MEMBER_ACTS])
{
    bool let_in = false;
    int least = 0;

    for (int i = 0; i < self->count; i++) {
        bool is_latest = among[i] && gives_role(&self->acts[i], device);

        let_in |= is_latest && !is_kind(&self->acts[i], CF_MEMBER_ROLE);
        for (int k = 0; is_latest && k < self->count; k++)
            is_latest = !(among[k] && gives_role(&self->acts[k], device) && self->acts[k].past[i]);
        if (is_latest && (int)given(&self->acts[i]) > least)
            least = (int)given(&self->acts[i]);
    }
    return let_in ? (cf_role)least : 0;
}

/* Whether the role allows what the entry does. */
static bool permits(cf_role role, const act *of)
{
    if (!act_is_member(of))
        return role == CF_ROLE_OWNER || role == CF_ROLE_MEMBER;
    return role == CF_ROLE_OWNER || (role && is_kind(of, CF_MEMBER_LEAVE));
}

bool member_history_allows(const member_history *self, int index)
{
    const act *of = &self->acts[index];
    bool among[MEMBER_ACTS] = {0};

    if (index == 0)
        return true;
    for (int i = 0; i < index; i++)
        among[i] = of->members[i] && self->acts[i].is_allowed;
    if (!permits(role_among(self, of->author, among), of))
        return false;
    switch (of->operation.kind) {
    case CF_MEMBER_FIRST:
        return false;
    case CF_MEMBER_LEAVE:
        return of->author != 0;
    case CF_MEMBER_ANNUL:
        return of->author == 0;
    case CF_MEMBER_REVOKE:
    case CF_MEMBER_ROLE:
        return of->about != 0;
    default:
        return true;
    }
}

/* One of the heads, or in the past of one; in the member log of those that its author had seen, and
 * a `leave` is its own. */
static bool is_left(const member_history *self, int limit, int index, const bool held[MEMBER_ACTS])
{
    const act *by = &self->acts[limit];
    bool in_members = act_is_member(&self->acts[index]);

    for (int i = 0; i < by->naming; i++) {
        int named = by->named[i];

        if (held[named] && act_is_member(&self->acts[named]) == in_members &&
            (!in_members || by->past[named]) && (named == index || self->acts[named].past[index]))
            return true;
    }
    return is_kind(by, CF_MEMBER_LEAVE) && in_members && (limit == index || by->past[index]);
}

/* Everything at once: what is allowed, what limits, then which entries are void, in any order in
 * which causes come before their effects. */
typedef struct {
    member_history *self;
    const bool *held;
    bool allowed[MEMBER_ACTS], limits[MEMBER_ACTS], acts[MEMBER_ACTS];
} judging;

static bool is_annulled(const judging *in, int revocation)
{
    for (int i = 0; i < in->self->count; i++)
        if (in->held[i] && is_kind(&in->self->acts[i], CF_MEMBER_ANNUL) && in->allowed[i] &&
            in->self->acts[i].annuls == revocation)
            return true;
    return false;
}

static bool lowers(const judging *in, int index)
{
    const act *of = &in->self->acts[index];
    bool among[MEMBER_ACTS];

    for (int i = 0; i < in->self->count; i++)
        among[i] = of->past[i] && in->allowed[i];
    cf_role before = role_among(in->self, of->about, among);
    return is_kind(of, CF_MEMBER_ROLE) && before && of->operation.role > before;
}

static bool is_void(const judging *in, int index)
{
    const member_history *self = in->self;
    const act *of = &self->acts[index];
    bool among[MEMBER_ACTS];

    if (index == 0)
        return false;
    if (act_is_member(of) && !in->allowed[index])
        return true;
    for (int i = 0; i < self->count; i++)
        among[i] = of->members[i] && in->acts[i];
    if (!permits(role_among(self, of->author, among), of))
        return true;
    for (int i = 0; i < self->count; i++) {
        const act *by = &self->acts[i];
        bool knows = i == index || of->members[i];

        if (!in->limits[i] || by->about != of->author ||
            (is_kind(by, CF_MEMBER_ROLE) && (knows || permits(by->operation.role, of))))
            continue;
        if (!is_left(self, i, index, in->held))
            return true;
    }
    return false;
}

static void judge_devices(judging *in)
{
    member_history *self = in->self;

    for (int device = 0; device < DEVICES; device++) {
        self->roles[device] = role_among(self, device, in->acts);
        self->is_out[device] = false;
        for (int i = 0; i < self->count; i++)
            self->is_out[device] |= in->limits[i] && self->acts[i].about == device &&
                                    !is_kind(&self->acts[i], CF_MEMBER_ROLE);
    }
}

void member_history_judge(member_history *self, const bool held[MEMBER_ACTS])
{
    judging in = {.self = self, .held = held};

    for (int i = 0; i < self->count; i++)
        in.allowed[i] = held[i] && self->acts[i].is_allowed;
    for (int i = 0; i < self->count; i++) {
        const act *of = &self->acts[i];

        in.limits[i] =
            in.allowed[i] && (is_kind(of, CF_MEMBER_LEAVE) || is_kind(of, CF_MEMBER_ROLE) ||
                              (is_kind(of, CF_MEMBER_REVOKE) && !is_annulled(&in, i)));
    }
    for (int i = 0; i < self->count; i++) {
        if (!held[i])
            continue;
        self->is_void[i] = is_void(&in, i);
        in.acts[i] = in.allowed[i] && (!self->is_void[i] || lowers(&in, i));
    }
    judge_devices(&in);
}
