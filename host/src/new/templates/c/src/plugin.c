/* What digit a small grey picture shows: a frame is a PGM picture of 16 x 16 pixels, the graph
 * `digits` gives a score for each of the ten digits. */

#include <stdio.h>
#include <tollgate.h>

#include "digit.h"

/* What the plugin keeps from frame to frame. */
struct digits {
    tollgate_graph graph;
};

/* Called once, before the first frame. */
static bool digits_new(struct digits *self, tollgate_fault *fault) {
    tollgate_error error;
    return tollgate_graph_load("digits", &self->graph, &error)
        || tollgate_fault_from_error(fault, &error);
}

static bool digits_handle(struct digits *self, const tollgate_frame *frame,
                          tollgate_outputs *outputs, tollgate_fault *fault) {
    float ink[PIXELS];
    if (!digit_ink(frame->data, frame->size, ink))
        return tollgate_fault_set(fault, TOLLGATE_INVALID_FRAME,
                                  "expected a PGM picture of 16 x 16 pixels");

    /* Pictures, channels, rows, columns. */
    static const uint32_t dimensions[] = {1, 1, SIDE, SIDE};
    const tollgate_input input = {.dimensions = dimensions, .rank = 4, .ty = TOLLGATE_FP32,
                                  .data = ink, .size = sizeof ink};
    tollgate_tensors results;
    tollgate_error error;
    if (!tollgate_graph_infer(self->graph, &input, 1, &results, &error))
        return tollgate_fault_from_error(fault, &error);

    const void *elements;
    size_t count;
    if (!tollgate_tensor_elements(&results.items[0], TOLLGATE_FP32, &elements, &count, &error)) {
        tollgate_tensors_free(&results);
        return tollgate_fault_from_error(fault, &error);
    }
    const float *scores = elements;
    const size_t digit = digit_best(scores, count);
    char json[64];
    snprintf(json, sizeof json, "{\"digit\":%zu,\"confidence\":%.3f}", digit, scores[digit]);
    tollgate_outputs_add_json(outputs, "digit", json);
    tollgate_tensors_free(&results);
    return true;
}

TOLLGATE_EXPORT(struct digits, digits_new, digits_handle)
