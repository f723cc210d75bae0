/* SPDX-License-Identifier: Apache-2.0 */
/* A verb, and one run of it. A run begins, goes on in steps as things happen, and ends: the same in
 * a process of its own and inside `serve`. What a verb says goes to its run's output. */
#ifndef CF_PEER_PROGRAM_VERB_H
#define CF_PEER_PROGRAM_VERB_H
#include "peer/program/loop.h"
#include "broker/platform/command_line.h"
#include "peer/program/output.h"

typedef struct cf_verb cf_verb;
typedef struct cf_run cf_run;

/* What another verb says on this home, as JSON, before the one in hand goes there. Its messages go
 * to the user; where it fails, the program ends as it would have. */
typedef cf_status cf_consulting(cf_run *run, const char *const *words, size_t count, json_t **out,
                                cf_error *error);

struct cf_run {
    const cf_verb *verb;
    cf_loop *loop;
    cf_options options;
    bool json, quiet;
    bool has_printed;   /* anything on stdout: a call has one document, and no error behind it */
    bool connects;      /* from now on, where the verb does not always */
    const char *folder; /* what relative paths begin from */
    cf_output output;
    bool stopping;          /* the user wants it to end: finish what is in hand */
    int exit_code;          /* of a run that ends without an error */
    void *state;            /* the verb's own */
    void *waiting;          /* of the verb's `prerequisite`; NULL: it has not begun */
    bool has_waited;        /* and its `start` was called */
    cf_arena arena;         /* of words that came from stdin or a file */
    cf_consulting *consult; /* for `prepare`; NULL: there is nobody to ask */
    void *consult_context;
    const cf_env *env; /* NULL: the run is another process's */
};

typedef enum {
    CF_NEEDS_NOTHING, /* runs where it was typed */
    CF_NEEDS_NO_USER, /* makes a home */
    CF_NEEDS_HOME,    /* the home, even a damaged one: cf_loop_peer may be NULL */
    CF_NEEDS_PEER,    /* the home and its engine */
    CF_NEEDS_ALL,     /* as before, and goes on for ever: it is `serve` */
} cf_verb_needs;

typedef struct {
    bool over;
    uint64_t deadline_ms; /* when to step again; UINT64_MAX: when something happens */
} cf_progress;

/* What is waited for before a verb starts, as if it were a verb of its own: `progress` is over when
 * it may start. */
typedef struct {
    cf_status (*step)(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error);
    void (*end)(cf_run *run); /* frees what waits, also where nothing does */
} cf_prerequisite;

/* What a verb does where its first argument says so. */
typedef struct {
    const char *usage; /* what follows the verb's name, with all its options; its first word is its
                          name */
    const char *summary;
} cf_subverb;

struct cf_verb {
    const char *name;
    const char *usage; /* what follows the program's name; cf_verb_usage adds the options */
    const char *summary;
    const char *more;                /* for `help VERB`; NULL: nothing */
    void (*more_of)(cf_buffer *out); /* appends to that what a table says; NULL: nothing does */
    const cf_subverb *subverbs;      /* ended by one without a usage; NULL: none */
    const char *alone; /* which options it takes without any argument; NULL: all that it has */
    cf_verb_needs needs;
    bool connects; /* brings the engine's link into connection */
    uint64_t
        patience_ms; /* with another process that has the home, unless --timeout says; 0: any */
    const cf_option *options; /* NULL: none */
    /* Where it was typed, before it is sent anywhere: takes what comes from there (stdin, files).
     * NULL: nothing does. */
    cf_status (*prepare)(cf_run *run, cf_error *error);
    const cf_prerequisite *prerequisite; /* NULL: nothing */
    cf_status (*start)(cf_run *run, cf_error *error);
    /* NULL: start was all. `*progress` is {true, UINT64_MAX} before. */
    cf_status (*step)(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error);
    void (*end)(cf_run *run); /* frees the state, also after a failure; NULL: there is none */
};

extern const cf_option cf_global_options[];
/* The verb's usage with all its options: those that its words don't name are added from the table,
 *   "sync [SOURCE...]" and {"yes"}, {"timeout", "T"}: sync [SOURCE...] [--yes] [--timeout T] */
const char *cf_verb_usage(const cf_verb *verb, cf_arena *arena);
/* Among these, ended by NULL; NULL when unknown. */
const cf_verb *cf_verb_find(const cf_verb *const *verbs, const char *name);
/* NULL when the verb has none of this name. */
const cf_subverb *cf_subverb_find(const cf_verb *verb, const char *name);
/* Whether a usage names the option, by its name or its letter. */
bool cf_usage_names(const char *usage, const cf_option *option);

/* ---- The life of a run; for who has one ---- */

/* True when it is over already. */
bool cf_run_start(cf_run *run);
/* Goes on; true when it is over. */
bool cf_run_step(cf_run *run, uint64_t *deadline_ms);
/* Says why, as JSON, too, where that is asked for; and what the exit code is. */
void cf_run_fail(cf_run *run, const cf_error *why);
/* Always to be called once, also when it was never started. */
void cf_run_end(cf_run *run);

/* ---- For verbs ---- */

/* CF_USAGE names an option that is the verb's, but not of what it is to do: by its subverb's usage,
 * or without any argument. */
cf_status cf_run_check_options(const cf_run *run, cf_error *error);
cf_status cf_run_check_count(const cf_run *run, size_t least, size_t most, cf_error *error);
/* For `prepare`: the argument of this number, where it is `-` or left out, is read from stdin, one
 * line; on a terminal it is asked for by `prompt`. Without a terminal what is left out stays so. */
cf_status cf_run_take_argument(cf_run *run, size_t number, const char *prompt, cf_error *error);
/* The same for the value of an option that is `-`. */
cf_status cf_run_take_value(cf_run *run, const char *option, const char *prompt, cf_error *error);
/* An option that was left out, asked for on a terminal. */
cf_status cf_run_ask_value(cf_run *run, const char *option, const char *prompt, cf_error *error);
/* For `prepare`: yes or no, of who sits at the terminal. Only a "y" or "yes" is yes. */
cf_status cf_run_confirm(cf_run *run, bool *yes, cf_error *error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Whether somebody is there to be asked. */
bool cf_run_is_at_terminal(void);
/* The same, by a verb that has --yes: not who gave that, or only rehearses. */
bool cf_run_asks(const cf_run *run);
/* The answer to "is this meant?": --yes, as if it had been typed, or CF_CHANGED. */
cf_status cf_run_take_answer(cf_run *run, bool yes, cf_error *error);
/* An option of the verb, as if it had been typed; `value`, NULL if it has none, outlives the run.
 */
void cf_run_choose(cf_run *run, const char *option, const char *value);
/* How long the run waits for another process that has its home: --timeout, else what is its verb's;
 * UINT64_MAX: as long as it takes. CF_USAGE: --timeout is no time. */
cf_status cf_run_patience(const cf_run *run, uint64_t *milliseconds, cf_error *error);
/* Why such a wait ended, into an error that says who has the home; its status. */
cf_status cf_run_waited(uint64_t patience_ms, cf_error *error);
/* The value of --timeout; 30 s when it was not given. */
cf_status cf_run_timeout(const cf_run *run, uint64_t *milliseconds, cf_error *error);
/* The path that the user named, absolute: "." and ".." are resolved, symbolic links too as far as
 * it exists. Appends the path and a NUL. */
cf_status cf_run_path(const cf_run *run, const char *path, cf_buffer *out, cf_error *error);
/* The same as it was typed, without a question to any disk. */
void cf_run_typed_path(const cf_run *run, const char *path, cf_buffer *out);

#endif
