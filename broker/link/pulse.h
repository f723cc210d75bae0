/* SPDX-License-Identifier: Apache-2.0 */
/* A pulse: when to say something on a connection that is silent. What stands between the two ends,
 * a NAT for one, forgets a connection on which nothing passes for some time, and tells nobody for
 * how long: so the pauses grow, from 5 s to 4 minutes, as long as the connection outlives them, and
 * begin anew when one is lost. What was too long twice is not tried again for a day. Decides. */
#ifndef CF_BROKER_LINK_PULSE_H
#define CF_BROKER_LINK_PULSE_H
#include <stdbool.h>
#include <stdint.h>

enum {
    CF_PULSE_LEAST_MS = 5000,
    CF_PULSE_MOST_MS = 240000,
    CF_PULSE_SILENCE_MS = 10000, /* a connection may have been forgotten in it */
    CF_PULSE_PATIENCE_MS = 5000, /* then, for any sign that it wasn't */
};

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
