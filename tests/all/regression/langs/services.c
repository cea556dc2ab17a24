/* Tests a plugin that uses all services, without a host. */

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tollgate_testing.h>

struct counting {
    tollgate_graph graph;
    tollgate_bucket bucket;
    uint64_t by;
};

static bool counting_new(struct counting *self, tollgate_fault *fault) {
    tollgate_error error;
    tollgate_store_error refused;
    if (!tollgate_graph_load("double", &self->graph, &error))
        return tollgate_fault_from_error(fault, &error);
    char *by;
    if (!tollgate_bucket_open("seen", &self->bucket, &refused)
        || !tollgate_config("by", &by, &refused))
        return tollgate_fault_from_store_error(fault, &refused);
    self->by = by == NULL ? 1 : strtoull(by, NULL, 10);
    free(by);
    return true;
}

static bool counting_handle(struct counting *self, const tollgate_frame *frame,
                            tollgate_outputs *outputs, tollgate_fault *fault) {
    const uint32_t dimensions[] = {1};
    const tollgate_input input = {.dimensions = dimensions, .rank = 1, .ty = TOLLGATE_U8,
                                  .data = frame->data, .size = frame->size};
    tollgate_tensors results;
    tollgate_error error;
    if (!tollgate_graph_infer(self->graph, &input, 1, &results, &error))
        return tollgate_fault_from_error(fault, &error);
    uint64_t sum;
    tollgate_store_error refused;
    if (!tollgate_bucket_increment(self->bucket, "count", self->by, &sum, &refused))
        return tollgate_fault_from_store_error(fault, &refused);
    char line[32];
    snprintf(line, sizeof line, "to %d", (int)sum);
    tollgate_log(TOLLGATE_LEVEL_WARN, "counting", line);
    tollgate_outputs_add(outputs, "doubled", "", results.items[0].data, results.items[0].size);
    tollgate_tensors_free(&results);
    return true;
}

TOLLGATE_EXPORT(struct counting, counting_new, counting_handle)

static bool twice(void *context, const tollgate_input *inputs, size_t count,
                  tollgate_tensors *outputs, tollgate_error *error) {
    (void)context;
    (void)error;
    assert(count == 1);
    const uint8_t doubled = (uint8_t)(2 * *(const uint8_t *)inputs[0].data);
    tollgate_testing_output(outputs, TOLLGATE_U8, inputs[0].dimensions, 1, &doubled, 1);
    return true;
}

int main(void) {
    const tollgate_testing_result *result = tollgate_testing_handle("\x15", 1);
    assert(!result->handled && result->kind == TOLLGATE_INFERENCE);
    assert(strstr(result->message, "no graph `double`") != NULL);

    tollgate_testing_graph("double", twice, NULL);
    result = tollgate_testing_handle("\x15", 1);
    assert(!result->handled && result->kind == TOLLGATE_INTERNAL);

    tollgate_testing_config("by", "3");
    const tollgate_bucket seen = tollgate_testing_bucket("seen");
    tollgate_store_error refused;
    assert(tollgate_bucket_set(seen, "count", "4", 1, &refused));
    result = tollgate_testing_handle("\x15", 1);
    assert(result->handled && result->count == 1 && result->outputs[0].data[0] == 42);
    tollgate_value value;
    assert(tollgate_bucket_get(seen, "count", &value, &refused) && value.is_some);
    assert(value.size == 1 && memcmp(value.data, "7", 1) == 0);
    tollgate_value_free(&value);
    size_t count;
    const tollgate_testing_line *lines = tollgate_testing_log(&count);
    assert(count == 1 && strcmp(lines[0].message, "to 7") == 0);
    puts("all of them");
}
