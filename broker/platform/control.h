/* SPDX-License-Identifier: Apache-2.0 */
/* How a verb reaches the process that has the home: a Unix socket in its folder, 0600, used by the
 * same user only. One request, then what the verb writes, then its exit code. The server side plugs
 * into any poll loop: one descriptor, one call when it is readable. */
#ifndef CF_BROKER_PLATFORM_CONTROL_H
#define CF_BROKER_PLATFORM_CONTROL_H
#include "codec/bytes.h"
#include "codec/error.h"

#define CF_CONTROL_NAME "control"
#define CF_CONTROL_SILENT_MS 11000 /* a verb that waits for the home says so after 10 s */

typedef struct {
    const cf_bytes *arguments; /* the verb and what follows it; any bytes */
    size_t count;
    bool json;
    cf_bytes folder; /* the caller's working directory: what relative paths begin from */
    /* Of the client, and not sent: how long it waits until the other process has heard of the
     * request, or read it (0: `patience_ms`), and for whatever comes next (0: for ever). */
    uint64_t heard_ms, patience_ms;
} cf_control_request;

typedef enum {
    CF_CONTROL_OUTPUT,   /* for stdout */
    CF_CONTROL_MESSAGES, /* for stderr */
    CF_CONTROL_SILENCE, /* of the client itself: nothing at all has come for CF_CONTROL_SILENT_MS */
} cf_control_stream;

/* ---- Server; all calls from one thread ---- */
typedef struct cf_control cf_control;
typedef struct cf_control_call cf_control_call; /* one caller; the control's own */

typedef struct {
    void *context;
    /* A verb has come; `request` lives until the call ends. Answer at once or later with
     * cf_control_write and cf_control_end. */
    void (*request)(void *context, cf_control_call *call, const cf_control_request *request);
    /* The caller went away before the end: `call` is gone when this returns. Not called after
     * cf_control_end. */
    void (*abandoned)(void *context, cf_control_call *call);
} cf_control_handler;

/* Listens in the folder `path`. CF_LOCKED when a live process listens there; what a dead one left
 * is replaced, and an empty file. CF_CHANGED: something else lies there. */
cf_status cf_control_listen(const char *path, const cf_control_handler *handler, cf_control **out,
                            cf_error *error);
/* Takes the socket away; calls that wait are dropped without `abandoned`. */
void cf_control_destroy(cf_control **control);
int cf_control_descriptor(const cf_control *control);
/* Listens anew where somebody has removed the socket, or emptied its place: to be called now and
 * then. */
cf_status cf_control_renew(cf_control *control, cf_error *error);
void cf_control_readable(cf_control *control);

/* Tells the caller, before anything else, that its request has come. False: it waits no more, and
 * `call` is gone when `request` returns; nothing is to be done for it. */
bool cf_control_is_heard(cf_control_call *call);
/* Queues; never blocks. */
void cf_control_write(cf_control_call *call, cf_control_stream stream, cf_bytes bytes);
/* Bytes that the caller has not taken yet: who writes much waits while this is much. */
size_t cf_control_waiting(const cf_control_call *call);
/* The last one: `call` is the control's again, which sends what is queued. */
void cf_control_end(cf_control_call *call, int exit_code);
/* What the owner keeps with the call; NULL at first. */
void cf_control_set_data(cf_control_call *call, void *data);
void *cf_control_data(const cf_control_call *call);

/* ---- Client ---- */
/* Whether a live process listens in the folder `path`, also one that hangs; `*process`: its id. */
bool cf_control_is_served(const char *path, long *process);

/* Silence is told once, with no bytes. */
typedef void cf_control_sink(void *context, cf_control_stream stream, cf_bytes bytes);

/* Blocks until the verb has ended. CF_MISSING: nobody listens there, nothing was done. CF_LOCKED:
 * `heard_ms` is over, nothing was done. CF_UNREACHABLE: the other process ended in the middle, or
 * the patience is over. */
cf_status cf_control_call_verb(const char *path, const cf_control_request *request,
                               cf_control_sink *sink, void *context, int *exit_code,
                               cf_error *error);

#endif
