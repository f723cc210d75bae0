/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's side, which blocks; control.c has the server's. A silence is told to the sink once;
 * it ends the call only where the request says how long its patience is. */
#include "broker/platform/control.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "broker/platform/control_frames.h"

static cf_status nobody_listens(cf_error *error)
{
    return cf_fail(error, CF_MISSING, "no process listens there");
}

static long process_behind(int end)
{
    struct ucred process = {0};
    socklen_t size = sizeof process;

    return getsockopt(end, SOL_SOCKET, SO_PEERCRED, &process, &size) == 0 ? (long)process.pid : 0;
}

bool cf_control_is_served(const char *path, long *process)
{
    struct sockaddr_un address;
    const int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const int end = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    cf_control_address(folder, &address);
    const bool is_heard = folder >= 0 && end >= 0 &&
                          (connect(end, (struct sockaddr *)&address, sizeof address) == 0 ||
                           errno == EAGAIN); /* more callers wait than may */
    *process = is_heard ? process_behind(end) : 0;
    if (end >= 0)
        close(end);
    if (folder >= 0)
        close(folder);
    return is_heard;
}

static cf_status fail_of_silence(int end, const cf_control_request *request, cf_error *error)
{
    const long process = process_behind(end);
    const uint64_t limit_ms = request->heard_ms ? request->heard_ms : request->patience_ms;
    char number[32] = "";

    if (process)
        snprintf(number, sizeof number, " (%ld)", process);
    return cf_fail(error, request->heard_ms ? CF_LOCKED : CF_UNREACHABLE,
                   "no answer within %g s of the process that serves it%s", (double)limit_ms / 1000,
                   number);
}

/* Who is not let in, since too many others wait for that, waits no longer than for an answer. */
static void limit_sending(int end, const cf_control_request *request)
{
    const uint64_t limit_ms = request->heard_ms ? request->heard_ms : request->patience_ms;
    const struct timeval limit = {.tv_sec = (time_t)(limit_ms / 1000),
                                  .tv_usec = (suseconds_t)(limit_ms % 1000) * 1000};

    setsockopt(end, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

static cf_status connect_to(const char *path, const cf_control_request *request, int *out,
                            cf_error *error)
{
    struct sockaddr_un address;
    int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int end = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cf_status status = CF_OK;

    if (folder < 0 || end < 0) {
        status = cf_fail_errno(error, errno, "opening %s", path);
        goto done;
    }
    limit_sending(end, request);
    cf_control_address(folder, &address);
    if (connect(end, (struct sockaddr *)&address, sizeof address) != 0)
        status = errno == ENOENT || errno == ECONNREFUSED ? nobody_listens(error)
                 : errno == EAGAIN
                     ? fail_of_silence(end, request, error)
                     : cf_fail_errno(error, errno, "connecting to %s/" CF_CONTROL_NAME, path);
done:
    if (folder >= 0)
        close(folder);
    if (status == CF_OK)
        *out = end;
    else if (end >= 0)
        close(end);
    return status;
}

static cf_status broken_off(cf_error *error)
{
    return cf_fail(error, CF_UNREACHABLE, "the process that serves this ended before the answer");
}

static cf_status send_request(int end, const cf_control_request *request, cf_error *error)
{
    cf_buffer body = {0}, frame = {0};
    cf_status status = CF_OK;

    cf_control_pack_request(request, &body);
    if (body.size > CF_REQUEST_MAX)
        status = cf_fail(error, CF_TOO_LARGE, "the arguments are too long");
    else
        cf_control_pack_frame(&frame, CF_FRAME_REQUEST, cf_buffer_view(&body));
    for (size_t sent = 0; sent < frame.size && status == CF_OK;) {
        ssize_t put = send(end, frame.data + sent, frame.size - sent, MSG_NOSIGNAL);

        if (put >= 0)
            sent += (size_t)put;
        else if (errno == EAGAIN)
            status = fail_of_silence(end, request, error);
        else if (errno != EINTR)
            status = broken_off(error);
    }
    cf_buffer_release(&body);
    cf_buffer_release(&frame);
    return status;
}

typedef struct {
    cf_control_sink *sink;
    void *context;
    int *exit_code;
    const cf_control_request *request;
    bool ended;
    bool is_heard;        /* something came */
    bool is_silence_over; /* so, or it is told */
} receiver;

static cf_status take_frame(receiver *self, uint8_t kind, cf_bytes payload, cf_error *error)
{
    switch (kind) {
    case CF_FRAME_OUTPUT:
        self->sink(self->context, CF_CONTROL_OUTPUT, payload);
        return CF_OK;
    case CF_FRAME_MESSAGES:
        if (payload.size) /* else it has heard */
            self->sink(self->context, CF_CONTROL_MESSAGES, payload);
        return CF_OK;
    case CF_FRAME_EXIT:
        if (payload.size == 4) {
            *self->exit_code = (int)cf_get_u32(payload.data);
            self->ended = true;
            return CF_OK;
        }
        break;
    default:
        break;
    }
    return cf_fail(error, CF_MALFORMED, "an answer that is none");
}

/* Takes the whole frames from the front of the buffer. */
static cf_status take_frames(receiver *self, cf_buffer *received, cf_error *error)
{
    size_t at = 0;
    cf_status status = CF_OK;

    while (status == CF_OK && !self->ended) {
        uint8_t kind;
        cf_bytes payload;
        cf_frame_answer answer = cf_control_next_frame(
            cf_bytes_of(received->data + at, received->size - at), CF_FRAME_PIECE, &kind, &payload);

        if (answer == CF_FRAME_CUT)
            break;
        if (answer == CF_FRAME_BAD)
            return cf_fail(error, CF_MALFORMED, "an answer that is too long");
        status = take_frame(self, kind, payload, error);
        at += CF_FRAME_HEAD + payload.size;
    }
    cf_control_drop_front(received, at);
    return status;
}

static bool is_silent_for(int end, uint64_t limit_ms)
{
    struct pollfd answer = {.fd = end, .events = POLLIN};

    return poll(&answer, 1, limit_ms > INT_MAX ? INT_MAX : (int)limit_ms) == 0;
}

/* The other process has read all that it was sent: also one of before, which doesn't say so. */
static bool has_read_all(int end)
{
    int left;

    return ioctl(end, SIOCOUTQ, &left) == 0 && left == 0;
}

/* For what comes next. */
static cf_status await(int end, receiver *self, cf_error *error)
{
    const cf_control_request *request = self->request;
    const bool awaits_hearing = !self->is_heard && request->heard_ms;
    uint64_t limit_ms = awaits_hearing ? request->heard_ms : request->patience_ms;

    if (!self->is_silence_over && (!limit_ms || limit_ms > CF_CONTROL_SILENT_MS)) {
        if (!is_silent_for(end, CF_CONTROL_SILENT_MS))
            return CF_OK;
        self->is_silence_over = true;
        self->sink(self->context, CF_CONTROL_SILENCE, cf_bytes_of_text(""));
        limit_ms -= limit_ms ? CF_CONTROL_SILENT_MS : 0;
    }
    if (!limit_ms || !is_silent_for(end, limit_ms))
        return CF_OK;
    if (!awaits_hearing || !has_read_all(end))
        return fail_of_silence(end, request, error);
    self->is_heard = true;
    return await(end, self, error);
}

static cf_status receive_all(int end, receiver *self, cf_error *error)
{
    cf_buffer received = {0};
    cf_status status = CF_OK;

    while (status == CF_OK && !self->ended) {
        status = await(end, self, error);
        if (status)
            break;
        ssize_t got = read(end, cf_buffer_reserve(&received, CF_FRAME_PIECE), CF_FRAME_PIECE);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            status = broken_off(error);
            break;
        }
        self->is_heard = self->is_silence_over = true;
        received.size += (size_t)got;
        status = take_frames(self, &received, error);
    }
    cf_buffer_release(&received);
    return status;
}

cf_status cf_control_call_verb(const char *path, const cf_control_request *request,
                               cf_control_sink *sink, void *context, int *exit_code,
                               cf_error *error)
{
    receiver self = {.sink = sink, .context = context, .exit_code = exit_code, .request = request};
    int end;

    cf_status status = connect_to(path, request, &end, error);
    if (status)
        return status;
    status = send_request(end, request, error);
    if (status == CF_OK)
        status = receive_all(end, &self, error);
    close(end);
    return status;
}
