/* SPDX-License-Identifier: Apache-2.0 */
/* What does a member feel of thousands of silent connections, and of a hundred members who mean
 * harm? How long until its entry is accepted, beside the same broker at rest. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
    MEMBER = 60000, /* who he is among the made-up people */
    SOURCES = 25,   /* addresses of each stage and round: none has used up its credit before */
    STANDING = 200, /* of the silent ones, at least */
};
#define PATIENCE_S 20.0
#define LIMIT 3.0
/* 1.5 times of what was measured, of the broker: itself, and each connection that stands. */
#define MEMORY (36.0 * CF_MIB)
#define CONNECTION (24.0 * CF_KIB)
#define AT_ONCE_S 0.002 /* between two saves of a busy person, much more than that */

/* What those who disturb tell of themselves, while they do. */
typedef struct {
    _Atomic bool is_ready;
    _Atomic size_t standing; /* silent connections that are open */
    _Atomic size_t refusals; /* heard by the abusive ones */
} news;

typedef struct {
    const cf_bench *bench;
    size_t silent, abusive, entries;
    cf_address address;
    cf_process broker;
    news *news;           /* shared with who disturbs */
    size_t stage;         /* each has addresses, and abusive members, of its own */
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

/* From one address the broker would take so many for a rush. */
static cf_status enrol(const trial *it, uint32_t from, cf_bytes first_entry, cf_error *error)
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
    return status ? status : cf_caller_enrol(&code, from, first_entry, error);
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

/* 127.0.1.1 and on at the first stage, 127.0.2.1 and on at the next. */
static uint32_t source(const trial *it, size_t index)
{
    return INADDR_LOOPBACK + (uint32_t)((it->stage + 1) << 8) + (uint32_t)(index % SOURCES);
}

static size_t person(const trial *it, size_t index)
{
    return it->stage * it->abusive + index;
}

typedef struct {
    int socket;  /* 0: none */
    bool stands; /* the broker has greeted it */
} silent;

static void knock_silently(const trial *it, size_t index, silent *one)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source(it, index))};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(it->address.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    *one = (silent){.socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (one->socket < 0)
        one->socket = 0;
    else if (bind(one->socket, (struct sockaddr *)&from, sizeof from) == 0)
        connect(one->socket, (struct sockaddr *)&to, sizeof to);
}

/* False when it is over. */
static bool look_at(silent *one)
{
    char bytes[256];
    ssize_t got = 0;

    while (one->socket && (got = recv(one->socket, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        one->stands = true;
    if (got < 0 && errno == EAGAIN)
        return true;
    if (one->socket)
        close(one->socket);
    *one = (silent){0};
    return false;
}

/* All at one time: each new one may have ended an older one. */
static size_t count_standing(const trial *it, silent *all)
{
    size_t standing = 0;

    for (size_t i = 0; i < it->silent; i++)
        standing += look_at(&all[i]) && all[i].stands;
    return standing;
}

/* Keeps so many connections that say nothing, as far as the broker lets it. */
static void be_silent(const trial *it)
{
    struct rlimit limit = {it->silent + 256, it->silent + 256};
    silent *all = cf_allocate(it->silent, sizeof *all);

    setrlimit(RLIMIT_NOFILE, &limit);
    for (size_t i = 0;; i++) {
        if (i == it->silent) {
            it->news->standing = count_standing(it, all);
            if (it->news->standing >= STANDING)
                it->news->is_ready = true;
            i = 0;
        }
        if (!look_at(&all[i]))
            knock_silently(it, i, &all[i]);
        if (i % 50 == 0)
            cf_measure_wait(0.01); /* it shall be the broker's work that is measured, not this */
    }
}

/* Members of the broker, each a user of its own, who say what is refused as fast as it goes. Each
 * has a session before the first begins. */
static void be_abusive(const trial *it)
{
    cf_caller **callers = cf_allocate(it->abusive, sizeof *callers);
    cf_error error;

    for (size_t i = 0; i < it->abusive; i++) {
        uint32_t who = (uint32_t)person(it, i);
        cf_writings writings;

        if (cf_writings_make(who, 1, 20000, &writings, &error) ||
            cf_caller_open(&it->address, who, source(it, i), &callers[i], &error))
            _exit(1);
        cf_caller_arm(callers[i], cf_writings_at(&writings, 1));
        cf_writings_release(&writings);
    }
    it->news->is_ready = true;
    for (;;) {
        size_t refusals = 0;
        bool said = false;

        for (size_t i = 0; i < it->abusive; i++)
            said |= cf_caller_abuse(callers[i], &refusals);
        it->news->refusals += refusals;
        if (!said)
            cf_measure_wait(0.001);
    }
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

typedef struct {
    char what[64];
    void (*run)(const trial *it);
    double warm_s;   /* of it before it is measured: its beginning is not its course */
    bool is_refused; /* and it has to be, during the measurement; else connections have to stand */
} disturbance;

static cf_status await_ready(const trial *it, pid_t id, cf_error *error)
{
    double end = cf_measure_now() + 3 * PATIENCE_S;

    while (!it->news->is_ready) {
        if (waitpid(id, NULL, WNOHANG) != 0 || cf_measure_now() > end)
            return cf_fail(error, CF_BROKEN, "who was to disturb did not get so far");
        cf_measure_wait(0.01);
    }
    return CF_OK;
}

static cf_status measure_disturbed(trial *it, const disturbance *by, cf_samples *out,
                                   cf_error *error)
{
    *it->news = (news){0};
    pid_t id = start(it, by->run);
    cf_status status = await_ready(it, id, error);
    size_t refusals, standing;

    cf_measure_wait(by->warm_s);
    refusals = it->news->refusals;
    standing = it->news->standing;
    if (!status)
        status = measure(it, out, error);
    if (!status && waitpid(id, NULL, WNOHANG) != 0)
        status = cf_fail(error, CF_BROKEN, "who was to disturb has ended");
    if (!status && by->is_refused && it->news->refusals == refusals)
        status = cf_fail(error, CF_BROKEN, "nobody was refused anything during the measurement");
    if (!status && !by->is_refused && standing < STANDING)
        status = cf_fail(error, CF_BROKEN, "of the silent connections only %zu stand", standing);
    printf("  %zu silent connections stand, %zu refusals\n", standing,
           it->news->refusals - refusals);
    kill(id, SIGKILL);
    waitpid(id, NULL, 0);
    it->stage++;
    return status;
}

static cf_status measure_beside(trial *it, const disturbance *by, cf_error *error)
{
    cf_samples rest = {0}, busy = {0};
    char text[128];
    cf_status status = CF_OK;

    snprintf(text, sizeof text, "a member's publish, 99th percentile, beside %s", by->what);
    for (int i = 0; !status && i < (it->bench->quick ? 1 : ROUNDS); i++) {
        status = measure(it, &rest, error);
        if (!status)
            status = measure_disturbed(it, by, &busy, error);
        cf_measure_wait(0.5);
    }
    if (!status) {
        cf_comparison comparison = {text, CF_UNIT_SECONDS, "disturbed", &busy, "at rest", &rest};
        cf_limited limited = {"of the three times that are allowed",
                              cf_samples_median(&busy) / cf_samples_median(&rest) / LIMIT, 1, true};
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

    for (size_t i = 0; !status && i < it->abusive * (it->bench->quick ? 1 : ROUNDS); i++) {
        status = cf_writings_make((uint32_t)i, 0, 0, &one, error);
        if (!status)
            status = enrol(it, source(it, i), cf_writings_at(&one, 0), error);
        cf_writings_release(&one);
    }
    if (!status)
        status = enrol(it, INADDR_LOOPBACK, cf_writings_at(&it->writings, 0), error);
    if (!status)
        status = cf_caller_open(&it->address, MEMBER, INADDR_LOOPBACK, &it->member, error);
    return status;
}

/* What it took at most, once it has ended. */
static void weigh_broker(trial *it)
{
    cf_samples memory = {0};
    cf_usage used = {0};

    cf_process_stop(&it->broker, &used);
    cf_samples_add(&memory, (double)used.memory);
    cf_results_most(it->bench->results, "memory of the broker", &memory,
                    MEMORY + (double)it->silent * CONNECTION);
    cf_samples_release(&memory);
}

cf_status cf_bench_strangers(const cf_bench *bench, cf_error *error)
{
    trial it = {.bench = bench,
                .silent = bench->quick ? 250 : 5000,
                .abusive = bench->quick ? 3 : 100,
                .entries = bench->quick ? 30 : 500,
                .next = 1};
    disturbance silence = {.run = be_silent, .warm_s = bench->quick ? 0.5 : 3},
                abuse = {.run = be_abusive, .warm_s = bench->quick ? 0.5 : 10, .is_refused = true};

    if (!*bench->broker) {
        cf_results_skip(bench->results, "counterfoild is not found");
        return CF_OK;
    }
    snprintf(silence.what, sizeof silence.what, "%zu silent connections", it.silent);
    snprintf(abuse.what, sizeof abuse.what, "%zu abusive members", it.abusive);
    it.news =
        mmap(NULL, sizeof *it.news, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (it.news == MAP_FAILED)
        return cf_fail_errno(error, errno, "sharing memory");
    cf_status status = cf_writings_make(MEMBER, it.entries * 4 * ROUNDS, BODY, &it.writings, error);
    if (!status)
        status = start_broker(&it, error);
    if (!status)
        status = enrol_all(&it, error);
    if (!status)
        status = measure_beside(&it, &abuse, error);
    it.stage = ROUNDS;
    if (!status)
        status = measure_beside(&it, &silence, error);
    cf_caller_close(&it.member);
    weigh_broker(&it);
    cf_writings_release(&it.writings);
    munmap(it.news, sizeof *it.news);
    return status;
}
