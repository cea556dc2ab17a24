/*
 * Write Tollgate plugins in C: frames in, inferences on the host's graphs, outputs out.
 *
 * A whole plugin:
 *
 *     #include <tollgate.h>
 *
 *     struct classifier { tollgate_graph graph; };
 *
 *     static bool classifier_new(struct classifier *self, tollgate_fault *fault) {
 *         tollgate_error error;
 *         return tollgate_graph_load("classifier", &self->graph, &error)
 *             || tollgate_fault_from_error(fault, &error);
 *     }
 *
 *     static bool classifier_handle(struct classifier *self, const tollgate_frame *frame,
 *                                   tollgate_outputs *outputs, tollgate_fault *fault) {
 *         const uint32_t dimensions[] = {1, 28, 28};
 *         const tollgate_input input = {.dimensions = dimensions, .rank = 3, .ty = TOLLGATE_U8,
 *                                       .data = frame->data, .size = frame->size};
 *         tollgate_tensors results;
 *         tollgate_error error;
 *         if (!tollgate_graph_infer(self->graph, &input, 1, &results, &error))
 *             return tollgate_fault_from_error(fault, &error);
 *         tollgate_outputs_add(outputs, "scores", "", results.items[0].data, results.items[0].size);
 *         tollgate_tensors_free(&results);
 *         return true;
 *     }
 *
 *     TOLLGATE_EXPORT(struct classifier, classifier_new, classifier_handle)
 *
 * Who owns what: what a function takes is the caller's and is not kept; what a function gives
 * back is the caller's too, and has a function of its type that frees it. What is NULL or zeroed
 * is free already. Memory used up is a trap, never a null pointer.
 *
 * A function that can fail returns false and fills its last argument; nothing else of what it
 * should have filled is then to be read or freed. Texts end in NUL unless they are a
 * tollgate_text. Sizes are in bytes. There is one thread.
 *
 * Texts are UTF-8. What is none in the name of an output, a fault's sentence or a log line becomes a question
 * mark; elsewhere the host ends the instance.
 */
#ifndef TOLLGATE_H
#define TOLLGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TOLLGATE_PRINTF(format, arguments) __attribute__((__format__(__printf__, format, arguments)))
#else
#define TOLLGATE_PRINTF(format, arguments)
#endif

/* ---- Tensors ---- */

/* The type of one element, in wasi-nn's order. */
typedef enum tollgate_tensor_type {
    TOLLGATE_FP16,
    TOLLGATE_FP32,
    TOLLGATE_FP64,
    TOLLGATE_BF16,
    TOLLGATE_U8,
    TOLLGATE_I32,
    TOLLGATE_I64,
} tollgate_tensor_type;

/* The size of one element in bytes. */
size_t tollgate_tensor_type_size(tollgate_tensor_type ty);

/* `fp32`, `u8`, ... */
const char *tollgate_tensor_type_name(tollgate_tensor_type ty);

/* A tensor going in: dense, row-major, little-endian. The host reads `data` where it lies. */
typedef struct tollgate_input {
    /* The graph's input of this name; where it is NULL, the input at this one's place. */
    const char *name;
    /* The size of each dimension, outermost first, `rank` of them. A scalar has none. */
    const uint32_t *dimensions;
    size_t rank;
    tollgate_tensor_type ty;
    const void *data;
    size_t size;
} tollgate_input;

/* A tensor that came out of an inference. */
typedef struct tollgate_tensor {
    /* The output's name after tollgate_context_compute; NULL after tollgate_graph_infer. */
    char *name;
    uint32_t *dimensions;
    size_t rank;
    tollgate_tensor_type ty;
    /* Aligned for any type of element. */
    void *data;
    size_t size;
} tollgate_tensor;

typedef struct tollgate_tensors {
    tollgate_tensor *items;
    size_t count;
} tollgate_tensors;

void tollgate_tensor_free(tollgate_tensor *tensor);

/* Frees the tensors and their list. */
void tollgate_tensors_free(tollgate_tensors *tensors);

/* ---- Errors ---- */

/* The error codes of wasi-nn, in the standard's order. */
typedef enum tollgate_error_code {
    /* Wrong rank, dimension, type or byte count; a missing or surplus input. */
    TOLLGATE_INVALID_ARGUMENT,
    /* The bytes are not a model that can be read. */
    TOLLGATE_INVALID_ENCODING,
    /* The deadline passed. */
    TOLLGATE_TIMEOUT,
    /* The model ran and failed. */
    TOLLGATE_RUNTIME_ERROR,
    /* An encoding, target or operator that is not there. */
    TOLLGATE_UNSUPPORTED_OPERATION,
    /* A model or tensor over its limit. */
    TOLLGATE_TOO_LARGE,
    /* No graph, input or output of that name. */
    TOLLGATE_NOT_FOUND,
    /* Not granted. */
    TOLLGATE_SECURITY,
    /* None of these. */
    TOLLGATE_UNKNOWN,
} tollgate_error_code;

/* `invalid-argument`, `timeout`, ... */
const char *tollgate_error_code_name(tollgate_error_code code);

/* Why a graph call failed: a code to act on, a sentence to read. */
typedef struct tollgate_error {
    tollgate_error_code code;
    char *message;
} tollgate_error;

void tollgate_error_free(tollgate_error *error);

/* The elements of a tensor and how many they are. Fails with `invalid-argument` where the tensor
 * is not of this type. They live as long as the tensor. */
bool tollgate_tensor_elements(const tollgate_tensor *tensor, tollgate_tensor_type ty,
                              const void **elements, size_t *count, tollgate_error *error);

/* ---- Graphs ---- */

/* A model that the host has loaded. Copies of the handle are the same graph. */
typedef struct tollgate_graph {
    int32_t handle;
} tollgate_graph;

/* Looks a graph up by the name that the host gave it; do it once, when the plugin is made. Fails
 * with `not-found` where there is none of that name, `security` where it was not granted. */
bool tollgate_graph_load(const char *name, tollgate_graph *graph, tollgate_error *error);

/* Lets go of the handle. */
void tollgate_graph_free(tollgate_graph graph);

/* A dimension that may differ from call to call. */
#define TOLLGATE_ANY ((int64_t)-1)

/* One input or output of a graph. */
typedef struct tollgate_tensor_info {
    char *name;
    /* Outermost first, `rank` of them; TOLLGATE_ANY or a size. */
    int64_t *dimensions;
    size_t rank;
    tollgate_tensor_type ty;
} tollgate_tensor_info;

typedef struct tollgate_tensor_infos {
    tollgate_tensor_info *items;
    size_t count;
} tollgate_tensor_infos;

/* What a graph is. */
typedef struct tollgate_metadata {
    tollgate_tensor_infos inputs;
    tollgate_tensor_infos outputs;
    /* Where the graph really runs: `cpu`, `cuda`, ... */
    char *device;
} tollgate_metadata;

/* Names, types and dimensions of the graph's inputs and outputs, and its device. */
void tollgate_graph_describe(tollgate_graph graph, tollgate_metadata *metadata);

void tollgate_metadata_free(tollgate_metadata *metadata);

/* Runs one inference in one crossing. The outputs are all of the graph's, in the order of
 * `metadata.outputs`. Nothing is copied in. */
bool tollgate_graph_infer(tollgate_graph graph, const tollgate_input *inputs, size_t count,
                          tollgate_tensors *outputs, tollgate_error *error);

/* An execution context of the standard wasi-nn, for a plugin that must also run on a host without
 * `tollgate:nn`. It takes more crossings and copies than tollgate_graph_infer. */
typedef struct tollgate_context {
    int32_t handle;
} tollgate_context;

bool tollgate_graph_context(tollgate_graph graph, tollgate_context *context, tollgate_error *error);

void tollgate_context_free(tollgate_context context);

/* Runs one inference. The outputs carry their names. */
bool tollgate_context_compute(tollgate_context context, const tollgate_input *inputs, size_t count,
                              tollgate_tensors *outputs, tollgate_error *error);

/* ---- Configuration and log ---- */

typedef enum tollgate_store_error_code {
    /* There is no bucket of that name. */
    TOLLGATE_NO_SUCH_STORE,
    /* The bucket was not granted. */
    TOLLGATE_ACCESS_DENIED,
    /* Anything else. */
    TOLLGATE_STORE_OTHER,
} tollgate_store_error_code;

/* Why a bucket, or a configuration value, could not be had. */
typedef struct tollgate_store_error {
    tollgate_store_error_code code;
    char *message;
} tollgate_store_error;

void tollgate_store_error_free(tollgate_store_error *error);

/* The configuration value of a key, for free(); NULL where there is no such key, or nothing was
 * granted. It takes a crossing: read it once, when the plugin is made. */
bool tollgate_config(const char *key, char **value, tollgate_store_error *error);

/* How much a log line matters, least first. */
typedef enum tollgate_level {
    TOLLGATE_LEVEL_TRACE,
    TOLLGATE_LEVEL_DEBUG,
    TOLLGATE_LEVEL_INFO,
    TOLLGATE_LEVEL_WARN,
    TOLLGATE_LEVEL_ERROR,
    TOLLGATE_LEVEL_CRITICAL,
} tollgate_level;

/* Logs one line; `context` groups lines that belong together, and may be empty. It takes a crossing.
 * Without the grant, and beyond the host's limits, nobody sees it. */
void tollgate_log(tollgate_level level, const char *context, const char *message);

/* ---- Key-value buckets ---- */

/* Keys and their values, kept by the host: what was set is there after a crash, and other instances
 * and plugins with the same grant see it. Every call is a crossing, and one that writes waits for
 * the disk. */
typedef struct tollgate_bucket {
    int32_t handle;
} tollgate_bucket;

/* Opens a bucket by the name that the host gave it; do it once, when the plugin is made. */
bool tollgate_bucket_open(const char *name, tollgate_bucket *bucket, tollgate_store_error *error);

/* Lets go of the handle. */
void tollgate_bucket_free(tollgate_bucket bucket);

/* What a key has. */
typedef struct tollgate_value {
    /* Whether there is such a key. */
    bool is_some;
    void *data;
    size_t size;
} tollgate_value;

void tollgate_value_free(tollgate_value *value);

/* The value of a key. */
bool tollgate_bucket_get(tollgate_bucket bucket, const char *key, tollgate_value *value,
                         tollgate_store_error *error);

/* Sets the value of a key. */
bool tollgate_bucket_set(tollgate_bucket bucket, const char *key, const void *data, size_t size,
                         tollgate_store_error *error);

/* Removes a key, which need not be there. */
bool tollgate_bucket_delete(tollgate_bucket bucket, const char *key, tollgate_store_error *error);

/* Whether there is such a key. */
bool tollgate_bucket_exists(tollgate_bucket bucket, const char *key, bool *exists,
                            tollgate_store_error *error);

/* Adds to the decimal number that a key has, zero where there is none. Nothing that others do can
 * come between. */
bool tollgate_bucket_increment(tollgate_bucket bucket, const char *key, uint64_t delta,
                               uint64_t *sum, tollgate_store_error *error);

/* One page of keys, in no particular order. */
typedef struct tollgate_keys {
    char **items;
    size_t count;
    /* Whether there is another page, and what to ask for it with. */
    bool more;
    uint64_t cursor;
} tollgate_keys;

/* The first page without a cursor, the next with the cursor of the one before. */
bool tollgate_bucket_keys(tollgate_bucket bucket, const uint64_t *cursor, tollgate_keys *keys,
                          tollgate_store_error *error);

void tollgate_keys_free(tollgate_keys *keys);

/* ---- Frames and outputs ---- */

/* A text of `size` bytes in UTF-8, without a NUL. */
typedef struct tollgate_text {
    const char *data;
    size_t size;
} tollgate_text;

/* What a plugin is handed: one message, picture or buffer as it arrived. It lives as long as the
 * call. */
typedef struct tollgate_frame {
    /* Counts the frames of one source from zero. */
    uint64_t sequence;
    /* Where it came from: a file's name, a topic, a path. */
    tollgate_text source;
    /* The media type of `data`, such as `image/jpeg`; empty where nobody said. */
    tollgate_text content_type;
    /* When it was acquired, in nanoseconds since the Unix epoch; zero where nobody knows. */
    uint64_t acquired_ns;
    const uint8_t *data;
    size_t size;
} tollgate_frame;

/* What a plugin hands back; none is an answer too. */
typedef struct tollgate_outputs tollgate_outputs;

/* Adds an output with a copy of these bytes. Routes bind to its name. */
void tollgate_outputs_add(tollgate_outputs *outputs, const char *name, const char *content_type,
                          const void *data, size_t size);

/* Adds an output that is JSON text. The text is taken as it is and not checked. */
void tollgate_outputs_add_json(tollgate_outputs *outputs, const char *name, const char *text);

/* ---- Faults ---- */

typedef enum tollgate_fault_kind {
    /* The frame is not what this plugin reads. */
    TOLLGATE_INVALID_FRAME,
    /* An inference failed. */
    TOLLGATE_INFERENCE,
    /* Something else, the plugin's own. */
    TOLLGATE_INTERNAL,
} tollgate_fault_kind;

/* Why a plugin could not make anything of a frame. It concerns that frame alone. */
typedef struct tollgate_fault tollgate_fault;

/* Says what the fault is, in one sentence for a person: what was expected, what came, what to do.
 * Returns false, so that it can stand behind `return`. The last one said counts. */
bool tollgate_fault_set(tollgate_fault *fault, tollgate_fault_kind kind, const char *format, ...)
    TOLLGATE_PRINTF(3, 4);

/* A graph call that failed is a failed inference. Frees the error and returns false. */
bool tollgate_fault_from_error(tollgate_fault *fault, tollgate_error *error);

/* A bucket that failed is the plugin's own affair. Frees the error and returns false. */
bool tollgate_fault_from_store_error(tollgate_fault *fault, tollgate_store_error *error);

/* ---- The plugin ---- */

/* What the host's call arrives at. TOLLGATE_EXPORT defines it. */
bool tollgate_plugin_handle(const tollgate_frame *frame, tollgate_outputs *outputs,
                            tollgate_fault *fault);

/*
 * Makes `type` the plugin. Once in a program, at file scope.
 *
 *     bool make(type *self, tollgate_fault *fault)
 *     bool handle(type *self, const tollgate_frame *frame, tollgate_outputs *outputs,
 *                 tollgate_fault *fault)
 *
 * `make` is handed zeroed memory before the first frame. If it fails, its fault is the answer to
 * the frame that was waiting, and the next frame tries again. The value lasts as long as its
 * instance, for many frames or for one: keep in it what may be forgotten.
 */
#define TOLLGATE_EXPORT(type, make, handle)                                                        \
    bool tollgate_plugin_handle(const tollgate_frame *frame, tollgate_outputs *outputs,            \
                                tollgate_fault *fault) {                                           \
        static type plugin;                                                                        \
        static bool made = false;                                                                  \
        if (!made) {                                                                               \
            plugin = (type){0};                                                                    \
            if (!make(&plugin, fault)) return false;                                               \
            made = true;                                                                           \
        }                                                                                          \
        return handle(&plugin, frame, outputs, fault);                                             \
    }

#ifdef __cplusplus
}
#endif

#endif
