/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/door/zap.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <czmq.h>

#include "codec/address.h"
#include "codec/bytes.h"

enum { KEY_SIZE = 32, DOMAIN_SIZE = 32, REQUEST_FRAMES = 7 };

typedef struct {
    char domain[DOMAIN_SIZE];
    uint8_t key[KEY_SIZE];
    size_t grants;
} admission;

struct cf_zap {
    pthread_mutex_t mutex; /* of the table */
    admission *admissions; /* ascending by domain, key */
    size_t count, capacity;
    zsock_t *requests;
    zactor_t *actor;
    const cf_env *env;
    cf_audit *audit;
    bool is_doubted; /* by whoever keeps the table */
};

static void admission_name(admission *name, const char *domain, const uint8_t key[KEY_SIZE])
{
    assert(strlen(domain) < DOMAIN_SIZE);
    memset(name, 0, sizeof *name);
    memcpy(name->domain, domain, strlen(domain));
    memcpy(name->key, key, KEY_SIZE);
}

static int compare(const admission *a, const admission *b)
{
    int order = memcmp(a->domain, b->domain, DOMAIN_SIZE);

    return order ? order : memcmp(a->key, b->key, KEY_SIZE);
}

/* Where `name` is, or belongs. */
static size_t place_of(const cf_zap *zap, const admission *name)
{
    size_t low = 0, high = zap->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&zap->admissions[middle], name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const cf_zap *zap, size_t place, const admission *name)
{
    return place < zap->count && compare(&zap->admissions[place], name) == 0;
}

/* Another mechanism has other frames, and fewer. */
static bool is_curve(zframe_t *const frames[REQUEST_FRAMES])
{
    return frames[REQUEST_FRAMES - 1] && zframe_streq(frames[0], "1.0") &&
           zframe_streq(frames[5], "CURVE") && zframe_size(frames[2]) < DOMAIN_SIZE &&
           zframe_size(frames[6]) == KEY_SIZE;
}

/* The frames of a request: version, id, domain, address, identity, mechanism, key; fewer, NULL at
 * the end, with another mechanism. */
static bool is_admitted(cf_zap *zap, zframe_t *const frames[REQUEST_FRAMES], bool *doubted)
{
    char *domain = NULL;
    admission name;
    bool admitted = false;

    *doubted = false;
    if (!is_curve(frames))
        return false;
    domain = zframe_strdup(frames[2]);
    admission_name(&name, domain, zframe_data(frames[6]));
    freen(domain);

    pthread_mutex_lock(&zap->mutex);
    admitted = is_at(zap, place_of(zap, &name), &name);
    *doubted = zap->is_doubted;
    pthread_mutex_unlock(&zap->mutex);
    return admitted;
}

static void audit(cf_zap *zap, zframe_t *const frames[REQUEST_FRAMES], bool admitted)
{
    cf_audit_event event = {.what = admitted ? CF_AUDIT_CONNECTION_ADMITTED
                                             : CF_AUDIT_CONNECTION_REFUSED,
                            .why = admitted ? NULL : "the key is no member's and no guest's",
                            .is_detail = admitted};
    char *address = frames[3] ? zframe_strdup(frames[3]) : NULL;
    cf_hash key;

    if (is_curve(frames)) {
        memcpy(key.bytes, zframe_data(frames[6]), KEY_SIZE);
        event.key = &key;
    } else {
        event.why = "it doesn't speak CURVE";
    }
    event.address = cf_address_plain(address);
    cf_audit_note(zap->audit, &event, zap->env->now_ms(zap->env->context));
    freen(address);
}

static void answer(cf_zap *zap, zframe_t *const frames[REQUEST_FRAMES])
{
    bool doubted, admitted = is_admitted(zap, frames, &doubted);
    char user_id[2 * KEY_SIZE + 1] = "";
    zmsg_t *reply = zmsg_new();

    if (admitted)
        cf_hex(cf_bytes_of(zframe_data(frames[6]), KEY_SIZE), user_id);
    zmsg_addstr(reply, "1.0");
    zmsg_addmem(reply, frames[1] ? zframe_data(frames[1]) : NULL,
                frames[1] ? zframe_size(frames[1]) : 0);
    zmsg_addstr(reply, admitted ? "200" : doubted ? "500" : "400");
    zmsg_addstr(reply, admitted ? "OK" : "unknown key");
    zmsg_addstr(reply, user_id);
    zmsg_addmem(reply, NULL, 0);
    if (zmsg_send(&reply, zap->requests))
        zmsg_destroy(&reply);
    if (zap->audit)
        audit(zap, frames, admitted);
}

static int on_request(zloop_t *loop, zsock_t *requests, void *context)
{
    zframe_t *frames[REQUEST_FRAMES];
    zmsg_t *request = zmsg_recv(requests);

    (void)loop;
    if (!request)
        return 0;
    for (size_t i = 0; i < REQUEST_FRAMES; i++)
        frames[i] = i ? zmsg_next(request) : zmsg_first(request);
    answer(context, frames);
    zmsg_destroy(&request);
    return 0;
}

static int on_pipe(zloop_t *loop, zsock_t *pipe, void *context)
{
    char *command = zstr_recv(pipe);
    bool ends = !command || streq(command, "$TERM");

    (void)loop;
    (void)context;
    freen(command);
    return ends ? -1 : 0;
}

static void run(zsock_t *pipe, void *context)
{
    cf_zap *zap = context;
    zloop_t *loop = zloop_new();

    zloop_reader(loop, pipe, on_pipe, zap);
    zloop_reader(loop, zap->requests, on_request, zap);
    zloop_reader_set_tolerant(loop, zap->requests);
    zsock_signal(pipe, 0);
    zloop_start(loop);
    zloop_destroy(&loop);
}

cf_status cf_zap_start(const cf_env *env, cf_audit *audit_log, cf_zap **out, cf_error *error)
{
    cf_zap *zap = cf_allocate(1, sizeof *zap);

    zap->env = env;
    zap->audit = audit_log;

    pthread_mutex_init(&zap->mutex, NULL);
    zap->requests = zsock_new(ZMQ_REP);
    if (!zap->requests || zsock_bind(zap->requests, "inproc://zeromq.zap.01") < 0) {
        cf_zap_destroy(&zap);
        return cf_fail(error, CF_LOCKED, "another ZAP handler runs in this process");
    }
    zap->actor = zactor_new(run, zap);
    if (!zap->actor) {
        int number = errno;
        cf_zap_destroy(&zap);
        return cf_fail_errno(error, number, "starting the ZAP handler");
    }
    *out = zap;
    return CF_OK;
}

void cf_zap_destroy(cf_zap **zap)
{
    if (!*zap)
        return;
    zactor_destroy(&(*zap)->actor);
    zsock_destroy(&(*zap)->requests);
    pthread_mutex_destroy(&(*zap)->mutex);
    free((*zap)->admissions);
    free(*zap);
    *zap = NULL;
}

void cf_zap_allow(cf_zap *zap, const char *domain, const uint8_t key[KEY_SIZE])
{
    admission name;

    admission_name(&name, domain, key);
    pthread_mutex_lock(&zap->mutex);
    size_t place = place_of(zap, &name);
    if (!is_at(zap, place, &name))
        *cf_one_more_at(zap->admissions, zap->count, zap->capacity, place) = name;
    zap->admissions[place].grants++;
    pthread_mutex_unlock(&zap->mutex);
}

void cf_zap_deny(cf_zap *zap, const char *domain, const uint8_t key[KEY_SIZE])
{
    admission name;

    admission_name(&name, domain, key);
    pthread_mutex_lock(&zap->mutex);
    size_t place = place_of(zap, &name);
    if (is_at(zap, place, &name) && --zap->admissions[place].grants == 0) {
        zap->count--;
        memmove(&zap->admissions[place], &zap->admissions[place + 1],
                (zap->count - place) * sizeof *zap->admissions);
    }
    pthread_mutex_unlock(&zap->mutex);
}

void cf_zap_doubt(cf_zap *zap, bool doubted)
{
    pthread_mutex_lock(&zap->mutex);
    zap->is_doubted = doubted;
    pthread_mutex_unlock(&zap->mutex);
}

bool cf_zap_key(const char *user_id, uint8_t key[KEY_SIZE])
{
    return user_id && cf_unhex(user_id, key, KEY_SIZE);
}
