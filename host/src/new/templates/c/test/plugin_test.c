/* Tests the whole plugin, with a host that the tests make up: no model runs. They stop at the first
 * assertion that does not hold. */

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <tollgate_testing.h>

#include "digit.h"

/* Answers for the graph: a seven, whatever the picture shows. */
static bool seven(void *context, const tollgate_input *inputs, size_t count,
                  tollgate_tensors *outputs, tollgate_error *error) {
    (void)context;
    (void)error;
    assert(count == 1 && inputs[0].rank == 4 && inputs[0].size == PIXELS * sizeof(float));
    static const uint32_t dimensions[] = {1, 10};
    const float scores[10] = {[7] = 0.75f};
    tollgate_testing_output(outputs, TOLLGATE_FP32, dimensions, 2, scores, sizeof scores);
    return true;
}

static bool too_slow(void *context, const tollgate_input *inputs, size_t count,
                     tollgate_tensors *outputs, tollgate_error *error) {
    (void)context;
    (void)inputs;
    (void)count;
    (void)outputs;
    return tollgate_testing_fail(error, TOLLGATE_TIMEOUT, "too slow");
}

static const tollgate_testing_result *handle_picture(void) {
    static const char HEADER[] = "P5\n16 16\n255\n";
    uint8_t picture[sizeof HEADER - 1 + PIXELS] = {0};
    memcpy(picture, HEADER, sizeof HEADER - 1);
    return tollgate_testing_handle(picture, sizeof picture);
}

static void the_highest_score_is_handed_back(void) {
    tollgate_testing_graph("digits", seven, NULL);
    const tollgate_testing_result *result = handle_picture();
    assert(result->handled && result->count == 1);
    assert(strcmp(result->outputs[0].data, "{\"digit\":7,\"confidence\":0.750}") == 0);
}

static void what_is_no_picture_is_the_frames_fault(void) {
    const tollgate_testing_result *result = tollgate_testing_handle("no picture", 10);
    assert(!result->handled && result->kind == TOLLGATE_INVALID_FRAME);
}

static void an_inference_that_fails_is_said(void) {
    tollgate_testing_graph("digits", too_slow, NULL);
    const tollgate_testing_result *result = handle_picture();
    assert(!result->handled && result->kind == TOLLGATE_INFERENCE);
    assert(strcmp(result->message, "too slow (timeout)") == 0);
}

int main(void) {
    the_highest_score_is_handed_back();
    what_is_no_picture_is_the_frames_fault();
    an_inference_that_fails_is_said();
    puts("3 tests of the plugin passed");
}
