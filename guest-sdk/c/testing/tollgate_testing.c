/*
 * Stands in for the host in a plugin's own tests: all functions of tollgate.h, natively and without
 * bindings, over what a test offers. Memory used up ends the test; nothing is given back that a test might
 * still look at.
 */
#include "tollgate_testing.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Memory ---- */

static void *grown(void *memory, size_t size) {
    memory = realloc(memory, size == 0 ? 1 : size);
    if (memory == NULL) abort();
    return memory;
}

/* Room for one item more behind `count` of them, zeroed. */
static void *more(void *items, size_t count, size_t size) {
    char *bytes = grown(items, (count + 1) * size);
    memset(bytes + count * size, 0, size);
    return bytes;
}

/* A copy that ends in a NUL besides. */
static char *copy(const void *data, size_t size) {
    char *bytes = grown(NULL, size + 1);
    if (size > 0) memcpy(bytes, data, size);
    bytes[size] = '\0';
    return bytes;
}

static char *text(const char *text) {
    return copy(text, strlen(text));
}

static char *formatted(const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    const int size = vsnprintf(NULL, 0, format, arguments);
    char *message = grown(NULL, size < 0 ? strlen(format) + 1 : (size_t)size + 1);
    if (size < 0)
        strcpy(message, format);
    else
        vsnprintf(message, (size_t)size + 1, format, again);
    va_end(again);
    return message;
}

/* ---- Errors ---- */

const char *tollgate_error_code_name(tollgate_error_code code) {
    static const char *const CODES[] = {
        "invalid-argument", "invalid-encoding", "timeout",  "runtime-error", "unsupported-operation",
        "too-large",        "not-found",        "security", "unknown",
    };
    return (size_t)code < sizeof CODES / sizeof *CODES ? CODES[code] : CODES[TOLLGATE_UNKNOWN];
}

static bool failed(tollgate_error *error, tollgate_error_code code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    *error = (tollgate_error){code, formatted(format, arguments)};
    va_end(arguments);
    return false;
}

bool tollgate_testing_fail(tollgate_error *error, tollgate_error_code code, const char *message) {
    return failed(error, code, "%s", message);
}

void tollgate_error_free(tollgate_error *error) {
    free(error->message);
    error->message = NULL;
}

/* ---- Tensors ---- */

static const struct {
    const char *name;
    size_t size;
} TYPES[] = {{"fp16", 2}, {"fp32", 4}, {"fp64", 8}, {"bf16", 2}, {"u8", 1}, {"i32", 4}, {"i64", 8}};

size_t tollgate_tensor_type_size(tollgate_tensor_type ty) {
    return TYPES[ty].size;
}

const char *tollgate_tensor_type_name(tollgate_tensor_type ty) {
    return TYPES[ty].name;
}

bool tollgate_tensor_elements(const tollgate_tensor *tensor, tollgate_tensor_type ty,
                              const void **elements, size_t *count, tollgate_error *error) {
    if (tensor->ty != ty) {
        return failed(error, TOLLGATE_INVALID_ARGUMENT,
                      "the tensor holds %s, not %s: read it as what it is, or export the model with "
                      "the other type",
                      TYPES[tensor->ty].name, TYPES[ty].name);
    }
    *elements = tensor->data;
    *count = tensor->size / TYPES[ty].size;
    return true;
}

void tollgate_tensor_free(tollgate_tensor *tensor) {
    free(tensor->name);
    free(tensor->dimensions);
    free(tensor->data);
    *tensor = (tollgate_tensor){0};
}

void tollgate_tensors_free(tollgate_tensors *tensors) {
    for (size_t place = 0; place < tensors->count; place++)
        tollgate_tensor_free(&tensors->items[place]);
    free(tensors->items);
    *tensors = (tollgate_tensors){0};
}

void tollgate_testing_output(tollgate_tensors *outputs, tollgate_tensor_type ty,
                             const uint32_t *dimensions, size_t rank, const void *data,
                             size_t size) {
    outputs->items = more(outputs->items, outputs->count, sizeof *outputs->items);
    outputs->items[outputs->count++] = (tollgate_tensor){
        .dimensions = (uint32_t *)(void *)copy(dimensions, rank * sizeof *dimensions),
        .rank = rank,
        .ty = ty,
        .data = copy(data, size),
        .size = size,
    };
}

/* ---- Graphs ---- */

/* A graph's place is its handle. */
static struct graph {
    const char *name;
    tollgate_testing_answer answer;
    void *context;
    const tollgate_metadata *metadata;
} *graphs;
static size_t graph_count;

static struct graph *graph_named(const char *name) {
    for (size_t place = 0; place < graph_count; place++)
        if (strcmp(graphs[place].name, name) == 0) return &graphs[place];
    return NULL;
}

void tollgate_testing_graph(const char *name, tollgate_testing_answer answer, void *context) {
    struct graph *graph = graph_named(name);
    if (graph == NULL) {
        graphs = more(graphs, graph_count, sizeof *graphs);
        graph = &graphs[graph_count++];
    }
    graph->name = name;
    graph->answer = answer;
    graph->context = context;
}

void tollgate_testing_metadata(const char *name, const tollgate_metadata *metadata) {
    struct graph *graph = graph_named(name);
    if (graph == NULL) abort();
    graph->metadata = metadata;
}

bool tollgate_graph_load(const char *name, tollgate_graph *graph, tollgate_error *error) {
    const struct graph *found = graph_named(name);
    if (found == NULL)
        return failed(error, TOLLGATE_NOT_FOUND,
                      "this test has no graph `%s`: offer it by tollgate_testing_graph", name);
    graph->handle = (int32_t)(found - graphs);
    return true;
}

void tollgate_graph_free(tollgate_graph graph) {
    (void)graph;
}

static tollgate_tensor_infos infos_copy(tollgate_tensor_infos infos) {
    tollgate_tensor_infos copied = {0};
    for (; copied.count < infos.count; copied.count++) {
        const tollgate_tensor_info *info = &infos.items[copied.count];
        copied.items = more(copied.items, copied.count, sizeof *copied.items);
        copied.items[copied.count] = *info;
        copied.items[copied.count].name = text(info->name);
        copied.items[copied.count].dimensions =
            (int64_t *)(void *)copy(info->dimensions, info->rank * sizeof *info->dimensions);
    }
    return copied;
}

void tollgate_graph_describe(tollgate_graph graph, tollgate_metadata *metadata) {
    *metadata = (tollgate_metadata){0};
    const tollgate_metadata *said = graphs[graph.handle].metadata;
    if (said != NULL) {
        metadata->inputs = infos_copy(said->inputs);
        metadata->outputs = infos_copy(said->outputs);
    }
    metadata->device = text(said != NULL && said->device != NULL ? said->device : "cpu");
}

static void infos_free(tollgate_tensor_infos *infos) {
    for (size_t place = 0; place < infos->count; place++) {
        free(infos->items[place].name);
        free(infos->items[place].dimensions);
    }
    free(infos->items);
}

void tollgate_metadata_free(tollgate_metadata *metadata) {
    infos_free(&metadata->inputs);
    infos_free(&metadata->outputs);
    free(metadata->device);
    *metadata = (tollgate_metadata){0};
}

bool tollgate_graph_infer(tollgate_graph graph, const tollgate_input *inputs, size_t count,
                          tollgate_tensors *outputs, tollgate_error *error) {
    *outputs = (tollgate_tensors){0};
    if (graph.handle < 0 || (size_t)graph.handle >= graph_count)
        return failed(error, TOLLGATE_NOT_FOUND, "there is no graph of this handle: load it first");
    const struct graph *found = &graphs[graph.handle];
    if (found->answer(found->context, inputs, count, outputs, error)) return true;
    tollgate_tensors_free(outputs);
    return false;
}

bool tollgate_graph_context(tollgate_graph graph, tollgate_context *context, tollgate_error *error) {
    (void)error;
    context->handle = graph.handle;
    return true;
}

void tollgate_context_free(tollgate_context context) {
    (void)context;
}

bool tollgate_context_compute(tollgate_context context, const tollgate_input *inputs, size_t count,
                              tollgate_tensors *outputs, tollgate_error *error) {
    return tollgate_graph_infer((tollgate_graph){context.handle}, inputs, count, outputs, error);
}

/* ---- Configuration and log ---- */

static bool store_failed(tollgate_store_error *error, tollgate_store_error_code code,
                         const char *message) {
    *error = (tollgate_store_error){code, text(message)};
    return false;
}

void tollgate_store_error_free(tollgate_store_error *error) {
    free(error->message);
    error->message = NULL;
}

static struct setting {
    const char *key;
    const char *value;
} *settings;
static size_t setting_count;

void tollgate_testing_config(const char *key, const char *value) {
    settings = more(settings, setting_count, sizeof *settings);
    settings[setting_count++] = (struct setting){key, value};
}

bool tollgate_config(const char *key, char **value, tollgate_store_error *error) {
    (void)error;
    *value = NULL;
    /* The last one said counts. */
    for (size_t place = setting_count; place-- > 0;)
        if (strcmp(settings[place].key, key) == 0) {
            if (settings[place].value != NULL) *value = text(settings[place].value);
            break;
        }
    return true;
}

static tollgate_testing_line *lines;
static size_t line_count;

void tollgate_log(tollgate_level level, const char *context, const char *message) {
    lines = more(lines, line_count, sizeof *lines);
    lines[line_count++] = (tollgate_testing_line){level, text(context), text(message)};
}

const tollgate_testing_line *tollgate_testing_log(size_t *count) {
    *count = line_count;
    return lines;
}

/* ---- Buckets ---- */

/* A bucket's place is its handle; a value without a key was deleted. */
static struct bucket {
    const char *name;
    struct value {
        char *key;
        char *data;
        size_t size;
    } *values;
    size_t count;
} *buckets;
static size_t bucket_count;

tollgate_bucket tollgate_testing_bucket(const char *name) {
    buckets = more(buckets, bucket_count, sizeof *buckets);
    buckets[bucket_count].name = name;
    return (tollgate_bucket){(int32_t)bucket_count++};
}

bool tollgate_bucket_open(const char *name, tollgate_bucket *bucket, tollgate_store_error *error) {
    for (size_t place = bucket_count; place-- > 0;)
        if (strcmp(buckets[place].name, name) == 0) {
            bucket->handle = (int32_t)place;
            return true;
        }
    return store_failed(error, TOLLGATE_NO_SUCH_STORE,
                        "there is no bucket of that name: check it, or have it granted");
}

void tollgate_bucket_free(tollgate_bucket bucket) {
    (void)bucket;
}

static struct value *value_of(tollgate_bucket bucket, const char *key) {
    struct bucket *found = &buckets[bucket.handle];
    for (size_t place = 0; place < found->count; place++) {
        struct value *value = &found->values[place];
        if (value->key != NULL && strcmp(value->key, key) == 0) return value;
    }
    return NULL;
}

void tollgate_value_free(tollgate_value *value) {
    free(value->data);
    *value = (tollgate_value){0};
}

bool tollgate_bucket_get(tollgate_bucket bucket, const char *key, tollgate_value *value,
                         tollgate_store_error *error) {
    (void)error;
    const struct value *found = value_of(bucket, key);
    *value = (tollgate_value){0};
    if (found != NULL) *value = (tollgate_value){true, copy(found->data, found->size), found->size};
    return true;
}

bool tollgate_bucket_set(tollgate_bucket bucket, const char *key, const void *data, size_t size,
                         tollgate_store_error *error) {
    (void)error;
    struct value *value = value_of(bucket, key);
    if (value == NULL) {
        struct bucket *found = &buckets[bucket.handle];
        found->values = more(found->values, found->count, sizeof *found->values);
        value = &found->values[found->count++];
        value->key = text(key);
    }
    free(value->data);
    value->data = copy(data, size);
    value->size = size;
    return true;
}

bool tollgate_bucket_delete(tollgate_bucket bucket, const char *key, tollgate_store_error *error) {
    (void)error;
    struct value *value = value_of(bucket, key);
    if (value == NULL) return true;
    free(value->key);
    free(value->data);
    *value = (struct value){0};
    return true;
}

bool tollgate_bucket_exists(tollgate_bucket bucket, const char *key, bool *exists,
                            tollgate_store_error *error) {
    (void)error;
    *exists = value_of(bucket, key) != NULL;
    return true;
}

bool tollgate_bucket_increment(tollgate_bucket bucket, const char *key, uint64_t delta,
                               uint64_t *sum, tollgate_store_error *error) {
    const struct value *value = value_of(bucket, key);
    uint64_t number = 0;
    for (size_t place = 0; value != NULL && place < value->size; place++) {
        const unsigned digit = (unsigned)(unsigned char)value->data[place] - '0';
        if (digit > 9 || number > (UINT64_MAX - digit) / 10)
            return store_failed(error, TOLLGATE_STORE_OTHER,
                                "the key holds no decimal number: set it first");
        number = number * 10 + digit;
    }
    if (number > UINT64_MAX - delta)
        return store_failed(error, TOLLGATE_STORE_OTHER,
                            "the number would go beyond 64 bits: set it back first");
    *sum = number + delta;
    char digits[24];
    const int size = snprintf(digits, sizeof digits, "%llu", (unsigned long long)*sum);
    return tollgate_bucket_set(bucket, key, digits, (size_t)size, error);
}

bool tollgate_bucket_keys(tollgate_bucket bucket, const uint64_t *cursor, tollgate_keys *keys,
                          tollgate_store_error *error) {
    /* All of them are on one page. */
    (void)cursor;
    (void)error;
    *keys = (tollgate_keys){0};
    const struct bucket *found = &buckets[bucket.handle];
    for (size_t place = 0; place < found->count; place++) {
        if (found->values[place].key == NULL) continue;
        keys->items = more(keys->items, keys->count, sizeof *keys->items);
        keys->items[keys->count++] = text(found->values[place].key);
    }
    return true;
}

void tollgate_keys_free(tollgate_keys *keys) {
    for (size_t place = 0; place < keys->count; place++) free(keys->items[place]);
    free(keys->items);
    *keys = (tollgate_keys){0};
}

/* ---- Frames, outputs, faults ---- */

struct tollgate_outputs {
    tollgate_testing_handed *items;
    size_t count;
};

struct tollgate_fault {
    tollgate_fault_kind kind;
    char *message;
};

void tollgate_outputs_add(tollgate_outputs *outputs, const char *name, const char *content_type,
                          const void *data, size_t size) {
    outputs->items = more(outputs->items, outputs->count, sizeof *outputs->items);
    outputs->items[outputs->count++] =
        (tollgate_testing_handed){text(name), text(content_type), copy(data, size), size};
}

void tollgate_outputs_add_json(tollgate_outputs *outputs, const char *name, const char *text) {
    tollgate_outputs_add(outputs, name, "application/json", text, strlen(text));
}

bool tollgate_fault_set(tollgate_fault *fault, tollgate_fault_kind kind, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *message = formatted(format, arguments);
    va_end(arguments);
    free(fault->message);
    *fault = (tollgate_fault){kind, message};
    return false;
}

bool tollgate_fault_from_error(tollgate_fault *fault, tollgate_error *error) {
    tollgate_fault_set(fault, TOLLGATE_INFERENCE, "%s (%s)", error->message,
                       tollgate_error_code_name(error->code));
    tollgate_error_free(error);
    return false;
}

bool tollgate_fault_from_store_error(tollgate_fault *fault, tollgate_store_error *error) {
    tollgate_fault_set(fault, TOLLGATE_INTERNAL, "%s", error->message);
    tollgate_store_error_free(error);
    return false;
}

const tollgate_testing_result *tollgate_testing_handle(const void *data, size_t size) {
    static const char SOURCE[] = "test";
    const tollgate_frame frame = {
        .source = {SOURCE, sizeof SOURCE - 1},
        .content_type = {"", 0},
        .data = data,
        .size = size,
    };
    return tollgate_testing_handle_frame(&frame);
}

const tollgate_testing_result *tollgate_testing_handle_frame(const tollgate_frame *frame) {
    static tollgate_testing_result result;
    for (size_t place = 0; place < result.count; place++) {
        free(result.outputs[place].name);
        free(result.outputs[place].content_type);
        free(result.outputs[place].data);
    }
    free(result.outputs);
    free(result.message);
    tollgate_outputs outputs = {0};
    tollgate_fault fault = {TOLLGATE_INTERNAL, NULL};
    const bool handled = tollgate_plugin_handle(frame, &outputs, &fault);
    result = (tollgate_testing_result){handled, outputs.items, outputs.count, fault.kind,
                                       fault.message != NULL ? fault.message : text("")};
    return &result;
}
