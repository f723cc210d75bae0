/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories of one user: five devices that let each other in and out, write changes, fork,
 * and name whatever they like in `after`; and what section 9 of the protocol says of each entry,
 * worked out from the whole set at once. */
#ifndef CF_TESTS_MEMBER_HISTORY_H
#define CF_TESTS_MEMBER_HISTORY_H
#include "codec/heads.h"
#include "codec/member.h"
#include "tests/support/expect.h"

enum { DEVICES = 5, COLLECTIONS = 2, MEMBER_ACTS = 40, NAMED = 6, NOBODY = -1 };

/* One entry. Others are named by their place in the history. */
typedef struct {
    cf_buffer wire;
    cf_head head;
    int author, collection; /* NOBODY: of the member log */
    int previous;
    bool after[MEMBER_ACTS];
    bool past[MEMBER_ACTS];    /* the whole of it, without itself */
    bool members[MEMBER_ACTS]; /* the member past */
    cf_member operation;
    int about;                /* a device */
    int named[NAMED], naming; /* its heads */
    int annuls;
    bool is_allowed; /* by its own past */
} act;

typedef struct {
    uint64_t state; /* of the generator */
    cf_hash user;
    cf_keys *keys[DEVICES]; /* the first is the account's */
    cf_hash ids[DEVICES];
    act acts[MEMBER_ACTS];
    int count;
    bool is_void[MEMBER_ACTS]; /* the result */
    bool is_out[DEVICES];
    cf_role roles[DEVICES]; /* 0: none */
} member_history;

bool act_is_member(const act *of);
member_history *a_member_history(uint64_t seed);
void member_history_end(member_history **self);
unsigned member_history_random(member_history *self, unsigned below);
/* Who may: by what the operation's own past says. */
bool member_history_allows(const member_history *self, int index);
/* Fills in the result, of the entries that are held. */
void member_history_judge(member_history *self, const bool held[MEMBER_ACTS]);

#endif
