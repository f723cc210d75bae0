/* SPDX-License-Identifier: Apache-2.0 */
/* Random worlds, each from one seed: what users do and what goes wrong is drawn and happens, then
 * everything is mended, everybody syncs, and the oracle says what holds. Usage below. */
#include "tests/worlds/history.h"
#include "tests/worlds/shrink.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OPS = 40, SEEDS = 100 };

static const char usage[] =
    "usage: worlds [--seed S] [--ops N] [--seeds COUNT | --seconds T]\n"
    "       worlds --seed S [--ops N] [--trace] [--shrink]\n"
    "       worlds --replay SCRIPT|FILE [--trace] [--shrink]\n"
    "\n"
    "  --seed S       the first seed (1)\n"
    "  --ops N        acts in each world (40)\n"
    "  --seeds COUNT  worlds to run (100; 1 with --trace or --shrink)\n"
    "  --seconds T    as many as there is time for\n"
    "  --trace        print every event\n"
    "  --digest       print a sum of every event for each world\n"
    "  --shrink       leave out what a failure does not need\n"
    "  --script       print what is to happen, and do nothing\n"
    "  --replay X     run the script that --shrink printed\n"
    "  --here         in this process, not each world in one of its own: for debuggers, and "
    "sanitizers\n"
    "                 that look for leaks; what crashes or never ends, does so here\n"
    "  --sabotage X   after the end, make the mistake lose, invent, resurrect, diverge, forget,\n"
    "                 disturb, lie, lose-row, mix-rows, mistake, quarrel, fabricate, linger, "
    "spoil, sweep,\n"
    "                 withhold, twice, answer or call-off: for the test of the oracle\n";

typedef struct {
    uint64_t seed, ops, seeds, seconds;
    const char *replay;
    bool trace, digest, shrink, script, here;
    sabotage sabotage;
} options;

/* ---- One world ---- */

static const char no_crash[] = "no crash", comes_to_an_end[] = "comes to an end";
enum { CPU_SECONDS = 300 }; /* a hundred times what a large one needs */

/* Prints what is wrong, and returns which property it is; NULL: all is well. */
static const char *run_here(const story *script, const options *with, bool told)
{
    uint64_t digest;
    judgement verdict = {0};

    history_run(script, &(run_options){with->sabotage, told && with->trace}, &verdict, &digest);
    if (told && with->digest)
        printf("%llu: %016llx\n", (unsigned long long)script->plan.seed,
               (unsigned long long)digest);
    if (told && verdict.property)
        printf("%s: %.*s\n", verdict.property, (int)verdict.text.size,
               (const char *)verdict.text.data);
    cf_buffer_release(&verdict.text);
    return verdict.property;
}

/* In a process of its own, for it may crash. Properties are literals, and the same in both. */
static const char *run_apart(const story *script, const options *with, bool told)
{
    const char *property = no_crash;
    int ends[2], ended = 0;

    fflush(stdout);
    if (pipe(ends))
        abort();
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0}, time;

        setrlimit(RLIMIT_CORE, &none);
        getrlimit(RLIMIT_CPU, &time);
        time.rlim_cur = time.rlim_cur < CPU_SECONDS ? time.rlim_cur : CPU_SECONDS;
        setrlimit(RLIMIT_CPU, &time);
        if (!told)
            dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        const char *found = run_here(script, with, told);
        fflush(stdout);
        _exit(write(ends[1], &found, sizeof found) != sizeof found);
    }
    close(ends[1]);
    if (child < 0 || read(ends[0], &property, sizeof property) != sizeof property)
        property = no_crash;
    close(ends[0]);
    waitpid(child, &ended, 0);
    return WIFSIGNALED(ended) && WTERMSIG(ended) == SIGXCPU ? comes_to_an_end : property;
}

static const char *run(const story *script, const options *with, bool told)
{
    return with->here ? run_here(script, with, told) : run_apart(script, with, told);
}

typedef struct {
    const options *with;
    const char *property;
} failing;

static bool fails_alike(void *context, const story *part)
{
    failing *self = context;

    return run(part, self->with, false) == self->property;
}

static void print_script(const story *self)
{
    cf_buffer text = {0};

    script_write(self, &text);
    printf("%.*s", (int)text.size, (const char *)text.data);
    cf_buffer_release(&text);
}

/* What repeats a world: the seed is enough for one that was drawn from it. */
static void print_command(const story *script, const options *with, bool is_drawn)
{
    printf("worlds ");
    if (is_drawn) {
        printf("--seed %llu --ops %llu --seeds 1", (unsigned long long)script->plan.seed,
               (unsigned long long)with->ops);
    } else {
        printf("--replay '");
        print_script(script);
        printf("'");
    }
    if (with->sabotage != SABOTAGE_NONE)
        printf(" --sabotage %s", sabotage_names[with->sabotage]);
    printf("\n");
}

static void make_shorter(story *script, const options *with, const char *property)
{
    failing state = {with, property};
    size_t before = script->count, tried = shrink(script, fails_alike, &state);

    printf("%zu of %zu acts are enough (%zu tried):\n", script->count, before, tried);
    print_command(script, with, false);
}

static bool run_one(story *script, const options *with)
{
    if (with->script) {
        print_script(script);
        printf("\n");
        return true;
    }
    const char *property = run(script, with, true);
    if (!property)
        return true;
    printf("violated: %s: ", property);
    print_command(script, with, !with->replay);
    if (with->shrink)
        make_shorter(script, with, property);
    fflush(stdout);
    return false;
}

/* ---- Many ---- */

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int run_many(const options *with)
{
    double began = seconds_now();
    uint64_t count = 0, failed = 0;

    while (with->seconds ? seconds_now() < began + (double)with->seconds : count < with->seeds) {
        story script;

        script_draw(&script, with->seed + count++, with->ops);
        failed += !run_one(&script, with);
        script_release(&script);
    }
    if (!with->trace && !with->script && !with->digest)
        printf("%llu worlds, %llu failed, %.1f each second\n", (unsigned long long)count,
               (unsigned long long)failed, (double)count / (seconds_now() - began));
    return failed != 0;
}

/* ---- A given one ---- */

static void read_whole(const char *name, cf_buffer *out)
{
    FILE *file = fopen(name, "r");
    size_t size;

    if (!file) {
        cf_buffer_append(out, name, strlen(name));
    } else {
        while ((size = fread(cf_buffer_reserve(out, 4096), 1, 4096, file)))
            out->size += size;
        fclose(file);
    }
    cf_buffer_append(out, "", 1);
}

static int replay(const options *with)
{
    cf_buffer text = {0};
    story script = {0};
    cf_error error;

    read_whole(with->replay, &text);
    cf_status status = script_read((const char *)text.data, &script, &error);
    cf_buffer_release(&text);
    if (status) {
        fprintf(stderr, "worlds: %s\n", error.text);
        return 2;
    }
    bool good = run_one(&script, with);
    script_release(&script);
    return !good;
}

/* ---- The command line ---- */

static bool read_sabotage(const char *name, sabotage *out)
{
    for (int i = 0; i < SABOTAGES; i++)
        if (strcmp(name, sabotage_names[i]) == 0) {
            *out = (sabotage)i;
            return true;
        }
    return false;
}

static bool read_options(int argc, char **argv, options *out)
{
    static const struct option known[] = {
        {"seed", required_argument, NULL, 's'},   {"ops", required_argument, NULL, 'o'},
        {"seeds", required_argument, NULL, 'n'},  {"seconds", required_argument, NULL, 't'},
        {"replay", required_argument, NULL, 'r'}, {"sabotage", required_argument, NULL, 'b'},
        {"trace", no_argument, NULL, 'T'},        {"digest", no_argument, NULL, 'd'},
        {"shrink", no_argument, NULL, 'S'},       {"script", no_argument, NULL, 'p'},
        {"here", no_argument, NULL, 'h'},         {0}};
    int letter;
    bool good = true;

    *out = (options){.seed = 1, .ops = OPS};
    while ((letter = getopt_long(argc, argv, "", known, NULL)) >= 0) {
        out->seed = letter == 's' ? strtoull(optarg, NULL, 10) : out->seed;
        out->ops = letter == 'o' ? strtoull(optarg, NULL, 10) : out->ops;
        out->seeds = letter == 'n' ? strtoull(optarg, NULL, 10) : out->seeds;
        out->seconds = letter == 't' ? strtoull(optarg, NULL, 10) : out->seconds;
        out->replay = letter == 'r' ? optarg : out->replay;
        out->trace |= letter == 'T';
        out->digest |= letter == 'd';
        out->shrink |= letter == 'S';
        out->script |= letter == 'p';
        out->here |= letter == 'h';
        good &= letter != '?' && (letter != 'b' || read_sabotage(optarg, &out->sabotage));
    }
    if (!out->seeds)
        out->seeds = out->trace || out->shrink || out->script ? 1 : SEEDS;
    return good && optind == argc;
}

int main(int argc, char **argv)
{
    options with;

    setenv("TZ", "UTC", 1); /* devices say when a lock ends in local time */
    if (!read_options(argc, argv, &with) || sodium_init() < 0) {
        fputs(usage, stderr);
        return 2;
    }
    return with.replay ? replay(&with) : run_many(&with);
}
