/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/measure.h"

bool cf_process_find(const char *name, char path[PATH_MAX])
{
    const char *rest = getenv("PATH");

    while (rest && *rest) {
        size_t size = strcspn(rest, ":");

        if (size && snprintf(path, PATH_MAX, "%.*s/%s", (int)size, rest, name) < PATH_MAX &&
            access(path, X_OK) == 0)
            return true;
        rest += size;
        rest += *rest == ':';
    }
    return false;
}

static void point(int descriptor, const char *path, int flags)
{
    int file = open(path, flags | O_CLOEXEC, 0600);

    if (file < 0 || dup2(file, descriptor) < 0)
        _exit(127);
    close(file);
}

static void become(const cf_command *command)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing is left behind when we are stopped */
    point(STDIN_FILENO, "/dev/null", O_RDONLY);
    point(STDOUT_FILENO, command->output ? command->output : "/dev/null",
          O_WRONLY | O_CREAT | O_TRUNC);
    if (command->messages)
        point(STDERR_FILENO, command->messages, O_WRONLY | O_CREAT | O_APPEND);
    execvp(command->arguments[0], (char *const *)command->arguments);
    _exit(127);
}

cf_status cf_process_start(const cf_command *command, cf_process *out, cf_error *error)
{
    double now = cf_measure_now();
    pid_t id;

    fflush(NULL);
    id = fork();
    if (id < 0)
        return cf_fail_errno(error, errno, "starting %s", command->arguments[0]);
    if (id == 0)
        become(command);
    *out = (cf_process){id, now};
    return CF_OK;
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

void cf_process_wait(cf_process *process, cf_usage *out)
{
    struct rusage usage = {0};
    int status = 0;

    while (wait4(process->id, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    *out = (cf_usage){
        .wall_s = cf_measure_now() - process->started,
        .processor_s = seconds(usage.ru_utime) + seconds(usage.ru_stime),
        .memory = (uint64_t)usage.ru_maxrss * 1024,
        .code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
    };
    process->id = 0;
}

/* The sum of what stands behind this word in a file of /proc; 0 where that can't be read. */
static uint64_t read_figure(pid_t id, const char *name, const char *word)
{
    char path[64], line[256];
    unsigned long long found = 0, value;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)id, name);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, word, strlen(word)) == 0 && sscanf(line + strlen(word), "%llu", &value))
            found += value;
    if (file)
        fclose(file);
    return found;
}

/* Of all threads that run, and of those that ended. */
static cf_status read_processor(pid_t id, double *out, cf_error *error)
{
    struct timespec time;
    clockid_t clock;

    if (clock_getcpuclockid(id, &clock) || clock_gettime(clock, &time))
        return cf_fail(error, CF_IO, "the time of process %d can't be read", (int)id);
    *out = (double)time.tv_sec + (double)time.tv_nsec / 1e9;
    return CF_OK;
}

cf_status cf_process_figures(const cf_process *process, cf_figures *out, cf_error *error)
{
    pid_t id = process->id;

    *out = (cf_figures){
        .calls = read_figure(id, "io", "syscr:") + read_figure(id, "io", "syscw:"),
        .written = read_figure(id, "io", "wchar:"),
        .memory = read_figure(id, "status", "VmRSS:") * 1024,
    };
    return read_processor(id, &out->processor_s, error);
}

bool cf_process_has_ended(const cf_process *process)
{
    siginfo_t found = {0};

    return waitid(P_PID, (id_t)process->id, &found, WEXITED | WNOHANG | WNOWAIT) < 0 ||
           found.si_pid != 0;
}

void cf_process_stop(cf_process *process, cf_usage *out)
{
    cf_usage ignored;

    if (process->id == 0)
        return;
    /* What the kernel says of a child that has ended is at least what its parent had when it
     * began. */
    const uint64_t memory = read_figure(process->id, "status", "VmHWM:") * 1024;
    kill(process->id, SIGTERM);
    cf_process_wait(process, out ? out : &ignored);
    if (out && memory)
        out->memory = memory;
}

cf_status cf_process_run(const cf_command *command, cf_usage *out, cf_error *error)
{
    cf_process process;

    cf_status status = cf_process_start(command, &process, error);
    if (!status)
        cf_process_wait(&process, out);
    return status;
}

cf_status cf_process_must(const cf_command *command, cf_usage *out, cf_error *error)
{
    cf_status status = cf_process_run(command, out, error);

    if (!status && out->code) {
        const char *verb = command->arguments[1] ? command->arguments[1] : "";

        status =
            cf_fail(error, CF_IO, "%s %s ended with %d", command->arguments[0], verb, out->code);
    }
    return status;
}
