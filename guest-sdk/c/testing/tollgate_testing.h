/*
 * For a plugin's own tests, natively, in C and C++: a host that a test makes up.
 *
 * A test is compiled and linked with the plugin's own sources and with tollgate_testing.c, in place of the
 * SDK's sources and the bindings. Graphs are answered by functions, configuration and buckets are what the
 * test sets, and log lines are kept. What a test does not offer is not there. No model runs, and no limit of
 * the real host's holds.
 *
 *     static bool seven(void *context, const tollgate_input *inputs, size_t count,
 *                       tollgate_tensors *outputs, tollgate_error *error) {
 *         const uint32_t dimensions[] = {1};
 *         tollgate_testing_output(outputs, TOLLGATE_U8, dimensions, 1, "\7", 1);
 *         return true;
 *     }
 *
 *     tollgate_testing_graph("digits", seven, NULL);
 *     assert(tollgate_testing_handle(picture, sizeof picture)->handled);
 *
 * The plugin is made with the first frame and stays, as it does in an instance.
 */
#ifndef TOLLGATE_TESTING_H
#define TOLLGATE_TESTING_H

#include <tollgate.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One inference: adds all outputs, in the model's order, or fills the error and returns false. */
typedef bool (*tollgate_testing_answer)(void *context, const tollgate_input *inputs, size_t count,
                                        tollgate_tensors *outputs, tollgate_error *error);

/* Offers a graph, or answers for one in another way than before. `name` and `context` must outlive
 * the tests. */
void tollgate_testing_graph(const char *name, tollgate_testing_answer answer, void *context);

/* Says what tollgate_graph_describe answers for a graph that is offered; else it has no inputs and no
 * outputs. What is said must outlive the tests. */
void tollgate_testing_metadata(const char *name, const tollgate_metadata *metadata);

/* Adds an output to an inference's, with a copy of its elements. */
void tollgate_testing_output(tollgate_tensors *outputs, tollgate_tensor_type ty,
                             const uint32_t *dimensions, size_t rank, const void *data, size_t size);

/* Fills an error. Returns false, so that it can stand behind `return`. */
bool tollgate_testing_fail(tollgate_error *error, tollgate_error_code code, const char *message);

/* Sets a configuration value; NULL takes it away. Both texts must outlive the tests. */
void tollgate_testing_config(const char *key, const char *value);

/* Offers a bucket, empty. Its name must outlive the tests. The handle is good for looking into it. */
tollgate_bucket tollgate_testing_bucket(const char *name);

/* A line that the plugin logged. */
typedef struct tollgate_testing_line {
    tollgate_level level;
    char *context;
    char *message;
} tollgate_testing_line;

/* The lines that were logged since the test began, and how many. */
const tollgate_testing_line *tollgate_testing_log(size_t *count);

/* What a plugin handed back. Data end in a NUL that does not count. */
typedef struct tollgate_testing_handed {
    char *name;
    char *content_type;
    char *data;
    size_t size;
} tollgate_testing_handed;

/* What came of a frame. */
typedef struct tollgate_testing_result {
    /* Whether it was handled; else `kind` and `message` say what the fault was. */
    bool handled;
    tollgate_testing_handed *outputs;
    size_t count;
    tollgate_fault_kind kind;
    char *message;
} tollgate_testing_result;

/* Hands the plugin a frame of these bytes. The result is there until the next one. */
const tollgate_testing_result *tollgate_testing_handle(const void *data, size_t size);

/* The same with all that can be said of a frame. */
const tollgate_testing_result *tollgate_testing_handle_frame(const tollgate_frame *frame);

#ifdef __cplusplus
}
#endif

#endif
