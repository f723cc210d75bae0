/* SPDX-License-Identifier: Apache-2.0 */
/* A line: what one connection carries, from the counts of its bytes that the kernel has. Says
 * whether it lives (bytes come, or what is sent is acknowledged), whether what is asked for is on
 * its way, and how much the line takes at once. Decides; link_zmq.c reads the counts. */
#ifndef CF_BROKER_LINK_LINE_H
#define CF_BROKER_LINK_LINE_H
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t received, acknowledged; /* bytes, since the connection was made */
    uint64_t busy_us;                /* in which something was sent and not acknowledged yet */
    uint64_t round_trip_us;          /* the shortest there was; 0: unknown */
    uint64_t segment;                /* bytes in the largest packet that may be sent; 0: unknown */
    uint64_t unacknowledged;         /* packets that were sent; 0: none */
    uint64_t packets;                /* with bytes in them, that came or were sent */
    /* Packets that came after one that is missing, and that the other end has so now. */
    uint64_t came_beyond, went_beyond;
} cf_line_counts;

typedef struct {
    cf_line_counts counts;        /* at the last look, */
    uint64_t looked_ms;           /* which was then */
    uint64_t alive_ms;            /* when more than heartbeats went, or anything came */
    uint64_t alive_sent;          /* acknowledged then */
    uint64_t moved;               /* received and acknowledged when it last counted as moving */
    uint64_t beyond;              /* `came_beyond` when anything last moved */
    bool is_idle;                 /* nothing is owed: the caller says so before a look */
    bool carried_large;           /* large packets passed, either way */
    unsigned stuck;               /* connections in a row that ended before any did */
    cf_line_counts measured;      /* where the measure in hand began */
    bool fetches;                 /* contents are awaited: the caller says so before a look */
    uint64_t fetched, fetched_ms; /* bytes that came since, and the time in which some came */
    uint64_t fetch_rate;          /* bytes in a second that it brought lately; 0: unknown */
    uint64_t rate;                /* bytes in a second that it took lately; 0: unknown */
    uint64_t lasted; /* bytes that a connection carried until it broke under way; 0: none did */
} cf_line;

enum {
    CF_LINE_SILENT_MS = 30000, /* nobody is there */
    CF_LINE_STUCK_MS = 25000,  /* the same, of a connection that has carried no large packet */
    CF_LINE_BEATS = 1024,      /* bytes beyond what heartbeats are in that time */
    CF_LINE_LOOK_MS = 5000,    /* a look is due, */
    CF_LINE_FETCH_MS = 500,    /* or sooner, while contents are on their way */
};
static_assert(CF_LINE_FETCH_MS <= CF_LINE_LOOK_MS && 2 * CF_LINE_LOOK_MS < CF_LINE_STUCK_MS &&
                  CF_LINE_STUCK_MS <= CF_LINE_SILENT_MS,
              "who looks late, which is after two looks, has not missed that it is stuck");

/* Another connection, over the same line as far as anybody knows. */
void cf_line_begin(cf_line *line, uint64_t now_ms);
/* What the connection has carried by now. True: bytes move that are no heartbeats. Fewer than
 * before are another connection's, which got the descriptor of one that was just closed. */
bool cf_line_look(cf_line *line, const cf_line_counts *counts, uint64_t now_ms);
/* Nothing came for so long, and nothing went that was acknowledged, though something is owed. */
bool cf_line_is_dead(const cf_line *line, uint64_t now_ms);
/* No large packet has ever passed on this connection, and for so long nothing moves, though packets
 * are sent, or come after one that is missing. */
bool cf_line_is_stuck(const cf_line *line, uint64_t now_ms);
/* Of one that is stuck, once: small packets pass, and large ones don't. Either something came or
 * went after what is missing, or the connection before got stuck, too: over a dead line there would
 * be no other. A tunnel has a smaller MTU than its ends know, say, and who is to tell them is not
 * let through (RFC 2923). */
bool cf_line_drops_large(cf_line *line);
/* One message's worth of a content: what it carries in half a second, from 4 KiB to 256 KiB; 4 KiB
 * where nobody knows, as of a connection that has just been made. Of a line that broke not more
 * than a sixteenth of what it had carried: of a message that is cut nothing arrives. */
uint64_t cf_line_step(const cf_line *line);
/* What may be under way: what the line carries in two seconds and a round trip, at least two steps,
 * at most CF_WINDOW; four steps where nobody knows. An edit that is saved during an upload waits
 * behind no more. */
uint64_t cf_line_window(const cf_line *line);

/* How large an entry of a changeset is made, about: the same, but 128 KiB where nobody knows, since
 * a log of small ones costs whoever reads it; at most CF_PART_SIZE. */
uint64_t cf_line_entry(const cf_line *line);

/* The same of what is asked for, by what came lately: an edit of others waits behind no more. */
uint64_t cf_line_fetch_step(const cf_line *line);
uint64_t cf_line_fetch_window(const cf_line *line);

/* As the kernel counts for the connection with this descriptor; libzmq may have taken no whole
 * message of it yet. False: there is no such connection. */
bool cf_line_count(int descriptor, cf_line_counts *out);
/* This machine still has the address by which the connection goes out, as far as anybody knows. */
bool cf_line_has_address(int descriptor);

/* ---- The pulse ---- */

/* When to say something on a connection that is silent. What stands between the two ends,
 * a NAT for one, forgets a connection on which nothing passes for some time, and tells nobody for
 * how long: so the pauses grow, from 5 s to 4 minutes, as long as the connection outlives them, and
 * begin anew when one is lost. What was too long twice is not tried again for a day. Decides. */
enum {
    CF_PULSE_LEAST_MS = 5000,
    CF_PULSE_MOST_MS = 240000,
    CF_PULSE_SILENCE_MS = 10000, /* a connection may have been forgotten in it */
    CF_PULSE_PATIENCE_MS = 5000, /* then, for any sign that it wasn't */
};
static_assert(CF_PULSE_LEAST_MS <= CF_PULSE_SILENCE_MS && CF_PULSE_SILENCE_MS < CF_PULSE_MOST_MS,
              "the first pause is forgotten by nobody, the longest may be");

typedef struct {
    uint64_t pause_ms;  /* after which something is said; 0: the least */
    uint64_t most_ms;   /* the longest that may be tried; 0: all */
    uint64_t capped_ms; /* when that was found */
    uint64_t failed_ms; /* of silence, after which a connection was found lost; 0: none */
    uint64_t moved_ms;  /* when anything last passed, before what was said */
    uint64_t said_ms;   /* when what is to be answered was said; 0: all is */
    bool is_carried;    /* and the other end's machine has it */
} cf_pulse;

/* Another connection. */
void cf_pulse_begin(cf_pulse *pulse, uint64_t now_ms);
/* Something came, or (`came` false) went and was acknowledged. */
void cf_pulse_moved(cf_pulse *pulse, bool came, uint64_t now_ms);
/* Something goes out that is to be answered. */
void cf_pulse_said(cf_pulse *pulse, uint64_t now_ms);
bool cf_pulse_is_awaited(const cf_pulse *pulse);
/* When something is to be said; UINT64_MAX: it was, and nothing has come since. */
uint64_t cf_pulse_due(const cf_pulse *pulse);
/* Something was said after a silence, and there is no sign that it arrived: 5 s and four round
 * trips long. */
bool cf_pulse_is_forgotten(const cf_pulse *pulse, uint64_t round_trip_us, uint64_t now_ms);
/* The connection is lost, for whatever reason. */
void cf_pulse_lost(cf_pulse *pulse, uint64_t now_ms);

#endif
