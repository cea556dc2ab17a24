/*
 * Reads the five-digit register of a mechanical meter from a camera's frame.
 *
 * A frame is decoded (picture.c), the register is found and turned upright (locate.c), its digit
 * windows become one tensor (normalize.c), all five digits are classified in one inference on the
 * graph `digits`, and the scores become a reading (reading.c). This file only connects them.
 * Whatever the bytes of a frame are, it is a reading or a fault. The state is the last reading,
 * which may be forgotten.
 */
#include <tollgate.h>

#include "locate.h"
#include "normalize.h"
#include "picture.h"
#include "reading.h"

/* Classifies digits: `digits` f32 [batch, 1, 16, 16] to `scores` f32 [batch, 10]. */
#define GRAPH "digits"

/* A register that went further than this from one frame to the next was misread. */
enum { MOST_A_FRAME = 5000 };

struct meter_reader {
    tollgate_graph graph;
    struct history history;
};

static bool meter_reader_new(struct meter_reader *self, tollgate_fault *fault) {
    tollgate_error error;
    self->history = history_new(MOST_A_FRAME);
    return tollgate_graph_load(GRAPH, &self->graph, &error)
        || tollgate_fault_from_error(fault, &error);
}

/* From a frame's bytes to the model's input. */
static bool prepare(const tollgate_frame *frame, float input[INPUT], tollgate_fault *fault) {
    struct picture picture;
    struct reg reg;
    if (!picture_decode(frame->data, frame->size, &picture, fault)) return false;
    const bool located = locate(&picture, &reg, fault);
    picture_free(&picture);
    if (!located) return false;
    normalize(&reg, input);
    picture_free(&reg.strip);
    return true;
}

/* From the model's input to a reading. */
static bool classify(tollgate_graph graph, const float input[INPUT], struct reading *reading,
                     tollgate_fault *fault) {
    static const uint32_t dimensions[] = {DIGITS, 1, SIDE, SIDE};
    const tollgate_input digits = {
        .name = "digits",
        .dimensions = dimensions,
        .rank = sizeof dimensions / sizeof *dimensions,
        .ty = TOLLGATE_FP32,
        .data = input,
        .size = INPUT * sizeof *input,
    };
    tollgate_tensors outputs;
    tollgate_error error;
    if (!tollgate_graph_infer(graph, &digits, 1, &outputs, &error))
        return tollgate_fault_from_error(fault, &error);

    const void *scores;
    size_t count;
    bool read = false;
    if (outputs.count != 1)
        tollgate_fault_set(fault, TOLLGATE_INFERENCE,
                           "expected one output, got %zu: check the model", outputs.count);
    else if (!tollgate_tensor_elements(&outputs.items[0], TOLLGATE_FP32, &scores, &count, &error))
        tollgate_fault_from_error(fault, &error);
    else if (!(read = reading_from_scores(scores, count, reading)))
        tollgate_fault_set(fault, TOLLGATE_INFERENCE,
                           "expected 10 scores for each of 5 digits, got %zu in all: check the "
                           "model",
                           count);
    tollgate_tensors_free(&outputs);
    return read;
}

static bool meter_reader_handle(struct meter_reader *self, const tollgate_frame *frame,
                                tollgate_outputs *outputs, tollgate_fault *fault) {
    static float input[INPUT];
    struct reading reading;
    if (!prepare(frame, input, fault) || !classify(self->graph, input, &reading, fault)) {
        history_missed(&self->history);
        return false;
    }
    char json[READING_JSON];
    const bool plausible = history_judge(&self->history, reading_value(&reading));
    reading_json(&reading, plausible, json);
    tollgate_outputs_add_json(outputs, "reading", json);
    return true;
}

TOLLGATE_EXPORT(struct meter_reader, meter_reader_new, meter_reader_handle)
