/* SPDX-License-Identifier: Apache-2.0 */
/* counterfoil-bench [NAME…] [--quick] [--check[=all]] [--limits PERCENT] [--json FILE] */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/process.h"
#include "bench/workload.h"

static const struct {
    const char *name;
    const char *question;
    cf_status (*run)(const cf_bench *bench, cf_error *error);
    bool is_long; /* runs only when it is named */
} benchmarks[] = {
    {"delta", "deltas of an edited large file, beside the xdelta3 command", .run = cf_bench_delta},
    {"log", "a log over its database, beside RocksDB alone", .run = cf_bench_log},
    {"first_sync", "a first sync through a broker, beside rsync and a durable copy",
     .run = cf_bench_first_sync},
    {"latency", "from save to visible, beside inotify with rsync and five fsyncs",
     .run = cf_bench_latency},
    {"growth", "saves, lines, copies, moves, verbs while there is more of a thing, beside few",
     .run = cf_bench_growth},
    {"joiner", "a device that joins after many edits, beside a plain first sync",
     .run = cf_bench_joiner},
    {"saves", "100,000 saves in a row, beside the first thousand (only when named: an hour)",
     .run = cf_bench_saves, .is_long = true},
    {"silence", "4,992 sessions that say nothing (only when named: some minutes)",
     .run = cf_bench_silence, .is_long = true},
    {"sqlite", "a look at a database in which little changed, beside sqldiff and session_diff",
     .run = cf_bench_sqlite},
    {"strangers", "a member among silent connections and abusive members, beside a broker at rest",
     .run = cf_bench_strangers},
    {"text", "what contents cost on the wire, beside zstd over the whole", .run = cf_bench_text},
};
enum { COUNT = sizeof benchmarks / sizeof *benchmarks };

typedef struct {
    bool quick, help, check;
    bool checks_times; /* too: they are of a machine that has nothing else to do */
    double strictness; /* what of each limit it is judged by */
    const char *json;
    bool chosen[COUNT];
    bool any;
} options;

cf_bench_path cf_bench_path_of(const cf_bench *bench, const char *format, ...)
{
    cf_bench_path path;
    int size = snprintf(path.text, sizeof path.text, "%s/", bench->folder);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(path.text + size, sizeof path.text - (size_t)size, format, arguments);
    va_end(arguments);
    return path;
}

static bool choose(options *out, const char *name)
{
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(benchmarks[i].name, name) == 0) {
            out->chosen[i] = out->any = true;
            return true;
        }
    return false;
}

static cf_status read_strictness(const char *text, double *out, cf_error *error)
{
    char *end;
    const double percent = strtod(text, &end);

    *out = percent / 100;
    return *text && !*end && percent > 0
               ? CF_OK
               : cf_fail(error, CF_USAGE, "--limits wants a percentage, not %s", text);
}

static cf_status read_options(int argc, char **argv, options *out, cf_error *error)
{
    cf_status status = CF_OK;

    for (int i = 1; !status && i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            out->quick = true;
        else if (strcmp(argv[i], "--check") == 0)
            out->check = true;
        else if (strcmp(argv[i], "--check=all") == 0)
            out->check = out->checks_times = true;
        else if (strcmp(argv[i], "--help") == 0)
            out->help = true;
        else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc)
            out->json = argv[++i];
        else if (strcmp(argv[i], "--json") == 0)
            return cf_fail(error, CF_USAGE, "--json wants a file");
        else if (strcmp(argv[i], "--limits") == 0)
            status = read_strictness(i + 1 < argc ? argv[++i] : "", &out->strictness, error);
        else if (argv[i][0] == '-')
            return cf_fail(error, CF_USAGE, "unknown option %s", argv[i]);
        else if (!choose(out, argv[i]))
            return cf_fail(error, CF_USAGE, "unknown benchmark %s", argv[i]);
    }
    return status;
}

static void print_help(void)
{
    puts("counterfoil-bench [NAME...] [--quick] [--check[=all]] [--limits PERCENT]\n"
         "                  [--json FILE]\n\n"
         "Runs the benchmarks, all but the long ones if none is named, each beside a reference in\n"
         "the same run; the ratio is ours divided by the reference's. With --check it fails\n"
         "where a limit of counts, bytes or memory is exceeded, with --check=all of time, too:\n"
         "these are of a machine that does nothing else. With --limits it judges by so much of\n"
         "each limit. Temporary data lies under $TMPDIR and is removed.\n");
    for (size_t i = 0; i < COUNT; i++)
        printf("  %-12s %s\n", benchmarks[i].name, benchmarks[i].question);
}

/* Beside this program as installed, the broker in sbin, or in its own folder as built, or in PATH.
 */
static void find_program(const char *name, const char *built_in, char out[PATH_MAX])
{
    char self[PATH_MAX / 2] = "";
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash = size > 0 ? strrchr(self, '/') : NULL;

    if (slash) {
        *slash = '\0';
        snprintf(out, PATH_MAX, "%s/%s", self, name);
        if (access(out, X_OK) == 0)
            return;
        snprintf(out, PATH_MAX, "%s/../sbin/%s", self, name);
        if (access(out, X_OK) == 0)
            return;
        snprintf(out, PATH_MAX, "%s/../%s/%s", self, built_in, name);
        if (access(out, X_OK) == 0)
            return;
    }
    if (!cf_process_find(name, out))
        out[0] = '\0';
}

static cf_status make_top(char out[CF_BENCH_PATH], cf_error *error)
{
    const char *under = getenv("TMPDIR");

    if (snprintf(out, CF_BENCH_PATH, "%s/counterfoil-bench-XXXXXX",
                 under && *under ? under : "/tmp") >= CF_BENCH_PATH)
        return cf_fail(error, CF_USAGE, "$TMPDIR is too long");
    if (!mkdtemp(out))
        return cf_fail(error, CF_IO, "no temporary folder can be made at %s", out);
    return CF_OK;
}

static cf_status run_one(cf_bench *bench, size_t index, cf_error *error)
{
    cf_results_begin(bench->results, benchmarks[index].name, benchmarks[index].question);
    if (mkdir(bench->folder, 0700))
        return cf_fail_errno(error, errno, "making %s", bench->folder);
    cf_status status = benchmarks[index].run(bench, error);
    if (status)
        cf_error_while(error, "%s", benchmarks[index].name);
    cf_workload_remove(bench->folder);
    malloc_trim(0); /* what the next one starts is not to count what this one had */
    return status;
}

static cf_status run(const options *wanted, const char *top, cf_error *error)
{
    cf_bench bench = {.quick = wanted->quick, .results = cf_results_new(wanted->strictness)};
    cf_status status = CF_OK;

    snprintf(bench.folder, sizeof bench.folder, "%.*s/data", CF_BENCH_PATH - 8, top);

    find_program("counterfoil", "peer", bench.peer);
    find_program("counterfoild", "broker", bench.broker);
    for (size_t i = 0; !status && i < COUNT; i++)
        if (wanted->chosen[i] || (!wanted->any && !benchmarks[i].is_long))
            status = run_one(&bench, i, error);
    if (!status && wanted->json)
        status = cf_results_write(bench.results, wanted->json, error);
    const size_t exceeded = cf_results_exceeded(bench.results, wanted->checks_times);
    if (!status && wanted->check && exceeded)
        status = cf_fail(error, CF_TOO_LARGE, "%zu limit%s exceeded", exceeded,
                         exceeded == 1 ? " is" : "s are");
    cf_results_destroy(&bench.results);
    return status;
}

static volatile sig_atomic_t worker;

static void stop_worker(int number)
{
    (void)number;
    kill((pid_t)worker, SIGKILL); /* what it started ends with it */
}

static int wait_for_worker(void)
{
    const struct sigaction stop = {.sa_handler = stop_worker};
    int ended = 0;

    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    while (waitpid((pid_t)worker, &ended, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended);
}

static int fail(const cf_error *error)
{
    fprintf(stderr, "counterfoil-bench: %s\n", error->text);
    return cf_status_exit_code(error->status);
}

/* In a process of its own, so that the data is removed also when that is stopped. */
static int work(const options *wanted)
{
    char top[CF_BENCH_PATH];
    cf_error error;

    if (make_top(top, &error))
        return fail(&error);
    fflush(NULL);
    worker = fork();
    if (worker == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int code = run(wanted, top, &error) ? fail(&error) : 0;

        fflush(NULL);
        _exit(code);
    }
    int code = wait_for_worker();
    cf_workload_remove(top);
    return code;
}

int main(int argc, char **argv)
{
    options given = {.strictness = 1};
    cf_error error;

    if (sodium_init() < 0) {
        fputs("counterfoil-bench: libsodium can't start\n", stderr);
        return 1;
    }
    if (read_options(argc, argv, &given, &error))
        return fail(&error);
    if (!given.help)
        return work(&given);
    print_help();
    return 0;
}
