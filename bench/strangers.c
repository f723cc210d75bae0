/* SPDX-License-Identifier: Apache-2.0 */
/* What does a member feel of thousands of silent connections, and of a hundred members who mean
 * harm? How long until its entry is accepted, beside the same broker at rest. */
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/author.h"
#include "bench/bench.h"
#include "bench/caller.h"
#include "bench/process.h"
#include "bench/workload.h"
#include "codec/limits.h"

enum {
    LINE_SIZE = 1024,
    BODY = 400,
    ROUNDS = 3,
    MEMBER = 200 /* who he is among the made-up people */
};
#define PATIENCE_S 20.0
#define LIMIT 3.0
#define AT_ONCE_S 0.002      /* between two saves of a busy person, much more than that */
#define ELSEWHERE 0x7f000002 /* 127.0.0.2 */

typedef struct {
    const cf_bench *bench;
    size_t silent, abusive, entries;
    cf_address address;
    cf_process broker;
    cf_writings writings; /* the member's */
    size_t next;
    cf_caller *member;
} trial;

static bool read_line(const char *path, char line[LINE_SIZE])
{
    FILE *file = fopen(path, "re");
    bool read = file && fgets(line, LINE_SIZE, file) && strchr(line, '\n');

    if (file)
        fclose(file);
    if (read)
        *strchr(line, '\n') = '\0';
    return read;
}

static cf_status start_broker(trial *it, cf_error *error)
{
    cf_bench_path data = cf_bench_path_of(it->bench, "broker"),
                  output = cf_bench_path_of(it->bench, "line"),
                  messages = cf_bench_path_of(it->bench, "messages");
    const char *const words[] = {it->bench->broker,   "--data", data.text, "--listen",
                                 "tcp://127.0.0.1:0", NULL};
    const cf_command command = {words, output.text, messages.text};
    double end = cf_measure_now() + PATIENCE_S;
    char line[LINE_SIZE];

    cf_status status = cf_process_start(&command, &it->broker, error);
    while (!status && !read_line(output.text, line)) {
        if (cf_measure_now() > end)
            status = cf_fail(error, CF_UNREACHABLE, "the broker does not say where it is");
        cf_measure_wait(0.01);
    }
    return status ? status : cf_address_read(line, &it->address, error);
}

static cf_status enrol(const trial *it, cf_bytes first_entry, cf_error *error)
{
    cf_bench_path data = cf_bench_path_of(it->bench, "broker"),
                  output = cf_bench_path_of(it->bench, "invitation");
    const char *const words[] = {it->bench->broker, "--data", data.text, "invite", NULL};
    const cf_command command = {words, output.text, NULL};
    char line[LINE_SIZE];
    cf_usage used;
    cf_code code;

    cf_status status = cf_process_must(&command, &used, error);
    if (!status && !read_line(output.text, line))
        status = cf_fail(error, CF_IO, "the broker prints no invitation");
    if (!status)
        status = cf_code_read(line, &code, error);
    return status ? status : cf_caller_enrol(&code, first_entry, error);
}

/* The seconds until each of some entries is accepted. */
static cf_status measure(trial *it, cf_samples *out, cf_error *error)
{
    cf_samples all = {0};
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < it->entries; i++) {
        double start = cf_measure_now();

        status = cf_caller_publish(it->member, cf_writings_at(&it->writings, it->next++), error);
        cf_samples_add(&all, cf_measure_now() - start);
        cf_measure_wait(AT_ONCE_S);
    }
    if (!status)
        cf_samples_add(out, cf_samples_quantile(&all, 0.99));
    cf_samples_release(&all);
    return status;
}

/* Keeps so many connections that say nothing, as far as the broker lets it. */
static void be_silent(const trial *it)
{
    struct rlimit limit = {it->silent + 256, it->silent + 256};
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(ELSEWHERE)};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(it->address.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int *sockets = cf_allocate(it->silent, sizeof *sockets);
    char byte;

    setrlimit(RLIMIT_NOFILE, &limit);
    for (size_t i = 0;; i = (i + 1) % it->silent) {
        bool is_over = sockets[i] && recv(sockets[i], &byte, 1, MSG_DONTWAIT) == 0;

        if (sockets[i] && !is_over)
            continue;
        if (is_over)
            close(sockets[i]);
        sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (sockets[i] < 0 || bind(sockets[i], (struct sockaddr *)&from, sizeof from) < 0)
            sockets[i] = 0;
        else
            connect(sockets[i], (struct sockaddr *)&to, sizeof to);
        if (i % 50 == 0)
            cf_measure_wait(0.01); /* it shall be the broker's work that is measured, not this */
    }
}

/* Members of the broker, each a user of its own, who say what is refused as fast as it goes. */
static void be_abusive(const trial *it)
{
    cf_caller **callers = cf_allocate(it->abusive, sizeof *callers);
    cf_error error;

    for (size_t i = 0; i < it->abusive; i++) {
        cf_writings writings;

        if (cf_writings_make((uint8_t)i, 1, 20000, &writings, &error) ||
            cf_caller_open(&it->address, (uint8_t)i, ELSEWHERE, &callers[i], &error))
            _exit(1);
        cf_caller_arm(callers[i], cf_writings_at(&writings, 1));
        cf_writings_release(&writings);
    }
    for (;;)
        for (size_t i = 0; i < it->abusive; i++)
            cf_caller_abuse(callers[i]);
}

static pid_t start(const trial *it, void (*disturb)(const trial *it))
{
    fflush(NULL);
    pid_t id = fork();
    if (id == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (nice(5) >= -20) /* as if they were elsewhere: this machine's time is the broker's */
            disturb(it);
        _exit(0);
    }
    return id;
}

static cf_status measure_beside(trial *it, const char *what, void (*disturb)(const trial *it),
                                cf_error *error)
{
    cf_samples rest = {0}, busy = {0};
    char text[96];
    cf_status status = CF_OK;

    snprintf(text, sizeof text, "a member's publish, 99th percentile, beside %s", what);
    for (int i = 0; !status && i < (it->bench->quick ? 1 : ROUNDS); i++) {
        status = measure(it, &rest, error);
        pid_t id = start(it, disturb);
        cf_measure_wait(it->bench->quick ? 0.5 : 3);
        if (!status)
            status = measure(it, &busy, error);
        if (!status && waitpid(id, NULL, WNOHANG) != 0)
            status = cf_fail(error, CF_BROKEN, "who was to disturb has ended");
        kill(id, SIGKILL);
        waitpid(id, NULL, 0);
        cf_measure_wait(0.5);
    }
    if (!status) {
        cf_comparison comparison = {text, CF_UNIT_SECONDS, "disturbed", &busy, "at rest", &rest};
        cf_limited limited = {"of the three times that are allowed",
                              cf_samples_median(&busy) / cf_samples_median(&rest) / LIMIT, 1};
        cf_results_compare(it->bench->results, &comparison);
        cf_results_limit(it->bench->results, &limited);
    }
    cf_samples_release(&rest);
    cf_samples_release(&busy);
    return status;
}

static cf_status enrol_all(trial *it, cf_error *error)
{
    cf_writings one;
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < it->abusive; i++) {
        status = cf_writings_make((uint8_t)i, 0, 0, &one, error);
        if (!status)
            status = enrol(it, cf_writings_at(&one, 0), error);
        cf_writings_release(&one);
    }
    if (!status)
        status = enrol(it, cf_writings_at(&it->writings, 0), error);
    if (!status)
        status = cf_caller_open(&it->address, MEMBER, INADDR_LOOPBACK, &it->member, error);
    return status;
}

cf_status cf_bench_strangers(const cf_bench *bench, cf_error *error)
{
    trial it = {.bench = bench,
                .silent = bench->quick ? 500 : 5000,
                .abusive = bench->quick ? 20 : 100,
                .entries = bench->quick ? 100 : 500,
                .next = 1};
    char silent[64], abusive[64];

    if (!*bench->broker) {
        cf_results_skip(bench->results, "counterfoild is not found");
        return CF_OK;
    }
    snprintf(silent, sizeof silent, "%zu silent connections", it.silent);
    snprintf(abusive, sizeof abusive, "%zu abusive members", it.abusive);
    cf_status status = cf_writings_make(MEMBER, it.entries * 4 * ROUNDS, BODY, &it.writings, error);
    if (!status)
        status = start_broker(&it, error);
    if (!status)
        status = enrol_all(&it, error);
    if (!status)
        status = measure_beside(&it, silent, be_silent, error);
    if (!status)
        status = measure_beside(&it, abusive, be_abusive, error);
    cf_caller_close(&it.member);
    cf_process_stop(&it.broker, NULL);
    cf_writings_release(&it.writings);
    return status;
}
