/* SPDX-License-Identifier: Apache-2.0 */
/* The server's side; control_client.c has the other. */
#include "broker/platform/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/platform/control_frames.h"

enum { EVENTS = 32, BACKLOG = 64 };

typedef enum {
    CALL_READING, /* its request */
    CALL_RUNNING,
    CALL_ENDED, /* what is queued goes out, then it is over */
    CALL_GONE,  /* freed at the end of the round */
} call_state;

struct cf_control_call {
    cf_control *control;
    cf_control_call *next;
    int end;
    call_state state;
    cf_buffer in, out;
    size_t sent;    /* of `out` */
    cf_arena arena; /* of `request`, which borrows from `in`, too */
    cf_control_request request;
    void *data;
};

struct cf_control {
    cf_control_handler handler;
    int folder, listener, poll;
    cf_control_call *calls;
};

/* ---- Listening ---- */

static bool is_empty_file(const struct stat *raw)
{
    return S_ISREG(raw->st_mode) && raw->st_size == 0;
}

static bool is_dead(const struct sockaddr_un *address, int probe)
{
    return connect(probe, (const struct sockaddr *)address, sizeof *address) != 0 &&
           errno == ECONNREFUSED;
}

/* A process that died leaves its socket: nobody answers there. A copy of a folder has an empty file
 * in its place where the program that copied it knows no sockets. */
static cf_status remove_stale(const cf_control *self, const struct sockaddr_un *address,
                              cf_error *error)
{
    struct stat raw;

    if (fstatat(self->folder, CF_CONTROL_NAME, &raw, AT_SYMLINK_NOFOLLOW) != 0)
        return cf_fail_errno(error, errno, CF_CONTROL_NAME);
    if (!S_ISSOCK(raw.st_mode) && !is_empty_file(&raw))
        return cf_fail(error, CF_CHANGED,
                       CF_CONTROL_NAME " there is no socket: remove it, or move it elsewhere");
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return cf_fail_errno(error, errno, "making a socket");
    const bool dead = is_empty_file(&raw) || is_dead(address, probe);
    close(probe);
    if (!dead)
        return cf_fail(error, CF_LOCKED, "another process listens there");
    if (unlinkat(self->folder, CF_CONTROL_NAME, 0) != 0)
        return cf_fail_errno(error, errno, "removing a dead " CF_CONTROL_NAME);
    return CF_OK;
}

/* Nobody can connect before listen: so the mode is right from the beginning. */
static cf_status bind_and_listen(cf_control *self, cf_error *error)
{
    struct sockaddr_un address;

    cf_control_address(self->folder, &address);
    int bound = bind(self->listener, (struct sockaddr *)&address, sizeof address);
    if (bound != 0 && errno == EADDRINUSE) {
        cf_status status = remove_stale(self, &address, error);
        if (status)
            return status;
        bound = bind(self->listener, (struct sockaddr *)&address, sizeof address);
    }
    if (bound != 0 || fchmodat(self->folder, CF_CONTROL_NAME, 0600, 0) != 0 ||
        listen(self->listener, BACKLOG) != 0)
        return cf_fail_errno(error, errno, "listening on " CF_CONTROL_NAME);
    return CF_OK;
}

static void close_listener(cf_control *self)
{
    if (self->listener >= 0)
        close(self->listener);
    self->listener = -1;
}

/* One that doesn't listen is not waited for: it would be ready at once, and for ever. */
static cf_status open_listener(cf_control *self, cf_error *error)
{
    struct epoll_event readable = {.events = EPOLLIN};

    self->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (self->listener < 0)
        return cf_fail_errno(error, errno, "making a socket");
    cf_status status = bind_and_listen(self, error);
    if (!status && epoll_ctl(self->poll, EPOLL_CTL_ADD, self->listener, &readable) != 0)
        status = cf_fail_errno(error, errno, "making a socket");
    if (status)
        close_listener(self);
    return status;
}

static cf_status open_all(cf_control *self, const char *path, cf_error *error)
{
    self->folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (self->folder < 0)
        return cf_fail_errno(error, errno, "opening");
    self->poll = epoll_create1(EPOLL_CLOEXEC);
    if (self->poll < 0)
        return cf_fail_errno(error, errno, "making a socket");
    return open_listener(self, error);
}

cf_status cf_control_renew(cf_control *self, cf_error *error)
{
    struct stat there;

    const bool is_there = fstatat(self->folder, CF_CONTROL_NAME, &there, AT_SYMLINK_NOFOLLOW) == 0;
    if (is_there ? !is_empty_file(&there) : errno != ENOENT)
        return CF_OK;
    close_listener(self);
    cf_status status = open_listener(self, error);
    if (status)
        cf_error_while(error, "the control socket");
    return status;
}

static void close_all(cf_control *self)
{
    if (self->poll >= 0)
        close(self->poll);
    close_listener(self);
    if (self->folder >= 0)
        close(self->folder);
    free(self);
}

cf_status cf_control_listen(const char *path, const cf_control_handler *handler, cf_control **out,
                            cf_error *error)
{
    cf_control *self = cf_allocate(1, sizeof *self);

    *self = (cf_control){.handler = *handler, .folder = -1, .listener = -1, .poll = -1};
    cf_status status = open_all(self, path, error);
    if (status) {
        cf_error_while(error, "the control socket in %s", path);
        close_all(self);
    } else {
        *out = self;
    }
    return status;
}

static void free_call(cf_control_call *call)
{
    close(call->end);
    cf_buffer_release(&call->in);
    cf_buffer_release(&call->out);
    cf_arena_release(&call->arena);
    free(call);
}

void cf_control_destroy(cf_control **control)
{
    if (!control || !*control)
        return;
    unlinkat((*control)->folder, CF_CONTROL_NAME, 0);
    while ((*control)->calls) {
        cf_control_call *next = (*control)->calls->next;

        free_call((*control)->calls);
        (*control)->calls = next;
    }
    close_all(*control);
    *control = NULL;
}

int cf_control_descriptor(const cf_control *control)
{
    return control->poll;
}

/* ---- Calls ---- */

static void want_events(cf_control_call *call, int operation)
{
    struct epoll_event wanted = {
        .events = EPOLLIN | (call->out.size || call->state == CALL_ENDED ? EPOLLOUT : 0u),
        .data.ptr = call,
    };

    if (epoll_ctl(call->control->poll, operation, call->end, &wanted) != 0)
        call->state = CALL_GONE;
}

static bool same_user(int end)
{
    struct ucred peer;
    socklen_t size = sizeof peer;

    return getsockopt(end, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static void accept_calls(cf_control *control)
{
    int end;

    while ((end = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        if (!same_user(end)) {
            close(end);
            continue;
        }
        cf_control_call *call = cf_allocate(1, sizeof *call);
        *call = (cf_control_call){.control = control, .next = control->calls, .end = end};
        control->calls = call;
        want_events(call, EPOLL_CTL_ADD);
    }
}

static void lose(cf_control_call *call)
{
    const cf_control_handler *handler = &call->control->handler;

    if (call->state == CALL_RUNNING)
        handler->abandoned(handler->context, call);
    call->state = CALL_GONE;
}

static void refuse(cf_control_call *call, const cf_error *error)
{
    call->state = CALL_RUNNING;
    cf_control_write(call, CF_CONTROL_MESSAGES, cf_bytes_of_text(error->text));
    cf_control_write(call, CF_CONTROL_MESSAGES, cf_bytes_of_text("\n"));
    cf_control_end(call, cf_status_exit_code(CF_USAGE));
}

/* Once the request is whole it is handled; the caller says nothing more after it. */
static void take_request(cf_control_call *call)
{
    const cf_control_handler *handler = &call->control->handler;
    cf_bytes payload;
    cf_error error;
    uint8_t kind;

    cf_frame_answer answer =
        cf_control_next_frame(cf_buffer_view(&call->in), CF_REQUEST_MAX, &kind, &payload);
    if (answer == CF_FRAME_CUT)
        return;
    cf_status status = CF_MALFORMED;
    if (answer == CF_FRAME_BAD || kind != CF_FRAME_REQUEST)
        cf_fail(&error, CF_MALFORMED, "this is no request");
    else
        status = cf_control_read_request(payload, &call->arena, &call->request, &error);
    if (status) {
        refuse(call, &error);
        return;
    }
    call->state = CALL_RUNNING;
    handler->request(handler->context, call, &call->request);
}

static void receive(cf_control_call *call)
{
    uint8_t extra;

    while (call->state != CALL_GONE) {
        bool reading = call->state == CALL_READING;
        void *into = reading ? cf_buffer_reserve(&call->in, CF_FRAME_PIECE) : &extra;
        ssize_t got = read(call->end, into, reading ? CF_FRAME_PIECE : 1);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0 || !reading) {
            lose(call);
            return;
        }
        call->in.size += (size_t)got;
        take_request(call);
    }
}

static void flush(cf_control_call *call)
{
    while (call->sent < call->out.size) {
        ssize_t put =
            send(call->end, call->out.data + call->sent, call->out.size - call->sent, MSG_NOSIGNAL);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno != EAGAIN)
            lose(call);
        if (put < 0)
            break;
        call->sent += (size_t)put;
    }
    if (2 * call->sent >= call->out.size) { /* so each byte is moved once at most */
        cf_control_drop_front(&call->out, call->sent);
        call->sent = 0;
    }
    if (call->state == CALL_ENDED && call->out.size == 0)
        call->state = CALL_GONE;
    if (call->state != CALL_GONE)
        want_events(call, EPOLL_CTL_MOD);
}

static void sweep(cf_control *control)
{
    for (cf_control_call **at = &control->calls; *at;) {
        cf_control_call *call = *at;

        if (call->state == CALL_GONE) {
            *at = call->next;
            free_call(call);
        } else {
            at = &call->next;
        }
    }
}

/* Calls are freed at the end of the round only: an event of the same round may still name one. */
void cf_control_readable(cf_control *control)
{
    struct epoll_event events[EVENTS];

    int count = epoll_wait(control->poll, events, EVENTS, 0);
    for (int i = 0; i < count; i++) {
        cf_control_call *call = events[i].data.ptr;

        if (!call) {
            accept_calls(control);
            continue;
        }
        if (events[i].events & EPOLLOUT && call->state != CALL_GONE)
            flush(call);
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            receive(call);
    }
    sweep(control);
}

static void queue_frame(cf_control_call *call, uint8_t kind, cf_bytes bytes)
{
    bool first = call->out.size == 0;

    cf_control_pack_frame(&call->out, kind, bytes);
    if (first)
        want_events(call, EPOLL_CTL_MOD);
}

/* An empty piece of messages, by the way: the caller is to have it before the verb is begun, which
 * may keep this thread for long. */
bool cf_control_is_heard(cf_control_call *call)
{
    cf_buffer frame = {0};

    cf_control_pack_frame(&frame, CF_FRAME_MESSAGES, cf_bytes_of_text(""));
    const bool waits = send(call->end, frame.data, frame.size, MSG_NOSIGNAL) >= 0;
    cf_buffer_release(&frame);
    if (!waits)
        call->state = CALL_GONE;
    return waits;
}

void cf_control_write(cf_control_call *call, cf_control_stream stream, cf_bytes bytes)
{
    while (bytes.size) {
        size_t size = bytes.size < CF_FRAME_PIECE ? bytes.size : CF_FRAME_PIECE;

        queue_frame(call, stream == CF_CONTROL_OUTPUT ? CF_FRAME_OUTPUT : CF_FRAME_MESSAGES,
                    cf_bytes_of(bytes.data, size));
        bytes = cf_bytes_of(bytes.data + size, bytes.size - size);
    }
}

size_t cf_control_waiting(const cf_control_call *call)
{
    return call->out.size - call->sent;
}

void cf_control_end(cf_control_call *call, int exit_code)
{
    uint8_t code[4];

    cf_put_u32(code, (uint32_t)exit_code);
    queue_frame(call, CF_FRAME_EXIT, cf_bytes_of(code, sizeof code));
    call->state = CALL_ENDED;
}

void cf_control_set_data(cf_control_call *call, void *data)
{
    call->data = data;
}

void *cf_control_data(const cf_control_call *call)
{
    return call->data;
}
