/* SPDX-License-Identifier: Apache-2.0 */
/* People with accounts and devices that write real entries, as far as a broker looks at them: the
 * bodies of changes are any bytes. */
#ifndef CF_TESTS_PEOPLE_H
#define CF_TESTS_PEOPLE_H
#include "broker/log/log.h"
#include "codec/heads.h"
#include "codec/member.h"
#include "tests/support/expect.h"

/* A device (or an account) of a user: its keys, and its two chains. */
typedef struct {
    cf_keys *keys;
    cf_hash user;
    cf_hash id;
    cf_hash epoch;
    cf_header members, changes; /* of the next entry */
    cf_heads members_after, changes_after;
    cf_buffer wire; /* the last entry */
    cf_head head;   /* its name */
} person;

extern const cf_id papers; /* the collection that everybody writes to */

/* Other seeds are other people; the account of a new user. */
person an_account(uint16_t seed);
/* A device that isn't anybody's yet. */
person a_device(uint16_t seed, const cf_hash *user);
void person_end(person *self);

/* Makes the next entry; it is in `wire` and has been learned. */
void first_entry(person *account);
void let_in(person *owner, const person *newcomer, cf_role role);
void write_member(person *self, cf_bytes body);
void write_operation(person *self, const cf_member *operation);
/* Takes a device out; what counts of it are these heads. Nobody can open the new epoch. */
void shut_out(person *owner, const cf_hash *device, const cf_head *heads, size_t count);
void write_change(person *self, const char *body, const cf_hash *blobs, size_t count);
/* Its next change is the first of a chain of its own in that collection, and comes after this entry
 * of the member log. */
void begin_chain(person *self, const cf_id *collection, const cf_head *member);
/* The same in the member log. */
void begin_member_chain(person *self, const cf_head *member);
/* Takes an entry of another device into what the next ones come after. */
void learn(person *self, const person *author);
/* The log takes the author's last entry, as one that its device brings. */
void append_entry(cf_log *log, const person *author);

#endif
