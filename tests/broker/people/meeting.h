/* SPDX-License-Identifier: Apache-2.0 */
/* A meeting: a gateway and the links of some devices of one user in one process. Messages are
 * passed by hand, so a test can cut a connection after any of them and let time pass as it likes.
 */
#ifndef CF_TESTS_MEETING_H
#define CF_TESTS_MEETING_H
#include "broker/blobs/blobs.h"
#include "broker/link/link.h"
#include "tests/broker/people/people.h"
#include "tests/support/chance.h"
#include "tests/support/memory_broker.h"

enum { GUESTS_MAX = 4, BLOBS_MAX = 24 };

typedef struct meeting meeting;

/* One side of a link, and what it was told. */
typedef struct {
    meeting *at;
    cf_env env;  /* the meeting's, but for the time of day */
    person *who; /* NULL: a newcomer */
    cf_hash curve;
    cf_store_memory_disk *disk;
    cf_store *store;
    cf_link *link;
    cf_outbox *outbox;
    uint64_t session; /* whose connection it has; 0: none */
    uint8_t routing_id[8];
    bool is_cut; /* the connection is broken, and neither side knows yet */
    uint64_t clock_ahead_ms;
    bool refers; /* its entries come after what it received */
    bool withholds_credit;
    bool is_crowded;  /* WELCOME named too many heads */
    bool is_confined; /* WELCOME named those of its collections alone */
    size_t named;     /* in the last WELCOME */
    size_t uncredited;
    bool has_no_pieces; /* of its blobs */
    cf_buffer blobs[BLOBS_MAX];
    size_t blob_count;
    cf_hash stored_blobs[BLOBS_MAX]; /* in the order in which it was told so */
    size_t connected, lost, entries, accepted, refused, wanted, idle, stored, absent, guests,
        located, checkpoints;
    size_t unsupported[CF_COMMANDS]; /* so it was told, by command */
    size_t leases[CF_COMMANDS];      /* answers about these, likewise */
    size_t messages[CF_COMMANDS];    /* that came, by command */
    cf_status last_loss;
    char loss[512]; /* its words */
    uint64_t retry_ms;
    cf_link_refusal refusal; /* the last one; `code` and `text` are gone */
    char refusal_code[32];
    cf_hash wanted_blob;
    cf_buffer received; /* bytes of wanted blobs */
    cf_buffer knock, admit;
    cf_hash knocker;
    int64_t clock_off_ms;
    cf_status turned_away;
    size_t put_off; /* how often */
    int delays;     /* of blobs */
    char delay[80];
} attendee;

struct meeting {
    cf_env env;
    chance chance;
    uint64_t now_ms;
    person account, desk, lap;
    memory_broker broker;
    attendee *attendees[GUESTS_MAX];
    size_t count;
    size_t connections;
    size_t delivered;
    size_t cut_after;     /* messages delivered in all; 0: never */
    bool is_old;          /* the gateway is from before there were FETCH and CONFINE */
    size_t fetches, gets; /* that it got */
    size_t last_hello;    /* heads in the last HELLO that it got */
};

/* A gateway that knows a user with the owner `desk` and the member `lap`. */
void meeting_open(meeting *at);
void meeting_close(meeting *at);

/* Somebody with an empty log, not connected yet. */
attendee *attend(meeting *at, person *who);
/* A newcomer with a code. */
attendee *knock(meeting *at, const cf_hash *curve, const cf_hash *user, cf_bytes sealed);
/* Makes an entry and appends it to the own log. */
void attendee_writes(attendee *self, const char *body, const cf_hash *blobs, size_t count);
/* Appends another's last entry to the own log. */
void append_wire_of(attendee *self, const person *author);
/* Keeps bytes that it can offer; their name. */
cf_hash attendee_has_blob(attendee *self, size_t size);
void attendee_leave(attendee **self);
/* Entries in the own log. */
uint64_t attendee_last(attendee *self);

/* The gateway starts anew, with what was durable. */
void meeting_restart(meeting *at);
/* Passes messages until there are none. */
void meet(meeting *at);
/* The same, and lets time pass to deadlines until everybody is idle, at most an hour. */
void meet_until_idle(meeting *at);
bool everybody_is_idle(const meeting *at);
/* Breaks the connection; both sides hear of it. */
void cut(attendee *self);
/* All logs and the gateway's name the same heads. */
void expect_equal_logs(meeting *at);

/* Brings a message to its link, as if of the gateway; the last frame cut to `last_size` bytes: our
 * own writer makes no frame that can't be. */
void attendee_hears(attendee *self, const cf_message *message);
void attendee_hears_cut(attendee *self, const cf_message *message, size_t last_size);

#endif
