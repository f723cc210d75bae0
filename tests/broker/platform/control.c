/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/control.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/expect.h"
#include "tests/support/scratch.h"

/* A server that echoes: each argument on stdout, then a message, then the exit code that the last
 * argument names. "wait" ends never, "large" writes 8 MiB. */
typedef struct {
    cf_control *control;
    size_t requests, abandoned;
    cf_control_call *waiting;
} server;

static void echo(void *context, cf_control_call *call, const cf_control_request *request)
{
    server *self = context;
    cf_bytes last = request->arguments[request->count - 1];

    if (cf_bytes_equal(request->arguments[0], cf_bytes_of_text("old"))) {
        cf_control_set_data(call, self);
        self->waiting = call; /* as a program of before: it says nothing of having heard */
        return;
    }
    if (!cf_control_is_heard(call))
        return;
    self->requests++;
    if (cf_bytes_equal(request->arguments[0], cf_bytes_of_text("wait"))) {
        cf_control_write(call, CF_CONTROL_OUTPUT, cf_bytes_of_text("waiting"));
        cf_control_set_data(call, self);
        self->waiting = call;
        return;
    }
    if (cf_bytes_equal(request->arguments[0], cf_bytes_of_text("large"))) {
        static char block[1 << 20];
        for (int i = 0; i < 8; i++)
            cf_control_write(call, CF_CONTROL_OUTPUT, cf_bytes_of(block, sizeof block));
        cr_expect_gt(cf_control_waiting(call), 8 << 20);
    }
    for (size_t i = 0; i < request->count; i++)
        cf_control_write(call, CF_CONTROL_OUTPUT, request->arguments[i]);
    cf_control_write(call, CF_CONTROL_MESSAGES, request->folder);
    cf_control_write(call, CF_CONTROL_MESSAGES, cf_bytes_of_text(request->json ? "json" : "text"));
    cf_control_end(call, last.data[0]);
}

static void gone(void *context, cf_control_call *call)
{
    server *self = context;

    cr_expect_eq(cf_control_data(call), self);
    self->abandoned++;
}

static scratch *here;
enum { HEARD_S = 1 };

static server running;

static void listen_in(const char *path)
{
    cf_control_handler handler = {.context = &running, .request = echo, .abandoned = gone};
    cf_error error;

    expect_ok(cf_control_listen(path, &handler, &running.control, &error), error);
}

static void arrive(void)
{
    here = scratch_new();
    running = (server){0};
    listen_in(here->path);
}

static void leave(void)
{
    cf_control_destroy(&running.control);
    scratch_destroy(&here);
}

TestSuite(control, .init = arrive, .fini = leave);

/* One turn of a loop that waits at most 10 s. */
static void turn(void)
{
    struct pollfd readable = {.fd = cf_control_descriptor(running.control), .events = POLLIN};

    cr_assert_eq(poll(&readable, 1, 10000), 1, "nothing happened in 10 s");
    cf_control_readable(running.control);
}

typedef struct {
    const char *path;
    cf_bytes arguments[4];
    size_t count;
    bool json;
    uint64_t heard_ms;
    cf_buffer output, messages;
    cf_status status;
    int exit_code;
    cf_error error;
    pthread_t thread;
} caller;

static void collect(void *context, cf_control_stream stream, cf_bytes bytes)
{
    caller *self = context;

    cf_buffer_append(stream == CF_CONTROL_OUTPUT ? &self->output : &self->messages, bytes.data,
                     bytes.size);
}

static void *call_thread(void *argument)
{
    caller *self = argument;
    cf_control_request request = {.arguments = self->arguments,
                                  .count = self->count,
                                  .json = self->json,
                                  .heard_ms = self->heard_ms,
                                  .folder = cf_bytes_of_text("/here")};

    self->status =
        cf_control_call_verb(self->path, &request, collect, self, &self->exit_code, &self->error);
    return NULL;
}

static void release(caller *self)
{
    cf_buffer_release(&self->output);
    cf_buffer_release(&self->messages);
}

static void start(caller *self)
{
    self->path = here->path;
    cr_assert_eq(pthread_create(&self->thread, NULL, call_thread, self), 0);
}

static void serve_for_a_moment(void)
{
    struct pollfd readable = {.fd = cf_control_descriptor(running.control), .events = POLLIN};

    if (poll(&readable, 1, 20) == 1)
        cf_control_readable(running.control);
}

/* Serves until the thread has ended. */
static void finish(caller *self)
{
    while (pthread_tryjoin_np(self->thread, NULL) != 0)
        serve_for_a_moment();
}

Test(control, carries_any_bytes_there_and_back)
{
    caller self = {.arguments = {cf_bytes_of_text("status"), cf_bytes_of("\xff\0\n", 3),
                                 cf_bytes_of_text(""), cf_bytes_of("\x04", 1)},
                   .count = 4,
                   .json = true};

    start(&self);
    finish(&self);
    expect_ok(self.status, self.error);
    cr_assert_eq(self.exit_code, 4);
    cr_assert(cf_bytes_equal(cf_buffer_view(&self.output), cf_bytes_of("status\xff\0\n\x04", 10)));
    cr_assert(cf_bytes_equal(cf_buffer_view(&self.messages), cf_bytes_of_text("/herejson")));
    release(&self);
}

Test(control, serves_several_callers_at_once)
{
    enum { CALLERS = 20 };
    static caller callers[CALLERS];

    for (size_t i = 0; i < CALLERS; i++) {
        callers[i] =
            (caller){.arguments = {cf_bytes_of_text("x"), cf_bytes_of_text("\x01")}, .count = 2};
        start(&callers[i]);
    }
    for (size_t i = 0; i < CALLERS; i++) {
        finish(&callers[i]);
        expect_ok(callers[i].status, callers[i].error);
        cr_assert_eq(callers[i].exit_code, 1);
        release(&callers[i]);
    }
    cr_assert_eq(running.requests, CALLERS);
    cr_assert_eq(running.abandoned, 0);
}

Test(control, queues_what_the_caller_does_not_take_yet)
{
    caller self = {.arguments = {cf_bytes_of_text("large")}, .count = 1};

    start(&self);
    finish(&self);
    expect_ok(self.status, self.error);
    cr_assert_eq(self.exit_code, 'l');
    cr_assert_eq(self.output.size, (8 << 20) + 5);
    release(&self);
}

Test(control, takes_arguments_as_long_as_the_system_does)
{
    size_t size = 3 << 20;
    char *longest = cf_allocate(size, 1);
    caller self = {.arguments = {cf_bytes_of(longest, size), cf_bytes_of("\0", 1)}, .count = 2};

    start(&self);
    finish(&self);
    expect_ok(self.status, self.error);
    cr_assert_eq(self.output.size, size + 1);
    release(&self);
    self =
        (caller){.arguments = {cf_bytes_of(longest, size), cf_bytes_of(longest, size)}, .count = 2};
    start(&self);
    finish(&self);
    cr_assert_eq(self.status, CF_TOO_LARGE);
    free(longest);
    release(&self);
}

static int connected(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int end = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s/control", here->path);
    cr_assert_eq(connect(end, (struct sockaddr *)&address, sizeof address), 0);
    return end;
}

Test(control, says_when_a_caller_went_away)
{
    static const char request[] = "R\0\0\0\x0b\x93\xc2\xc4\0\x91\xc4\x04wait";
    int end = connected();

    cr_assert_eq(write(end, request, 7), 7); /* in two pieces */
    turn();
    turn();
    cr_assert_eq(running.requests, 0);
    cr_assert_eq(write(end, request + 7, 9), 9);
    turn();
    cr_assert_eq(running.requests, 1);
    close(end);
    while (!running.abandoned)
        turn();
    cr_assert_eq(running.abandoned, 1);
}

Test(control, tells_a_caller_at_once_that_it_is_heard)
{
    static const char request[] = "R\0\0\0\x0b\x93\xc2\xc4\0\x91\xc4\x04wait";
    int end = connected();
    char said[5];

    cr_assert_eq(write(end, request, sizeof request - 1), sizeof request - 1);
    while (!running.requests)
        turn();
    cr_assert_eq(recv(end, said, sizeof said, MSG_DONTWAIT), sizeof said);
    cr_expect_arr_eq(said, "E\0\0\0\0", sizeof said);
    close(end);
}

/* Where that one is stopped, or works: it does nothing for who has gone when it goes on. */
Test(control, is_not_waited_for_longer_than_the_caller_wants_until_it_hears)
{
    enum { CALLERS = 80 }; /* more than may wait to be let in */
    cf_bytes verb = cf_bytes_of_text("x");
    cf_control_request request = {.arguments = &verb, .count = 1, .heard_ms = 1};
    int exit_code;
    cf_error error;

    for (size_t i = 0; i < CALLERS; i++)
        expect_fails(cf_control_call_verb(here->path, &request, collect, NULL, &exit_code, &error),
                     CF_LOCKED);
    caller last = {.arguments = {verb, cf_bytes_of_text("\x01")}, .count = 2};
    start(&last);
    finish(&last);
    expect_ok(last.status, last.error);
    cr_expect_eq(running.requests, 1);
    cr_expect_eq(running.abandoned, 0);
    release(&last);
}

/* What was heard is waited for. */
static void expect_waited_for(const char *verb)
{
    caller self = {.arguments = {cf_bytes_of_text(verb)}, .count = 1, .heard_ms = 1000 * HEARD_S};

    start(&self);
    while (!running.waiting)
        turn();
    sleep(HEARD_S + 1);
    cf_control_end(running.waiting, 7);
    finish(&self);
    expect_ok(self.status, self.error);
    cr_expect_eq(self.exit_code, 7);
    release(&self);
}

Test(control, is_waited_for_once_it_has_heard)
{
    expect_waited_for("wait");
}

Test(control, is_waited_for_once_it_has_read_the_request_where_it_does_not_say_so)
{
    expect_waited_for("old");
}

Test(control, drops_waiting_calls_when_it_ends)
{
    caller self = {.arguments = {cf_bytes_of_text("wait")}, .count = 1};

    start(&self);
    while (!running.waiting)
        turn();
    cf_control_destroy(&running.control);
    cr_assert_eq(pthread_join(self.thread, NULL), 0);
    cr_assert_eq(self.status, CF_UNREACHABLE, "%s", self.error.text);
    cr_assert_not(scratch_exists(here, "control"));
    cr_assert_eq(running.abandoned, 0);
    release(&self);
}

Test(control, answers_garbage_with_words_and_goes_on)
{
    static const struct {
        const char *bytes;
        size_t size;
    } garbage[] = {
        {"GET / HTTP/1.0\r\n\r\n", 18},
        {"R\xff\xff\xff\xff", 5},
        {"R\0\0\0\x01\xc0", 6},
        {"X\0\0\0\0", 5},
        {"R\0\0\0\0", 5},
    };

    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        char answer[512];
        size_t size = 0;
        ssize_t got = 1;
        int end = connected();

        cr_assert_eq(write(end, garbage[i].bytes, garbage[i].size), (ssize_t)garbage[i].size);
        for (int tries = 0; got > 0 && tries < 100; tries++) {
            serve_for_a_moment();
            got = recv(end, answer + size, sizeof answer - size, MSG_DONTWAIT);
            size += got > 0 ? (size_t)got : 0;
            got = got < 0 ? 1 : got;
        }
        cr_assert(size > 9, "%zu", i);
        cr_assert(answer[0] == 'E', "%zu", i);
        cr_assert_eq(memcmp(answer + size - 9, "X\0\0\0\4\0\0\0\2", 9), 0);
        close(end);
    }
    cr_assert_eq(running.requests, 0);
}

Test(control, is_for_its_owner_only)
{
    struct stat raw;
    char path[128];

    snprintf(path, sizeof path, "%s/control", here->path);
    cr_assert_eq(stat(path, &raw), 0);
    cr_assert(S_ISSOCK(raw.st_mode));
    cr_assert_eq(raw.st_mode & 0777, 0600);
}

/* Even where somebody opened the socket's mode. */
Test(control, hangs_up_on_another_user)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char byte;

    if (geteuid() != 0)
        cr_skip("needs root to be another user");
    snprintf(address.sun_path, sizeof address.sun_path, "%s/control", here->path);
    cr_assert_eq(chmod(here->path, 0711), 0);
    cr_assert_eq(chmod(address.sun_path, 0666), 0);
    int end = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(seteuid(65534), 0);
    int failed = connect(end, (struct sockaddr *)&address, sizeof address);
    cr_assert_eq(seteuid(0), 0);
    cr_assert_eq(failed, 0);
    turn();
    cr_expect_eq(recv(end, &byte, 1, MSG_DONTWAIT), 0, "it is listened to");
    close(end);
}

Test(control, is_held_by_one_process_and_taken_over_from_a_dead_one)
{
    cf_control_handler handler = {.context = &running, .request = echo, .abandoned = gone};
    cf_control *second = NULL;
    cf_error error;

    expect_fails(cf_control_listen(here->path, &handler, &second, &error), CF_LOCKED);
    cf_control_destroy(&running.control);
    pid_t child = fork();
    if (child == 0) {
        cf_control_listen(here->path, &handler, &second, &error);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, NULL, 0), child);
    cr_assert(scratch_exists(here, "control"));
    caller self = {.arguments = {cf_bytes_of_text("x")}, .count = 1};
    start(&self);
    cr_assert_eq(pthread_join(self.thread, NULL), 0);
    cr_assert_eq(self.status, CF_MISSING);
    listen_in(here->path);
    start(&self);
    finish(&self);
    expect_ok(self.status, self.error);
    release(&self);
}

Test(control, takes_the_place_of_nothing_else)
{
    cf_control_handler handler = {.context = &running, .request = echo, .abandoned = gone};
    cf_control *second = NULL;
    cf_error error;

    cf_control_destroy(&running.control);
    scratch_write(here, "control", "mine");
    expect_fails(cf_control_listen(here->path, &handler, &second, &error), CF_CHANGED);
    cr_assert(scratch_holds(here, "control", "mine"));
}

Test(control, needs_no_short_path)
{
    char path[1024], name[201];
    cf_error error;

    cf_control_destroy(&running.control);
    memset(name, 'n', 200);
    name[200] = '\0';
    strcpy(path, here->path);
    for (int i = 0; i < 3; i++) {
        strcat(strcat(path, "/"), name);
        cr_assert_eq(mkdir(path, 0700), 0);
    }
    listen_in(path);
    cf_control_request request = {0};
    cf_control_destroy(&running.control);
    int exit_code;
    expect_fails(cf_control_call_verb(path, &request, collect, NULL, &exit_code, &error),
                 CF_MISSING);
    expect_fails(cf_control_call_verb("/nowhere", &request, collect, NULL, &exit_code, &error),
                 CF_MISSING);
}

/* As when its volume is unmounted: the loop would spin. */
Test(control, is_not_ready_for_ever_where_it_cant_listen_anew)
{
    char path[1024], socket[1100];
    cf_error error;

    cf_control_destroy(&running.control);
    snprintf(path, sizeof path, "%s/volume", here->path);
    snprintf(socket, sizeof socket, "%s/control", path);
    cr_assert_eq(mkdir(path, 0700), 0);
    listen_in(path);
    cr_assert_eq(unlink(socket), 0);
    expect_ok(cf_control_renew(running.control, &error), error);
    cr_assert_eq(access(socket, F_OK), 0);

    cr_assert_eq(unlink(socket), 0);
    cr_assert_eq(rmdir(path), 0);
    for (int i = 0; i < 2; i++) {
        struct pollfd waiting = {cf_control_descriptor(running.control), POLLIN, 0};

        cr_assert_neq(cf_control_renew(running.control, &error), CF_OK);
        cr_assert_eq(poll(&waiting, 1, 0), 0, "nothing is there to be taken");
    }
}

/* A program that copies folders, and knows no sockets, makes one. */
Test(control, replaces_an_empty_file_and_names_any_other)
{
    cf_control_handler handler = {&running, echo, gone};
    char path[1024], name[1100];
    struct stat there;
    cf_error error;

    cf_control_destroy(&running.control);
    snprintf(path, sizeof path, "%s/copy", here->path);
    snprintf(name, sizeof name, "%s/control", path);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(mknod(name, S_IFREG | 0600, 0), 0);
    listen_in(path);
    cr_assert_eq(stat(name, &there), 0);
    cr_expect(S_ISSOCK(there.st_mode));

    cr_assert_eq(unlink(name), 0);
    cr_assert_eq(mknod(name, S_IFREG | 0600, 0), 0);
    expect_ok(cf_control_renew(running.control, &error), error);
    cr_assert_eq(stat(name, &there), 0);
    cr_expect(S_ISSOCK(there.st_mode));
    cf_control_destroy(&running.control);

    cr_assert_eq(mknod(name, S_IFREG | 0600, 0), 0);
    cr_assert_eq(truncate(name, 1), 0);
    expect_fails(cf_control_listen(path, &handler, &running.control, &error), CF_CHANGED);
    cr_expect_not_null(strstr(error.text, path));
    cr_expect_not_null(strstr(error.text, "remove it"));
}
