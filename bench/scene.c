/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/scene.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/workload.h"

enum { LINE_MAX_SIZE = 4096, WORDS_MAX = 16 };
#define PATIENCE_S 30.0
#define LOOK_S 0.005

static cf_bench_path below(const cf_scene *scene, const char *format, size_t number)
{
    cf_bench_path path;
    int size = snprintf(path.text, sizeof path.text, "%s/", scene->folder.text);

    if (size > 0 && (size_t)size < sizeof path.text)
        snprintf(path.text + size, sizeof path.text - (size_t)size, format, number);
    return path;
}

bool cf_scene_possible(const cf_bench *bench)
{
    if (bench->peer[0] && bench->broker[0])
        return true;
    cf_results_skip(bench->results, "counterfoil and counterfoild are not both found");
    return false;
}

/* ---- Programs ---- */

/* The first line that a program writes to its output, without the line's end. */
static cf_status wait_for_line(const cf_process *process, const char *path,
                               char line[LINE_MAX_SIZE], cf_error *error)
{
    double end = cf_measure_now() + PATIENCE_S;

    while (cf_measure_now() < end) {
        bool over = cf_process_has_ended(process);
        FILE *file = fopen(path, "re");
        bool read = file && fgets(line, LINE_MAX_SIZE, file) && strchr(line, '\n');

        if (file)
            fclose(file);
        if (read) {
            *strchr(line, '\n') = '\0';
            return CF_OK;
        }
        if (over)
            return cf_fail(error, CF_IO, "a program ended before it said what was to be read");
        cf_measure_wait(LOOK_S);
    }
    return cf_fail(error, CF_UNREACHABLE, "a program said nothing for %.0f s", PATIENCE_S);
}

/* A verb of the peer on one device. */
typedef struct {
    const char *words[WORDS_MAX];
    cf_bench_path output;
    cf_command command;
} call;

static void prepare(const cf_scene *scene, size_t device, const char *const words[], call *out)
{
    size_t count = 0;

    out->output = below(scene, "output%zu", device);
    unlink(out->output.text); /* an earlier verb's line is not to be read as this one's */
    out->words[count++] = scene->bench->peer;
    out->words[count++] = "--json";
    out->words[count++] = "--home";
    out->words[count++] = scene->devices[device].home.text;
    for (; *words; words++)
        out->words[count++] = *words;
    out->words[count] = NULL;
    out->command = (cf_command){
        .arguments = out->words, .output = out->output.text, .messages = scene->messages.text};
}

/* The last thing that any of the programs said. */
static void last_message(const cf_scene *scene, char out[CF_ERROR_TEXT])
{
    FILE *file = fopen(scene->messages.text, "re");
    char line[CF_ERROR_TEXT];

    snprintf(out, CF_ERROR_TEXT, "no message");
    while (file && fgets(line, sizeof line, file))
        snprintf(out, CF_ERROR_TEXT, "%.*s", (int)strcspn(line, "\n"), line);
    if (file)
        fclose(file);
}

/* Why a sync is not done: the first thing that its document names, else the last message. */
static void reason(const cf_scene *scene, const cf_bench_path *output, char out[CF_ERROR_TEXT])
{
    json_t *document = json_load_file(output->text, 0, NULL);
    json_t *collection = json_array_get(json_object_get(document, "collections"), 0);
    json_t *item = json_array_get(json_object_get(collection, "pending"), 0);

    if (item)
        snprintf(out, CF_ERROR_TEXT, "%.100s: %.100s",
                 json_string_value(json_object_get(item, "path")),
                 json_string_value(json_object_get(item, "reason")));
    else
        last_message(scene, out);
    json_decref(document);
}

static cf_status run_verb(const cf_scene *scene, size_t device, const char *const words[],
                          cf_usage *out, cf_error *error)
{
    char said[CF_ERROR_TEXT];
    cf_usage used;
    call it;

    prepare(scene, device, words, &it);
    cf_status status = cf_process_run(&it.command, &used, error);
    if (!status && used.code) {
        reason(scene, &it.output, said);
        status =
            cf_fail(error, CF_IO, "counterfoil %s ended with %d: %s", words[0], used.code, said);
    }
    if (!status && out)
        *out = used;
    return status;
}

/* At any port the first time. */
static cf_status start_broker(cf_scene *scene, cf_error *error)
{
    char line[LINE_MAX_SIZE], endpoint[CF_ADDRESS_TEXT] = "tcp://127.0.0.1:0";
    cf_bench_path data = below(scene, "broker", 0), output = below(scene, "address", 0);
    const char *const words[] = {scene->bench->broker, "--data", data.text,
                                 "--listen",           endpoint, NULL};
    const cf_command command = {words, output.text, scene->messages.text};

    if (scene->place.port)
        cf_address_endpoint(&scene->place, endpoint);
    unlink(output.text); /* an earlier one's line is not to be read as this one's */

    cf_status status = cf_process_start(&command, &scene->broker, error);
    if (!status)
        status = wait_for_line(&scene->broker, output.text, line, error);
    return status ? status : cf_address_read(line, &scene->place, error);
}

cf_status cf_scene_restart_broker(cf_scene *scene, cf_error *error)
{
    cf_process_stop(&scene->broker, NULL);
    return start_broker(scene, error);
}

static cf_status invite(cf_scene *scene, char line[LINE_MAX_SIZE], cf_error *error)
{
    cf_bench_path data = below(scene, "broker", 0), output = below(scene, "invitation", 0);
    const char *const words[] = {scene->bench->broker, "--data", data.text, "invite", NULL};
    const cf_command command = {words, output.text, scene->messages.text};
    cf_process asked;
    cf_usage ignored;

    unlink(output.text); /* an earlier one's line is not to be read as this one's */

    cf_status status = cf_process_start(&command, &asked, error);
    if (status)
        return status;
    status = wait_for_line(&asked, output.text, line, error);
    cf_process_wait(&asked, &ignored);
    return status;
}

cf_status cf_scene_invite(cf_scene *scene, cf_code *out, cf_error *error)
{
    char line[LINE_MAX_SIZE];

    cf_status status = invite(scene, line, error);
    return status ? status : cf_code_read(line, out, error);
}

/* ---- Devices ---- */

static size_t new_device(cf_scene *scene)
{
    size_t device = scene->count++;

    scene->devices[device].home = below(scene, "home%zu", device);
    scene->devices[device].source = below(scene, "source%zu", device);
    return device;
}

cf_status cf_scene_open(const cf_bench *bench, const char *name, cf_scene *out, cf_error *error)
{
    char line[LINE_MAX_SIZE];

    *out = (cf_scene){.bench = bench, .folder = cf_bench_path_of(bench, "%s", name)};
    out->messages = below(out, "messages", 0);
    if (mkdir(out->folder.text, 0700))
        return cf_fail_errno(error, errno, "making %s", out->folder.text);
    cf_status status = start_broker(out, error);
    if (!status)
        status = invite(out, line, error);
    if (status)
        return status;
    const char *const words[] = {"init", line, "--name", "first", NULL};
    return run_verb(out, new_device(out), words, NULL, error);
}

void cf_scene_close(cf_scene *scene, cf_usage *broker)
{
    for (size_t i = 0; i < scene->count; i++)
        cf_process_stop(&scene->devices[i].serving, NULL);
    cf_process_stop(&scene->broker, broker);
    cf_workload_remove(scene->folder.text);
    *scene = (cf_scene){0};
}

cf_status cf_scene_join(cf_scene *scene, cf_error *error)
{
    static const char *const pair[] = {"pair", NULL};
    char code[LINE_MAX_SIZE], name[32];
    cf_process pairing;
    cf_usage used = {0};
    call it;

    prepare(scene, 0, pair, &it);
    it.words[1] = "-q"; /* the code, not a document */
    cf_status status = cf_process_start(&it.command, &pairing, error);
    if (status)
        return status;
    status = wait_for_line(&pairing, it.output.text, code, error);
    size_t device = new_device(scene);
    snprintf(name, sizeof name, "device %zu", device);
    const char *const join[] = {"join", code, "--name", name, NULL};
    if (!status)
        status = run_verb(scene, device, join, NULL, error);
    if (status)
        cf_process_stop(&pairing, &used);
    else
        cf_process_wait(&pairing, &used);
    return status;
}

cf_status cf_scene_join_elsewhere(cf_scene *scene, cf_error *error)
{
    cf_status status = cf_scene_join(scene, error);

    if (!status)
        cf_workload_remove(scene->devices[--scene->count].home.text);
    return status;
}

cf_status cf_scene_add_folder(cf_scene *scene, size_t device, const char *name, cf_error *error)
{
    cf_bench_path path = below(scene, "folder%zu", device);
    size_t size = strlen(path.text);

    snprintf(path.text + size, sizeof path.text - size, "-%s", name);
    const char *const words[] = {"add", path.text, "--collection", name, NULL};
    if (mkdir(path.text, 0755))
        return cf_fail_errno(error, errno, "making %s", path.text);
    return run_verb(scene, device, words, NULL, error);
}

cf_status cf_scene_add(cf_scene *scene, size_t device, cf_error *error)
{
    const char *path = scene->devices[device].source.text;
    const char *const words[] = {"add", path, "--collection", "bench", NULL};

    if (mkdir(path, 0755) && errno != EEXIST)
        return cf_fail_errno(error, errno, "making %s", path);
    return run_verb(scene, device, words, NULL, error);
}

cf_status cf_scene_add_file(cf_scene *scene, size_t device, const char *format, cf_error *error)
{
    const char *path = scene->devices[device].source.text;
    const char *const words[] = {"add", path, "--collection", "bench", "--format", format, NULL};

    return run_verb(scene, device, words, NULL, error);
}

cf_status cf_scene_add_rows(cf_scene *scene, size_t device, const char *path, const char *format,
                            cf_error *error)
{
    const bool has_key = strcmp(format, "csv") == 0;
    const char *const words[] = {"add",      path,   "--collection",           "rows",
                                 "--format", format, has_key ? "--key" : NULL, "id",
                                 NULL};

    return run_verb(scene, device, words, NULL, error);
}

cf_status cf_scene_users(cf_scene *scene, cf_error *error)
{
    cf_bench_path data = below(scene, "broker", 0);
    const char *const words[] = {scene->bench->broker, "--data", data.text, "users", NULL};
    const cf_command command = {.arguments = words, .messages = scene->messages.text};
    cf_usage ignored;

    return cf_process_must(&command, &ignored, error);
}

cf_status cf_scene_sync(cf_scene *scene, size_t device, cf_usage *out, cf_error *error)
{
    static const char *const words[] = {"sync", NULL};

    return run_verb(scene, device, words, out, error);
}

cf_status cf_scene_status(cf_scene *scene, size_t device, cf_usage *out, cf_error *error)
{
    static const char *const words[] = {"status", NULL};

    return run_verb(scene, device, words, out, error);
}

cf_status cf_scene_serve(cf_scene *scene, size_t device, cf_error *error)
{
    static const char *const words[] = {"serve", NULL};
    cf_bench_path messages = below(scene, "serving%zu", device);
    char line[LINE_MAX_SIZE];
    call it;

    prepare(scene, device, words, &it);
    it.command.output = NULL;
    it.command.messages = messages.text;
    unlink(messages.text);
    cf_status status = cf_process_start(&it.command, &scene->devices[device].serving, error);
    /* "serving NAME"; from then on it answers verbs, and a sync with it finds the broker. */
    if (!status)
        status = wait_for_line(&scene->devices[device].serving, messages.text, line, error);
    return status ? status : cf_scene_sync(scene, device, NULL, error);
}

void cf_scene_rest(cf_scene *scene, size_t device, cf_usage *out)
{
    cf_process_stop(&scene->devices[device].serving, out);
}

double cf_scene_traffic(const cf_scene *scene, size_t device, const char *name)
{
    cf_bench_path output = below(scene, "output%zu", device);
    json_t *document = json_load_file(output.text, 0, NULL);
    double found = json_number_value(json_object_get(json_object_get(document, "traffic"), name));

    json_decref(document);
    return found;
}
