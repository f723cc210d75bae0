/* SPDX-License-Identifier: Apache-2.0 */
/* A desk that communicates alone in the papers, and a lap that follows them. */
#ifndef CF_TESTS_ALONE_SCENE_H
#define CF_TESTS_ALONE_SCENE_H
#include "broker/gateway/alone.h"
#include "tests/broker/people/broker_world.h"

enum { DAY_MS = CF_LEASE_FOR_MS_MAX };

void alone_lock(household *a, client *from, const char *request, bool shared);
cf_lease_token alone_take(household *a, client *from, const char *request, bool shared);
void alone_unlock(household *a, client *from, const cf_lease_token *token);
void alone_say(household *a, client *from, bool begins);
void alone_publish_with(household *a, client *from, const person *author,
                        const cf_lease_token *token);
void alone_write_papers(household *a, const cf_lease_token *token);
/* The desk's next changes are of that collection. */
void alone_turn_to(household *a, const cf_id *collection);
void alone_follow(household *a, client *by);
/* Both know all that there is: something in the papers, which the lap follows. */
household alone_house(void);
cf_head alone_hear_entry(household *a, client *by);
void alone_expect_entry(household *a, client *by, const cf_head *expected);
void alone_expect_paused(household *a, client *by, size_t count, bool waits);
/* The desk has the lease and communicates alone. */
cf_lease_token alone_begin(household *a);
/* So that there is something that the lap waits for. */
cf_head alone_hold_back(household *a, const cf_lease_token *token);
void alone_expect_over(household *a, const cf_head *head);

#endif
