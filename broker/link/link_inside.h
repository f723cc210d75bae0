/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a link share: link.c (calls and time), link_greeting.c (from HELLO to live),
 * link_receive.c (what arrives), link_leases.c and link_asking.c (what is asked). Nobody else
 * includes this. */
#ifndef CF_BROKER_LINK_LINK_INSIDE_H
#define CF_BROKER_LINK_LINK_INSIDE_H
#include "broker/link/guests.h"
#include "broker/link/link.h"
#include "broker/link/outgoing.h"
#include "codec/id_list.h"
#include "broker/link/unknown.h"

typedef enum {
    CF_LINK_STOPPED,
    CF_LINK_PAUSED,      /* until retry_ms */
    CF_LINK_COMPARING,   /* a newcomer asks what time it is there */
    CF_LINK_KNOCKING,    /* a newcomer waits for ADMIT */
    CF_LINK_GREETING,    /* HELLO is out, WELCOME comes in pages */
    CF_LINK_SUBSCRIBING, /* SUBSCRIBE is out, SUBSCRIBED comes in pages */
    CF_LINK_LIVE,
} cf_link_state;

typedef enum {
    CF_LINK_NOTHING,
    CF_LINK_DUE,  /* to be said */
    CF_LINK_SAID, /* and not answered yet */
} cf_link_request;

struct cf_link {
    cf_link_options options;
    cf_buffer knock;
    cf_link_state state;
    uint64_t sessions;     /* how many there were */
    uint64_t retry_ms;     /* of PAUSED */
    uint64_t hasty_ms;     /* of PAUSED: no sooner, if there is something to send */
    uint64_t knock_ms;     /* of KNOCKING: when to say it again; 0: it is being answered */
    bool has_knocked;      /* in any session */
    unsigned attempts;     /* since something got through */
    uint64_t step, window; /* what the line takes, and may have to take; 0: nobody has said */
    uint64_t entry;        /* how large one is made; the same */
    uint64_t heard_ms;     /* when something moved, or began to be waited for */
    uint64_t heard_at_ms;  /* by the time of day, when something came of the other; 0: never */
    uint64_t due_ms;       /* of the next tick; 0: there was none */
    cf_heads theirs;       /* from WELCOME */
    size_t named;          /* heads in it, */
    cf_heads member_heads; /* those of its first pages, up to one that isn't full */
    bool members_ended;    /* that has come */
    bool is_crowded;       /* it names more than are taken: `theirs` are those of the member log */
    cf_heads owed;         /* those of them that have not come yet */
    cf_paused *paused;     /* collections that others communicate alone in */
    size_t paused_count, paused_capacity;
    uint64_t paused_ms;   /* when that was heard */
    cf_ids collections;   /* sorted, with those that are common; empty: all */
    bool is_confined;     /* to these in sending, too */
    bool awaits_confined; /* CONFINE is out */
    bool is_told_these;   /* CONFINED came: WELCOME names nothing of others */
    bool knows_strangers; /* WELCOME names writers of whom nothing is held here */
    bool places;          /* what is asked is for these: in which collection they write */
    size_t placed;        /* heads that it said so of, */
    cf_head *theirs_here; /* and those of them that are subscribed */
    size_t here_count, here_capacity;
    uint64_t entry_position; /* of the entry in hand, there */
    uint64_t uncommitted;    /* bytes of entries that the owner has not given back */
    uint64_t credit_due;     /* to be granted again */
    bool was_put_off;        /* it has just been told to come later */
    bool was_removed;        /* so the other has just said of the user */
    bool is_distrusted;      /* something that came in this session is refused */
    bool is_clock_off;       /* more than a day from the other's: nothing is published */
    bool idle_told;
    bool waits;           /* for an answer, at the last tick */
    uint64_t answered_ms; /* when anything came last that a broker may say, or it began to wait; */
    unsigned idle_words;  /* and what has come since that nobody had asked for */
    bool was_offering;
    bool awaits_blobs; /* more will be offered soon */
    cf_heads report;   /* what is to be reported */
    uint64_t lacking;  /* what is to be said of entries that the other lost; 0: nothing */
    cf_unknown unknown;
    cf_link_request reporting, asking;
    cf_hash *asked; /* devices whose heads are asked for; NULL: what there is */
    size_t asked_count, ended_count;
    cf_link_request checking;
    bool checks_again;    /* entries came before the answer did: more may wait behind it */
    bool locates;         /* LOCATE is to be said */
    unsigned locates_out; /* LOCATEs without an answer yet */
    bool awaits_located;  /* its answer is waited for */
    cf_link_request checkpointing;
    cf_checkpoint checkpoint; /* that is to be said, or was */
    cf_transfer *transfer;
    cf_outgoing *outgoing; /* NULL for a newcomer */
    cf_guests *guests;
    struct cf_lease_question *questions; /* not out yet */
    size_t question_count, question_capacity;
    cf_arena arena; /* of the message in hand */
};

/* Reports and questions, see link_asking.c. A new session says again what was not answered. */
void cf_link_asking_begin(cf_link *link);
void cf_link_asking_pump(cf_link *link, uint64_t now_ms, cf_outbox *outbox);
bool cf_link_asking_is_idle(const cf_link *link);
void cf_link_answered(cf_link *link, const cf_message *message);
/* Asks in which collections the writers are that are strangers here; and whether that is known. */
void cf_link_place(cf_link *link);
/* HOLDS came: what is subscribed of it, and is not here once all has come, is owed. */
cf_status cf_link_placed(cf_link *link, const cf_message *message, cf_error *error);
/* Asks where the log is, whoever wants to know; and its answer, or refusal, came. */
void cf_link_say_locate(cf_link *link, cf_outbox *outbox);
void cf_link_located(cf_link *link);
/* The other does not know CHECKPOINT; nor such a question. */
void cf_link_checkpoint_unsupported(cf_link *link);
void cf_link_asking_unsupported(cf_link *link);
/* What cf_link_ask_lease keeps until the session is live. */
void cf_link_leases_begin(cf_link *link);
void cf_link_leases_pump(cf_link *link, uint64_t now_ms, cf_outbox *outbox);
void cf_link_lease_answered(cf_link *link, const cf_message *answer);
/* PAUSED came, or none did for so long that nobody is alone any more; and whether, by that, what
 * WELCOME named need not come yet. */
void cf_link_take_paused(cf_link *link, const cf_message *message, uint64_t now_ms);
bool cf_link_is_any_paused(const cf_link *link);

/* Ends the session for this reason; the link tries again later. */
void cf_link_lose(cf_link *link, const cf_error *why, uint64_t now_ms);

void cf_link_greet(cf_link *link, uint64_t now_ms, cf_outbox *outbox);
void cf_link_knock(cf_link *link, cf_outbox *outbox);
cf_status cf_link_welcomed(cf_link *link, const cf_message *message, cf_outbox *outbox,
                           cf_error *error);
cf_status cf_link_subscribed(cf_link *link, const cf_message *message, cf_error *error);

cf_status cf_link_receive(cf_link *link, const cf_message *message, uint64_t now_ms,
                          cf_outbox *outbox, cf_error *error);

#endif
